/**
 * How many choosable seats a row, and a section, has side by side at most, so that a search for best seats passes over
 * those that cannot seat the party. A bound, not the truth: taking a seat leaves it as it is, a seat that becomes
 * available raises it to the run it now stands in, and a search that has looked at every seat of a row brings it down
 * to what it found. So each change pays for one look at its row at most. Derived: it may be forgotten at any time, and
 * a snapshot's builder, which never searches, writes none.
 */
import { rowBase, seatBase, sectionBase, sectionOfRow, type EventView } from '../memory/event.ts';
import {
  ROW,
  ROW_LONGEST_SHIFT,
  ROW_SECTION_MASK,
  ROW_WORDS,
  SEAT,
  SEAT_FLAG_AISLE,
  SEAT_FLAG_RESERVED,
  SEAT_STATE,
  SEAT_STATE_MASK,
  SECTION,
} from '../memory/layout.ts';

/** Longer runs than this are as good as unknown. */
const LONGEST_MAX = 0xfffe;

/** Whether a seat word is of a seat that may be chosen unasked. */
export function isOpenWord(word: number): boolean {
  return (word & (SEAT_STATE_MASK | SEAT_FLAG_RESERVED)) === SEAT_STATE.available;
}

/** No run of the row is longer than this. */
export function longestBound(view: EventView, row: number): number {
  return boundAt(view.words, rowBase(view, row));
}

/** No run of the section is longer than this; Infinity when nothing is known. */
export function longestOfSection(view: EventView, section: number): number {
  const known = view.words[sectionBase(view, section) + SECTION.longest];
  return known === 0 ? Infinity : known - 1;
}

/** The first row from `row` on, before `end`, that may have a run of `length`; `end` when there is none. */
export function nextRow(view: EventView, row: number, end: number, length: number): number {
  const { words } = view;
  let at = rowBase(view, row);
  for (; row < end; row++, at += ROW_WORDS) if (boundAt(words, at) >= length) break;
  return row;
}

function boundAt(words: Int32Array, base: number): number {
  const open = words[base + ROW.open];
  const known = words[base + ROW.section] >>> ROW_LONGEST_SHIFT;
  return known === 0 || open < known ? open : known - 1;
}

/** Notes the row's longest run, which a search has found. Under the mutex. */
export function setLongest(view: EventView, row: number, longest: number): void {
  setKnown(view, row, longest <= LONGEST_MAX ? longest + 1 : 0);
}

/** Notes for the section what its rows have noted. Under the mutex. */
export function noteSection(view: EventView, section: number): void {
  const { words } = view;
  const base = sectionBase(view, section);
  const firstRow = words[base + SECTION.firstRow];
  let longest = 0;
  let at = rowBase(view, firstRow);
  for (const end = at + words[base + SECTION.rowCount] * ROW_WORDS; at < end; at += ROW_WORDS) {
    const bound = boundAt(words, at);
    if (bound > longest) longest = bound;
  }
  words[base + SECTION.longest] = longest + 1;
}

/** The longest run of the row, and so of its section, is not known any more. Under the mutex. */
export function forgetLongest(view: EventView, row: number): void {
  setKnown(view, row, 0);
  view.words[sectionBase(view, sectionOfRow(view, row)) + SECTION.longest] = 0;
}

function setKnown(view: EventView, row: number, known: number): void {
  const at = rowBase(view, row) + ROW.section;
  view.words[at] = (known << ROW_LONGEST_SHIFT) | (view.words[at] & ROW_SECTION_MASK);
}

/** Raises the bounds to the run that a seat stands in which has become available. Under the mutex. */
export function raiseLongest(view: EventView, row: number, seat: number): void {
  const { words } = view;
  const base = rowBase(view, row);
  const section = sectionBase(view, sectionOfRow(view, row)) + SECTION.longest;
  const open = words[base + ROW.open];
  const isRowRaised = open > longestBound(view, row);
  if (!isRowRaised && (words[section] === 0 || open < words[section])) return;
  const length = runAround(view, base, seat);
  if (isRowRaised && length > longestBound(view, row)) setLongest(view, row, length);
  if (words[section] !== 0 && length >= words[section]) words[section] = length + 1;
}

/** Length of the run of open seats in which a seat stands. */
function runAround(view: EventView, base: number, seat: number): number {
  const { words } = view;
  const firstSeat = words[base + ROW.firstSeat];
  const lastSeat = firstSeat + words[base + ROW.seatCount] - 1;
  const wordOf = (each: number): number => words[seatBase(view, each) + SEAT.state];
  let first = seat;
  while (first > firstSeat && (wordOf(first) & SEAT_FLAG_AISLE) === 0 && isOpenWord(wordOf(first - 1)))
    first--;
  let last = seat;
  while (last < lastSeat && (wordOf(last + 1) & SEAT_FLAG_AISLE) === 0 && isOpenWord(wordOf(last + 1)))
    last++;
  return last - first + 1;
}
