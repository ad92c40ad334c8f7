/** Holds and orders for tests, as the server would answer, with ids as long as real ones. */
import type { ArchivedEvent, BlockReply, Change, Hold, Order } from '../../src/client/index.ts';

const SUFFIX = '00040001000000a1k7m2q9r4t6v8w1x3';

export const HOLD: Hold = {
  id: `hold_${SUFFIX}`,
  order: `order_${SUFFIX}`,
  event: 'opera',
  customer: 'c-81',
  state: 'held',
  sequence: 1042,
  createdAt: '2026-12-02T10:00:00Z',
  expiresAt: '2026-12-02T10:05:00Z',
  expiresInMs: 300_000,
  reference: null,
  metadata: {},
  items: [
    { seat: 'stalls-A-3', type: 'adult', price: 9000 },
    { seat: 'stalls-A-4', type: 'child', price: 4500 },
    { section: 'stand', quantity: 2, type: 'standard', price: 1000 },
  ],
  adjacent: true,
  total: 15_500,
  currency: 'EUR',
};

export const ORDER: Order = {
  id: `order_${SUFFIX}`,
  hold: `hold_${SUFFIX}`,
  event: 'opera',
  customer: 'c-81',
  state: 'confirmed',
  sequence: 1050,
  reference: 'pi_3N',
  metadata: { channel: 'web' },
  total: 14_500,
  cancelledTotal: 4500,
  currency: 'EUR',
  createdAt: '2026-12-02T10:01:00Z',
  updatedAt: '2026-12-03T08:00:00Z',
  tickets: [
    ticket(1, 'stalls-A-3', 'adult', 9000, 'valid'),
    ticket(2, 'stalls-A-4', 'child', 4500, 'cancelled'),
    { id: `ticket_${SUFFIX}_3`, section: 'stand', type: 'standard', price: 1000, state: 'valid' },
  ],
};

/** A second one: whole, without customer, in a currency of its own. */
export const PLAIN_ORDER: Order = {
  ...ORDER,
  id: ORDER.id.replace('k7m2', 'zzzz'),
  customer: null,
  reference: null,
  metadata: {},
  cancelledTotal: 0,
  updatedAt: ORDER.createdAt,
  tickets: ORDER.tickets.slice(2),
  total: 1000,
};

export const ARCHIVED: ArchivedEvent = {
  id: 'revue',
  name: 'Old Revue',
  state: 'archived',
  version: 7,
  createdAt: '2026-01-01T10:00:00Z',
  archivedAt: '2026-11-20T09:30:00Z',
  startsAt: '2026-11-01T19:00:00Z',
  capacity: 1200,
  sold: 1180,
};

export const BLOCKED: BlockReply = {
  event: 'opera',
  sequence: 1060,
  changed: 2,
  sections: [
    { id: 'stalls', capacity: 8, available: 3, held: 2, sold: 1, blocked: 2 },
    { id: 'stand', capacity: 100, available: 20, held: 10, sold: 70, blocked: 0 },
  ],
};

export const CHANGES: readonly Change[] = [
  change(1, 'defined', {}),
  change(2, 'changed-event', { version: 2, state: 'open' }),
  change(3, 'held', { hold: HOLD.id, customer: 'c-81', seats: ['stalls-A-3', 'stalls-A-4'] }),
  change(4, 'confirmed', { order: ORDER.id, customer: 'c-81', reference: 'pi_3N' }),
  change(5, 'cancelled', {
    order: ORDER.id,
    seats: ['stalls-A-4'],
    tickets: [`ticket_${SUFFIX}_2`],
    to: 'blocked',
    reason: 'camera',
  }),
  change(6, 'blocked', { sections: [{ section: 'stand', quantity: 20 }] }),
];

function change(sequence: number, kind: Change['kind'], rest: Partial<Change>): Change {
  return { sequence, time: `2026-12-02T10:0${sequence}:00.123Z`, kind, seats: [], sections: [], ...rest };
}

function ticket(
  number: number,
  seat: string,
  type: string,
  price: number,
  state: 'valid' | 'cancelled',
): Order['tickets'][number] {
  return { id: `ticket_${SUFFIX}_${number}`, section: 'stalls', seat, type, price, state };
}
