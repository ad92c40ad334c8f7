/**
 * A disk without room, simulated: a journal with a supply waits where it would need a segment, and starts, reads and
 * ends without one. What really happens on a full disk is in test/campaign/full-disk.test.ts.
 */
import { createHash } from 'node:crypto';
import t from 'tap';
import { writeZeros } from '../../src/journal/disk.ts';
import {
  groupBytes,
  segmentCapacity,
  SPARE_COUNT_DEFAULT,
  spareName,
  spareNumbers,
} from '../../src/journal/layout.ts';
import { MemoryJournal } from '../../src/journal/memory-journal.ts';
import type { Recovered } from '../../src/journal/port.ts';
import { SeededRandom } from '../../src/journal/random.ts';
import { SimulatedDisk } from '../../src/journal/simulated-disk.ts';
import { check, forSeeds, Model } from './fuzz.ts';
import { Collector, FrameMaker } from './sample-frames.ts';

const OPTIONS = { segmentBytes: 32 << 10, eventsMax: 4, hasSupply: true };
const BLOCK_BYTES = 4096;

/** Names and bytes of all files, as one text. */
function imageOf(disk: SimulatedDisk): string {
  const hash = createHash('sha256');
  for (const [name, bytes] of [...disk.image()].toSorted(([one], [other]) => (one < other ? -1 : 1)))
    hash.update(`${name} ${bytes.length}\n`).update(bytes);
  return hash.digest('hex');
}

/** One round of a supply: makes the spares that are missing, as far as there is room. */
function supply(disk: SimulatedDisk): void {
  const numbers = spareNumbers(disk.list());
  let next = (numbers.at(-1) ?? 0) + 1;
  for (let count = numbers.length; count < SPARE_COUNT_DEFAULT; count++) {
    if (disk.free() < OPTIONS.segmentBytes) return;
    const part = `${spareName(next)}.part`;
    const file = disk.open(part, 'create');
    writeZeros(file, 0, OPTIONS.segmentBytes);
    file.sync();
    file.close();
    disk.rename(part, spareName(next++));
    disk.syncDirectory();
  }
}

function start(disk: SimulatedDisk): { journal: MemoryJournal; sink: Collector; recovered: Recovered } {
  const journal = new MemoryJournal(disk, OPTIONS);
  journal.own();
  const sink = new Collector();
  return { journal, sink, recovered: journal.recover(sink) };
}

/** Appends groups of one block each until there is no room for one more. Returns the position. */
function fillUp(journal: MemoryJournal, maker: FrameMaker, from: number, blocksLeft = 0): number {
  let position = from;
  while (journal.room() > blocksLeft * BLOCK_BYTES) {
    const group = maker.single(0, 2);
    check(journal.append(position, [group]).ok, 'room() is there to be used');
    position += group.byteLength;
  }
  return position;
}

t.test('a roll without a spare changes nothing and may be tried again; what still fits goes on', (test) => {
  const disk = new SimulatedDisk(1);
  const { journal } = start(disk);
  const maker = new FrameMaker(1);
  let position = fillUp(journal, maker, 0, 1);
  const large = maker.single(1, 1500);
  const before = imageOf(disk);
  for (let tries = 0; tries < 3; tries++) {
    test.match(journal.append(position, [large]), { ok: false, reason: 'full' });
    test.equal(imageOf(disk), before);
  }
  const small = maker.single(0, 2);
  test.strictSame(journal.append(position, [small]), { ok: true }, 'there is room for a smaller group');
  position += small.byteLength;
  supply(disk);
  test.strictSame(
    journal.append(position, [large]),
    { ok: true },
    'and for the large one, once there is a spare',
  );
  test.equal(journal.stats.rolls, 1);
  test.end();
});

t.test('a directory without room for one more name is a full disk too', (test) => {
  const disk = new SimulatedDisk(1);
  const { journal } = start(disk);
  const maker = new FrameMaker(1);
  const position = fillUp(journal, maker, 0);
  supply(disk);
  const group = maker.single(0, 2);
  disk.arm({ kind: 'no-space', after: 0 });
  test.match(journal.append(position, [group]), { ok: false, reason: 'full' });
  disk.arm(null);
  test.strictSame(journal.append(position, [group]), { ok: true });
  test.end();
});

t.test('starts and ends on a full disk take nothing, however full the open segment is', (test) => {
  const blocks = segmentCapacity(OPTIONS) / BLOCK_BYTES;
  for (let left = 0; left < blocks; left++) {
    for (const isKilled of [false, true]) {
      const disk = new SimulatedDisk(1);
      const first = start(disk);
      const maker = new FrameMaker(1);
      const position = fillUp(first.journal, maker, 0, left);
      if (!isKilled) first.journal.end();
      first.journal.close();
      disk.capacityBytes = 0;
      const title = `${left} blocks left, ${isKilled ? 'killed' : 'ended'}`;

      let before = imageOf(disk);
      start(disk).journal.close();
      test.equal(imageOf(disk), before, `${title}: a start and a kill write nothing`);
      for (let round = 0; round < 3; round++) {
        const { journal, sink, recovered } = start(disk);
        test.match(recovered, { position, cleanEnd: round > 0 || !isKilled }, title);
        test.equal(sink.groups.length, position / maker.single(1, 2).byteLength);
        test.strictSame(journal.end(), { ok: true }, `${title}: it ends clean`);
        journal.close();
        if (round === 0) before = imageOf(disk);
        test.equal(imageOf(disk), before, `${title}: another round writes nothing`);
      }

      const { journal } = start(disk);
      const group = new FrameMaker(1, 4, 8).single(0, 2);
      const fits = journal.room() >= groupBytes(group.byteLength);
      const outcome = journal.append(position, [group]);
      test.equal(outcome.ok, fits, `${title}: room() says whether a group fits`);
      if (!fits) {
        test.equal(imageOf(disk), before, `${title}: not even a begin mark is written`);
        disk.capacityBytes = Infinity;
        supply(disk);
        test.strictSame(journal.append(position, [group]), { ok: true }, `${title}: goes on with a spare`);
      }
      test.strictSame(journal.end(), { ok: true });
      journal.close();
      test.match(start(disk).recovered, { cleanEnd: true, position: position + group.byteLength });
    }
  }
  test.end();
});

t.test('a new journal on a full disk is refused in so many words', (test) => {
  const disk = new SimulatedDisk(1, OPTIONS.segmentBytes - 1);
  test.throws(() => start(disk), { code: 'directory-unusable', message: /no room for the first segment/ });
  test.strictSame(disk.list(), [], 'and leaves nothing');
  test.end();
});

t.test('room that comes and goes never loses a journal, or a group that it acknowledged', (test) => {
  let waits = 0;
  forSeeds(test, 150, (seed) => {
    const random = new SeededRandom(seed);
    const disk = new SimulatedDisk(random.next());
    const model = new Model();
    const step = (journal: MemoryJournal, maker: FrameMaker): void => {
      if (random.oneIn(8)) disk.capacityBytes = random.below(12) * OPTIONS.segmentBytes + random.below(9000);
      if (random.oneIn(3)) supply(disk);
      const group = maker.group(1 + random.below(40));
      const outcome = journal.append(model.position, [group]);
      check(
        outcome.ok || outcome.reason === 'full',
        `a group is written or waits, not ${JSON.stringify(outcome)}`,
      );
      if (!outcome.ok) {
        waits++;
        // The ring keeps it; a later try finds room.
        disk.capacityBytes = Infinity;
        supply(disk);
        check(journal.append(model.position, [group]).ok, 'with a spare it is written');
      }
      model.acknowledged.push({ position: model.position, bytes: Buffer.from(group) });
      model.position += group.byteLength;
    };
    for (let boot = 0; boot < 5; boot++) {
      const { journal, sink, recovered } = start(disk);
      model.audit(sink.groups, 0);
      check(recovered.position === model.position, 'it goes on where it ended');
      const maker = new FrameMaker(random.next(), 4, boot + 1);
      for (let count = random.below(25); count > 0; count--) step(journal, maker);
      disk.capacityBytes = random.oneIn(2) ? 0 : disk.capacityBytes;
      const isEnded = random.oneIn(2);
      if (isEnded) check(journal.end().ok, 'it ends clean on whatever disk');
      if (isEnded) journal.close();
      if (random.oneIn(2)) disk.crash();
      else disk.kill();
      if (boot === 0 && random.oneIn(2)) disk.capacityBytes = 0;
    }
    model.audit(start(disk).sink.groups, 0);
  });
  test.ok(waits > 0, `${waits} groups waited for a segment`);
  test.end();
});
