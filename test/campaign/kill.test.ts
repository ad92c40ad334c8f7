/**
 * A server process that is killed at any instant under load, and started again on what it left: everything that was
 * acknowledged is there, everything unanswered can be sent again and happens once. And one that is asked to end.
 */
import { readdirSync } from 'node:fs';
import t from 'tap';
import type { Test } from 'tap';
import { verifyDirectory } from '../../src/cli/offline.ts';
import { Ledger, SYSTEM_EVENT } from '../system/support/ledger.ts';
import { seeded, Wire } from '../system/support/http.ts';
import { runCli, startProcess, testDirectory, type ServeProcess } from '../system/support/servers.ts';

const isLong = process.env['FRONTROW_LONG'] !== undefined;
const SEED = Number(process.env['FRONTROW_SEED'] ?? Math.floor(Math.random() * 1e9));
const ROUNDS = isLong ? 50 : 2;
const FLOWS = 48;
const ACKNOWLEDGED_MAX = isLong ? 3000 : 500;
/** Acknowledged claims of earlier rounds that each check looks at again, drawn anew. */
const OLD_ONES = isLong ? 1000 : 100;
/** Bulky definitions that fill more than a segment. */
const SEGMENT_FULL = 10;
/** Segments are as small as can be, and each one makes a snapshot: rolls, snapshots and kills meet. */
const FLAGS = ['--arena-mib', '1024', '--segment-mib', '4', '--snapshot-segments', '1'];

interface Started {
  readonly server: ServeProcess;
  readonly wire: Wire;
}

async function start(t: Test, directory: string, flags: readonly string[] = []): Promise<Started> {
  const server = await startProcess(t, directory, [...FLAGS, ...flags]);
  const wire = new Wire(server.url, FLOWS + 1);
  t.teardown(() => wire.close());
  return { server, wire };
}

/** Runs the clients until `count` more changes are acknowledged and `isDue`, then strikes; until all have ended. */
async function load(
  ledger: Ledger,
  wire: Wire,
  count: number,
  bulky: number,
  strike: () => Promise<unknown>,
  isDue: () => boolean = () => true,
): Promise<void> {
  const until = ledger.acknowledged + count;
  const strikes: Promise<unknown>[] = [];
  let isOver = false;
  const seen = (answer: { status: number }): void => {
    // Only a server on its way out says so: nobody goes on knocking.
    if (answer.status === 503) isOver = true;
    if (strikes.length === 0 && ledger.acknowledged >= until && isDue()) strikes.push(strike());
  };
  const flows = Array.from({ length: FLOWS }, () => ledger.flow(wire, () => isOver, seen));
  await Promise.all([...flows, ledger.defineBulky(wire, bulky, () => isOver)]);
  wire.close();
  await Promise.all(strikes);
}

async function noFatalFindings(t: Test, directory: string, title: string): Promise<number> {
  const report = await verifyDirectory(directory);
  const fatal = report.findings.filter((finding) => finding.fatal);
  t.same(fatal, [], title);
  return report.tornTailBytes;
}

function noErrors(t: Test, server: ServeProcess): void {
  const lines = server.log().split('\n');
  const errors = lines.filter((line) => /"level":(50|60)/.test(line));
  t.same(errors, [], 'the server had nothing to complain of');
}

/** Names of snapshots, those being written included. */
function snapshotFiles(directory: string): string[] {
  return readdirSync(directory).filter((name) => name.includes('.snapshot'));
}

async function killAndRestart(t: Test): Promise<void> {
  const random = seeded(SEED);
  const directory = testDirectory(t);
  const ledger = new Ledger(random);
  const notes = { torn: 0, resent: 0, snapshots: 0 };
  for (let round = 0; round < ROUNDS; round++) {
    // From the middle on hardly any history is kept, so files are deleted too.
    const history = round * 2 > ROUNDS ? ['--history-mib', '0'] : [];
    const flags = [...history, '--workers', String(1 + (round % 2))];
    const { server, wire } = await start(t, directory, flags);
    if (round === 0) t.equal((await wire.post('/v1/events', SYSTEM_EVENT)).status, 201);
    notes.resent += ledger.unknownCount;
    await ledger.resolve(t, wire);
    await ledger.check(t, wire, OLD_ONES);
    const count = 1 + Math.floor(random() * ACKNOWLEDGED_MAX);
    const delayMs = random() * 3;
    // Every other kill waits until a snapshot is being written, or has just been.
    const before = snapshotFiles(directory).join();
    const isSnapshotRound = round % 2 === 1;
    const bulky = isSnapshotRound ? 20 * SEGMENT_FULL : 2;
    const isDue = (): boolean => !isSnapshotRound || snapshotFiles(directory).join() !== before;
    const strike = async (): Promise<void> => {
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      await server.end('SIGKILL');
    };
    await load(ledger, wire, count, bulky, strike, isDue);
    noErrors(t, server);
    const torn = await noFatalFindings(t, directory, `what kill ${round + 1} left is clean`);
    if (torn > 0) notes.torn++;
    if (snapshotFiles(directory).length > 0) notes.snapshots++;
  }
  const { server, wire } = await start(t, directory);
  await ledger.resolve(t, wire);
  await ledger.check(t, wire, Infinity);
  t.same(await server.end('SIGTERM'), [0, null]);
  t.ok(notes.snapshots > 0, 'snapshots were there to start from');
  const verified = await runCli(['verify', '--data', directory]);
  t.equal(verified.code, 0, verified.output);
  t.comment(JSON.stringify(notes), JSON.stringify(Object.fromEntries(ledger.tally)));
}

async function askToEnd(t: Test): Promise<void> {
  const directory = testDirectory(t);
  const ledger = new Ledger(seeded(SEED + 1));
  const { server, wire } = await start(t, directory);
  t.equal((await wire.post('/v1/events', SYSTEM_EVENT)).status, 201);
  let ended: readonly [number | null, string | null] | null = null;
  await load(ledger, wire, ACKNOWLEDGED_MAX / 2, isLong ? SEGMENT_FULL : 2, async () => {
    ended = await server.end('SIGTERM');
  });
  t.same(ended, [0, null], 'exit 0');
  const { output } = await runCli(['inspect', '--data', directory, '--json']);
  t.match(JSON.parse(output), { cleanStop: true, tornTailBytes: 0 }, 'an end mark and no torn tail');

  const again = await start(t, directory);
  t.match(again.server.log(), /"tornTailBytes":0.*"cleanEnd":true/);
  await ledger.resolve(t, again.wire);
  await ledger.check(t, again.wire);
  again.wire.close();
  t.same(await again.server.end('SIGTERM'), [0, null]);
  noErrors(t, again.server);
}

const timeout = isLong ? 1_500_000 : 110_000;
t.test(`kill -9 under load, ${ROUNDS} times, seed ${SEED}`, { timeout }, killAndRestart);
t.test(`SIGTERM under load ends clean and loses nothing, seed ${SEED}`, { timeout }, askToEnd);
