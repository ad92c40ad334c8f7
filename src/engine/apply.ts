/**
 * Applies one frame's facts to memory. The same code runs after a command, when a dead worker's frame is redone,
 * and when the journal is replayed; so the three cannot disagree.
 *
 * This file: what all frames have in common, blocks, and which file does the rest. Claims: apply-claims.ts; the event
 * itself: apply-event.ts.
 */
import { FrontrowError } from '../core/assert.ts';
import { FRAME_KIND, headerKind, WORD_EVENT, WORD_HEADER, WORD_TIME, wide } from '../core/frame.ts';
import { eventBase, storeWide, type Arena } from '../memory/arena.ts';
import { writeCustomer } from '../memory/customers.ts';
import { sectionBase, type EventView } from '../memory/event.ts';
import { writeKey } from '../memory/keys.ts';
import { EVENT, SEAT_STATE, SECTION } from '../memory/layout.ts';
import { REGISTRY_SLOT } from '../memory/registry.ts';
import { setShareCount } from '../memory/shares.ts';
import { applyClaimFrame } from './apply-claims.ts';
import { changeSeat, checkedStore, type ApplyMode } from './apply-words.ts';
import {
  BLOCK_FACT,
  blockedSeats,
  customerOffset,
  hasKey,
  keyOffset,
  SECTION_FACT_WORDS,
  sectionFactCount,
  sectionsOffset,
  shareOffset,
} from './facts.ts';

/** How each kind of frame moves places between counts: +1, -1 or 0. They add up to nothing. */
interface Move {
  readonly available: number;
  readonly held: number;
  readonly sold: number;
  readonly blocked: number;
}

function move(available: number, held: number, sold: number, blocked: number): Move {
  return { available, held, sold, blocked };
}

const MOVES: Readonly<Record<number, Move>> = {
  [FRAME_KIND.hold]: move(-1, 1, 0, 0),
  [FRAME_KIND.order]: move(-1, 0, 1, 0),
  [FRAME_KIND.confirm]: move(0, -1, 1, 0),
  [FRAME_KIND.release]: move(1, -1, 0, 0),
  [FRAME_KIND.expire]: move(1, -1, 0, 0),
  [FRAME_KIND.cancel]: move(1, 0, -1, 0),
  [FRAME_KIND.withdraw]: move(0, 0, -1, 1),
  [FRAME_KIND.change]: move(-1, 1, 0, 0),
  [FRAME_KIND.extend]: move(0, 0, 0, 0),
  [FRAME_KIND.retake]: move(-1, 0, 1, 0),
  [FRAME_KIND.block]: move(-1, 0, 0, 1),
  [FRAME_KIND.unblock]: move(1, 0, 0, -1),
};

export function moveOf(kind: number): Move {
  const found = MOVES[kind];
  if (found === undefined) throw new FrontrowError('data-corrupt', `frame kind ${kind} moves no places`);
  return found;
}

/** Applies a frame of a claim or a block, or a key alone. Guard odd, or nobody else is there (replay). */
export function applyFrame(view: EventView, words: Int32Array, frame: number, mode: ApplyMode): void {
  const kind = headerKind(words[frame + WORD_HEADER]);
  if (kind !== FRAME_KIND.remember) applyPlaces(view, words, frame, kind, mode);
  applyTrailers(view, words, frame);
}

function applyPlaces(view: EventView, words: Int32Array, frame: number, kind: number, mode: ApplyMode): void {
  applyCounts(view, words, frame, kind, mode);
  if (kind === FRAME_KIND.block || kind === FRAME_KIND.unblock) applyBlock(view, words, frame, kind, mode);
  else applyClaimFrame(view, words, frame, kind, mode);
}

/**
 * What a frame carries whatever its kind: the customer's counts, the key, its share, the time. Idempotent. The key goes
 * where the frame says, or elsewhere where the event has moved since; nowhere at -1.
 */
export function applyTrailers(view: EventView, words: Int32Array, frame: number, keyEntry?: number): void {
  const customer = customerOffset(words, frame);
  if (customer !== 0) {
    const at = frame + customer;
    writeCustomer(view, words[at], words[at + 1], words[at + 2], words[at + 3], words[at + 4]);
  }
  applyShare(view, words, frame);
  if (hasKey(words, frame)) {
    const key = frame + keyOffset(words, frame);
    const entry = keyEntry ?? words[key];
    if (entry >= 0) writeKey(view, entry, words, key + 1);
  }
  storeWide(view.words, view.base + EVENT.lastTimeLow, wide(words, frame + WORD_TIME));
}

export function applyShare(view: EventView, words: Int32Array, frame: number): void {
  const share = shareOffset(words, frame);
  if (share === 0) return;
  const timeMs = wide(words, frame + WORD_TIME);
  setShareCount(view, words[frame + share], timeMs, words[frame + share + 1]);
  setShareCount(view, 0, timeMs, words[frame + share + 2]);
}

function applyCounts(view: EventView, words: Int32Array, frame: number, kind: number, mode: ApplyMode): void {
  const { available, held, sold, blocked } = moveOf(kind);
  const count = sectionFactCount(words, frame, kind);
  let fact = frame + sectionsOffset(kind);
  for (let i = 0; i < count; i++, fact += SECTION_FACT_WORDS) {
    const base = sectionBase(view, words[fact] & 0xffff);
    // Signed: a change may give back more than it takes.
    const quantity = words[fact] >> 16;
    const capacity = view.words[base + SECTION.capacity];
    const blockedAfter = capacity - words[fact + 1] - words[fact + 2] - words[fact + 3];
    applyCount(view, base + SECTION.available, words[fact + 1], available * quantity, mode);
    applyCount(view, base + SECTION.held, words[fact + 2], held * quantity, mode);
    applyCount(view, base + SECTION.sold, words[fact + 3], sold * quantity, mode);
    applyCount(view, base + SECTION.blocked, blockedAfter, blocked * quantity, mode);
  }
}

function applyCount(view: EventView, index: number, after: number, change: number, mode: ApplyMode): void {
  if (change !== 0) checkedStore(view.words, index, after - change, after, mode, 'a count');
}

function applyBlock(view: EventView, words: Int32Array, frame: number, kind: number, mode: ApplyMode): void {
  const isBlock = kind === FRAME_KIND.block;
  const from = isBlock ? SEAT_STATE.available : SEAT_STATE.blocked;
  const to = isBlock ? SEAT_STATE.blocked : SEAT_STATE.available;
  const seats = blockedSeats(words, frame);
  for (let i = 0; i < words[frame + BLOCK_FACT.seatCount]; i++) {
    changeSeat(view, seats[i], from, 0, to, 0, words, frame, mode);
  }
}

/**
 * The event of a frame, by slot and generation; -1 when memory knows another generation. The only frames of the registry
 * itself are those of keys alone.
 */
export function frameEvent(arena: Arena, words: Int32Array, frame: number): number {
  const slot = words[frame + WORD_EVENT] & 0xffff;
  const isKeyAlone = headerKind(words[frame + WORD_HEADER]) === FRAME_KIND.remember;
  if ((slot === REGISTRY_SLOT && !isKeyAlone) || slot > arena.limits.eventsMax) return -1;
  return arena.words[eventBase(arena, slot) + EVENT.generation] === words[frame + WORD_EVENT] >>> 16
    ? slot
    : -1;
}
