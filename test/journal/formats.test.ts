/**
 * Data directories of every format version there was, read by the code of today: through `verify`, and through a
 * server that goes on with them. They are never made again; see fixtures/README.md.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import t from 'tap';
import type { Test } from 'tap';
import { inspectDirectory, verifyDirectory } from '../../src/cli/offline.ts';
import {
  FORMAT_VERSION,
  segmentName,
  segmentNumbers,
  snapshotName,
  snapshotPositions,
} from '../../src/journal/layout.ts';
import { createServer } from '../../src/server.ts';
import { conserves, availability, Wire } from '../system/support/http.ts';
import { startServer } from '../system/support/servers.ts';
import { fixtureNames, unpackFixture, type Fixture } from './fixture.ts';

/** Not in the short form: what the others of their version lead through too. */
const LONG_ONLY = new Set(['v1-killed', 'v2-killed']);
const IS_LONG = process.env['FRONTROW_LONG'] === '1';

/** The server's clock starts from the wall clock when it starts: let that be the fixture's time. */
async function startAt(t: Test, directory: string, nowMs: number): ReturnType<typeof startServer> {
  const { now } = Date;
  Date.now = () => nowMs;
  try {
    return await startServer(t, { dataDirectory: directory, segmentBytes: 4 << 20, workers: 1 });
  } finally {
    Date.now = now;
  }
}

/** All that was answered then is answered now; later versions may say more. */
async function checkReads(t: Test, wire: Wire, fixture: Fixture): Promise<void> {
  for (const { path, status, json } of fixture.reads) {
    const answer = await wire.get(path);
    t.equal(answer.status, status, path);
    if (status === 200) t.hasStrict(answer.json, json, path);
    else t.match(answer.json, json, path);
  }
}

async function checkReplays(t: Test, wire: Wire, fixture: Fixture): Promise<void> {
  for (const { method, path, body, key, id } of fixture.replays) {
    const answer = await wire.send(method, path, body ?? undefined, { key });
    t.equal(answer.headers['idempotency-replayed'], 'true', `${method} ${path} is a replay`);
    t.equal(answer.status, method === 'DELETE' ? 204 : 200);
    t.equal(answer.json?.['id'] ?? null, id);
  }
}

async function checkRefusals(t: Test, wire: Wire, fixture: Fixture): Promise<void> {
  for (const { path, body, code } of fixture.refusals ?? []) {
    const answer = await wire.post(path, body, 'to-be-refused');
    t.equal(answer.json?.['code'], code, `${path} is refused`);
  }
}

for (const name of fixtureNames()) {
  if (LONG_ONLY.has(name) && !IS_LONG) continue;
  t.test(`${name}: everything that was acknowledged is read back, and goes on`, async (t) => {
    const directory = t.testdir();
    const fixture = unpackFixture(name, directory);
    const before = await verifyDirectory(directory);
    t.match(before, { ok: true, findings: [] }, 'verify takes it');
    t.match(await inspectDirectory(directory), { formatVersion: fixture.version });

    const server = await startAt(t, directory, fixture.nowMs);
    const wire = new Wire(server.url, 1);
    t.teardown(() => wire.close());
    await checkReads(t, wire, fixture);
    await checkReplays(t, wire, fixture);
    await checkRefusals(t, wire, fixture);
    t.ok(conserves(await availability(wire, 'burst')), 'what was under way was done or was not');
    const items = [{ section: 'floor', quantity: 1 }];
    const made = await wire.post('/v1/events/gala/orders', { items }, 'after-the-upgrade');
    t.equal(made.status, 201, 'and the sale goes on');
    await server.close();

    t.match(await inspectDirectory(directory), { formatVersion: FORMAT_VERSION, cleanStop: true });
    t.match(await verifyDirectory(directory), { ok: true });
    // Once more on files of both versions; `verify` has read the others' as a start would.
    if (!IS_LONG) return;
    const again = await startAt(t, directory, fixture.nowMs + 1000);
    const later = new Wire(again.url, 1);
    t.teardown(() => later.close());
    t.hasStrict((await later.get(`/v1/orders/${String(made.json['id'])}`)).json, made.json);
    await checkReplays(t, later, fixture);
    await again.close();
  });
}

/** Says in a header block that the file is of another format, as a Frontrow to come would. */
function raiseFormat(path: string, headerBytes: number): void {
  const bytes = readFileSync(path);
  bytes.writeUInt32LE(FORMAT_VERSION + 1, 8);
  bytes.writeUInt32LE(crc32(bytes.subarray(8, headerBytes)), 4);
  writeFileSync(path, bytes);
}

t.test(
  'a format of the future is refused with its number and what to do, and nothing is changed',
  async (t) => {
    const directory = t.testdir();
    unpackFixture('v1-snapshot', directory);
    const names = readdirSync(directory);
    const snapshot = snapshotName(snapshotPositions(names).at(-1) ?? 0);
    const segment = segmentName(segmentNumbers(names).at(-1) ?? 0);
    t.equal(snapshotPositions(names).length, 2);
    const refused = {
      message: new RegExp(`format ${FORMAT_VERSION + 1}.* 1 to ${FORMAT_VERSION}: upgrade Frontrow`),
    };
    for (const [file, headerBytes] of [[snapshot, 64] as const, [segment, 4096] as const]) {
      raiseFormat(join(directory, file), headerBytes);
      const before = new Map(names.map((name) => [name, readFileSync(join(directory, name))]));
      await t.rejects(createServer({ dataDirectory: directory, port: 0, workers: 1 }), {
        code: 'directory-unusable',
        ...refused,
      });
      await t.rejects(inspectDirectory(directory), { code: 'directory-unusable', ...refused });
      t.match(await verifyDirectory(directory), {
        ok: false,
        findings: [{ code: 'newer-format', file, fatal: true }],
      });
      t.strictSame(
        readdirSync(directory).filter((name) => name !== 'lock'),
        names,
      );
      for (const [name, bytes] of before) t.ok(bytes.equals(readFileSync(join(directory, name))), name);
    }
  },
);
