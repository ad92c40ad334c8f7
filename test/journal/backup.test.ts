/** Copies beside a writer that appends, rolls, snapshots and trims at the worst moments. On simulated disks. */
import { crc32 } from 'node:zlib';
import t from 'tap';
import type { FrontrowError } from '../../src/core/assert.ts';
import { copyJournal } from '../../src/journal/backup.ts';
import {
  decodeManifest,
  encodeManifest,
  makeManifest,
  MANIFEST_NAME,
  writeManifest,
  type BackupManifest,
} from '../../src/journal/backup-manifest.ts';
import type { Disk, DiskFile } from '../../src/journal/disk.ts';
import { readJournal } from '../../src/journal/journal-reader.ts';
import { FORMAT_VERSION, PART_SUFFIX, segmentName, segmentNumbers } from '../../src/journal/layout.ts';
import { MemoryJournal } from '../../src/journal/memory-journal.ts';
import { verifyDisk } from '../../src/journal/offline.ts';
import { SeededRandom } from '../../src/journal/random.ts';
import { checkFiles, restoreFiles } from '../../src/journal/restore.ts';
import { SimulatedDisk } from '../../src/journal/simulated-disk.ts';
import { writeSnapshot } from '../../src/journal/snapshot.ts';
import { trim } from '../../src/journal/trim.ts';
import { Collector, FrameMaker } from './sample-frames.ts';

const OPTIONS = { segmentBytes: 32 << 10, eventsMax: 16 };
const SEEDS = process.env['FRONTROW_LONG'] === '1' ? 400 : 12;

/** A journal whose owner never rests. */
class Writer {
  readonly disk: SimulatedDisk;
  readonly journal: MemoryJournal;
  readonly appended: string[] = [];
  readonly incarnation: string;
  readonly #maker: FrameMaker;
  position = 0;

  constructor(seed: number) {
    this.disk = new SimulatedDisk(seed);
    this.journal = new MemoryJournal(this.disk, OPTIONS);
    this.#maker = new FrameMaker(seed);
    this.journal.own();
    this.incarnation = this.journal.recover(new Collector()).incarnation;
  }

  append(groups: number): void {
    for (let count = 0; count < groups; count++) {
      const group = this.#maker.group(8);
      this.journal.append(this.position, [group]);
      this.appended.push(`${this.position} ${crc32(group)}`);
      this.position += group.byteLength;
    }
  }

  /** A snapshot of what is sealed, and away with what it makes needless. */
  snapshot(): void {
    const report = readJournal(this.disk, { fromSnapshot: true, through: 'sealed' }, new Collector());
    if (report.position <= (report.snapshot?.position ?? 0)) return;
    const info = { position: report.position, incarnation: this.incarnation, lastTimeMs: 1, bytes: 0 };
    writeSnapshot(this.disk, info, [Buffer.from(`state at ${report.position}`)]);
    trim(this.disk, { historyBytes: 0 });
  }
}

/** The disk as another process sees it: before each of its calls the writer may have gone on. */
function beside(disk: Disk, goOn: () => void): Disk {
  const watched = (file: DiskFile): DiskFile => ({
    name: file.name,
    size: () => file.size(),
    read(into, offset) {
      goOn();
      return file.read(into, offset);
    },
    write: () => t.fail('the source is written to') as never,
    sync: () => t.fail('the source is synced') as never,
    close: () => file.close(),
  });
  return {
    list() {
      goOn();
      return disk.list();
    },
    open(name, mode) {
      goOn();
      if (mode !== 'read') throw new Error('the source is opened to write');
      return watched(disk.open(name, mode));
    },
    rename: () => t.fail('the source is changed'),
    unlink: () => t.fail('the source is changed'),
    syncDirectory: () => t.fail('the source is changed'),
    free: () => disk.free(),
    lock: () => t.fail('the source is locked') as never,
  };
}

function groupsIn(disk: Disk): { first: number; groups: string[] } {
  const sink = new Collector();
  const { firstPosition } = readJournal(disk, { fromSnapshot: false, through: 'all' }, sink);
  return { first: firstPosition, groups: sink.groups.map((each) => `${each.position} ${crc32(each.bytes)}`) };
}

t.test(
  `a copy taken beside the writer is whole, a prefix, and misses nothing from before it, ${SEEDS} seeds`,
  async (test) => {
    let trimmed = 0;
    for (let seed = 1; seed <= SEEDS; seed++) {
      const random = new SeededRandom(seed);
      const writer = new Writer(seed);
      writer.append(20 + random.below(20));
      if (random.oneIn(2)) writer.snapshot();
      const before = writer.position;
      let isBusy = false;
      let budget = 60;
      const goOn = (): void => {
        if (isBusy || budget === 0 || !random.oneIn(3)) return;
        isBusy = true;
        budget--;
        writer.append(random.below(6));
        if (random.oneIn(3)) writer.snapshot();
        isBusy = false;
      };
      const copy = new SimulatedDisk(seed);
      const files = await copyJournal(beside(writer.disk, goOn), copy, {});
      copy.crash();
      const { problems, recovery } = verifyDisk(copy);
      test.strictSame(problems, [], `seed ${seed}`);
      test.strictSame(files.map(({ name }) => name).sort(), copy.list());
      await checkFiles(copy, files, {});
      test.ok(recovery.position >= before, 'nothing from before it is missing');
      const { first, groups } = groupsIn(copy);
      if (first > 0) trimmed++;
      const due = writer.appended.filter((each) => Number(each.split(' ')[0]) >= first);
      test.strictSame(groups, due.slice(0, groups.length), 'a prefix of what was written');
    }
    test.ok(trimmed > SEEDS / 10, `${trimmed} of them lost segments meanwhile`);
  },
);

t.test('what is being written is left out, and what is damaged is not mistaken for it', async (test) => {
  const writer = new Writer(1);
  writer.append(3);
  const name = segmentName(1);
  const { offset } = verifyDisk(writer.disk).recovery.last?.end ?? { offset: 0 };
  writer.disk.open(name, 'write').write([Buffer.from('FRGR half of a group')], offset);
  const copy = new SimulatedDisk(2);
  await copyJournal(writer.disk, copy, {});
  test.match(verifyDisk(copy), { problems: [], recovery: { tornTail: null, position: writer.position } });

  writer.disk.rot(name, offset - 4096 * 2 + 100, 1);
  const refused = {
    code: 'data-corrupt',
    message: new RegExp(`in the source, ${name} at offset ${offset - 8192}`),
  };
  await test.rejects(copyJournal(writer.disk, new SimulatedDisk(3), {}), refused);
  await test.rejects(copyJournal(new SimulatedDisk(4), new SimulatedDisk(5), {}), {
    code: 'directory-unusable',
  });
});

t.test('a restore is another incarnation of the same groups, and goes on', async (test) => {
  const writer = new Writer(7);
  writer.append(40);
  writer.snapshot();
  writer.append(40);
  writer.snapshot();
  writer.append(5);
  const backup = new SimulatedDisk(1);
  const files = await copyJournal(writer.disk, backup, {});
  const restored = new SimulatedDisk(2);
  const incarnation = 'c0ffee00'.repeat(4);
  await restoreFiles(backup, restored, files, incarnation, {});
  restored.crash();
  test.match(verifyDisk(restored), { problems: [], recovery: { incarnation, position: writer.position } });
  test.strictSame(groupsIn(restored), groupsIn(backup), 'the chain of groups is the same');
  const journal = new MemoryJournal(restored, OPTIONS);
  journal.own();
  const recovered = journal.recover(new Collector());
  test.match(recovered, { incarnation, position: writer.position, notes: [] });
  test.equal(journal.append(writer.position, [new FrameMaker(9).single(3, 4)]).ok, true);
});

t.test('a power cut in a restore leaves nothing that starts, or all of it', async (test) => {
  const writer = new Writer(3);
  writer.append(30);
  writer.snapshot();
  writer.append(30);
  writer.snapshot();
  const backup = new SimulatedDisk(1);
  const files = await copyJournal(writer.disk, backup, {});
  let whole = 0;
  let refused = 0;
  for (let after = 0, isDone = false; !isDone; after += 1 + (after % 3)) {
    const target = new SimulatedDisk(after);
    target.arm({ kind: 'crash', after });
    isDone = await restoreFiles(backup, target, files, '12345678'.repeat(4), {}).then(
      () => true,
      () => false,
    );
    target.crash();
    const hasLeft = target
      .list()
      .some((name) => name.endsWith(PART_SUFFIX) && segmentNumbers([name.slice(0, -5)]).length > 0);
    if (hasLeft) {
      const journal = new MemoryJournal(target, OPTIONS);
      journal.own();
      test.throws(() => journal.recover(new Collector()), /a restore that was not finished/);
      refused++;
      continue;
    }
    if (segmentNumbers(target.list()).length === 0) continue;
    const { recovery } = verifyDisk(target);
    if (recovery.problems.some(({ fatal }) => fatal)) continue;
    test.equal(recovery.position, writer.position, `after ${after} operations`);
    whole++;
  }
  test.ok(whole > 0);
  test.ok(refused > 0, 'what a killed restore leaves is not taken for an empty directory');
});

function sampleManifest(): BackupManifest {
  return makeManifest({
    incarnation: 'ab'.repeat(16),
    takenAt: '2026-01-01T00:00:00.000Z',
    position: 8,
    events: [{ id: 'gala', state: 'open', sequence: 7, changedAt: '2026-01-01T00:00:00.000Z' }],
    files: [{ name: segmentName(1), bytes: 4096, sha256: '00' }],
  });
}

t.test(
  'a manifest that the disk takes a part of is a failure, and nobody takes the part for one',
  async (test) => {
    for (let seed = 1; seed <= 20; seed++) {
      const disk = new SimulatedDisk(seed);
      disk.arm({ kind: 'short-write', after: 1 });
      test.throws(() => writeManifest(disk, sampleManifest()), { name: 'ShortWriteError' }, `seed ${seed}`);
      const bytes = disk.image().get(MANIFEST_NAME) ?? new Uint8Array(0);
      test.equal(isAccepted(Buffer.from(bytes).toString()), false);
    }
    const disk = new SimulatedDisk(1);
    writeManifest(disk, sampleManifest());
    test.strictSame(
      decodeManifest(Buffer.from(disk.image().get(MANIFEST_NAME)!).toString()),
      sampleManifest(),
    );
  },
);

t.test('a manifest of which one byte changed, or of the future, is refused', async (test) => {
  const manifest = sampleManifest();
  const { files } = manifest;
  const text = encodeManifest(manifest);
  test.strictSame(decodeManifest(text), manifest);
  const accepted = Array.from(text, (_, at) => {
    const bytes = Buffer.from(text);
    bytes[at] ^= 1;
    return isAccepted(bytes.toString()) ? [at] : [];
  });
  test.strictSame(accepted.flat(), [], 'bytes that may change');
  const later: BackupManifest = { ...manifest, format: FORMAT_VERSION + 1 };
  test.throws(() => decodeManifest(encodeManifest(later)), {
    code: 'directory-unusable',
    message: /upgrade Frontrow/,
  });
  const outside: BackupManifest = { ...manifest, files: [{ ...files[0], name: `../${segmentName(1)}` }] };
  test.throws(() => decodeManifest(encodeManifest(outside)), {
    code: 'data-corrupt',
    message: /names a file/,
  });
});

function isAccepted(text: string): boolean {
  try {
    decodeManifest(text);
    return true;
  } catch (error) {
    if ((error as FrontrowError).code === 'data-corrupt') return false;
    throw error;
  }
}
