/**
 * What time and keys do, over real HTTP: holds run out and their places come back; a key makes a call happen once,
 * across a restart too; and of several reasons for a refusal the first in the order of rules is told.
 */
import t from 'tap';
import { availability, Wire, type Answer } from '../system/support/http.ts';
import { startServer, testDirectory } from '../system/support/servers.ts';

const EVENT = {
  id: 'gala',
  name: 'Winter Gala',
  state: 'open',
  startsAt: '2027-01-15T19:00:00Z',
  sections: [
    { id: 'floor', kind: 'general', capacity: 10 },
    { id: 'stalls', kind: 'seated', rows: [{ id: 'A', seats: 4 }] },
  ],
};
const HOLDS = '/v1/events/gala/holds';
const ORDERS = '/v1/events/gala/orders';
const FLOOR = { items: [{ section: 'floor', quantity: 2 }] };
/** Far more than a hold of one second needs on the slowest machine. */
const PATIENCE_MS = 30_000;

/** Asks again until it is so: each answer waits for the server, nothing is slept for. */
async function until(ask: () => Promise<Answer>, isSo: (answer: Answer) => boolean): Promise<Answer> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const answer = await ask();
    if (isSo(answer)) return answer;
    if (Date.now() > deadline) throw new Error(`still not so: ${answer.text}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

t.test('a hold runs out, its places come back, and nothing revives it', async (t) => {
  const { url } = await startServer(t);
  const wire = new Wire(url, 2);
  t.teardown(() => wire.close());
  await wire.post('/v1/events', EVENT);
  const before = Date.now();
  const items = [{ seat: 'stalls-A-2' }, ...FLOOR.items];
  const made = await wire.post(HOLDS, { items, seconds: 1 });
  t.match(made, { status: 201, json: { state: 'held', expiresInMs: 1000 } });
  const id = String(made.json['id']);
  t.match(await availability(wire, 'gala'), { available: 11, held: 3 });

  const history = await until(
    () => wire.get('/v1/events/gala/history'),
    ({ json }) => (json['data'] as { kind: string }[]).some(({ kind }) => kind === 'expired'),
  );
  t.ok(Date.now() - before >= 1000, 'not before its time');
  t.match(history.json['data'], [{ kind: 'defined' }, { kind: 'held' }, { kind: 'expired', sequence: 3 }]);
  t.match(await availability(wire, 'gala'), { available: 14, held: 0, sequence: 3 });
  t.match((await wire.get('/v1/events/gala/seats/stalls-A-2')).json, { state: 'available', sequence: 3 });
  t.match((await wire.get(`/v1/holds/${id}`)).json, { state: 'expired' });
  for (const [method, path] of [
    ['POST', `/v1/holds/${id}/confirm`],
    ['DELETE', `/v1/holds/${id}`],
  ] as const) {
    const { status, json } = await wire.send(method, path);
    t.match({ status, json }, { status: 409, json: { code: 'hold-expired', applied: false } });
  }
  t.equal((await wire.get(`/v1/orders/${id.replace('hold_', 'order_')}`)).status, 404, 'no order came of it');
  t.match((await wire.post(HOLDS, { items })).status, 201, 'its places are for others');
});

t.test('a hold that ran out while nobody served gets grace, and then its deadline counts', async (t) => {
  const dataDirectory = testDirectory(t);
  const server = await startServer(t, { dataDirectory });
  const wire = new Wire(server.url, 2);
  await wire.post('/v1/events', EVENT);
  const { json } = await wire.post(HOLDS, { ...FLOOR, seconds: 1 });
  await server.close();
  wire.close();
  const deadline = Date.parse(String(json['expiresAt']));
  // The clock has to go on without a server; nothing else can be waited for.
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, deadline + 20 - Date.now())));
  const again = await startServer(t, { dataDirectory });
  const next = new Wire(again.url, 2);
  t.teardown(() => next.close());
  const held = await next.get(`/v1/holds/${String(json['id'])}`);
  t.match(held.json, { state: 'held' });
  const graceMs = Number(held.json['expiresInMs']);
  t.ok(graceMs > 15_000 && graceMs <= 30_000, `${graceMs} ms of grace`);
  t.equal((await next.post(`/v1/holds/${String(json['id'])}/confirm`)).status, 201);
});

t.test('a key makes a call happen once, and tells what it made, across a restart', async (t) => {
  const dataDirectory = testDirectory(t);
  let server = await startServer(t, { dataDirectory });
  let wire = new Wire(server.url, 4);
  const twice = async (method: string, path: string, body: unknown, key: string): Promise<Answer> => {
    const first = await wire.send(method, path, body, { key });
    t.ok(first.status === 201 || first.status === 200 || first.status === 204, `${path}: ${first.text}`);
    t.equal(first.headers['idempotency-replayed'], undefined);
    await replayed(method, path, body, key, first);
    return first;
  };
  const replayed = async (
    method: string,
    path: string,
    body: unknown,
    key: string,
    first: Answer,
  ): Promise<void> => {
    const before = await wire.get('/v1/events');
    const again = await wire.send(method, path, body, { key });
    t.equal(again.status, first.status === 204 ? 204 : 200, `${path} again`);
    t.equal(again.headers['idempotency-replayed'], 'true');
    t.equal(again.json['id'], first.json['id'], 'the same thing');
    t.same((await wire.get('/v1/events')).json, before.json);
  };

  const calls: [method: string, path: string, body: unknown, key: string, first: Answer][] = [];
  const call = async (method: string, path: string, body: unknown, key: string): Promise<Answer> => {
    const first = await twice(method, path, body, key);
    calls.push([method, path, body, key, first]);
    return first;
  };
  await call('POST', '/v1/events', EVENT, 'define');
  const hold = String((await call('POST', HOLDS, FLOOR, 'hold')).json['id']);
  await call('POST', `/v1/holds/${hold}/confirm`, undefined, 'confirm');
  const other = String((await call('POST', HOLDS, FLOOR, 'other')).json['id']);
  await call('DELETE', `/v1/holds/${other}`, undefined, 'release');
  const order = String((await call('POST', ORDERS, FLOOR, 'order')).json['id']);
  await call('POST', `/v1/orders/${order}/cancel`, undefined, 'cancel');
  // The key's scope is method and path: the same one elsewhere is another.
  await call('POST', ORDERS, FLOOR, 'hold');
  const refuse = async (): Promise<void> => {
    for (const [path, key] of [
      [HOLDS, 'hold'],
      [ORDERS, 'order'],
    ] as const) {
      const { status, json } = await wire.post(path, { items: [{ section: 'floor', quantity: 1 }] }, key);
      t.match({ status, json }, { status: 422, json: { code: 'idempotency-mismatch', applied: false } });
    }
  };
  await refuse();
  const counts = await availability(wire, 'gala');
  t.match(counts, { held: 0, sold: 4 });
  wire.close();
  await server.close();

  server = await startServer(t, { dataDirectory });
  wire = new Wire(server.url, 4);
  t.teardown(() => wire.close());
  for (const [method, path, body, key, first] of calls) await replayed(method, path, body, key, first);
  await refuse();
  t.same(await availability(wire, 'gala'), counts, 'nothing happened twice');

  const refusal = await wire.post(ORDERS, { items: [{ section: 'stalls', quantity: 5 }] }, 'refused');
  t.equal(refusal.json['code'], 'not-enough-available');
  t.equal(
    (await wire.post(ORDERS, { items: [{ section: 'stalls', quantity: 4 }] }, 'refused')).status,
    201,
    'a refusal is not remembered',
  );

  const racing = await Promise.all(Array.from({ length: 4 }, () => wire.post(ORDERS, FLOOR, 'race')));
  t.same(
    racing.map(({ status }) => status).sort((one, two) => one - two),
    [200, 200, 200, 201],
    'in flight at once, it happens once',
  );
  t.equal(new Set(racing.map(({ json }) => json['id'])).size, 1);
});

t.test('of several reasons for a refusal, the first in the order of rules is told', async (t) => {
  const { url } = await startServer(t);
  const wire = new Wire(url, 2);
  t.teardown(() => wire.close());
  await wire.post('/v1/events', EVENT);
  await wire.post('/v1/events', { ...EVENT, id: 'draft', state: 'draft' });
  await wire.post(ORDERS, { items: [{ seat: 'stalls-A-1' }] }, 'taken');
  const code = async (path: string, body: unknown, key?: string, headers = {}): Promise<unknown> =>
    (await wire.send('POST', path, body, { key, headers })).json['code'];
  const taken = { items: [{ seat: 'stalls-A-1' }] };
  const html = { accept: 'text/html' };
  t.equal(
    await code('/v1/nowhere', taken, 'k', { host: 'evil.example' }),
    'bad-host',
    'the host before the path',
  );
  t.equal(await code('/v1/nowhere', taken, 'k', html), 'not-found', 'the path before what is accepted');
  t.equal(
    await code(`${ORDERS}?x=1`, 5, undefined, html),
    'not-acceptable',
    'what is accepted before the query',
  );
  t.equal(await code(`${ORDERS}?x=1`, 5), 'invalid-request', 'the query before the key');
  t.equal(await code(ORDERS, 5), 'idempotency-key-required', 'the key before the body');
  t.equal(await code('/v1/events/nowhere/orders', 5, 'k'), 'event-not-found', 'the event before the body');
  t.equal(
    await code('/v1/events/draft/orders', { items: [] }, 'k'),
    'invalid-request',
    'the body before the sale',
  );
  t.equal(
    await code('/v1/events/draft/orders', taken, 'k'),
    'sale-not-started',
    'the sale before the places',
  );
  t.equal(
    await code(ORDERS, { items: [{ seat: 'stalls-A-2' }] }, 'taken'),
    'idempotency-mismatch',
    'a known key before the places',
  );
  t.equal(
    await code(ORDERS, { items: [{ section: 'floor', quantity: 11 }, ...taken.items] }, 'k'),
    'seat-unavailable',
    'named seats before counts',
  );
});
