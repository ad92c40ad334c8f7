/**
 * A disk that is really full, beside a real server: nothing ends, nothing that was acknowledged is lost, what needs no
 * room goes on, and all of it comes back by itself when there is room.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { Test } from 'tap';
import { FRAME_KIND, packHeader } from '../../src/core/frame.ts';
import { FrontrowClient } from '../../src/client/index.ts';
import { FileJournal } from '../../src/journal/file-journal.ts';
import { Collector } from '../journal/sample-frames.ts';
import { denseHistory } from '../system/support/history.ts';
import { availability, conserves, seeded, Wire, type Answer } from '../system/support/http.ts';
import { Ledger, SYSTEM_EVENT } from '../system/support/ledger.ts';
import { runCli, startProcess, type ServeProcess } from '../system/support/servers.ts';
import { noSmallDisk, SmallDisk } from '../system/support/small-disk.ts';

const SEED = Number(process.env['FRONTROW_SEED'] ?? Math.floor(Math.random() * 1e9));
const MIB = 1024 * 1024;
const SEGMENT_BYTES = 4 * MIB;
const FLAGS = ['--arena-mib', '128', '--segment-mib', '4', '--workers', '1'];
const FLOWS = 8;
const PATIENCE_MS = 30_000;
const HOLDS = 400;
const ONE = { items: [{ section: 'general', quantity: 1 }] };
const FULL = { status: 507, json: { code: 'journal-full', applied: false } };
const skip = noSmallDisk;
const timeout = 110_000;

function start(t: Test, disk: SmallDisk): Promise<ServeProcess> {
  return startProcess(t, disk.directory, FLAGS);
}

/** Asks again until it is so: each answer waits for the server, nothing is slept for. */
async function until(
  what: string,
  ask: () => Promise<Answer>,
  isSo: (answer: Answer) => boolean,
): Promise<Answer> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const answer = await ask();
    if (isSo(answer)) return answer;
    if (Date.now() > deadline) throw new Error(`${what}: still ${answer.text}`);
  }
}

/** An event of its own whose holds wait to be released. */
async function defineHolds(wire: Wire, id: string): Promise<string[]> {
  const event = { id, name: id, state: 'open', startsAt: '2027-01-15T19:00:00Z', capacity: 1000 };
  if ((await wire.post('/v1/events', event)).status !== 201) throw new Error(`${id} is not defined`);
  const made = await Promise.all(
    Array.from({ length: HOLDS }, () => wire.post(`/v1/events/${id}/holds`, ONE)),
  );
  return made.map(({ json }) => String(json['id']));
}

/** Sells until the disk has no room for an order. */
async function sellOut(wire: Wire, ledger: Ledger): Promise<void> {
  let isFull = false;
  const seen = ({ json }: Answer): void => {
    if (json['code'] === 'journal-full') isFull = true;
  };
  const flows = Array.from({ length: FLOWS }, () => ledger.flow(wire, () => isFull, seen));
  await Promise.all([...flows, ledger.defineBulky(wire, 30, () => isFull)]);
}

/** Releases holds one by one until that has no room either; returns how many. */
async function releaseAll(wire: Wire, holds: string[]): Promise<number> {
  for (let count = 0; holds.length > 0; count++) {
    const answer = await wire.send('DELETE', `/v1/holds/${holds[0]}`);
    if (answer.status === 507) return count;
    if (answer.status !== 204) throw new Error(answer.text);
    holds.shift();
  }
  throw new Error('all holds were released, and there is still room');
}

/** Whatever needs no room is answered, and says what was acknowledged. */
async function checkReads(t: Test, wire: Wire, ledger: Ledger, holds: readonly string[]): Promise<void> {
  t.match(await wire.get('/readyz'), { status: 200, json: { status: 'journal-full' } });
  await ledger.check(t, wire, 100);
  t.match(await wire.get(`/v1/holds/${holds[0]}`), { status: 200, json: { state: 'held' } });
  t.match(await availability(wire, 'spare-time'), { held: holds.length, available: 1000 - holds.length });
  t.equal((await wire.get('/metrics')).status, 200);
}

async function checkRefusals(t: Test, wire: Wire, holds: readonly string[]): Promise<void> {
  const orders = `/v1/events/${SYSTEM_EVENT.id}/orders`;
  t.match(await wire.post(orders, { items: [{ section: 'floor', quantity: 1 }] }, 'refused'), FULL);
  t.match(await wire.send('DELETE', `/v1/holds/${holds[0]}`), FULL, 'to release one has no room either');
}

/** By name, without the lock file, which says who holds it. */
function digests(directory: string): Record<string, string> {
  const names = readdirSync(directory).filter((name) => name !== 'lock');
  return Object.fromEntries(
    names.map((name) => [
      name,
      createHash('sha256')
        .update(readFileSync(join(directory, name)))
        .digest('hex'),
    ]),
  );
}

/** There is room: it sells again, and everything adds up. */
async function checkRecovery(
  t: Test,
  server: ServeProcess,
  disk: SmallDisk,
  ledger: Ledger,
  holds: string[],
): Promise<void> {
  const wire = new Wire(server.url, FLOWS);
  disk.makeRoom();
  const release = (): Promise<Answer> => wire.send('DELETE', `/v1/holds/${holds[0]}`);
  await until('there is room again', release, ({ status }) => status === 204);
  holds.shift();
  const enough = ledger.acknowledged + 100;
  await Promise.all(
    Array.from({ length: FLOWS }, () =>
      ledger.flow(
        wire,
        () => ledger.acknowledged >= enough,
        () => {},
      ),
    ),
  );
  await ledger.check(t, wire, Infinity);
  const { sequence, sections } = await availability(wire, SYSTEM_EVENT.id);
  t.ok(sections.every(conserves));
  await denseHistory(t, new FrontrowClient({ url: server.url }), SYSTEM_EVENT.id, sequence);
  t.match(await wire.get('/readyz'), { status: 200, json: { status: 'ready' } });
  t.match(await availability(wire, 'spare-time'), { held: holds.length, available: 1000 - holds.length });
  wire.close();
  t.same(await server.end('SIGTERM'), [0, null]);
  const verified = await runCli(['verify', '--data', disk.directory]);
  t.equal(verified.code, 0, verified.output);
}

t.test(
  `a full disk stops sales and nothing else, restarts too, seed ${SEED}`,
  { skip, timeout },
  async (t) => {
    const disk = await SmallDisk.mount(t, 24 * MIB);
    const first = await start(t, disk);
    const wire = new Wire(first.url, FLOWS);
    const ledger = new Ledger(seeded(SEED));
    t.equal((await wire.post('/v1/events', SYSTEM_EVENT)).status, 201);
    const holds = await defineHolds(wire, 'spare-time');
    disk.fill();
    await sellOut(wire, ledger);
    await checkReads(t, wire, ledger, holds);
    const released = await releaseAll(wire, holds);
    t.ok(released > 20, `${released} holds were released with the room that is kept for that`);
    await checkReads(t, wire, ledger, holds);
    await checkRefusals(t, wire, holds);
    t.equal(first.child.exitCode, null);
    wire.close();

    t.same(await first.end('SIGTERM'), [0, null], 'it ends clean');
    const left = digests(disk.directory);
    for (const end of ['SIGTERM', 'SIGKILL'] as const) {
      const server = await start(t, disk);
      const again = new Wire(server.url, FLOWS);
      await checkReads(t, again, ledger, holds);
      await checkRefusals(t, again, holds);
      again.close();
      t.same(await server.end(end), end === 'SIGTERM' ? [0, null] : [null, 'SIGKILL']);
      t.same(digests(disk.directory), left, 'nothing was taken of what is left');
    }
    await checkRecovery(t, await start(t, disk), disk, ledger, holds);
  },
);

t.test(`killed on a full disk it starts on it, seed ${SEED}`, { skip, timeout }, async (t) => {
  const disk = await SmallDisk.mount(t, 24 * MIB);
  const first = await start(t, disk);
  const wire = new Wire(first.url, FLOWS);
  const ledger = new Ledger(seeded(SEED));
  t.equal((await wire.post('/v1/events', SYSTEM_EVENT)).status, 201);
  const holds = await defineHolds(wire, 'spare-time');
  disk.fill();
  await sellOut(wire, ledger);
  wire.close();
  await first.end('SIGKILL');
  const second = await start(t, disk);
  const again = new Wire(second.url, FLOWS);
  await checkReads(t, again, ledger, holds);
  const released = await releaseAll(again, holds);
  t.ok(released > 20, `${released} holds were released`);
  again.close();
  await second.end('SIGKILL');
  await checkRecovery(t, await start(t, disk), disk, ledger, holds);
});

/** Writes padding until the segment is full to its last block, which takes the end mark; no spares are left. */
function fillSegment(directory: string): void {
  const journal = new FileJournal(directory, {
    segmentBytes: SEGMENT_BYTES,
    eventsMax: 4096,
    hasSupply: true,
  });
  journal.own();
  let { position } = journal.recover(new Collector());
  const padding = new Int32Array(4);
  padding[0] = packHeader(FRAME_KIND.padding, 4);
  while (journal.room() > 0) {
    if (!journal.append(position, [new Uint8Array(padding.buffer)]).ok)
      throw new Error('room() is there to be used');
    position += padding.byteLength;
  }
  journal.end();
  journal.close();
  for (const name of readdirSync(directory)) if (name.startsWith('spare-')) rmSync(join(directory, name));
}

t.test(
  'a journal that is full to the last block, without a spare, is served and goes on',
  { skip, timeout },
  async (t) => {
    const disk = await SmallDisk.mount(t, 24 * MIB);
    const first = await start(t, disk);
    const wire = new Wire(first.url, FLOWS);
    const ledger = new Ledger(seeded(SEED));
    t.equal((await wire.post('/v1/events', SYSTEM_EVENT)).status, 201);
    const holds = await defineHolds(wire, 'spare-time');
    await Promise.all(
      Array.from({ length: FLOWS }, () =>
        ledger.flow(
          wire,
          () => ledger.acknowledged >= 50,
          () => {},
        ),
      ),
    );
    wire.close();
    t.same(await first.end('SIGTERM'), [0, null]);
    fillSegment(disk.directory);
    disk.fill();
    const left = digests(disk.directory);
    const second = await start(t, disk);
    const again = new Wire(second.url, FLOWS);
    await checkReads(t, again, ledger, holds);
    await checkRefusals(t, again, holds);
    again.close();
    t.same(await second.end('SIGTERM'), [0, null], 'it ends clean, without a block for that');
    t.same(digests(disk.directory), left);
    await checkRecovery(t, await start(t, disk), disk, ledger, holds);
  },
);

t.test(
  'a first start on a full disk says that there is no room, and leaves nothing',
  { skip, timeout },
  async (t) => {
    const disk = await SmallDisk.mount(t, 8 * MIB);
    disk.fill(2 * MIB);
    await t.rejects(start(t, disk), { message: /serve ended with 1[^]*no room for the first segment/ });
    t.strictSame(readdirSync(disk.directory), ['lock']);
    disk.makeRoom();
    t.same(await (await start(t, disk)).end('SIGTERM'), [0, null]);
  },
);

/** An event whose every change writes some 300 KB. */
const LARGE = {
  id: 'large',
  name: 'v0',
  startsAt: '2027-01-15T19:00:00Z',
  sections: Array.from({ length: 1000 }, (_, i) => ({
    id: `s${i}`,
    name: 'n'.repeat(200),
    kind: 'general',
    capacity: 1,
  })),
};

t.test(
  `a disk that fills up and empties under load loses nothing, seed ${SEED}`,
  { skip, timeout },
  async (t) => {
    const random = seeded(SEED);
    const disk = await SmallDisk.mount(t, 48 * MIB);
    const server = await startProcess(t, disk.directory, [
      ...FLAGS,
      '--snapshot-segments',
      '1',
      '--history-mib',
      '0',
    ]);
    const wire = new Wire(server.url, FLOWS);
    const ledger = new Ledger(random);
    for (const event of [SYSTEM_EVENT, LARGE]) t.equal((await wire.post('/v1/events', event)).status, 201);
    let rounds = 0;
    let isFilled = false;
    let left = 0;
    const isOver = (): boolean => rounds === 6;
    // Filled up until the journal is full, then with room until it has sold a while.
    const seen = ({ status, json }: Answer): void => {
      if (isFilled && json['code'] === 'journal-full') {
        disk.makeRoom();
        isFilled = false;
        left = 20 + Math.floor(random() * 100);
        rounds++;
      } else if (!isFilled && status < 300 && left-- <= 0) {
        // A segment may still find room, or a part of one.
        disk.fill(Math.floor(random() * 1.5 * SEGMENT_BYTES));
        isFilled = true;
      }
    };
    let name = LARGE.name;
    const patch = async (): Promise<void> => {
      for (let count = 1; !isOver(); count++) {
        const answer = await wire.send('PATCH', '/v1/events/large', { name: `v${count}` });
        if (answer.status === 200) name = `v${count}`;
        seen(answer);
      }
    };
    await Promise.all([patch(), ...Array.from({ length: FLOWS - 1 }, () => ledger.flow(wire, isOver, seen))]);
    t.comment(JSON.stringify(Object.fromEntries(ledger.tally)), name);
    wire.close();
    t.same(await server.end('SIGKILL'), [null, 'SIGKILL'], 'it has not ended by itself');
    disk.makeRoom();
    const again = await start(t, disk);
    const later = new Wire(again.url, FLOWS);
    await ledger.check(t, later, Infinity);
    t.match(await later.get('/v1/events/large'), { json: { name } });
    later.close();
    t.same(await again.end('SIGTERM'), [0, null]);
    t.strictSame(
      readdirSync(disk.directory).filter((file) => file.endsWith('.part')),
      [],
    );
    const verified = await runCli(['verify', '--data', disk.directory]);
    t.equal(verified.code, 0, verified.output);
  },
);
