/**
 * Random words for claim ids: 96 bits a claim, drawn from the system's generator a block at a time.
 */
import { randomFillSync } from 'node:crypto';

const WORDS_PER_CLAIM = 3;
const block = new Uint32Array(WORDS_PER_CLAIM * 1024);
let next = block.length;

/** Three words that nobody can guess. The first is never 0, so that an unset word is never a match. */
export function takeRandom(): readonly [number, number, number] {
  if (next === block.length) {
    randomFillSync(block);
    next = 0;
  }
  const first = next;
  next += WORDS_PER_CLAIM;
  return [block[first] || 1, block[first + 1], block[first + 2]];
}
