/** Letters of the seat map: one table for rows, bars and the legend. Pure. */
import type { PlaceCounts, SeatLetter } from '../client/index.ts';
import { formatCount } from './format.ts';
import type { Paint } from './style.ts';

/** Order of states in bars, counts and the legend: taken first, so that a bar fills up from the left. */
export const STATES = [
  { letter: 's', name: 'sold', glyph: 's', wheelchair: 'S' },
  { letter: 'h', name: 'held', glyph: 'h', wheelchair: 'H' },
  { letter: 'b', name: 'blocked', glyph: 'b', wheelchair: 'B' },
  { letter: 'a', name: 'available', glyph: '·', wheelchair: 'W' },
] as const;

/** `·`, `h`, `s`, `b`; a capital for a wheelchair seat, where an available one is `W`. */
export function glyphOf(letter: SeatLetter, wheelchair: boolean): string {
  const state = STATES.find((entry) => entry.letter === letter)!;
  return wheelchair ? state.wheelchair : state.glyph;
}

/** `412 of 480 available · 20 held · 48 sold`: what is zero is left out. */
export function countsText(counts: PlaceCounts): string {
  const parts = [`${formatCount(counts.available)} of ${formatCount(counts.capacity)} available`];
  if (counts.held > 0) parts.push(`${formatCount(counts.held)} held`);
  if (counts.sold > 0) parts.push(`${formatCount(counts.sold)} sold`);
  if (counts.blocked > 0) parts.push(`${formatCount(counts.blocked)} blocked`);
  return parts.join(' · ');
}

/**
 * The shares of the states in `width` letters. A state that has a place has a letter, as long as there are
 * at least as many letters as such states: "sold out" and "one left" must not look alike.
 */
export function bar(counts: PlaceCounts, width: number, paint: Paint): string {
  const cells = barCells(counts, width);
  return STATES.map((state, index) => {
    const count = cells[index];
    return count === 0 ? '' : paint(state.letter, state.glyph.repeat(count));
  }).join('');
}

/** Letters for each of STATES; they add up to `width` unless the capacity is 0. */
export function barCells(counts: PlaceCounts, width: number): number[] {
  const values = STATES.map((state) => counts[state.name]);
  const total = sum(values);
  if (total === 0 || width <= 0) return values.map(() => 0);
  const cells = values.map((value) => (value === 0 ? 0 : Math.max(1, Math.round((value / total) * width))));
  // Rounding and the minimum of one may miss the width: the longest share gives, or gets, what is over.
  for (let over = sum(cells) - width; over !== 0; over = sum(cells) - width) {
    cells[cells.indexOf(Math.max(...cells))] -= Math.sign(over);
  }
  return cells;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
