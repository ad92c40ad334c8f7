/**
 * A season: events of 20,000 places are defined, sold out, exported and archived, one after the other, in an arena that
 * holds ten of them. Whoever reads meanwhile sees events as they are, or that they are gone. Then the server is killed
 * while it archives, and what it had said is so.
 */
import { join } from 'node:path';
import t from 'tap';
import { verifyDirectory } from '../../src/cli/offline.ts';
import { Season } from '../system/support/season.ts';
import { startProcess, startServer } from '../system/support/servers.ts';

const isLong = process.env['FRONTROW_LONG'] !== undefined;
const EVENTS = isLong ? 1000 : 30;
/** As many as the arena holds. */
const LIVE = 10;
const MIB = 1024 * 1024;
const ARENA_MIB = isLong ? 74 : 70;
const ROOM = {
  arenaBytes: ARENA_MIB * MIB,
  ringBytes: 4 * MIB,
  eventsMax: 2 * EVENTS,
  segmentBytes: 4 * MIB,
  snapshotSegments: 1,
};
const FLAGS = [
  ['--arena-mib', String(ARENA_MIB), '--ring-mib', '4', '--events-max', String(ROOM.eventsMax)],
  ['--segment-mib', '4', '--snapshot-segments', '1'],
].flat();

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

const timeout = isLong ? 1_700_000 : 110_000;
t.test(`${EVENTS} events, sold out and archived, where there is room for ${LIVE}`, { timeout }, async (t) => {
  const exports = t.testdir({ data: {} });
  const dataDirectory = join(exports, 'data');
  const server = await startProcess(t, dataDirectory, FLAGS);
  let season = new Season(t, server.url, exports);
  await season.open();
  for (const number of range(0, LIVE)) await season.define(number);
  await season.isFull();
  const last = EVENTS - LIVE;
  for (const number of range(0, last)) {
    await season.run(number);
    await season.define(number + LIVE);
  }
  await season.isFull();
  for (const number of range(last, EVENTS)) await season.sellOut(number);
  await season.checkArchived(range(0, last));
  t.comment(`${season.reads} reads beside it`);

  const { orders } = season;
  let killed: Promise<unknown> = Promise.resolve();
  const done = await season.archiveAtOnce(range(last, EVENTS), () => {
    killed = server.end('SIGKILL');
  });
  await killed;
  season.close();
  t.ok(done.length > 0, `${done.length} were archived before the server was killed`);

  const again = await startServer(t, { ...ROOM, dataDirectory });
  season = new Season(t, again.url, exports);
  await season.open();
  orders.forEach((answers, number) => season.orders.set(number, answers));
  const living = await season.living(range(last, EVENTS));
  t.same(
    living.filter((number) => done.includes(number)),
    [],
    'what was said to be archived is',
  );
  await season.archiveAtOnce(living, () => {});
  await season.checkArchived(range(0, EVENTS));
  for (const number of range(EVENTS, EVENTS + LIVE)) await season.define(number);
  await season.isFull();
  season.close();
  await again.close();
  t.same((await verifyDirectory(dataDirectory)).findings, [], 'and the journal says the same');
});
