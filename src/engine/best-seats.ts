/**
 * Best seats of a section: rows best first, in a row the run nearest its middle, across no aisle, and never a seat
 * set apart (wheelchair) unasked. When no run is long enough and adjacency is only preferred, the longest runs
 * there are, so that the party is split into as few parts as can be. Seats that the same command gives up count as
 * available: rows that have some are looked at whatever they note of their runs, and note nothing then.
 */
import { assert } from '../core/assert.ts';
import { rowBase, seatBase, sectionBase, type EventView } from '../memory/event.ts';
import {
  ROW,
  ROW_WORDS,
  SEAT,
  SEAT_FLAG_AISLE,
  SEAT_FLAG_RESERVED,
  SEAT_ROW_SHIFT,
  SEAT_WORDS,
  SECTION,
} from '../memory/layout.ts';
import type { PlacePlan } from './plan.ts';
import { isOpenWord, longestOfSection, nextRow, noteSection, setLongest } from './row-runs.ts';

export type BestSeats = 'adjacent' | 'split' | 'not-enough' | 'not-adjacent';

/** Seats of a section that may be chosen unasked, those that the plan gives up among them. */
export function openSeats(view: EventView, plan: PlacePlan, section: number): number {
  const base = sectionBase(view, section);
  const firstRow = view.words[base + SECTION.firstRow];
  const { words } = view;
  const end = rowBase(view, firstRow + words[base + SECTION.rowCount]);
  let open = 0;
  for (let at = rowBase(view, firstRow); at < end; at += ROW_WORDS) open += words[at + ROW.open];
  const firstSeat = words[base + SECTION.firstSeat];
  return open + openedIn(view, plan, firstSeat, words[base + SECTION.seatCount]);
}

/** Of so many seats from a first one on those that are given up and may be chosen unasked. */
function openedIn(view: EventView, plan: PlacePlan, first: number, count: number): number {
  let opened = 0;
  for (const seat of plan.givenUp) {
    if (seat >= first && seat < first + count && !isReserved(view, seat)) opened++;
  }
  return opened;
}

function isReserved(view: EventView, seat: number): boolean {
  return (view.words[seatBase(view, seat) + SEAT.state] & SEAT_FLAG_RESERVED) !== 0;
}

/** Whether a seat, and its word, is open or given up, and may be chosen unasked. */
function isChoosable(plan: PlacePlan, seat: number, word: number): boolean {
  return isOpenWord(word) || ((word & SEAT_FLAG_RESERVED) === 0 && plan.givenUp.includes(seat));
}

/** As nextRow(), and no row of seats that are given up is passed over. */
function nextRowOf(view: EventView, plan: PlacePlan, row: number, end: number, length: number): number {
  let next = nextRow(view, row, end, length);
  for (const seat of plan.givenUp) {
    const own = view.words[seatBase(view, seat) + SEAT.state] >>> SEAT_ROW_SHIFT;
    if (own >= row && own < next) next = own;
  }
  return next;
}

/** No run of the section is longer than this, with the seats that are given up. */
function longestBoundOf(view: EventView, plan: PlacePlan, section: number): number {
  return plan.givenUp.length > 0 ? Infinity : longestOfSection(view, section);
}

/**
 * Adds `quantity` seats of a section to the plan. On `not-enough` and `not-adjacent` the plan may hold some of
 * them: the command is refused then. Under the mutex; changes no memory but what rows note of their runs.
 */
export function chooseBestSeats(
  view: EventView,
  plan: PlacePlan,
  section: number,
  quantity: number,
  mustBeAdjacent: boolean,
  price: number,
  type: number,
): BestSeats {
  const whole = findRun(view, plan, section, quantity);
  if (whole >= 0) {
    addRun(plan, whole, quantity, section, price, type);
    return 'adjacent';
  }
  if (openSeats(view, plan, section) - plannedOpen(view, plan, section) < quantity) return 'not-enough';
  if (mustBeAdjacent) return 'not-adjacent';
  let left = quantity;
  for (const run of longestRuns(view, plan, section, quantity)) {
    if (run.length >= left) break;
    addRun(plan, run.first, run.length, section, price, type);
    left -= run.length;
  }
  const rest = findRun(view, plan, section, left);
  assert(rest >= 0, 'there are as many choosable seats as were counted');
  addRun(plan, rest, left, section, price, type);
  return 'split';
}

interface SeatRun {
  readonly first: number;
  readonly length: number;
}

/**
 * The section's longest runs, all shorter than `quantity`: longest first, and among those of one length in the order
 * in which they would be chosen. Looks at a row once at most, and only when its turn may have come.
 */
function* longestRuns(
  view: EventView,
  plan: PlacePlan,
  section: number,
  quantity: number,
): Generator<SeatRun> {
  const base = sectionBase(view, section);
  const firstRow = view.words[base + SECTION.firstRow];
  const end = firstRow + view.words[base + SECTION.rowCount];
  const seen = new Map<number, readonly SeatRun[]>();
  for (let length = Math.min(quantity - 1, longestBoundOf(view, plan, section)); length > 0; length--) {
    let isMet = false;
    for (let row = firstRow; (row = nextRowOf(view, plan, row, end, length)) < end; row++) {
      isMet = true;
      let runs = seen.get(row);
      if (runs === undefined) seen.set(row, (runs = runsOfRow(view, plan, row)));
      for (const run of runs) if (run.length === length) yield run;
    }
    if (!isMet) noteSection(view, section);
  }
}

/** All runs of choosable seats in a row, none cut short, the nearest to the row's middle first. */
function runsOfRow(view: EventView, plan: PlacePlan, row: number): SeatRun[] {
  const base = rowBase(view, row);
  const first = view.words[base + ROW.firstSeat];
  const count = view.words[base + ROW.seatCount];
  const isTouched = plan.touches(first, count);
  const runs: SeatRun[] = [];
  let length = 0;
  let longest = 0;
  const endRun = (seat: number): void => {
    runs.push({ first: seat - length, length });
    longest = Math.max(longest, length);
    length = 0;
  };
  const { words } = view;
  let seat = first;
  let at = seatBase(view, first) + SEAT.state;
  // Behind the last open seat there is nothing to find.
  let left = words[base + ROW.open] + (isTouched ? openedIn(view, plan, first, count) : 0);
  for (; left > 0; seat++, at += SEAT_WORDS) {
    const word = words[at];
    const isOpen = isTouched ? isChoosable(plan, seat, word) : isOpenWord(word);
    if (isOpen) left--;
    const isTaken = !isOpen || (isTouched && plan.hasSeat(seat));
    if (length > 0 && (isTaken || (word & SEAT_FLAG_AISLE) !== 0)) endRun(seat);
    if (!isTaken) length++;
  }
  if (length > 0) endRun(seat);
  if (!isTouched) setLongest(view, row, longest);
  const middle = 2 * first + count - 1;
  const distance = (run: SeatRun): number => Math.abs(2 * run.first + run.length - 1 - middle);
  return runs.length > 1 ? runs.sort((one, other) => distance(one) - distance(other)) : runs;
}

/** Planned seats of a section that openSeats() counts. */
function plannedOpen(view: EventView, plan: PlacePlan, section: number): number {
  let planned = 0;
  for (let i = 0; i < plan.itemCount; i++) {
    const seat = plan.items[i * 4];
    if (seat < 0 || (plan.items[i * 4 + 1] & 0xffff) !== section) continue;
    if (isChoosable(plan, seat, view.words[seatBase(view, seat) + SEAT.state])) planned++;
  }
  return planned;
}

function addRun(
  plan: PlacePlan,
  first: number,
  length: number,
  section: number,
  price: number,
  type: number,
): void {
  for (let seat = first; seat < first + length; seat++) plan.add(seat, section, 1, price, type);
}

/** First seat of the best run of exactly `length` choosable seats, or -1. */
function findRun(view: EventView, plan: PlacePlan, section: number, length: number): number {
  if (length > longestBoundOf(view, plan, section)) return -1;
  const base = sectionBase(view, section);
  const firstRow = view.words[base + SECTION.firstRow];
  const end = firstRow + view.words[base + SECTION.rowCount];
  for (let row = firstRow; (row = nextRowOf(view, plan, row, end, length)) < end; row++) {
    const run = findRunInRow(view, plan, row, length);
    if (run >= 0) return run;
  }
  noteSection(view, section);
  return -1;
}

/** The run of `length` in a row whose middle is nearest the row's, the left one of two; or -1. */
function findRunInRow(view: EventView, plan: PlacePlan, row: number, length: number): number {
  const base = rowBase(view, row);
  const first = view.words[base + ROW.firstSeat];
  const count = view.words[base + ROW.seatCount];
  const isTouched = plan.touches(first, count);
  let best = -1;
  let bestDistance = Infinity;
  let run = 0;
  let longest = 0;
  const { words } = view;
  let left = words[base + ROW.open] + (isTouched ? openedIn(view, plan, first, count) : 0);
  let at = seatBase(view, first) + SEAT.state;
  for (let place = 0; left > 0; place++, at += SEAT_WORDS) {
    const seat = first + place;
    const word = words[at];
    const isOpen = isTouched ? isChoosable(plan, seat, word) : isOpenWord(word);
    if (isOpen) left--;
    if (!isOpen || (isTouched && plan.hasSeat(seat))) {
      run = 0;
      continue;
    }
    run = (word & SEAT_FLAG_AISLE) !== 0 ? 1 : run + 1;
    if (run > longest) longest = run;
    if (run < length) continue;
    // Twice the distance of the run's middle from the row's, to stay with whole numbers.
    const distance = Math.abs(2 * place - length + 1 - (count - 1));
    if (distance >= bestDistance) break;
    best = seat - length + 1;
    bestDistance = distance;
  }
  if (best < 0 && !isTouched) setLongest(view, row, longest);
  return best;
}
