/**
 * The end of the last segment: what a crash may leave there is cut and named, and what had been synced is refused when
 * it is damaged, however little of what was written behind it can still be read.
 */
import t from 'tap';
import { groupPlaces, type GroupPlace } from '../../src/journal/group-places.ts';
import { GROUP_HEADER_BYTES } from '../../src/journal/layout.ts';
import { MemoryJournal } from '../../src/journal/memory-journal.ts';
import { verifyDisk } from '../../src/journal/offline.ts';
import type { Recovered } from '../../src/journal/port.ts';
import { SimulatedDisk } from '../../src/journal/simulated-disk.ts';
import { check } from './fuzz.ts';
import { Collector, FrameMaker } from './sample-frames.ts';

const OPTIONS = { segmentBytes: 64 << 10, eventsMax: 16 };
const SECTOR_BYTES = 512;

interface Left {
  readonly disk: SimulatedDisk;
  /** Groups of frames, in order. */
  readonly groups: readonly GroupPlace[];
}

/** What a process that was killed has left: a begin mark and three groups, each of several sectors. */
function leave(durability: 'sync' | 'none' = 'sync'): Left {
  const disk = new SimulatedDisk(1);
  const journal = new MemoryJournal(disk, { ...OPTIONS, durability });
  journal.own();
  journal.recover(new Collector());
  const maker = new FrameMaker(1);
  let position = 0;
  for (let count = 0; count < 3; count++) {
    const group = maker.group(20);
    check(journal.append(position, [group]).ok, 'the disk is sound');
    position += group.byteLength;
  }
  disk.kill();
  const groups = [...groupPlaces(disk)].filter(({ frames }) => frames > 0);
  check(
    groups.length === 3 && groups.every(({ start, end }) => end - start > 2 * SECTOR_BYTES),
    'of several sectors',
  );
  return { disk, groups };
}

/** A power cut that lets only the first sectors of a group reach the disk. */
function tear(disk: SimulatedDisk, { file, offset }: GroupPlace, sectors: number): void {
  const from = offset + sectors * SECTOR_BYTES;
  disk.open(file, 'write').write([new Uint8Array(4096 - sectors * SECTOR_BYTES)], from);
}

function recover(disk: SimulatedDisk): Recovered {
  const journal = new MemoryJournal(disk, OPTIONS);
  journal.own();
  try {
    return journal.recover(new Collector());
  } finally {
    journal.close();
  }
}

t.test('a damaged group is refused when the one behind it has no more than its header', (test) => {
  const { disk, groups } = leave();
  const [, damaged, torn] = groups;
  tear(disk, torn, 1);
  disk.rot(damaged.file, damaged.offset + 700, 1);
  const before = disk.image();
  const message = new RegExp(`${damaged.file} at offset ${damaged.offset}: .*synced`);
  test.throws(() => recover(disk), { code: 'data-corrupt', message });
  test.strictSame(disk.image(), before, 'and nothing is changed');
  test.match(verifyDisk(disk).problems, [{ code: 'bad-group', fatal: true, offset: damaged.offset }]);
  test.end();
});

t.test('a header that was written without a sync before it proves nothing', (test) => {
  const { disk, groups } = leave('none');
  const [first, damaged, torn] = groups;
  tear(disk, torn, 1);
  disk.rot(damaged.file, damaged.offset + 700, 1);
  test.match(recover(disk), { position: first.end, tornTail: { offset: damaged.offset, from: first.end } });
  test.end();
});

t.test('the positions that are cut are told: those that the header claims', (test) => {
  const { disk, groups } = leave();
  const [, kept, torn] = groups;
  tear(disk, torn, 2);
  const tail = { file: torn.file, offset: torn.offset, from: torn.start, to: torn.end };
  test.match(verifyDisk(disk).recovery.tornTail, tail);
  const { position, tornTail, notes } = recover(disk);
  test.match({ position, tornTail }, { position: kept.end, tornTail: tail });
  test.match(notes, [
    new RegExp(`${torn.file} at offset ${torn.offset}.*positions ${torn.start} to ${torn.end}, was cut`),
  ]);
  test.match(recover(disk), { tornTail: null, notes: [] }, 'once');
  test.end();
});

t.test('without a header the positions are those that the bytes may have held', (test) => {
  const { disk, groups } = leave();
  const torn = groups[2];
  disk.open(torn.file, 'write').write([new Uint8Array(SECTOR_BYTES)], torn.offset);
  const { tornTail } = verifyDisk(disk).recovery;
  test.match(tornTail, { offset: torn.offset, from: torn.start });
  const bytes = tornTail?.bytes ?? 0;
  test.ok(bytes > SECTOR_BYTES, 'its other sectors are there');
  test.equal(tornTail?.to, torn.start + Math.ceil((bytes - GROUP_HEADER_BYTES) / 8) * 8);
  test.ok((tornTail?.to ?? Infinity) <= torn.end);
  test.end();
});
