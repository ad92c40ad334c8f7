/**
 * What the journal asks of the disk, seen at node:fs itself: no change is acknowledged before its fdatasync has
 * returned, and no segment is used before its directory entry is synced.
 */
import { basename, join } from 'node:path';
import t from 'tap';
import type { Test } from 'tap';
import { Faults } from '../support/faults.ts';
import { stageBuild } from '../support/staged-build.ts';
import type { Answer } from './support/http.ts';
import { startSale, type Sale } from './support/rolling-sale.ts';
import { testDirectory } from './support/servers.ts';

/** A segment takes fewer than this of the sale's patches. */
const PATCHES_MAX = 20;

async function start(t: Test): Promise<{ sale: Sale; faults: Faults }> {
  const { createServer } = await stageBuild(t, ['journal']).load();
  const directory = join(testDirectory(t), 'data');
  const faults = new Faults(t, directory);
  return { sale: await startSale(t, directory, createServer), faults };
}

/** Patches until one of them waits for a fault, which is `met` then; that one. */
async function untilOneWaits(
  { patch }: Sale,
  met: Promise<void>,
): Promise<{ answer: Answer | null; sent: Promise<void> }> {
  for (let patches = 0; patches < PATCHES_MAX; patches++) {
    const waiting: { answer: Answer | null } = { answer: null };
    const sent = patch().then((answer) => void (waiting.answer = answer));
    await Promise.race([met, sent]);
    if (waiting.answer === null) return Object.assign(waiting, { sent });
    if (waiting.answer.status !== 200) throw new Error(waiting.answer.text);
  }
  throw new Error('the journal has moved on without this call');
}

t.test('no change is acknowledged while its fdatasync has not returned', async (t) => {
  const { sale, faults } = await start(t);
  faults.set('datasync', { kind: 'stall' });
  const waiting = await untilOneWaits(sale, faults.untilMet('datasync'));
  // A whole other exchange with the same threads: time enough for a reply that does not wait.
  t.equal((await sale.wire.get('/healthz')).status, 200);
  t.equal(waiting.answer, null);
  faults.clear('datasync');
  await waiting.sent;
  t.match(waiting.answer, { status: 200 });
});

t.test('a segment is not used before its entry in the directory is synced', async (t) => {
  const { sale, faults } = await start(t);
  faults.set('sync', { kind: 'stall' });
  const waiting = await untilOneWaits(sale, faults.untilMet('sync'));
  t.equal((await sale.wire.get('/healthz')).status, 200);
  t.equal(waiting.answer, null, 'the first change of the new segment is not answered');
  faults.clear('sync');
  await waiting.sent;
  t.match(waiting.answer, { status: 200 });
});

t.test('a roll without a free file descriptor waits for one, and nothing is lost', async (t) => {
  const { sale, faults } = await start(t);
  // First the spare cannot be opened; then, when the segment has its name, the directory cannot.
  for (const file of ['spare', basename(sale.directory)]) {
    faults.set('open', { kind: 'fail', code: 'EMFILE', file });
    const waiting = await untilOneWaits(sale, faults.untilMet('open'));
    t.equal(waiting.answer, null, file);
    faults.clear('open');
    await waiting.sent;
    t.match(waiting.answer, { status: 200 }, `${file}: answered when there is a descriptor`);
  }
  t.equal((await sale.wire.get('/readyz')).status, 200);
});
