/**
 * The words that frames change: counts, seat words and claim states, by compare-and-swap from the value that the facts
 * imply. A miss means that memory is not what the mutex says it is: a fault, never written over. In a redo a word may
 * have its new value already, and that is all that is forgiven.
 */
import { FrontrowError } from '../core/assert.ts';
import { WORD_SEQUENCE } from '../core/frame.ts';
import { rowBase, seatBase, type EventView } from '../memory/event.ts';
import {
  ROW,
  SEAT,
  SEAT_FLAG_RESERVED,
  SEAT_ROW_SHIFT,
  SEAT_STATE,
  SEAT_STATE_MASK,
} from '../memory/layout.ts';
import { forgetLongest, isOpenWord, raiseLongest } from './row-runs.ts';

/**
 * strict: every word must have its old value. redo: it may have its new one. replay: as strict, in memory that no
 * other thread has seen yet.
 */
export type ApplyMode = 'strict' | 'redo' | 'replay';

function memoryFault(what: string, index: number, expected: number, found: number): never {
  throw new FrontrowError(
    'memory-fault',
    `${what} at word ${index} is ${found}, expected ${expected}: memory is not what the mutex says it is`,
  );
}

/** Changes a word that only the mutex's owner may change; pairs with the loads of readers in their guard windows. */
export function checkedStore(
  words: Int32Array,
  index: number,
  expected: number,
  value: number,
  mode: ApplyMode,
  what: string,
): void {
  const isAlone = mode === 'replay';
  const found = isAlone ? words[index] : Atomics.compareExchange(words, index, expected, value);
  if (found === expected) {
    if (isAlone) words[index] = value;
    return;
  }
  if (mode === 'redo' && found === value) return;
  memoryFault(what, index, expected, found);
}

export function changeSeat(
  view: EventView,
  seat: number,
  fromState: number,
  fromOwner: number,
  toState: number,
  toOwner: number,
  words: Int32Array,
  frame: number,
  mode: ApplyMode,
): void {
  const base = seatBase(view, seat);
  const fixed = view.words[base + SEAT.state] & ~SEAT_STATE_MASK;
  checkedStore(view.words, base + SEAT.state, fixed | fromState, fixed | toState, mode, 'a seat state');
  checkedStore(view.words, base + SEAT.owner, fromOwner, toOwner, mode, 'a seat owner');
  view.words[base + SEAT.sequenceLow] = words[frame + WORD_SEQUENCE];
  view.words[base + SEAT.sequenceHigh] = words[frame + WORD_SEQUENCE + 1];
  const open = (toState === SEAT_STATE.available ? 1 : 0) - (fromState === SEAT_STATE.available ? 1 : 0);
  if (open === 0 || (fixed & SEAT_FLAG_RESERVED) !== 0) return;
  const row = fixed >>> SEAT_ROW_SHIFT;
  if (mode === 'redo') {
    recountRow(view, row);
    return;
  }
  view.words[rowBase(view, row) + ROW.open] += open;
  if (open > 0) raiseLongest(view, row, seat);
}

/** Counts a row's choosable seats anew: what a redo cannot know from the facts. */
function recountRow(view: EventView, row: number): void {
  const base = rowBase(view, row);
  const first = view.words[base + ROW.firstSeat];
  let open = 0;
  for (let seat = first; seat < first + view.words[base + ROW.seatCount]; seat++) {
    if (isOpenWord(view.words[seatBase(view, seat) + SEAT.state])) open++;
  }
  view.words[base + ROW.open] = open;
  forgetLongest(view, row);
}
