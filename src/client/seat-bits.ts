/**
 * Reads the binary form of `seats`: 2 bits a seat in definition order, four seats a byte.
 *
 *   // | seat 3:2 | seat 2:2 | seat 1:2 | seat 0:2 |   the first seat in the lowest bits
 */
import type { SeatLetter } from './types.ts';

const LETTERS: readonly SeatLetter[] = ['a', 'h', 's', 'b'];

/** The letter of the seat at `index`, counted over all seats of the reply. Throws a RangeError outside it. */
export function seatLetterAt(bytes: Uint8Array, index: number): SeatLetter {
  const byte = bytes[index >>> 2];
  if (!Number.isInteger(index) || index < 0 || byte === undefined) {
    throw new RangeError(`seat ${index} is not in these ${bytes.length * 4} seats`);
  }
  return LETTERS[(byte >>> ((index & 3) * 2)) & 3];
}

/** The letters of `count` seats from `start`, as the JSON form has them. */
export function seatLetters(bytes: Uint8Array, start: number, count: number): string {
  let text = '';
  for (let index = start; index < start + count; index++) text += seatLetterAt(bytes, index);
  return text;
}
