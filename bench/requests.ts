/**
 * The events that are hammered and the requests they are hammered with. Pure.
 */
import type { EventInput } from '../src/client/index.ts';
import type { LoadKind } from '../src/cli/load.ts';
import { PLACES_PER_EVENT_MAX } from '../src/core/limits.ts';

/** Tickets a request of a wrk run asks for: a couple's evening out. */
export const QUANTITY = 2;
export const FLOOR = 'floor';
export const STALLS = 'stalls';
/** What autocannon's plan asks for; see src/cli/load.ts. */
export const PLAN_QUANTITIES = [1, 2, 4] as const;

/** Nearly twice what the fastest machine that this was run on sells in a second: 33,000 orders of two. */
const PLACES_PER_SECOND = 120_000;

/** Places of an event that is hammered for so many seconds: more than are sold, as far as one event may have them. */
export function placesFor(seconds: number): number {
  return Math.min(PLACES_PER_EVENT_MAX, Math.ceil(PLACES_PER_SECOND * seconds));
}

export interface RequestBody {
  readonly items: readonly { readonly section: string; readonly quantity: number }[];
}

/** Requests with the same key get replies of the same size. */
export function replyKey(body: RequestBody): string {
  const { section, quantity } = body.items[0];
  return `${section} ${quantity}`;
}

/** An open event with a floor of `capacity` places and, for `rowCount` > 0, seated rows of 100. */
export function benchEvent(id: string, capacity: number, rowCount: number): EventInput {
  const floor = { id: FLOOR, name: 'Floor', kind: 'general', capacity, price: 4500 } as const;
  const rows = Array.from({ length: rowCount }, (_, index) => ({ id: `R${index + 1}`, seats: 100 }));
  const stalls = { id: STALLS, name: 'Stalls', kind: 'seated', price: 9000, rows } as const;
  return {
    id,
    name: 'Bench',
    state: 'open',
    startsAt: new Date(Date.now() + 30 * 86_400_000).toISOString(),
    timeZone: 'UTC',
    currency: 'EUR',
    limits: { holdSeconds: 600, maxHoldSeconds: 1800, ticketsPerHold: 8 },
    sections: rowCount === 0 ? [floor] : [floor, stalls],
  };
}

/** The body of a request, with a customer of the same length each time. */
export function requestBody(kind: LoadKind, section: string, quantity: number, customer: string): string {
  const body = { customer, items: [{ section, quantity }] };
  return JSON.stringify(kind === 'holds' ? { ...body, seconds: 1800 } : body);
}
