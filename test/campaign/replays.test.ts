/**
 * A success is remembered under its key, whether it has changed something or not: a retry is a replay and changes nothing,
 * whatever others have done since, and whatever has become of the server.
 */
import { readdirSync } from 'node:fs';
import t from 'tap';
import type { Test } from 'tap';
import { verifyDirectory } from '../../src/cli/offline.ts';
import { FrontrowClient } from '../../src/client/index.ts';
import { isMutation, OPERATIONS } from '../../src/core/operations.ts';
import { availability, seeded, Wire } from '../system/support/http.ts';
import { denseHistory } from '../system/support/history.ts';
import { KEYED_CALLS, Shop, type Draw } from '../system/support/keyed-calls.ts';
import { startProcess, startServer, testDirectory } from '../system/support/servers.ts';

const isLong = process.env['FRONTROW_LONG'] !== undefined;
const SEED = Number(process.env['FRONTROW_SEED'] ?? Math.floor(Math.random() * 1e9));
const KILLS = isLong ? 8 : 1;
/** Calls of others between a call and its retry. */
const OTHERS_MAX = isLong ? 5 : 1;
const SOCKETS = 3;
const FLAGS = ['--arena-mib', '256', '--segment-mib', '4', '--events-max', '1000'];

t.test('the calls that are drawn here are all that may carry a key', async (t) => {
  const drawn = new Set(KEYED_CALLS.map(({ operation }) => operation.name));
  t.same(
    [...drawn].sort(),
    OPERATIONS.filter(isMutation)
      .map(({ name }) => name)
      .sort(),
  );
});

/** Every call once, in any order, with calls of others before it is retried. */
async function mingle(shop: Shop): Promise<string[]> {
  const wrong: string[] = [];
  const left: Draw[] = [...KEYED_CALLS];
  while (left.length > 0) {
    const [draw] = left.splice(shop.below(left.length), 1);
    wrong.push(...(await shop.call(draw)));
    const call = shop.remembered.length - 1;
    for (let others = shop.below(OTHERS_MAX + 1); others > 0; others--)
      wrong.push(...(await shop.call(KEYED_CALLS[shop.below(KEYED_CALLS.length)])));
    wrong.push(...(await shop.retry(shop.remembered[call])));
    wrong.push(...(await shop.retry(shop.remembered[shop.below(shop.remembered.length)])));
  }
  return wrong;
}

async function retryAll(shop: Shop): Promise<string[]> {
  const wrong: string[] = [];
  for (const remembered of shop.remembered) wrong.push(...(await shop.retry(remembered)));
  return wrong;
}

async function killed(t: Test): Promise<void> {
  const directory = testDirectory(t);
  let server = await startProcess(t, directory, FLAGS);
  const flags = [...FLAGS, '--port', new URL(server.url).port];
  const shop = new Shop(new Wire(server.url, SOCKETS), seeded(SEED));
  await shop.open();
  t.same(await mingle(shop), []);
  for (let kill = 1; kill <= KILLS; kill++) {
    await server.end('SIGKILL');
    shop.wire.close();
    server = await startProcess(t, directory, flags);
    shop.wire = new Wire(server.url, SOCKETS);
    t.same(await retryAll(shop), [], `all ${shop.remembered.length} are replays after kill ${kill}`);
    if (kill < KILLS) t.same(await mingle(shop), []);
  }
  const { sequence } = await availability(shop.wire, 'gala');
  await denseHistory(t, new FrontrowClient({ url: server.url }), 'gala', sequence);
  shop.wire.close();
  t.same(await server.end('SIGTERM'), [0, null]);
  t.same((await verifyDirectory(directory)).findings, []);
}

/** As large as a definition gets: each patch writes all of it once more. */
const BULKY = {
  id: 'bulky',
  name: 'Bulky',
  state: 'draft',
  startsAt: '2027-01-15T19:00:00Z',
  sections: Array.from({ length: 1000 }, (_, i) => ({
    id: `s${i}`,
    name: 'n'.repeat(200),
    kind: 'general',
    capacity: 1,
  })),
};
const TRIM_PATCHES_MAX = 5000;

async function trimmed(t: Test): Promise<void> {
  const dataDirectory = testDirectory(t);
  const options = { dataDirectory, workers: 1, segmentBytes: 4 << 20, snapshotSegments: 1, historyBytes: 0 };
  let server = await startServer(t, options);
  const shop = new Shop(new Wire(server.url, SOCKETS), seeded(SEED));
  await shop.open();
  for (const draw of KEYED_CALLS) t.same(await shop.call(draw), []);
  const segments = (): string[] => readdirSync(dataDirectory).filter((name) => name.endsWith('.journal'));
  const [first] = segments();
  t.equal(segments().length, 1, 'all their frames are in one segment');
  await shop.wire.post('/v1/events', BULKY);
  for (let i = 0; segments().includes(first) && i < TRIM_PATCHES_MAX; i++)
    await shop.wire.send('PATCH', '/v1/events/bulky', { name: `Bulky ${i}` });
  t.notOk(segments().includes(first), 'which is trimmed');
  shop.wire.close();
  await server.close();
  server = await startServer(t, options);
  shop.wire = new Wire(server.url, SOCKETS);
  t.teardown(() => shop.wire.close());
  t.same(await retryAll(shop), [], 'after a restart all are replays');
}

const timeout = isLong ? 1_500_000 : 60_000;
t.test(`calls are retried among those of others, and after kill -9, seed ${SEED}`, { timeout }, killed);
t.test('keys outlive the segment that held their frames', { timeout }, trimmed);
