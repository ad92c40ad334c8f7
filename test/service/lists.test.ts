/** Lists of events, holds and orders, and what has changed since a sequence: whole, filtered, paged, gated. */
import t from 'tap';
import { BATCH_KIND } from '../../src/core/batch.ts';
import {
  BLOCK,
  CANCEL_ORDER,
  CHANGE_HOLD,
  CONFIRM_HOLD,
  CREATE_HOLD,
  CREATE_ORDER,
  GET_HOLD,
  LIST_EVENTS,
  LIST_HOLDS,
  LIST_ORDERS,
  PATCH_EVENT,
  READ_CHANGES,
  RELEASE_HOLD,
  type Operation,
} from '../../src/core/operations.ts';
import { scanClaims, stateBit } from '../../src/engine/scan.ts';
import { viewEvent } from '../../src/memory/event.ts';
import { CLAIM_STATE } from '../../src/memory/layout.ts';
import { findEvent, REGISTRY_SLOT } from '../../src/memory/registry.ts';
import { headPosition } from '../../src/memory/ring.ts';
import { SeededRandom } from '../../src/journal/random.ts';
import { START_MS, testSeed } from '../engine/rig.ts';
import { validateReply } from '../support/openapi.ts';
import { GALA, jsonOf, requestOf, ServiceRig, type Json, type RequestOptions } from './rig.ts';
import { type ReadReply } from '../support/batches.ts';

type Test = { teardown(fn: () => void): void };
type Entry = Readonly<Record<string, unknown>>;

const HOUR_MS = 3_600_000;

/** A hall of 400 floor places and two small sections, in which nothing is limited. */
const HALL = {
  ...GALA,
  limits: { holdSeconds: 300, maxHoldSeconds: 600, ticketsPerHold: 8 },
  sections: [{ ...GALA.sections[0], capacity: 400 }, ...GALA.sections.slice(1)],
};

function rigWith(t: Test, ...events: readonly object[]): ServiceRig {
  const rig = new ServiceRig();
  t.teardown(() => rig.close());
  for (const event of events) rig.define(event);
  return rig;
}

function read(rig: ServiceRig, operation: Operation, query: string, options: RequestOptions = {}): Json {
  const slot = operation === LIST_EVENTS ? REGISTRY_SLOT : 1;
  const reply = rig.read(operation, { subject: 'gala', query, ...options }, slot);
  const json = jsonOf(reply);
  if (reply.status !== 200) throw new Error(JSON.stringify(json));
  return json;
}

/** All entries, page by page; `between` runs after each page. */
function all(
  rig: ServiceRig,
  operation: Operation,
  query: string,
  limit: number,
  options: RequestOptions = {},
  between: () => void = () => undefined,
): Entry[] {
  const entries: Entry[] = [];
  let after: string | null = null;
  for (let pages = 0; pages < 2000; pages++) {
    const from: string = after === null ? '' : `&after=${after}`;
    const page = read(rig, operation, `limit=${limit}${query}${from}`, options);
    entries.push(...(page['data'] as unknown as Entry[]));
    after = page['next'] as string | null;
    if (after === null) return entries;
    between();
  }
  throw new Error('the pages never end');
}

function must(rig: ServiceRig, reply: ReadReply): Json {
  rig.journal.drain();
  if (reply.status >= 300) throw new Error(Buffer.from(reply.body).toString());
  return reply.status === 204 ? (null as unknown as Json) : jsonOf(reply);
}

interface Known {
  readonly hold: string;
  readonly customer: string | null;
  reference: string | null;
  state: 'held' | 'confirmed' | 'released' | 'cancelled';
  endedMs: number;
}

/** What was sold, as a plain list: the lists are held against it. */
class Shop {
  readonly claims: Known[] = [];
  readonly rig: ServiceRig;
  readonly #random: SeededRandom;

  constructor(rig: ServiceRig, random: SeededRandom) {
    this.rig = rig;
    this.#random = random;
  }

  step(): void {
    const { rig } = this;
    const random = this.#random;
    const held = this.claims.filter(({ state }) => state === 'held');
    const target = held.length === 0 ? undefined : held[random.below(held.length)];
    const what = target === undefined ? 0 : random.below(7);
    const subject = target?.hold ?? '';
    if (target === undefined || what < 3) return this.#take(random.oneIn(3) ? CREATE_ORDER : CREATE_HOLD);
    if (what === 3) {
      must(rig, rig.write(RELEASE_HOLD, { subject }));
      target.state = 'released';
      target.endedMs = rig.nowMs;
    } else if (what === 4) {
      const add = [{ section: 'floor', quantity: 1 }];
      must(rig, rig.write(CHANGE_HOLD, { subject, body: { add } }));
    } else {
      const reference = random.oneIn(2) ? `pay-${random.below(3)}` : null;
      must(rig, rig.write(CONFIRM_HOLD, { subject, body: reference === null ? {} : { reference } }));
      target.state = 'confirmed';
      target.reference = reference ?? target.reference;
      if (!random.oneIn(3)) return;
      must(rig, rig.write(CANCEL_ORDER, { subject: subject.replace('hold_', 'order_') }));
      target.state = 'cancelled';
    }
  }

  #take(operation: Operation): void {
    const random = this.#random;
    const customer = random.oneIn(4) ? null : ['a', 'bb', 'ccc', 'ünï', 'a-b-c-d'][random.below(5)];
    const reference = random.oneIn(2) ? null : `pay-${random.below(3)}`;
    const body = { customer, reference, items: [{ section: 'floor', quantity: 1 + random.below(2) }] };
    const json = must(this.rig, this.rig.write(operation, { subject: 'gala', idempotencyKey: '', body }));
    const isOrder = operation === CREATE_ORDER;
    const hold = String(json[isOrder ? 'hold' : 'id']);
    this.claims.push({ hold, customer, reference, state: isOrder ? 'confirmed' : 'held', endedMs: 0 });
  }
}

const HOLD_STATE = {
  held: 'held',
  confirmed: 'confirmed',
  cancelled: 'confirmed',
  released: 'released',
} as const;

t.test('pages put together are what a plain list says, for each filter and page size', async (t) => {
  const seed = testSeed();
  t.comment(`seed ${seed}`);
  const rig = rigWith(t, HALL);
  const shop = new Shop(rig, new SeededRandom(seed));
  for (let i = 0; i < 150; i++) shop.step();
  const customers = [null, 'a', 'bb', 'ccc', 'ünï', 'a-b-c-d', 'aa', 'zzz'];
  for (const limit of [1, 7, 500]) {
    for (const customer of customers) {
      for (const reference of limit === 7 ? [null, 'pay-1', 'pay'] : [null]) {
        for (const state of limit === 7 ? [null, 'held', 'confirmed,released'] : [null]) {
          const query = [
            customer === null ? '' : `&customer=${encodeURIComponent(customer)}`,
            reference === null ? '' : `&reference=${reference}`,
            state === null ? '' : `&state=${state}`,
          ].join('');
          const expected = shop.claims.filter(
            (claim) =>
              (customer === null || claim.customer === customer) &&
              (reference === null || claim.reference === reference) &&
              (state === null || state.split(',').includes(HOLD_STATE[claim.state])),
          );
          const holds = all(rig, LIST_HOLDS, query, limit).map(({ id }) => String(id));
          t.same(holds.sort(), expected.map(({ hold }) => hold).sort(), `limit=${limit}${query}`);
        }
      }
    }
  }
  for (const state of ['confirmed', 'cancelled'] as const) {
    const orders = all(rig, LIST_ORDERS, `&state=${state}`, 10).map(({ hold }) => String(hold));
    const expected = shop.claims.filter((claim) => claim.state === state).map(({ hold }) => hold);
    t.same(orders.sort(), expected.sort(), `orders that are ${state}`);
  }
});

t.test('while things change between pages, what was there all the time is told once', async (t) => {
  const seed = testSeed();
  t.comment(`seed ${seed}`);
  const rig = rigWith(t, HALL);
  const shop = new Shop(rig, new SeededRandom(seed));
  for (let round = 0; round < 6; round++) {
    for (let i = 0; i < 12; i++) shop.step();
    const before = new Map(shop.claims.map((claim) => [claim.hold, { ...claim }]));
    const seen = all(rig, LIST_HOLDS, '', 3, {}, () => shop.step()).map(({ id }) => String(id));
    t.equal(new Set(seen).size, seen.length, 'none is told twice');
    const live = shop.claims.filter(({ hold, state }) => before.has(hold) && state !== 'released');
    for (const { hold } of live) t.ok(seen.includes(hold), 'none is missed');
  }
});

t.test('entries are as their own reads tell them, and fit the document', async (t) => {
  const rig = rigWith(t, HALL);
  const shop = new Shop(rig, new SeededRandom(7));
  for (let i = 0; i < 40; i++) shop.step();
  const holds = read(rig, LIST_HOLDS, '');
  t.same(validateReply('listHolds', 200, holds), []);
  for (const entry of (holds['data'] as unknown as Entry[]).slice(0, 5)) {
    t.same(entry, jsonOf(rig.read(GET_HOLD, { subject: String(entry['id']) })));
  }
  t.same(validateReply('listOrders', 200, read(rig, LIST_ORDERS, '')), []);
  t.same(validateReply('listEvents', 200, read(rig, LIST_EVENTS, 'include=availability')), []);
});

t.test('an ended hold is listed for an hour', async (t) => {
  const rig = rigWith(t, HALL);
  const hold = must(
    rig,
    rig.write(CREATE_HOLD, { subject: 'gala', body: { items: [{ seat: 'stalls-A-1' }] } }),
  );
  must(rig, rig.write(RELEASE_HOLD, { subject: String(hold['id']) }));
  rig.nowMs = START_MS + HOUR_MS;
  t.equal((read(rig, LIST_HOLDS, '')['data'] as unknown as Entry[]).length, 1);
  t.match(read(rig, LIST_HOLDS, 'state=released'), { data: [{ state: 'released' }], next: null });
  t.same(read(rig, LIST_HOLDS, 'state=expired'), { data: [], next: null });
  rig.nowMs++;
  t.same(read(rig, LIST_HOLDS, ''), { data: [], next: null });
});

t.test('a list waits until what it shows is durable', async (t) => {
  const rig = rigWith(t, HALL);
  rig.write(CREATE_HOLD, { subject: 'gala', body: { items: [{ seat: 'stalls-A-1' }] } });
  const head = headPosition(rig.arena);
  for (const operation of [LIST_HOLDS, LIST_ORDERS, LIST_EVENTS]) {
    const slot = operation === LIST_EVENTS ? REGISTRY_SLOT : 1;
    const { header } = rig.batch(BATCH_KIND.read, slot, [requestOf(operation, { subject: 'gala' })]);
    t.equal(header.gate, head, operation.name);
  }
});

t.test('a query that is no good is refused by name', async (t) => {
  const rig = rigWith(t, HALL);
  const long = 'x'.repeat(65);
  for (const [operation, query, pointer] of [
    [LIST_HOLDS, 'state=sold', '?state'],
    [LIST_HOLDS, 'state=', '?state'],
    [LIST_HOLDS, 'state=held,cancelled', '?state'],
    [LIST_ORDERS, 'state=held', '?state'],
    [LIST_HOLDS, 'customer=', '?customer'],
    [LIST_HOLDS, `customer=${long}`, '?customer'],
    [LIST_HOLDS, `customer=${encodeURIComponent('ü'.repeat(33))}`, '?customer'],
    [LIST_ORDERS, `reference=${long}`, '?reference'],
    [LIST_ORDERS, 'limit=501', '?limit'],
    [LIST_ORDERS, 'after=x', '?after'],
    [LIST_ORDERS, 'after=99999999', '?after'],
    [LIST_ORDERS, 'seat=stalls-A-1', '?seat'],
    [LIST_EVENTS, 'include=everything', '?include'],
    [LIST_EVENTS, 'state=open,over', '?state'],
    [LIST_EVENTS, 'limit=0', '?limit'],
    [LIST_EVENTS, 'customer=a', '?customer'],
    [READ_CHANGES, 'after=-1', '?after'],
  ] as const) {
    const slot = operation === LIST_EVENTS ? REGISTRY_SLOT : 1;
    const reply = rig.read(operation, { subject: 'gala', query }, slot);
    t.equal(reply.status, 422, query);
    t.match(jsonOf(reply), { code: 'invalid-request', errors: [{ pointer }] }, query);
  }
});

t.test('who may see which events, and in which states', async (t) => {
  const rig = rigWith(
    t,
    { name: 'Open', id: 'open-1', state: 'open', startsAt: '2027-01-15T19:00:00Z', capacity: 10 },
    { name: 'Draft', id: 'draft-1', startsAt: '2027-01-15T19:00:00Z', capacity: 20 },
    { name: 'Gone', id: 'gone-1', state: 'open', startsAt: '2027-01-15T19:00:00Z', capacity: 30 },
  );
  const patch = (subject: string, body: object): Json =>
    must(rig, rig.write(PATCH_EVENT, { subject, body }, REGISTRY_SLOT));
  must(rig, rig.write(BLOCK, { subject: 'open-1', body: { items: [{ section: 'general', quantity: 3 }] } }));
  patch('gone-1', { state: 'closed' });
  patch('gone-1', { state: 'archived' });
  const ids = (query: string, options: RequestOptions = {}): unknown[] =>
    all(rig, LIST_EVENTS, query, 1, options).map(({ id }) => id);
  const none = { role: 'none', events: '' } as const;
  t.same(ids(''), ['open-1', 'draft-1'], 'archived ones are not in the way');
  t.same(ids('', none), ['open-1']);
  t.same(ids('', { role: 'reader', events: 'draft*' }), ['open-1', 'draft-1']);
  t.same(ids('', { role: 'admin', events: 'open*,x' }), ['open-1'], 'a draft that the key does not cover');
  t.same(ids('&state=draft', none), []);
  t.same(ids('&state=archived'), ['gone-1']);
  t.same(ids('&state=archived,open'), ['open-1', 'gone-1']);
  t.same(ids('&state=paused'), []);
  patch('open-1', { name: 'Wide open', capacity: 12 });
  t.match(read(rig, LIST_EVENTS, 'state=open'), { data: [{ name: 'Wide open', version: 2, capacity: 12 }] });
  patch('open-1', { capacity: 10 });
  t.match(read(rig, LIST_EVENTS, 'include=availability&state=open'), {
    data: [{ id: 'open-1', capacity: 10, availability: { available: 7, held: 0, sold: 0, blocked: 3 } }],
  });
  const archived = read(rig, LIST_EVENTS, 'state=archived');
  t.match(archived, { data: [{ id: 'gone-1', state: 'archived', capacity: 30, sold: 0 }] });
  t.same(validateReply('listEvents', 200, archived), []);
});

t.test('a page ends where its event gets another version, and the next one goes on there', async (t) => {
  const rig = rigWith(t, HALL);
  const ids = [1, 2, 3].map((n) =>
    String(
      must(rig, rig.write(CREATE_ORDER, { subject: 'gala', body: { items: [{ seat: `stalls-A-${n}` }] } }))[
        'id'
      ],
    ),
  );
  const slot = findEvent(rig.arena, 'gala');
  const context = {
    arena: rig.arena,
    thread: rig.threads[0],
    batchId: 0,
    commandIndex: 0,
    nowMs: START_MS,
    nearPosition: 0,
    gate: 0,
  };
  const stale = viewEvent(rig.arena, slot);
  const filter = {
    states: stateBit(CLAIM_STATE.confirmed),
    customer: null,
    reference: null,
    endedAfterMs: 0,
  };
  const first = scanClaims(context, stale, filter, 0, 2);
  t.equal(first.claims.length, 2);
  const sections = [{ id: 'tent', kind: 'seated', rows: [{ id: 'A', seats: 900 }] }];
  must(rig, rig.write(PATCH_EVENT, { subject: 'gala', body: { sections } }, REGISTRY_SLOT));
  t.match(scanClaims(context, stale, filter, first.next, 2), { claims: [], next: first.next });
  const later = scanClaims(context, viewEvent(rig.arena, slot), filter, first.next, 2);
  t.match(later, { claims: [{}], next: -1 });
  t.same(
    all(rig, LIST_ORDERS, '', 2).map(({ id }) => id),
    ids,
    'claims stay where they are when an event moves',
  );
});
