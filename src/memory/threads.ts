/**
 * Thread slots: each worker writes here what it holds, before it takes it, so that the supervisor can give it
 * back when the worker is dead. A slot is the worker's own until its thread has exited.
 */
import { assert } from '../core/assert.ts';
import type { Arena } from './arena.ts';
import { HEADER, LOCK_PHASE, THREAD, THREAD_WORDS } from './layout.ts';

/** First word of a thread's slot. */
export type ThreadBase = number & { readonly __brand: 'ThreadBase' };

export function threadBase(arena: Arena, index: number): ThreadBase {
  assert(index >= 0 && index < arena.geometry.threadsMax, 'a thread slot lies within the arena');
  return (arena.geometry.threads + index * THREAD_WORDS) as ThreadBase;
}

export function threadIndex(arena: Arena, base: ThreadBase): number {
  return (base - arena.geometry.threads) / THREAD_WORDS;
}

/** Takes a free slot for a thread. There are twice as many as workers, so running out is a bug. */
export function takeThreadSlot(arena: Arena, threadId: number): ThreadBase {
  assert(threadId > 0, 'a slot is taken for a thread with an id');
  for (let index = 0; index < arena.geometry.threadsMax; index++) {
    const base = threadBase(arena, index);
    // Pairs with the store in freeThreadSlot().
    if (Atomics.compareExchange(arena.words, base + THREAD.threadId, 0, threadId) !== 0) continue;
    Atomics.store(arena.words, base + THREAD.served, 0);
    // Before the thread shows that it wants anything; pairs with the load in hasExited().
    Atomics.store(arena.words, base + THREAD.exited, 0);
    return base;
  }
  assert(false, 'there is a free thread slot');
}

export function findThreadSlot(arena: Arena, threadId: number): ThreadBase | null {
  for (let index = 0; index < arena.geometry.threadsMax; index++) {
    const base = threadBase(arena, index);
    if (Atomics.load(arena.words, base + THREAD.threadId) === threadId) return base;
  }
  return null;
}

/** A worker is through with a batch, and its reply is about to leave. */
export function countServed(arena: Arena, thread: ThreadBase): void {
  Atomics.add(arena.words, thread + THREAD.served, 1);
}

/** How many batches a thread has served; -1 if it has no slot. */
export function servedBatches(arena: Arena, threadId: number): number {
  const thread = findThreadSlot(arena, threadId);
  return thread === null ? -1 : Atomics.load(arena.words, thread + THREAD.served);
}

/** Notes that a thread has exited: it attempts nothing any more. Main thread, before it looks at what was held. */
export function markExited(arena: Arena, thread: ThreadBase): void {
  Atomics.store(arena.words, thread + THREAD.exited, 1);
}

/** Whether a thread has exited. Asked after a look at what it intends, so that a successor in its slot is not meant. */
export function hasExited(arena: Arena, thread: ThreadBase): boolean {
  // Pairs with the stores in markExited() and takeThreadSlot().
  return Atomics.load(arena.words, thread + THREAD.exited) === 1;
}

/** Gives a dead thread's slot back, once what it held is. */
export function freeThreadSlot(arena: Arena, thread: ThreadBase): void {
  const { words } = arena;
  assert(Atomics.load(words, thread + THREAD.lockPhase) === LOCK_PHASE.none, 'a freed slot holds no ticket');
  assert(Atomics.load(words, thread + THREAD.reserveUnits) === 0, 'a freed slot holds no ring space');
  // Pairs with the compare-and-swap in takeThreadSlot().
  Atomics.store(words, thread + THREAD.threadId, 0);
}

export interface CacheCounts {
  readonly hits: number;
  readonly misses: number;
  readonly evictions: number;
  readonly announcements: number;
}

/** Sums the cache counters of all threads, those that ended included. */
export function cacheCounts(arena: Arena): CacheCounts {
  const sum = { hits: 0, misses: 0, evictions: 0, announcements: 0 };
  for (let index = 0; index < arena.geometry.threadsMax; index++) {
    const base = threadBase(arena, index);
    sum.hits += Atomics.load(arena.words, base + THREAD.cacheHits) >>> 0;
    sum.misses += Atomics.load(arena.words, base + THREAD.cacheMisses) >>> 0;
    sum.evictions += Atomics.load(arena.words, base + THREAD.cacheEvictions) >>> 0;
    sum.announcements += Atomics.load(arena.words, base + THREAD.announcements) >>> 0;
  }
  return sum;
}

/** Wakes the journal thread: frames were published. */
export function wakeJournal(arena: Arena): void {
  // Pairs with the wait in workers/journal.ts, which reads this word before it looks at the ring.
  Atomics.add(arena.words, HEADER.journalWake, 1);
  Atomics.notify(arena.words, HEADER.journalWake);
}
