/**
 * The journal ring: many producers (workers, under their event's mutex), one consumer (the journal thread).
 *
 *            released           durable             head
 *   ─────────────┼──── needed ─────┼── being synced ──┼───── free, all zero ─────
 *
 * - Cursors count units of 8 bytes and wrap at 2^32; they are compared by difference only.
 * - A producer moves `head` by compare-and-swap, writes its frame, and publishes it by one store of the header
 *   word. The consumer stops at the first header that reads 0, so space must be zeroed before it is reused.
 * - A frame never wraps: the rest of the ring becomes a padding frame in the same reservation.
 * - Credit is main's business: a ring that is full here is a fault.
 */
import { assert } from '../core/assert.ts';
import { FRAME_KIND, headerBytes, packHeader } from '../core/frame.ts';
import { remainder, type Arena } from './arena.ts';
import { HEADER, THREAD } from './layout.ts';
import { hasExited, threadBase, type ThreadBase } from './threads.ts';
import { zeroWords } from './zero.ts';

const RESERVE_TRIES_MAX = 1_000_000;
const PADDING_WORDS_MAX = 0xff_fffe;

/** Where in the ring a unit lies. */
function ringOffset(arena: Arena, unit: number): number {
  return remainder(unit, arena.geometry.ringUnits);
}

/** Word index in the arena of a ring unit. */
export function unitWord(arena: Arena, unit: number): number {
  return arena.geometry.ring + ringOffset(arena, unit) * 2;
}

/** Units that a reservation of `units` takes at `start`: with padding when the frame would wrap. */
function unitsWithPadding(arena: Arena, start: number, units: number): number {
  const rest = arena.geometry.ringUnits - ringOffset(arena, start);
  return units <= rest ? units : rest + units;
}

/**
 * Reserves room for a frame of `units`; returns the unit where the frame begins. Padding before it is published
 * at once. Under the mutex of the frame's event.
 */
export function reserveFrame(arena: Arena, thread: ThreadBase, units: number): number {
  const { words } = arena;
  assert(units > 0 && units * 4 <= arena.geometry.ringUnits, 'a frame takes a quarter of the ring at most');
  for (let tries = 0; tries < RESERVE_TRIES_MAX; tries++) {
    const start = Atomics.load(words, HEADER.ringHead);
    const total = unitsWithPadding(arena, start, units);
    const used = (start - Atomics.load(words, HEADER.ringReleased)) | 0;
    assert(used + total <= arena.geometry.ringUnits, 'credit keeps the ring from filling');
    // Plain: whoever sees the head moved by the compare-and-swap sees these too.
    words[thread + THREAD.reserveStart] = start;
    // Negative while only intended, so that the supervisor can tell; see inspectDeadReservation().
    words[thread + THREAD.reserveUnits] = -total;
    // Takes the room; pairs with itself in other producers and with the supervisor's look at ringHead.
    if (Atomics.compareExchange(words, HEADER.ringHead, start, (start + total) | 0) !== start) continue;
    Atomics.store(words, thread + THREAD.reserveUnits, total);
    if (total !== units) publishPadding(arena, start, total - units);
    return (start + total - units) | 0;
  }
  assert(false, 'ring space is reserved in a bounded number of tries');
}

/** Makes a frame visible to the journal thread. From here the command has happened. */
export function publishFrame(arena: Arena, unit: number, header: number): void {
  // Publishes the frame's words; pairs with the load in publishedUnits().
  Atomics.store(arena.words, unitWord(arena, unit), header);
}

/**
 * The frame is applied: the reservation is no longer the supervisor's business. Plain: seen late, it still says what
 * was true of that room.
 */
export function endReservation(arena: Arena, thread: ThreadBase): void {
  arena.words[thread + THREAD.reserveUnits] = 0;
}

/** Fills reserved room with padding frames. */
function publishPadding(arena: Arena, start: number, units: number): void {
  let at = start;
  let left = units;
  while (left > 0) {
    const chunk = Math.min(left, PADDING_WORDS_MAX >>> 1);
    publishFrame(arena, at, packHeader(FRAME_KIND.padding, chunk * 2));
    at = (at + chunk) | 0;
    left -= chunk;
  }
}

/**
 * How many units from `tail` on are published without a gap, whole frames of at most `unitsMax` in all (but at least
 * one frame). Journal thread, the one consumer.
 */
export function publishedUnits(arena: Arena, tail: number, unitsMax: number): number {
  const { words } = arena;
  const reserved = (Atomics.load(words, HEADER.ringHead) - tail) | 0;
  let published = 0;
  while (published < reserved) {
    // Pairs with the store in publishFrame().
    const header = Atomics.load(words, unitWord(arena, (tail + published) | 0));
    if (header === 0) break;
    const units = headerBytes(header) / 8;
    if (published > 0 && published + units > unitsMax) break;
    published += units;
  }
  assert(published <= reserved, 'frames end where reservations end');
  return published;
}

/** The bytes of `units` units from `start`: one view, or two when they wrap. */
export function ringChunks(arena: Arena, start: number, units: number): Uint8Array[] {
  const { geometry, bytes } = arena;
  const offset = ringOffset(arena, start);
  const first = Math.min(units, geometry.ringUnits - offset);
  const ringByte = geometry.ring * 4;
  const chunks = [bytes.subarray(ringByte + offset * 8, ringByte + (offset + first) * 8)];
  if (first < units) chunks.push(bytes.subarray(ringByte, ringByte + (units - first) * 8));
  return chunks;
}

/** Zeroes the room up to what main says nobody needs, and gives it back; whether there was any. Journal thread. */
export function releaseRing(arena: Arena, durableUnit: number): boolean {
  const { words, geometry } = arena;
  const released = Atomics.load(words, HEADER.ringReleased);
  // Pairs with main's store in setReleasable().
  const wanted = (Atomics.load(words, HEADER.ringReleasable) - released) | 0;
  const durable = (durableUnit - released) | 0;
  const units = Math.min(wanted, durable);
  if (units <= 0) return false;
  assert(units <= geometry.ringUnits, 'no more is released than the ring holds');
  const offset = ringOffset(arena, released);
  const first = Math.min(units, geometry.ringUnits - offset);
  zeroWords(words, geometry.ring + offset * 2, geometry.ring + (offset + first) * 2);
  zeroWords(words, geometry.ring, geometry.ring + (units - first) * 2);
  // Publishes the zeroes; pairs with the load in reserveFrame() and in ringUsedUnits().
  Atomics.store(words, HEADER.ringReleased, (released + units) | 0);
  return true;
}

export function setReleasable(arena: Arena, unit: number): void {
  Atomics.store(arena.words, HEADER.ringReleasable, unit);
}

export function ringHead(arena: Arena): number {
  return Atomics.load(arena.words, HEADER.ringHead);
}

/** Units between what is released and what is reserved. Main thread, for credit. */
export function ringUsedUnits(arena: Arena): number {
  const released = Atomics.load(arena.words, HEADER.ringReleased);
  return (Atomics.load(arena.words, HEADER.ringHead) - released) | 0;
}

/**
 * Position of a ring unit: units are the low 32 bits of position / 8. `near` is any position known to be less
 * than 16 GiB away.
 */
export function unitPosition(unit: number, near: number): number {
  const nearUnit = Math.floor(near / 8);
  return (nearUnit + ((unit - (nearUnit | 0)) | 0)) * 8;
}

/** Covers everything that any thread may have published, and so may be seen in memory. */
export function headPosition(arena: Arena): number {
  return unitPosition(ringHead(arena), loadDurable(arena));
}

export function positionUnit(position: number): number {
  return Math.floor(position / 8) | 0;
}

/** Sets all cursors at boot, before any producer runs. The ring is zero then. */
export function startRing(arena: Arena, position: number): void {
  const { words } = arena;
  const unit = positionUnit(position);
  assert(position % 8 === 0, 'a position is a multiple of 8');
  Atomics.store(words, HEADER.ringHead, unit);
  Atomics.store(words, HEADER.ringReleasable, unit);
  Atomics.store(words, HEADER.ringReleased, unit);
  storeDurable(arena, position);
}

/** Journal thread: everything before `position` is on disk. */
export function storeDurable(arena: Arena, position: number): void {
  const { words } = arena;
  const guard = Atomics.load(words, HEADER.durableGuard);
  // Odd while the two halves change; pairs with loadDurable().
  Atomics.store(words, HEADER.durableGuard, (guard + 1) | 0);
  Atomics.store(words, HEADER.durableLow, position | 0);
  Atomics.store(words, HEADER.durableHigh, Math.floor(position / 0x1_0000_0000));
  Atomics.store(words, HEADER.durableGuard, (guard + 2) | 0);
}

export function loadDurable(arena: Arena): number {
  const { words } = arena;
  for (let tries = 0; tries < RESERVE_TRIES_MAX; tries++) {
    const guard = Atomics.load(words, HEADER.durableGuard);
    const lowWord = Atomics.load(words, HEADER.durableLow) >>> 0;
    const highWord = Atomics.load(words, HEADER.durableHigh) >>> 0;
    // Pairs with storeDurable(): even and unchanged means that the halves belong together.
    if ((guard & 1) === 0 && Atomics.load(words, HEADER.durableGuard) === guard) {
      return highWord * 0x1_0000_0000 + lowWord;
    }
  }
  assert(false, 'the durable position is read in a bounded number of tries');
}

/** Whether frames wait for a segment: the disk is full, and does answer. Pairs with the exchange in workers/journal.ts. */
export function awaitsSegment({ words }: Arena): boolean {
  return Atomics.load(words, HEADER.awaitsSegment) !== 0;
}

/** Whether a dead thread took the room that its slot shows; undecided: one that has not exited is about to say. */
export type DeadReservation = 'none' | 'taken' | 'undecided';

/**
 * Tells what a thread that has exited left of a reservation. Changes nothing. Main thread.
 *
 * Room that the head has passed has one taker, which shows it until its frame is published. So when nothing is published
 * there, no other thread shows to have taken it, and each thread that intends it has exited, the taker is one of those,
 * and it wrote nothing there. What they intended may differ in length, and the taker's is the shortest whose end was a
 * boundary between reservations (see isBoundary()): a shorter one ends within the taker's room, where nothing is. Of
 * several of that length it does not matter which: the one asked first has it, and its padding takes it from the others.
 */
export function inspectDeadReservation(arena: Arena, dead: ThreadBase): DeadReservation {
  const { words } = arena;
  const units = Atomics.load(words, dead + THREAD.reserveUnits);
  if (units === 0) return 'none';
  if (units > 0) return 'taken';
  const start = Atomics.load(words, dead + THREAD.reserveStart);
  // Before the looks at slots, so that the taker of all room up to here is seen in them; pairs with reserveFrame().
  const head = ringHead(arena);
  if (((head - start) | 0) <= 0) return 'none';
  // A published header there is another's: a thread publishes nothing before its slot says that it took room.
  if (Atomics.load(words, unitWord(arena, start)) !== 0) return 'none';
  const intended = [-units];
  for (let index = 0; index < arena.geometry.threadsMax; index++) {
    const other = threadBase(arena, index);
    const otherUnits = other === dead ? 0 : unitsShown(arena, other, start);
    if (otherUnits > 0) return 'none';
    if (otherUnits === 0) continue;
    if (!hasExited(arena, other)) return 'undecided';
    intended.push(-otherUnits);
  }
  // And again: another may have published there and gone on before its slot was looked at.
  if (Atomics.load(words, unitWord(arena, start)) !== 0) return 'none';
  intended.sort((one, other) => one - other);
  const taken = intended.find((length) => isBoundary(arena, head, (start + length) | 0));
  return taken === -units ? 'taken' : 'none';
}

/** Length that a thread shows of a reservation which begins at a unit, negative while only intended; 0 for none. */
function unitsShown(arena: Arena, thread: ThreadBase, start: number): number {
  const { words } = arena;
  if (Atomics.load(words, thread + THREAD.reserveStart) !== start) return 0;
  const units = Atomics.load(words, thread + THREAD.reserveUnits);
  // Looked at again: it may have gone on to other room, and the length be of that.
  return Atomics.load(words, thread + THREAD.reserveStart) === start ? units : 0;
}

/**
 * Whether a reservation ended at a unit: then the head was there, and is still, or the taker of the room behind it shows
 * that room or has published there. Of a unit within room where nothing was written none of this is so: the head was
 * never there, so that nobody intended to begin there either. Not asked of units beyond the head, since the taker's end
 * is found first.
 */
function isBoundary(arena: Arena, head: number, unit: number): boolean {
  if (unit === head) return true;
  for (let index = 0; index < arena.geometry.threadsMax; index++) {
    if (unitsShown(arena, threadBase(arena, index), unit) !== 0) return true;
  }
  return Atomics.load(arena.words, unitWord(arena, unit)) !== 0;
}

/** Turns what a dead thread took and did not publish into padding. A published frame stays as it is. */
export function padDeadReservation(arena: Arena, dead: ThreadBase): void {
  const { words, geometry } = arena;
  const start = Atomics.load(words, dead + THREAD.reserveStart);
  const total = Math.abs(Atomics.load(words, dead + THREAD.reserveUnits));
  const rest = geometry.ringUnits - ringOffset(arena, start);
  const padding = total > rest ? rest : 0;
  const frame = (start + padding) | 0;
  if (padding > 0 && Atomics.load(words, unitWord(arena, start)) === 0) publishPadding(arena, start, padding);
  if (Atomics.load(words, unitWord(arena, frame)) === 0) publishPadding(arena, frame, total - padding);
  Atomics.store(words, dead + THREAD.reserveUnits, 0);
}
