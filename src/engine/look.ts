/**
 * The doors to an event's memory, and the one place that finds a batch's gate: the journal position that must be durable
 * before its replies leave. Workers.
 *
 *   inWindow()              loads in one even, unchanged window of the guard ─┐
 *   acquire() … release()   loads and changes under the mutex                ─┼─▶ context.gate = max(gate, last position)
 *   raiseGate()             what was kept from an earlier look               ─┘
 *
 * Each door takes the event's last position after its last load, in the same window or still under the mutex. So the gate
 * covers everything that a batch has seen, of whatever events, and no operation reports a position of its own. Code that
 * makes replies reads an event's memory through these doors only (test/layers.test.ts).
 */
import { loadPosition, readGuard, settleLoads } from '../memory/guard.ts';
import { acquireMutex, releaseMutex } from '../memory/mutex.ts';
import type { BatchContext } from './command.ts';

const WINDOW_TRIES = 4;

/** The replies of this batch show something that is durable with `position`. */
export function raiseGate(context: BatchContext, position: number): void {
  if (position > context.gate) context.gate = position;
}

/** Takes the mutex of a slot. Each acquire() has its release(). */
export function acquire(context: BatchContext, slot: number): void {
  acquireMutex(context.arena, context.thread, slot);
}

/** Gives the mutex of a slot back: whatever was seen or changed under it is behind the gate. */
export function release(context: BatchContext, slot: number): void {
  raiseGate(context, loadPosition(context.arena, slot));
  releaseMutex(context.arena, context.thread);
}

/** Runs `action` under the mutex of a slot. No mutex may be held. */
export function underMutex<T>(context: BatchContext, slot: number, action: () => T): T {
  acquire(context, slot);
  const result = action();
  release(context, slot);
  return result;
}

/**
 * Runs `read` in one even, unchanged guard window of a slot, or under its mutex after a few tries. What it loads may be
 * nonsense in a window that fails, and its result is dropped then.
 */
export function inWindow<T>(context: BatchContext, slot: number, read: () => T): T {
  const { arena } = context;
  for (let tries = 0; tries < WINDOW_TRIES; tries++) {
    // Pairs with the changes in openGuard() and closeGuard().
    const guard = readGuard(arena, slot);
    if ((guard & 1) === 1) continue;
    const seen = read();
    const position = loadPosition(arena, slot);
    settleLoads(arena, slot);
    if (readGuard(arena, slot) !== guard) continue;
    raiseGate(context, position);
    return seen;
  }
  return underMutex(context, slot, read);
}

/** The replies reveal something of a slot that was seen without a door, such as whether it is in use. */
export function lookAt(context: BatchContext, slot: number): void {
  inWindow(context, slot, () => null);
}
