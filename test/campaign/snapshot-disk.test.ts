/** Snapshots on a disk that fails or is full: nothing is left of one that was not written, and the next one is. */
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { createServer } from '../../src/server.ts';
import { Faults } from '../support/faults.ts';
import { stageBuild } from '../support/staged-build.ts';
import { Wire } from '../system/support/http.ts';
import { rollOnce, spares, startSale } from '../system/support/rolling-sale.ts';
import { startServer, testDirectory } from '../system/support/servers.ts';
import { noSmallDisk, SmallDisk } from '../system/support/small-disk.ts';

const MIB = 1024 * 1024;

function snapshotFiles(directory: string): string[] {
  return readdirSync(directory).filter((name) => name.includes('.snapshot'));
}

t.test('a snapshot that the disk refuses, or takes in part, leaves nothing behind', async (t) => {
  const { createServer: createStaged } = await stageBuild(t, ['snapshot']).load();
  const directory = join(testDirectory(t), 'data');
  const faults = new Faults(t, directory);
  const sale = await startSale(t, directory, createStaged);
  for (const fault of [{ kind: 'fail', code: 'ENOSPC' }, { kind: 'short' }] as const) {
    faults.set('write', { ...fault, file: '.snapshot.part' });
    await rollOnce(sale, 'a snapshot failed');
    t.match(faults.met('write'), [/\.snapshot\.part$/], 'it was begun');
    t.strictSame(snapshotFiles(directory), []);
  }
  faults.clear('write');
  // Of a process that was killed; it goes with the next attempt, not only with the next start.
  writeFileSync(join(directory, 'snapshot-0000000000000001.snapshot.part'), 'half of one');
  await rollOnce(sale);
  t.match(
    snapshotFiles(directory),
    [/^snapshot-\d{16}\.snapshot$/],
    'the next one is written, and it is all there is',
  );
});

t.test(
  'a snapshot that does not fit is not begun, and is made once there is room',
  { skip: noSmallDisk },
  async (t) => {
    const disk = await SmallDisk.mount(t, 32 * MIB);
    const sale = await startSale(t, disk.directory, createServer);
    await spares(disk.directory, 2);
    disk.fill(64 * 1024);
    await rollOnce(sale, 'no snapshot: the disk has no room for one');
    t.equal(sale.log.told('no snapshot: the disk has no room for one')[0].level, 40, 'as a warning');
    t.ok(disk.free >= 32 * 1024, 'what is free stays free');
    t.strictSame(snapshotFiles(disk.directory), []);
    disk.makeRoom();
    await spares(disk.directory, 2);
    await rollOnce(sale);
    t.equal(snapshotFiles(disk.directory).length, 1);
  },
);

t.test('on a full disk segments that history may do without make room', { skip: noSmallDisk }, async (t) => {
  const disk = await SmallDisk.mount(t, 40 * MIB);
  const sale = await startSale(t, disk.directory, createServer);
  for (let rolls = 0; rolls < 3; rolls++) await rollOnce(sale);
  await sale.server.close();
  const segments = (): number =>
    readdirSync(disk.directory).filter((name) => name.endsWith('.journal')).length;
  t.equal(segments(), 4, 'all are kept for history');
  for (const name of await spares(disk.directory, 2)) rmSync(join(disk.directory, name));
  disk.fill();
  const options = { dataDirectory: disk.directory, segmentBytes: 4 * MIB, workers: 1, arenaBytes: 64 * MIB };
  const server = await startServer(t, { ...options, historyBytes: 0 });
  await spares(disk.directory, 1);
  t.ok(segments() < 4);
  const wire = new Wire(server.url);
  t.teardown(() => wire.close());
  const body = { items: [{ section: 'general', quantity: 1 }] };
  t.equal((await wire.post('/v1/events/small/orders', body, 'order')).status, 201);
});
