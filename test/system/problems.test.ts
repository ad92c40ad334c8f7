/**
 * Every problem code of API.md, from whole servers over real HTTP: what the answer says, and that nothing changed where
 * it says so.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { Server as NetServer, AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import t from 'tap';
import type { Test } from 'tap';
import { PROBLEMS, type ProblemCode } from '../../src/core/problems.ts';
import { LISTENER_DEFAULTS } from '../../src/http/listener.ts';
import { PART_SUFFIX, spareName } from '../../src/journal/layout.ts';
import { createServer, type FrontrowServer } from '../../src/server.ts';
import { Faults } from '../support/faults.ts';
import { stageBuild } from '../support/staged-build.ts';
import { Wire as RawWire } from '../http/support/wire.ts';
import { Wire, type Answer } from './support/http.ts';
import {
  ask,
  casesOf,
  EVENT_IDS,
  faultsOf,
  KEYS,
  KEYS_TEXT,
  setScene,
  type Expected,
} from './support/problem-cases.ts';
import { startServer, testDirectory } from './support/servers.ts';

const MIB = 1024 * 1024;
const SMALL = { workers: 1, arenaBytes: 8 * MIB, ringBytes: MIB, segmentBytes: 4 * MIB, eventsMax: 16 };
const PATIENCE_MS = 30_000;
/** Behind the budget of an event of four places. */
const TOO_MANY_KEYS = 320;
const KEY = { authorization: `Bearer ${KEYS.admin}` };

const produced = new Set<ProblemCode>();

/** The answer is that refusal, and says all that it should. */
function refuses(
  t: Test,
  answer: Answer,
  code: ProblemCode,
  expected: Expected = {},
  requestId?: string,
): void {
  const faults = faultsOf(answer, code, expected, requestId);
  if (faults.length > 0) t.fail(`${code}: ${faults.join('; ')}`, { text: answer.text });
  else produced.add(code);
}

/** Counts, versions and sequences of all events. */
async function look(wire: Wire, ids: readonly string[]): Promise<Record<string, { sequence: number }>> {
  const seen: Record<string, unknown> = {};
  const get = async (path: string): Promise<unknown> => (await wire.get(path, KEY)).json;
  seen['list'] = await get('/v1/events?include=availability');
  for (const id of ids) seen[id] = await get(`/v1/events/${id}/availability`);
  return seen as Record<string, { sequence: number }>;
}

/** Asks again until it is so: each answer waits for the server, nothing is slept for. */
async function until(
  what: string,
  request: () => Promise<Answer>,
  isSo: (answer: Answer) => boolean,
): Promise<Answer> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const answer = await request();
    if (isSo(answer)) return answer;
    if (Date.now() > deadline) throw new Error(`${what}: still ${answer.text}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** A reply that was read raw, as one of the other client's. */
function answerOf({
  status,
  headers,
  text,
}: {
  status: number;
  headers: ReadonlyMap<string, string>;
  text: string;
}): Answer {
  return { status, headers: Object.fromEntries(headers), text, json: JSON.parse(text) as Answer['json'] };
}

t.test('refusals of requests say what is wrong, and change nothing', async (t) => {
  const directory = t.testdir({ 'keys.json': KEYS_TEXT, data: {} });
  const server = await startServer(t, {
    ...SMALL,
    dataDirectory: join(directory, 'data'),
    keys: join(directory, 'keys.json'),
    keysPerPlace: 1,
    rateLimit: { none: { perSecond: 0.05, burst: 1 } },
  });
  const wire = new Wire(server.url, 4);
  t.teardown(() => wire.close());
  const claims = await setScene(wire);
  const gone = { method: 'GET', path: `/v1/holds/${claims.gone}` };
  const { json } = await ask(wire, gone);
  // Time has to pass; nothing else can be waited for.
  await new Promise((resolve) => setTimeout(resolve, Number(json['expiresInMs'] ?? 0)));
  const isExpired = (answer: Answer): boolean => answer.json['state'] === 'expired';
  await until('the hold runs out', () => ask(wire, gone), isExpired);

  const before = await look(wire, EVENT_IDS);
  for (const { code, ask: asked, ...expected } of casesOf(claims)) {
    const answer = await ask(wire, asked);
    const at = expected.sequenceOf ?? 'gala';
    // A head that is not read has no id in it.
    refuses(t, answer, code, expected, code === 'headers-too-large' ? undefined : 'asked-1');
    if (expected.sequenceOf !== undefined)
      t.equal(answer.json['sequence'], before[expected.sequenceOf].sequence, `${code}: sequence`);
    const { list, [at]: counts } = await look(wire, [at]);
    const isSame = JSON.stringify([list, counts]) === JSON.stringify([before['list'], before[at]]);
    if (!isSame)
      t.same({ list, counts }, { list: before['list'], counts: before[at] }, `${code} changes nothing`);
  }
  t.same(await look(wire, EVENT_IDS), before, 'all is as it was');

  const hostless = await RawWire.open(server.port);
  hostless.send(`GET /v1/events HTTP/1.1\r\nAuthorization: ${KEY.authorization}\r\n\r\n`);
  refuses(t, answerOf(await hostless.next()), 'bad-host');

  // A bucket of one token.
  t.equal((await wire.get('/v1/events')).status, 200);
  refuses(t, await wire.get('/v1/events'), 'rate-limited');

  // Keys that an event may remember: a few hundred; then nobody's is forgotten early.
  const orders = await RawWire.open(server.port);
  orders.send(Array.from({ length: TOO_MANY_KEYS }, (_, n) => toggle(n)).join(''));
  const answers: Answer[] = [];
  while (answers.length < TOO_MANY_KEYS) answers.push(answerOf(await orders.next()));
  const spent = answers.filter(({ status }) => status !== 200);
  t.ok(spent.length > 0, `${TOO_MANY_KEYS - spent.length} keys were remembered`);
  const full = await look(wire, EVENT_IDS);
  for (const answer of spent) {
    refuses(t, answer, 'capacity-exhausted', { sequenceOf: 'draft' });
    t.equal(answer.json['sequence'], full['draft'].sequence, 'it changed nothing');
  }
  orders.send(toggle(0));
  t.equal((await orders.next()).headers.get('idempotency-replayed'), 'true', 'the first is remembered');

  // Half of a body is there when the server begins to drain; the other half comes then.
  const raw = await RawWire.open(server.port);
  const body = JSON.stringify({ items: [{ section: 'floor', quantity: 1 }] });
  const head = `POST /v1/events/gala/holds HTTP/1.1\r\nHost: x\r\nAuthorization: ${KEY.authorization}\r\nContent-Type: application/json\r\nX-Request-Id: half\r\n`;
  await raw.sent(`${head}Expect: 100-continue\r\nContent-Length: ${body.length}\r\n\r\n`);
  t.equal((await raw.next()).status, 100, 'its head was taken');
  wire.close();
  const closed = server.close();
  raw.send(body);
  refuses(t, answerOf(await raw.next()), 'draining', {}, 'half');
  await closed;
});

/** Threads of this process in the order of their starts; of a server the journal's comes first, then the workers. */
const threads: Worker[] = [];
process.on('worker', (worker) => threads.push(worker));

/** Calls back when a server of this process listens, long before createServer() is through. */
function onListening(t: Test, callback: (url: string) => void): void {
  const channel = 'tracing:net.server.listen:asyncEnd';
  const listener = (message: unknown): void => {
    const address = (message as { server: NetServer }).server.address() as AddressInfo;
    callback(`http://127.0.0.1:${address.port}`);
  };
  subscribe(channel, listener);
  t.teardown(() => unsubscribe(channel, listener));
}

/** A server whose peers must be quick; nothing else about it is other than usual. */
async function startImpatient(t: Test): Promise<FrontrowServer> {
  const patience = { ...LISTENER_DEFAULTS };
  Object.assign(LISTENER_DEFAULTS, { headersTimeoutMs: 500 });
  try {
    return await startServer(t, { ...SMALL, queueMax: 2 });
  } finally {
    Object.assign(LISTENER_DEFAULTS, patience);
  }
}

/** Blocks a place or takes that back, each time under another key, as one request of a pipeline. */
function toggle(n: number): string {
  const call = `POST /v1/events/draft/${n % 2 === 0 ? 'block' : 'unblock'} HTTP/1.1\r\nHost: x\r\n`;
  const head = `Authorization: ${KEY.authorization}\r\nIdempotency-Key: ${n}\r\n`;
  const body = '{"items":[{"section":"floor","quantity":1}]}';
  return `${call}${head}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

const GALA = { id: 'gala', name: 'Gala', state: 'open', startsAt: '2027-01-15T19:00:00Z', capacity: 400 };
const ONE = { items: [{ section: 'general', quantity: 1 }] };

/** A definition that keeps a worker busy for a while. */
const LONG = {
  ...GALA,
  id: 'long',
  capacity: undefined,
  sections: Array.from({ length: 1000 }, (_, i) => ({
    id: `s${i}`,
    kind: 'seated',
    rows: [{ id: 'A', seats: Array.from({ length: 90 }, (_seat, j) => `x${j}`) }],
  })),
};
/** One that takes much room. */
const WORDY = {
  ...GALA,
  capacity: undefined,
  sections: Array.from({ length: 1000 }, (_, i) => ({
    id: `s${i}`,
    name: '\u6f22'.repeat(200),
    kind: 'general',
    capacity: 1,
  })),
};

/** Some worker has a batch. */
async function underWay(server: FrontrowServer): Promise<void> {
  while (server.statistics().dispatch?.inFlight === 0) await new Promise((resolve) => setImmediate(resolve));
}

t.test('a server that starts, has too much to do, or loses a thread says so', async (t) => {
  const early: Promise<Answer>[] = [];
  const first = threads.length;
  onListening(t, (url) => {
    const wire = new Wire(url, 1);
    early.push(wire.get('/v1/events').finally(() => wire.close()));
  });
  const server = await startImpatient(t);
  t.equal(early.length, 1, 'it was asked while it started');
  for (const answer of early) refuses(t, await answer, 'starting');
  const wire = new Wire(server.url, 16);
  t.teardown(() => wire.close());
  const slow = await RawWire.open(server.port);
  slow.send('GET /v1/events HTTP/1.1\r\nHost: local');
  t.equal((await wire.post('/v1/events', GALA)).status, 201);

  // Two may wait.
  const orders = await Promise.all(
    Array.from({ length: 16 }, (_, i) => wire.post('/v1/events/gala/orders', ONE, `order-${i}`)),
  );
  const refused = orders.filter(({ status }) => status !== 201);
  t.ok(refused.length > 0, `${refused.length} of 16 were too many`);
  for (const answer of refused) refuses(t, answer, 'overloaded');
  const sold = 16 - refused.length;
  const before = await look(wire, ['gala']);
  t.match(before['gala'], { sold, available: 400 - sold, sequence: 1 + sold }, 'those changed nothing');

  const lost = wire.post('/v1/events', LONG, 'define');
  await underWay(server);
  void threads[first + 1].terminate();
  refuses(t, await lost, 'worker-lost');
  t.same(await look(wire, ['gala']), before, 'what the worker was at has changed nothing');

  refuses(t, answerOf(await slow.next()), 'request-timeout');
});

t.test('whoever waits when the journal is lost is told that the outcome is not known', async (t) => {
  const first = threads.length;
  const server = await createServer({ ...SMALL, dataDirectory: testDirectory(t), port: 0 });
  const wire = new Wire(server.url, 2);
  t.teardown(() => wire.close());
  t.equal((await wire.post('/v1/events', GALA)).status, 201);
  const waiting = wire.post('/v1/events', LONG, 'define');
  await underWay(server);
  void threads[first].terminate();
  refuses(t, await waiting, 'outcome-unknown', { applied: null });
  refuses(t, await wire.post('/v1/events/gala/orders', ONE, 'late'), 'draining');
  await t.rejects(server.close(), { code: 'journal-lost' });
});

t.test('a journal that does not answer says so, and changes nothing meanwhile', async (t) => {
  const staged = await stageBuild(t, ['journal']).load();
  const dataDirectory = join(testDirectory(t), 'data');
  const faults = new Faults(t, dataDirectory);
  const server = await staged.createServer({ ...SMALL, dataDirectory, port: 0, stallAfterMs: 200 });
  t.teardown(() => server.close());
  const wire = new Wire(server.url, 4);
  t.teardown(() => wire.close());
  t.equal((await wire.post('/v1/events', GALA)).status, 201);
  const before = await look(wire, ['gala']);
  faults.set('datasync', { kind: 'stall' });
  const blocked = wire.post('/v1/events/gala/block', ONE, 'waits');
  const ready = (): Promise<Answer> => wire.get('/readyz');
  refuses(t, await until('the stall', ready, ({ status }) => status !== 200), 'journal-stalled');
  refuses(t, await wire.post('/v1/events/gala/orders', ONE, 'order'), 'journal-stalled');
  refuses(t, await wire.post('/v1/events', { ...GALA, id: 'other' }), 'journal-stalled');
  faults.clear('datasync');
  t.equal((await blocked).status, 200);
  await until('its end', ready, ({ status }) => status === 200);
  t.equal((await wire.post('/v1/events/gala/unblock', ONE)).status, 200);
  const sequence = before['gala'].sequence + 2;
  t.match(await look(wire, ['gala']), { ...before, gala: { ...before['gala'], sequence } });
});

t.test('a journal that has no room, was trimmed, or cannot be read says so', async (t) => {
  const dataDirectory = testDirectory(t);
  const server = await startServer(t, {
    ...SMALL,
    dataDirectory,
    arenaBytes: 64 * MIB,
    ringBytes: 4 * MIB,
    snapshotSegments: 1,
    historyBytes: 0,
  });
  const wire = new Wire(server.url, 2);
  t.teardown(() => wire.close());
  // Beyond the spares that are there no segment can be made: its name is taken.
  const names = new Set(readdirSync(dataDirectory));
  for (let number = 1; number < 100; number++) {
    const name = spareName(number) + PART_SUFFIX;
    if (!names.has(spareName(number))) mkdirSync(join(dataDirectory, name));
  }
  t.equal((await wire.post('/v1/events', WORDY)).status, 201);
  // Each change writes the whole definition.
  let version = 1;
  const grow = (): Promise<Answer> =>
    wire.send('PATCH', '/v1/events/gala', { metadata: { version: ++version } });
  const full = await until('the room runs out', grow, ({ status }) => status !== 200);
  const before = await look(wire, ['gala']);
  refuses(t, full, 'journal-full');
  refuses(t, await grow(), 'journal-full');
  t.same(await look(wire, ['gala']), before, 'a change that has no room changes nothing');

  const history = (after: number): Promise<Answer> => wire.get(`/v1/events/gala/history?after=${after}`);
  const trimmed = await until(
    'the history is trimmed',
    () => history(0),
    ({ status }) => status !== 200,
  );
  const firstKept = Number(trimmed.json['sequence']);
  t.ok(firstKept > 1 && firstKept <= before['gala'].sequence, 'it says from where on there is history');
  refuses(t, trimmed, 'history-trimmed', { sequenceOf: 'gala' });
  const kept = await history(firstKept - 1);
  t.match(kept, { status: 200, json: { data: [{ sequence: firstKept }] } }, 'and there it is');

  for (const name of readdirSync(dataDirectory).filter((file) => file.startsWith('segment-'))) {
    const bytes = readFileSync(join(dataDirectory, name));
    writeFileSync(join(dataDirectory, name), bytes.fill(0x55, 64 * 1024));
  }
  refuses(t, await history(firstKept - 1), 'internal-error', { applied: false });
  t.same(await look(wire, ['gala']), before, 'and reading changes nothing');
});

t.test('there is a case for every code', async (t) => {
  const codes = Object.keys(PROBLEMS) as ProblemCode[];
  t.same(
    codes.filter((code) => !produced.has(code)),
    [],
  );
});
