/**
 * What the journal asks of the disk, seen at node:fs itself: no change is acknowledged before its fdatasync has
 * returned, and no segment is used before its directory entry is synced.
 */
import { basename, join } from 'node:path';
import t from 'tap';
import type { Test } from 'tap';
import { Faults } from '../support/faults.ts';
import { stageBuild } from '../support/staged-build.ts';
import { Wire } from './support/http.ts';
import { testDirectory } from './support/servers.ts';

const MIB = 1024 * 1024;
const EVENT = {
  id: 'gala',
  name: 'Gala',
  state: 'open',
  startsAt: '2027-01-15T19:00:00Z',
  capacity: 100_000,
};
const HOLD = { items: [{ section: 'general', quantity: 1 }] };

async function start(t: Test): Promise<{ wire: Wire; faults: Faults; directory: string }> {
  const { createServer } = await stageBuild(t, ['journal']).load();
  const directory = join(testDirectory(t), 'data');
  const faults = new Faults(t, directory);
  const server = await createServer({
    dataDirectory: directory,
    port: 0,
    workers: 1,
    arenaBytes: 64 * MIB,
    segmentBytes: 4 * MIB,
  });
  t.teardown(() => server.close());
  const wire = new Wire(server.url, 8);
  t.teardown(() => wire.close());
  t.equal((await wire.post('/v1/events', EVENT)).status, 201);
  return { wire, faults, directory };
}

t.test('no change is acknowledged while its fdatasync has not returned', async (t) => {
  const { wire, faults } = await start(t);
  faults.set('datasync', { kind: 'stall' });
  let status = 0;
  const sent = wire.post('/v1/events/gala/holds', HOLD).then((answer) => (status = answer.status));
  await Promise.race([faults.untilMet('datasync'), sent]);
  // A whole other exchange with the same threads: time enough for a reply that does not wait.
  t.equal((await wire.get('/healthz')).status, 200);
  t.equal(status, 0, 'the hold is not answered');
  faults.clear('datasync');
  await sent;
  t.equal(status, 201);
});

t.test('a segment is not used before its entry in the directory is synced', async (t) => {
  const { wire, faults } = await start(t);
  faults.set('sync', { kind: 'stall' });
  const met = faults.untilMet('sync').then(() => 'met' as const);
  // A group takes a block at least: so many fill the first segment.
  const postsMax = (4 * MIB) / 4096;
  for (let posts = 0; ; posts++) {
    if (posts > postsMax) return t.fail('the journal has moved on without a sync of its directory');
    let status = 0;
    const sent = wire.post('/v1/events/gala/holds', HOLD).then((answer) => (status = answer.status));
    if ((await Promise.race([met, sent])) !== 'met') continue;
    t.equal((await wire.get('/healthz')).status, 200);
    t.equal(status, 0, 'the first change of the new segment is not answered');
    faults.clear('sync');
    await sent;
    return t.equal(status, 201);
  }
});

t.test('a roll without a free file descriptor waits for one, and nothing is lost', async (t) => {
  const { wire, faults, directory } = await start(t);
  // First the spare cannot be opened; then, when the segment has its name, the directory cannot.
  for (const file of ['spare', basename(directory)]) {
    faults.set('open', { kind: 'fail', code: 'EMFILE', file });
    const met = faults.untilMet('open').then(() => null);
    for (;;) {
      const sent = wire.post('/v1/events/gala/holds', HOLD);
      const answer = await Promise.race([met, sent]);
      if (answer === null) {
        faults.clear('open');
        const { status } = await sent;
        t.equal(status, 201, `${file}: answered when there is a descriptor`);
        break;
      }
      if (answer.status !== 201) throw new Error(answer.text);
    }
  }
  t.equal((await wire.get('/readyz')).status, 200);
});
