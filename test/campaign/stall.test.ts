/**
 * A disk that does not answer, under whole servers: it is noticed, no change is taken, and all goes on when it answers
 * again.
 */
import { join } from 'node:path';
import t from 'tap';
import { Faults } from '../support/faults.ts';
import { stageBuild } from '../support/staged-build.ts';
import { availability, Wire, type Answer } from '../system/support/http.ts';
import { testDirectory } from '../system/support/servers.ts';
import {
  EVENT,
  LATE_MS,
  ONE,
  ORDERS,
  SMALL,
  stalledStage,
  UNKNOWN,
  waitingOrders,
} from '../system/support/stalled-stage.ts';

const PATIENCE_MS = 20_000;

/** Asks until the answer is that one; each answer waits for the server, nothing is slept for. */
async function until(what: string, ask: () => Promise<Answer>, status: number, code = ''): Promise<Answer> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const answer = await ask();
    if (answer.status === status && (answer.json['code'] ?? '') === code) return answer;
    if (Date.now() > deadline) throw new Error(`${what}: still ${answer.text}`);
  }
}

t.test('a disk that does not answer is noticed, and all goes on when it does', async (t) => {
  const on = await stalledStage(t, ['--stall-after', '1']);
  const { wire, ops, faults, server } = on;
  const orders = await waitingOrders(on, 'stall');
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
  for (const text of ['the journal does not move', 'the journal moves again'])
    t.equal(server.log().split(`"msg":"${text}`).length, 2, 'the log says so once');
  t.same(await server.end('SIGTERM'), [0, null]);
});

t.test('close() settles, though the disk does not answer', async (t) => {
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
