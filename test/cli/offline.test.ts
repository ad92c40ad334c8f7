/**
 * `inspect` and `verify` on directories that a real server left: whole, torn, damaged, in use. They change nothing.
 */
import { createHash } from 'node:crypto';
import { closeSync, openSync, readdirSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { Test } from 'tap';
import { EXIT } from '../../src/cli/exits.ts';
import { inspectCommand } from '../../src/cli/inspect.ts';
import { inspectDirectory, verifyDirectory } from '../../src/cli/offline.ts';
import type { DirectorySummary } from '../../src/cli/offline-types.ts';
import { verifyCommand } from '../../src/cli/verify.ts';
import { auditArena } from '../../src/engine/audit.ts';
import { Replay } from '../../src/engine/replay.ts';
import { resolveLimits } from '../../src/core/limits.ts';
import { lockForReading } from '../../src/journal/directory-lock.ts';
import { readAll } from '../../src/journal/offline.ts';
import { createArena, type Arena } from '../../src/memory/arena.ts';
import { claimState, isStart, itemBase } from '../../src/memory/claims.ts';
import { cellBase, seatBase, sectionBase, viewEvent, type EventView } from '../../src/memory/event.ts';
import { CLAIM, CLAIM_STATE, EVENT, ITEM, SEAT, SECTION } from '../../src/memory/layout.ts';
import { Wire } from '../system/support/http.ts';
import { startProcess, startServer } from '../system/support/servers.ts';
import { runCli } from './run-cli.ts';

const GALA = {
  id: 'gala',
  name: 'Winter Gala',
  state: 'open',
  startsAt: '2027-01-15T19:00:00Z',
  sections: [
    { id: 'floor', kind: 'general', capacity: 10 },
    { id: 'stalls', kind: 'seated', rows: [{ id: 'A', seats: 8 }] },
  ],
};
const COMMANDS = [inspectCommand(inspectDirectory), verifyCommand(verifyDirectory)];

const run = (...argv: string[]): ReturnType<typeof runCli> => runCli(argv, { commands: COMMANDS });

/** An event, a hold and an order with one of its tickets cancelled; then a clean stop. */
async function leaveDirectory(t: Test): Promise<string> {
  const directory = t.testdir();
  const server = await startServer(t, { dataDirectory: directory, segmentBytes: 4 * 1024 * 1024 });
  const wire = new Wire(server.url, 1);
  await wire.post('/v1/events', GALA);
  await wire.post(
    '/v1/events/gala/holds',
    { items: [{ seat: 'stalls-A-1' }], reference: 'r', seconds: 1800 },
    'h',
  );
  const items = [{ seat: 'stalls-A-4' }, { section: 'floor', quantity: 2 }];
  const { json } = await wire.post('/v1/events/gala/orders', { items }, 'o');
  const [{ id }] = json['tickets'] as { id: string }[];
  t.equal((await wire.post(`/v1/orders/${String(json['id'])}/cancel`, { tickets: [id] })).status, 200);
  wire.close();
  await server.close();
  return directory;
}

function digestOf(directory: string): string {
  const hash = createHash('sha256');
  for (const name of readdirSync(directory).sort()) {
    // A server that starts and refuses has said there who it was.
    if (name === 'lock') continue;
    const path = join(directory, name);
    hash
      .update(name)
      .update(String(statSync(path).mtimeMs))
      .update(readFileSync(path));
  }
  return hash.digest('hex');
}

function overwrite(directory: string, name: string, offset: number, bytes: Uint8Array): void {
  const file = openSync(join(directory, name), 'r+');
  writeSync(file, bytes, 0, bytes.length, offset);
  closeSync(file);
}

const SEGMENT = 'segment-0000000001.journal';
const BLOCK = 4096;

t.test('a directory that was left in order is whole, and is not touched', async (t) => {
  const directory = await leaveDirectory(t);
  const before = digestOf(directory);
  t.match(await run('verify', '--data', directory), {
    code: 0,
    stdout: /^ok {2}.*: 4 frames, 1 events, 2 claims\n$/,
    stderr: '',
  });
  const { code, stdout } = await run('inspect', '--data', directory, '--json');
  t.equal(code, 0);
  const summary = JSON.parse(stdout) as DirectorySummary;
  t.match(summary, {
    incarnation: /^[0-9a-f]{32}$/,
    cleanStop: true,
    tornTailBytes: 0,
    snapshots: [],
    segments: [{ file: SEGMENT, bytes: 4 * 1024 * 1024, firstPosition: 0, frames: 4 }],
  });
  const gala = { id: 'gala', name: 'Winter Gala', state: 'open', sequence: 4 };
  t.match(summary.events, [
    { ...gala, changedAt: /^2.*Z$/, capacity: 18, available: 15, held: 1, sold: 2, blocked: 0 },
  ]);
  t.match(
    (await run('inspect', '--data', directory)).stdout,
    /clean stop[^]*segment[^]*gala +open +4 +18 +15 +1 +2 +0/,
  );
  t.equal((await run('verify', '--data', directory, '--quiet')).stdout, '');
  t.equal(digestOf(directory), before, 'nothing was written');
});

t.test('a torn tail is told of, and is no fault', async (t) => {
  const directory = await leaveDirectory(t);
  const { segments } = await inspectDirectory(directory);
  // Behind the end mark, where the next group would go: half of a write.
  const end = BLOCK * (1 + segments[0].groups);
  overwrite(directory, SEGMENT, end, Buffer.from('FRGR and then the lights went out...'));
  const before = digestOf(directory);
  const verified = await run('verify', '--data', directory);
  const { endPosition } = segments[0];
  const told = new RegExp(
    `${SEGMENT} at offset ${end}: a torn tail of 36 bytes, positions ${endPosition} to ${endPosition}`,
  );
  t.match(verified, { code: 0, stdout: /^ok/, stderr: told });
  const tornTail = { file: SEGMENT, offset: end, bytes: 36, from: endPosition, to: endPosition };
  t.match(JSON.parse((await run('verify', '--data', directory, '--json')).stdout), {
    tornTailBytes: 36,
    tornTail,
  });
  t.match(await inspectDirectory(directory), { tornTailBytes: 36, tornTail });
  t.match((await run('inspect', '--data', directory)).stdout, 'a torn tail of 36 bytes');
  t.equal(digestOf(directory), before, 'it is not cut');
});

t.test(
  'a flipped bit in the middle is refused, with file and offset, by verify, inspect and serve',
  async (t) => {
    const directory = await leaveDirectory(t);
    const bytes = readFileSync(join(directory, SEGMENT));
    // The second group: the first one opens the epoch.
    const offset = 2 * BLOCK;
    overwrite(directory, SEGMENT, offset + 100, Buffer.from([bytes[offset + 100] ^ 0x10]));
    const before = digestOf(directory);
    const verified = await run('verify', '--data', directory);
    t.equal(verified.code, EXIT.dataCorrupt);
    t.match(verified.stdout, new RegExp(`^CORRUPT[^]*FATAL {2}bad-group {2}${SEGMENT} at ${offset} `, 'm'));
    const inspected = await run('inspect', '--data', directory);
    t.match(inspected, {
      code: EXIT.dataCorrupt,
      stdout: '',
      stderr: new RegExp(`${SEGMENT} at offset ${offset}`),
    });
    const refused = new RegExp(`serve ended with ${EXIT.dataCorrupt}[^]*${SEGMENT} at offset ${offset}`);
    await t.rejects(startProcess(t, directory), { message: refused });
    t.equal(digestOf(directory), before, 'and nothing was changed');
  },
);

t.test('a missing segment and a damaged header are named', async (t) => {
  const directory = await leaveDirectory(t);
  overwrite(directory, SEGMENT, 20, Buffer.from([0xff]));
  t.match(await verifyDirectory(directory), {
    ok: false,
    findings: [{ code: 'bad-header', file: SEGMENT, fatal: true }],
  });
  rmSync(join(directory, SEGMENT));
  t.match(await run('verify', '--data', directory), { code: EXIT.fault, stderr: /holds no journal/ });
});

t.test('a directory that a server has is left alone, and one that is read is not served', async (t) => {
  const directory = t.testdir();
  const server = await startProcess(t, directory, ['--arena-mib', '64']);
  for (const command of ['verify', 'inspect']) {
    const ran = await run(command, '--data', directory);
    t.match(ran, {
      code: EXIT.directoryInUse,
      stdout: '',
      stderr: new RegExp(`in use by process ${server.child.pid}`),
    });
  }
  await server.end('SIGTERM');
  t.equal((await run('verify', '--data', directory)).code, 0, 'free again');
  const reading = lockForReading(directory);
  lockForReading(directory).release();
  const refused = new RegExp(`serve ended with ${EXIT.directoryInUse}[^]*in use by another process`);
  await t.rejects(
    startProcess(t, directory),
    { message: refused },
    'readers keep a server out, not each other',
  );
  reading.release();
});

t.test('where there is nothing, that is what is said', async (t) => {
  const directory = t.testdir({ empty: {}, file: 'x' });
  t.match(await run('verify', '--data', join(directory, 'empty')), { code: 1, stderr: /holds no journal/ });
  t.match(await run('inspect', '--data', join(directory, 'missing')), { code: 1, stderr: /missing/ });
  t.same(readdirSync(join(directory, 'empty')), [], 'no lock file is left');
});

t.test('the audit finds memory that does not add up', async (t) => {
  const directory = await leaveDirectory(t);
  const codes = (spoil: (view: EventView, arena: Arena) => void): string[] => {
    const arena = createArena(
      resolveLimits({ workers: 1, arenaBytes: 32 * 1024 * 1024, ringBytes: 1024 * 1024 }),
    );
    const replay = new Replay(arena);
    readAll(directory, true, {
      snapshot: () => {},
      frames: (words, start, end, position) => replay.apply(words, start, end, position),
    });
    t.same(auditArena(arena).findings, [], 'whole before');
    spoil(viewEvent(arena, 1), arena);
    return [...new Set(auditArena(arena).findings.map(({ code }) => code))].sort();
  };
  const holdCell = (view: EventView): number => view.words[seatBase(view, 0) + SEAT.owner] - 1;
  t.same(
    codes((view) => view.words[sectionBase(view, 0) + SECTION.available]--),
    ['counts-wrong'],
  );
  t.same(
    codes((view) => {
      view.words[sectionBase(view, 0) + SECTION.available]--;
      view.words[sectionBase(view, 0) + SECTION.sold]++;
    }),
    ['counts-wrong'],
    'a sold place that no order has',
  );
  t.same(
    codes((view) => view.words[seatBase(view, 1) + SEAT.state]++),
    ['counts-wrong', 'seat-wrong'],
    'a held seat of nobody',
  );
  t.same(
    codes((view) => (view.words[seatBase(view, 0) + SEAT.owner] = 0)),
    ['seat-wrong'],
  );
  t.same(
    codes((view) => (view.words[view.live] = 0)),
    ['cells-wrong'],
    'a claim that may be overwritten',
  );
  t.same(
    codes((view) => (view.words[cellBase(view, holdCell(view)) + CLAIM.cancelled + 3] = 1 << 31)),
    ['claim-wrong'],
  );
  t.same(
    codes((view) => (view.words[view.base + EVENT.sequenceLow] = 1)),
    ['claim-wrong', 'seat-wrong'],
  );
  t.same(
    codes((view) => view.words.fill(0, view.deadlines, view.deadlines + 1)),
    ['claim-wrong'],
    'a hold that never runs out',
  );
  t.same(
    codes((view) => view.words.copyWithin(view.keys, view.keys + 8, view.keys + view.keyCapacity * 8)),
    ['key-wrong'],
  );
  t.same(
    codes((view) => {
      // The order takes back its cancelled ticket, for the seat that is held.
      let order = 1;
      while (!isStart(view, order) || claimState(view.words[cellBase(view, order)]) !== CLAIM_STATE.confirmed)
        order++;
      view.words[cellBase(view, order) + CLAIM.cancelled] = 0;
      view.words[itemBase(view, order, 0) + ITEM.seat] = 0;
    }),
    ['counts-wrong', 'seat-twice', 'seat-wrong'],
  );
});
