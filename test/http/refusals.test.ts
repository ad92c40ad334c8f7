/** Every refusal that the HTTP layer makes itself: the right problem, and the sink has not heard of it. */
import t from 'tap';
import { BODY_BYTES_MAX, EVENT_BODY_BYTES_MAX, TARGET_BYTES_MAX } from '../../src/core/limits.ts';
import { serviceStage } from './support/service.ts';
import { Wire } from './support/wire.ts';

interface Case {
  readonly name: string;
  readonly method?: string;
  readonly target?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  readonly status: number;
  readonly code: string;
  readonly pointer?: string;
  readonly allow?: string;
}

const JSON_TYPE = { 'Content-Type': 'application/json' };
const KEY = { 'Idempotency-Key': 'k' };
const HOLDS = '/v1/events/gala/holds';
const ORDERS = '/v1/events/gala/orders';

const TARGETS: Case[] = [
  ...[
    '/',
    '/v1',
    '/v2/events',
    '/v1/events/',
    '/v1/events/gala/',
    '/v1//events',
    '/V1/events',
    '/v1/events/a/b/c',
  ].map((target) => ({ name: target, target, status: 404, code: 'not-found' })),
  { name: 'an empty seat', target: '/v1/events/gala/seats/', status: 404, code: 'not-found' },
  ...[
    '/v1/events/%',
    '/v1/events/%2',
    '/v1/events/%zz',
    '/v1/events/%ff',
    '/v1/events/%2F%zz',
    '/v1/events?after=%e0%a4',
    'http://localhost/v1/events',
    '*',
    '/v1/events#top',
    '/v1/events/caf\u00e9',
  ].map((target) => ({ name: target, target, status: 400, code: 'bad-target' })),
  { name: 'too long', target: `/${'x'.repeat(TARGET_BYTES_MAX)}`, status: 400, code: 'bad-target' },
  { name: 'the longest', target: `/${'x'.repeat(TARGET_BYTES_MAX - 1)}`, status: 404, code: 'not-found' },
];

const METHODS: Case[] = [
  { method: 'PUT', target: '/v1/events', allow: 'GET, HEAD, POST' },
  { method: 'DELETE', target: '/v1/events', allow: 'GET, HEAD, POST' },
  { method: 'PUT', target: '/v1/events/gala', allow: 'GET, HEAD, PATCH' },
  { method: 'PATCH', target: HOLDS, allow: 'GET, HEAD, POST' },
  { method: 'GET', target: '/v1/events/gala/block', allow: 'POST' },
  { method: 'HEAD', target: '/v1/holds/hold_x/extend', allow: 'POST' },
  { method: 'POST', target: '/v1/holds/hold_x', allow: 'GET, HEAD, DELETE' },
  { method: 'OPTIONS', target: '/v1/orders/order_x/cancel', allow: 'POST' },
  { method: 'TRACE', target: '/healthz', allow: 'GET, HEAD' },
].map(({ method, target, allow }) => {
  return { name: `${method} ${target}`, method, target, allow, status: 405, code: 'method-not-allowed' };
});

const HOSTS: Case[] = [
  'example.com',
  'localhost.example.com',
  'localhost.',
  '127.0.0.1.example.com',
  '127.0.0.256',
  '128.0.0.1',
  '127.1',
  '0.0.0.0',
  '::1',
  '[::2]',
  '[::ffff:127.0.0.1]',
  'localhost:x',
  'localhost:123456',
  'user@localhost',
  'localhost, localhost',
  '',
].map((host) => ({ name: `Host: ${host}`, headers: { Host: host }, status: 400, code: 'bad-host' }));

const TYPES: Case[] = [
  'text/plain',
  'application/x-www-form-urlencoded',
  'application/jsonp',
  'application/json; charset=latin1',
  'application/json, text/plain',
  'application/json; charset=utf-8; charset=latin1',
  '',
].map((type) => ({
  name: `Content-Type: ${type}`,
  method: 'POST',
  target: HOLDS,
  headers: { 'Content-Type': type },
  body: '{}',
  status: 415,
  code: 'unsupported-media-type',
}));

const BODIES: Case[] = [
  {
    name: 'a type is wanted',
    method: 'POST',
    target: HOLDS,
    body: '{}',
    status: 415,
    code: 'unsupported-media-type',
  },
  {
    name: 'for an optional body too',
    method: 'POST',
    target: '/v1/holds/hold_x/confirm',
    body: '{}',
    status: 415,
    code: 'unsupported-media-type',
  },
  {
    name: 'a coded body',
    method: 'POST',
    target: HOLDS,
    headers: { ...JSON_TYPE, 'Content-Encoding': 'gzip' },
    body: '{}',
    status: 415,
    code: 'unsupported-media-type',
  },
  { name: 'no body', method: 'POST', target: HOLDS, status: 400, code: 'malformed-json' },
  {
    name: 'an empty body in chunks',
    method: 'POST',
    target: HOLDS,
    headers: { ...JSON_TYPE, 'Transfer-Encoding': 'chunked' },
    body: '0\r\n\r\n',
    status: 400,
    code: 'malformed-json',
  },
  {
    name: 'a body where none is taken',
    method: 'DELETE',
    target: '/v1/holds/hold_x',
    headers: JSON_TYPE,
    body: '{}',
    status: 422,
    code: 'invalid-request',
    pointer: '',
  },
  { name: 'a body for GET', body: 'x', status: 422, code: 'invalid-request', pointer: '' },
  {
    name: 'a body for GET in chunks',
    headers: { 'Transfer-Encoding': 'chunked' },
    body: '1\r\nx\r\n0\r\n\r\n',
    status: 422,
    code: 'invalid-request',
  },
  {
    name: 'a body over 64 KiB',
    method: 'POST',
    target: HOLDS,
    headers: JSON_TYPE,
    body: 'x'.repeat(BODY_BYTES_MAX + 1),
    status: 413,
    code: 'body-too-large',
  },
  {
    name: 'a definition over 1 MiB',
    method: 'POST',
    target: '/v1/events',
    headers: { ...JSON_TYPE, 'Content-Length': String(EVENT_BODY_BYTES_MAX + 1) },
    status: 413,
    code: 'body-too-large',
  },
];

const KEYS: Case[] = [
  {
    name: 'an order without one',
    method: 'POST',
    target: ORDERS,
    headers: JSON_TYPE,
    body: '{}',
    status: 400,
    code: 'idempotency-key-required',
  },
  ...['', 'a b', 'k\u00e9', 'x'.repeat(129)].map((key) => ({
    name: `Idempotency-Key: ${key}`,
    method: 'POST',
    target: ORDERS,
    headers: { ...JSON_TYPE, 'Idempotency-Key': key },
    body: '{}',
    status: 422,
    code: 'invalid-request',
  })),
];

const QUERIES: Case[] = [
  ['GET', '/v1/events/gala?x=1', '?x'],
  ['GET', '/v1/events/gala/availability?section=a', '?section'],
  ['GET', '/v1/events/gala/seats/a-A-1?b', '?b'],
  ['DELETE', '/v1/holds/hold_x?force', '?force'],
  ['GET', '/healthz?x=1', '?x'],
].map(([method = '', target = '', pointer = '']) => ({
  name: target,
  method,
  target,
  status: 422,
  code: 'invalid-request',
  pointer,
}));

const ACCEPTS: Case[] = [
  'text/html',
  'application/json;q=0',
  '*/*;q=0',
  'application/json;q=0, */*',
  'application/octet-stream',
  'nonsense',
].map((accept) => ({
  name: `Accept: ${accept}`,
  target: '/v1/events/gala',
  headers: { Accept: accept },
  status: 406,
  code: 'not-acceptable',
}));

for (const [title, cases] of Object.entries({
  'a target that is nothing or nonsense is refused': TARGETS,
  'a wrong method is told the right ones': METHODS,
  'a Host that is not this machine is refused': HOSTS,
  'a body that is not JSON in UTF-8 is refused': TYPES,
  'a body that is missing, unwanted or too large is refused': BODIES,
  'an unusable Idempotency-Key is refused': KEYS,
  'a query is refused where none is taken': QUERIES,
  'a caller that takes no JSON is refused': ACCEPTS,
})) {
  t.test(title, async (t) => {
    const { call, sink } = await serviceStage(t);
    for (const row of cases) {
      const {
        name,
        method = 'GET',
        target = '/v1/events',
        headers,
        body,
        status,
        code,
        pointer,
        allow,
      } = row;
      const reply = await call(method, target, headers, body);
      t.equal(reply.status, status, name);
      t.equal(reply.headers.get('content-type'), 'application/problem+json', name);
      t.equal(reply.headers.get('cache-control'), 'no-store');
      t.equal(reply.headers.get('allow'), allow, name);
      if (method === 'HEAD') continue;
      const problem = JSON.parse(reply.text) as Record<string, unknown>;
      t.match(problem, { code, status, applied: false, requestId: reply.headers.get('x-request-id') }, name);
      if (pointer !== undefined) t.match(problem, { errors: [{ pointer }] }, name);
    }
    t.equal(sink.submitted.length, 0, 'nothing got through');
  });
}

t.test('what is right goes through beside all that', async (t) => {
  const { call, sink } = await serviceStage(t);
  const hosts = [
    'localhost',
    'LOCALHOST:80',
    '127.0.0.1',
    '127.255.0.9:8080',
    '[::1]',
    '[::1]:8080',
    'localhost:',
  ];
  for (const host of hosts) t.equal((await call('GET', '/v1/events', { Host: host })).status, 200, host);
  const types = ['application/json', 'Application/JSON; Charset=UTF-8', 'application/json;charset="utf-8"'];
  for (const type of types) {
    t.equal((await call('POST', HOLDS, { 'Content-Type': type }, '{}')).status, 200, type);
  }
  const accepts = [
    'application/json',
    'application/problem+json',
    'application/*;q=0.1',
    'text/html, */*;q=0.1',
    '',
  ];
  for (const accept of accepts)
    t.equal((await call('GET', '/v1/events', { Accept: accept })).status, 200, accept);
  t.equal((await call('GET', '/v1/events?')).status, 200, 'an empty query is none');
  t.equal((await call('POST', '/v1/holds/hold_x/confirm')).status, 200, 'an optional body may be left out');
  const largest = 'x'.repeat(BODY_BYTES_MAX);
  t.equal((await call('POST', ORDERS, { ...JSON_TYPE, ...KEY }, largest)).status, 200);
  t.equal((await call('POST', '/v1/events', JSON_TYPE, 'x'.repeat(EVENT_BODY_BYTES_MAX))).status, 200);
  t.equal(sink.submitted.length, hosts.length + types.length + accepts.length + 4);
});

const HOST = 'Host: localhost\r\n';
const POST = `POST ${HOLDS} HTTP/1.1\r\n${HOST}Content-Type: application/json\r\n`;

/** Bytes that no well-made client sends, request smuggling among them. */
const MALFORMED: [name: string, bytes: string, status: number, code: string][] = [
  ['nonsense', 'nonsense\r\n\r\n', 400, 'bad-target'],
  ['binary', '\x16\x03\x01\x02\x00\x01', 400, 'bad-target'],
  ['an unknown method', `BREW /v1/events HTTP/1.1\r\n${HOST}\r\n`, 400, 'bad-target'],
  ['no version', 'GET /v1/events\r\n\r\n', 400, 'bad-target'],
  ['a version of the future', `GET /v1/events HTTP/3.0\r\n${HOST}\r\n`, 400, 'bad-target'],
  ['a space in the target', `GET /v1/ events HTTP/1.1\r\n${HOST}\r\n`, 400, 'bad-target'],
  ['a NUL in the target', `GET /v1/\0events HTTP/1.1\r\n${HOST}\r\n`, 400, 'bad-target'],
  ['no Host', 'GET /v1/events HTTP/1.1\r\n\r\n', 400, 'bad-host'],
  ['two Hosts', `GET /v1/events HTTP/1.1\r\n${HOST}${HOST}\r\n`, 400, 'bad-host'],
  ['CONNECT', `CONNECT example.com:443 HTTP/1.1\r\n${HOST}\r\n`, 400, 'bad-target'],
  ['a space before a colon', `GET /v1/events HTTP/1.1\r\n${HOST}A : b\r\n\r\n`, 400, 'bad-target'],
  ['a folded header', `GET /v1/events HTTP/1.1\r\n${HOST}A: b\r\n c\r\n\r\n`, 400, 'bad-target'],
  ['a NUL in a header', `GET /v1/events HTTP/1.1\r\n${HOST}A: \0\r\n\r\n`, 400, 'bad-target'],
  ['two lengths', `${POST}Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}`, 400, 'bad-target'],
  ['a negative length', `${POST}Content-Length: -1\r\n\r\n`, 400, 'bad-target'],
  ['a signed length', `${POST}Content-Length: +2\r\n\r\n{}`, 400, 'bad-target'],
  ['a huge length', `${POST}Content-Length: 99999999999999999999\r\n\r\n`, 400, 'bad-target'],
  ['a list of lengths', `${POST}Content-Length: 2, 2\r\n\r\n{}`, 400, 'bad-target'],
  [
    'length and chunks',
    `${POST}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    400,
    'bad-target',
  ],
  ['chunked not last', `${POST}Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n`, 400, 'bad-target'],
  ['a coding before chunked', `${POST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`, 400, 'bad-target'],
  ['chunked twice', `${POST}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n`, 400, 'bad-target'],
  ['an odd chunked', `${POST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`, 400, 'bad-target'],
  [
    'chunks in HTTP/1.0',
    `POST ${HOLDS} HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    400,
    'bad-target',
  ],
  ['a bad chunk size', `${POST}Transfer-Encoding: chunked\r\n\r\nxyz\r\n`, 400, 'bad-target'],
  [
    'a chunk longer than told',
    `${POST}Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n`,
    400,
    'bad-target',
  ],
  [
    'long chunk extensions',
    `${POST}Transfer-Encoding: chunked\r\n\r\n2;${'x'.repeat(20_000)}\r\n{}\r\n0\r\n\r\n`,
    413,
    'body-too-large',
  ],
  ['a long target', `GET /${'x'.repeat(20_000)} HTTP/1.1\r\n${HOST}\r\n`, 431, 'headers-too-large'],
  [
    'two keys',
    `${POST}Content-Length: 2\r\nIdempotency-Key: a\r\nIdempotency-Key: a\r\n\r\n{}`,
    422,
    'invalid-request',
  ],
  [
    'two types',
    `${POST}Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}`,
    415,
    'unsupported-media-type',
  ],
];

t.test('malformed bytes are refused, and the server goes on', async (t) => {
  const { sink, port, call } = await serviceStage(t);
  for (const [name, bytes, status, code] of MALFORMED) {
    const wire = await Wire.open(port);
    t.teardown(() => wire.socket.destroy());
    wire.send(bytes);
    const reply = await wire.next();
    t.match(reply, { status }, name);
    t.match(JSON.parse(reply.text), { code, applied: false }, name);
    t.ok(reply.headers.get('x-request-id'), name);
    if (reply.headers.get('connection') === 'close') await wire.closed;
    else t.ok(status === 415 || status === 422, `${name}: the framing is sound, the connection may go on`);
    wire.socket.destroy();
  }
  t.equal(sink.submitted.length, 0, 'nothing got through');
  t.equal((await call('GET', '/v1/events')).status, 200);
});
