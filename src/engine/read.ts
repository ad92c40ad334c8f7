/**
 * Reads: copies out of shared memory, taken in one even, unchanged guard window, or under the mutex after a few
 * tries. What is copied may be nonsense until the window is proved unchanged, so it is decoded after, not inside.
 */
import { wide } from '../core/frame.ts';
import { claimCells, claimItems, claimState, claimTickets, isStart } from '../memory/claims.ts';
import { effectiveDeadline } from '../memory/deadlines.ts';
import { cellBase, sectionBase, seatBase, type EventView } from '../memory/event.ts';
import { loadPosition, loadSequence, readGuard } from '../memory/guard.ts';
import {
  CELL_WORDS,
  CLAIM,
  CLAIM_HEADER_WORDS,
  CLAIM_STATE,
  ITEM_WORDS,
  NOTE,
  NOTE_HEADER_WORDS,
  SEAT,
  SEAT_STATE_MASK,
  SECTION,
} from '../memory/layout.ts';
import { acquireMutex, releaseMutex } from '../memory/mutex.ts';
import type { BatchContext } from './command.ts';

const WINDOW_TRIES = 4;

/** What was read, and the sequence and journal position at which it was true. */
export interface Consistent<T> {
  readonly value: T;
  readonly sequence: number;
  readonly position: number;
}

/** Runs `read` so that all it loads belongs to one sequence. Workers only: it may wait for the event's mutex. */
export function readConsistent<T>(
  context: BatchContext,
  view: EventView,
  read: (view: EventView) => T,
): Consistent<T> {
  const { arena } = context;
  const { slot } = view;
  const once = (): Consistent<T> => ({
    value: read(view),
    sequence: loadSequence(arena, slot),
    position: loadPosition(arena, slot),
  });
  for (let tries = 0; tries < WINDOW_TRIES; tries++) {
    // Pairs with the changes in openGuard() and closeGuard().
    const guard = readGuard(arena, slot);
    if ((guard & 1) === 1) continue;
    const seen = once();
    if (readGuard(arena, slot) === guard) return seen;
  }
  acquireMutex(arena, context.thread, slot);
  const seen = once();
  releaseMutex(arena, context.thread);
  return seen;
}

export interface SectionCounts {
  readonly capacity: number;
  readonly available: number;
  readonly held: number;
  readonly sold: number;
  readonly blocked: number;
}

export function readCounts(view: EventView): SectionCounts[] {
  const counts: SectionCounts[] = [];
  for (let section = 0; section < view.sectionCount; section++) {
    const base = sectionBase(view, section);
    counts.push({
      capacity: Atomics.load(view.words, base + SECTION.capacity),
      available: Atomics.load(view.words, base + SECTION.available),
      held: Atomics.load(view.words, base + SECTION.held),
      sold: Atomics.load(view.words, base + SECTION.sold),
      blocked: Atomics.load(view.words, base + SECTION.blocked),
    });
  }
  return counts;
}

/** States of seats [first, first + count), one byte each: see SEAT_STATE. */
export function readSeatStates(view: EventView, first: number, count: number): Uint8Array {
  const states = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    states[i] = Atomics.load(view.words, seatBase(view, first + i) + SEAT.state) & SEAT_STATE_MASK;
  }
  return states;
}

export interface SeatCopy {
  readonly state: number;
  /** First cell of the owning claim, or -1. */
  readonly cell: number;
  readonly sequence: number;
  readonly claim: ClaimCopy | null;
}

export function readSeat(view: EventView, seat: number): SeatCopy {
  const base = seatBase(view, seat);
  const cell = Atomics.load(view.words, base + SEAT.owner) - 1;
  const sequence = new Int32Array(2);
  sequence[0] = Atomics.load(view.words, base + SEAT.sequenceLow);
  sequence[1] = Atomics.load(view.words, base + SEAT.sequenceHigh);
  return {
    state: Atomics.load(view.words, base + SEAT.state) & SEAT_STATE_MASK,
    cell,
    sequence: wide(sequence, 0),
    claim: cell < 0 ? null : readClaim(view, cell),
  };
}

/** A claim's words as they were, and its note. Decode with the functions below, outside of the window. */
export interface ClaimCopy {
  readonly cell: number;
  readonly words: Int32Array;
  /** Of a hold with grace after a restart, ms; of an order what it was as a hold, 0 if it never was one. */
  readonly deadlineMs: number;
  /** UTF-8, or null. */
  readonly note: Uint8Array | null;
}

/** Copies the claim that begins at a cell; null when no record begins there. */
export function readClaim(view: EventView, cell: number): ClaimCopy | null {
  if (!isStart(view, cell)) return null;
  const base = cellBase(view, cell);
  const cells = claimCells(Atomics.load(view.words, base + CLAIM.state));
  const words = new Int32Array(Math.max(CLAIM_HEADER_WORDS, cells * CELL_WORDS));
  if (cell + words.length / CELL_WORDS > view.cellCount) return null;
  for (let i = 0; i < words.length; i++) words[i] = Atomics.load(view.words, base + i);
  const isHeld = claimState(words[CLAIM.state]) === CLAIM_STATE.held;
  const deadlineMs = isHeld ? effectiveDeadline(view, cell) : wide(words, CLAIM.expiresLow);
  return { cell, words, deadlineMs, note: readNote(view, cell, words[CLAIM.note] - 1) };
}

function readNote(view: EventView, owner: number, cell: number): Uint8Array | null {
  if (cell < 0 || !isStart(view, cell)) return null;
  const base = cellBase(view, cell);
  const isOurs =
    claimState(Atomics.load(view.words, base + NOTE.state)) === CLAIM_STATE.note &&
    Atomics.load(view.words, base + NOTE.owner) === owner + 1;
  if (!isOurs) return null;
  const bytes = Atomics.load(view.words, base + NOTE.bytes) & 0xff;
  const copy = new Uint8Array((bytes + 3) & ~3);
  const words = new Int32Array(copy.buffer);
  for (let i = 0; i < words.length; i++) words[i] = Atomics.load(view.words, base + NOTE_HEADER_WORDS + i);
  return copy.subarray(0, bytes);
}

export interface ClaimItem {
  /** Seat index, or -1. */
  readonly seat: number;
  readonly section: number;
  readonly quantity: number;
  /** Minor units for one place, or null. */
  readonly price: number | null;
}

/** A claim as a precise value. */
export interface Claim {
  readonly cell: number;
  readonly state: number;
  readonly random0: number;
  readonly random1: number;
  readonly random2: number;
  readonly flags: number;
  readonly sequence: number;
  readonly createdMs: number;
  readonly deadlineMs: number;
  readonly updatedMs: number;
  readonly customer: string;
  readonly reference: string | null;
  readonly items: readonly ClaimItem[];
  readonly ticketCount: number;
  readonly cancelled: Int32Array;
}

/** Decodes a copy that was proved consistent. */
export function decodeClaim(copy: ClaimCopy): Claim {
  const { words } = copy;
  const state = words[CLAIM.state];
  const items = decodeItems(words, CLAIM_HEADER_WORDS, claimItems(state));
  const customerBytes = words[CLAIM.sizes] & 0xff;
  const customerAt = (CLAIM_HEADER_WORDS + claimItems(state) * ITEM_WORDS) * 4;
  return {
    cell: copy.cell,
    state: claimState(state),
    random0: words[CLAIM.random0],
    random1: words[CLAIM.random1],
    random2: words[CLAIM.random2],
    flags: words[CLAIM.sizes] >>> 16,
    sequence: wide(words, CLAIM.sequenceLow),
    createdMs: wide(words, CLAIM.createdLow),
    deadlineMs: copy.deadlineMs,
    updatedMs: wide(words, CLAIM.updatedLow),
    customer: Buffer.from(words.buffer, customerAt, customerBytes).toString('utf8'),
    reference: copy.note === null ? null : Buffer.from(copy.note).toString('utf8'),
    items,
    ticketCount: claimTickets(state),
    cancelled: words.slice(CLAIM.cancelled, CLAIM.cancelled + 4),
  };
}

/** Items that stand at `at`, in a claim or in a frame. */
export function decodeItems(words: Int32Array, at: number, count: number): ClaimItem[] {
  const items: ClaimItem[] = [];
  for (let i = 0; i < count; i++) {
    const item = at + i * ITEM_WORDS;
    const price = words[item + 2] >>> 0;
    items.push({
      seat: words[item],
      section: words[item + 1] & 0xffff,
      quantity: words[item + 1] >>> 16,
      price: price === 0 ? null : price - 1,
    });
  }
  return items;
}

export function isTicketCancelled(claim: Claim, ticket: number): boolean {
  return ((claim.cancelled[ticket >>> 5] >>> (ticket & 31)) & 1) === 1;
}
