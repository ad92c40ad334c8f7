/**
 * Reads that go through many records: claims for lists, seats for live updates. Workers; nothing is changed.
 *
 * A list goes through the claims in slices, each read in a guard window of its own, so that none is so long that
 * writers never let it finish, and the mutex, where it comes to that, is held for one slice only. A claim stays at its
 * cell all its life: so pages and slices put together miss no claim that was there all the time, and tell none twice.
 */
import { eventBase, loadWide } from '../memory/arena.ts';
import { claimItems, claimState, isStart } from '../memory/claims.ts';
import { cellBase, type EventView } from '../memory/event.ts';
import { loadSequence } from '../memory/guard.ts';
import {
  CELL_WORDS,
  CLAIM,
  CLAIM_FLAG,
  CLAIM_HEADER_WORDS,
  CLAIM_STATE,
  EVENT,
  EVENT_STATE,
  ITEM_WORDS,
  NOTE,
  NOTE_HEADER_WORDS,
  SEAT,
  SEAT_STATE_MASK,
  SEAT_WORDS,
  TAIL_HEADER_WORDS,
} from '../memory/layout.ts';
import { archiveSummary, eventState } from '../memory/registry.ts';
import type { BatchContext } from './command.ts';
import { inWindow } from './look.ts';
import { readClaim, readConsistent, readCounts, type ClaimCopy, type SectionCounts } from './read.ts';

/** Cells that one page goes through at most, so that one list cannot keep a worker for long: 8 MiB of memory. */
const SCAN_CELLS_MAX = 262_144;
/** Cells in one guard window: some hundred claims, tens of microseconds. */
const SLICE_CELLS = 1024;

/**
 * Whether a view still fits its event, which has a new version since it was patched or archived. Inside a guard window
 * or under the mutex; what was read there through a view that does not fit means nothing.
 */
export function isCurrentView(view: EventView): boolean {
  const { words, base } = view;
  return (
    words[base + EVENT.generation] === view.generation &&
    words[base + EVENT.version] === view.version &&
    words[base + EVENT.firstPage] === view.firstPage
  );
}

/** Bytes to look for in memory, as the words that they would be there. */
export interface Needle {
  readonly bytes: number;
  readonly words: Int32Array;
  /** Of the last word: the bits that are ours. */
  readonly lastMask: number;
}

export function needleOf(bytes: Uint8Array): Needle {
  const padded = new Uint8Array((bytes.length + 3) & ~3);
  padded.set(bytes);
  const used = bytes.length & 3;
  return {
    bytes: bytes.length,
    words: new Int32Array(padded.buffer),
    lastMask: used === 0 ? -1 : (1 << (used * 8)) - 1,
  };
}

export interface ClaimFilter {
  /** A bit for each claim state that is wanted: see stateBit(). */
  readonly states: number;
  /** null: any. */
  readonly customer: Needle | null;
  readonly reference: Needle | null;
  /** Released and expired claims that ended before this are passed over, ms. */
  readonly endedAfterMs: number;
}

export function stateBit(state: number): number {
  return 1 << state;
}

export interface ClaimPage {
  readonly claims: readonly ClaimCopy[];
  /** Cell at which the next page begins, or -1 when the table's end was reached. */
  readonly next: number;
}

/**
 * Claims that fit a filter, from a cell on: `limit` of them at most. The page ends early, and maybe empty, after
 * SCAN_CELLS_MAX cells, and where the event gets another version, since then the view is no good any more.
 */
export function scanClaims(
  context: BatchContext,
  view: EventView,
  filter: ClaimFilter,
  from: number,
  limit: number,
): ClaimPage {
  const claims: ClaimCopy[] = [];
  const end = Math.min(view.cellCount, from + SCAN_CELLS_MAX);
  let cell = from;
  while (cell < end && claims.length < limit) {
    const start = cell;
    const stop = Math.min(end, start + SLICE_CELLS);
    const room = limit - claims.length;
    const { value: slice } = readConsistent(context, view, () =>
      isCurrentView(view) ? scanSlice(view, filter, start, stop, room) : null,
    );
    if (slice === null) return { claims, next: start };
    claims.push(...slice.claims);
    cell = slice.next;
  }
  return { claims, next: cell < view.cellCount ? cell : -1 };
}

function scanSlice(
  view: EventView,
  filter: ClaimFilter,
  from: number,
  stop: number,
  room: number,
): { claims: ClaimCopy[]; next: number } {
  const claims: ClaimCopy[] = [];
  let cell = from;
  while (cell < stop) {
    // A word of the bitmap without a start: on to the next one.
    if ((cell & 31) === 0 && view.words[view.starts + (cell >>> 5)] === 0) {
      cell += 32;
      continue;
    }
    if (isStart(view, cell) && isWanted(view, cell, filter)) {
      const copy = readClaim(view, cell);
      if (copy !== null) claims.push(copy);
      if (claims.length === room) return { claims, next: cell + 1 };
    }
    cell++;
  }
  return { claims, next: Math.min(cell, stop) };
}

/** Inside the window: what it looks at may be nonsense, and must not lead it out of the table. */
function isWanted(view: EventView, cell: number, filter: ClaimFilter): boolean {
  const { words } = view;
  const base = cellBase(view, cell);
  if (isOutside(view, base, CLAIM_HEADER_WORDS + 1)) return false;
  const state = claimState(words[base + CLAIM.state]);
  if (state > CLAIM_STATE.tail || (filter.states & stateBit(state)) === 0) return false;
  if (state === CLAIM_STATE.released || state === CLAIM_STATE.expired) {
    if (loadWide(words, base + CLAIM.updatedLow) < filter.endedAfterMs) return false;
  }
  return (
    (filter.customer === null || hasCustomer(view, base, filter.customer)) &&
    (filter.reference === null || hasReference(view, cell, base, filter.reference))
  );
}

function isOutside(view: EventView, word: number, count: number): boolean {
  return word < view.cells || word + count > view.cells + view.cellCount * CELL_WORDS;
}

function hasCustomer(view: EventView, base: number, customer: Needle): boolean {
  const { words } = view;
  const sizes = words[base + CLAIM.sizes];
  if ((sizes & 0xff) !== customer.bytes) return false;
  let items = base + CLAIM_HEADER_WORDS;
  if (((sizes >>> 16) & CLAIM_FLAG.tail) !== 0) {
    const tail = words[base + CLAIM_HEADER_WORDS] - 1;
    items = cellBase(view, tail) + TAIL_HEADER_WORDS;
  }
  return isAt(view, items + claimItems(words[base + CLAIM.state]) * ITEM_WORDS, customer);
}

function hasReference(view: EventView, cell: number, base: number, reference: Needle): boolean {
  const { words } = view;
  const note = cellBase(view, words[base + CLAIM.note] - 1);
  if (isOutside(view, note, NOTE_HEADER_WORDS)) return false;
  return (
    claimState(words[note + NOTE.state]) === CLAIM_STATE.note &&
    words[note + NOTE.owner] === cell + 1 &&
    (words[note + NOTE.bytes] & 0xffff) === reference.bytes &&
    isAt(view, note + NOTE_HEADER_WORDS, reference)
  );
}

function isAt(view: EventView, word: number, needle: Needle): boolean {
  const last = needle.words.length - 1;
  if (last < 0) return true;
  if (isOutside(view, word, last + 1)) return false;
  for (let i = 0; i < last; i++) {
    if (view.words[word + i] !== needle.words[i]) return false;
  }
  return ((view.words[word + last] ^ needle.words[last]) & needle.lastMask) === 0;
}

/** What has changed since a sequence, as it is now. */
export interface ChangesCopy {
  /** Indices of the seats, ascending, and a state each; null when there are more than asked for. */
  readonly seats: { readonly indices: readonly number[]; readonly states: readonly number[] } | null;
  readonly counts: readonly SectionCounts[];
}

/** Seats whose last change is later than `after`, and all sections' counts. Inside a guard window. */
export function readChanges(view: EventView, after: number, seatsMax: number): ChangesCopy {
  const { words } = view;
  const indices: number[] = [];
  const states: number[] = [];
  const afterLow = after % 0x1_0000_0000;
  const afterHigh = Math.floor(after / 0x1_0000_0000);
  const counts = readCounts(view);
  for (let seat = 0, base = view.seats; seat < view.seatCount; seat++, base += SEAT_WORDS) {
    const high = words[base + SEAT.sequenceHigh] >>> 0;
    if (high < afterHigh) continue;
    if (high === afterHigh && words[base + SEAT.sequenceLow] >>> 0 <= afterLow) continue;
    if (indices.length === seatsMax) {
      return { seats: null, counts };
    }
    indices.push(seat);
    states.push(words[base + SEAT.state] & SEAT_STATE_MASK);
  }
  return { seats: { indices, states }, counts };
}

/** What is left of an archived event. */
export interface ArchivedEvent {
  /** JSON text. */
  readonly summary: Uint8Array;
  readonly version: number;
  readonly sequence: number;
}

/** Null when the event is not archived. */
export function readArchived(context: BatchContext, slot: number): ArchivedEvent | null {
  const { arena } = context;
  return inWindow(context, slot, () => {
    if (eventState(arena, slot) !== EVENT_STATE.archived) return null;
    const version = arena.words[eventBase(arena, slot) + EVENT.version];
    return { summary: archiveSummary(arena, slot), version, sequence: loadSequence(arena, slot) };
  });
}
