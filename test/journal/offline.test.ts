import { crc32 } from 'node:zlib';
import t from 'tap';
import type { FrontrowError } from '../../src/core/assert.ts';
import { readJournal } from '../../src/journal/journal-reader.ts';
import { FORMAT_VERSION, FORMAT_VERSION_OLDEST, snapshotName } from '../../src/journal/layout.ts';
import type { Disk, DiskFile } from '../../src/journal/disk.ts';
import { MemoryJournal } from '../../src/journal/memory-journal.ts';
import { verifyDisk } from '../../src/journal/offline.ts';
import { SimulatedCrash, SimulatedDisk } from '../../src/journal/simulated-disk.ts';
import { checkSnapshot, snapshotChunks, writeSnapshot } from '../../src/journal/snapshot.ts';
import { trim } from '../../src/journal/trim.ts';
import { Collector, FrameMaker, type CollectedGroup } from './sample-frames.ts';

const OPTIONS = { segmentBytes: 64 << 10, eventsMax: 16 };

interface Filled {
  readonly disk: SimulatedDisk;
  readonly journal: MemoryJournal;
  readonly maker: FrameMaker;
  readonly incarnation: string;
  position: number;
}

function fill(groups: number): Filled {
  const disk = new SimulatedDisk(5);
  const journal = new MemoryJournal(disk, OPTIONS);
  journal.own();
  const { incarnation } = journal.recover(new Collector());
  const filled = { disk, journal, maker: new FrameMaker(1), incarnation, position: 0 };
  appendGroups(filled, groups);
  return filled;
}

function appendGroups(filled: Filled, groups: number): void {
  for (let count = 0; count < groups; count++) {
    const group = filled.maker.group(20);
    filled.journal.append(filled.position, [group]);
    filled.position += group.byteLength;
  }
}

function snapshot(filled: Filled, position: number, text: string): void {
  const info = { position, incarnation: filled.incarnation, lastTimeMs: position, bytes: 0 };
  writeSnapshot(filled.disk, info, [Buffer.from(text), Buffer.alloc(0), Buffer.from('!')]);
}

interface Restarted {
  readonly journal: MemoryJournal;
  readonly sink: Collector;
  readonly refusal: unknown;
  readonly notes: readonly string[];
}

function restart(disk: SimulatedDisk): Restarted {
  disk.kill();
  const journal = new MemoryJournal(disk, OPTIONS);
  journal.own();
  const sink = new Collector();
  try {
    const { notes } = journal.recover(sink);
    return { journal, sink, refusal: null, notes };
  } catch (refusal) {
    return { journal, sink, refusal, notes: [] };
  }
}

t.test('sealed segments are read beside the writer, up to the start of the last one', async (test) => {
  const filled = fill(30);
  const before = filled.disk.image();
  const sink = new Collector();
  const report = readJournal(filled.disk, { fromSnapshot: true, through: 'sealed' }, sink);
  test.strictSame(report.problems, []);
  test.ok(report.position > 0 && report.position < filled.position);
  const last = sink.groups.at(-1)!;
  test.equal(last.position + last.bytes.byteLength, report.position);
  test.strictSame(filled.disk.image(), before, 'nothing is changed');

  snapshot(filled, report.position, 'state');
  appendGroups(filled, 20);
  const next = new Collector();
  const second = readJournal(filled.disk, { fromSnapshot: true, through: 'sealed' }, next);
  test.equal(next.snapshotBytes.toString(), 'state!');
  test.equal(next.groups[0].position, report.position);
  test.equal(second.firstPosition, report.position);
});

t.test('trim keeps what recovery needs when the newest snapshot goes bad', async (test) => {
  const filled = fill(40);
  const sealed = readJournal(filled.disk, { fromSnapshot: true, through: 'sealed' }, new Collector());
  snapshot(filled, sealed.position, 'one');
  test.strictSame(trim(filled.disk, { historyBytes: 0 }).deleted, [], 'with one snapshot nothing goes');
  appendGroups(filled, 40);
  const later = readJournal(filled.disk, { fromSnapshot: true, through: 'sealed' }, new Collector());
  snapshot(filled, later.position, 'two');
  test.equal(trim(filled.disk, { historyBytes: 0 }).firstPosition, sealed.position);
  filled.disk.rot(snapshotName(later.position), 81, 4);
  const { sink, refusal, notes } = restart(filled.disk);
  test.equal(refusal, null);
  test.equal(sink.snapshotBytes.toString(), 'one!');
  test.equal(notes.length, 1);
  test.match(notes[0], snapshotName(later.position));
  test.strictSame(verifyDisk(filled.disk).problems, [], 'the bad one was put aside');
});

t.test('with both snapshots bad and segments trimmed it refuses and names them', async (test) => {
  const filled = fill(40);
  const sealed = readJournal(filled.disk, { fromSnapshot: true, through: 'sealed' }, new Collector());
  snapshot(filled, sealed.position, 'one');
  snapshot(filled, filled.position, 'two');
  trim(filled.disk, { historyBytes: 0 });
  filled.disk.rot(snapshotName(sealed.position), 70, 4);
  filled.disk.rot(snapshotName(filled.position), 3, 4);
  const before = filled.disk.image();
  const { refusal } = restart(filled.disk);
  test.match(refusal, { code: 'data-corrupt' });
  test.match((refusal as FrontrowError).message, snapshotName(sealed.position));
  test.strictSame(filled.disk.image(), before);
});

t.test(
  'a snapshot that was written survives a power cut, and a half-written one is never read',
  async (test) => {
    for (let seed = 1; seed <= 20; seed++) {
      const disk = new SimulatedDisk(seed);
      const info = { position: 0, incarnation: '0'.repeat(32), lastTimeMs: 1, bytes: 0 };
      writeSnapshot(disk, info, [Buffer.from('old')]);
      disk.crash();
      test.ok(disk.list().includes(snapshotName(0)), `seed ${seed}`);
      disk.arm({ kind: 'crash', after: seed % 7 });
      try {
        writeSnapshot(disk, { ...info, position: 8 }, [Buffer.alloc(3000, 1), Buffer.alloc(3000, 2)]);
      } catch (error) {
        test.match(error, { name: 'SimulatedCrash' });
      }
      disk.crash();
      for (const name of disk.list().filter((each) => each.endsWith('.snapshot'))) {
        const file = disk.open(name, 'read');
        test.equal(checkSnapshot(file).ok, true, `seed ${seed}: ${name}`);
        file.close();
      }
    }
  },
);

t.test(
  'a large snapshot is synced piece by piece, so that no sync of the journal waits long',
  async (test) => {
    const disk = new SimulatedDisk(1);
    const info = { position: 0, incarnation: '0'.repeat(32), lastTimeMs: 1, bytes: 0 };
    const small = Array.from({ length: 10 }, (_, index) => Buffer.alloc(700_000, index));
    const chunks = [Buffer.alloc(2_500_001, 1), Buffer.alloc(1 << 20, 2), ...small, Buffer.from('end')];
    let unsynced = 0;
    let most = 0;
    const counting = (file: DiskFile): DiskFile => ({
      name: file.name,
      size: () => file.size(),
      read: (into, offset) => file.read(into, offset),
      write: (parts, offset) => {
        for (const part of parts) unsynced += part.byteLength;
        most = Math.max(most, unsynced);
        return file.write(parts, offset);
      },
      sync: () => {
        unsynced = 0;
        file.sync();
      },
      close: () => file.close(),
    });
    const watched: Disk = {
      list: () => disk.list(),
      open: (name, mode) => counting(disk.open(name, mode)),
      rename: (from, to) => disk.rename(from, to),
      unlink: (name) => disk.unlink(name),
      syncDirectory: () => disk.syncDirectory(),
      free: () => disk.free(),
      lock: (owner) => disk.lock(owner),
    };
    writeSnapshot(watched, info, chunks);
    test.equal(unsynced, 0);
    test.ok(most < 2 * (1 << 20), `${most} bytes at once`);
    disk.crash();
    const file = disk.open(snapshotName(0), 'read');
    test.equal(checkSnapshot(file).ok, true);
    const read: Buffer[] = [];
    for (const chunk of snapshotChunks(file)) read.push(Buffer.from(chunk));
    test.ok(Buffer.concat(read).equals(Buffer.concat(chunks)));
    file.close();
  },
);

t.test('every bit of a durable group and of a segment header counts', async (test) => {
  const filled = fill(3);
  filled.disk.kill();
  const name = 'segment-0000000001.journal';
  // Block 1 is the begin mark, block 2 the first group of frames.
  for (const [from, to, step] of [
    [0, 4096, 97],
    [4096, 4096 + 64, 1],
    [8192, 8192 + 160, 1],
  ] as const) {
    for (let offset = from; offset < to; offset += step) {
      const mask = 1 << (offset & 7);
      filled.disk.rot(name, offset, mask);
      const report = verifyDisk(filled.disk);
      const first = report.recovery.problems.find((problem) => problem.fatal);
      if (first?.file !== name || first.offset !== from)
        test.fail(`a flip at ${offset}: ${JSON.stringify(first)}`);
      filled.disk.rot(name, offset, mask);
    }
  }
  test.strictSame(verifyDisk(filled.disk).problems, []);
});

t.test('a missing segment is corruption, wherever it was', async (test) => {
  for (const victim of ['first', 'middle', 'last']) {
    const filled = fill(40);
    filled.disk.kill();
    const names = filled.disk.list().filter((name) => name.startsWith('segment-'));
    const name = victim === 'first' ? names[0] : victim === 'middle' ? names[1] : names.at(-1)!;
    filled.disk.unlink(name);
    const { refusal } = restart(filled.disk);
    test.match(refusal, { code: 'data-corrupt' }, victim);
    test.match((refusal as FrontrowError).message, /missing-segment/);
    test.match((refusal as FrontrowError).message, victim === 'first' ? 'segment-0000000001' : name);
  }
});

t.test('a segment of another journal and a newer format are refused in so many words', async (test) => {
  const other = fill(40).disk.image().get('segment-0000000002.journal')!;
  const filled = fill(40);
  filled.disk.kill();
  filled.disk.unlink('segment-0000000002.journal');
  const file = filled.disk.open('segment-0000000002.journal', 'create');
  file.write([other], 0);
  test.match(restart(filled.disk).refusal, { code: 'data-corrupt', message: 'another journal' });

  const newer = fill(1);
  newer.disk.kill();
  setFormat(newer.disk, 'segment-0000000001.journal', FORMAT_VERSION + 1);
  const before = newer.disk.image();
  const message = new RegExp(`segment-0000000001.*format ${FORMAT_VERSION + 1}.*upgrade Frontrow`);
  test.match(restart(newer.disk).refusal, { code: 'directory-unusable', message });
  test.strictSame(newer.disk.image(), before);
});

function setFormat(disk: SimulatedDisk, name: string, format: number): void {
  const handle = disk.open(name, 'write');
  const block = Buffer.alloc(4096);
  handle.read(block, 0);
  block.writeUInt32LE(format, 8);
  block.writeUInt32LE(crc32(block.subarray(8)), 4);
  handle.write([block], 0);
  handle.sync();
}

/** Appends the first group of a life. */
function appendOne(journal: MemoryJournal, position: number, generation: number): boolean {
  return journal.append(position, [new FrameMaker(1, 4, generation).group(1)]).ok;
}

function formatsOf(disk: SimulatedDisk): number[] {
  const names = disk.list().filter((name) => name.endsWith('.journal'));
  return names.map((name) => Buffer.from(disk.image().get(name)!).readUInt32LE(8));
}

t.test(
  'an older journal goes on in a segment of its own, whenever the power goes meanwhile',
  async (test) => {
    const upgrade = (crashAfter: number): { isDone: boolean; disk: SimulatedDisk; due: string[] } => {
      const filled = fill(12);
      const { disk } = filled;
      const due = readBack(disk);
      disk.kill();
      const segments = disk.list().filter((name) => name.endsWith('.journal'));
      for (const name of segments) setFormat(disk, name, FORMAT_VERSION_OLDEST);
      disk.syncDirectory();
      disk.arm({ kind: 'crash', after: crashAfter });
      const journal = new MemoryJournal(disk, OPTIONS);
      let isDone = false;
      try {
        journal.own();
        journal.recover(new Collector());
        test.strictSame(
          [...new Set(formatsOf(disk))],
          [FORMAT_VERSION_OLDEST],
          'a start alone changes nothing',
        );
        isDone = appendOne(journal, filled.position, 8);
      } catch (error) {
        if (!(error instanceof SimulatedCrash)) throw error;
      }
      disk.crash();
      return { isDone, disk, due };
    };
    for (let crashAfter = 0, isDone = false; !isDone; crashAfter++) {
      const crashed = upgrade(crashAfter);
      ({ isDone } = crashed);
      const { disk } = crashed;
      test.strictSame(
        verifyDisk(disk).recovery.problems.filter(({ fatal }) => fatal),
        [],
      );
      const { refusal, sink, journal } = restart(disk);
      test.equal(refusal, null);
      const found = sink.groups.map(groupText);
      test.strictSame(
        found.slice(0, crashed.due.length),
        crashed.due,
        `a power cut after ${crashAfter} operations`,
      );
      const last = sink.groups.at(-1)!;
      test.equal(appendOne(journal, last.position + last.bytes.byteLength, 9), true);
      const formats = formatsOf(disk);
      test.equal(formats.at(-1), FORMAT_VERSION);
      test.strictSame(
        formats,
        formats.toSorted((a, b) => a - b),
      );
      // Started once more it has nothing left to do.
      restart(disk);
      test.strictSame(formatsOf(disk), formats);
    }
  },
);

function groupText({ position, bytes }: CollectedGroup): string {
  return `${position} ${crc32(bytes)}`;
}

function readBack(disk: SimulatedDisk): string[] {
  const sink = new Collector();
  readJournal(disk, { fromSnapshot: true, through: 'all' }, sink);
  return sink.groups.map(groupText);
}

t.test('a torn tail is named once, cut and zeroed', async (test) => {
  const filled = fill(3);
  filled.disk.kill();
  const name = 'segment-0000000001.journal';
  const { offset } = verifyDisk(filled.disk).recovery.last!.end;
  filled.disk.open(name, 'write').write([Buffer.alloc(9000, 5)], offset);
  // Its header cannot be read: the positions are those that its bytes may have held, without one.
  const [from, to] = [filled.position, filled.position + 9000 - 64];
  const tornTail = { file: name, offset, bytes: 9000, from, to };
  test.strictSame(verifyDisk(filled.disk).recovery.tornTail, tornTail, 'reading only reports');
  for (const due of [tornTail, null]) {
    const journal = new MemoryJournal(filled.disk, OPTIONS);
    journal.own();
    const recovered = journal.recover(new Collector());
    test.strictSame(recovered.tornTail, due);
    test.match(recovered, { groups: 3, position: filled.position, cleanEnd: false });
    journal.close();
  }
});

t.test('verify names a damaged footer, and recovery makes it again', async (test) => {
  const filled = fill(40);
  filled.journal.end();
  filled.disk.kill();
  filled.disk.rot('segment-0000000001.journal', (64 << 10) - 4096 + 20, 1);
  const report = verifyDisk(filled.disk);
  test.match(report.problems, [{ code: 'bad-footer', fatal: false, file: 'segment-0000000001.journal' }]);
  test.equal(report.recovery.cleanEnd, true);
  test.equal(restart(filled.disk).refusal, null);
  filled.disk.kill();
  test.strictSame(verifyDisk(filled.disk).problems, []);
});
