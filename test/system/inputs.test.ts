/**
 * Whatever is sent that is no good gets the problem that says what is wrong with it, over real HTTP, and changes
 * nothing.
 */
import t from 'tap';
import type { Test } from 'tap';
import { Wire, type Answer, type SendOptions } from './support/http.ts';
import { startServer } from './support/servers.ts';

const GALA = {
  id: 'gala',
  name: 'Winter Gala',
  state: 'open',
  startsAt: '2027-01-15T19:00:00Z',
  timeZone: 'Europe/Berlin',
  currency: 'EUR',
  limits: { holdSeconds: 300, maxHoldSeconds: 600, ticketsPerHold: 8 },
  sections: [
    { id: 'floor', kind: 'general', capacity: 20, price: 4500 },
    {
      id: 'stalls',
      kind: 'seated',
      price: 9000,
      rows: [
        { id: 'A', seats: ['1..4', null, '5..8'] },
        { id: 'B', seats: 8 },
      ],
    },
  ],
};
const DRAFT = { id: 'draft', name: 'Later', startsAt: '2027-01-15T19:00:00Z', capacity: 10 };
const FLOOR = { section: 'floor', quantity: 1 };
const STREAM = { headers: { accept: 'text/event-stream' } };

interface Expected {
  readonly status: number;
  readonly code: string;
  /** Where the first error points, and its code. */
  readonly pointer?: string;
  readonly error?: string;
}

interface Case extends Expected {
  readonly what: string;
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly options?: SendOptions;
}

const invalid = (pointer: string, error: string): Expected => ({
  status: 422,
  code: 'invalid-request',
  pointer,
  error,
});
const MALFORMED: Expected = { status: 400, code: 'malformed-json' };

function problemFaults(answer: Answer, expected: Expected): string[] {
  const { status, headers, json } = answer;
  const [first] = (json['errors'] ?? []) as { pointer: string; code: string; detail: string }[];
  const faults: string[] = [];
  const is = (name: string, found: unknown, due: unknown): void => {
    if (found !== due) faults.push(`${name} is ${JSON.stringify(found)}, not ${JSON.stringify(due)}`);
  };
  is('status', status, expected.status);
  is('code', json['code'], expected.code);
  is('applied', json['applied'], false);
  is('content type', headers['content-type'], 'application/problem+json');
  is('status in the body', json['status'], status);
  is('type', json['type'], `urn:frontrow:problem:${expected.code}`);
  for (const name of ['title', 'detail', 'requestId']) is(`type of ${name}`, typeof json[name], 'string');
  if (expected.pointer !== undefined) is('pointer', first?.pointer, expected.pointer);
  if (expected.error !== undefined) is('error', first?.code, expected.error);
  return faults;
}

/** The longest body in bytes. Source: API.md; core/limits.ts has the reasons. */
function limitOf(method: string, path: string): number {
  if (method === 'PATCH' || path === '/v1/events') return 1024 * 1024;
  return path.endsWith('block') ? 256 * 1024 : 64 * 1024;
}

/** What a call's body may suffer whatever it means. `path` takes a body. */
function brokenBodies(method: string, path: string, isOptional: boolean): Case[] {
  const limit = limitOf(method, path);
  const of = (what: string, expected: Expected, options: SendOptions): Case => ({
    what: `${method} ${path} with ${what}`,
    method,
    path,
    options: { key: 'broken', ...options },
    ...expected,
  });
  const raw = (what: string, text: string | Uint8Array, expected: Expected): Case =>
    of(what, expected, { raw: text });
  const headers = (what: string, more: Record<string, string>, expected: Expected): Case =>
    of(what, expected, { raw: '{}', headers: more });
  const unsupported: Expected = { status: 415, code: 'unsupported-media-type' };
  return [
    raw('half an object', '{"items":[', MALFORMED),
    raw('a trailing comma', '{"items":[],}', MALFORMED),
    raw('two objects', '{}{}', MALFORMED),
    raw('invalid UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), MALFORMED),
    raw('NaN', '{"quantity":NaN}', MALFORMED),
    raw('deep nesting', '['.repeat(20_000), MALFORMED),
    raw('an array', '[]', invalid('', 'wrong-type')),
    raw('a string', '"x"', invalid('', 'wrong-type')),
    raw('a number', '1', invalid('', 'wrong-type')),
    raw('null', 'null', invalid('', 'wrong-type')),
    raw('a prototype', '{"__proto__":{"items":[]}}', { status: 422, code: 'invalid-request' }),
    raw('too much', `{"x":"${'x'.repeat(limit)}"}`, { status: 413, code: 'body-too-large' }),
    ...(isOptional ? [] : [of('no body', MALFORMED, {}), raw('an empty body', '', MALFORMED)]),
    headers('a form', { 'content-type': 'application/x-www-form-urlencoded' }, unsupported),
    headers('another charset', { 'content-type': 'application/json; charset=latin1' }, unsupported),
    headers('gzip', { 'content-encoding': 'gzip' }, unsupported),
  ];
}

/** Bodies of holds and orders that are wrong, and where. */
function claimBodies(kind: 'hold' | 'order'): [body: unknown, expected: Expected][] {
  const items = (...list: unknown[]): object => ({ items: list });
  const bad: [unknown, Expected][] = [
    [{}, invalid('/items', 'missing')],
    [{ items: 'floor' }, invalid('/items', 'wrong-type')],
    [{ items: { 0: FLOOR } }, invalid('/items', 'wrong-type')],
    [items(), invalid('/items', 'out-of-range')],
    [{ items: Array.from({ length: 101 }, () => FLOOR) }, invalid('/items', 'out-of-range')],
    [{ items: Array.from({ length: 9 }, () => FLOOR) }, invalid('/items', 'too-many')],
    [items(null), invalid('/items/0', 'wrong-type')],
    [items(FLOOR, 5), invalid('/items/1', 'wrong-type')],
    [items({}), invalid('/items/0', 'bad-value')],
    [items({ seat: 'stalls-A-1', section: 'stalls' }), invalid('/items/0', 'bad-value')],
    [items({ seat: 'stalls-A-1', quantity: 1 }), invalid('/items/0/quantity', 'bad-value')],
    [items({ seat: 'stalls-A-1', adjacent: 'required' }), invalid('/items/0/adjacent', 'bad-value')],
    [items({ seat: 7 }), invalid('/items/0/seat', 'wrong-type')],
    [items({ seat: '' }), invalid('/items/0/seat', 'out-of-range')],
    [items({ seat: 'x'.repeat(101) }), invalid('/items/0/seat', 'out-of-range')],
    [items({ seat: 'stalls-A-9' }), invalid('/items/0/seat', 'unknown-seat')],
    [items({ seat: 'stalls-A-01' }), invalid('/items/0/seat', 'unknown-seat')],
    [items({ seat: 'floor-A-1' }), invalid('/items/0/seat', 'unknown-seat')],
    [items({ seat: '__proto__-A-1' }), invalid('/items/0/seat', 'unknown-seat')],
    [items({ seat: 'stalls-A-1' }, { seat: 'stalls-A-1' }), invalid('/items/1/seat', 'duplicate')],
    [items({ section: 'floor' }), invalid('/items/0/quantity', 'missing')],
    [items({ quantity: 1 }), invalid('/items/0', 'bad-value')],
    [items({ section: 'balcony', quantity: 1 }), invalid('/items/0/section', 'unknown-section')],
    [items({ section: 'FLOOR', quantity: 1 }), invalid('/items/0/section', 'bad-format')],
    [items({ section: null, quantity: 1 }), invalid('/items/0/section', 'wrong-type')],
    [items({ ...FLOOR, adjacent: 'required' }), invalid('/items/0/adjacent', 'bad-value')],
    [items({ section: 'stalls', quantity: 2, adjacent: 'maybe' }), invalid('/items/0/adjacent', 'bad-value')],
    [items({ section: 'stalls', quantity: 2, adjacent: true }), invalid('/items/0/adjacent', 'bad-value')],
    [items({ ...FLOOR, quantity: 9 }), invalid('/items', 'too-many')],
    [items({ ...FLOOR, quantity: 5 }, { ...FLOOR, quantity: 5 }), invalid('/items', 'too-many')],
    [{ items: [FLOOR], customer: '' }, invalid('/customer', 'out-of-range')],
    [{ items: [FLOOR], customer: 5 }, invalid('/customer', 'wrong-type')],
    [{ items: [FLOOR], customer: 'x'.repeat(65) }, invalid('/customer', 'out-of-range')],
    [{ items: [FLOOR], customer: 'é'.repeat(33) }, invalid('/customer', 'out-of-range')],
    [{ items: [FLOOR], reference: ['x'] }, invalid('/reference', 'wrong-type')],
    [{ items: [FLOOR], reference: '😀'.repeat(17) }, invalid('/reference', 'out-of-range')],
    [items({ ...FLOOR, type: 'adult' }), invalid('/items/0/type', 'unknown-type')],
    [items({ ...FLOOR, type: 'A!' }), invalid('/items/0/type', 'bad-format')],
    [{ items: [FLOOR], metadata: [] }, invalid('/metadata', 'wrong-type')],
    [{ items: [FLOOR], metadata: { x: 'x'.repeat(512) } }, invalid('/metadata', 'out-of-range')],
    [{ items: [FLOOR], expectTotal: -1 }, invalid('/expectTotal', 'out-of-range')],
    [{ items: [FLOOR], expectTotal: '4500' }, invalid('/expectTotal', 'wrong-type')],
    // What later versions bring is unknown here.
    [items({ ...FLOOR, allocation: 'friends' }), invalid('/items/0/allocation', 'unknown-field')],
    [{ items: [FLOOR], constructor: 1 }, invalid('/constructor', 'unknown-field')],
  ];
  for (const quantity of [0, -1, 101, 1e9, 2 ** 53, 1e308])
    bad.push([items({ section: 'floor', quantity }), invalid('/items/0/quantity', 'out-of-range')]);
  for (const quantity of [1.5, '1', null, true, [1], {}])
    bad.push([items({ section: 'floor', quantity }), invalid('/items/0/quantity', 'wrong-type')]);
  if (kind === 'order')
    return [...bad, [{ items: [FLOOR], seconds: 60 }, invalid('/seconds', 'unknown-field')]];
  for (const seconds of [0, -60, 601, 1e9])
    bad.push([{ items: [FLOOR], seconds }, invalid('/seconds', 'out-of-range')]);
  for (const seconds of [1.5, '60', null])
    bad.push([{ items: [FLOOR], seconds }, invalid('/seconds', 'wrong-type')]);
  return bad;
}

function eventBodies(): [body: unknown, expected: Expected][] {
  const given = { name: 'Quiz night', startsAt: '2027-01-15T19:00:00Z' };
  const whole = { ...given, capacity: 10 };
  const section = (more: object): object => ({ ...given, sections: [{ id: 'a', ...more }] });
  const seated = (rows: unknown): object => section({ kind: 'seated', rows });
  const row = (seats: unknown): object => seated([{ id: 'A', seats }]);
  const seatsAt = (rest: string): string => `/sections/0/rows/0/seats${rest}`;
  return [
    [{}, invalid('/name', 'missing')],
    [given, invalid('/sections', 'missing')],
    [{ ...whole, sections: GALA.sections }, invalid('/capacity', 'bad-value')],
    [{ ...whole, name: '' }, invalid('/name', 'out-of-range')],
    [{ ...whole, name: 'x'.repeat(201) }, invalid('/name', 'out-of-range')],
    [{ ...whole, name: 5 }, invalid('/name', 'wrong-type')],
    [{ ...whole, id: 'Gala' }, invalid('/id', 'bad-format')],
    [{ ...whole, id: '-gala' }, invalid('/id', 'bad-format')],
    [{ ...whole, id: 'x'.repeat(64) }, invalid('/id', 'bad-format')],
    [{ ...whole, id: '../gala' }, invalid('/id', 'bad-format')],
    [{ ...whole, state: 'paused' }, invalid('/state', 'bad-value')],
    [{ ...whole, startsAt: 'tomorrow' }, invalid('/startsAt', 'bad-format')],
    [{ ...whole, startsAt: '2027-13-15T19:00:00Z' }, invalid('/startsAt', 'bad-format')],
    [{ ...whole, startsAt: '2027-02-30T19:00:00Z' }, invalid('/startsAt', 'bad-format')],
    [{ ...whole, startsAt: '2027-01-15T24:00:00Z' }, invalid('/startsAt', 'bad-format')],
    [{ ...whole, startsAt: '2027-01-15T19:00:00+01:00' }, invalid('/startsAt', 'bad-format')],
    [{ ...whole, startsAt: 1799999999 }, invalid('/startsAt', 'wrong-type')],
    [{ ...whole, timeZone: 'Mars/Olympus' }, invalid('/timeZone', 'bad-value')],
    [{ ...whole, currency: 'euro' }, invalid('/currency', 'bad-format')],
    [{ ...whole, currency: 'ZZZ' }, invalid('/currency', 'bad-value')],
    [{ ...whole, capacity: 0 }, invalid('/capacity', 'out-of-range')],
    [{ ...whole, capacity: -5 }, invalid('/capacity', 'out-of-range')],
    [{ ...whole, capacity: 2_000_001 }, invalid('/capacity', 'out-of-range')],
    [{ ...whole, capacity: '10' }, invalid('/capacity', 'wrong-type')],
    [{ ...whole, limits: { holdSeconds: 0 } }, invalid('/limits/holdSeconds', 'out-of-range')],
    [
      { ...whole, limits: { holdSeconds: 600, maxHoldSeconds: 60 } },
      invalid('/limits/maxHoldSeconds', 'out-of-range'),
    ],
    [{ ...whole, limits: { ticketsPerHold: 101 } }, invalid('/limits/ticketsPerHold', 'out-of-range')],
    [{ ...whole, limits: { ticketsPerCustomer: 0 } }, invalid('/limits/ticketsPerCustomer', 'out-of-range')],
    [{ ...whole, limits: { seats: 4 } }, invalid('/limits/seats', 'unknown-field')],
    [{ ...whole, limits: [] }, invalid('/limits', 'wrong-type')],
    [{ ...given, sections: [] }, invalid('/sections', 'out-of-range')],
    [{ ...given, sections: [{ kind: 'general', capacity: 1 }] }, invalid('/sections/0/id', 'missing')],
    [section({}), invalid('/sections/0/kind', 'missing')],
    [section({ kind: 'standing', capacity: 1 }), invalid('/sections/0/kind', 'bad-value')],
    [section({ kind: 'general' }), invalid('/sections/0/capacity', 'missing')],
    [
      section({ kind: 'general', capacity: 1, rows: [{ id: 'A', seats: 1 }] }),
      invalid('/sections/0/rows', 'bad-value'),
    ],
    [section({ kind: 'seated' }), invalid('/sections/0/rows', 'missing')],
    [section({ kind: 'general', capacity: 1, price: 5 }), invalid('/currency', 'missing')],
    [section({ kind: 'general', capacity: 1, price: -1 }), invalid('/sections/0/price', 'out-of-range')],
    [
      section({ kind: 'general', capacity: 1, category: 'gold' }),
      invalid('/sections/0/category', 'unknown-category'),
    ],
    [
      { ...given, sections: [...GALA.sections, GALA.sections[0]], currency: 'EUR' },
      invalid('/sections/2/id', 'duplicate'),
    ],
    [seated([]), invalid('/sections/0/rows', 'out-of-range')],
    [
      seated([
        { id: 'A', seats: 1 },
        { id: 'A', seats: 1 },
      ]),
      invalid('/sections/0/rows/1/id', 'duplicate'),
    ],
    [seated([{ id: 'too-long-id', seats: 1 }]), invalid('/sections/0/rows/0/id', 'bad-format')],
    [row(0), invalid(seatsAt(''), 'out-of-range')],
    [row(-1), invalid(seatsAt(''), 'out-of-range')],
    [row(1e12), invalid(seatsAt(''), 'out-of-range')],
    [row('1..8'), invalid(seatsAt(''), 'wrong-type')],
    [row([]), invalid(seatsAt(''), 'wrong-type')],
    [row([null]), invalid(seatsAt(''), 'out-of-range')],
    [row(['8..1']), invalid(seatsAt('/0'), 'out-of-range')],
    [row(['1..99999999']), invalid(seatsAt('/0'), 'out-of-range')],
    [row(['1..4', '4']), invalid(seatsAt('/1'), 'duplicate')],
    [row(['1-4']), invalid(seatsAt('/0'), 'bad-format')],
    [row([7]), invalid(seatsAt('/0'), 'wrong-type')],
    [row([{ id: '1', colour: 'red' }]), invalid(seatsAt('/0/colour'), 'unknown-field')],
    [row([{ features: [] }]), invalid(seatsAt('/0/id'), 'bad-format')],
    [row([{ id: '1', features: 'wheelchair' }]), invalid(seatsAt('/0/features'), 'bad-format')],
    [{ ...whole, metadata: 'x' }, invalid('/metadata', 'wrong-type')],
    [{ ...whole, salesFrom: 'soon' }, invalid('/salesFrom', 'bad-format')],
    [
      { ...whole, salesFrom: '2027-01-02T00:00:00Z', salesUntil: '2027-01-01T00:00:00Z' },
      invalid('/salesUntil', 'out-of-range'),
    ],
    [{ ...whole, categories: [{ id: 'gold' }] }, invalid('/categories/0/prices', 'missing')],
    [{ ...whole, allocations: [] }, invalid('/allocations', 'unknown-field')],
    [
      { ...whole, id: 'gala' },
      { status: 409, code: 'event-exists' },
    ],
  ];
}

function patchBodies(): [body: unknown, expected: Expected][] {
  const section = (more: object): object => ({ sections: [{ id: 'floor', ...more }] });
  return [
    [{}, invalid('', 'missing')],
    [{ id: 'other' }, invalid('/id', 'unknown-field')],
    [{ currency: 'USD' }, invalid('/currency', 'unknown-field')],
    [{ name: null }, invalid('/name', 'wrong-type')],
    [{ state: 'sold' }, invalid('/state', 'bad-value')],
    [{ state: 'draft' }, invalid('/state', 'bad-transition')],
    [{ state: 'archived' }, invalid('/state', 'bad-transition')],
    [{ startsAt: 'tomorrow' }, invalid('/startsAt', 'bad-format')],
    [{ timeZone: 'Mars/Olympus' }, invalid('/timeZone', 'bad-value')],
    [{ limits: { maxHoldSeconds: 60 } }, invalid('/limits/maxHoldSeconds', 'out-of-range')],
    [{ sections: [] }, invalid('/sections', 'out-of-range')],
    [section({ capacity: 0 }), invalid('/sections/0/capacity', 'out-of-range')],
    [section({ rows: [{ id: 'C', seats: 1 }] }), invalid('/sections/0/rows', 'immutable')],
    [section({ category: 'gold' }), invalid('/sections/0/category', 'unknown-category')],
    [{ sections: [{ id: 'stalls', capacity: 20 }] }, invalid('/sections/0/capacity', 'immutable')],
    [{ sections: [{ id: 'circle' }] }, invalid('/sections/0/kind', 'missing')],
    [{ capacity: 30 }, invalid('/capacity', 'bad-value')],
  ];
}

/** Bodies of change, and of block and unblock. */
function changeBodies(): [body: unknown, expected: Expected][] {
  return [
    [{}, invalid('', 'missing')],
    [{ add: [] }, invalid('/add', 'out-of-range')],
    [{ remove: [] }, invalid('/remove', 'out-of-range')],
    [{ add: [{ seat: 'stalls-A-9' }] }, invalid('/add/0/seat', 'unknown-seat')],
    [{ remove: [{ seat: 'stalls-A-1' }] }, invalid('/remove/0', 'not-held')],
    [{ remove: [{ ...FLOOR, quantity: 2 }] }, invalid('/remove/0', 'not-held')],
    [{ remove: [{ ...FLOOR, adjacent: 'required' }] }, invalid('/remove/0/adjacent', 'unknown-field')],
    [{ add: [{ ...FLOOR, quantity: 8 }] }, invalid('/add', 'too-many')],
    [{ add: [FLOOR], seconds: 60 }, invalid('/seconds', 'unknown-field')],
  ];
}

function blockBodies(): [body: unknown, expected: Expected][] {
  const of = (item: unknown): object => ({ items: [item] });
  return [
    [{}, invalid('/items', 'missing')],
    [{ items: [] }, invalid('/items', 'out-of-range')],
    [of({}), invalid('/items/0', 'bad-value')],
    [of({ seat: 'stalls-A-9' }), invalid('/items/0/seat', 'unknown-seat')],
    [of({ section: 'balcony', quantity: 1 }), invalid('/items/0/section', 'unknown-section')],
    [of({ section: 'stalls', quantity: 1 }), invalid('/items/0/section', 'bad-value')],
    [of({ ...FLOOR, quantity: 2001 }), invalid('/items/0/quantity', 'out-of-range')],
    [of({ ...FLOOR, type: 'standard' }), invalid('/items/0/type', 'unknown-field')],
    [{ items: [FLOOR], reason: 'x'.repeat(201) }, invalid('/reason', 'out-of-range')],
    [{ items: [FLOOR], allocation: 'friends' }, invalid('/allocation', 'unknown-field')],
  ];
}

interface Scene {
  readonly wire: Wire;
  readonly hold: string;
  readonly released: string;
  readonly order: string;
  readonly ticket: string;
  readonly cancelled: string;
}

async function setScene(t: Test): Promise<Scene> {
  const server = await startServer(t);
  const wire = new Wire(server.url, 4);
  t.teardown(() => wire.close());
  for (const event of [GALA, DRAFT]) t.equal((await wire.post('/v1/events', event)).status, 201);
  const make = async (kind: string, key: string): Promise<Record<string, unknown>> => {
    const answer = await wire.post(`/v1/events/gala/${kind}s`, { items: [FLOOR] }, key);
    t.equal(answer.status, 201, answer.text);
    return answer.json;
  };
  const hold = String((await make('hold', 'h1'))['id']);
  const released = String((await make('hold', 'h2'))['id']);
  t.equal((await wire.send('DELETE', `/v1/holds/${released}`)).status, 204);
  const order = await make('order', 'o1');
  const cancelled = String((await make('order', 'o2'))['id']);
  t.equal((await wire.post(`/v1/orders/${cancelled}/cancel`)).status, 200);
  const [ticket] = order['tickets'] as { id: string }[];
  return { wire, hold, released, order: String(order['id']), ticket: ticket.id, cancelled };
}

/** Everything that a call could have changed. */
async function state({ wire, hold, order }: Scene): Promise<unknown> {
  const paths = [
    '/v1/events',
    '/v1/events/gala/availability',
    '/v1/events/draft/availability',
    `/v1/orders/${order}`,
  ];
  const seen = [];
  for (const path of paths) seen.push((await wire.get(path)).json);
  const { expiresInMs: _, ...held } = (await wire.get(`/v1/holds/${hold}`)).json;
  return [...seen, held];
}

function calls(scene: Scene): Case[] {
  const { hold, released, order, ticket, cancelled } = scene;
  const cases: Case[] = [];
  const add = (
    method: string,
    path: string,
    expected: Expected,
    body?: unknown,
    options?: SendOptions,
  ): void => {
    const what = `${method} ${path.slice(0, 100)} ${body === undefined ? '' : JSON.stringify(body).slice(0, 100)}`;
    cases.push({ what, method, path, body, ...(options !== undefined && { options }), ...expected });
  };
  const no = (code: string, status = 404): Expected => ({ status, code });
  const HOLDS = '/v1/events/gala/holds';
  const ORDERS = '/v1/events/gala/orders';

  for (const path of ['/v1/events', HOLDS, ORDERS]) cases.push(...brokenBodies('POST', path, false));
  cases.push(...brokenBodies('PATCH', '/v1/events/gala', false));
  for (const path of [`/v1/holds/${hold}/change`, '/v1/events/gala/block'])
    cases.push(...brokenBodies('POST', path, false));
  for (const path of [`/v1/holds/${hold}/confirm`, `/v1/orders/${order}/cancel`])
    cases.push(...brokenBodies('POST', path, true));
  for (const [body, expected] of eventBodies()) add('POST', '/v1/events', expected, body);
  for (const [body, expected] of claimBodies('hold')) add('POST', HOLDS, expected, body);
  for (const [body, expected] of claimBodies('order')) add('POST', ORDERS, expected, body, { key: 'bad' });
  for (const [body, expected] of [
    [{ reference: 5 }, invalid('/reference', 'wrong-type')],
    [{ reference: '' }, invalid('/reference', 'out-of-range')],
    [{ reference: 'é'.repeat(33) }, invalid('/reference', 'out-of-range')],
    [{ ifExpired: 'extend' }, invalid('/ifExpired', 'bad-value')],
    [{ metadata: null }, invalid('/metadata', 'wrong-type')],
    [{ items: [FLOOR] }, invalid('/items', 'unknown-field')],
  ] as const)
    add('POST', `/v1/holds/${hold}/confirm`, expected, body);
  for (const [body, expected] of [
    [{ tickets: [] }, invalid('/tickets', 'out-of-range')],
    [{ tickets: 'all' }, invalid('/tickets', 'wrong-type')],
    [{ tickets: [5] }, invalid('/tickets/0', 'wrong-type')],
    [{ tickets: [ticket, 'ticket_x_1'] }, invalid('/tickets/1', 'unknown-ticket')],
    [{ tickets: [ticket.replace(/_1$/, '_0')] }, invalid('/tickets/0', 'unknown-ticket')],
    [{ tickets: [ticket.replace(/_1$/, '_2')] }, invalid('/tickets/0', 'unknown-ticket')],
    [{ tickets: [ticket.replace(/_1$/, '_01')] }, invalid('/tickets/0', 'unknown-ticket')],
    [{ tickets: Array.from({ length: 101 }, () => ticket) }, invalid('/tickets', 'out-of-range')],
    [{ to: 'sold' }, invalid('/to', 'bad-value')],
    [{ reason: '' }, invalid('/reason', 'out-of-range')],
    [{ refund: true }, invalid('/refund', 'unknown-field')],
  ] as const)
    add('POST', `/v1/orders/${order}/cancel`, expected, body);

  const EXTEND = `/v1/holds/${hold}/extend`;
  for (const [body, expected] of [
    [{}, invalid('/seconds', 'missing')],
    [{ seconds: 0 }, invalid('/seconds', 'out-of-range')],
    [{ seconds: 1.5 }, invalid('/seconds', 'wrong-type')],
    [{ seconds: '60' }, invalid('/seconds', 'wrong-type')],
  ] as const)
    add('POST', EXTEND, expected, body);
  for (const [body, expected] of changeBodies()) add('POST', `/v1/holds/${hold}/change`, expected, body);
  for (const [body, expected] of blockBodies())
    for (const call of ['block', 'unblock']) add('POST', `/v1/events/gala/${call}`, expected, body);
  for (const [body, expected] of patchBodies()) add('PATCH', '/v1/events/gala', expected, body);

  // What the URL names.
  for (const event of ['nowhere', 'GALA', 'x'.repeat(64), '__proto__', '..%2Fgala', 'gala%00']) {
    for (const rest of ['', '/availability', '/seats', '/seats/stalls-A-1', '/history'])
      add('GET', `/v1/events/${event}${rest}`, no('event-not-found'));
    add('POST', `/v1/events/${event}/holds`, no('event-not-found'), { items: [FLOOR] });
    add('POST', `/v1/events/${event}/orders`, no('event-not-found'), { items: [FLOOR] }, { key: 'k' });
    for (const rest of ['/changes', '/holds', '/orders'])
      add(
        'GET',
        `/v1/events/${event}${rest}`,
        no('event-not-found'),
        undefined,
        rest === '/changes' ? STREAM : {},
      );
    for (const rest of ['/block', '/unblock'])
      add('POST', `/v1/events/${event}${rest}`, no('event-not-found'), { items: [FLOOR] });
    add('PATCH', `/v1/events/${event}`, no('event-not-found'), { name: 'Mine' });
  }
  const guesses = (id: string): string[] => [
    'x',
    id.slice(0, -1),
    `${id}0`,
    id.toUpperCase(),
    // Another claim's random bits, another cell, another event.
    id.slice(0, -1) + (id.endsWith('0') ? '1' : '0'),
    `${id.slice(0, id.indexOf('_') + 1)}${'z'.repeat(32)}`,
    `${id.slice(0, id.indexOf('_') + 1)}${'0'.repeat(32)}`,
    id.startsWith('hold_') ? id.replace('hold_', 'order_') : id.replace('order_', 'hold_'),
  ];
  for (const id of guesses(hold)) {
    add('GET', `/v1/holds/${id}`, no('hold-not-found'));
    add('DELETE', `/v1/holds/${id}`, no('hold-not-found'));
    add('POST', `/v1/holds/${id}/confirm`, no('hold-not-found'), {});
    add('POST', `/v1/holds/${id}/change`, no('hold-not-found'), { add: [FLOOR] });
    add('POST', `/v1/holds/${id}/extend`, no('hold-not-found'), { seconds: 60 });
  }
  for (const id of [...guesses(order), hold.replace('hold_', 'order_')]) {
    add('GET', `/v1/orders/${id}`, no('order-not-found'));
    add('POST', `/v1/orders/${id}/cancel`, no('order-not-found'), {});
  }
  for (const seat of ['stalls-A-9', 'stalls-C-1', 'floor-A-1', 'x', 'stalls-A-1-', '-A-1', 'stalls-A-%31%30'])
    add('GET', `/v1/events/gala/seats/${seat}`, no('seat-not-found'));
  add('GET', '/v1/events/gala/seats?section=balcony', no('section-not-found'));

  // Queries.
  for (const [path, expected] of [
    ['/v1/events?limit=0', invalid('?limit', 'out-of-range')],
    ['/v1/events?limit=501', invalid('?limit', 'out-of-range')],
    ['/v1/events?limit=-1', invalid('?limit', 'out-of-range')],
    ['/v1/events?limit=ten', invalid('?limit', 'out-of-range')],
    ['/v1/events?limit=1&limit=2', invalid('?limit', 'repeated')],
    ['/v1/events?after=x', invalid('?after', 'out-of-range')],
    ['/v1/events?include=seats', invalid('?include', 'bad-value')],
    ['/v1/events?state=sold', invalid('?state', 'bad-value')],
    ['/v1/events?name=gala', invalid('?name', 'unknown-field')],
    [`${HOLDS}?state=valid`, invalid('?state', 'bad-value')],
    [`${HOLDS}?limit=0`, invalid('?limit', 'out-of-range')],
    [`${HOLDS}?seat=stalls-A-1`, invalid('?seat', 'unknown-field')],
    [`${ORDERS}?state=held`, invalid('?state', 'bad-value')],
    [`${ORDERS}?after=x`, invalid('?after', 'out-of-range')],
    [`${ORDERS}?customer=`, invalid('?customer', 'out-of-range')],
    ['/v1/events/gala?x=1', invalid('?x', 'unexpected-query')],
    ['/v1/events/gala/availability?x', invalid('?x', 'unexpected-query')],
    ['/v1/events/gala/seats?row=A', invalid('?row', 'unknown-field')],
    ['/v1/events/gala/seats/stalls-A-1?x=1', invalid('?x', 'unexpected-query')],
    ['/v1/events/gala/history?after=-1', invalid('?after', 'bad-format')],
    ['/v1/events/gala/history?limit=501', invalid('?limit', 'out-of-range')],
    ['/v1/events/gala/history?seat=nope', invalid('?seat', 'unknown-seat')],
    ['/v1/events/gala/history?follow=1', invalid('?follow', 'unknown-field')],
    [`/v1/holds/${hold}?x=1`, invalid('?x', 'unexpected-query')],
    [`/v1/orders/${order}?x=1`, invalid('?x', 'unexpected-query')],
  ] as const)
    add('GET', path, expected);
  add('POST', `${HOLDS}?x=1`, invalid('?x', 'unexpected-query'), { items: [FLOOR] });

  // Targets, methods, headers.
  for (const path of [
    '/',
    '/v1',
    '/v2/events',
    '/v1/events/',
    '/v1//events',
    '/v1/events/gala/',
    '/openapi',
    '/docs/nothing',
    '/v1/changes',
    '/v1/sessions',
  ])
    add('GET', path, no('not-found'));
  for (const path of ['/v1/events/%zz', '/v1/events/%ff', `/v1/events/${'x'.repeat(5000)}`])
    add('GET', path, no('bad-target', 400));
  for (const [method, path] of [
    ['PATCH', '/v1/events'],
    ['PATCH', `/v1/holds/${hold}`],
    ['GET', '/v1/events/gala/block'],
    ['DELETE', '/v1/events/gala/unblock'],
    ['GET', EXTEND],
    ['POST', '/v1/events/gala/changes'],
    ['PUT', '/v1/events/gala'],
    ['DELETE', '/v1/events/gala'],
    ['DELETE', `/v1/orders/${order}`],
    ['POST', '/v1/events/gala/availability'],
    ['POST', `/v1/holds/${hold}`],
    ['DELETE', HOLDS],
    ['PUT', ORDERS],
    ['GET', `/v1/holds/${hold}/confirm`],
    ['OPTIONS', '/v1/events'],
  ] as const)
    add(method, path, no('method-not-allowed', 405));
  add('GET', '/v1/events', no('not-acceptable', 406), undefined, { headers: { accept: 'text/html' } });
  add('GET', '/v1/events/gala/seats', no('not-acceptable', 406), undefined, {
    headers: { accept: 'image/png' },
  });
  add('GET', '/v1/events', no('bad-host', 400), undefined, { headers: { host: 'evil.example' } });
  add('GET', '/v1/events', no('headers-too-large', 431), undefined, {
    headers: { 'x-much': 'x'.repeat(20_000) },
  });
  add('DELETE', `/v1/holds/${hold}`, invalid('', 'unexpected-body'), { why: 'none' });

  // Keys.
  add('POST', ORDERS, no('idempotency-key-required', 400), { items: [FLOOR] });
  for (const key of ['x'.repeat(129), 'a b', '', 'caf\u00e9'])
    add(
      'POST',
      ORDERS,
      invalid('', 'bad-idempotency-key'),
      { items: [FLOOR] },
      { headers: { 'idempotency-key': key } },
    );
  add(
    'POST',
    ORDERS,
    invalid('', 'repeated-idempotency-key'),
    { items: [FLOOR] },
    { headers: { 'idempotency-key': ['a', 'b'] } },
  );
  add('POST', ORDERS, no('idempotency-mismatch', 422), { items: [FLOOR, FLOOR] }, { key: 'o1' });
  add('POST', HOLDS, no('idempotency-mismatch', 422), { items: [{ ...FLOOR, quantity: 2 }] }, { key: 'h1' });

  // What the state forbids.
  add('POST', '/v1/events/draft/holds', no('sale-not-started', 409), {
    items: [{ section: 'general', quantity: 1 }],
  });
  add(
    'POST',
    '/v1/events/draft/orders',
    no('sale-not-started', 409),
    { items: [{ section: 'general', quantity: 1 }] },
    { key: 'd' },
  );
  add('POST', `/v1/holds/${released}/confirm`, no('hold-released', 409), {});
  add('DELETE', `/v1/holds/${order.replace('order_', 'hold_')}`, no('hold-confirmed', 409));
  add('POST', `/v1/holds/${cancelled.replace('order_', 'hold_')}/confirm`, no('order-cancelled', 409), {});
  return cases;
}

t.test('input that is no good gets its problem, and changes nothing', async (t) => {
  const scene = await setScene(t);
  const before = await state(scene);
  const cases = calls(scene);
  for (const { what, method, path, body, options, ...expected } of cases) {
    const answer = await scene.wire.send(method, path, body, options);
    const faults = problemFaults(answer, expected);
    if (expected.status === 405 && answer.headers.allow === undefined) faults.push('there is no Allow');
    if (faults.length > 0) t.fail(`${what}: ${faults.join('; ')}`, { text: answer.text });
  }
  t.ok(cases.length > 300, `${cases.length} cases`);
  t.same(await state(scene), before, 'nothing was changed');
});
