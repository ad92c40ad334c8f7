/**
 * What a whole server refuses from the state that a few events and claims are in: a request for each code, and the
 * numbers that stand in the answer. Codes that the server's own state brings are not here: see problems.test.ts.
 */
import { createKey, hashOfKey } from '../../../src/core/keys.ts';
import { PROBLEMS, type ProblemCode } from '../../../src/core/problems.ts';
import type { Answer, SendOptions, Wire } from './http.ts';

export const KEYS = { admin: createKey(), sales: createKey(), reader: createKey(), elsewhere: createKey() };
export type KeyName = keyof typeof KEYS;

/** The keys file. */
export const KEYS_TEXT = JSON.stringify({
  keys: [
    { id: 'admin', role: 'admin', hash: hashOfKey(KEYS.admin) },
    { id: 'sales', role: 'sales', hash: hashOfKey(KEYS.sales) },
    { id: 'reader', role: 'reader', hash: hashOfKey(KEYS.reader) },
    { id: 'elsewhere', role: 'sales', hash: hashOfKey(KEYS.elsewhere), events: ['elsewhere-*'] },
  ],
});

export interface Ask {
  /** Unless given: admin. None: without a key. */
  readonly as?: KeyName | 'none';
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly options?: SendOptions;
}

export interface Expected {
  /** `false` unless given. */
  readonly applied?: boolean | null;
  /** limit, requested, available, held, total, seats; none else. */
  readonly numbers?: Readonly<Record<string, unknown>>;
  /** The event whose sequence is told. */
  readonly sequenceOf?: string;
  readonly pointers?: readonly string[];
  readonly headers?: Readonly<Record<string, RegExp>>;
}

export interface Case extends Expected {
  readonly code: ProblemCode;
  readonly ask: Ask;
}

/** Asks with a key of the file, and with an id to be told again. */
export function ask(wire: Wire, { as = 'admin', method, path, body, options = {} }: Ask): Promise<Answer> {
  const authorization = as === 'none' ? {} : { authorization: `Bearer ${KEYS[as]}` };
  const headers = { 'x-request-id': 'asked-1', ...authorization, ...options.headers };
  return wire.send(method, path, body, { ...options, headers });
}

const NUMBERS = ['limit', 'requested', 'available', 'held', 'total', 'seats'];
const WAITING_HELPS: ReadonlySet<string> = new Set<ProblemCode>([
  'rate-limited',
  'overloaded',
  'worker-lost',
  'starting',
  'draining',
  'journal-stalled',
  'journal-full',
]);
const MEMBERS = ['type', 'title', 'status', 'detail', 'code', 'applied', 'requestId'];

/** What is wrong with a refusal; nothing, if it says all that API.md has it say, and nothing beside it. */
export function faultsOf(
  answer: Answer,
  code: ProblemCode,
  expected: Expected,
  requestId?: string,
): string[] {
  const { status, headers, json } = answer;
  const [dueStatus, title] = PROBLEMS[code];
  const faults: string[] = [];
  const is = (name: string, found: unknown, due: unknown): void => {
    const [one, other] = [JSON.stringify(found), JSON.stringify(due)];
    if (one !== other) faults.push(`${name} is ${one}, not ${other}`);
  };
  const { numbers = {}, pointers, sequenceOf } = expected;
  is('status', status, dueStatus);
  is('content type', headers['content-type'], 'application/problem+json');
  is('cache control', headers['cache-control'], 'no-store');
  is('code', json['code'], code);
  is('type', json['type'], `urn:frontrow:problem:${code}`);
  is('title', json['title'], title);
  is('status in the body', json['status'], dueStatus);
  is('applied', json['applied'], expected.applied === undefined ? false : expected.applied);
  is('request id', json['requestId'], requestId ?? headers['x-request-id']);
  is('X-Request-Id', headers['x-request-id'], json['requestId']);
  if (typeof json['detail'] !== 'string' || json['detail'] === '') faults.push('there is no detail');
  for (const name of NUMBERS) is(name, json[name], numbers[name]);
  is('whether there is a sequence', 'sequence' in json, sequenceOf !== undefined);
  const errors = json['errors'] as { pointer: string }[] | undefined;
  is(
    'pointers',
    errors?.map(({ pointer }) => pointer),
    pointers,
  );
  const waitMs = json['retryAfterMs'];
  is('whether retryAfterMs is told', typeof waitMs === 'number' && waitMs > 0, WAITING_HELPS.has(code));
  is(
    'Retry-After',
    headers['retry-after'],
    typeof waitMs === 'number' ? String(Math.ceil(waitMs / 1000)) : undefined,
  );
  is('whether there is WWW-Authenticate', 'www-authenticate' in headers, code === 'unauthorized');
  is('whether there is Allow', 'allow' in headers, code === 'method-not-allowed');
  for (const [name, pattern] of Object.entries(expected.headers ?? {}))
    if (!pattern.test(String(headers[name]))) faults.push(`${name} is ${String(headers[name])}`);
  const known = new Set([...MEMBERS, ...NUMBERS, 'sequence', 'errors', 'retryAfterMs']);
  is(
    'other members',
    Object.keys(json).filter((name) => !known.has(name)),
    [],
  );
  return faults;
}

const GIVEN = { name: 'An event', startsAt: '2027-01-15T19:00:00Z', currency: 'EUR', state: 'open' };
const FLOOR = { section: 'floor', quantity: 1 };
const floor = (capacity: number): object => ({ id: 'floor', kind: 'general', capacity, price: 1000 });
const stalls = { id: 'stalls', kind: 'seated', price: 2000, rows: [{ id: 'A', seats: 5 }] };

/** Ids of events, in the state that their names tell. `gala` is on sale. */
const EVENTS: readonly object[] = [
  { ...GIVEN, id: 'gala', limits: { maxHoldSeconds: 600 }, sections: [floor(4), stalls] },
  { ...GIVEN, id: 'draft', state: 'draft', sections: [floor(4)] },
  { ...GIVEN, id: 'paused', sections: [floor(4)] },
  { ...GIVEN, id: 'closed', sections: [floor(4)] },
  { ...GIVEN, id: 'full', sections: [floor(1)] },
  { ...GIVEN, id: 'club', limits: { ticketsPerCustomer: 3, holdsPerCustomer: 2 }, sections: [floor(40)] },
];
/** Of those that are on the list: all are looked at before and after each refusal. */
export const EVENT_IDS = ['gala', 'draft', 'paused', 'closed', 'full', 'club'];

/** The claims by name; the seconds of `gone` run out meanwhile. */
export interface Claims {
  readonly held: string;
  readonly long: string;
  readonly released: string;
  readonly gone: string;
  readonly order: string;
  readonly cancelled: string;
}

export async function setScene(wire: Wire): Promise<Claims> {
  const make = async (method: string, path: string, body?: unknown, key?: string): Promise<string> => {
    const { status, text, json } = await ask(wire, { method, path, body, options: { key } });
    if (status >= 300) throw new Error(`${method} ${path}: ${text}`);
    return String(json['id']);
  };
  const hold = (event: string, more: object = {}): Promise<string> =>
    make('POST', `/v1/events/${event}/holds`, { items: [FLOOR], ...more });
  for (const event of EVENTS) await make('POST', '/v1/events', event);
  const gone = await hold('gala', { seconds: 1 });
  const held = await hold('gala', { items: [{ seat: 'stalls-A-2' }] });
  const long = await hold('gala', { items: [{ seat: 'stalls-A-4' }] });
  await make('POST', `/v1/holds/${long}/extend`, { seconds: 600 });
  const released = await hold('gala');
  await make('DELETE', `/v1/holds/${released}`);
  const order = await make('POST', '/v1/events/gala/orders', { items: [FLOOR] }, 'sold-1');
  const cancelled = await make('POST', '/v1/events/gala/orders', { items: [FLOOR] }, 'sold-2');
  await make('POST', `/v1/orders/${cancelled}/cancel`);
  await make('POST', '/v1/events/full/orders', { items: [FLOOR] }, 'sold-3');
  await hold('closed');
  for (const quantity of [2, 1]) await hold('club', { customer: 'c1', items: [{ ...FLOOR, quantity }] });
  for (const quantity of [1, 1]) await hold('club', { customer: 'c2', items: [{ ...FLOOR, quantity }] });
  await make('PATCH', '/v1/events/paused', { state: 'paused' });
  await make('PATCH', '/v1/events/closed', { state: 'closed' });
  return { held, long, released, gone, order, cancelled };
}

const post = (path: string, body?: unknown, more: Partial<Ask> = {}): Ask => ({
  method: 'POST',
  path,
  body,
  ...more,
});
const get = (path: string, more: Partial<Ask> = {}): Ask => ({ method: 'GET', path, ...more });
const patch = (path: string, body: unknown, headers = {}): Ask => ({
  method: 'PATCH',
  path,
  body,
  options: { headers },
});
const HOLDS = '/v1/events/gala/holds';
const ORDERS = '/v1/events/gala/orders';
const NO_HOLD = `/v1/holds/hold_${'z'.repeat(32)}`;
const items = (...list: unknown[]): object => ({ items: list });

/** Refusals of requests that are no good, or that are not the caller's to make. */
function formCases(): Case[] {
  const raw = (path: string, text: string, headers = {}): Ask =>
    post(path, undefined, { options: { raw: text, headers } });
  return [
    { code: 'malformed-json', ask: raw(HOLDS, '{"items":[') },
    { code: 'bad-target', ask: get('/v1/events/%zz') },
    { code: 'idempotency-key-required', ask: post(ORDERS, items(FLOOR)) },
    {
      code: 'unauthorized',
      ask: post(HOLDS, items(FLOOR), { as: 'none' }),
      headers: { 'www-authenticate': /^Bearer realm="frontrow"$/ },
    },
    {
      code: 'unauthorized',
      ask: get('/v1/events', { options: { headers: { authorization: 'Bearer no' } } }),
    },
    { code: 'forbidden', ask: post(HOLDS, items(FLOOR), { as: 'reader' }) },
    { code: 'forbidden', ask: post(HOLDS, items(FLOOR), { as: 'elsewhere' }) },
    {
      code: 'forbidden',
      ask: patch('/v1/events/gala', { name: 'Mine' }, { authorization: `Bearer ${KEYS.sales}` }),
    },
    { code: 'event-not-found', ask: post('/v1/events/nowhere/holds', items(FLOOR)) },
    { code: 'event-not-found', ask: get('/v1/events/draft', { as: 'elsewhere' }) },
    { code: 'hold-not-found', ask: post(`${NO_HOLD}/extend`, { seconds: 9 }) },
    { code: 'order-not-found', ask: post(`${NO_HOLD.replaceAll('hold', 'order')}/cancel`) },
    { code: 'seat-not-found', ask: get('/v1/events/gala/seats/stalls-A-9') },
    { code: 'section-not-found', ask: get('/v1/events/gala/seats?section=balcony') },
    { code: 'not-found', ask: post('/v1/tickets', {}) },
    {
      code: 'method-not-allowed',
      ask: { method: 'PUT', path: '/v1/events/gala', body: {} },
      headers: { allow: /^(?=.*GET)(?=.*PATCH)/ },
    },
    {
      code: 'not-acceptable',
      ask: post(HOLDS, items(FLOOR), { options: { headers: { accept: 'text/html' } } }),
    },
    { code: 'body-too-large', ask: raw(HOLDS, `{"x":"${'x'.repeat(65_536)}"}`) },
    { code: 'unsupported-media-type', ask: raw(HOLDS, '{}', { 'content-type': 'text/plain' }) },
    {
      code: 'headers-too-large',
      ask: get('/v1/events', { options: { headers: { 'x-much': 'x'.repeat(20_000) } } }),
    },
    {
      code: 'invalid-request',
      ask: post(HOLDS, items({ seat: 'stalls-A-9' }, { ...FLOOR, colour: 'red' })),
      pointers: ['/items/1/colour'],
    },
    {
      code: 'invalid-request',
      ask: post(HOLDS, items(FLOOR, { seat: 'stalls-A-9' })),
      pointers: ['/items/1/seat'],
    },
    { code: 'invalid-request', ask: post('/v1/events/club/holds', items(FLOOR)), pointers: ['/customer'] },
    {
      code: 'idempotency-mismatch',
      ask: post(ORDERS, items({ ...FLOOR, quantity: 2 }), { options: { key: 'sold-1' } }),
      sequenceOf: 'gala',
    },
  ];
}

/** Refusals that the state of an event or a claim brings. */
function stateCases({ held, long, released, gone, order, cancelled }: Claims): Case[] {
  const of = (code: ProblemCode, asked: Ask, numbers: Case['numbers'] = {}, sequenceOf = 'gala'): Case => ({
    code,
    ask: asked,
    numbers,
    sequenceOf,
  });
  const holds = (event: string): string => `/v1/events/${event}/holds`;
  const customer = (name: string): object => ({ ...items(FLOOR), customer: name });
  return [
    of('sold-out', post(holds('full'), items(FLOOR)), { requested: 1, available: 0, held: 0 }, 'full'),
    of('not-enough-available', post(HOLDS, items({ ...FLOOR, quantity: 9 })), {
      requested: 9,
      available: 3,
      held: 0,
    }),
    of('no-adjacent-seats', post(HOLDS, items({ section: 'stalls', quantity: 2, adjacent: 'required' })), {
      requested: 2,
      available: 3,
      held: 2,
    }),
    of('seat-unavailable', post(HOLDS, items({ seat: 'stalls-A-1' }, { seat: 'stalls-A-2' })), {
      seats: ['stalls-A-2'],
    }),
    of('price-changed', post(HOLDS, { ...items(FLOOR), expectTotal: 999 }), { requested: 999, total: 1000 }),
    of('sale-not-started', post(holds('draft'), items(FLOOR)), {}, 'draft'),
    of('sale-paused', post(holds('paused'), items(FLOOR)), {}, 'paused'),
    of('sale-closed', post(holds('closed'), items(FLOOR)), {}, 'closed'),
    of(
      'customer-limit',
      post('/v1/events/club/orders', customer('c1'), { options: { key: 'k' } }),
      { limit: 3, requested: 1, held: 3 },
      'club',
    ),
    of(
      'customer-hold-limit',
      post(holds('club'), customer('c2')),
      { limit: 2, requested: 1, held: 2 },
      'club',
    ),
    of('extend-limit', post(`/v1/holds/${long}/extend`, { seconds: 600 }), { limit: 600 }),
    of('hold-confirmed', { method: 'DELETE', path: `/v1/holds/${order.replace('order', 'hold')}` }),
    of('hold-expired', post(`/v1/holds/${gone}/confirm`)),
    of('hold-released', post(`/v1/holds/${released}/confirm`)),
    of('order-cancelled', post(`/v1/holds/${cancelled.replace('order', 'hold')}/confirm`)),
    { code: 'event-exists', ask: post('/v1/events', EVENTS[0]) },
    of('event-in-use', patch('/v1/events/closed', { state: 'archived' }), { held: 1 }, 'closed'),
    of(
      'capacity-in-use',
      patch('/v1/events/club', { sections: [{ id: 'floor', capacity: 4 }] }),
      { requested: 4, held: 5 },
      'club',
    ),
    { code: 'version-mismatch', ask: patch('/v1/events/gala', { name: 'x' }, { 'if-match': '"9"' }) },
    {
      code: 'capacity-exhausted',
      ask: post('/v1/events', { ...GIVEN, id: 'huge', sections: [floor(2_000_000)] }),
    },
    of(
      'seat-unavailable',
      post(`/v1/holds/${held}/change`, { add: [{ seat: 'stalls-A-4' }], remove: [{ seat: 'stalls-A-2' }] }),
      { seats: ['stalls-A-4'] },
    ),
  ];
}

export function casesOf(claims: Claims): Case[] {
  return [...formCases(), ...stateCases(claims)];
}
