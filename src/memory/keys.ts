/**
 * Idempotency keys of an event: an open-addressed table of 32-byte entries. An entry lives for 24 h; one that is
 * older is as good as free to an insertion, and stays in the way of a search. `hash0` is stored last, so that a
 * half-written entry of a dead thread reads as free and repair writes it again.
 */
import { IDEMPOTENCY_TTL_MS } from '../core/limits.ts';
import { KEY } from './layout.ts';
import { keyBase, type EventView } from './event.ts';

/** Of an idempotency key: what is found by and compared. Words are signed 32-bit; hash0 is never 0. */
export interface KeyHash {
  readonly hash0: number;
  readonly hash1: number;
  readonly hash2: number;
  readonly body0: number;
  readonly body1: number;
  /** The client's share of the table: 1 to RESERVE_SHARE − 1. */
  readonly share: number;
}

/** An entry more than this far from its place means that the table is as good as full. */
const PROBES_MAX = 256;

export const KEY_FULL = -1;

function isExpired(view: EventView, entry: number, nowMs: number): boolean {
  const second = view.words[keyBase(view, entry) + KEY.second] >>> 0;
  return view.createdAtMs + second * 1000 + IDEMPOTENCY_TTL_MS <= nowMs;
}

/** The second that an entry made now carries: rounded up, so that it lives for 24 h at least. */
export function keySecond(view: EventView, nowMs: number): number {
  return Math.max(0, Math.ceil((nowMs - view.createdAtMs) / 1000));
}

function matches(view: EventView, base: number, key: KeyHash): boolean {
  const { words } = view;
  return (
    words[base + KEY.hash0] === key.hash0 &&
    words[base + KEY.hash1] === key.hash1 &&
    words[base + KEY.hash2] === key.hash2
  );
}

/** The entry of a key that still counts, or -1. Under the mutex. */
export function findKey(view: EventView, key: KeyHash, nowMs: number): number {
  const mask = view.keyCapacity - 1;
  let entry = key.hash1 & mask;
  for (let probes = 0; probes < PROBES_MAX; probes++) {
    const base = keyBase(view, entry);
    if (view.words[base + KEY.hash0] === 0) return -1;
    if (matches(view, base, key) && !isExpired(view, entry, nowMs)) return entry;
    entry = (entry + 1) & mask;
  }
  return -1;
}

/** Where a key goes: its own old entry, else the first free or expired one; KEY_FULL when there is none near. */
export function placeKey(view: EventView, key: KeyHash, nowMs: number): number {
  const mask = view.keyCapacity - 1;
  let entry = key.hash1 & mask;
  let reusable = KEY_FULL;
  for (let probes = 0; probes < PROBES_MAX; probes++) {
    const base = keyBase(view, entry);
    if (view.words[base + KEY.hash0] === 0) return reusable === KEY_FULL ? entry : reusable;
    if (matches(view, base, key)) return entry;
    if (reusable === KEY_FULL && isExpired(view, entry, nowMs)) reusable = entry;
    entry = (entry + 1) & mask;
  }
  return reusable;
}

/** Writes an entry from the eight words at `source`. Idempotent. Under the mutex. */
export function writeKey(view: EventView, entry: number, source: Int32Array, at: number): void {
  const base = keyBase(view, entry);
  for (let word = 1; word < 8; word++) view.words[base + word] = source[at + word];
  view.words[base + KEY.hash0] = source[at + KEY.hash0];
}

/** Entries that may be in use: beyond three quarters the table would be slow, and its entries too far from their place. */
export function keyLimit(view: EventView): number {
  return view.keyCapacity - (view.keyCapacity >>> 2);
}

/** How many of these are kept for confirmations, releases and cancellations. The registry has no claims, and needs none. */
export function keyReserve(view: EventView): number {
  return view.sectionCount === 0 ? 0 : keyLimit(view) >>> 2;
}

/** A free entry near a key's place in a table where nothing has expired yet: a fresh one. KEY_FULL for none. */
export function placeFreshKey(view: EventView, hash1: number): number {
  const mask = view.keyCapacity - 1;
  let entry = hash1 & mask;
  for (let probes = 0; probes < PROBES_MAX; probes++) {
    if (view.words[keyBase(view, entry) + KEY.hash0] === 0) return entry;
    entry = (entry + 1) & mask;
  }
  return KEY_FULL;
}
