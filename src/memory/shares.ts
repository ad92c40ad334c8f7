/**
 * Shares of an event's idempotency keys: how many of the last day each client has. Clients fall into 126 shares by
 * hash (McKenney, Stochastic Fairness Queueing, 1990), so a share is a client's own but for chance; share 0 counts all
 * of theirs.
 *
 * A share may have as many keys as FREE_FACTOR times what is still free (Choudhury and Hahne, Dynamic Queue Length
 * Thresholds, 1998): one client alone gets four fifths of what is there, and whoever comes next always finds room.
 *
 * A quarter of the table is a reserve beside that, for keys of confirmations, releases, cancellations and changes of the
 * event itself: a customer who has paid is not refused because others, or its own holds, have used the keys up, and a
 * sale can be paused. The reserve is touched once the share refuses, counted apart, and no share limits it. But a browser
 * may take and release holds all day, so all but confirmations get half of it at most; a confirmation costs a place each
 * time. See decision 034.
 *
 * Keys are counted by slices of four hours, and those of the newest seven count: so they are forgotten without being
 * looked at again, after 24 to 28 hours; each count that a frame sets is absolute, so that a redo may set it again.
 */
import { keyLimit, keyReserve } from './keys.ts';
import { shareBase, type EventView } from './event.ts';
import { RESERVE_SHARE, SHARE } from './layout.ts';

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

/** What a key is for. settle: a release, a cancellation, or a change of the event. */
export type KeyUse = 'ordinary' | 'settle' | 'confirm';

export const NO_SHARE = -1;

/** The share that one more key counts to: the client's while it is within its fair part, else the reserve; or NO_SHARE. */
export function chargedShare(view: EventView, share: number, use: KeyUse, nowMs: number): number {
  const reserve = keyReserve(view);
  const free = keyLimit(view) - reserve - shareSize(view, 0, nowMs);
  if (shareSize(view, share, nowMs) < free * FREE_FACTOR) return share;
  if (use === 'ordinary') return NO_SHARE;
  const limit = use === 'confirm' ? reserve : reserve >>> 1;
  return shareSize(view, RESERVE_SHARE, nowMs) < limit ? RESERVE_SHARE : NO_SHARE;
}

/** Keys made in the present slice. */
export function shareCount(view: EventView, share: number, timeMs: number): number {
  const base = shareBase(view, share);
  const slice = sliceOf(view, timeMs);
  const isSame = view.words[base + SHARE.slice] === slice;
  return isSame ? view.words[base + SHARE.counts + (slice % SLICES)] : 0;
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
