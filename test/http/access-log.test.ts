/** What the log says of requests, and what it does not. */
import t from 'tap';
import { AccessLog } from '../../src/http/access-log.ts';
import type { Answered } from '../../src/http/access-log.ts';
import { TrustedProxies } from '../../src/http/forwarded.ts';
import { get } from './listener-contract.ts';
import { FakeLogger } from './support/fake-logger.ts';
import { sinkReply } from './support/fake-sink.ts';
import { bearer, entryOf, ringOf } from './support/keys.ts';
import { serviceStage } from './support/service.ts';

const KEYS = ringOf(entryOf('shop', 'sales', ['gala*']));

t.test(
  'at debug every request has a line: route, status, event, sequence, code, key, and a hashed client',
  async (t) => {
    const logger = new FakeLogger('debug');
    const { call, sink } = await serviceStage(t, { keys: KEYS, logger });
    const last = (): Record<string, unknown> => logger.lines.at(-1)!.fields;
    sink.answer = () => sinkReply('{}', { status: 201, sequence: 7 });
    sink.events.set('hold_x', 'gala-1');
    await call('DELETE', '/v1/holds/hold_x', { ...bearer('shop'), 'X-Request-Id': 'r-1' });
    t.match(last(), {
      method: 'DELETE',
      route: 'releaseHold',
      status: 201,
      requestId: 'r-1',
      event: 'gala-1',
      sequence: 7,
      key: 'shop',
      client: /^[0-9a-f]{12}$/,
    });
    t.type(last()['ms'], 'number');
    t.notOk('code' in last());
    const { client } = last();

    sink.answer = () =>
      sinkReply('{"type":"urn:frontrow:problem:sold-out","x":1}', { status: 409, contentType: 2 });
    await call('GET', '/v1/events/gala-1', bearer('shop'));
    t.match(
      last(),
      { route: 'getEvent', status: 409, code: 'sold-out', client },
      'the same client, the same hash',
    );
    sink.answer = () => ({ kind: 'problem', code: 'worker-lost', extras: {} });
    await call('GET', '/v1/events', { 'X-Forwarded-For': '1.2.3.4' });
    t.match(logger.lines.findLast(({ level }) => level === 'debug')!.fields, {
      code: 'worker-lost',
      status: 503,
    });

    await call('POST', '/v1/events/other/holds', bearer('shop'));
    t.match(last(), { route: 'createHold', status: 403, code: 'forbidden', key: 'shop' });
    await call('GET', '/nowhere');
    t.match(last(), { method: 'GET', status: 404, code: 'not-found' });
    await call('GET', '/healthz');
    t.match(last(), { route: 'healthz', status: 200 });
    t.notMatch(JSON.stringify(logger.lines), /token|127\.0\.0\.1|1\.2\.3\.4/, 'no key, no address');
  },
);

t.test('above debug nothing is said of what went well, nor of what the caller did wrong', async (t) => {
  const logger = new FakeLogger('info');
  const { call } = await serviceStage(t, { keys: KEYS, logger });
  await call('GET', '/v1/events');
  await call('GET', '/v1/holds/hold_x');
  await call('GET', '/nowhere', { Authorization: 'Bearer wrong' });
  t.same(logger.lines, []);
});

t.test('refusals for load are told at once, and then once a second with their number', async (t) => {
  const logger = new FakeLogger('warn');
  const due: (() => void)[] = [];
  const log = new AccessLog(logger, (callback) => void due.push(callback));
  const refuse = (code: string, times: number): void => {
    for (let i = 0; i < times; i++) log.problem(code, 503, 'createOrder', 'r');
  };
  const told = (): unknown[] => logger.lines.splice(0).map(({ level, fields }) => [level, fields['refused']]);
  refuse('overloaded', 1);
  t.same(told(), [['warn', { overloaded: 1 }]]);
  refuse('overloaded', 500);
  refuse('rate-limited', 20);
  refuse('sold-out', 9);
  t.same(told(), []);
  due.shift()!();
  t.same(told(), [['warn', { overloaded: 500, 'rate-limited': 20 }]]);
  due.shift()!();
  t.same(told(), [], 'a second without any');
  t.same(due, []);
  refuse('journal-full', 1);
  refuse('journal-stalled', 2);
  t.same(told(), [['warn', { 'journal-full': 1 }]]);
  due.shift()!();
  t.same(told(), [['warn', { 'journal-stalled': 2 }]]);
});

t.test('what broke inside is an error, with the id that the caller was told', async (t) => {
  const logger = new FakeLogger('error');
  const { call, sink } = await serviceStage(t, { logger });
  sink.answer = () => ({ kind: 'problem', code: 'outcome-unknown', extras: {} });
  const reply = await call('GET', '/v1/events');
  t.match(logger.lines, [
    { level: 'error', fields: { code: 'outcome-unknown', requestId: reply.headers.get('x-request-id') } },
  ]);
});

t.test('whoever counts is told of every answer, and of what the listener refuses', async (t) => {
  const seen: Answered[] = [];
  const { call, open, sink } = await serviceStage(t, { onAnswered: (answered) => seen.push(answered) });
  sink.answer = () => sinkReply('{"type":"urn:frontrow:problem:sold-out"}', { status: 409, contentType: 2 });
  await call('GET', '/v1/events/gala');
  await call('GET', '/healthz');
  await call('PUT', '/v1/events');
  const wire = await open();
  await wire.send('nonsense\r\n\r\n').next();
  t.match(seen, [
    { method: 'GET', route: 'getEvent', status: 409, code: 'sold-out' },
    { route: 'healthz', status: 200, code: '' },
    { method: 'PUT', route: '', status: 405, code: 'method-not-allowed' },
    { method: '', route: '', status: 400, code: 'bad-target' },
  ]);
  t.ok(seen.every(({ ms }) => ms >= 0));
});

t.test('pages answer in any state, late or not at all; one that throws costs one request', async (t) => {
  const logger = new FakeLogger('error');
  const text = (body: string, status = 200) => {
    return {
      status,
      headers: ['Content-Type', 'text/plain', 'Cache-Control', 'no-cache'],
      body: Buffer.from(body),
    };
  };
  const { call, sink } = await serviceStage(t, {
    logger,
    operations: [],
    pages: [
      { path: '/late', role: 'none', respond: () => Promise.resolve(text('late')) },
      {
        path: '/docs/*',
        role: 'none',
        respond: ({ rest, ifNoneMatch }) => (rest === 'x.js' ? text(ifNoneMatch ?? 'x', 203) : null),
      },
      {
        path: '/broken',
        role: 'none',
        respond: () => {
          throw new Error('broken');
        },
      },
    ],
  });
  sink.state = 'starting';
  const late = await call('GET', '/late?v=1', { Accept: 'text/html' });
  t.match(late, { status: 200, text: 'late' });
  t.match(Object.fromEntries(late.headers), { 'content-type': 'text/plain', 'x-request-id': /./ });
  t.match(await call('HEAD', '/late'), { status: 200, text: '' });
  t.match(await call('GET', '/docs/x.js', { 'If-None-Match': '"e"' }), { status: 203, text: '"e"' });
  t.equal((await call('GET', '/docs/y.js')).status, 404);
  t.match(JSON.parse((await call('GET', '/broken')).text), { status: 500, applied: false });
  t.match(logger.lines[0], { fields: { err: { message: 'broken' }, route: '/broken' } });
  t.match(await call('POST', '/late'), { status: 405 });
  t.equal((await call('GET', '/v1/events')).status, 404, 'no operations here');
});

t.test('a stream is handed over with its request, and is told of when it begins', async (t) => {
  const seen: Answered[] = [];
  const keys = KEYS;
  const { call, sink, open } = await serviceStage(t, {
    keys,
    onAnswered: (answered) => seen.push(answered),
    streams: {
      open(exchange, request, answered) {
        const { subject, query, role, client, keyId } = request;
        const { lastEventId } = exchange.head;
        const body = Buffer.from(JSON.stringify({ subject, query, role, client, keyId, lastEventId }));
        exchange.reply({ status: 200, headers: '', body, close: false });
        answered(200, '');
      },
    },
  });
  const headers = { ...bearer('shop'), 'Last-Event-ID': 'ab-7', Accept: 'text/event-stream' };
  const reply = await call('GET', '/v1/events/gala-1/changes?after=3', headers);
  t.same(JSON.parse(reply.text), {
    subject: 'gala-1',
    query: 'after=3',
    role: 'sales',
    client: 'k:shop',
    keyId: 'shop',
    lastEventId: 'ab-7',
  });
  t.match(JSON.parse((await call('GET', '/v1/events/other/changes', bearer('shop'))).text), { role: 'none' });
  t.equal((await call('GET', '/v1/events/gala-1/changes', { Accept: 'application/json' })).status, 406);
  t.match(seen, [{ route: 'changes', status: 200 }, { route: 'changes' }, { code: 'not-acceptable' }]);
  t.equal(sink.submitted.length, 0);
  const wire = await open();
  t.equal((await wire.send(get('/healthz')).next()).status, 200);
});

t.test('behind a trusted proxy the client is who the proxy says', async (t) => {
  const { call, sink } = await serviceStage(t, { proxies: new TrustedProxies(['127.0.0.1']) });
  await call('GET', '/v1/events', { 'X-Forwarded-For': '1.2.3.4, 203.0.113.9' });
  await call('GET', '/v1/events', { Forwarded: 'for="[2001:db8::1]"' });
  const clients = sink.submitted.map(({ request }) => request.client);
  t.same(clients, ['p:203.0.113.9', 'p:2001:db8:0:0::/64']);
});
