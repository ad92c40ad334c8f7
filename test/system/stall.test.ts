/**
 * A disk that does not answer, under whole processes: it is noticed, no change is taken, and all goes on when it answers
 * again. If it never does, a server that is to end ends in time, and claims nothing that is not on disk.
 */
import { once } from 'node:events';
import { join } from 'node:path';
import t from 'tap';
import type { Test } from 'tap';
import { Faults } from '../support/faults.ts';
import { stageBuild } from '../support/staged-build.ts';
import { availability, Wire, type Answer } from './support/http.ts';
import { startProcess, startServer, testDirectory, type ServeProcess } from './support/servers.ts';

const MIB = 1024 * 1024;
const SMALL = { workers: 1, arenaBytes: 64 * MIB, segmentBytes: 4 * MIB };
const FLAGS = ['--workers', '1', '--arena-mib', '64', '--segment-mib', '4', '--ops-listen', '127.0.0.1:0'];
const PATIENCE_MS = 30_000;
/** What the end of a server may take beyond its time: a second or so, and a machine that does much else. */
const LATE_MS = 3000;
const EVENT = { id: 'gala', name: 'Gala', state: 'open', startsAt: '2027-01-15T19:00:00Z', capacity: 100 };
const ORDERS = '/v1/events/gala/orders';
const ONE = { items: [{ section: 'general', quantity: 1 }] };
const UNKNOWN = { status: 500, json: { code: 'outcome-unknown', applied: null } };
const skip = process.platform === 'win32' && 'there are no named pipes';

interface Stage {
  readonly directory: string;
  readonly faults: Faults;
  readonly server: ServeProcess;
  readonly wire: Wire;
  readonly ops: Wire;
}

async function start(t: Test, flags: readonly string[]): Promise<Stage> {
  const { main } = stageBuild(t, ['journal']);
  const directory = join(testDirectory(t), 'data');
  const faults = new Faults(t, directory);
  const server = await startProcess(t, directory, [...FLAGS, ...flags], { main });
  const wire = new Wire(server.url, 8);
  const ops = new Wire(String(/health on (http:\S+)/.exec(server.log())?.[1]), 2);
  t.teardown(() => [wire, ops].forEach((each) => each.close()));
  t.equal((await wire.post('/v1/events', EVENT)).status, 201);
  return { directory, faults, server, wire, ops };
}

/** Asks until the answer is that one; each answer waits for the server, nothing is slept for. */
async function until(what: string, ask: () => Promise<Answer>, status: number, code = ''): Promise<Answer> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const answer = await ask();
    if (answer.status === status && (answer.json['code'] ?? '') === code) return answer;
    if (Date.now() > deadline) throw new Error(`${what}: still ${answer.text}`);
  }
}

/** Orders that wait for a disk that does not answer. */
async function waiting(
  { wire, faults }: Stage,
  kind: 'stall' | 'hang',
  count = 3,
): Promise<Promise<Answer>[]> {
  faults.set('datasync', { kind });
  const sent = Array.from({ length: count }, (_, i) => wire.post(ORDERS, ONE, `waits-${i}`));
  await faults.untilMet('datasync');
  // Of whoever else waits for them, some may be asked for too late.
  for (const each of sent) each.catch(() => {});
  return sent;
}

/** How often a line with this is in the log. */
function told({ server }: Stage, text: string): number {
  return server.log().split(text).length - 1;
}

/** Asked to end: resolves with code, signal and milliseconds when it has. */
async function ends({ server }: Stage, signals = 1): Promise<[exit: unknown, ms: number]> {
  const gone = once(server.child, 'exit');
  const began = performance.now();
  for (let sent = 0; sent < signals; sent++) {
    server.child.kill('SIGTERM');
    while (!server.log().includes('"msg":"draining"')) await once(server.child.stderr!, 'data');
  }
  const exit = await gone;
  return [exit, performance.now() - began];
}

/** The next start has what was acknowledged, and the others happen once when they are sent again. */
async function checkRestart(
  t: Test,
  { directory }: Stage,
  sold: number,
  keys: readonly string[],
): Promise<void> {
  const server = await startServer(t, { ...SMALL, dataDirectory: directory });
  const wire = new Wire(server.url);
  for (const key of keys) {
    const { status } = await wire.post(ORDERS, ONE, key);
    if (status !== 200 && status !== 201) t.fail(`${key} sent again: ${status}`);
  }
  t.match(await availability(wire, 'gala'), {
    sold: sold + keys.length,
    available: 100 - sold - keys.length,
  });
  wire.close();
}

const timeout = 60_000;

t.test('a disk that does not answer is noticed, and all goes on when it does', { timeout }, async (t) => {
  const on = await start(t, ['--stall-after', '1']);
  const { wire, ops, faults, server } = on;
  t.equal((await wire.post(ORDERS, ONE, 'before')).status, 201);
  const orders = await waiting(on, 'stall');
  const answered: unknown[] = [];
  for (const order of orders) void order.then(({ status }) => answered.push(status));
  const look = await until('the stall', () => wire.get('/readyz'), 503, 'journal-stalled');
  t.match(look.headers['retry-after'], /^[1-9]$/);
  t.match(await ops.get('/readyz'), { status: 503, json: { code: 'journal-stalled' } });
  t.equal((await wire.get('/healthz')).status, 200, 'the process lives');
  for (const [method, path, body] of [
    ['POST', ORDERS, ONE],
    ['POST', '/v1/events/gala/holds', ONE],
    ['POST', '/v1/events', { ...EVENT, id: 'other' }],
    ['PATCH', '/v1/events/gala', { state: 'paused' }],
    ['POST', '/v1/events/gala/block', ONE],
  ] as const) {
    const refused = await wire.send(method, path, body, { key: 'refused' });
    t.match(refused, { status: 503, json: { code: 'journal-stalled', applied: false } }, `${method} ${path}`);
    t.equal(Number(refused.headers['retry-after']) * 1000 >= Number(refused.json['retryAfterMs']), true);
  }
  const metrics = await ops.get('/metrics');
  t.match(metrics.text, /^frontrow_journal_stalled 1$/m);
  t.match(metrics.text, /^frontrow_state\{state="journal-stalled"\} 1$/m);
  t.notMatch(metrics.text, /^frontrow_events\{/m, 'it shows nothing that is not durable');
  t.same(answered, [], 'nobody was told what is not on disk');

  faults.clear('datasync');
  for (const order of orders) t.equal((await order).status, 201, 'who waited is answered');
  await until('its end', () => wire.get('/readyz'), 200);
  t.equal((await wire.post(ORDERS, ONE, 'refused')).status, 201, 'what was refused is taken now');
  t.match((await ops.get('/metrics')).text, /^frontrow_journal_stalled 0$/m);
  t.match(await availability(wire, 'gala'), { sold: 5, held: 0, blocked: 0 }, 'the refusals changed nothing');
  t.match(await wire.get('/v1/events/other'), { status: 404 });
  t.equal(told(on, '"msg":"the journal does not answer'), 1, 'the log says so once');
  t.equal(told(on, '"msg":"the journal answers again'), 1);
  t.same(await server.end('SIGTERM'), [0, null]);
});

t.test('the drain timeout holds though the disk does not answer: exit 12', { timeout }, async (t) => {
  const on = await start(t, ['--drain-timeout', '2']);
  t.equal((await on.wire.post(ORDERS, ONE, 'before')).status, 201);
  const orders = await waiting(on, 'stall');
  const [exit, ms] = await ends(on);
  t.same(exit, [12, null]);
  t.ok(ms >= 2000 && ms < 2000 + LATE_MS, `after ${Math.round(ms)} ms`);
  for (const order of orders) t.match(await order, UNKNOWN, 'who waited is told that nobody knows');
  t.match(on.server.log(), /"level":60.*"code":"journal-lost"/);
  const keys = orders.map((_, i) => `waits-${i}`);
  await checkRestart(t, on, 1, keys);
});

t.test('so it does if it is the end mark that the disk does not take', { timeout }, async (t) => {
  const on = await start(t, ['--drain-timeout', '1']);
  t.equal((await on.wire.post(ORDERS, ONE, 'before')).status, 201);
  on.faults.set('datasync', { kind: 'stall' });
  const [exit, ms] = await ends(on);
  t.same(exit, [12, null]);
  t.ok(ms < 1000 + LATE_MS, `after ${Math.round(ms)} ms`);
  await checkRestart(t, on, 1, []);
});

t.test('a thread that hangs in the kernel does not keep the process', { skip, timeout }, async (t) => {
  const on = await start(t, ['--drain-timeout', '1']);
  const orders = await waiting(on, 'hang');
  const [exit, ms] = await ends(on);
  t.same(exit, [null, 'SIGKILL'], 'it ends itself');
  t.ok(ms >= 1000 && ms < 1000 + 2 * LATE_MS, `after ${Math.round(ms)} ms`);
  for (const order of orders) t.match(await order, UNKNOWN, 'after who waited was told');
});

t.test('a second signal ends it at once, then too', { skip, timeout }, async (t) => {
  for (const [kind, due] of [
    ['stall', [130, null]],
    ['hang', [null, 'SIGKILL']],
  ] as const) {
    const on = await start(t, ['--drain-timeout', '600']);
    t.equal((await waiting(on, kind)).length, 3);
    const [exit, ms] = await ends(on, 2);
    t.same(exit, due, kind);
    t.ok(ms < LATE_MS, `after ${Math.round(ms)} ms`);
  }
});

t.test('close() settles, though the disk does not answer', { timeout }, async (t) => {
  const { createServer } = await stageBuild(t, ['journal']).load();
  const dataDirectory = join(testDirectory(t), 'data');
  const faults = new Faults(t, dataDirectory);
  const server = await createServer({ ...SMALL, dataDirectory, port: 0, drainTimeoutMs: 1000 });
  const wire = new Wire(server.url, 2);
  t.teardown(() => wire.close());
  t.equal((await wire.post('/v1/events', EVENT)).status, 201);
  faults.set('datasync', { kind: 'stall' });
  const order = wire.post(ORDERS, ONE, 'waits');
  await faults.untilMet('datasync');
  const began = performance.now();
  await t.rejects(server.close(), { name: 'FrontrowError', code: 'journal-lost' });
  t.ok(performance.now() - began < 1000 + LATE_MS);
  t.match(await order, UNKNOWN);
  t.match(await server.lost, { code: 'journal-lost' });
});
