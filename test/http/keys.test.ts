/** Keys over HTTP: who may call what, what a key covers, and what nobody learns from being refused. */
import t from 'tap';
import { hashOfKey } from '../../src/core/keys.ts';
import { OPERATIONS } from '../../src/core/operations.ts';
import type { Operation } from '../../src/core/operations.ts';
import { ROLES } from '../../src/core/roles.ts';
import type { Role } from '../../src/core/roles.ts';
import { bearer, entryOf, ringOf } from './support/keys.ts';
import { serviceStage } from './support/service.ts';
import { sinkReply, toldOf } from './support/fake-sink.ts';
import type { ServiceStage } from './support/service.ts';
import type { WireReply } from './support/wire.ts';

const JSON_TYPE = { 'Content-Type': 'application/json' };
const CALLED = OPERATIONS.filter(({ internal, lane }) => !internal && lane !== 'stream');

/** A key of each role for all events, and for those that begin with `gala`. */
const RING = ringOf(
  entryOf('reader', 'reader'),
  entryOf('sales', 'sales'),
  entryOf('admin', 'admin'),
  entryOf('gala-reader', 'reader', ['gala*']),
  entryOf('gala-sales', 'sales', ['gala*', 'quiz']),
  entryOf('gala-admin', 'admin', ['gala*']),
);

/** Of which event each subject of a test is. */
function withClaims({ sink }: ServiceStage): void {
  for (const kind of ['hold', 'order']) {
    sink.events.set(`${kind}_gala`, 'gala-2027');
    sink.events.set(`${kind}_other`, 'other');
  }
}

function callOf(
  { call }: ServiceStage,
  operation: Operation,
  subject: string,
  headers: Record<string, string>,
): Promise<WireReply> {
  const target = operation.path.replace(':subject', subject).replace(':seat', 'stalls-A-1');
  const isBodied = operation.body === 'required';
  const all = {
    'X-Request-Id': 'same',
    ...headers,
    ...(isBodied && JSON_TYPE),
    ...(operation.keyRequired && { 'Idempotency-Key': 'k' }),
  };
  return call(operation.method, target, all, isBodied ? '{}' : '');
}

function codeOf(reply: WireReply): unknown {
  return (JSON.parse(reply.text) as { code?: unknown }).code;
}

/** What a call is about, in an event that a key for `gala*` covers, and in one that it does not. */
function subjectOf({ subject }: Operation, where: 'gala' | 'other'): string {
  if (subject === 'event') return where === 'gala' ? 'gala-2027' : 'other';
  return subject === 'none' ? '' : `${subject}_${where}`;
}

t.test('every role may call what is its, on every event, and nothing else', async (t) => {
  const stage = await serviceStage(t, { keys: RING });
  withClaims(stage);
  for (const role of ROLES) {
    for (const operation of CALLED) {
      const name = `${role} calls ${operation.name}`;
      const headers = role === 'none' ? {} : bearer(role);
      const before = stage.sink.submitted.length;
      const reply = await callOf(stage, operation, subjectOf(operation, 'other'), headers);
      const isAllowed = ROLES.indexOf(role) >= ROLES.indexOf(operation.role);
      if (isAllowed) {
        t.equal(reply.status, 200, name);
        t.match(stage.sink.submitted.at(-1)!.request, {
          operation: operation.code,
          role,
          keyId: role === 'none' ? '' : role,
          events: role === 'none' ? '' : '*',
          client: role === 'none' ? 'p:127.0.0.1' : `k:${role}`,
        });
      } else {
        t.equal(codeOf(reply), role === 'none' ? 'unauthorized' : 'forbidden', name);
        t.equal(reply.status, role === 'none' ? 401 : 403, name);
        t.equal(
          reply.headers.get('www-authenticate'),
          role === 'none' ? 'Bearer realm="frontrow"' : undefined,
        );
        t.equal(stage.sink.submitted.length, before, `${name}: nothing got through`);
      }
    }
  }
});

t.test('a key covers the events of its patterns: the role holds there, and only there', async (t) => {
  const stage = await serviceStage(t, { keys: RING });
  withClaims(stage);
  for (const role of ['reader', 'sales', 'admin'] as const) {
    for (const operation of CALLED.filter(({ subject }) => subject !== 'none')) {
      if (ROLES.indexOf(role) < ROLES.indexOf(operation.role)) continue;
      const headers = bearer(`gala-${role}`);
      const name = `gala-${role} calls ${operation.name}`;
      const inside = await callOf(stage, operation, subjectOf(operation, 'gala'), headers);
      t.equal(inside.status, 200, name);
      t.match(stage.sink.submitted.at(-1)!.request, {
        role,
        events: role === 'sales' ? 'gala*,quiz' : 'gala*',
      });

      const outside = await callOf(stage, operation, subjectOf(operation, 'other'), headers);
      if (operation.role === 'none') {
        t.equal(outside.status, 200, `${name} elsewhere: public`);
        const expected: Role = 'none';
        t.match(stage.sink.submitted.at(-1)!.request, { role: expected, keyId: `gala-${role}` });
      } else if (operation.subject === 'event') {
        t.match(JSON.parse(outside.text), { status: 403, code: 'forbidden', applied: false }, name);
      } else {
        const code = `${operation.subject}-not-found`;
        t.match(JSON.parse(outside.text), { status: 404, code, applied: false }, name);
      }
    }
  }
});

t.test('calls that name no event go on with the role and the patterns of the key', async (t) => {
  const stage = await serviceStage(t, { keys: RING });
  for (const operation of CALLED.filter(({ subject }) => subject === 'none')) {
    t.equal((await callOf(stage, operation, '', bearer('gala-admin'))).status, 200);
    t.match(stage.sink.submitted.at(-1)!.request, { role: 'admin', events: 'gala*', keyId: 'gala-admin' });
  }
});

/** A reply as a caller could compare it: everything but the time. */
function seen({ status, headers, text }: WireReply): unknown {
  return { status, text, headers: [...headers].filter(([name]) => name !== 'date') };
}

t.test('a claim of another event, an absent one and nonsense look the same, byte for byte', async (t) => {
  const stage = await serviceStage(t, { keys: RING });
  withClaims(stage);
  for (const operation of CALLED.filter(({ subject }) => subject === 'hold' || subject === 'order')) {
    const headers = bearer('gala-admin');
    const foreign = seen(await callOf(stage, operation, `${operation.subject}_other`, headers));
    t.match(foreign, { status: 404 });
    for (const subject of [`${operation.subject}_absent`, 'nonsense', '%2e%2e', 'x'.repeat(500)]) {
      t.same(seen(await callOf(stage, operation, subject, headers)), foreign, `${operation.name} ${subject}`);
    }
    // A body that no claim takes, a key that is none: nothing of it is looked at before.
    const { method, path } = operation;
    const target = path.replace(':subject', `${operation.subject}_other`);
    const odd = { ...headers, 'X-Request-Id': 'same', 'Idempotency-Key': 'no good', Accept: 'text/html' };
    t.same(seen(await stage.call(method, target, odd, method === 'GET' ? '' : 'x')), foreign, operation.name);
  }
  t.equal(stage.sink.submitted.length, 0);
});

t.test('who may not is told so whether there is such an event or not', async (t) => {
  const stage = await serviceStage(t, { keys: RING });
  withClaims(stage);
  // The sink knows the one and not the other.
  stage.sink.events.set('absent', '');
  const cases: [headers: Record<string, string>, needs: (operation: Operation) => boolean][] = [
    [{}, ({ role }) => role !== 'none'],
    [bearer('gala-admin'), ({ role }) => role !== 'none'],
    [bearer('reader'), ({ role }) => role === 'sales' || role === 'admin'],
  ];
  for (const [headers, applies] of cases) {
    for (const operation of CALLED.filter(({ subject }) => subject === 'event').filter(applies)) {
      const there = seen(await callOf(stage, operation, 'other', headers));
      t.same(seen(await callOf(stage, operation, 'absent', headers)), there, operation.name);
    }
    for (const operation of CALLED.filter(({ subject }) => subject === 'hold').filter(applies)) {
      if (headers['Authorization'] === bearer('gala-admin')['Authorization']) continue;
      const there = seen(await callOf(stage, operation, 'hold_other', headers));
      t.same(seen(await callOf(stage, operation, 'hold_absent', headers)), there, operation.name);
    }
  }
  t.equal(stage.sink.submitted.length, 0);
});

const CREDENTIALS = [
  'Bearer wrong-token',
  'Bearer',
  'Bearer ',
  'Bearer reader-token x',
  'Bearer reader-token,',
  'Bearer "reader-token"',
  'Basic cmVhZGVyOng=',
  'reader-token',
  `Bearer ${'x'.repeat(600)}`,
  'Bearer reader-tokeN',
  '',
];

t.test('a key that is wrong or malformed is 401 everywhere, public calls among it', async (t) => {
  const { call, sink } = await serviceStage(t, { keys: RING });
  for (const credentials of CREDENTIALS) {
    for (const target of ['/v1/events', '/v1/events/gala/seats', '/v1/holds/hold_x']) {
      const reply = await call('GET', target, { Authorization: credentials });
      t.match(JSON.parse(reply.text), { status: 401, code: 'unauthorized', applied: false }, credentials);
      t.equal(reply.headers.get('www-authenticate'), 'Bearer realm="frontrow", error="invalid_token"');
      t.notMatch(reply.text, /token"|wrong|reader-/, 'what was sent is not sent back');
    }
    t.equal(
      (await call('GET', '/healthz', { Authorization: credentials })).status,
      200,
      'health asks nobody',
    );
  }
  t.equal(sink.submitted.length, 0);
  for (const credentials of ['bearer reader-token', 'BEARER   reader-token']) {
    t.equal((await call('GET', '/v1/events', { Authorization: credentials })).status, 200, credentials);
  }
});

t.test('two Authorization headers are none, whichever of them is right', async (t) => {
  const { open, sink } = await serviceStage(t, { keys: RING });
  const right = 'Authorization: Bearer admin-token\r\n';
  const wrong = 'Authorization: Bearer wrong\r\n';
  for (const two of [right + wrong, wrong + right, right + right]) {
    const wire = await open();
    // Another header that came twice, in front, must not hide it.
    const twice = 'Idempotency-Key: a\r\nIdempotency-Key: b\r\n';
    wire.send(`GET /v1/events HTTP/1.1\r\nHost: localhost\r\n${twice}${two}\r\n`);
    t.equal((await wire.next()).status, 401);
  }
  t.equal(sink.submitted.length, 0);
});

t.test('with keys any Host will do, as long as there is one', async (t) => {
  const { call, open } = await serviceStage(t, { keys: RING });
  t.equal((await call('GET', '/v1/events', { Host: 'tickets.example.org' })).status, 200);
  const wire = await open();
  t.equal((await wire.send('GET /v1/events HTTP/1.1\r\n\r\n').next()).status, 400);
});

t.test('a reply to a caller with a key is kept by nobody; a public one is, by caller', async (t) => {
  const { call, sink } = await serviceStage(t, { keys: RING });
  sink.answer = () => sinkReply('{}', { isPublic: true, sequence: 1 });
  const open = await call('GET', '/v1/events/gala/seats');
  t.match(Object.fromEntries(open.headers), {
    'cache-control': 'public, max-age=1',
    vary: 'Accept, Authorization',
  });
  const keyed = await call('GET', '/v1/events/gala/seats', bearer('reader'));
  t.match(Object.fromEntries(keyed.headers), { 'cache-control': 'no-store', vary: 'Accept' });
});

t.test('Frontrow-Client is believed from a sales key, and checked from all', async (t) => {
  const { call, sink } = await serviceStage(t, { keys: RING });
  const clientOf = async (headers: Record<string, string>): Promise<unknown> => {
    t.equal((await call('GET', '/v1/events', headers)).status, 200);
    return sink.submitted.at(-1)!.request.client;
  };
  const named = { 'Frontrow-Client': 'session-1' };
  t.equal(await clientOf({ ...bearer('sales'), ...named }), 'c:sales:session-1');
  t.equal(await clientOf({ ...bearer('gala-sales'), ...named }), 'c:gala-sales:session-1');
  t.equal(await clientOf(bearer('sales')), 'k:sales');
  t.equal(await clientOf({ ...bearer('admin'), ...named }), 'k:admin');
  t.equal(await clientOf({ ...bearer('reader'), ...named }), 'k:reader');
  t.equal(await clientOf(named), 'p:127.0.0.1');
  for (const bad of ['', 'a b', 'x'.repeat(65), 'caf\u00e9']) {
    const reply = await call('GET', '/v1/events', { ...bearer('sales'), 'Frontrow-Client': bad });
    t.match(JSON.parse(reply.text), { code: 'invalid-request', errors: [{ code: 'bad-client' }] }, bad);
  }
  t.equal(
    await clientOf({ ...bearer('sales'), 'Frontrow-Client': 'x'.repeat(64) }),
    `c:sales:${'x'.repeat(64)}`,
  );
});

t.test('both hashes of an id are one caller, and each key ends with its hash', async (t) => {
  const old = hashOfKey('old-token');
  const fresh = hashOfKey('new-token');
  const shop = { id: 'shop', role: 'sales' } as const;
  const { call, open, service, sink } = await serviceStage(t, { keys: ringOf({ ...shop, hash: old }) });
  const status = async (key: string): Promise<number> =>
    (await call('GET', '/v1/holds/hold_x', { Authorization: `Bearer ${key}` })).status;
  t.same([await status('old-token'), await status('new-token')], [200, 401]);
  service.setKeys(ringOf({ ...shop, hash: [old, fresh] }));
  t.same([await status('old-token'), await status('new-token')], [200, 200]);
  t.same([...new Set(sink.submitted.map(({ request }) => request.keyId))], ['shop']);
  // A connection outlives the key that it came with; its next request does not.
  const wire = await open();
  const request =
    'GET /v1/holds/hold_x HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer old-token\r\n\r\n';
  t.equal((await wire.send(request).next()).status, 200);
  service.setKeys(ringOf({ ...shop, hash: fresh }));
  t.equal((await wire.send(request).next()).status, 401);
  t.same([await status('old-token'), await status('new-token')], [401, 200]);
});

t.test('new keys under load: no request is dropped, and what was let in goes on', async (t) => {
  const stage = await serviceStage(t, { keys: RING });
  const waiting: (() => void)[] = [];
  stage.sink.submit = (_operation, _request, done) => {
    const reply = toldOf(stage.sink.answer({ operation: _operation, request: _request }), _request);
    waiting.push(() => done(reply));
    // Answers are given while other keys are in force than when the requests came.
    if (waiting.length === 8) for (const answer of waiting.splice(0)) setImmediate(answer);
  };
  const wires = await Promise.all(Array.from({ length: 8 }, () => stage.open()));
  const request =
    'GET /v1/holds/hold_x HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer sales-token\r\n\r\n';
  for (let round = 0; round < 20; round++) {
    const replies = wires.map((wire) => wire.send(request).next());
    stage.service.setKeys(round % 2 === 0 ? ringOf(entryOf('sales', 'sales')) : RING);
    t.same(
      (await Promise.all(replies)).map(({ status }) => status),
      wires.map(() => 200),
    );
  }
  // Let in with the old keys, its body arrives with the new ones, and it is served.
  const late = await stage.open();
  const head = 'POST /v1/events/gala/holds HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';
  late.send(`${head}Authorization: Bearer sales-token\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n`);
  t.equal((await late.next()).status, 100);
  stage.service.setKeys(ringOf(entryOf('other', 'admin')));
  late.send('{}');
  while (waiting.length === 0) await new Promise(setImmediate);
  waiting[0]();
  t.equal((await late.next()).status, 200);
});

t.test('a page asks for the role that it names', async (t) => {
  const page = (path: string, role: 'none' | 'reader') => ({
    path,
    role,
    respond: () => ({ status: 200, headers: ['Content-Type', 'text/plain'], body: Buffer.from(path) }),
  });
  const { call } = await serviceStage(t, {
    keys: RING,
    pages: [page('/metrics', 'reader'), page('/open', 'none')],
  });
  t.equal((await call('GET', '/open')).status, 200);
  t.equal((await call('GET', '/metrics')).status, 401);
  t.equal((await call('GET', '/metrics', bearer('wrong'))).status, 401);
  t.equal((await call('GET', '/metrics', bearer('gala-reader'))).text, '/metrics');
});
