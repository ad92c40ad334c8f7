/**
 * Applies one frame's facts to memory. The same code runs after a command, when a dead worker's frame is redone,
 * and when the journal is replayed; so the three cannot disagree.
 *
 * Counts, seat words and claim states are changed by compare-and-swap from the value that the facts imply. A miss
 * means that memory is not what the mutex says it is: a fault, never written over. In a redo a word may have its
 * new value already, and that is all that is forgiven.
 */
import { FrontrowError, unreachable } from '../core/assert.ts';
import {
  FRAME_KIND,
  headerKind,
  WORD_EVENT,
  WORD_HEADER,
  WORD_SEQUENCE,
  WORD_TIME,
  wide,
} from '../core/frame.ts';
import { eventBase, storeWide, type Arena } from '../memory/arena.ts';
import {
  claimCells,
  claimItems,
  claimState,
  endCells,
  itemBase,
  takeCells,
  withState,
  cellsForNote,
} from '../memory/claims.ts';
import { addDeadline } from '../memory/deadlines.ts';
import { cellBase, rowBase, seatBase, sectionBase, type EventView } from '../memory/event.ts';
import { writeKey } from '../memory/keys.ts';
import {
  CELL_WORDS,
  CLAIM,
  CLAIM_HEADER_WORDS,
  CLAIM_STATE,
  EVENT,
  ITEM,
  ITEM_WORDS,
  NOTE,
  NOTE_HEADER_WORDS,
  ROW,
  SEAT,
  SEAT_FLAG_RESERVED,
  SEAT_ROW_SHIFT,
  SEAT_STATE,
  SEAT_STATE_MASK,
  SECTION,
} from '../memory/layout.ts';
import {
  CLAIM_FACT,
  hasKey,
  itemsOffset,
  keyOffset,
  noteOffset,
  SETTLE,
  SECTION_FACT_WORDS,
  sectionFactCount,
  sectionsOffset,
} from './facts.ts';

/** strict: every word must have its old value. redo: it may have its new one. */
export type ApplyMode = 'strict' | 'redo';

function memoryFault(what: string, index: number, expected: number, found: number): never {
  throw new FrontrowError(
    'memory-fault',
    `${what} at word ${index} is ${found}, expected ${expected}: memory is not what the mutex says it is`,
  );
}

function checkedStore(
  words: Int32Array,
  index: number,
  expected: number,
  value: number,
  mode: ApplyMode,
  what: string,
): void {
  // Changes a word that only the mutex's owner may change; pairs with the loads of readers in their guard windows.
  const found = Atomics.compareExchange(words, index, expected, value);
  if (found === expected) return;
  if (mode === 'redo' && found === value) return;
  memoryFault(what, index, expected, found);
}

/** How each kind of frame moves places between counts: +1, -1 or 0 for available, held, sold. */
interface Move {
  readonly available: number;
  readonly held: number;
  readonly sold: number;
}
const MOVES: Readonly<Record<number, Move>> = {
  [FRAME_KIND.hold]: { available: -1, held: 1, sold: 0 },
  [FRAME_KIND.order]: { available: -1, held: 0, sold: 1 },
  [FRAME_KIND.confirm]: { available: 0, held: -1, sold: 1 },
  [FRAME_KIND.release]: { available: 1, held: -1, sold: 0 },
  [FRAME_KIND.expire]: { available: 1, held: -1, sold: 0 },
  [FRAME_KIND.cancel]: { available: 1, held: 0, sold: -1 },
};

export function moveOf(kind: number): Move {
  const move = MOVES[kind];
  if (move === undefined) throw new FrontrowError('data-corrupt', `frame kind ${kind} moves no places`);
  return move;
}

/** Applies a frame of a claim. Guard odd, or nobody else is there (replay). Definitions: define.ts. */
export function applyFrame(view: EventView, words: Int32Array, frame: number, mode: ApplyMode): void {
  const kind = headerKind(words[frame + WORD_HEADER]);
  applyCounts(view, words, frame, kind, mode);
  switch (kind) {
    case FRAME_KIND.hold:
      applyClaim(view, words, frame, SEAT_STATE.held, mode);
      break;
    case FRAME_KIND.order:
      applyClaim(view, words, frame, SEAT_STATE.sold, mode);
      break;
    case FRAME_KIND.confirm:
      applyConfirm(view, words, frame, mode);
      break;
    case FRAME_KIND.release:
    case FRAME_KIND.expire:
      applyEnd(view, words, frame, mode);
      break;
    case FRAME_KIND.cancel:
      applyCancel(view, words, frame, mode);
      break;
    default:
      unreachable(kind as never);
  }
  if (hasKey(words, frame)) {
    const key = frame + keyOffset(words, frame);
    writeKey(view, words[key], words, key + 1);
  }
  storeWide(view.words, view.base + EVENT.lastTimeLow, wide(words, frame + WORD_TIME));
}

function applyCounts(view: EventView, words: Int32Array, frame: number, kind: number, mode: ApplyMode): void {
  const move = moveOf(kind);
  const count = sectionFactCount(words, frame, kind);
  let fact = frame + sectionsOffset(kind);
  for (let i = 0; i < count; i++, fact += SECTION_FACT_WORDS) {
    const base = sectionBase(view, words[fact] & 0xffff);
    const quantity = words[fact] >>> 16;
    const available = words[fact + 1];
    const held = words[fact + 2];
    const sold = words[fact + 3];
    if (move.available !== 0) {
      const old = available - move.available * quantity;
      checkedStore(view.words, base + SECTION.available, old, available, mode, 'an available count');
    }
    if (move.held !== 0) {
      checkedStore(view.words, base + SECTION.held, held - move.held * quantity, held, mode, 'a held count');
    }
    if (move.sold !== 0) {
      checkedStore(view.words, base + SECTION.sold, sold - move.sold * quantity, sold, mode, 'a sold count');
    }
  }
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
  Atomics.store(target, base + CLAIM.state, state);
  const note = words[frame + CLAIM_FACT.note];
  if (note !== 0) {
    writeNote(
      view,
      note - 1,
      cell,
      words,
      frame + noteOffset(words, frame),
      words[frame + CLAIM_FACT.noteBytes],
    );
  }
  markChanged(view, cell, words, frame);
  for (let i = 0; i < items; i++) {
    const seat = words[firstItem + i * ITEM_WORDS + ITEM.seat];
    if (seat >= 0) changeSeat(view, seat, SEAT_STATE.available, 0, seatState, cell + 1, words, frame, mode);
  }
  if (seatState === SEAT_STATE.held) addDeadline(view, cell, wide(words, frame + CLAIM_FACT.expires));
}

function applyConfirm(view: EventView, words: Int32Array, frame: number, mode: ApplyMode): void {
  const cell = words[frame + SETTLE.cell];
  const base = cellBase(view, cell);
  const state = changeClaimState(view, cell, CLAIM_STATE.held, CLAIM_STATE.confirmed, mode);
  const note = words[frame + SETTLE.note];
  if (note !== 0) {
    const old = view.words[base + CLAIM.note];
    if (old !== 0 && old !== note) endCells(view, old - 1);
    writeNote(view, note - 1, cell, words, frame + noteOffset(words, frame), words[frame + SETTLE.noteBytes]);
    Atomics.store(view.words, base + CLAIM.note, note);
  }
  markChanged(view, cell, words, frame);
  for (let i = 0; i < claimItems(state); i++) {
    const seat = view.words[itemBase(view, cell, i) + ITEM.seat];
    if (seat < 0) continue;
    changeSeat(view, seat, SEAT_STATE.held, cell + 1, SEAT_STATE.sold, cell + 1, words, frame, mode);
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

function applyCancel(view: EventView, words: Int32Array, frame: number, mode: ApplyMode): void {
  const cell = words[frame + SETTLE.cell];
  const base = cellBase(view, cell);
  const after = words[frame + SETTLE.state];
  const state = changeClaimState(view, cell, CLAIM_STATE.confirmed, after, mode);
  for (let i = 0; i < 4; i++) {
    Atomics.store(view.words, base + CLAIM.cancelled + i, words[frame + SETTLE.cancelled + i]);
  }
  markChanged(view, cell, words, frame);
  let ticket = 0;
  for (let i = 0; i < claimItems(state); i++) {
    const item = itemBase(view, cell, i);
    const seat = view.words[item + ITEM.seat];
    const newly = ((words[frame + SETTLE.newly + (ticket >>> 5)] >>> (ticket & 31)) & 1) === 1;
    if (seat >= 0 && newly) {
      changeSeat(view, seat, SEAT_STATE.sold, cell + 1, SEAT_STATE.available, 0, words, frame, mode);
    }
    ticket += seat >= 0 ? 1 : view.words[item + ITEM.section] >>> 16;
  }
  if (after === CLAIM_STATE.cancelled) endClaim(view, cell);
}

/** The claim's cells, and those of its note, may be taken by later claims from here on. */
function endClaim(view: EventView, cell: number): void {
  endCells(view, cell);
  const note = view.words[cellBase(view, cell) + CLAIM.note];
  if (note !== 0) endCells(view, note - 1);
}

/** Changes the state byte of a claim; returns the claim's state word after. */
function changeClaimState(view: EventView, cell: number, from: number, to: number, mode: ApplyMode): number {
  const index = cellBase(view, cell) + CLAIM.state;
  const found = Atomics.load(view.words, index);
  const value = withState(found, to);
  if (from === to && claimState(found) === from) return found;
  checkedStore(view.words, index, withState(found, from), value, mode, 'a claim state');
  return value;
}

function changeSeat(
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
  const fixed = Atomics.load(view.words, base + SEAT.state) & ~SEAT_STATE_MASK;
  checkedStore(view.words, base + SEAT.state, fixed | fromState, fixed | toState, mode, 'a seat state');
  checkedStore(view.words, base + SEAT.owner, fromOwner, toOwner, mode, 'a seat owner');
  Atomics.store(view.words, base + SEAT.sequenceLow, words[frame + WORD_SEQUENCE]);
  Atomics.store(view.words, base + SEAT.sequenceHigh, words[frame + WORD_SEQUENCE + 1]);
  const open = (toState === SEAT_STATE.available ? 1 : 0) - (fromState === SEAT_STATE.available ? 1 : 0);
  if (open === 0 || (fixed & SEAT_FLAG_RESERVED) !== 0) return;
  const row = fixed >>> SEAT_ROW_SHIFT;
  if (mode === 'redo') recountRow(view, row);
  else view.words[rowBase(view, row) + ROW.open] += open;
}

/** Counts a row's choosable seats anew: what a redo cannot know from the facts. */
function recountRow(view: EventView, row: number): void {
  const base = rowBase(view, row);
  const first = view.words[base + ROW.firstSeat];
  let open = 0;
  for (let seat = first; seat < first + view.words[base + ROW.seatCount]; seat++) {
    const word = view.words[seatBase(view, seat) + SEAT.state];
    if ((word & (SEAT_STATE_MASK | SEAT_FLAG_RESERVED)) === SEAT_STATE.available) open++;
  }
  view.words[base + ROW.open] = open;
}

function markChanged(view: EventView, cell: number, words: Int32Array, frame: number): void {
  const base = cellBase(view, cell);
  Atomics.store(view.words, base + CLAIM.sequenceLow, words[frame + WORD_SEQUENCE]);
  Atomics.store(view.words, base + CLAIM.sequenceHigh, words[frame + WORD_SEQUENCE + 1]);
  Atomics.store(view.words, base + CLAIM.updatedLow, words[frame + WORD_TIME]);
  Atomics.store(view.words, base + CLAIM.updatedHigh, words[frame + WORD_TIME + 1]);
}

function writeNote(
  view: EventView,
  note: number,
  owner: number,
  words: Int32Array,
  source: number,
  bytes: number,
): void {
  const cells = cellsForNote(bytes);
  takeCells(view, note, cells);
  const base = cellBase(view, note);
  view.words[base + NOTE.owner] = owner + 1;
  view.words[base + NOTE.bytes] = bytes;
  const count = (bytes + 3) >>> 2;
  for (let i = 0; i < count; i++) view.words[base + NOTE_HEADER_WORDS + i] = words[source + i]!;
  for (let i = NOTE_HEADER_WORDS + count; i < cells * CELL_WORDS; i++) view.words[base + i] = 0;
  Atomics.store(view.words, base + NOTE.state, CLAIM_STATE.note | (cells << 8));
}

/** The event of a frame, by slot and generation; -1 when memory knows another generation. */
export function frameEvent(arena: Arena, words: Int32Array, frame: number): number {
  const slot = words[frame + WORD_EVENT] & 0xffff;
  if (slot < 1 || slot > arena.limits.eventsMax) return -1;
  return arena.words[eventBase(arena, slot) + EVENT.generation] === words[frame + WORD_EVENT] >>> 16
    ? slot
    : -1;
}
