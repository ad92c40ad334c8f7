/**
 * Best seats of a section: rows best first, in a row the run nearest its middle, across no aisle, and never a seat
 * set apart (wheelchair) unasked. When no run is long enough and adjacency is only preferred, the longest runs
 * there are, so that the party is split into as few parts as can be.
 */
import { assert } from '../core/assert.ts';
import { rowBase, seatBase, sectionBase, type EventView } from '../memory/event.ts';
import {
  ROW,
  SEAT,
  SEAT_FLAG_AISLE,
  SEAT_FLAG_RESERVED,
  SEAT_STATE,
  SEAT_STATE_MASK,
  SECTION,
} from '../memory/layout.ts';
import type { PlacePlan } from './plan.ts';

export type BestSeats = 'adjacent' | 'split' | 'not-enough' | 'not-adjacent';

/** Seats of a section that may be chosen unasked. */
export function openSeats(view: EventView, section: number): number {
  const base = sectionBase(view, section);
  const firstRow = view.words[base + SECTION.firstRow];
  const rowCount = view.words[base + SECTION.rowCount];
  let open = 0;
  for (let row = firstRow; row < firstRow + rowCount; row++)
    open += view.words[rowBase(view, row) + ROW.open];
  return open;
}

function isChoosable(view: EventView, plan: PlacePlan, seat: number): boolean {
  const word = view.words[seatBase(view, seat) + SEAT.state];
  if ((word & (SEAT_STATE_MASK | SEAT_FLAG_RESERVED)) !== SEAT_STATE.available) return false;
  return plan.itemCount === 0 || !plan.hasSeat(seat);
}

/**
 * Adds `quantity` seats of a section to the plan. On `not-enough` and `not-adjacent` the plan may hold some of
 * them: the command is refused then. Under the mutex; changes no memory.
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
  if (openSeats(view, section) - plannedOpen(view, plan, section) < quantity) return 'not-enough';
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
 * The section's longest runs, longest first, and among those of one length in the order in which they would be
 * chosen; no more than `quantity` of each length, all shorter than `quantity`. One pass over the section.
 */
function* longestRuns(
  view: EventView,
  plan: PlacePlan,
  section: number,
  quantity: number,
): Generator<SeatRun> {
  const base = sectionBase(view, section);
  const firstRow = view.words[base + SECTION.firstRow];
  const rowCount = view.words[base + SECTION.rowCount];
  const byLength: SeatRun[][] = Array.from({ length: quantity }, () => []);
  for (let row = firstRow; row < firstRow + rowCount; row++) {
    if (view.words[rowBase(view, row) + ROW.open] === 0) continue;
    for (const run of runsOfRow(view, plan, row)) {
      const alike = byLength[run.length];
      if (alike.length < quantity) alike.push(run);
    }
  }
  for (let length = quantity - 1; length > 0; length--) yield* byLength[length];
}

/** All runs of choosable seats in a row, none cut short, the nearest to the row's middle first. */
function runsOfRow(view: EventView, plan: PlacePlan, row: number): SeatRun[] {
  const first = view.words[rowBase(view, row) + ROW.firstSeat];
  const count = view.words[rowBase(view, row) + ROW.seatCount];
  const runs: SeatRun[] = [];
  let length = 0;
  for (let place = 0; place <= count; place++) {
    const seat = first + place;
    const isEnd = place === count || !isChoosable(view, plan, seat);
    const isAisle = !isEnd && (view.words[seatBase(view, seat) + SEAT.state] & SEAT_FLAG_AISLE) !== 0;
    if ((isEnd || isAisle) && length > 0) {
      runs.push({ first: seat - length, length });
      length = 0;
    }
    if (!isEnd) length++;
  }
  const middle = 2 * first + count - 1;
  const distance = (run: SeatRun): number => Math.abs(2 * run.first + run.length - 1 - middle);
  return runs.length > 1 ? runs.sort((one, other) => distance(one) - distance(other)) : runs;
}

/** Planned seats of a section that are counted as open. */
function plannedOpen(view: EventView, plan: PlacePlan, section: number): number {
  let planned = 0;
  for (let i = 0; i < plan.itemCount; i++) {
    const seat = plan.items[i * 4];
    if (seat < 0 || (plan.items[i * 4 + 1] & 0xffff) !== section) continue;
    const word = view.words[seatBase(view, seat) + SEAT.state];
    if ((word & (SEAT_STATE_MASK | SEAT_FLAG_RESERVED)) === SEAT_STATE.available) planned++;
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
  const base = sectionBase(view, section);
  const firstRow = view.words[base + SECTION.firstRow];
  const rowCount = view.words[base + SECTION.rowCount];
  for (let row = firstRow; row < firstRow + rowCount; row++) {
    if (view.words[rowBase(view, row) + ROW.open] < length) continue;
    const run = findRunInRow(view, plan, row, length);
    if (run >= 0) return run;
  }
  return -1;
}

/** The run of `length` in a row whose middle is nearest the row's, the left one of two; or -1. */
function findRunInRow(view: EventView, plan: PlacePlan, row: number, length: number): number {
  const first = view.words[rowBase(view, row) + ROW.firstSeat];
  const count = view.words[rowBase(view, row) + ROW.seatCount];
  let best = -1;
  let bestDistance = Infinity;
  let run = 0;
  for (let place = 0; place < count; place++) {
    const seat = first + place;
    const aisle = (view.words[seatBase(view, seat) + SEAT.state] & SEAT_FLAG_AISLE) !== 0;
    if (!isChoosable(view, plan, seat)) {
      run = 0;
      continue;
    }
    run = aisle ? 1 : run + 1;
    if (run < length) continue;
    // Twice the distance of the run's middle from the row's, to stay with whole numbers.
    const distance = Math.abs(2 * place - length + 1 - (count - 1));
    if (distance >= bestDistance) break;
    best = seat - length + 1;
    bestDistance = distance;
  }
  return best;
}
