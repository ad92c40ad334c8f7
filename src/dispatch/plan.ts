/** What the next writing batch of a lane is: a sweep or commands, and how many of them there is credit for. */
import { BATCH_KIND } from '../core/batch.ts';
import { BATCH_COMMANDS_MAX } from '../core/limits.ts';
import type { Credit, Need } from './credit.ts';
import { drawsOnReserve, type Pending } from './flight.ts';
import { REGISTRY_SLOT } from '../memory/registry.ts';
import type { Lane } from './lane.ts';
import type { LaneQueue } from './rotation.ts';

export type Plan =
  | {
      readonly ok: true;
      readonly kind: typeof BATCH_KIND.write | typeof BATCH_KIND.expire;
      readonly pendings: readonly Pending[];
      readonly need: Need;
    }
  /** not-due: only a sweep is wanted, and not yet. credit: the journal is catching up. disk: waiting will not help. */
  | { readonly ok: false; readonly reason: 'not-due' | 'credit' | 'disk' };

/**
 * Commands in a batch while a few clients share it, each with many waiting. A client with 64 connections has half of them
 * waiting and the other half in a batch or on their way back: with batches of 64 its share of the next one would not be
 * there yet when that leaves, and it would get less than its turn. With many clients a turn is short anyway.
 */
const SHARED_BATCH_MAX = 32;

/** Whether it is so few that share, and a batch that takes what happens to wait could wrong one of them. */
export function isOfFew(clientCount: number): boolean {
  return clientCount >= 2 && clientCount < SHARED_BATCH_MAX;
}

/** How many requests the next batch of a queue takes. */
export function batchMax(queue: LaneQueue): number {
  const { clientCount } = queue;
  if (!isOfFew(clientCount)) return BATCH_COMMANDS_MAX;
  // Whoever has no more than its share is in this batch anyway, however long it is. What counts is all that a client has
  // under way: how much of that happens to wait is a matter of the moment.
  const sharers = queue.countHeads(({ account }) => account.admitted > SHARED_BATCH_MAX / clientCount);
  return sharers > 1 ? SHARED_BATCH_MAX : BATCH_COMMANDS_MAX;
}

const NOT_DUE: Plan = { ok: false, reason: 'not-due' };
const CREDIT: Plan = { ok: false, reason: 'credit' };
const DISK: Plan = { ok: false, reason: 'disk' };
const NO_PENDINGS: readonly Pending[] = [];

/**
 * `onlyReserve`: another lane waits for credit already, so only what may draw on the reserve goes ahead of it. `sweepsMs`:
 * sweeps that are due by then may go.
 */
export function planWriting(lane: Lane, credit: Credit, onlyReserve: boolean, sweepsMs: number): Plan {
  const hasCommands = lane.writes.size > 0;
  if (lane.sweepAtMs <= lane.expireBeforeMs(sweepsMs) && !(hasCommands && lane.lastWasSweep)) {
    const need = credit.sweepNeed;
    if (need.ringBytes <= credit.ringRoom(true) && need.diskBytes <= credit.diskRoom(true)) {
      return { ok: true, kind: BATCH_KIND.expire, pendings: NO_PENDINGS, need };
    }
    if (!hasCommands) return CREDIT;
  }
  return hasCommands ? planCommands(lane, credit, onlyReserve) : NOT_DUE;
}

function planCommands(lane: Lane, credit: Credit, onlyReserve: boolean): Plan {
  const head = lane.writes.peek()!;
  const mayDraw = drawsOnReserve(head.operation);
  let plan = onlyReserve ? null : take(lane, credit, false);
  if (plan === null && mayDraw) plan = take(lane, credit, true);
  if (plan !== null) return plan;
  const bound = credit.frameBound(head);
  return credit.isDiskShort(credit.diskNeed(bound, 1, bound), mayDraw) ? DISK : CREDIT;
}

/** Takes as many commands, in order, as a batch and the credit hold; null when not even one. */
function take({ slot, writes }: Lane, credit: Credit, withReserve: boolean): Plan | null {
  // What takes or gives memory goes alone: what it retires is waited for before the next.
  const countMax = slot === REGISTRY_SLOT ? 1 : batchMax(writes);
  const ringRoom = credit.ringRoom(withReserve);
  const diskRoom = credit.diskRoom(withReserve);
  const pendings: Pending[] = [];
  let frameSum = 0;
  let largest = 0;
  while (pendings.length < countMax) {
    const next = writes.peek();
    if (next === undefined || (withReserve && !drawsOnReserve(next.operation))) break;
    const bound = credit.frameBound(next);
    const sum = frameSum + bound;
    const peak = Math.max(largest, bound);
    if (credit.ringNeed(sum, peak) > ringRoom) break;
    if (credit.diskNeed(sum, pendings.length + 1, peak) > diskRoom) break;
    frameSum = sum;
    largest = peak;
    pendings.push(next);
    writes.shift();
  }
  if (pendings.length === 0) return null;
  const need = {
    ringBytes: credit.ringNeed(frameSum, largest),
    diskBytes: credit.diskNeed(frameSum, pendings.length, largest),
  };
  return { ok: true, kind: BATCH_KIND.write, pendings, need };
}
