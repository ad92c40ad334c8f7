/**
 * A server that is to end while its disk does not answer ends in time, whatever hangs, and claims nothing that is not on
 * disk.
 */
import { once } from 'node:events';
import { join } from 'node:path';
import t from 'tap';
import type { Test } from 'tap';
import { Wire as RawWire } from '../http/support/wire.ts';
import { Faults } from '../support/faults.ts';
import { stageBuild } from '../support/staged-build.ts';
import { availability, Wire } from '../system/support/http.ts';
import { startProcess, startServer, testDirectory } from '../system/support/servers.ts';
import {
  CAPACITY,
  LATE_MS,
  ONE,
  ORDERS,
  SMALL,
  stalledStage,
  UNKNOWN,
  waitingOrders,
  type StalledStage,
} from '../system/support/stalled-stage.ts';

const skip = process.platform === 'win32' && 'there are no named pipes';

/** Each patch writes all of it once more, so few of them fill a segment. */
const BULKY = {
  id: 'bulky',
  name: 'Bulky',
  startsAt: '2027-01-15T19:00:00Z',
  sections: Array.from({ length: 500 }, (_, i) => ({
    id: `s${i}`,
    name: 'n'.repeat(200),
    kind: 'general',
    capacity: 1,
  })),
};

/** Asked to end: resolves with code, signal and milliseconds when it has. */
async function ends({ server }: StalledStage, signals = 1): Promise<[exit: unknown, ms: number]> {
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
  { directory }: StalledStage,
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
    available: CAPACITY - sold - keys.length,
  });
  wire.close();
}

t.test('the drain timeout holds though the disk does not answer: exit 12', async (t) => {
  const on = await stalledStage(t, ['--drain-timeout', '2']);
  const orders = await waitingOrders(on, 'stall');
  const [exit, ms] = await ends(on);
  t.same(exit, [12, null]);
  t.ok(ms >= 2000 && ms < 2000 + LATE_MS, `after ${Math.round(ms)} ms`);
  for (const order of orders) t.match(await order, UNKNOWN, 'who waited is told that nobody knows');
  t.match(on.server.log(), /"level":60.*"code":"journal-lost"/);
  const keys = orders.map((_, i) => `waits-${i}`);
  await checkRestart(t, on, 1, keys);
});

t.test('so it does if it is the end mark that the disk does not take', async (t) => {
  const on = await stalledStage(t, ['--drain-timeout', '1']);
  on.faults.set('datasync', { kind: 'stall' });
  const [exit, ms] = await ends(on);
  t.same(exit, [12, null]);
  t.ok(ms < 1000 + LATE_MS, `after ${Math.round(ms)} ms`);
  await checkRestart(t, on, 1, []);
});

t.test('a thread that hangs in the kernel does not keep the process', { skip }, async (t) => {
  const on = await stalledStage(t, ['--drain-timeout', '1']);
  const orders = await waitingOrders(on, 'hang');
  const [exit, ms] = await ends(on);
  t.same(exit, [null, 'SIGKILL'], 'it ends itself');
  t.ok(ms >= 1000 && ms < 1000 + 2 * LATE_MS, `after ${Math.round(ms)} ms`);
  for (const order of orders) t.match(await order, UNKNOWN, 'after who waited was told');
});

t.test('nor does one that hangs over a snapshot', { skip }, async (t) => {
  const { main } = stageBuild(t, ['snapshot']);
  const directory = join(testDirectory(t), 'data');
  const faults = new Faults(t, directory);
  faults.set('datasync', { kind: 'hang' });
  const flags = ['--workers', '1', '--arena-mib', '64', '--segment-mib', '4', '--snapshot-segments', '1'];
  const server = await startProcess(t, directory, [...flags, '--drain-timeout', '1'], { main });
  const wire = new Wire(server.url, 1);
  t.teardown(() => wire.close());
  t.equal((await wire.post('/v1/events', BULKY)).status, 201);
  for (let patch = 0; faults.met('datasync').length === 0; patch++)
    await wire.send('PATCH', '/v1/events/bulky', { name: `Bulky ${patch}` });
  const began = performance.now();
  t.same(await server.end('SIGTERM'), [null, 'SIGKILL'], 'it ends itself');
  const ms = performance.now() - began;
  t.ok(ms < 1000 + 2 * LATE_MS, `after ${Math.round(ms)} ms`);
});

t.test('a second signal ends it at once, then too', { skip }, async (t) => {
  const on = await stalledStage(t, ['--drain-timeout', '600']);
  const orders = await waitingOrders(on, 'hang');
  const [exit, ms] = await ends(on, 2);
  t.same(exit, [null, 'SIGKILL']);
  t.ok(ms < LATE_MS, `after ${Math.round(ms)} ms`);
  for (const order of orders) await t.rejects(order, 'nothing is claimed');
});

t.test('a peer that does not read is cut off in time, and is no reason to give the journal up', async (t) => {
  const server = await startServer(t, { ...SMALL, drainTimeoutMs: 500 });
  const peer = await RawWire.open(server.port);
  t.teardown(() => peer.socket.destroy());
  peer.socket.pause();
  // More than the sockets of both sides take.
  await peer.sent('GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(100));
  const wire = new Wire(server.url, 1);
  for (let i = 0; i < 2; i++) t.equal((await wire.get('/healthz')).status, 200);
  wire.close();
  const began = performance.now();
  await server.close();
  const ms = performance.now() - began;
  t.ok(ms >= 500 && ms < 500 + LATE_MS, `after ${Math.round(ms)} ms`);
});
