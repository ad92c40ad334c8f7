/**
 * cancel: give back all tickets of an order, or some. What is cancelled already stays so; again changes nothing.
 * The places go back on sale, or off it.
 */
import { FRAME_KIND } from '../core/frame.ts';
import type { ClaimRef } from '../core/ids.ts';
import { claimItems, claimState, claimTickets, itemBase } from '../memory/claims.ts';
import { cellBase, type EventView } from '../memory/event.ts';
import type { KeyHash } from '../memory/keys.ts';
import { CLAIM, CLAIM_STATE, ITEM } from '../memory/layout.ts';
import {
  checkKey,
  findClaim,
  keepClaim,
  refuse,
  replayKey,
  type BatchContext,
  type Outcome,
} from './command.ts';
import { CustomerPlan } from './customer.ts';
import { PlacePlan } from './plan.ts';
import { commitSettle } from './settle-frame.ts';

export interface CancelCommand {
  readonly ref: ClaimRef;
  /** Zero-based tickets to cancel, each below the order's count; null for all. */
  readonly tickets: readonly number[] | null;
  /** The places go off sale. */
  readonly toBlocked: boolean;
  /** UTF-8, maybe empty: for the history. */
  readonly reason: Uint8Array;
  readonly key: KeyHash | null;
}

const plan = new PlacePlan();
const customer = new CustomerPlan();
/** All cancelled tickets after, and those that this command cancels: 128 bits each. */
const after = new Int32Array(4);
const newly = new Int32Array(4);

export function cancel(context: BatchContext, view: EventView, command: CancelCommand): Outcome {
  const check = checkKey(context, view, command.key, 'settle');
  if (check.kind === 'refused') return check.refusal;
  if (check.kind === 'known') return replayKey(view, check.cell, check.check, 'order-not-found');
  const cell = findClaim(view, command.ref);
  if (cell < 0) return refuse('order-not-found');
  const word = view.words[cellBase(view, cell) + CLAIM.state];
  const state = claimState(word);
  if (state === CLAIM_STATE.cancelled) return keepClaim(context, view, cell, check);
  if (state !== CLAIM_STATE.confirmed) return refuse('order-not-found');
  const left = planTickets(view, cell, claimTickets(word), command.tickets);
  if (plan.placeCount === 0) return keepClaim(context, view, cell, check);
  customer.planOf(view, cell, -plan.placeCount, 0, null);
  commitSettle(context, view, plan, {
    kind: command.toBlocked ? FRAME_KIND.withdraw : FRAME_KIND.cancel,
    cell,
    state: left === 0 ? CLAIM_STATE.cancelled : CLAIM_STATE.confirmed,
    check,
    customer,
    reason: command.reason,
    cancelled: after,
    newly,
  });
  return { ok: true, cell, changed: true, replayed: false };
}
/** Fills `after`, `newly` and the plan; returns how many tickets stay valid. */
function planTickets(
  view: EventView,
  cell: number,
  count: number,
  tickets: readonly number[] | null,
): number {
  plan.clear();
  const cancelled = cellBase(view, cell) + CLAIM.cancelled;
  for (let i = 0; i < 4; i++) newly[i] = 0;
  if (tickets === null) {
    for (let ticket = 0; ticket < count; ticket++) newly[ticket >>> 5] |= 1 << (ticket & 31);
  } else {
    for (const ticket of tickets) newly[ticket >>> 5] |= 1 << (ticket & 31);
  }
  for (let i = 0; i < 4; i++) {
    newly[i] &= ~view.words[cancelled + i];
    after[i] = newly[i] | view.words[cancelled + i];
  }
  const items = claimItems(view.words[cellBase(view, cell) + CLAIM.state]);
  let ticket = 0;
  let left = 0;
  for (let i = 0; i < items; i++) {
    const word = view.words[itemBase(view, cell, i) + ITEM.section];
    for (let place = 0; place < word >>> 16; place++, ticket++) {
      if (((newly[ticket >>> 5] >>> (ticket & 31)) & 1) === 1) plan.count(word & 0xffff, 1);
      if (((after[ticket >>> 5] >>> (ticket & 31)) & 1) === 0) left++;
    }
  }
  return left;
}
