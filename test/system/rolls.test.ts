/** Segments roll while a server runs: a spare is there for each, a snapshot follows, and what went wrong is told once. */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { pino } from 'pino';
import t from 'tap';
import { startServer, testDirectory } from './support/servers.ts';
import { Wire } from './support/http.ts';

const MIB = 1024 * 1024;
const NAME_CHARS = 200;

interface Line {
  readonly msg: string;
  readonly sparesMissing?: number;
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

const MADE_ITSELF = 'the journal had to make a segment itself';

t.test('a roll takes a spare; only one that found none is told of, once', async (t) => {
  const log = new Log();
  const directory = testDirectory(t);
  const server = await startServer(t, {
    dataDirectory: directory,
    segmentBytes: 4 * MIB,
    snapshotSegments: 1,
    logger: pino({ level: 'info' }, log),
  });
  const wire = new Wire(server.url, 1);
  t.teardown(() => wire.close());
  // A definition of 300 KB, which each patch writes once more.
  const sections = Array.from({ length: 1000 }, (_, i) => ({
    id: `s${i}`,
    name: 'n'.repeat(NAME_CHARS),
    kind: 'general',
    capacity: 1,
    price: 100,
  }));
  const created = await wire.send('POST', '/v1/events', {
    id: 'large',
    name: 'Large',
    state: 'open',
    startsAt: '2030-01-01T00:00:00Z',
    timeZone: 'UTC',
    currency: 'EUR',
    sections,
  });
  t.equal(created.status, 201);
  let version = created.json['version'] as number;
  let etag = String(created.headers.etag);
  /** Patches until a segment is full, and waits for the snapshot that it makes due. */
  const rollOnce = async (): Promise<void> => {
    const snapshot = log.next('snapshot');
    const before = segments(directory).length;
    while (segments(directory).length === before) {
      const name = 'x'.repeat(1 + (version % NAME_CHARS));
      const headers = { 'if-match': etag };
      const patched = await wire.send('PATCH', '/v1/events/large', { name }, { headers });
      if (patched.status !== 200) throw new Error(patched.text);
      version = patched.json['version'] as number;
      etag = String(patched.headers.etag);
    }
    await snapshot;
  };

  await rollOnce();
  t.equal(log.told(MADE_ITSELF).length, 0, 'the first segment of a new directory is nothing to be told of');
  t.ok(readdirSync(directory).some((name) => name.endsWith('.snapshot')));

  for (const name of await spares(directory, 2)) rmSync(join(directory, name));
  await rollOnce();
  t.match(log.told(MADE_ITSELF), [{ sparesMissing: 1 }], 'somebody took them away');

  await spares(directory, 2);
  await rollOnce();
  t.equal(log.told(MADE_ITSELF).length, 1, 'a roll that found one has nothing to tell');
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
