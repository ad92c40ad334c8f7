/**
 * Segments roll while a server runs: a spare is there for each, and a snapshot follows. A roll that finds no spare waits
 * for one: that is told once, nothing is lost, and nothing more is admitted meanwhile.
 */
import { mkdirSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { pino } from 'pino';
import t from 'tap';
import type { Test } from 'tap';
import { PART_SUFFIX, spareName, spareNumbers } from '../../src/journal/layout.ts';
import type { FrontrowServer } from '../../src/server.ts';
import { startServer, testDirectory } from './support/servers.ts';
import { availability, Wire, type Answer } from './support/http.ts';

const MIB = 1024 * 1024;
const NAME_CHARS = 200;

interface Line {
  readonly msg: string;
}

/** What a server logs, and a promise of a line that is not there yet. */
class Log {
  readonly lines: Line[] = [];
  #wanted: { readonly msg: string; readonly found: () => void } | null = null;

  write(text: string): void {
    const line = JSON.parse(text) as Line;
    this.lines.push(line);
    if (line.msg === this.#wanted?.msg) this.#wanted.found();
  }

  next(msg: string): Promise<void> {
    return new Promise((found) => {
      this.#wanted = { msg, found };
    });
  }

  told(msg: string): Line[] {
    return this.lines.filter((line) => line.msg === msg);
  }
}

const WAITS = 'the journal waits for a segment';

interface Sale {
  readonly directory: string;
  readonly log: Log;
  readonly server: FrontrowServer;
  readonly wire: Wire;
  /** Writes the whole definition once more, some 300 KB. */
  patch(): Promise<Answer>;
}

async function startSale(t: Test): Promise<Sale> {
  const log = new Log();
  const directory = testDirectory(t);
  const server = await startServer(t, {
    dataDirectory: directory,
    segmentBytes: 4 * MIB,
    snapshotSegments: 1,
    logger: pino({ level: 'info' }, log),
  });
  const wire = new Wire(server.url, 4);
  t.teardown(() => wire.close());
  const sections = Array.from({ length: 1000 }, (_, i) => ({
    id: `s${i}`,
    name: 'n'.repeat(NAME_CHARS),
    kind: 'general',
    capacity: 1,
    price: 100,
  }));
  const event = { name: 'Event', state: 'open', startsAt: '2030-01-01T00:00:00Z', currency: 'EUR' };
  t.equal((await wire.post('/v1/events', { ...event, id: 'large', sections })).status, 201);
  t.equal((await wire.post('/v1/events', { ...event, id: 'small', capacity: 100 })).status, 201);
  let patches = 0;
  const patch = (): Promise<Answer> =>
    wire.send('PATCH', '/v1/events/large', { name: 'x'.repeat(1 + (++patches % NAME_CHARS)) });
  return { directory, log, server, wire, patch };
}

/** Patches until a segment is full, and waits for the snapshot that it makes due. */
async function rollOnce({ directory, log, patch }: Sale): Promise<void> {
  const snapshot = log.next('snapshot');
  const before = segments(directory).length;
  while (segments(directory).length === before) {
    const patched = await patch();
    if (patched.status !== 200) throw new Error(patched.text);
  }
  await snapshot;
}

t.test('a roll takes a spare; one that finds none waits for one, and tells of it once', async (t) => {
  const sale = await startSale(t);
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
  const sale = await startSale(t);
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

function segments(directory: string): string[] {
  return readdirSync(directory).filter((name) => name.endsWith('.journal'));
}

/** The spares, once there are so many. */
async function spares(directory: string, count: number): Promise<string[]> {
  for (;;) {
    const names = readdirSync(directory).filter((name) => name.endsWith('.zero'));
    if (names.length === count) return names;
    await setImmediate();
  }
}
