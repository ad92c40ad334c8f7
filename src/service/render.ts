/**
 * Claims as the JSON of API.md.
 */
import { claimSuffix, type CellIndex, type EventSlot } from '../core/ids.ts';
import type { SeatMap } from '../engine/definition.ts';
import { isTicketCancelled, type Claim, type ClaimItem } from '../engine/read.ts';
import { CLAIM_FLAG, CLAIM_STATE } from '../memory/layout.ts';

/** What rendering needs to know of an event. */
export interface EventNames {
  readonly slot: number;
  readonly generation: number;
  readonly map: SeatMap;
}

export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

/** The suffix that the ids of a claim share. */
export function suffixOf(
  event: Pick<EventNames, 'slot' | 'generation'>,
  cell: number,
  random: readonly [number, number, number],
): string {
  return claimSuffix({
    slot: event.slot as EventSlot,
    generation: event.generation,
    cell: cell as CellIndex,
    random0: random[0] >>> 0,
    random1: random[1] >>> 0,
    random2: random[2] >>> 0,
  });
}

export function claimSuffixOf(event: EventNames, claim: Claim): string {
  return suffixOf(event, claim.cell, [claim.random0, claim.random1, claim.random2]);
}

function itemJson(event: EventNames, item: ClaimItem): object {
  const { price } = item;
  const type = typeName(event, item);
  if (item.seat >= 0) return { seat: event.map.label(item.seat), type, price };
  const section = event.map.definition.sections[item.section].id;
  return { section, quantity: item.quantity, type, price };
}

function typeName(event: EventNames, item: ClaimItem): string {
  return event.map.definition.priceTypes[item.type];
}

function totalOf(items: readonly ClaimItem[]): number {
  let total = 0;
  for (const item of items) total += (item.price ?? 0) * item.quantity;
  return total;
}

const HOLD_STATES: Readonly<Record<number, string>> = {
  [CLAIM_STATE.held]: 'held',
  [CLAIM_STATE.confirmed]: 'confirmed',
  [CLAIM_STATE.released]: 'released',
  [CLAIM_STATE.expired]: 'expired',
  [CLAIM_STATE.cancelled]: 'confirmed',
};

/** A hold as it is. `nowMs` only for `expiresInMs`. An order that never was a hold has no deadline. */
export function holdJson(event: EventNames, claim: Claim, nowMs: number): object {
  const suffix = claimSuffixOf(event, claim);
  const { definition } = event.map;
  const isHeld = claim.state === CLAIM_STATE.held;
  const hasDeadline = claim.deadlineMs > claim.createdMs;
  return {
    id: `hold_${suffix}`,
    order: `order_${suffix}`,
    event: definition.id,
    customer: claim.customer === '' ? null : claim.customer,
    reference: claim.reference,
    metadata: claim.metadata === null ? {} : (JSON.parse(claim.metadata) as object),
    state: HOLD_STATES[claim.state],
    sequence: claim.sequence,
    createdAt: isoTime(claim.createdMs),
    expiresAt: hasDeadline ? isoTime(claim.deadlineMs) : null,
    ...(isHeld && { expiresInMs: Math.max(0, claim.deadlineMs - nowMs) }),
    items: claim.items.map((item) => itemJson(event, item)),
    ...((claim.flags & CLAIM_FLAG.best) !== 0 && { adjacent: (claim.flags & CLAIM_FLAG.split) === 0 }),
    total: totalOf(claim.items),
    currency: definition.currency,
  };
}

export function orderJson(event: EventNames, claim: Claim): object {
  const suffix = claimSuffixOf(event, claim);
  const { definition } = event.map;
  const tickets: object[] = [];
  let cancelledTotal = 0;
  let number = 0;
  for (const item of claim.items) {
    const section = definition.sections[item.section].id;
    const type = typeName(event, item);
    for (let place = 0; place < item.quantity; place++, number++) {
      const isCancelled = isTicketCancelled(claim, number);
      if (isCancelled) cancelledTotal += item.price ?? 0;
      tickets.push({
        id: `ticket_${suffix}_${number + 1}`,
        section,
        ...(item.seat >= 0 && { seat: event.map.label(item.seat) }),
        type,
        price: item.price,
        state: isCancelled ? 'cancelled' : 'valid',
      });
    }
  }
  return {
    id: `order_${suffix}`,
    hold: `hold_${suffix}`,
    event: definition.id,
    customer: claim.customer === '' ? null : claim.customer,
    state: claim.state === CLAIM_STATE.cancelled ? 'cancelled' : 'confirmed',
    sequence: claim.sequence,
    reference: claim.reference,
    metadata: claim.metadata === null ? {} : (JSON.parse(claim.metadata) as object),
    total: totalOf(claim.items),
    cancelledTotal,
    currency: definition.currency,
    createdAt: isoTime(claim.createdMs),
    updatedAt: isoTime(claim.updatedMs),
    tickets,
  };
}
