// The text of holds and orders against what JSON.stringify() makes of objects of the same shape.

import fc from 'fast-check';
import t from 'tap';
import type { SeatMap } from '../../src/engine/definition.ts';
import type { Claim, ClaimItem } from '../../src/engine/read.ts';
import { CLAIM_FLAG, CLAIM_STATE } from '../../src/memory/layout.ts';
import { holdText, orderText, type EventNames } from '../../src/service/render.ts';

const SEATS = ['stalls-A-1', 'stalls-A-2', 'stalls-B-10'];
const SECTIONS = ['floor', 'stalls'];
const TYPES = ['standard', 'réduit', 'say "half"', '\ud83c\udf9f', '\n'];

function eventIn(currency: string | null): EventNames {
  return {
    slot: 3,
    generation: 2,
    map: {
      definition: {
        id: 'gala',
        currency,
        sections: SECTIONS.map((id) => ({ id })),
        priceTypes: TYPES,
      },
      label: (seat: number) => SEATS[seat],
    } as unknown as SeatMap,
  };
}

const HOLD_STATES: Record<number, string> = {
  [CLAIM_STATE.held]: 'held',
  [CLAIM_STATE.confirmed]: 'confirmed',
  [CLAIM_STATE.released]: 'released',
  [CLAIM_STATE.expired]: 'expired',
  [CLAIM_STATE.cancelled]: 'confirmed',
};

function isCancelled({ cancelled }: Claim, ticket: number): boolean {
  return ((cancelled[ticket >>> 5] >>> (ticket & 31)) & 1) === 1;
}

function total(claim: Claim): number {
  return claim.items.reduce((sum, { price, quantity }) => sum + (price ?? 0) * quantity, 0);
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

function given({ customer, reference, metadata }: Claim): object {
  return {
    customer: customer === '' ? null : customer,
    reference,
    metadata: metadata === null ? {} : (JSON.parse(metadata) as object),
  };
}

function holdOf(claim: Claim, suffix: string, nowMs: number, currency: string | null): object {
  return {
    ...given(claim),
    id: `hold_${suffix}`,
    order: `order_${suffix}`,
    event: 'gala',
    state: HOLD_STATES[claim.state],
    sequence: claim.sequence,
    createdAt: iso(claim.createdMs),
    expiresAt: claim.deadlineMs > claim.createdMs ? iso(claim.deadlineMs) : null,
    ...(claim.state === CLAIM_STATE.held && { expiresInMs: Math.max(0, claim.deadlineMs - nowMs) }),
    items: claim.items.map(({ seat, section, quantity, type, price }) => ({
      ...(seat >= 0 ? { seat: SEATS[seat] } : { section: SECTIONS[section], quantity }),
      type: TYPES[type],
      price,
    })),
    ...((claim.flags & CLAIM_FLAG.best) !== 0 && { adjacent: (claim.flags & CLAIM_FLAG.split) === 0 }),
    total: total(claim),
    currency,
  };
}

function orderOf(claim: Claim, suffix: string, currency: string | null): object {
  const places = claim.items.flatMap((item) => Array.from({ length: item.quantity }, () => item));
  const tickets = places.map(({ seat, section, type, price }, i) => ({
    id: `ticket_${suffix}_${i + 1}`,
    section: SECTIONS[section],
    ...(seat >= 0 && { seat: SEATS[seat] }),
    type: TYPES[type],
    price,
    state: isCancelled(claim, i) ? 'cancelled' : 'valid',
  }));
  return {
    ...given(claim),
    id: `order_${suffix}`,
    hold: `hold_${suffix}`,
    event: 'gala',
    state: claim.state === CLAIM_STATE.cancelled ? 'cancelled' : 'confirmed',
    sequence: claim.sequence,
    total: total(claim),
    cancelledTotal: places.reduce((sum, { price }, i) => sum + (isCancelled(claim, i) ? (price ?? 0) : 0), 0),
    currency,
    createdAt: iso(claim.createdMs),
    updatedAt: iso(claim.updatedMs),
    tickets,
  };
}

const timeMs = fc.integer({ min: 0, max: 4e12 });
const price = fc.option(fc.integer({ min: 0, max: 1e9 }));
const type = fc.integer({ min: 0, max: TYPES.length - 1 });
const item: fc.Arbitrary<ClaimItem> = fc.oneof(
  fc.record({
    seat: fc.constant(-1),
    section: fc.constant(0),
    quantity: fc.integer({ min: 1, max: 5 }),
    price,
    type,
  }),
  fc.record({
    seat: fc.integer({ min: 0, max: 2 }),
    section: fc.constant(1),
    quantity: fc.constant(1),
    price,
    type,
  }),
);
// Whatever a string may be made of, lone surrogates among it.
const text = fc.string({ unit: 'binary', maxLength: 12 });
const claim: fc.Arbitrary<Claim> = fc.record({
  cell: fc.nat(),
  state: fc.constantFrom(...Object.values(CLAIM_STATE).filter((state) => state in HOLD_STATES)),
  random0: fc.integer(),
  random1: fc.integer(),
  random2: fc.integer(),
  flags: fc.constantFrom(0, CLAIM_FLAG.best, CLAIM_FLAG.best | CLAIM_FLAG.split),
  sequence: fc.nat(),
  createdMs: timeMs,
  deadlineMs: timeMs,
  updatedMs: timeMs,
  customer: fc.oneof(text, fc.constantFrom('', '\ud800', 'a"b\\c', '\u2028')),
  reference: fc.option(text),
  metadata: fc.option(
    fc.dictionary(text, fc.jsonValue({ maxDepth: 1 })).map((value) => JSON.stringify(value)),
  ),
  items: fc.array(item, { maxLength: 4 }),
  ticketCount: fc.nat(),
  cancelled: fc.tuple(fc.integer(), fc.integer()),
});

t.test('holds and orders are the JSON of what they say', (t) => {
  const suffix = '0123456789abcdefghjkmnpqrstvwxyz';
  const property = fc.property(claim, timeMs, fc.constantFrom('EUR', null), (one, nowMs, currency) => {
    const event = eventIn(currency);
    // By value: metadata may have any names, even those that objects have of their own.
    const same = (json: string, wanted: object): void => {
      t.strictSame(JSON.parse(json), JSON.parse(JSON.stringify(wanted)));
    };
    same(holdText(event, one, suffix, nowMs), holdOf(one, suffix, nowMs, currency));
    same(orderText(event, one, suffix), orderOf(one, suffix, currency));
  });
  t.doesNotThrow(() => fc.assert(property, { numRuns: process.env['FRONTROW_LONG'] === '1' ? 5000 : 300 }));
  t.end();
});
