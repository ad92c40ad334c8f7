/**
 * Reads: copies out of shared memory, taken in one even, unchanged guard window, or under the mutex after a few
 * tries. What is copied may be nonsense until the window is proved unchanged, so it is decoded after, not inside.
 */
import { wide } from '../core/frame.ts';
import { METADATA_BYTES_MAX, REFERENCE_BYTES_MAX } from '../core/limits.ts';
import { eventBase, loadWide, type Arena } from '../memory/arena.ts';
import { claimCells, claimItems, claimState, claimTickets, isIntact, isStart } from '../memory/claims.ts';
import { effectiveDeadline } from '../memory/deadlines.ts';
import {
  cellBase,
  eventShape,
  eventSizes,
  sectionBase,
  seatBase,
  viewAt,
  type EventView,
} from '../memory/event.ts';
import { loadPosition, loadSequence } from '../memory/guard.ts';
import {
  CELL_WORDS,
  CLAIM,
  CLAIM_FLAG,
  CLAIM_HEADER_WORDS,
  CLAIM_STATE,
  EVENT,
  ITEM,
  ITEM_WORDS,
  NOTE,
  NOTE_HEADER_WORDS,
  SEAT,
  SEAT_STATE_MASK,
  SECTION,
  TAIL,
  TAIL_HEADER_WORDS,
} from '../memory/layout.ts';
import { isLive } from '../memory/registry.ts';
import type { BatchContext } from './command.ts';
import { inWindow } from './look.ts';

/** What was read, and the sequence and journal position at which it was true. */
export interface Consistent<T> {
  readonly value: T;
  readonly sequence: number;
  readonly position: number;
}

/** Runs `read` so that all it loads belongs to one sequence. See inWindow(). */
export function readConsistent<T>(
  context: BatchContext,
  view: EventView,
  read: (view: EventView) => T,
): Consistent<T> {
  const { arena } = context;
  const { slot } = view;
  return inWindow(context, slot, () => ({
    value: read(view),
    sequence: sequenceOf(view),
    position: loadPosition(arena, slot),
  }));
}

/**
 * The sequence at which a view's extent is true. The event may have moved since the view was taken: its old extent then
 * stands as it was when it left, which was while this reader was under way.
 */
function sequenceOf(view: EventView): number {
  const { arena, words, slot, base } = view;
  const isThere = words[base + EVENT.firstPage] === view.firstPage && words[base + EVENT.pageCount] > 0;
  return isThere ? loadSequence(arena, slot) : loadWide(words, base + EVENT.retiredSequenceLow);
}

/** What is needed to look at an event: its tables, its definition as stored, and its position at that moment. */
export interface EventReading {
  readonly view: EventView;
  readonly json: Uint8Array;
  readonly position: number;
}

/** May be nonsense outside of the mutex or of an unchanged guard window; reads only within the arena. */
function readSlot(arena: Arena, slot: number): EventReading {
  const { words, geometry } = arena;
  const base = eventBase(arena, slot);
  const firstPage = words[base + EVENT.firstPage];
  const { view } = viewAt(arena, slot, eventShape(arena, slot), eventSizes(arena, slot), firstPage);
  const bytes = words[base + EVENT.definitionBytes];
  const start = Math.min(view.definition, geometry.totalBytes / 4) * 4;
  const json = arena.bytes.slice(start, start + Math.max(0, bytes));
  return { view, json, position: loadPosition(arena, slot) };
}

/** The event of a slot as it is at one moment; null when there is none, or it is archived. */
export function readEvent(context: BatchContext, slot: number): EventReading | null {
  const { arena } = context;
  return inWindow(context, slot, () => (isLive(arena, slot) ? readSlot(arena, slot) : null));
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
      capacity: view.words[base + SECTION.capacity],
      available: view.words[base + SECTION.available],
      held: view.words[base + SECTION.held],
      sold: view.words[base + SECTION.sold],
      blocked: view.words[base + SECTION.blocked],
    });
  }
  return counts;
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
  const cell = view.words[base + SEAT.owner] - 1;
  const sequence = new Int32Array(2);
  sequence[0] = view.words[base + SEAT.sequenceLow];
  sequence[1] = view.words[base + SEAT.sequenceHigh];
  return {
    state: view.words[base + SEAT.state] & SEAT_STATE_MASK,
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
  readonly note: NoteCopy | null;
}

/** UTF-8, each maybe empty; metadata is JSON text. */
export interface NoteCopy {
  readonly reference: Uint8Array;
  readonly metadata: Uint8Array;
}

/** Where claims are copied to: a typed array of its own for each costs more than the copying. */
const ROOM_WORDS = 16 * 1024;
let room = new Int32Array(ROOM_WORDS);
let roomUsed = 0;

/** So many words, whatever they are. All of a room is garbage once nobody has a part of it. */
function roomFor(words: number): Int32Array {
  if (roomUsed + words > room.length) {
    room = new Int32Array(Math.max(ROOM_WORDS, words));
    roomUsed = 0;
  }
  const at = roomUsed;
  roomUsed += words;
  return room.subarray(at, roomUsed);
}

/** Copies the claim that begins at a cell; null when no record begins there, or parts of an ended one are gone. */
export function readClaim(view: EventView, cell: number): ClaimCopy | null {
  if (!isStart(view, cell)) return null;
  const base = cellBase(view, cell);
  const cells = claimCells(view.words[base + CLAIM.state]);
  if (cell + Math.max(cells, 3) > view.cellCount) return null;
  const words = roomFor(Math.max(CLAIM_HEADER_WORDS, cells * CELL_WORDS));
  for (let i = 0; i < words.length; i++) words[i] = view.words[base + i];
  const hasTail = ((words[CLAIM.sizes] >>> 16) & CLAIM_FLAG.tail) !== 0;
  const whole = hasTail ? withTail(view, cell, words) : words;
  if (whole === null) return null;
  const isHeld = claimState(words[CLAIM.state]) === CLAIM_STATE.held;
  const deadlineMs = isHeld ? effectiveDeadline(view, cell) : wide(words, CLAIM.expiresLow);
  return { cell, words: whole, deadlineMs, note: readNote(view, cell, words[CLAIM.note] - 1) };
}

/** Header and tail put together, as they stand in a claim that was never changed. */
function withTail(view: EventView, cell: number, header: Int32Array): Int32Array | null {
  const tail = header[CLAIM_HEADER_WORDS] - 1;
  if (tail < 0 || tail >= view.cellCount || !isIntact(view, cell)) return null;
  const cells = claimCells(view.words[cellBase(view, tail) + TAIL.state]);
  if (tail + cells > view.cellCount) return null;
  const count = Math.max(0, cells * CELL_WORDS - TAIL_HEADER_WORDS);
  const whole = new Int32Array(CLAIM_HEADER_WORDS + count);
  whole.set(header.subarray(0, CLAIM_HEADER_WORDS));
  const first = cellBase(view, tail) + TAIL_HEADER_WORDS;
  for (let i = 0; i < count; i++) whole[CLAIM_HEADER_WORDS + i] = view.words[first + i];
  return whole;
}

function readNote(view: EventView, owner: number, cell: number): NoteCopy | null {
  if (cell < 0 || cell >= view.cellCount || !isStart(view, cell)) return null;
  const base = cellBase(view, cell);
  const isOurs =
    claimState(view.words[base + NOTE.state]) === CLAIM_STATE.note &&
    view.words[base + NOTE.owner] === owner + 1;
  if (!isOurs) return null;
  const sizes = view.words[base + NOTE.bytes];
  const reference = Math.min(sizes & 0xffff, REFERENCE_BYTES_MAX);
  const metadata = Math.min(sizes >>> 16, METADATA_BYTES_MAX);
  const copy = new Uint8Array((reference + metadata + 3) & ~3);
  const words = new Int32Array(copy.buffer);
  for (let i = 0; i < words.length; i++) words[i] = view.words[base + NOTE_HEADER_WORDS + i];
  return { reference: copy.subarray(0, reference), metadata: copy.subarray(reference, reference + metadata) };
}

export interface ClaimItem {
  /** Seat index, or -1. */
  readonly seat: number;
  readonly section: number;
  readonly quantity: number;
  /** Minor units for one place, or null. */
  readonly price: number | null;
  /** Place of its price type in the definition. */
  readonly type: number;
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
  /** JSON text, or null. */
  readonly metadata: string | null;
  readonly items: readonly ClaimItem[];
  readonly ticketCount: number;
  /** A bit for each ticket. */
  readonly cancelled: readonly number[];
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
    customer: customerOf(words, customerAt, customerBytes),
    reference: textOf(copy.note?.reference),
    metadata: textOf(copy.note?.metadata),
    items,
    ticketCount: claimTickets(state),
    cancelled: [
      words[CLAIM.cancelled],
      words[CLAIM.cancelled + 1],
      words[CLAIM.cancelled + 2],
      words[CLAIM.cancelled + 3],
    ],
  };
}

function customerOf(words: Int32Array, at: number, bytes: number): string {
  return bytes === 0 ? '' : Buffer.from(words.buffer, words.byteOffset + at, bytes).toString('utf8');
}

function textOf(bytes: Uint8Array | undefined): string | null {
  return bytes === undefined || bytes.length === 0 ? null : Buffer.from(bytes).toString('utf8');
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
      type: words[item + ITEM.type],
    });
  }
  return items;
}

export function isTicketCancelled(claim: Claim, ticket: number): boolean {
  return ((claim.cancelled[ticket >>> 5] >>> (ticket & 31)) & 1) === 1;
}
