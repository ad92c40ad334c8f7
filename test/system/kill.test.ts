/**
 * A server process that is killed at any instant under load, and started again on what it left: everything that was
 * acknowledged is there, everything unanswered can be sent again and happens once. And one that is asked to end.
 */
import { readdirSync } from 'node:fs';
import t from 'tap';
import { verifyDirectory } from '../../src/cli/offline.ts';
import { Ledger, SYSTEM_EVENT } from './support/ledger.ts';
import { seeded, Wire } from './support/http.ts';
import { runCli, startProcess, type ServeProcess } from './support/servers.ts';

const isLong = process.env['FRONTROW_LONG'] !== undefined;
const SEED = Number(process.env['FRONTROW_SEED'] ?? Math.floor(Math.random() * 1e9));
const ROUNDS = isLong ? 50 : 5;
const FLOWS = 48;
const ACKNOWLEDGED_MAX = isLong ? 3000 : 1000;
/** Segments are as small as can be, and each one makes a snapshot: rolls, snapshots and kills meet. */
const FLAGS = ['--arena-mib', '512', '--segment-mib', '4', '--snapshot-segments', '1'];

/** Runs the clients until `count` more changes are acknowledged, then `strike`s; resolves when all have ended. */
async function load(
  ledger: Ledger,
  wire: Wire,
  count: number,
  bulky: number,
  strike: () => void,
): Promise<void> {
  const until = ledger.acknowledged + count;
  let struck = false;
  let isOver = false;
  const seen = (answer: { status: number }): void => {
    // Only a server on its way out says so: nobody goes on knocking.
    if (answer.status === 503) isOver = true;
    if (struck || ledger.acknowledged < until) return;
    struck = true;
    strike();
  };
  const flows = Array.from({ length: FLOWS }, () => ledger.flow(wire, () => isOver, seen));
  await Promise.all([...flows, ledger.defineBulky(wire, bulky, () => isOver)]);
}

t.test(
  `kill -9 under load, ${ROUNDS} times, seed ${SEED}`,
  { timeout: isLong ? 1_500_000 : 110_000 },
  async (t) => {
    const random = seeded(SEED);
    const directory = t.testdir();
    const ledger = new Ledger(random);
    const notes = { torn: 0, resent: 0, snapshots: 0, filled: 0 };
    for (let round = 0; round <= ROUNDS; round++) {
      // From the middle on hardly any history is kept, so files are deleted too.
      const history = round * 2 > ROUNDS ? ['--history-mib', '0'] : [];
      const server: ServeProcess = await startProcess(t, directory, [...FLAGS, ...history]);
      const wire = new Wire(server.url, FLOWS + 1);
      t.teardown(() => wire.close());
      if (round === 0) t.equal((await wire.post('/v1/events', SYSTEM_EVENT)).status, 201);
      notes.resent += ledger.unknownCount;
      await ledger.resolve(t, wire);
      await ledger.check(t, wire);
      if (round === ROUNDS) {
        t.same(await server.end('SIGTERM'), [0, null]);
        wire.close();
        break;
      }
      // The first round is long enough for a snapshot.
      const count = round === 0 ? ACKNOWLEDGED_MAX : 1 + Math.floor(random() * ACKNOWLEDGED_MAX);
      const delayMs = random() * 3;
      let killed: Promise<unknown> = Promise.resolve();
      const bulky = round === 0 ? 12 : Math.floor(random() * 10);
      await load(ledger, wire, count, bulky, () => {
        killed = new Promise((resolve) => setTimeout(() => resolve(server.end('SIGKILL')), delayMs));
      });
      await killed;
      wire.close();
      const report = await verifyDirectory(directory);
      t.same(
        report.findings.filter(({ fatal }) => fatal),
        [],
        `round ${round}: what is left is clean`,
      );
      if (report.tornTailBytes > 0) notes.torn++;
    }
    const inspected = await runCli(['inspect', '--data', directory, '--json']);
    notes.snapshots = (JSON.parse(inspected.output) as { snapshots: unknown[] }).snapshots.length;
    t.ok(notes.snapshots > 0, 'there were snapshots');
    const verified = await runCli(['verify', '--data', directory]);
    t.equal(verified.code, 0, verified.output);
    t.comment(JSON.stringify(notes), JSON.stringify(Object.fromEntries(ledger.tally)));
  },
);

t.test(`SIGTERM under load ends clean and loses nothing, seed ${SEED}`, async (t) => {
  const directory = t.testdir();
  const ledger = new Ledger(seeded(SEED + 1));
  const server = await startProcess(t, directory, FLAGS);
  const wire = new Wire(server.url, FLOWS + 1);
  t.teardown(() => wire.close());
  t.equal((await wire.post('/v1/events', SYSTEM_EVENT)).status, 201);
  let ended: Promise<readonly [number | null, string | null]> | null = null;
  await load(ledger, wire, ACKNOWLEDGED_MAX, 10, () => (ended = server.end('SIGTERM')));
  wire.close();
  t.same(await ended, [0, null], 'exit 0');
  const { output } = await runCli(['inspect', '--data', directory, '--json']);
  t.match(JSON.parse(output), { cleanStop: true, tornTailBytes: 0 }, 'an end mark and no torn tail');

  const again = await startProcess(t, directory, FLAGS);
  const next = new Wire(again.url, FLOWS);
  t.teardown(() => next.close());
  t.match(again.log(), /"tornTailBytes":0.*"cleanEnd":true/);
  await ledger.resolve(t, next);
  await ledger.check(t, next);
  next.close();
  t.same(await again.end('SIGTERM'), [0, null]);
});
