/** `backup` and `restore`: of a server that sells meanwhile, of damaged copies, killed half way, into wrong places. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import type { Test } from 'tap';
import { backupCommand } from '../../src/cli/backup.ts';
import { EXIT } from '../../src/cli/exits.ts';
import { inspectDirectory, verifyDirectory } from '../../src/cli/offline.ts';
import { backupDirectory, restoreDirectory } from '../../src/cli/offline-backup.ts';
import type { BackupReport } from '../../src/cli/offline-types.ts';
import { restoreCommand } from '../../src/cli/restore.ts';
import { segmentName, segmentNumbers, snapshotPositions } from '../../src/journal/layout.ts';
import { unpackFixture } from '../journal/fixture.ts';
import { nodeCommand } from '../support/node-command.ts';
import { Wire } from '../system/support/http.ts';
import { startProcess, startServer } from '../system/support/servers.ts';
import { runCli } from './run-cli.ts';

const LONG = process.env['FRONTROW_LONG'] === '1';
const BACKUPS = LONG ? 12 : 1;
const ORDERS_BETWEEN = LONG ? 400 : 60;
const MAIN = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
const COMMANDS = [backupCommand(backupDirectory), restoreCommand(restoreDirectory)];
const FULL_SPEED = { mibPerSecond: 0 };
const run = (...argv: string[]): ReturnType<typeof runCli> => runCli(argv, { commands: COMMANDS });

const CLUB = { id: 'club', name: 'Club', state: 'open', startsAt: '2099-01-15T19:00:00Z', capacity: 20_000 };

interface Acknowledged {
  readonly key: string;
  readonly id: string;
  readonly text: string;
}

const BODY = { items: [{ section: 'general', quantity: 1 }] };

/** Sells until it is told to stop; every order that was acknowledged, as it was. */
class Sale {
  readonly wire: Wire;
  readonly acknowledged: Acknowledged[] = [];
  #isOver = false;
  #flows: Promise<void>[] = [];

  constructor(url: string) {
    this.wire = new Wire(url);
  }

  start(flows: number): void {
    this.#flows = Array.from({ length: flows }, (_, flow) => this.#flow(flow));
  }

  async #flow(flow: number): Promise<void> {
    for (let count = 0; !this.#isOver; count++) {
      const key = `flow-${flow}-${count}`;
      const { status, json, text } = await this.wire.post('/v1/events/club/orders', BODY, key);
      if (status !== 201) throw new Error(text);
      this.acknowledged.push({ key, id: String(json['id']), text });
    }
  }

  /** Resolves when so many more orders have been acknowledged. */
  async more(count: number): Promise<void> {
    const due = this.acknowledged.length + count;
    while (this.acknowledged.length < due) {
      await Promise.race([...this.#flows, this.wire.get('/v1/events/club/availability')]);
    }
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#flows);
    this.wire.close();
  }
}

/** Half a megabyte in one frame: a segment of 4 MiB takes seven, and then it rolls. */
async function defineBulky(wire: Wire, id: string): Promise<void> {
  const features = Array.from({ length: 8 }, (_, i) => 'abcdefgh'.charAt(i).repeat(32));
  const seats = Array.from({ length: 2000 }, (_, seat) => ({ id: `${seat + 1}`, features }));
  const sections = [{ id: 'hall', kind: 'seated', rows: [{ id: 'A', seats }] }];
  const { status, text } = await wire.post('/v1/events', { ...CLUB, capacity: undefined, id, sections });
  if (status !== 201) throw new Error(text);
}

t.test('a backup taken while tickets are sold restores to all that was acknowledged before it', async (t) => {
  const directory = t.testdir({ data: {} });
  const data = join(directory, 'data');
  const flags = [
    '--segment-mib',
    '4',
    '--snapshot-segments',
    '1',
    '--history-mib',
    '0',
    '--arena-mib',
    '256',
  ];
  const server = await startProcess(t, data, flags);
  const sale = new Sale(server.url);
  await sale.wire.post('/v1/events', CLUB);
  sale.start(4);
  let before: readonly Acknowledged[] = [];
  const reports: BackupReport[] = [];
  for (let count = 1; count <= BACKUPS; count++) {
    // Segments roll, snapshots are made and segments trimmed while the copying goes on.
    const fill = Promise.all(
      Array.from({ length: 8 }, (_, i) => defineBulky(sale.wire, `bulky-${count}-${i}`)),
    );
    await sale.more(ORDERS_BETWEEN);
    before = [...sale.acknowledged];
    reports.push(await backupDirectory(data, join(directory, `backup-${count}`), FULL_SPEED));
    await fill;
  }
  await sale.end();
  t.same(await server.end('SIGTERM'), [0, null]);
  // The short form leaves what happens beside trim to test/journal/backup.test.ts.
  if (LONG) t.not(segmentNumbers(readdirSync(data))[0], 1, 'segments were trimmed meanwhile');

  const last = reports[BACKUPS - 1];
  t.ok(reports.every(({ position }, index) => index === 0 || position > reports[index - 1].position));
  const restored = join(directory, 'restored');
  const { code, stdout } = await run('restore', '--from', last.directory, '--data', restored, '--json');
  t.equal(code, 0);
  const report = JSON.parse(stdout) as BackupReport;
  t.match(report, { position: last.position, claims: last.claims, events: last.events });
  t.not(report.incarnation, last.incarnation);
  t.match(await verifyDirectory(restored), { ok: true, findings: [], tornTailBytes: 0 });

  const sizes = { segmentBytes: 4 << 20, arenaBytes: 256 << 20, workers: 1 };
  const again = await startServer(t, { dataDirectory: restored, ...sizes });
  const wire = new Wire(again.url, 8);
  t.teardown(() => wire.close());
  const wrong: string[] = [];
  for (const { id, text } of before) if ((await wire.get(`/v1/orders/${id}`)).text !== text) wrong.push(id);
  t.same(wrong, [], `${before.length} orders were acknowledged before the backup began`);
  const { key, id } = before[before.length - 1];
  const replay = await wire.post('/v1/events/club/orders', BODY, key);
  t.match(replay, { status: 200, headers: { 'idempotency-replayed': 'true' }, json: { id } });
  t.equal((await wire.post('/v1/events/club/orders', BODY, 'after')).status, 201, 'the sale goes on');
});

/** A backup of a fixture: segments that were trimmed, two snapshots. */
async function makeBackup(t: Test, fixture: string): Promise<{ root: string; data: string; backup: string }> {
  const root = t.testdir({ data: {} });
  const data = join(root, 'data');
  const backup = join(root, 'backup');
  unpackFixture(fixture, data);
  const before = readdirSync(data);
  const made = await run('backup', '--data', data, '--to', backup);
  t.match(made, {
    code: 0,
    stdout: /^directory +.*backup\n[^]*position +\d+\n[^]*\ngala +open +\d+ +2\d\d\d-/m,
  });
  t.same(readdirSync(data), before, 'nothing changed at the source, not even a lock');
  t.same(readdirSync(root).sort(), ['backup', 'data']);
  t.same(readdirSync(backup).sort(), ['backup.json', ...before].sort());
  return { root, data, backup };
}

t.test('a backup of which one byte changed is refused, and nothing is written', async (t) => {
  const { root, backup } = await makeBackup(t, 'v1-snapshot');
  const restored = join(root, 'restored');
  const names = readdirSync(backup);
  t.ok(snapshotPositions(names).length > 0);
  for (const name of names) {
    const path = join(backup, name);
    const bytes = readFileSync(path);
    const at = Math.floor(bytes.length / 3);
    bytes[at] ^= 4;
    writeFileSync(path, bytes);
    const refused = await run('restore', '--from', backup, '--data', restored);
    t.match(refused, { code: EXIT.dataCorrupt, stdout: '', stderr: new RegExp(name.replace(/\./g, '\\.')) });
    t.notOk(existsSync(restored), name);
    bytes[at] ^= 4;
    writeFileSync(path, bytes);
  }
  t.match(await run('restore', '--from', backup, '--data', restored, '--quiet'), {
    code: 0,
    stdout: `${restored}\n`,
  });
});

t.test(
  'a backup that is killed half way leaves nothing under its name, and the next one takes over',
  async (t) => {
    const { root, data } = await makeBackup(t, 'v1-clean');
    const target = join(root, 'half');
    const half = new Promise<void>((resolve) => {
      mkdirSync(`${target}.part`);
      const watcher = watch(`${target}.part`, (_, name) => {
        if (name !== segmentName(1)) return;
        watcher.close();
        resolve();
      });
      t.teardown(() => watcher.close());
    });
    const argv = [MAIN, 'backup', '--data', data, '--to', target, '--mib-per-second', '1'];
    const child = spawn(...nodeCommand(argv), { stdio: 'inherit' });
    const exited = once(child, 'exit');
    await half;
    const second = await run('backup', '--data', data, '--to', target);
    t.match(second, { code: EXIT.directoryInUse, stderr: new RegExp(`in use by process ${child.pid}`) });
    child.kill('SIGKILL');
    await exited;
    t.notOk(existsSync(target));
    t.ok(existsSync(join(`${target}.part`, segmentName(1))));
    t.match(await run('backup', '--data', data, '--to', target), { code: 0 });
    t.notOk(existsSync(`${target}.part`));
    t.match(await run('restore', '--from', target, '--data', join(root, 'restored')), { code: 0 });
  },
);

t.test('whoever interrupts a backup keeps nothing of it', async (t) => {
  const { root, data } = await makeBackup(t, 'v1-clean');
  const stop = new AbortController();
  const control = { ...FULL_SPEED, signal: stop.signal, onProgress: () => stop.abort() };
  await t.rejects(backupDirectory(data, join(root, 'stopped'), control), { message: /interrupted/ });
  t.same(readdirSync(root).sort(), ['backup', 'data']);
});

t.test('an archived event is backed up and restored as what is left of it', async (t) => {
  const root = t.testdir({ data: {} });
  const data = join(root, 'data');
  const server = await startServer(t, { dataDirectory: data, segmentBytes: 4 << 20, workers: 1 });
  const wire = new Wire(server.url, 1);
  t.teardown(() => wire.close());
  await wire.post('/v1/events', CLUB);
  await wire.post('/v1/events/club/orders', BODY, 'o');
  for (const state of ['closed', 'archived'])
    t.equal((await wire.send('PATCH', '/v1/events/club', { state })).status, 200);
  await server.close();
  const club = { id: 'club', state: 'archived', sequence: 4 };
  t.match((await inspectDirectory(data)).events, [{ ...club, name: 'Club', capacity: 20_000, sold: 1 }]);
  t.match(await backupDirectory(data, join(root, 'backup'), FULL_SPEED), { events: [club] });
  t.match(await restoreDirectory(join(root, 'backup'), join(root, 'restored'), FULL_SPEED), {
    events: [club],
  });
});

t.test('directories in use, or inside each other, or that are none, are refused', async (t) => {
  const { root, data, backup } = await makeBackup(t, 'v1-clean');
  const restore = (from: string, to: string): ReturnType<typeof run> =>
    run('restore', '--from', from, '--data', to);
  t.match(await restore(backup, data), { code: EXIT.wrongUse, stderr: /is not empty \(segment-/ });
  t.match(await run('backup', '--data', data, '--to', backup), {
    code: EXIT.wrongUse,
    stderr: /is not empty/,
  });
  t.match(await run('backup', '--data', data, '--to', join(data, 'b')), {
    code: EXIT.wrongUse,
    stderr: /inside/,
  });
  t.match(await restore(data, join(root, 'new')), { code: EXIT.fault, stderr: /is no backup/ });
  t.match(await run('backup', '--data', join(root, 'no'), '--to', join(root, 'new')), { code: EXIT.fault });
  mkdirSync(join(root, 'empty'));
  t.match(await run('backup', '--data', join(root, 'empty'), '--to', join(root, 'new')), {
    code: EXIT.fault,
    stderr: /holds no journal/,
  });
  t.same(readdirSync(root).sort(), ['backup', 'data', 'empty'], 'and nothing is left');
  t.match(await run('backup', '--data', data, '--to', join(root, 'empty')), { code: 0 });
});
