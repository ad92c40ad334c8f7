/** Events changed and archived: versions, life, sizes, prices, and what others see meanwhile. */
import t from 'tap';
import type { Test } from 'tap';
import { BATCH_KIND } from '../../src/core/batch.ts';
import { ARCHIVE_SUMMARY_BYTES_MAX } from '../../src/core/limits.ts';
import {
  AVAILABILITY,
  BLOCK,
  CANCEL_ORDER,
  CONFIRM_HOLD,
  CREATE_EVENT,
  CREATE_HOLD,
  CREATE_ORDER,
  GET_EVENT,
  PATCH_EVENT,
  RELEASE_HOLD,
  SEATS,
  type Operation,
} from '../../src/core/operations.ts';
import type { EventDefinition } from '../../src/engine/definition.ts';
import { publishedCommands } from '../../src/engine/repair.ts';
import { REGISTRY_SLOT } from '../../src/memory/registry.ts';
import { ringHead } from '../../src/memory/ring.ts';
import { archiveSummaryJson } from '../../src/service/event-requests.ts';
import { definitionTag, GALA, jsonOf, requestOf, ServiceRig, type Json, type RequestOptions } from './rig.ts';
import { batchOf, readReplies, type ReadReply } from '../support/batches.ts';

function rigWith(t: Test, event: object = GALA, servers = 1): ServiceRig {
  const rig = new ServiceRig(servers);
  t.teardown(() => rig.close());
  rig.define(event);
  return rig;
}

function patch(rig: ServiceRig, body: unknown, options: RequestOptions = {}, server = 0): ReadReply {
  return rig.write(PATCH_EVENT, { subject: 'gala', body, ...options }, REGISTRY_SLOT, server);
}

function patched(rig: ServiceRig, body: unknown, options: RequestOptions = {}): Json {
  const reply = patch(rig, body, options);
  if (reply.status !== 200) throw new Error(Buffer.from(reply.body).toString());
  rig.journal.drain();
  return jsonOf(reply);
}

const order = (rig: ServiceRig, items: object[], options: RequestOptions = {}): ReadReply =>
  rig.write(CREATE_ORDER, { subject: 'gala', body: { items }, ...options });
const get = (rig: ServiceRig, server = 0): Json =>
  jsonOf(rig.read(GET_EVENT, { subject: 'gala' }, 1, server));

t.test('a change has a version and a sequence, and all that it gives is there', async (t) => {
  const rig = rigWith(t);
  const body = {
    name: 'Gala Night',
    startsAt: '2027-01-16T19:00:00Z',
    timeZone: 'Europe/Paris',
    salesFrom: '2026-01-01T00:00:00Z',
    salesUntil: '2027-01-16T18:00:00Z',
    metadata: { hall: 1 },
    limits: { ticketsPerCustomer: 4 },
  };
  const reply = patch(rig, body);
  t.match(jsonOf(reply), { ...body, id: 'gala', version: 2, state: 'open', currency: 'EUR' });
  t.match(jsonOf(reply)['limits'], { ...GALA.limits, ticketsPerCustomer: 4 }, 'limits are merged');
  t.match([reply.status, reply.etag, reply.sequence], [200, definitionTag(2), 2]);
  t.same(get(rig), jsonOf(reply));
  const again = patch(rig, body);
  t.match(
    [again.status, again.etag, again.sequence],
    [200, definitionTag(2), 2],
    'what changes nothing makes no version',
  );
});

t.test('If-Match lets through who knows the newest version, and nobody else', async (t) => {
  const rig = rigWith(t);
  const at = (ifMatch: string, name: string): number => patch(rig, { name }, { ifMatch }).status;
  t.equal(at(definitionTag(1), 'a'), 200);
  t.equal(at(definitionTag(1), 'b'), 412);
  t.equal(at('*', 'c'), 200);
  t.equal(at(`"7", ${definitionTag(3)}`, 'd'), 200);
  const bare = ['4', '"4"', 'W/"4"', '""'];
  const others = [`W/${definitionTag(4)}`, definitionTag('04'), definitionTag(3), '"another-4"'];
  for (const tag of [...bare, ...others]) t.equal(at(tag, 'e'), 412, tag);
  const detail = `The event's ETag is ${definitionTag(4)}, If-Match asks for "3"`;
  const problem = patch(rig, { name: 'f' }, { ifMatch: '"3"' });
  t.match(jsonOf(problem), { code: 'version-mismatch', applied: false, detail });
  t.equal(get(rig)['name'], 'd');
});

t.test('an event goes from draft to open, pauses, closes and is archived, and no other way', async (t) => {
  const states = ['draft', 'open', 'paused', 'closed', 'archived'];
  const ways: Record<string, string[]> = {
    draft: ['draft', 'open', 'closed'],
    open: ['open', 'paused', 'closed'],
    paused: ['paused', 'open', 'closed'],
    closed: ['closed', 'archived'],
  };
  const paths: Record<string, string[]> = {
    draft: [],
    open: ['open'],
    paused: ['open', 'paused'],
    closed: ['closed'],
  };
  for (const from of Object.keys(paths)) {
    for (const to of states) {
      const rig = new ServiceRig();
      rig.define({ ...GALA, state: 'draft' });
      for (const step of paths[from]) patched(rig, { state: step });
      const reply = patch(rig, { state: to });
      if (ways[from].includes(to)) {
        t.match([reply.status, jsonOf(reply)['state']], [200, to], `${from} → ${to}`);
      } else {
        const errors = [{ pointer: '/state', code: 'bad-transition' }];
        t.match(jsonOf(reply), { status: 422, errors }, `${from} → ${to}`);
      }
      rig.close();
    }
  }
});

t.test('sections grow, shrink to what is taken, get other prices, and new ones come last', async (t) => {
  const rig = rigWith(t);
  order(rig, [{ section: 'floor', quantity: 8 }]);
  const sections = [
    { id: 'floor', capacity: 60, name: 'The floor' },
    { id: 'balcony', kind: 'seated', price: 1000, rows: [{ id: 'A', seats: 3 }] },
    { id: 'box-1', price: 20_000 },
  ];
  const json = patched(rig, { sections });
  t.match(json['sections'], [
    { id: 'floor', name: 'The floor', capacity: 60, price: 4500 },
    { id: 'stalls', price: 9000 },
    { id: 'box-1', price: 20_000, capacity: 2 },
    { id: 'balcony', kind: 'seated', capacity: 3, price: 1000 },
  ]);
  const counts = (): Json => jsonOf(rig.read(AVAILABILITY, { subject: 'gala' }))['sections'];
  t.match(counts(), [{ capacity: 60, available: 52, sold: 8 }, {}, {}, { capacity: 3, available: 3 }]);
  t.equal(order(rig, [{ seat: 'balcony-A-3' }]).status, 201);
  patched(rig, { sections: [{ id: 'floor', capacity: 8 }] });
  t.match(counts(), [{ capacity: 8, available: 0, sold: 8 }]);
  t.match(jsonOf(patch(rig, { sections: [{ id: 'floor', capacity: 7 }] })), {
    status: 409,
    code: 'capacity-in-use',
    applied: false,
    requested: 7,
    held: 8,
    detail: 'Section floor has 8 places held, sold or blocked; its capacity cannot become 7',
  });
  const quiz = new ServiceRig();
  t.teardown(() => quiz.close());
  quiz.define({ id: 'gala', name: 'Quiz', state: 'open', startsAt: GALA.startsAt, capacity: 5 });
  t.match(patched(quiz, { capacity: 7 })['sections'], [{ id: 'general', capacity: 7 }]);
  t.equal(order(quiz, [{ section: 'general', quantity: 7 }]).status, 201);
});

t.test('what was sold keeps its type and price, whatever the prices are now', async (t) => {
  const rig = rigWith(t);
  const gold = (prices: object[]): object => ({ categories: [{ id: 'gold', name: 'Gold', prices }] });
  const adult = { type: 'adult', price: 9000 };
  patched(rig, {
    ...gold([adult, { type: 'child', price: 4500 }]),
    sections: [{ id: 'stalls', category: 'gold' }],
  });
  const sold = jsonOf(order(rig, [{ seat: 'stalls-A-1', type: 'child' }]));
  t.match(sold['tickets'], [{ type: 'child', price: 4500 }]);
  const json = patched(rig, gold([adult, { type: 'senior', price: 5000 }]));
  t.match(json['sections'], [{}, { price: null, category: 'gold' }, {}]);
  const cancelled = jsonOf(rig.write(CANCEL_ORDER, { subject: String(sold['id']) }));
  t.match(cancelled, { cancelledTotal: 4500, tickets: [{ type: 'child', price: 4500 }] });
  t.equal(order(rig, [{ seat: 'stalls-A-1', type: 'child' }]).status, 422);
  t.match(jsonOf(order(rig, [{ seat: 'stalls-A-1', type: 'senior' }])), { total: 5000 });
  const errors = [{ pointer: '/categories', code: 'unknown-category' }];
  t.match(jsonOf(patch(rig, { categories: [] })), { status: 422, errors }, 'a category in use stays');
  patched(rig, { categories: [], sections: [{ id: 'stalls', price: 100 }] });
  t.match(jsonOf(order(rig, [{ seat: 'stalls-A-2' }]))['tickets'], [{ type: 'standard', price: 100 }]);
});

t.test(
  'an archived event is a summary: claims are gone, new ones refused, and nothing changes it',
  async (t) => {
    const rig = rigWith(t);
    const claim = jsonOf(order(rig, [{ section: 'floor', quantity: 3 }]));
    const held = jsonOf(
      rig.write(CREATE_HOLD, { subject: 'gala', body: { items: [{ seat: 'stalls-A-1' }] } }),
    );
    patched(rig, { state: 'closed' });
    t.match(jsonOf(patch(rig, { state: 'archived' })), {
      status: 409,
      code: 'event-in-use',
      held: 1,
      applied: false,
    });
    t.match(jsonOf(patch(rig, { state: 'archived', name: 'x' })), {
      status: 422,
      errors: [{ pointer: '/state' }],
    });
    rig.write(RELEASE_HOLD, { subject: String(held['id']) });
    const { header, replies } = rig.batch(BATCH_KIND.write, REGISTRY_SLOT, [
      requestOf(PATCH_EVENT, { subject: 'gala', body: { state: 'archived' }, ifMatch: definitionTag(2) }),
    ]);
    rig.journal.drain();
    t.ok(header.retired, 'its memory is to be given back');
    t.equal(header.gate, rig.journal.position);
    const summary = jsonOf(replies[0]);
    const { id, name } = GALA;
    t.match(summary, {
      id,
      name,
      state: 'archived',
      version: 3,
      startsAt: GALA.startsAt,
      capacity: 66,
      sold: 3,
    });
    t.same(get(rig), summary);
    t.equal(replies[0].etag, definitionTag(3));
    for (const [operation, subject, code] of [
      [CONFIRM_HOLD, held['id'], 'hold-not-found'],
      [RELEASE_HOLD, held['id'], 'hold-not-found'],
      [CANCEL_ORDER, claim['id'], 'order-not-found'],
      [CREATE_HOLD, 'gala', 'sale-closed'],
      [CREATE_ORDER, 'gala', 'sale-closed'],
      [BLOCK, 'gala', 'event-not-found'],
    ] as const) {
      const reply = rig.write(operation, {
        subject: String(subject),
        body: { items: [{ seat: 'stalls-A-1' }] },
      });
      t.match(jsonOf(reply), { code, applied: false }, operation.name);
    }
    t.equal(rig.read(SEATS, { subject: 'gala' }).status, 404);
    const again = patch(rig, { state: 'archived' });
    t.match([again.status, jsonOf(again)], [200, summary], 'archived again is fine');
    t.match(jsonOf(patch(rig, { state: 'open' })), { status: 422, errors: [{ code: 'archived' }] });
    t.match(jsonOf(patch(rig, { name: 'x', state: 'archived' })), { status: 422 });
    t.equal(patch(rig, { state: 'archived' }, { ifMatch: definitionTag(2) }).status, 412);
    t.equal(rig.write(CREATE_EVENT, { body: GALA }, REGISTRY_SLOT).status, 409, 'its id stays taken');
  },
);

t.test('a summary counts what is sold at the very end', async (t) => {
  const rig = rigWith(t, GALA, 2);
  const { stringify } = JSON;
  t.teardown(() => {
    JSON.stringify = stringify;
  });
  const subject = String(jsonOf(order(rig, [{ section: 'floor', quantity: 3 }]))['id']);
  patched(rig, { state: 'closed' });
  let summaries = 0;
  // When the summary has been written, the other worker cancels the order.
  JSON.stringify = (value: { sold?: number }): string => {
    const isFirst = value.sold !== undefined && summaries++ === 0;
    if (isFirst) rig.batch(BATCH_KIND.write, 1, [requestOf(CANCEL_ORDER, { subject })], 1);
    return stringify(value);
  };
  t.match(patched(rig, { state: 'archived' }), { state: 'archived', sold: 0 });
  t.equal(summaries, 2, 'it was written anew');
});

t.test('memory of archived events is given back when the header says that it may', async (t) => {
  const rig = new ServiceRig();
  t.teardown(() => rig.close());
  const big = { name: 'Hall', state: 'draft', startsAt: GALA.startsAt, capacity: 12_000 };
  const create = (id: string, reclaim: boolean): number => {
    const header = { batchId: ++rig.batchId, eventSlot: REGISTRY_SLOT, kind: BATCH_KIND.write };
    const times = { nowMs: rig.nowMs, expireBeforeMs: rig.nowMs, reclaim };
    const request = requestOf(CREATE_EVENT, { body: { ...big, id } });
    const reply = readReplies(rig.servers[0].serve(batchOf({ ...header, ...times }, [request])))[0];
    rig.journal.drain();
    return reply.status;
  };
  t.equal(create('gala', false), 201);
  t.equal(create('full', false), 507, 'there is room for one of them');
  patched(rig, { state: 'closed' });
  patched(rig, { state: 'archived' });
  t.equal(create('early', false), 507, 'who came before may still look at it');
  t.equal(create('next', true), 201);
  t.match(get(rig), { state: 'archived' });
});

t.test('a summary fits its slot, whatever the name and id are', (t) => {
  const facts = { version: 99_999, createdAtMs: 0, archivedAtMs: 1e12, capacity: 2_000_000, sold: 1_999_999 };
  for (const [id, name] of [
    ['a', 'Short'],
    ['a', 'x'.repeat(200)],
    ['a', '\u0001'.repeat(200)],
    ['a'.repeat(63), '🎟️'.repeat(100)],
    ['a'.repeat(63), 'ü'],
  ]) {
    for (const version of [2, 99_999, 2_000_000_000]) {
      const definition = { id, name, startsAt: '2027-01-15T19:00:00.123456789Z' } as EventDefinition;
      const bytes = archiveSummaryJson(definition, { ...facts, version });
      t.ok(bytes.length <= ARCHIVE_SUMMARY_BYTES_MAX);
      const json = JSON.parse(Buffer.from(bytes).toString('utf8')) as Json;
      t.match(json, { id, state: 'archived', version, startsAt: '2027-01-15T19:00:00Z', sold: 1_999_999 });
      t.ok(
        name.startsWith(String(json['name']).replace(/…$/, '')),
        'as much of the name as there is room for',
      );
    }
  }
  t.end();
});

t.test('a batch that was parsed under an older definition is parsed anew', async (t) => {
  const parse = JSON.parse;
  t.teardown(() => {
    JSON.parse = parse;
  });
  const price = (each: number): object => ({ sections: [{ id: 'floor', price: each }] });
  const move = { sections: [{ id: 'floor', capacity: 3000, price: 7 }] };
  const later = { salesFrom: '2099-01-01T00:00:00Z' };
  for (const [changes, status, told] of [
    [[], 201, { total: 9000 }],
    [[price(5)], 201, { total: 10 }],
    [[price(5), price(6)], 201, { total: 12 }],
    [[price(5), price(6), move], 201, { total: 14 }],
    [[price(5), price(6), later], 409, { code: 'sale-not-started' }],
    [[{ state: 'closed' }], 409, { code: 'sale-closed' }],
    [[{ state: 'closed' }, { state: 'archived' }], 409, { code: 'sale-closed' }],
    [[price(5), { state: 'closed' }, { state: 'archived' }], 409, { code: 'sale-closed' }],
    [[{ limits: { ticketsPerHold: 1 } }], 422, { errors: [{ pointer: '/items', code: 'too-many' }] }],
  ] as const) {
    const rig = rigWith(t, GALA, 2);
    get(rig);
    const left = [...changes];
    // Each time that the request is parsed, the other worker changes the event just before the mutex is taken.
    JSON.parse = (text: string): unknown => {
      const body = text.includes('"marked"') ? left.shift() : undefined;
      if (body !== undefined && patch(rig, body, {}, 1).status !== 200) throw new Error('refused');
      return parse(text) as unknown;
    };
    const body = { customer: 'marked', items: [{ section: 'floor', quantity: 2 }] };
    const reply = rig.write(CREATE_ORDER, { subject: 'gala', body });
    JSON.parse = parse;
    const what = `${changes.length} changes: ${JSON.stringify(changes.at(-1) ?? null)}`;
    t.equal(reply.status, status, what);
    t.match(jsonOf(reply), told, what);
    t.equal(left.length, 0);
  }
});

t.test('the key of a caller must cover the event that it makes, an id that is made up too', async (t) => {
  const rig = new ServiceRig();
  t.teardown(() => rig.close());
  const make = (events: string, body: object, key = ''): ReadReply => {
    const whole = { startsAt: GALA.startsAt, capacity: 5, ...body };
    const reply = rig.write(CREATE_EVENT, { events, body: whole, idempotencyKey: key }, REGISTRY_SLOT);
    rig.journal.drain();
    return reply;
  };
  const winter = { name: 'Winter' };
  t.match(jsonOf(make('gala*', { name: 'Gala', id: 'winter' })), {
    status: 403,
    code: 'forbidden',
    applied: false,
  });
  t.match(jsonOf(make('gala*,quiz', winter)), { status: 403, detail: /covers the events gala\*,quiz/ });
  t.match(jsonOf(make('gala*', { name: 'Gala' })), { id: 'gala' });
  t.match(jsonOf(make('gala*', { name: 'Gala' })), { id: /^gala-\d+$/ });
  t.match(jsonOf(make('winter', winter, 'k')), { id: 'winter' });
  const again = make('winter', winter, 'k');
  t.match([again.status, again.replayed, jsonOf(again)['id']], [200, true, 'winter']);
  t.equal(make('winter', winter).status, 409, 'the one id that it covers is taken');
  t.equal(make('', winter).status, 403);
});

t.test('a change that a lost worker had published is answered as it would have been', async (t) => {
  const rig = rigWith(t);
  const compare = (operation: Operation, options: RequestOptions): void => {
    const first = ringHead(rig.arena);
    const original = rig.write(operation, options, REGISTRY_SLOT);
    const [command] = publishedCommands(rig.arena, rig.batchId, first);
    const request = requestOf(operation, { ...options, fact: command.fact });
    t.same(rig.batch(BATCH_KIND.answer, REGISTRY_SLOT, [request]).replies[0], original);
    rig.journal.drain();
  };
  compare(PATCH_EVENT, { subject: 'gala', body: { name: 'x', sections: [{ id: 'floor', capacity: 900 }] } });
  compare(PATCH_EVENT, { subject: 'gala', body: { state: 'closed' }, idempotencyKey: 'k' });
  compare(PATCH_EVENT, { subject: 'gala', body: { state: 'archived' } });
});
