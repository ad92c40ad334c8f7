/**
 * Applies the frames of claims: takes, changes, settlements. See apply.ts for the rules.
 */
import { unreachable } from '../core/assert.ts';
import { FRAME_KIND, WORD_SEQUENCE, WORD_TIME, wide } from '../core/frame.ts';
import {
  cellsForNote,
  cellsForTail,
  claimCells,
  claimItems,
  claimState,
  endCells,
  isStart,
  itemBase,
  reviveCells,
  tailCell,
  takeCells,
  withState,
} from '../memory/claims.ts';
import { addDeadline } from '../memory/deadlines.ts';
import { cellBase, type EventView } from '../memory/event.ts';
import {
  CELL_WORDS,
  CLAIM,
  CLAIM_HEADER_WORDS,
  CLAIM_STATE,
  ITEM,
  ITEM_WORDS,
  NOTE,
  NOTE_HEADER_WORDS,
  SEAT_STATE,
  TAIL,
  TAIL_HEADER_WORDS,
} from '../memory/layout.ts';
import { changeSeat, checkedStore, type ApplyMode } from './apply-words.ts';
import { countCustomerOfOldFrame } from './customer.ts';
import { CHANGE, CLAIM_FACT, itemsOffset, noteOffset, removedOffset, SETTLE, tailOffset } from './facts.ts';

export function applyClaimFrame(
  view: EventView,
  words: Int32Array,
  frame: number,
  kind: number,
  mode: ApplyMode,
): void {
  switch (kind) {
    case FRAME_KIND.hold:
      applyClaim(view, words, frame, SEAT_STATE.held, mode);
      break;
    case FRAME_KIND.order:
      applyClaim(view, words, frame, SEAT_STATE.sold, mode);
      break;
    case FRAME_KIND.confirm:
      applyConfirm(view, words, frame, CLAIM_STATE.held, mode);
      break;
    case FRAME_KIND.retake:
      reviveClaim(view, words[frame + SETTLE.cell], words[frame + SETTLE.note] !== 0);
      applyConfirm(view, words, frame, CLAIM_STATE.expired, mode);
      break;
    case FRAME_KIND.release:
    case FRAME_KIND.expire:
      applyEnd(view, words, frame, mode);
      break;
    case FRAME_KIND.cancel:
      applyCancel(view, words, frame, SEAT_STATE.available, mode);
      break;
    case FRAME_KIND.withdraw:
      applyCancel(view, words, frame, SEAT_STATE.blocked, mode);
      break;
    case FRAME_KIND.change:
      applyChange(view, words, frame, mode);
      break;
    case FRAME_KIND.extend:
      applyExtend(view, words, frame);
      break;
    default:
      unreachable(kind as never);
  }
  countCustomerOfOldFrame(view, words, frame, kind);
}

function applyClaim(
  view: EventView,
  words: Int32Array,
  frame: number,
  seatState: number,
  mode: ApplyMode,
): void {
  const cell = words[frame + CLAIM_FACT.cell];
  const state = words[frame + CLAIM_FACT.state];
  const items = claimItems(state);
  const firstItem = frame + itemsOffset(words, frame);
  takeCells(view, cell, claimCells(state));
  const base = cellBase(view, cell);
  const target = view.words;
  for (let i = 0; i < 3; i++) target[base + CLAIM.random0 + i] = words[frame + CLAIM_FACT.random + i]!;
  target[base + CLAIM.sizes] = words[frame + CLAIM_FACT.sizes]!;
  target[base + CLAIM.createdLow] = words[frame + WORD_TIME]!;
  target[base + CLAIM.createdHigh] = words[frame + WORD_TIME + 1]!;
  target[base + CLAIM.expiresLow] = words[frame + CLAIM_FACT.expires]!;
  target[base + CLAIM.expiresHigh] = words[frame + CLAIM_FACT.expires + 1]!;
  for (let i = 0; i < 4; i++) target[base + CLAIM.cancelled + i] = 0;
  target[base + CLAIM.note] = words[frame + CLAIM_FACT.note]!;
  const customerBytes = words[frame + CLAIM_FACT.sizes] & 0xff;
  const tail = items * ITEM_WORDS + ((customerBytes + 3) >>> 2);
  for (let i = 0; i < tail; i++) target[base + CLAIM_HEADER_WORDS + i] = words[firstItem + i]!;
  // What is left of the last cell is zeroed, so that replayed memory equals the memory it replays.
  for (let i = CLAIM_HEADER_WORDS + tail; i < claimCells(state) * CELL_WORDS; i++) target[base + i] = 0;
  // Publishes the claim; pairs with the load in engine/read.ts. Before its note: taking cells for that looks at the
  // record in front of them, and must see this claim's length, not that of what lay here before.
  target[base + CLAIM.state] = state;
  const note = words[frame + CLAIM_FACT.note];
  if (note !== 0) writeNote(view, note - 1, cell, words, frame, words[frame + CLAIM_FACT.noteBytes]);
  markChanged(view, cell, words, frame);
  for (let i = 0; i < items; i++) {
    const seat = words[firstItem + i * ITEM_WORDS + ITEM.seat];
    if (seat >= 0) changeSeat(view, seat, SEAT_STATE.available, 0, seatState, cell + 1, words, frame, mode);
  }
  if (seatState === SEAT_STATE.held) addDeadline(view, cell, wide(words, frame + CLAIM_FACT.expires));
}

/** Also of a hold that had ended and is taken again: its seats are available then, and nobody's. */
function applyConfirm(
  view: EventView,
  words: Int32Array,
  frame: number,
  fromState: number,
  mode: ApplyMode,
): void {
  const cell = words[frame + SETTLE.cell];
  const base = cellBase(view, cell);
  const isHeld = fromState === CLAIM_STATE.held;
  const state = changeClaimState(view, cell, fromState, CLAIM_STATE.confirmed, mode);
  const note = words[frame + SETTLE.note];
  if (note !== 0) {
    const old = view.words[base + CLAIM.note];
    if (old !== 0 && old !== note) endNote(view, cell, old - 1);
    writeNote(view, note - 1, cell, words, frame, words[frame + SETTLE.noteBytes]);
    view.words[base + CLAIM.note] = note;
  }
  markChanged(view, cell, words, frame);
  const from = isHeld ? SEAT_STATE.held : SEAT_STATE.available;
  const fromOwner = isHeld ? cell + 1 : 0;
  for (let i = 0; i < claimItems(state); i++) {
    const seat = view.words[itemBase(view, cell, i) + ITEM.seat];
    if (seat >= 0) changeSeat(view, seat, from, fromOwner, SEAT_STATE.sold, cell + 1, words, frame, mode);
  }
}

function applyEnd(view: EventView, words: Int32Array, frame: number, mode: ApplyMode): void {
  const cell = words[frame + SETTLE.cell];
  const state = changeClaimState(view, cell, CLAIM_STATE.held, words[frame + SETTLE.state], mode);
  markChanged(view, cell, words, frame);
  for (let i = 0; i < claimItems(state); i++) {
    const seat = view.words[itemBase(view, cell, i) + ITEM.seat];
    if (seat < 0) continue;
    changeSeat(view, seat, SEAT_STATE.held, cell + 1, SEAT_STATE.available, 0, words, frame, mode);
  }
  endClaim(view, cell);
}

function applyCancel(
  view: EventView,
  words: Int32Array,
  frame: number,
  seatState: number,
  mode: ApplyMode,
): void {
  const cell = words[frame + SETTLE.cell];
  const base = cellBase(view, cell);
  const after = words[frame + SETTLE.state];
  const state = changeClaimState(view, cell, CLAIM_STATE.confirmed, after, mode);
  for (let i = 0; i < 4; i++) {
    view.words[base + CLAIM.cancelled + i] = words[frame + SETTLE.cancelled + i];
  }
  markChanged(view, cell, words, frame);
  let ticket = 0;
  for (let i = 0; i < claimItems(state); i++) {
    const item = itemBase(view, cell, i);
    const seat = view.words[item + ITEM.seat];
    const newly = ((words[frame + SETTLE.newly + (ticket >>> 5)] >>> (ticket & 31)) & 1) === 1;
    if (seat >= 0 && newly) {
      changeSeat(view, seat, SEAT_STATE.sold, cell + 1, seatState, 0, words, frame, mode);
    }
    ticket += seat >= 0 ? 1 : view.words[item + ITEM.section] >>> 16;
  }
  if (after === CLAIM_STATE.cancelled) endClaim(view, cell);
}

/** The claim's items move to a tail of their own; seats that it gives up and those that it takes change hands. */
function applyChange(view: EventView, words: Int32Array, frame: number, mode: ApplyMode): void {
  const cell = words[frame + CHANGE.cell];
  const base = cellBase(view, cell);
  const state = words[frame + CHANGE.state];
  const tail = words[frame + CHANGE.tail] - 1;
  const oldTail = words[frame + CHANGE.oldTail] - 1;
  const sizes = words[frame + CHANGE.sizes];
  writeTail(view, tail, cell, words, frame, claimItems(state), sizes & 0xff);
  for (let i = CLAIM_HEADER_WORDS + 1; i < claimCells(state) * CELL_WORDS; i++) view.words[base + i] = 0;
  view.words[base + CLAIM_HEADER_WORDS] = tail + 1;
  view.words[base + CLAIM.sizes] = sizes;
  view.words[base + CLAIM.state] = state;
  if (oldTail >= 0) endCells(view, oldTail);
  markChanged(view, cell, words, frame);
  const items = frame + itemsOffset(words, frame);
  const removed = frame + removedOffset(words, frame);
  const removedCount = words[frame + CHANGE.removedCount];
  const firstAdded = claimItems(state) - words[frame + CHANGE.addedCount];
  for (let i = 0; i < removedCount; i++) {
    const seat = words[removed + i * ITEM_WORDS + ITEM.seat];
    if (seat < 0 || isAmong(words, items, firstAdded, claimItems(state), seat)) continue;
    changeSeat(view, seat, SEAT_STATE.held, cell + 1, SEAT_STATE.available, 0, words, frame, mode);
  }
  for (let i = firstAdded; i < claimItems(state); i++) {
    const seat = words[items + i * ITEM_WORDS + ITEM.seat];
    // One that is given up and taken again, for another price, stays where it is.
    if (seat < 0 || isAmong(words, removed, 0, removedCount, seat)) continue;
    changeSeat(view, seat, SEAT_STATE.available, 0, SEAT_STATE.held, cell + 1, words, frame, mode);
  }
}

function isAmong(words: Int32Array, items: number, from: number, to: number, seat: number): boolean {
  for (let i = from; i < to; i++) if (words[items + i * ITEM_WORDS + ITEM.seat] === seat) return true;
  return false;
}

function applyExtend(view: EventView, words: Int32Array, frame: number): void {
  const cell = words[frame + SETTLE.cell];
  const base = cellBase(view, cell);
  view.words[base + CLAIM.expiresLow] = words[frame + SETTLE.expires];
  view.words[base + CLAIM.expiresHigh] = words[frame + SETTLE.expires + 1];
  markChanged(view, cell, words, frame);
  addDeadline(view, cell, wide(words, frame + SETTLE.expires));
}

/** The claim's cells, and those of its tail and note, may be taken by later claims from here on. */
function endClaim(view: EventView, cell: number): void {
  const tail = tailCell(view, cell);
  endCells(view, cell);
  if (tail >= 0) endCells(view, tail);
  const note = view.words[cellBase(view, cell) + CLAIM.note];
  if (note !== 0) endNote(view, cell, note - 1);
}

/** A note whose room was taken by another since, after the claim had ended, is not the claim's any more. */
function ownsNote(view: EventView, cell: number, note: number): boolean {
  const base = cellBase(view, note);
  const isNote = isStart(view, note) && claimState(view.words[base + NOTE.state]) === CLAIM_STATE.note;
  return isNote && view.words[base + NOTE.owner] === cell + 1;
}

function endNote(view: EventView, cell: number, note: number): void {
  if (ownsNote(view, cell, note)) endCells(view, note);
}

/**
 * An ended hold that is taken again lives on where it is. A note that was overwritten meanwhile is lost, and one that is
 * to be replaced stays as it is: the new one may lie where it was.
 */
function reviveClaim(view: EventView, cell: number, hasNewNote: boolean): void {
  const base = cellBase(view, cell);
  reviveCells(view, cell);
  const tail = tailCell(view, cell);
  if (tail >= 0) reviveCells(view, tail);
  const note = view.words[base + CLAIM.note];
  if (note === 0 || hasNewNote) return;
  if (ownsNote(view, cell, note - 1)) reviveCells(view, note - 1);
  else view.words[base + CLAIM.note] = 0;
}

/** Changes the state byte of a claim; returns the claim's state word after. */
function changeClaimState(view: EventView, cell: number, from: number, to: number, mode: ApplyMode): number {
  const index = cellBase(view, cell) + CLAIM.state;
  const found = view.words[index];
  const value = withState(found, to);
  if (from === to && claimState(found) === from) return found;
  checkedStore(view.words, index, withState(found, from), value, mode, 'a claim state');
  return value;
}

function markChanged(view: EventView, cell: number, words: Int32Array, frame: number): void {
  const base = cellBase(view, cell);
  view.words[base + CLAIM.sequenceLow] = words[frame + WORD_SEQUENCE];
  view.words[base + CLAIM.sequenceHigh] = words[frame + WORD_SEQUENCE + 1];
  view.words[base + CLAIM.updatedLow] = words[frame + WORD_TIME];
  view.words[base + CLAIM.updatedHigh] = words[frame + WORD_TIME + 1];
}

function writeNote(
  view: EventView,
  note: number,
  owner: number,
  words: Int32Array,
  frame: number,
  sizes: number,
): void {
  const source = frame + noteOffset(words, frame);
  const bytes = (sizes & 0xffff) + (sizes >>> 16);
  const cells = cellsForNote(bytes);
  takeCells(view, note, cells);
  const base = cellBase(view, note);
  view.words[base + NOTE.owner] = owner + 1;
  view.words[base + NOTE.bytes] = sizes;
  const count = (bytes + 3) >>> 2;
  for (let i = 0; i < count; i++) view.words[base + NOTE_HEADER_WORDS + i] = words[source + i]!;
  for (let i = NOTE_HEADER_WORDS + count; i < cells * CELL_WORDS; i++) view.words[base + i] = 0;
  view.words[base + NOTE.state] = CLAIM_STATE.note | (cells << 8);
}

function writeTail(
  view: EventView,
  tail: number,
  owner: number,
  words: Int32Array,
  frame: number,
  items: number,
  customerBytes: number,
): void {
  const cells = cellsForTail(items, customerBytes);
  takeCells(view, tail, cells);
  const base = cellBase(view, tail);
  view.words[base + TAIL.owner] = owner + 1;
  const itemWords = items * ITEM_WORDS;
  const from = frame + itemsOffset(words, frame);
  for (let i = 0; i < itemWords; i++) view.words[base + TAIL_HEADER_WORDS + i] = words[from + i]!;
  const customer = frame + tailOffset(words, frame);
  const customerWords = (customerBytes + 3) >>> 2;
  const behind = base + TAIL_HEADER_WORDS + itemWords;
  for (let i = 0; i < customerWords; i++) view.words[behind + i] = words[customer + i]!;
  for (let i = behind + customerWords; i < base + cells * CELL_WORDS; i++) view.words[i] = 0;
  view.words[base + TAIL.state] = CLAIM_STATE.tail | (cells << 8);
}
