/**
 * A journal that fails while the server runs, or while it ends: nothing that may be lost is acknowledged, who waits is
 * told that the outcome is not known, and the process ends with code 12. What was acknowledged is there at the next
 * start.
 *
 * The failure is the kernel's: a limit to the size of files (RLIMIT_FSIZE, setrlimit(2)), set by a shell that then
 * becomes the server. A write behind it fails with EFBIG; Node ignores SIGXFSZ. Anybody may lower a limit.
 */
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { Test } from 'tap';
import type { FrontrowServer } from '../../src/server.ts';
import { seeded, Wire } from '../system/support/http.ts';
import { Ledger, SYSTEM_EVENT } from '../system/support/ledger.ts';
import { startProcess, startServer, testDirectory, type ServeProcess } from '../system/support/servers.ts';
import { Volley } from '../system/support/volley.ts';

const SEED = Number(process.env['FRONTROW_SEED'] ?? Math.floor(Math.random() * 1e9));
const MIB = 1024 * 1024;
const FLAGS = ['--arena-mib', '64', '--segment-mib', '4'];
const FLOWS = 16;
const BLOCK_BYTES = 4096;
/** POSIX counts `ulimit -f` in these. */
const LIMIT_UNIT_BYTES = 512;
const skip = process.platform === 'win32' && 'there are no limits to files';

/** `serve` that may not write behind so many bytes of any file. */
function startLimited(t: Test, directory: string, bytes: number): Promise<ServeProcess> {
  const blocks = String(bytes / LIMIT_UNIT_BYTES);
  return startProcess(t, directory, FLAGS, { before: `ulimit -f ${blocks} &&` });
}

/** Without limits, and in this process: it is the others that are looked at. */
function startHere(t: Test, dataDirectory: string): Promise<FrontrowServer> {
  return startServer(t, { dataDirectory, workers: 1, arenaBytes: 64 * MIB, segmentBytes: 4 * MIB });
}

/** A directory with the event in it, and how far its segment is written. */
async function prepare(t: Test): Promise<{ directory: string; written: number }> {
  const directory = testDirectory(t);
  const server = await startHere(t, directory);
  const wire = new Wire(server.url);
  t.equal((await wire.post('/v1/events', SYSTEM_EVENT)).status, 201);
  wire.close();
  await server.close();
  const segments = readdirSync(directory).filter((name) => name.startsWith('segment-'));
  const bytes = readFileSync(join(directory, segments.sort().at(-1)!));
  let last = bytes.length - 1;
  while (bytes[last] === 0) last--;
  return { directory, written: (Math.floor(last / BLOCK_BYTES) + 1) * BLOCK_BYTES };
}

/** The next start has everything that was acknowledged, and each of what was not happens once. */
async function checkRestart(t: Test, directory: string, ledger: Ledger): Promise<void> {
  const server = await startHere(t, directory);
  const wire = new Wire(server.url, FLOWS);
  await ledger.resolve(t, wire);
  await ledger.check(t, wire);
  wire.close();
}

const timeout = 30_000;

t.test(
  `a journal lost under load ends the process, and all that was acknowledged is kept, seed ${SEED}`,
  { skip, timeout },
  async (t) => {
    const { directory, written } = await prepare(t);
    // The mark of the start, and forty groups.
    const server = await startLimited(t, directory, written + 41 * BLOCK_BYTES);
    const gone = once(server.child, 'exit');
    const wire = new Wire(server.url, FLOWS);
    t.teardown(() => wire.close());
    const ledger = new Ledger(seeded(SEED));
    const faults: unknown[] = [];
    const seen = ({ status, json }: { status: number; json: Record<string, unknown> }): void => {
      if (status >= 500) faults.push({ status, code: json['code'], applied: json['applied'] });
    };
    const isOver = (): boolean => faults.length > 0;
    await Promise.all(Array.from({ length: FLOWS }, () => ledger.flow(wire, isOver, seen)));
    wire.close();
    t.same(await gone, [12, null], 'exit 12');
    t.match(server.log(), /"code":"journal-lost".*EFBIG/, 'and it says why');
    t.ok(ledger.acknowledged >= 40, `${ledger.acknowledged} changes were acknowledged before`);
    t.ok(ledger.unknownCount > 0, `${ledger.unknownCount} were under way`);
    const known = new Set([
      JSON.stringify({ status: 500, code: 'outcome-unknown', applied: null }),
      JSON.stringify({ status: 503, code: 'draining', applied: false }),
    ]);
    t.same(
      faults.filter((fault) => !known.has(JSON.stringify(fault))),
      [],
      'who got an answer was told that the outcome is not known, or that nothing was done',
    );
    await checkRestart(t, directory, ledger);
  },
);

t.test('a journal lost while the server ends is told, and ends it', { skip, timeout }, async (t) => {
  const { directory, written } = await prepare(t);
  // The mark of the start, and not one group.
  const server = await startLimited(t, directory, written + BLOCK_BYTES);
  const gone = once(server.child, 'exit');
  // Answered once: then the server has accepted the connections.
  const volley = new Volley(server.url);
  t.teardown(() => volley.close());
  await volley.open(4);
  const path = `/v1/events/${SYSTEM_EVENT.id}/orders`;
  const bad = Array.from({ length: 4 }, (_, i) => ({ path, key: `bad-${i}`, body: { items: [] } }));
  for (const { status } of await volley.post(bad)) t.equal(status, 422);

  // It wakes up to requests and to the signal at once. Requests come first: libuv leaves signals to the end of a turn.
  server.child.kill('SIGSTOP');
  const items = [{ section: 'floor', quantity: 2 }];
  const requests = bad.map((_, i) => ({ path, key: `order-${i}`, body: { items } }));
  const answered = volley.post(requests).catch((error: unknown) => error);
  server.child.kill('SIGTERM');
  server.child.kill('SIGCONT');
  t.same(await gone, [12, null], 'exit 12, and no hang');
  t.match(server.log(), /"msg":"draining".*EFBIG/s, 'it was ending when it lost its journal');
  const answers = await answered;
  if (Array.isArray(answers)) {
    t.match(
      answers,
      requests.map(() => ({ status: 500, json: { code: 'outcome-unknown', applied: null } })),
    );
  } else {
    t.match(answers, { message: /the connection ended/ });
  }

  const again = await startHere(t, directory);
  const wire = new Wire(again.url);
  for (const { key, body } of requests) {
    const { status, headers } = await wire.post(path, body, key);
    t.equal(status, 201, 'nothing of it had happened');
    t.equal(headers['idempotency-replayed'], undefined);
  }
  wire.close();
});

t.test(
  'an end mark that cannot be written is no clean end, and takes nothing away',
  { skip, timeout },
  async (t) => {
    const { directory, written } = await prepare(t);
    // Room for the mark before the first change, for that change, and for nothing behind it.
    const server = await startLimited(t, directory, written + 2 * BLOCK_BYTES);
    const wire = new Wire(server.url);
    const items = [{ section: 'floor', quantity: 2 }];
    const made = await wire.post(`/v1/events/${SYSTEM_EVENT.id}/orders`, { items }, 'order');
    t.equal(made.status, 201);
    wire.close();
    t.same(await server.end('SIGTERM'), [12, null], 'exit 12');
    t.match(server.log(), /end mark could not be written.*EFBIG/, 'and it says why');
    const again = await startHere(t, directory);
    const later = new Wire(again.url);
    t.match(await later.get(`/v1/orders/${String(made.json['id'])}`), { status: 200, json: made.json });
    later.close();
  },
);
