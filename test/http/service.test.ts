/** What the service lets through to the sink, and how the sink's answers leave. Refusals: refusals.test.ts. */
import t from 'tap';
import { CONTENT_TYPE } from '../../src/core/batch.ts';
import { OPERATIONS } from '../../src/core/operations.ts';
import { get } from './listener-contract.ts';
import { FakeLogger } from './support/fake-logger.ts';
import { sinkReply, toldOf } from './support/fake-sink.ts';
import { entryOf, ringOf } from './support/keys.ts';
import { serviceStage } from './support/service.ts';

const JSON_TYPE = { 'Content-Type': 'application/json' };

t.test('every operation reaches the sink with its subject, seat and body', async (t) => {
  const { call, sink } = await serviceStage(t);
  const routed = OPERATIONS.filter(({ lane, internal }) => !internal && lane !== 'stream');
  for (const operation of routed) {
    const target = operation.path.replace(':subject', 'the-subject').replace(':seat', 'stalls-A-1');
    const body = operation.body === 'required' ? '{"x": 1}' : '';
    const headers = {
      ...(body === '' ? {} : JSON_TYPE),
      ...(operation.keyRequired ? { 'Idempotency-Key': 'k' } : {}),
    };
    t.equal((await call(operation.method, target, headers, body)).status, 200, operation.name);
    const { operation: seen, request } = sink.submitted.at(-1)!;
    t.equal(seen, operation);
    t.match(request, {
      operation: operation.code,
      subject: operation.path.includes(':subject') ? 'the-subject' : '',
      seat: operation.path.includes(':seat') ? 'stalls-A-1' : '',
      query: '',
      client: 'p:127.0.0.1',
      keyId: '',
      role: 'admin',
      events: '*',
      ifMatch: '',
      octets: false,
      variesByKey: false,
    });
    t.equal(request.body === null ? '' : Buffer.from(request.body).toString(), body);
  }
  t.equal(sink.submitted.length, routed.length);
});

t.test('HEAD is GET without the body', async (t) => {
  const { call, sink } = await serviceStage(t);
  const reply = await call('HEAD', '/v1/events/gala');
  t.equal(reply.status, 200);
  t.equal(reply.headers.get('content-length'), '2');
  t.equal(sink.submitted[0].operation.name, 'getEvent');
});

t.test('key, query, If-None-Match and receive time go on as sent', async (t) => {
  const { call, sink } = await serviceStage(t);
  await call('GET', '/v1/events/gala/seats?section=a%20b&x', {
    'If-None-Match': '"a", W/"b"',
    'Idempotency-Key': 'k',
  });
  t.match(sink.submitted[0].request, {
    query: 'section=a%20b&x',
    ifNoneMatch: '"a", W/"b"',
    idempotencyKey: '',
  });
  await call('DELETE', '/v1/holds/hold_x', { 'If-None-Match': '"a"', 'Idempotency-Key': 'k'.repeat(128) });
  t.match(sink.submitted[1].request, { ifNoneMatch: '', idempotencyKey: 'k'.repeat(128) });
  t.ok(sink.submitted[0].request.receivedAtMs >= 1000);
});

t.test('percent-encoding in a path is undone once', async (t) => {
  const { call, sink } = await serviceStage(t);
  await call('GET', '/v1/%65vents/ga%2Fla/seats/a%2541');
  t.match(sink.submitted[0].request, { subject: 'ga/la', seat: 'a%41' });
});

t.test('octets are asked for only where there are some, and only when preferred', async (t) => {
  const { call, sink } = await serviceStage(t);
  const cases: [accept: string, octets: boolean][] = [
    ['application/octet-stream', true],
    ['application/octet-stream, application/json;q=0.5', true],
    ['application/octet-stream;q=0.5, application/json', false],
    ['*/*', false],
  ];
  for (const [accept, octets] of cases) {
    const { status, headers } = await call('GET', '/v1/events/gala/seats', { Accept: accept });
    t.equal(status, 200);
    t.equal(headers.get('vary'), 'Accept');
    t.equal(sink.submitted.at(-1)!.request.octets, octets, accept);
  }
  await call('GET', '/v1/events/gala', { Accept: 'application/octet-stream;q=1, */*;q=0.1' });
  t.equal(sink.submitted.at(-1)!.request.octets, false);
});

t.test('a reply of the sink leaves with all its headers', async (t) => {
  const { call, sink } = await serviceStage(t);
  sink.answer = () => {
    return sinkReply('{"id":1}', {
      status: 201,
      sequence: 0,
      location: '/v1/x',
      replayed: true,
      retryAfterMs: 1001,
    });
  };
  const created = await call('POST', '/v1/events/gala/holds', { ...JSON_TYPE, 'X-Request-Id': 'mine' }, '{}');
  t.match(created, { status: 201, text: '{"id":1}' });
  const expected = {
    'content-type': 'application/json',
    'content-length': '8',
    'cache-control': 'no-store',
    'frontrow-sequence': '0',
    location: '/v1/x',
    'idempotency-replayed': 'true',
    'retry-after': '2',
    'x-request-id': 'mine',
  };
  t.match(Object.fromEntries(created.headers), expected);
  t.notOk(created.headers.has('etag'));
  t.notOk(created.headers.has('vary'));

  const body = Buffer.from([1, 2, 255]);
  sink.answer = () => sinkReply('', { contentType: CONTENT_TYPE.octets, isPublic: true, etag: '"e"', body });
  const seats = await call('GET', '/v1/events/gala/seats');
  t.match(Object.fromEntries(seats.headers), {
    'content-type': 'application/octet-stream',
    'content-length': '3',
    'cache-control': 'public, max-age=1',
    etag: '"e"',
    vary: 'Accept',
  });
  t.notOk(seats.headers.has('frontrow-sequence'));

  sink.answer = () =>
    sinkReply('', { status: 304, contentType: CONTENT_TYPE.none, isPublic: true, etag: '"e"' });
  const unchanged = await call('GET', '/v1/events/gala/seats');
  t.match(unchanged, { status: 304, text: '' });
  t.equal(unchanged.headers.get('etag'), '"e"');
  t.notOk(unchanged.headers.has('content-type'));

  sink.answer = () => sinkReply('', { status: 204, contentType: CONTENT_TYPE.none });
  t.match(await call('DELETE', '/v1/holds/hold_x'), { status: 204, text: '' });
});

t.test('a refusal of the dispatcher leaves as a problem with its numbers', async (t) => {
  const { call, sink } = await serviceStage(t);
  sink.answer = () => ({ kind: 'problem', code: 'overloaded', extras: { limit: 8192, retryAfterMs: 20 } });
  const reply = await call('GET', '/v1/events', { 'X-Request-Id': 'r-1' });
  t.equal(reply.status, 503);
  t.equal(reply.headers.get('content-type'), 'application/problem+json');
  t.equal(reply.headers.get('retry-after'), '1', 'rounded up');
  t.same(JSON.parse(reply.text), {
    type: 'urn:frontrow:problem:overloaded',
    title: 'Too much work is waiting',
    status: 503,
    detail: 'Too much work is waiting',
    code: 'overloaded',
    applied: false,
    requestId: 'r-1',
    limit: 8192,
    retryAfterMs: 20,
  });
});

t.test('a request id is kept if it is fit for a log line, and made otherwise', async (t) => {
  const { call, sink } = await serviceStage(t);
  const made = new Set<string>();
  for (const sent of ['x'.repeat(65), 'a b', 'caf\u00e9']) {
    const id = (await call('GET', '/v1/events', { 'X-Request-Id': sent })).headers.get('x-request-id')!;
    t.match(id, /^[0-9a-f]{6}-[0-9a-z]+$/);
    t.equal(sink.submitted.at(-1)!.request.requestId, id);
    made.add(id);
  }
  t.equal(made.size, 3);
  const longest = 'x'.repeat(64);
  t.equal((await call('GET', '/nowhere', { 'X-Request-Id': longest })).headers.get('x-request-id'), longest);
});

t.test('a sink that throws costs one request, answered with an unknown outcome', async (t) => {
  const logger = new FakeLogger('error');
  const { sink, open } = await serviceStage(t, { logger });
  const wire = await open();
  sink.fault = new Error('broken');
  const reply = await wire.send(get('/v1/events', 'X-Request-Id: r-1\r\n')).next();
  t.match(JSON.parse(reply.text), { code: 'internal-error', applied: null, status: 500 });
  t.match(logger.lines[0], {
    level: 'error',
    fields: { err: sink.fault, requestId: 'r-1', route: 'listEvents' },
  });
  sink.fault = null;
  t.equal((await wire.send(get('/v1/events')).next()).status, 200);
});

t.test('health tells the state; calls are refused while starting and draining', async (t) => {
  const { call, sink } = await serviceStage(t);
  for (const state of ['starting', 'draining'] as const) {
    sink.state = state;
    t.same(JSON.parse((await call('GET', '/healthz')).text), { status: 'alive' });
    for (const [method, target] of [
      ['GET', '/readyz'],
      ['GET', '/v1/events'],
      ['DELETE', '/v1/holds/hold_x'],
    ] as const) {
      const reply = await call(method, target);
      t.match(JSON.parse(reply.text), { code: state, status: 503, applied: false });
      t.match(reply.headers.get('retry-after'), /^[1-9]$/);
    }
  }
  t.equal(sink.submitted.length, 0);
  for (const state of ['ready', 'journal-full'] as const) {
    sink.state = state;
    const reply = await call('GET', '/readyz');
    t.equal(reply.status, 200);
    t.same(JSON.parse(reply.text), { status: state });
    t.equal((await call('GET', '/v1/events')).status, 200);
  }
  sink.state = 'journal-stalled';
  const reply = await call('GET', '/readyz');
  t.match(JSON.parse(reply.text), { code: 'journal-stalled', status: 503, applied: false });
  t.match(reply.headers.get('retry-after'), /^[1-9]$/);
  t.equal((await call('GET', '/v1/events')).status, 200, 'the sink knows which calls it takes');
});

t.test(
  'a body that nobody will read is taken in if it is short; a long one ends the connection',
  async (t) => {
    const { open, sink } = await serviceStage(t, { keys: ringOf(entryOf('reader', 'reader')) });
    const head = `POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n`;
    const short = await open();
    for (let i = 0; i < 2; i++) {
      const body = 'x'.repeat(16 * 1024);
      const reply = await short.send(`${head}Content-Length: ${body.length}\r\n\r\n${body}`).next();
      t.match(reply, { status: 401 });
      t.not(reply.headers.get('connection'), 'close');
    }
    const long = await open();
    const reply = await long.send(`${head}Content-Length: ${1024 * 1024}\r\n\r\nx`).next();
    t.match(reply, { status: 401 }, 'told why, before the body is there');
    t.equal(reply.headers.get('connection'), 'close');
    await long.closed;
    t.equal(sink.submitted.length, 0);
  },
);

t.test('If-Match goes on with a PATCH, and with nothing else', async (t) => {
  const { call, sink } = await serviceStage(t);
  const headers = { ...JSON_TYPE, 'If-Match': '"3"' };
  await call('PATCH', '/v1/events/gala', headers, '{}');
  await call('POST', '/v1/events/gala/holds', headers, '{}');
  t.same(
    sink.submitted.map(({ request }) => request.ifMatch),
    ['"3"', ''],
  );
});

t.test('a state that changes while a body arrives counts', async (t) => {
  const { open, sink } = await serviceStage(t);
  const wire = await open();
  const head =
    'POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n';
  t.equal((await wire.send(`${head}Expect: 100-continue\r\n\r\n`).next()).status, 100);
  sink.state = 'draining';
  t.match(JSON.parse((await wire.send('{}').next()).text), { code: 'draining' });
  t.equal(sink.submitted.length, 0);
});

t.test(
  'a drain answers what the sink has, and refuses what comes after on the same connection',
  async (t) => {
    const { service, sink, open } = await serviceStage(t);
    const wire = await open();
    const answers: (() => void)[] = [];
    const submitted = new Promise<void>((resolve) => {
      sink.submit = (_operation, request, done) => {
        answers.push(() => done(toldOf(sinkReply('{"done":true}'), request)));
        resolve();
      };
    });
    wire.send(get('/v1/events'));
    await submitted;
    const drained = service.drain(60_000);
    answers[0]();
    const reply = await wire.next();
    t.match(reply, { status: 200, text: '{"done":true}' });
    t.equal(reply.headers.get('connection'), 'close');
    await wire.closed;
    t.equal(await drained, true);
  },
);
