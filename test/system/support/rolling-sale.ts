/** A server in this process whose segments fill up fast, what it logs, and what lies in its directory. */
import { readdirSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { pino } from 'pino';
import type { Test } from 'tap';
import type { createServer, FrontrowServer } from '../../../src/server.ts';
import { Wire, type Answer } from './http.ts';

const MIB = 1024 * 1024;
const NAME_CHARS = 200;

interface Line {
  readonly level: number;
  readonly msg: string;
}

/** What a server logs, and a promise of a line that is not there yet. */
export class Log {
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

export interface Sale {
  readonly directory: string;
  readonly log: Log;
  readonly server: FrontrowServer;
  readonly wire: Wire;
  /** Writes the whole definition once more, some 300 KB. */
  patch(): Promise<Answer>;
}

/** `create` is of the build, or of a staged one. */
export async function startSale(t: Test, directory: string, create: typeof createServer): Promise<Sale> {
  const log = new Log();
  const server = await create({
    dataDirectory: directory,
    port: 0,
    workers: 1,
    arenaBytes: 64 * MIB,
    segmentBytes: 4 * MIB,
    snapshotSegments: 1,
    logger: pino({ level: 'info' }, log),
  });
  t.teardown(() => server.close());
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

/** Patches until a segment is full, and waits for the line that tells of the snapshot which that makes due. */
export async function rollOnce({ directory, log, patch }: Sale, outcome = 'snapshot'): Promise<void> {
  const told = log.next(outcome);
  const before = segments(directory).length;
  while (segments(directory).length === before) {
    const patched = await patch();
    if (patched.status !== 200) throw new Error(patched.text);
  }
  await told;
}

function segments(directory: string): string[] {
  return readdirSync(directory).filter((name) => name.endsWith('.journal'));
}

/** The spares, once there are so many at least. */
export async function spares(directory: string, count: number): Promise<string[]> {
  for (;;) {
    const names = readdirSync(directory).filter((name) => name.endsWith('.zero'));
    if (names.length >= count) return names;
    await setImmediate();
  }
}
