/**
 * Segments roll while a server runs: a spare is there for each, and a snapshot follows. A roll that finds no spare waits
 * for one: that is told once, nothing is lost, and nothing more is admitted meanwhile.
 */
import { mkdirSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { PART_SUFFIX, spareName, spareNumbers } from '../../src/journal/layout.ts';
import { createServer } from '../../src/server.ts';
import { availability, type Answer } from '../system/support/http.ts';
import { rollOnce, spares, startSale } from '../system/support/rolling-sale.ts';
import { testDirectory } from '../system/support/servers.ts';

const WAITS = 'the journal waits for a segment';

t.test('a roll takes a spare; one that finds none waits for one, and tells of it once', async (t) => {
  const sale = await startSale(t, testDirectory(t), createServer);
  const { directory, log } = sale;
  await rollOnce(sale);
  t.equal(log.told(WAITS).length, 0, 'a new directory has a first segment, and spares');
  t.ok(readdirSync(directory).some((name) => name.endsWith('.snapshot')));

  for (const name of await spares(directory, 2)) rmSync(join(directory, name));
  await rollOnce(sale);
  t.equal(log.told(WAITS).length, 1, 'somebody took them away');

  await spares(directory, 2);
  await rollOnce(sale);
  t.equal(log.told(WAITS).length, 1, 'a roll that found one has nothing to tell');
});

t.test('while no segment can be made nothing is lost, and nothing more is admitted', async (t) => {
  const sale = await startSale(t, testDirectory(t), createServer);
  const { directory, log, server, wire } = sale;
  // As on a full disk: spares are gone, and the names of the next ones are taken.
  const names = await spares(directory, 2);
  for (const name of names) rmSync(join(directory, name));
  const next = Math.max(...spareNumbers(names)) + 1;
  const taken = Array.from({ length: 50 }, (_, i) => join(directory, spareName(next + i) + PART_SUFFIX));
  for (const name of taken) mkdirSync(name);
  const hold = { items: [{ section: 'general', quantity: 1 }] };
  t.equal((await wire.post('/v1/events/small/holds', hold)).status, 201);

  const waits = log.next(WAITS).then(() => null);
  let waiting: Promise<Answer>;
  let status = 0;
  do {
    status = 0;
    waiting = sale.patch().then((answer) => {
      ({ status } = answer);
      return answer;
    });
  } while ((await Promise.race([waits, waiting])) !== null);
  t.match(await wire.post('/v1/events/small/holds', hold), {
    status: 507,
    json: { code: 'journal-full', applied: false },
  });
  t.match(await wire.get('/readyz'), { status: 200, json: { status: 'journal-full' } });
  t.match(await availability(wire, 'small'), { held: 1 }, 'what is durable is read');
  t.equal(status, 0, 'the patch is not answered: it may yet be lost');
  let isLost = false;
  void server.lost.then(() => (isLost = true));

  for (const name of taken) rmdirSync(name);
  t.equal((await waiting).status, 200, 'with a segment it is');
  t.equal((await wire.post('/v1/events/small/holds', hold)).status, 201);
  t.equal(isLost, false);
  t.match(await wire.get('/readyz'), { status: 200, json: { status: 'ready' } });
});
