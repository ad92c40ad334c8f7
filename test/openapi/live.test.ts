/**
 * A server does what docs/openapi.json says: every operation is driven, every success that is written there comes at
 * least once, and each reply has the status, the shape and the headers that stand with it.
 */
import { request, type IncomingHttpHeaders } from 'node:http';
import t from 'tap';
import type { Test } from 'tap';
import { OPERATIONS } from '../../src/core/operations.ts';
import { bearer, entryOf } from '../http/support/keys.ts';
import { Wire, type Answer, type SendOptions } from '../system/support/http.ts';
import { startServer } from '../system/support/servers.ts';
import { document, operations, responseOf, validateReply, validatorOf } from '../support/openapi.ts';

const MIB = 1024 * 1024;
const KEYS = { keys: [entryOf('admin', 'admin'), entryOf('sales', 'sales'), entryOf('reader', 'reader')] };
/** Headers that mean something; the others go with any reply. */
const TOLD = [
  'ETag',
  'Location',
  'Frontrow-Sequence',
  'Idempotency-Replayed',
  'Retry-After',
  'Allow',
  'WWW-Authenticate',
];
/** It is there when it is one; twice() looks for it. */
const AT_TIMES = ['Idempotency-Replayed'];

interface Place {
  readonly method: string;
  readonly path: string;
}

/** Where each operation is, by its id. */
const places = new Map<string, Place>(
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { operationId }]) => [
      operationId,
      { method: method.toUpperCase(), path },
    ]),
  ),
);

interface Asked extends SendOptions {
  /** What stands in the path, by name. */
  readonly at?: Readonly<Record<string, string>>;
  readonly query?: string;
  readonly body?: unknown;
  /** Whose key. Unless given: the admin's; none for null. */
  readonly as?: string | null;
}

function targetOf({ path }: Place, { at = {}, query = '' }: Asked): string {
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) => at[name] ?? `no-${name}`) + query;
}

/** What is wrong with a reply by the document: its status, its type, its shape, its headers. */
function faultsOf(operation: string, { status, headers, text, json }: Answer): string[] {
  const response = responseOf(operation, status);
  const name = `${operation} ${status}`;
  const type = headers['content-type']?.split(';')[0];
  const isJson = type === 'application/json' || type === 'application/problem+json';
  const isSeats = operation === 'seats' && type === 'application/octet-stream';
  const faults = isSeats ? [] : [...validateReply(operation, status, isJson ? json : undefined)];
  const isTyped = type === undefined ? text === '' : type in (response?.content ?? {});
  if (!isTyped) faults.push(`${name} is of type ${type}`);
  const documented = Object.keys(response?.headers ?? {});
  for (const header of TOLD) {
    const isThere = header.toLowerCase() in headers;
    if (isThere && !documented.includes(header)) faults.push(`${name} has ${header}, which is not written`);
    if (!isThere && documented.includes(header) && !AT_TIMES.includes(header))
      faults.push(`${name} has no ${header}`);
  }
  return faults;
}

class Driver {
  /** Operation and status of all that came. */
  readonly seen = new Set<string>();
  readonly #t: Test;
  readonly #wire: Wire;

  constructor(t: Test, wire: Wire) {
    this.#t = t;
    this.#wire = wire;
  }

  async call(operation: string, status: number, asked: Asked = {}): Promise<Answer> {
    const place = places.get(operation);
    if (place === undefined) throw new Error(`${operation} is no operation of the document`);
    const { as = 'admin', body, headers, ...options } = asked;
    const answer = await this.#wire.send(place.method, targetOf(place, asked), body, {
      ...options,
      headers: { ...(as !== null && bearer(as)), ...headers },
    });
    this.take(operation, status, answer);
    return answer;
  }

  take(operation: string, status: number, answer: Answer): void {
    this.seen.add(`${operation} ${answer.status}`);
    const faults = faultsOf(operation, answer);
    if (answer.status !== status) faults.push(`${operation} answered ${answer.status}, not ${status}`);
    if (faults.length > 0) this.#t.fail(faults.join('; '), { text: answer.text.slice(0, 2000) });
  }
}

const GIVEN = { name: 'Winter Gala', startsAt: '2027-01-15T19:00:00Z' };
const GALA = {
  ...GIVEN,
  id: 'gala',
  state: 'open',
  timeZone: 'Europe/Berlin',
  salesFrom: '2020-01-01T00:00:00Z',
  currency: 'EUR',
  metadata: { hall: 'east' },
  limits: { ticketsPerCustomer: 50, maxHoldSeconds: 600 },
  categories: [{ id: 'gold', name: 'Gold', prices: [{ type: 'adult', price: 9000 }] }],
  sections: [
    { id: 'floor', kind: 'general', capacity: 50, price: 4500 },
    {
      id: 'stalls',
      kind: 'seated',
      category: 'gold',
      rows: [
        { id: 'A', seats: 8 },
        { id: 'B', seats: ['1..3', null, { id: '4', features: ['wheelchair'] }] },
      ],
    },
  ],
};
const at = { event: 'gala', seat: 'stalls-A-1' };
const ITEMS = { customer: 'c-81', items: [{ seat: 'stalls-A-1' }, { section: 'floor', quantity: 2 }] };
const CHOSEN = { customer: 'c-82', items: [{ section: 'stalls', quantity: 2, adjacent: 'required' }] };

/** The same call twice: what it says first, and what it says again. */
async function twice(drive: Driver, operation: string, first: number, asked: Asked): Promise<Answer> {
  const options = { ...asked, key: `twice-${operation}` };
  const answer = await drive.call(operation, first, options);
  const again = await drive.call(operation, first === 204 ? 204 : 200, options);
  if (again.headers['idempotency-replayed'] !== 'true') throw new Error(`${operation} was done twice`);
  return answer;
}

async function driveEvents(drive: Driver): Promise<void> {
  await twice(drive, 'createEvent', 201, { body: GALA });
  await drive.call('createEvent', 201, { body: { ...GIVEN, id: 'draft', capacity: 5 } });
  await drive.call('createEvent', 409, { body: GALA });
  const old = { event: 'old' };
  await drive.call('createEvent', 201, { body: { ...GIVEN, id: 'old', state: 'open', capacity: 5 } });
  await drive.call('patchEvent', 200, { at: old, body: { state: 'closed' } });
  await drive.call('patchEvent', 200, { at: old, body: { state: 'archived' } });
  await drive.call('getEvent', 200, { at: old });
  await drive.call('history', 200, { at: old });
  await twice(drive, 'patchEvent', 200, { at, body: { metadata: { hall: 'west' } } });
  await drive.call('patchEvent', 412, { at, body: { name: 'x' }, headers: { 'if-match': '"99"' } });
  await drive.call('patchEvent', 422, { at, body: { currency: 'USD' } });
  for (const query of ['', '?include=availability', '?state=open,archived&include=availability&limit=1'])
    for (const as of [null, 'admin']) await drive.call('listEvents', 200, { query, as });
  await drive.call('getEvent', 404, { at: { event: 'draft' }, as: null });
  for (const operation of ['getEvent', 'availability', 'seats']) {
    const { headers } = await drive.call(operation, 200, { at, as: null });
    const conditional = { 'if-none-match': String(headers.etag) };
    await drive.call(operation, 304, { at, as: null, headers: conditional });
  }
  await drive.call('seats', 200, { at, headers: { accept: 'application/octet-stream' } });
  await drive.call('seats', 404, { at, query: '?section=balcony' });
}

async function driveClaims(drive: Driver): Promise<void> {
  const idOf = ({ json }: Answer): string => String(json['id']);
  const hold = idOf(await twice(drive, 'createHold', 201, { at, body: ITEMS, as: 'sales' }));
  const held = { hold, order: hold.replace('hold_', 'order_') };
  await drive.call('createHold', 409, { at, body: ITEMS });
  await drive.call('createHold', 422, { at, body: { ...ITEMS, items: [{ seat: 'stalls-Z-1' }] } });
  await drive.call('getHold', 200, { at: held, as: 'reader' });
  for (const as of [null, 'reader']) await drive.call('seat', 200, { at, as });
  const change = { add: [{ seat: 'stalls-A-2' }], remove: [{ seat: 'stalls-A-1' }], expectTotal: 18_000 };
  await twice(drive, 'changeHold', 200, { at: held, body: change });
  await twice(drive, 'extendHold', 200, { at: held, body: { seconds: 600 } });
  await drive.call('extendHold', 409, { at: held, body: { seconds: 600 } });
  await twice(drive, 'confirmHold', 201, { at: held, body: { reference: 'pi_3N', metadata: { desk: 4 } } });
  await drive.call('confirmHold', 200, { at: held });
  await drive.call('releaseHold', 409, { at: held });
  const other = { hold: idOf(await drive.call('createHold', 201, { at, body: CHOSEN })) };
  await drive.call('getHold', 200, { at: other });
  await twice(drive, 'releaseHold', 204, { at: other });
  await drive.call('getHold', 200, { at: other });
  await drive.call('confirmHold', 409, { at: other });
  const order = await twice(drive, 'createOrder', 201, { at, body: CHOSEN });
  await drive.call('createOrder', 400, { at, body: CHOSEN });
  await drive.call('createOrder', 422, { at, body: ITEMS, key: 'twice-createOrder' });
  const bought = { order: idOf(order) };
  const [ticket] = order.json['tickets'] as { id: string }[];
  const part = { tickets: [ticket.id], to: 'blocked', reason: 'a broken seat' };
  await twice(drive, 'cancelOrder', 200, { at: bought, body: part });
  await drive.call('cancelOrder', 422, { at: bought, body: { tickets: ['ticket_x_1'] } });
  await drive.call('getOrder', 200, { at: bought });
  await drive.call('cancelOrder', 200, { at: held });
  await drive.call('confirmHold', 409, { at: held });
  await drive.call('seat', 200, { at: { ...at, seat: 'stalls-B-4' } });
  const blocked = { items: [{ seat: 'stalls-B-4' }, { section: 'floor', quantity: 3 }], reason: 'camera' };
  await twice(drive, 'block', 200, { at, body: blocked });
  await twice(drive, 'unblock', 200, { at, body: blocked });
  await drive.call('createHold', 201, { at, body: { ...CHOSEN, seconds: 60, reference: 'r', metadata: {} } });
  for (const query of ['', '?limit=1', '?customer=c-82&state=held,released'])
    await drive.call('listHolds', 200, { at, query });
  for (const query of ['', '?customer=c-82&reference=none', '?state=cancelled'])
    await drive.call('listOrders', 200, { at, query });
  for (const query of ['', '?limit=2', '?seat=stalls-A-2', '?after=3'])
    await drive.call('history', 200, { at, query });
}

const tooLong = (bytes: number): string => `"${'x'.repeat(bytes)}"`;
const TOO_LONG: Readonly<Record<string, string>> & { readonly other: string } = {
  createEvent: tooLong(MIB),
  patchEvent: tooLong(MIB),
  block: tooLong(MIB / 4),
  unblock: tooLong(MIB / 4),
  other: tooLong(MIB / 16),
};

/** Of any operation: a key that is none, no role, no such subject, and a request that is no good. */
async function driveRefusals(drive: Driver): Promise<void> {
  const [hold, order] = ['hold', 'order'].map((kind) => `${kind}_${'0'.repeat(32)}`);
  for (const { name, subject, lane, role, body, internal } of OPERATIONS) {
    if (internal) continue;
    const accept = lane === 'stream' ? { accept: 'text/event-stream' } : {};
    const of = { at: { event: 'nowhere', seat: 'stalls-A-1', hold, order }, headers: accept, key: 'refused' };
    const asked = { ...of, ...(body !== 'none' && { body: {} }) };
    await drive.call(name, 401, { ...asked, as: 'nobody' });
    await drive.call(name, 406, { ...asked, headers: { accept: 'image/png' } });
    if (subject !== 'none') await drive.call(name, 404, asked);
    if (role !== 'none') await drive.call(name, 401, { ...asked, as: null });
    if (role === 'sales' || role === 'admin') await drive.call(name, 403, { ...asked, as: 'reader' });
    if (body === 'none') continue;
    await drive.call(name, 415, { ...asked, headers: { 'content-type': 'text/plain' } });
    await drive.call(name, 413, { ...of, raw: TOO_LONG[name] ?? TOO_LONG.other });
    // Whether there is such a thing comes first.
    if (subject === 'hold' || subject === 'order') continue;
    await drive.call(name, 400, { ...of, at, raw: '{"' });
    await drive.call(name, 422, { ...of, at, body: { constructor: 1 } });
  }
}

/** The beginning of the stream, up to its first message. */
function follow(url: string): Promise<{ headers: IncomingHttpHeaders; status: number; text: string }> {
  const headers = { ...bearer('reader'), accept: 'text/event-stream' };
  return new Promise((resolve, reject) => {
    const sent = request(`${url}/v1/events/gala/changes?after=0`, { headers }, (response) => {
      let text = '';
      response.on('error', () => {});
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString();
        if (!/^event: .*\n\n/ms.test(text)) return;
        resolve({ headers: response.headers, status: response.statusCode ?? 0, text });
        sent.destroy();
      });
    });
    sent.on('error', reject).end();
  });
}

t.test('a server answers as the document says, in every operation', async (t) => {
  const server = await startServer(t, {
    workers: 1,
    arenaBytes: 8 * MIB,
    ringBytes: 4 * MIB,
    segmentBytes: 4 * MIB,
    eventsMax: 16,
    keys: KEYS,
  });
  const wire = new Wire(server.url, 1);
  t.teardown(() => wire.close());
  const drive = new Driver(t, wire);
  await driveEvents(drive);
  await driveClaims(drive);
  await driveRefusals(drive);
  for (const operation of ['healthz', 'readyz', 'openapi', 'docs']) {
    const { headers } = await drive.call(operation, 200, { as: null });
    const conditional = { 'if-none-match': String(headers.etag) };
    if (headers.etag !== undefined) await drive.call(operation, 304, { as: null, headers: conditional });
  }
  await drive.call('metrics', 200, { as: 'reader' });
  await drive.call('metrics', 401, { as: null });

  const { headers, status, text } = await follow(server.url);
  drive.take('changes', status, { headers, status, text, json: {} });
  const [, data = ''] = /^event: change\n(?:id: .*\n)?data: (.*)\n\n/m.exec(text) ?? [];
  t.same(validatorOf({ $ref: '#/components/schemas/LiveChange' })(JSON.parse(data)), [], 'a live update');

  const successes = [...operations].flatMap(([operation, { responses }]) =>
    Object.keys(responses)
      .filter((each) => Number(each) < 400)
      .map((each) => `${operation} ${each}`),
  );
  t.same(
    successes.filter((each) => !drive.seen.has(each)),
    [],
    'every success of the document came',
  );
  t.ok(successes.length > operations.size, `${successes.length} of them; ${drive.seen.size} replies in all`);
});
