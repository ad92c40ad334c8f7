/**
 * The guard of an event: a sequence lock. Odd while a frame is published and applied, in repair too; readers
 * without the mutex take what they need in one even, unchanged window.
 *
 * What the guard guards is loaded and stored plainly: a call of Atomics takes 20 to 30 ns in V8, a plain one takes one
 * to three, and a hold changes some fifty words. Atomics are for what threads meet at without the guard (the guard
 * itself, tickets, the ring's head and headers, announcements), and for counts and states, which change by
 * compare-and-swap so that a word that is not what it must be is found and never written over.
 *
 *   writer                                 reader
 *   guard + 1, read-modify-write (A)       load guard, even (C)
 *   plain stores                           plain loads
 *   store guard + 1 (B)                    guard + 0, read-modify-write (D); load guard, unchanged
 *
 * A reader that sees the value of B at C sees all stores before B. If its loads saw a store behind A, then D comes
 * after A in the guard's own order, and the guard has changed. See docs/decisions/030.
 */
import { assert } from '../core/assert.ts';
import { eventBase, loadWide, storeWide, type Arena } from './arena.ts';
import { EVENT } from './layout.ts';

/** Opens the window: from here until closeGuard() the event's words may disagree. Under the mutex. */
export function openGuard(arena: Arena, slot: number, unit: number): void {
  const { words } = arena;
  const base = eventBase(arena, slot);
  assert((words[base + EVENT.guard] & 1) === 0, 'a guard is even before a change');
  // Readers turn away from here on; pairs with readGuard(). A read-modify-write, not a store, so that no later
  // plain store can be seen before it: acquire and release at once.
  Atomics.add(words, base + EVENT.guard, 1);
  // Tells repair where to look. Plain: whoever repairs has seen this thread end.
  words[base + EVENT.notedUnit] = unit;
  words[base + EVENT.noted] = 1;
}

/** Closes the window with the sequence and the end position of the frame that was applied. */
export function closeGuard(arena: Arena, slot: number, sequence: number, position: number): void {
  const { words } = arena;
  const base = eventBase(arena, slot);
  storeWide(words, base + EVENT.sequenceLow, sequence);
  storeWide(words, base + EVENT.positionLow, position);
  words[base + EVENT.noted] = 0;
  const guard = words[base + EVENT.guard];
  assert((guard & 1) === 1, 'a guard is odd during a change');
  // Publishes the words of the change; pairs with readGuard().
  Atomics.store(words, base + EVENT.guard, (guard + 1) | 0);
}

/** Closes the window of a change that never happened. */
export function abortGuard(arena: Arena, slot: number): void {
  const { words } = arena;
  const base = eventBase(arena, slot);
  Atomics.store(words, base + EVENT.noted, 0);
  const guard = Atomics.load(words, base + EVENT.guard);
  if ((guard & 1) === 1) Atomics.store(words, base + EVENT.guard, (guard + 1) | 0);
}

/** The guard's value; odd means that a change is going on. Pairs with the stores above. */
export function readGuard(arena: Arena, slot: number): number {
  return Atomics.load(arena.words, eventBase(arena, slot) + EVENT.guard);
}

/**
 * Ends a stretch of plain loads within a guard window (D above). A plain load may be done late, but not after this: an
 * addition of nothing, which is a write to the guard. If the guard is seen unchanged after it, then whoever opens the
 * window next reads what this wrote, and so all loads before it happened before that change. (Read, don't modify, write:
 * Boehm, Can Seqlocks Get Along With Programming Language Memory Models?, 2012.)
 */
export function settleLoads(arena: Arena, slot: number): void {
  // Pairs with the add in openGuard().
  Atomics.add(arena.words, eventBase(arena, slot) + EVENT.guard, 0);
}

/** The event's sequence: true inside a guard window or under the mutex. */
export function loadSequence(arena: Arena, slot: number): number {
  return loadWide(arena.words, eventBase(arena, slot) + EVENT.sequenceLow);
}

/** End position of the event's last frame: what must be durable before anybody is told of it. */
export function loadPosition(arena: Arena, slot: number): number {
  return loadWide(arena.words, eventBase(arena, slot) + EVENT.positionLow);
}
