/** The client against a canned server: what goes out, what comes back, what a failure becomes. */
import t from 'tap';
import {
  expandSeats,
  FrontrowClient,
  listSeats,
  FrontrowProblem,
  FrontrowUnreachable,
  seatLetterAt,
  seatLetters,
} from '../../src/client/index.ts';
import { deadUrl, problem, startFakeServer } from './fake-server.ts';
import type { Asked, Canned, FakeServer } from './fake-server.ts';

interface Setup {
  readonly client: FrontrowClient;
  readonly server: FakeServer;
}

async function setup(
  test: Pick<typeof t, 'teardown'>,
  reply: (asked: Asked) => Canned,
  key?: string,
): Promise<Setup> {
  const server = await startFakeServer(reply);
  test.teardown(() => server.close());
  // What is tried again is the subject of retry.test.ts.
  return { server, client: new FrontrowClient({ url: server.url, key, retry: false }) };
}

t.test('a mutation carries an idempotency key of its own, and the one it is given', async (t) => {
  const { client, server } = await setup(t, () => ({ status: 201, body: { id: 'hold_1' } }), 'secret');
  const items = [{ seat: 'stalls-A-12' }, { section: 'floor', quantity: 2 }];
  t.equal((await client.holds.create('gala', { customer: 'c', items })).id, 'hold_1');
  await client.holds.create('gala', { items }, { idempotencyKey: 'mine' });
  await client.holds.create('gala', { items });
  const keys = server.asked.map((asked) => asked.headers['idempotency-key']);
  t.equal(keys[1], 'mine');
  t.match(keys[0], /^[0-9a-f-]{36}$/);
  t.not(keys[0], keys[2], 'made anew for each call');
  t.match(server.asked[0], { method: 'POST', path: '/v1/events/gala/holds', body: { customer: 'c', items } });
  t.equal(server.asked[0].headers.authorization, 'Bearer secret');
  t.equal(server.asked[0].headers['content-type'], 'application/json');
});

t.test('every call goes where API.md says', async (t) => {
  const { client, server } = await setup(t, (asked) => ({
    status: asked.method === 'DELETE' ? 204 : 200,
    body: asked.method === 'DELETE' ? undefined : { data: [], next: null },
  }));
  const items = [{ seat: 'stalls-A-12' }];
  const { events, holds, orders } = client;
  await events.create({ name: 'Quiz', startsAt: '2027-01-15T19:00:00Z', capacity: 3 });
  await events.list({ limit: 2, after: 'x y', state: ['open', 'paused'], include: 'availability' });
  await events.get('gala');
  await events.getTagged('gala');
  await events.patch('gala', { name: 'Gala' }, { ifMatch: '"1-3"' });
  await events.availability('gala');
  await events.seats('gala', { section: 'stalls' });
  await events.seat('gala', 'stalls-A-12');
  await events.historyPage('gala', { after: 7, seat: 'stalls-A-12' });
  await events.block('gala', { items, reason: 'broken' });
  await events.unblock('gala', { items });
  await holds.create('gala', { items });
  await holds.list('gala', { customer: 'c', state: 'held', limit: 5 });
  await holds.get('hold_1');
  await holds.change('hold_1', { add: items, remove: [{ section: 'floor', quantity: 1 }] });
  await holds.extend('hold_1', { seconds: 60 });
  await holds.confirm('hold_1', { reference: 'pi', ifExpired: 'retake' });
  await holds.release('hold_1');
  await orders.create('gala', { items, expectTotal: 100 });
  await orders.list('gala', { reference: 'pi', state: ['confirmed', 'cancelled'], after: 'n' });
  await orders.get('order_1');
  await orders.cancel('order_1', { tickets: ['ticket_1_1'], to: 'blocked' });
  await client.health();
  await client.ready();
  t.same(
    server.asked.map((asked) => `${asked.method} ${asked.path}`),
    [
      'POST /v1/events',
      'GET /v1/events?limit=2&after=x+y&state=open%2Cpaused&include=availability',
      'GET /v1/events/gala',
      'GET /v1/events/gala',
      'PATCH /v1/events/gala',
      'GET /v1/events/gala/availability',
      'GET /v1/events/gala/seats?section=stalls',
      'GET /v1/events/gala/seats/stalls-A-12',
      'GET /v1/events/gala/history?after=7&seat=stalls-A-12',
      'POST /v1/events/gala/block',
      'POST /v1/events/gala/unblock',
      'POST /v1/events/gala/holds',
      'GET /v1/events/gala/holds?customer=c&state=held&limit=5',
      'GET /v1/holds/hold_1',
      'POST /v1/holds/hold_1/change',
      'POST /v1/holds/hold_1/extend',
      'POST /v1/holds/hold_1/confirm',
      'DELETE /v1/holds/hold_1',
      'POST /v1/events/gala/orders',
      'GET /v1/events/gala/orders?reference=pi&state=confirmed%2Ccancelled&after=n',
      'GET /v1/orders/order_1',
      'POST /v1/orders/order_1/cancel',
      'GET /healthz',
      'GET /readyz',
    ],
  );
  const unkeyed = server.asked.filter((asked) => asked.headers['idempotency-key'] === undefined);
  t.ok(
    unkeyed.every((asked) => asked.method === 'GET'),
    'only reads go without an idempotency key',
  );
});

t.test('the life of an event is a change of its state, on the version that was read', async (t) => {
  const { client, server } = await setup(t, () => ({ status: 200, body: { id: 'gala' } }));
  await client.events.open('gala');
  await client.events.pause('gala', { ifMatch: '"1-2"' });
  await client.events.close('gala', { ifMatch: '*' });
  await client.events.archive('gala', { idempotencyKey: 'mine' });
  t.same(
    server.asked.map(({ method, body, headers }) => [method, body, headers['if-match']]),
    [
      ['PATCH', { state: 'open' }, undefined],
      ['PATCH', { state: 'paused' }, '"1-2"'],
      ['PATCH', { state: 'closed' }, '*'],
      ['PATCH', { state: 'archived' }, undefined],
    ],
  );
  t.equal(server.asked[3].headers['idempotency-key'], 'mine');
});

t.test('for whom a call is made is told with it', async (t) => {
  const server = await startFakeServer(() => ({ status: 200, body: {} }));
  t.teardown(() => server.close());
  const client = new FrontrowClient({ url: server.url, client: 'till-1' });
  await client.events.get('gala');
  await client.events.get('gala', { client: 'till-2' });
  t.same(
    server.asked.map(({ headers }) => headers['frontrow-client']),
    ['till-1', 'till-2'],
  );
});

t.test('an id cannot leave its path segment, and a base path stays', async (t) => {
  const server = await startFakeServer(() => ({ status: 200, body: {} }));
  t.teardown(() => server.close());
  await new FrontrowClient({ url: `${server.url}/tickets/` }).events.get('../orders?x#y');
  t.equal(server.asked[0].path, '/tickets/v1/events/..%2Forders%3Fx%23y');
});

t.test('history and list walk all pages in order', async (t) => {
  const { client, server } = await setup(t, (asked) => {
    const after = new URL(asked.path, 'http://x').searchParams.get('after');
    const page = after === null ? 0 : Number(after);
    const data = [{ sequence: page + 1 }, { sequence: page + 2 }];
    return { status: 200, body: { data, next: page < 4 ? String(page + 2) : null } };
  });
  const sequences: number[] = [];
  for await (const change of client.events.history('gala', { limit: 2 })) sequences.push(change.sequence);
  t.same(sequences, [1, 2, 3, 4, 5, 6]);
  t.equal(server.asked.length, 3);
  t.ok(server.asked.every((asked) => asked.path.includes('limit=2')));
  for (const all of [client.events.all(), client.holds.all('gala'), client.orders.all('gala')]) {
    let count = 0;
    for await (const entry of all) count += entry === null ? 0 : 1;
    t.equal(count, 6);
  }
});

t.test('a conditional read tells a 304 from a reply', async (t) => {
  const { client } = await setup(t, (asked) =>
    asked.headers['if-none-match'] === '"1-7"'
      ? { status: 304 }
      : { status: 200, body: { sequence: 7 }, headers: { etag: '"1-7"' } },
  );
  const first = await client.events.availabilityIfChanged('gala', null);
  t.match(first, { changed: true, etag: '"1-7"', value: { sequence: 7 } });
  t.match(await client.events.availabilityIfChanged('gala', first.etag), { changed: false, etag: '"1-7"' });
  t.match(await client.events.seatsIfChanged('gala', first.etag), { changed: false, etag: '"1-7"' });
});

t.test('seat bits are read lowest bits first', async (t) => {
  const bytes = Buffer.from([0b11_10_01_00, 0b00_00_00_10]);
  const { client, server } = await setup(t, () => ({
    status: 200,
    body: bytes,
    headers: { 'content-type': 'application/octet-stream', 'frontrow-sequence': '9' },
  }));
  const reply = await client.events.seatBits('gala', { section: 'stalls' });
  t.equal(server.asked[0].headers.accept, 'application/octet-stream');
  t.equal(reply.sequence, 9);
  t.equal(seatLetters(reply.bytes, 0, 5), 'ahsbs');
  t.equal(seatLetters(reply.bytes, 2, 2), 'sb');
  t.throws(() => seatLetterAt(reply.bytes, 8), RangeError);
  t.throws(() => seatLetterAt(reply.bytes, -1), RangeError);
});

t.test('a reply says whether it was replayed', async (t) => {
  const headers = { 'idempotency-replayed': 'true', 'frontrow-sequence': '3', etag: '"a"' };
  const { client } = await setup(t, () => ({ status: 200, body: { id: 'order_1' }, headers }));
  const reply = await client.request({ method: 'POST', path: ['v1', 'events', 'gala', 'orders'], body: {} });
  t.match(reply, { status: 200, replayed: true, sequence: 3, etag: '"a"' });
});

t.test('a problem keeps its code and every number', async (t) => {
  const { client } = await setup(t, () =>
    problem(409, 'not-enough-available', {
      available: 1,
      requested: 4,
      limit: 8,
      held: 2,
      sequence: 11,
      seats: ['stalls-A-1'],
      retryAfterMs: 250,
      requestId: 'r1',
      errors: [{ pointer: '/items/0', code: 'x', detail: 'y' }],
    }),
  );
  const error = await client.holds.create('gala', { items: [] }).catch((reason: unknown) => reason);
  t.ok(error instanceof FrontrowProblem);
  t.match(error, {
    name: 'FrontrowProblem',
    status: 409,
    code: 'not-enough-available',
    applied: false,
    available: 1,
    requested: 4,
    limit: 8,
    held: 2,
    sequence: 11,
    seats: ['stalls-A-1'],
    retryAfterMs: 250,
    requestId: 'r1',
    errors: [{ pointer: '/items/0' }],
    request: { method: 'POST', path: '/v1/events/gala/holds' },
  });
});

t.test('an error page that is no problem leaves a write unknown and a read unapplied', async (t) => {
  const { client } = await setup(t, () => ({ status: 502, body: '<html>bad gateway' }));
  const write = await client.orders.create('gala', { items: [] }).catch((reason: unknown) => reason);
  t.match(write, { status: 502, code: 'unexpected-reply', applied: null });
  const read = await client.orders.get('order_1').catch((reason: unknown) => reason);
  t.match(read, { status: 502, code: 'unexpected-reply', applied: false });
});

t.test('a 200 that is not JSON is no success', async (t) => {
  const { client } = await setup(t, () => ({ status: 200, body: 'hello' }));
  await t.rejects(client.events.list(), { name: 'FrontrowProblem', code: 'unexpected-reply' });
});

t.test('nobody listening: nothing was applied', async (t) => {
  const client = new FrontrowClient({ url: await deadUrl(), retry: false });
  const error = await client.orders.create('gala', { items: [] }).catch((reason: unknown) => reason);
  t.ok(error instanceof FrontrowUnreachable);
  t.match(error, { name: 'FrontrowUnreachable', applied: false });
});

t.test('a lost answer: a write is unknown under its key, a read is not', async (t) => {
  const { client } = await setup(t, () => ({ status: 0, cut: true }));
  const write = await client.orders
    .create('gala', { items: [] }, { idempotencyKey: 'k' })
    .catch((e: unknown) => e);
  t.match(write, { name: 'FrontrowUnreachable', applied: null, request: { idempotencyKey: 'k' } });
  const read = await client.orders.get('order_1').catch((reason: unknown) => reason);
  t.match(read, { name: 'FrontrowUnreachable', applied: false });
});

t.test('an aborted signal ends a call with its own reason', async (t) => {
  const { client } = await setup(t, () => ({ status: 200, body: {} }));
  const reason = new Error('enough');
  await t.rejects(client.events.get('gala', { signal: AbortSignal.abort(reason) }), reason);
});

t.test('a row is written out seat by seat, aisles and features kept', (t) => {
  const seats = ['A7', '1..3', null, { id: '9', features: ['wheelchair'] }];
  const plain = (number: string): object => ({ number, features: [] });
  const last = { number: '9', features: ['wheelchair'] };
  t.same(expandSeats(seats), [plain('A7'), plain('1'), plain('2'), plain('3'), null, last]);
  t.equal(listSeats(seats).length, 5);
  t.throws(() => expandSeats(['3..1']), RangeError);
  t.throws(() => expandSeats(['1..99999999']), RangeError);
  t.end();
});

t.test('a URL that cannot work is refused at once', (t) => {
  t.throws(() => new FrontrowClient({ url: 'nonsense' }), TypeError);
  t.throws(() => new FrontrowClient({ url: 'ftp://host' }), TypeError);
  t.end();
});
