/** Each call that changes something: what it answers, what it refuses with which numbers, and what its key replays. */
import t from 'tap';
import type { Test } from 'tap';
import {
  AVAILABILITY,
  BLOCK,
  CANCEL_ORDER,
  CHANGE_HOLD,
  CONFIRM_HOLD,
  CREATE_EVENT,
  CREATE_HOLD,
  CREATE_ORDER,
  EXTEND_HOLD,
  GET_HOLD,
  PATCH_EVENT,
  RELEASE_HOLD,
  UNBLOCK,
  type Operation,
} from '../../src/core/operations.ts';
import { RESERVE_SHARE } from '../../src/memory/layout.ts';
import { REGISTRY_SLOT } from '../../src/memory/registry.ts';
import { keyHash } from '../../src/service/key-hash.ts';
import { START_MS } from '../engine/rig.ts';
import { GALA, jsonOf, requestOf, ServiceRig, type Json, type RequestOptions } from './rig.ts';
import { type ReadReply } from '../support/batches.ts';

const SHOW = {
  ...GALA,
  limits: { ...GALA.limits, ticketsPerCustomer: 4, holdsPerCustomer: 2 },
  categories: [
    {
      id: 'gold',
      prices: [
        { type: 'adult', price: 9000 },
        { type: 'child', price: 4500 },
      ],
    },
    {
      id: 'silver',
      prices: [
        { type: 'standard', price: 3000 },
        { type: 'child', price: 1000 },
      ],
    },
  ],
  sections: [
    { id: 'floor', kind: 'general', capacity: 50, price: 4500 },
    { id: 'stalls', kind: 'seated', category: 'gold', rows: [{ id: 'A', seats: 7 }] },
    { id: 'balcony', kind: 'seated', category: 'silver', rows: [{ id: 'A', seats: ['1..3', null, '4..6'] }] },
  ],
};

function rigWith(t: { teardown: (action: () => void) => void }, event: object = SHOW): ServiceRig {
  const rig = new ServiceRig();
  t.teardown(() => rig.close());
  rig.define(event);
  return rig;
}

function hold(rig: ServiceRig, body: object, options: RequestOptions = {}): ReadReply {
  return rig.write(CREATE_HOLD, { subject: 'gala', ...options, body: { customer: 'c-1', ...body } });
}

function order(rig: ServiceRig, body: object, options: RequestOptions = {}): ReadReply {
  return rig.write(CREATE_ORDER, { subject: 'gala', ...options, body: { customer: 'c-1', ...body } });
}

function good(reply: ReadReply, status: number): Json {
  if (reply.status !== status) throw new Error(Buffer.from(reply.body).toString());
  return jsonOf(reply);
}

const counts = (rig: ServiceRig, section: number): Json =>
  jsonOf(rig.read(AVAILABILITY, { subject: 'gala' }))['sections'][section];

t.test('a hold has a price type for each item, its total, reference and metadata', async (t) => {
  const rig = rigWith(t);
  const metadata = { basket: 'ü', seats: [1, 2] };
  const reply = hold(rig, {
    reference: 'r-1',
    metadata,
    expectTotal: 18_000,
    items: [
      { seat: 'stalls-A-1', type: 'adult' },
      { seat: 'stalls-A-2', type: 'child' },
      { section: 'floor', quantity: 1 },
    ],
  });
  const json = good(reply, 201);
  t.match(json, {
    customer: 'c-1',
    reference: 'r-1',
    state: 'held',
    sequence: reply.sequence,
    total: 18_000,
    currency: 'EUR',
    expiresInMs: 300_000,
  });
  t.same(json['metadata'], metadata);
  t.same(json['items'], [
    { seat: 'stalls-A-1', type: 'adult', price: 9000 },
    { seat: 'stalls-A-2', type: 'child', price: 4500 },
    { section: 'floor', quantity: 1, type: 'standard', price: 4500 },
  ]);
  t.equal(reply.location, `/v1/holds/${json['id']}`);
  const later = { reference: 'pi_3N', metadata: {} };
  const confirmed = rig.write(CONFIRM_HOLD, { subject: String(json['id']), body: later });
  const sold = good(confirmed, 201);
  t.match(sold, {
    id: json['order'],
    hold: json['id'],
    reference: 'pi_3N',
    total: 18_000,
    cancelledTotal: 0,
  });
  t.same(sold['metadata'], {}, 'an empty object clears what the hold had');
  t.match(sold['tickets'], [
    { section: 'stalls', seat: 'stalls-A-1', type: 'adult', price: 9000, state: 'valid' },
    { seat: 'stalls-A-2', type: 'child', price: 4500 },
    { section: 'floor', type: 'standard', price: 4500 },
  ]);
  t.equal(confirmed.location, `/v1/orders/${sold['id']}`);
  const again = rig.write(CONFIRM_HOLD, { subject: String(json['id']), body: { reference: 'other' } });
  t.match([again.status, again.replayed], [200, false]);
  t.same(jsonOf(again), sold, 'confirmed again, it is the same order, unchanged');
});

t.test('a type left out is the only one, else standard, else asked for by name', async (t) => {
  const rig = rigWith(t);
  const types = (items: object[]): unknown =>
    good(hold(rig, { items, customer: String(items.length) }), 201)['items'];
  t.match(
    types([
      { section: 'balcony', quantity: 1 },
      { section: 'floor', quantity: 1 },
    ]),
    [
      { type: 'standard', price: 3000 },
      { type: 'standard', price: 4500 },
    ],
  );
  t.match(types([{ section: 'balcony', quantity: 1, type: 'child' }]), [{ type: 'child', price: 1000 }]);
  for (const [type, code, detail] of [
    [undefined, 'missing', 'a price type is needed: section stalls has adult, child'],
    ['standard', 'unknown-type', 'there is no price type standard here: section stalls has adult, child'],
  ]) {
    const reply = hold(rig, { items: [{ seat: 'stalls-A-1', type }] });
    t.match(jsonOf(reply), { status: 422, errors: [{ pointer: '/items/0/type', code, detail }] });
  }
});

/** A refusal: the problem of a call must have all that is given here, and nothing may have changed. */
function refused(
  t: Test,
  rig: ServiceRig,
  reply: () => ReadReply,
  status: number,
  problem: Record<string, unknown>,
): void {
  const before = rig.bytesOf(1);
  const found = reply();
  t.equal(found.status, status, String(problem['code']));
  t.match(jsonOf(found), { status, applied: false, requestId: 'r1', ...problem });
  if (!rig.isAsIn(1, before)) t.fail(`${String(problem['code'])} changed something`);
}

t.test('a refusal has the numbers behind it, and changes nothing', async (t) => {
  const rig = rigWith(t);
  const sequence = good(hold(rig, { items: [{ section: 'floor', quantity: 2 }] }), 201)['sequence'];
  const check = (items: object[], code: string, problem: object, body: object = {}): void =>
    refused(t, rig, () => hold(rig, { customer: 'c-2', ...body, items }), 409, {
      code,
      sequence,
      ...problem,
    });
  check(
    [{ section: 'floor', quantity: 1 }],
    'price-changed',
    { requested: 1, total: 4500 },
    { expectTotal: 1 },
  );
  check(
    [{ section: 'floor', quantity: 3 }],
    'customer-limit',
    { limit: 4, requested: 3, held: 2 },
    { customer: 'c-1' },
  );
  check([{ section: 'balcony', quantity: 4, adjacent: 'required' }], 'no-adjacent-seats', {
    requested: 4,
    available: 6,
  });
  check([{ section: 'stalls', quantity: 8, type: 'adult' }], 'not-enough-available', {
    requested: 8,
    available: 7,
  });
  good(hold(rig, { items: [{ seat: 'stalls-A-1', type: 'child' }] }), 201);
  const seats = [
    { seat: 'stalls-A-2', type: 'child' },
    { seat: 'stalls-A-1', type: 'child' },
  ];
  refused(t, rig, () => hold(rig, { customer: 'c-2', items: seats }), 409, {
    code: 'seat-unavailable',
    seats: ['stalls-A-1'],
    detail: 'Not available: stalls-A-1',
  });
  refused(t, rig, () => hold(rig, { items: [{ section: 'floor', quantity: 1 }] }), 409, {
    code: 'customer-hold-limit',
    limit: 2,
    requested: 1,
    held: 2,
  });
  refused(t, rig, () => hold(rig, { customer: null, items: [{ section: 'floor', quantity: 1 }] }), 422, {
    errors: [{ pointer: '/customer', code: 'missing' }],
  });
  const all = [{ section: 'balcony', quantity: 3 }];
  for (const customer of ['a', 'b']) good(order(rig, { customer, items: all }), 201);
  refused(t, rig, () => hold(rig, { customer: 'd', items: all }), 409, {
    code: 'sold-out',
    available: 0,
    held: 0,
  });
});

t.test('a sale says when it starts, and that it is paused or over', async (t) => {
  const rig = rigWith(t);
  const salesFrom = new Date(START_MS + 1000).toISOString();
  const salesUntil = new Date(START_MS + 2000).toISOString();
  const items = [{ section: 'floor', quantity: 1 }];
  const patch = (body: object): void =>
    void good(rig.write(PATCH_EVENT, { subject: 'gala', body }, REGISTRY_SLOT), 200);
  const at = (code: string, detail: string, receivedAtMs = START_MS): void => {
    const reply = hold(rig, { items }, { receivedAtMs });
    t.match(jsonOf(reply), { status: 409, code, detail });
  };
  patch({ salesFrom, salesUntil });
  at('sale-not-started', `The sale of gala starts at ${salesFrom}`, START_MS + 999);
  t.equal(hold(rig, { items }, { receivedAtMs: START_MS + 1000 }).status, 201);
  t.equal(hold(rig, { items }, { receivedAtMs: START_MS + 1999 }).status, 201);
  at('sale-closed', `The sale of gala ended at ${salesUntil}`, START_MS + 2000);
  patch({ state: 'paused', salesFrom: null, salesUntil: null });
  at('sale-paused', 'The sale of gala is paused');
  patch({ state: 'closed' });
  at('sale-closed', 'The sale of gala is closed');
  const draft = rigWith(t, { ...SHOW, state: 'draft' });
  const reply = hold(draft, { items });
  const detail = 'Event gala is a draft; its sale has not been opened';
  t.match(jsonOf(reply), { code: 'sale-not-started', detail });
});

t.test('a hold is changed: all or nothing, and its deadline stays', async (t) => {
  const rig = rigWith(t);
  const first = good(hold(rig, { items: [{ section: 'floor', quantity: 2 }] }), 201);
  const subject = String(first['id']);
  rig.nowMs += 1000;
  const add = [{ seat: 'stalls-A-1', type: 'adult' }];
  const remove = [{ section: 'floor', quantity: 1 }];
  const reply = rig.write(CHANGE_HOLD, { subject, body: { add, remove, expectTotal: 13_500 } });
  const changed = good(reply, 200);
  t.match(changed, {
    id: subject,
    total: 13_500,
    expiresAt: first['expiresAt'],
    createdAt: first['createdAt'],
  });
  t.equal(changed['items'].length, 2);
  t.same(jsonOf(rig.read(GET_HOLD, { subject })), changed);
  const type = { add: [{ seat: 'stalls-A-1', type: 'child' }], remove: [{ seat: 'stalls-A-1' }] };
  t.equal(
    good(rig.write(CHANGE_HOLD, { subject, body: type }), 200)['total'],
    9000,
    'a seat gets another type',
  );
  const change = (body: object) => () => rig.write(CHANGE_HOLD, { subject, body });
  refused(t, rig, change({ add, expectTotal: 5 }), 409, { code: 'seat-unavailable', seats: ['stalls-A-1'] });
  refused(t, rig, change({ remove, expectTotal: 5 }), 409, {
    code: 'price-changed',
    requested: 5,
    total: 4500,
  });
  refused(t, rig, change({ add: [{ section: 'floor', quantity: 3 }] }), 409, {
    code: 'customer-limit',
    limit: 4,
    requested: 3,
    held: 2,
  });
  good(rig.write(CONFIRM_HOLD, { subject }), 201);
  refused(t, rig, change({ remove }), 409, { code: 'hold-confirmed' });
});

t.test('a hold is extended, never shortened, and up to its cap', async (t) => {
  const rig = rigWith(t);
  const first = good(hold(rig, { items: [{ section: 'floor', quantity: 1 }] }), 201);
  const subject = String(first['id']);
  const extend = (seconds: number): ReadReply => rig.write(EXTEND_HOLD, { subject, body: { seconds } });
  t.same(good(extend(300), 200), first, 'what would not lengthen it changes nothing');
  t.same(good(extend(10), 200), first);
  rig.nowMs += 100_000;
  t.match(good(extend(400), 200), { expiresInMs: 400_000, sequence: 3 });
  t.match(good(extend(501), 200), { expiresInMs: 500_000 }, 'as far as its cap, not beyond');
  refused(t, rig, () => extend(501), 409, {
    code: 'extend-limit',
    limit: 600,
    detail: 'A hold of this event lasts at most 600 seconds from its creation on',
  });
  t.match(good(extend(500), 200), { expiresInMs: 500_000 }, 'what it has already is no refusal');
  const late = { subject, receivedAtMs: START_MS + 600_000, body: { seconds: 5 } };
  rig.nowMs = START_MS + 600_000;
  t.match(jsonOf(rig.write(EXTEND_HOLD, late)), { status: 409, code: 'hold-expired' });
  t.equal(counts(rig, 0)['held'], 0, 'a command expires the hold that it names');
});

t.test('an expired hold is taken again if that is asked for and all of it is there', async (t) => {
  const rig = rigWith(t);
  const make = (seat: string): string =>
    String(good(hold(rig, { customer: seat, seconds: 1, items: [{ seat, type: 'adult' }] }), 201)['id']);
  const [mine, lost] = [make('stalls-A-1'), make('stalls-A-2')];
  rig.nowMs += 60_000;
  const receivedAtMs = rig.nowMs;
  const confirm = (subject: string, body: object): ReadReply =>
    rig.write(CONFIRM_HOLD, { subject, receivedAtMs, body });
  t.match(jsonOf(confirm(mine, {})), { status: 409, code: 'hold-expired' });
  t.match(jsonOf(confirm(lost, {})), { status: 409, code: 'hold-expired' });
  good(order(rig, { customer: 'x', items: [{ seat: 'stalls-A-2', type: 'adult' }] }, { receivedAtMs }), 201);
  const order1 = good(confirm(mine, { ifExpired: 'retake' }), 201);
  t.match(order1, { hold: mine, state: 'confirmed', tickets: [{ seat: 'stalls-A-1', price: 9000 }] });
  const problem = { code: 'seat-unavailable', seats: ['stalls-A-2'] };
  refused(t, rig, () => confirm(lost, { ifExpired: 'retake' }), 409, problem);
});

t.test('tickets are cancelled, to sale or to blocked', async (t) => {
  const rig = rigWith(t);
  const made = good(order(rig, { items: [{ section: 'floor', quantity: 3 }] }), 201);
  const subject = String(made['id']);
  const ids = (made['tickets'] as unknown as { id: string }[]).map(({ id }) => id);
  const cancel = (body: object | null): ReadReply => rig.write(CANCEL_ORDER, { subject, body });
  const first = good(cancel({ tickets: [ids[1]], to: 'blocked', reason: 'wet' }), 200);
  t.match(first, { state: 'confirmed', cancelledTotal: 4500, total: 13_500 });
  t.match(first['tickets'], [{ state: 'valid' }, { state: 'cancelled' }, { state: 'valid' }]);
  t.match(counts(rig, 0), { available: 47, sold: 2, blocked: 1 });
  t.same(good(cancel({ tickets: [ids[1]] }), 200), first, 'again changes nothing');
  t.match(good(cancel(null), 200), { state: 'cancelled', cancelledTotal: 13_500 });
  t.match(counts(rig, 0), { available: 49, sold: 0, blocked: 1 });
  const again = rig.write(CONFIRM_HOLD, { subject: String(made['hold']) });
  t.match(jsonOf(again), { status: 409, code: 'order-cancelled' });
});

t.test(
  'places are blocked and put back, all or nothing, and the reply says how their sections stand',
  async (t) => {
    const rig = rigWith(t);
    const call = (operation: Operation, items: object[], reason?: string): ReadReply =>
      rig.write(operation, { subject: 'gala', body: { items, reason } });
    const seats = [{ seat: 'stalls-A-1' }, { seat: 'stalls-A-2' }, { section: 'floor', quantity: 10 }];
    const reply = call(BLOCK, seats, 'stage');
    t.same(good(reply, 200), {
      event: 'gala',
      sequence: reply.sequence,
      changed: 12,
      sections: [
        { id: 'floor', capacity: 50, available: 40, held: 0, sold: 0, blocked: 10 },
        { id: 'stalls', capacity: 7, available: 5, held: 0, sold: 0, blocked: 2 },
      ],
    });
    const again = good(call(BLOCK, seats.slice(0, 2)), 200);
    t.match(again, { changed: 0, sequence: reply.sequence, sections: [{ id: 'stalls', blocked: 2 }] });
    t.match(good(call(BLOCK, [{ seat: 'stalls-A-2' }, { seat: 'stalls-A-3' }]), 200), { changed: 1 });
    good(hold(rig, { items: [{ seat: 'stalls-A-4', type: 'adult' }] }), 201);
    const taken = { code: 'seat-unavailable', seats: ['stalls-A-4'] };
    refused(t, rig, () => call(BLOCK, [{ seat: 'stalls-A-4' }, { seat: 'stalls-A-5' }]), 409, taken);
    refused(t, rig, () => call(UNBLOCK, [{ seat: 'stalls-A-4' }, { seat: 'stalls-A-1' }]), 409, taken);
    refused(t, rig, () => call(BLOCK, [{ section: 'floor', quantity: 41 }]), 409, {
      code: 'not-enough-available',
      requested: 41,
      available: 40,
    });
    refused(t, rig, () => call(UNBLOCK, [{ section: 'floor', quantity: 11 }]), 409, {
      code: 'not-enough-available',
      detail: 'Section floor has 10 places blocked, 11 were asked for',
    });
    t.match(good(call(UNBLOCK, [{ seat: 'stalls-A-1' }, { section: 'floor', quantity: 10 }]), 200), {
      changed: 11,
      sections: [{ available: 50 }, { available: 4, held: 1, blocked: 2 }],
    });
  },
);

/** Each mutation with what its reply is when its key is used again. `prepare` makes what the call is about. */
const MUTATIONS: readonly (readonly [
  Operation,
  prepare: (rig: ServiceRig) => string,
  body: object | null,
  other: object | null,
  statuses: readonly [first: number, replayed: number],
])[] = [
  [CREATE_HOLD, gala, { customer: 'k', items: floor(1) }, { customer: 'k', items: floor(2) }, [201, 200]],
  [CREATE_ORDER, gala, { customer: 'k', items: floor(1) }, { customer: 'k', items: floor(2) }, [201, 200]],
  [CONFIRM_HOLD, heldId, { reference: 'a' }, { reference: 'b' }, [201, 200]],
  [CHANGE_HOLD, heldId, { add: floor(1) }, { add: floor(2) }, [200, 200]],
  [EXTEND_HOLD, heldId, { seconds: 400 }, { seconds: 500 }, [200, 200]],
  [RELEASE_HOLD, heldId, null, { a: 1 }, [204, 204]],
  [CANCEL_ORDER, orderId, { reason: 'a' }, null, [200, 200]],
  [BLOCK, gala, { items: floor(2) }, { items: floor(3) }, [200, 200]],
  [UNBLOCK, blocked, { items: floor(2) }, { items: floor(3) }, [200, 200]],
  [PATCH_EVENT, gala, { name: 'Gala II', state: 'paused' }, { name: 'Gala III' }, [200, 200]],
  [PATCH_EVENT, closed, { state: 'archived' }, { name: 'Gala IV' }, [200, 200]],
  [CREATE_EVENT, () => '', { ...GALA, id: 'other' }, GALA, [201, 200]],
];

function floor(quantity: number): object[] {
  return [{ section: 'floor', quantity }];
}
function gala(): string {
  return 'gala';
}
function heldId(rig: ServiceRig): string {
  return String(good(hold(rig, { items: floor(2) }), 201)['id']);
}
function orderId(rig: ServiceRig): string {
  return String(good(order(rig, { items: floor(2) }), 201)['id']);
}
function blocked(rig: ServiceRig): string {
  good(rig.write(BLOCK, { subject: 'gala', body: { items: floor(5) } }), 200);
  return 'gala';
}
function closed(rig: ServiceRig): string {
  good(rig.write(PATCH_EVENT, { subject: 'gala', body: { state: 'closed' } }, REGISTRY_SLOT), 200);
  return 'gala';
}

for (const [operation, prepare, body, other, [first, replayed]] of MUTATIONS) {
  t.test(`${operation.name} ${JSON.stringify(body)?.slice(0, 20)} is done once under its key`, async (t) => {
    const rig = rigWith(t);
    const subject = prepare(rig);
    const slot = operation.lane === 'registry' ? REGISTRY_SLOT : 1;
    const send = (options: RequestOptions = {}): ReadReply =>
      rig.write(operation, { subject, body, idempotencyKey: 'k', keyId: 'shop', ...options }, slot);
    const made = send();
    t.match([made.status, made.replayed], [first, false]);
    const before = rig.bytesOf(1);
    const again = send({ client: 'another client of the same key' });
    t.match([again.status, again.replayed], [replayed, true], 'the same request again');
    if (operation.name !== 'block' && operation.name !== 'unblock') {
      t.same(Buffer.from(again.body).toString(), Buffer.from(made.body).toString(), 'the thing as it is now');
    }
    const mismatch = send({ body: other });
    t.match([mismatch.status, jsonOf(mismatch)['code']], [422, 'idempotency-mismatch'], 'another body');
    const broken = send({ body: '{"not": "valid"}' });
    t.match([broken.status, jsonOf(broken)['applied']], [422, false]);
    t.ok(rig.isAsIn(1, before), 'none of them changed anything');
  });
}

t.test('a request that an event changed since makes invalid is still answered from its key', async (t) => {
  const rig = rigWith(t);
  const body = { customer: 'c-9', seconds: 600, items: [{ seat: 'stalls-A-1', type: 'child' }, ...floor(3)] };
  const send = (): ReadReply => rig.write(CREATE_HOLD, { subject: 'gala', body, idempotencyKey: 'k' });
  const made = good(send(), 201);
  const subject = String(made['id']);
  const changeBody = { add: [{ seat: 'stalls-A-2', type: 'child' }], remove: floor(1) };
  const change = (): ReadReply => rig.write(CHANGE_HOLD, { subject, body: changeBody, idempotencyKey: 'k' });
  good(change(), 200);
  const patch = {
    limits: { maxHoldSeconds: 300, ticketsPerHold: 1 },
    categories: [{ id: 'gold', prices: [{ type: 'adult', price: 1 }] }, SHOW.categories[1]],
  };
  good(rig.write(PATCH_EVENT, { subject: 'gala', body: patch }, REGISTRY_SLOT), 200);
  for (const call of [send, change]) {
    const again = call();
    t.match([again.status, again.replayed], [200, true]);
    t.match(jsonOf(again), {
      id: subject,
      items: [
        { type: 'child', price: 4500 },
        { section: 'floor', quantity: 2 },
        { type: 'child', price: 4500 },
      ],
    });
  }
  const fresh = rig.write(CREATE_HOLD, { subject: 'gala', body, idempotencyKey: 'k2' });
  t.match(jsonOf(fresh), { status: 422, code: 'invalid-request' });
});

t.test('a key counts for its caller, its call and what that is about', async (t) => {
  const base = requestOf(CREATE_HOLD, { subject: 'gala', idempotencyKey: 'k', body: {} });
  const [hash0, hash1, hash2, body0, body1] = [
    1_610_316_843, -1_930_810_590, -360_507_382, -1_553_001_660, -1_972_915_371,
  ];
  t.match(
    keyHash(base),
    { hash0, hash1, hash2, body0, body1 },
    'keys are on disk: what they hash to never changes',
  );
  const scope = (request: typeof base): string => {
    const key = keyHash(request);
    return `${key?.hash0} ${key?.hash1} ${key?.hash2}`;
  };
  const others = [
    { ...base, keyId: 'shop' },
    { ...base, subject: 'gala2' },
    { ...base, operation: CREATE_ORDER.code },
    { ...base, idempotencyKey: 'k2' },
  ];
  t.equal(new Set([base, ...others].map(scope)).size, 5);
  t.equal(scope({ ...base, client: 'x', requestId: 'y', body: Buffer.from('z') }), scope(base));
  const shares = new Set<number>();
  for (let i = 0; i < 2000; i++) shares.add(keyHash({ ...base, client: `k:${i}` })?.share ?? 0);
  t.equal(Math.min(...shares), 1);
  t.equal(Math.max(...shares), RESERVE_SHARE - 1);
  t.equal(shares.size, RESERVE_SHARE - 1, 'clients fall into all shares but the reserve');
  t.equal(keyHash({ ...base, idempotencyKey: '' }), null);
});
