/**
 * Shares of an event's idempotency keys: how many of the last day each client has. Clients fall into 127 shares by
 * hash (McKenney, Stochastic Fairness Queueing, 1990), so a share is a client's own but for chance; share 0 counts all.
 *
 * A share may have as many keys as FREE_FACTOR times what is still free (Choudhury and Hahne, Dynamic Queue Length
 * Thresholds, 1998): one client alone gets four fifths of the table, and whoever comes next always finds room.
 *
 * Keys are counted by slices of four hours, and those of the newest seven count: so they are forgotten without being
 * looked at again, after 24 to 28 hours; each count that a frame sets is absolute, so that a redo may set it again.
 */
import { keyLimit } from './keys.ts';
import { shareBase, type EventView } from './event.ts';
import { SHARE } from './layout.ts';

const SLICE_MS = 4 * 3600 * 1000;
const SLICES = 7;
const FREE_FACTOR = 4;

function sliceOf(view: EventView, nowMs: number): number {
  return Math.max(0, Math.floor((nowMs - view.createdAtMs) / SLICE_MS));
}

/** Keys of a share that still count. */
function shareSize(view: EventView, share: number, nowMs: number): number {
  const base = shareBase(view, share);
  const newest = view.words[base + SHARE.slice];
  const slice = Math.max(newest, sliceOf(view, nowMs));
  let sum = 0;
  for (let back = 0; back < SLICES; back++) {
    const number = slice - back;
    if (number < 0 || number > newest) continue;
    if (number <= newest - SLICES) break;
    sum += view.words[base + SHARE.counts + (number % SLICES)];
  }
  return sum;
}

/** Whether one more key of this share is within its fair part of the table. */
export function hasShareRoom(view: EventView, share: number, nowMs: number): boolean {
  const free = keyLimit(view) - shareSize(view, 0, nowMs);
  return shareSize(view, share, nowMs) < free * FREE_FACTOR;
}

/** Keys made in the present slice, with one more. */
export function nextShareCount(view: EventView, share: number, timeMs: number): number {
  const base = shareBase(view, share);
  const slice = sliceOf(view, timeMs);
  const isSame = view.words[base + SHARE.slice] === slice;
  return (isSame ? view.words[base + SHARE.counts + (slice % SLICES)] : 0) + 1;
}

/** Sets the present slice's count. Idempotent. Under the mutex. */
export function setShareCount(view: EventView, share: number, timeMs: number, count: number): void {
  const { words } = view;
  const base = shareBase(view, share);
  const slice = sliceOf(view, timeMs);
  const newest = words[base + SHARE.slice];
  for (let number = Math.max(newest + 1, slice - SLICES + 1); number <= slice; number++) {
    words[base + SHARE.counts + (number % SLICES)] = 0;
  }
  words[base + SHARE.counts + (slice % SLICES)] = count;
  words[base + SHARE.slice] = slice;
}
