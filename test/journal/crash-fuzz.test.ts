/**
 * Seeded crashes, failures and bit rot on the simulated disk, through the code that runs on real files.
 *
 * The model is fuzz.ts: groups acknowledged, and at most one group of unknown fate per life.
 */
import t from 'tap';
import { FrontrowError } from '../../src/core/assert.ts';
import { MemoryJournal } from '../../src/journal/memory-journal.ts';
import { SeededRandom } from '../../src/journal/random.ts';
import { SimulatedCrash, SimulatedDisk } from '../../src/journal/simulated-disk.ts';
import type { FaultKind } from '../../src/journal/simulated-disk.ts';
import { writeSnapshot } from '../../src/journal/snapshot.ts';
import { trim } from '../../src/journal/trim.ts';
import { Collector, FrameMaker } from './sample-frames.ts';
import type { CollectedGroup } from './sample-frames.ts';
import { check, forSeeds, Model } from './fuzz.ts';

const OPTIONS = { segmentBytes: 32 << 10, eventsMax: 4 };

/** One boot: recover, audit, work until the fault strikes or the work is done. Returns the incarnation. */
function live(disk: SimulatedDisk, model: Model, random: SeededRandom, groups: number): void {
  const journal = new MemoryJournal(disk, { ...OPTIONS, random: (bytes) => random.bytes(bytes) });
  journal.own();
  const sink = new Collector();
  const recovered = journal.recover(sink);
  model.audit(sink.groups, sink.snapshotInfo?.position ?? 0);
  check(recovered.position === model.position, `position ${recovered.position}, not ${model.position}`);
  if (sink.snapshotInfo !== null) {
    check(
      sink.snapshotBytes.equals(contentOf(sink.snapshotInfo.position)),
      'the snapshot is what was written',
    );
  }
  // A group of the life before may be gone, so each life has sequences of its own, told apart by generation.
  const maker = new FrameMaker(random.next());
  const generation = recovered.epoch & 0xffff;
  for (let count = 0; count < groups; count++) {
    const group = withGeneration(maker.group(1 + random.below(40)), generation);
    model.pending = { position: model.position, bytes: Buffer.from(group) };
    const outcome = journal.append(model.position, [group]);
    if (!outcome.ok) {
      if (outcome.reason === 'full') model.pending = null;
      if (outcome.reason === 'full') return;
      check(outcome.reason === 'lost', `unexpected ${outcome.reason}`);
      const again = journal.append(model.position, [group]);
      check(!again.ok && again.reason === 'lost', 'lost is final');
      return;
    }
    model.acknowledged.push(model.pending);
    model.position += group.byteLength;
    model.pending = null;
    if (random.oneIn(12)) {
      const info = {
        position: model.position,
        incarnation: recovered.incarnation,
        lastTimeMs: count,
        bytes: 0,
      };
      writeSnapshot(disk, info, [
        contentOf(model.position).subarray(0, 100),
        contentOf(model.position).subarray(100),
      ]);
      trim(disk, { historyBytes: random.below(3) * OPTIONS.segmentBytes });
    }
  }
  if (random.oneIn(2)) {
    journal.end();
    journal.close();
  }
}

function contentOf(position: number): Buffer {
  return Buffer.from(new SeededRandom(position).bytes(1000 + (position % 512)));
}

function withGeneration(group: Uint8Array, generation: number): Uint8Array {
  const words = new Int32Array(group.buffer);
  for (let at = 0; at < words.length; at += words[at] & 0xff_ffff) {
    if (words[at] >>> 24 !== 1) words[at + 1] = (generation << 16) | (words[at + 1] & 0xffff);
  }
  return group;
}

t.test('after a power cut anywhere, what was acknowledged is there exactly once and in order', (test) => {
  forSeeds(test, 300, (seed) => {
    const random = new SeededRandom(seed);
    const disk = new SimulatedDisk(random.next());
    const model = new Model();
    const damaged = new Set<string>();
    for (let boot = 0; boot < 4; boot++) {
      disk.arm({ kind: 'crash', after: random.below(90) });
      try {
        live(disk, model, random, 30);
      } catch (error) {
        if (!(error instanceof SimulatedCrash)) throw error;
      }
      if (random.oneIn(4)) disk.kill();
      else disk.crash();
      if (random.oneIn(3)) rotNewestSnapshot(disk, damaged, random);
    }
    live(disk, model, random, 0);
  });
  test.end();
});

t.test('a failing disk is final, and what was acknowledged before survives', (test) => {
  const kinds: FaultKind[] = ['write-error', 'short-write', 'sync-error', 'no-space'];
  forSeeds(test, 200, (seed) => {
    const random = new SeededRandom(seed);
    const disk = new SimulatedDisk(random.next());
    const model = new Model();
    for (let boot = 0; boot < 3; boot++) {
      disk.arm({ kind: kinds[random.below(kinds.length)], after: random.below(60) });
      try {
        live(disk, model, random, 25);
      } catch (error) {
        // Outside append a disk's failure is thrown as it comes.
        const isDisk = error instanceof Error && ('code' in error || error.name === 'ShortWriteError');
        if (!isDisk || ('code' in error && error.code === 'data-corrupt')) throw error;
      }
      if (random.oneIn(3)) disk.kill();
      else disk.crash();
    }
    live(disk, model, random, 0);
  });
  test.end();
});

t.test(
  'without durability a power cut may take groups back, newest first, and never stops a start',
  (test) => {
    forSeeds(test, 150, (seed) => {
      const random = new SeededRandom(seed);
      const disk = new SimulatedDisk(random.next());
      const options = {
        ...OPTIONS,
        durability: 'none' as const,
        random: (bytes: number) => random.bytes(bytes),
      };
      let kept: CollectedGroup[] = [];
      for (let boot = 0; boot < 3; boot++) {
        const journal = new MemoryJournal(disk, options);
        journal.own();
        const sink = new Collector();
        const recovered = journal.recover(sink);
        check(sink.groups.length <= kept.length, 'nothing is invented');
        sink.groups.forEach((group, index) => {
          const same = group.position === kept[index].position && group.bytes.equals(kept[index].bytes);
          check(same, `group ${index} is not the one that was written`);
        });
        kept = sink.groups;
        let { position } = recovered;
        const maker = new FrameMaker(random.next());
        for (let count = 0; count < 15; count++) {
          const group = withGeneration(maker.group(1 + random.below(40)), recovered.epoch);
          check(journal.append(position, [group]).ok, 'the disk is sound');
          kept.push({ position, bytes: Buffer.from(group) });
          position += group.byteLength;
        }
        disk.crash();
      }
    });
    test.end();
  },
);

t.test('a flipped bit in a durable group that has a successor is refused, and nothing is changed', (test) => {
  forSeeds(test, 200, (seed) => {
    const random = new SeededRandom(seed);
    const disk = new SimulatedDisk(random.next());
    const options = { ...OPTIONS, random: (bytes: number) => random.bytes(bytes) };
    const journal = new MemoryJournal(disk, options);
    journal.own();
    journal.recover(new Collector());
    const maker = new FrameMaker(random.next());
    let position = 0;
    for (let count = 0; count < 12; count++) {
      const group = maker.group(1 + random.below(60));
      check(journal.append(position, [group]).ok, 'the disk is sound');
      position += group.byteLength;
    }
    if (random.oneIn(2)) journal.end();
    disk.kill();
    const found = findGroups(disk);
    // The power may have gone in the middle of the last one: of it, its header's sector is enough.
    const last = found.at(-1)!;
    if (random.oneIn(2)) disk.rot(last.name, last.offset + last.bytes - 1, 1);
    const groups = found.slice(0, -1);
    const victim = groups[random.below(groups.length)];
    disk.rot(victim.name, victim.offset + random.below(victim.bytes), 1 << random.below(8));
    const before = disk.image();
    const second = new MemoryJournal(disk, options);
    second.own();
    let refusal: unknown = null;
    try {
      second.recover(new Collector());
    } catch (error) {
      refusal = error;
    }
    check(
      refusal instanceof FrontrowError && refusal.code === 'data-corrupt',
      `not refused: ${String(refusal)}`,
    );
    const text = (refusal as FrontrowError).message;
    check(
      text.includes(`${victim.name} at offset ${victim.offset}`),
      `${text}: it is ${victim.name} ${victim.offset}`,
    );
    const after = disk.image();
    check(
      [...before].every(([name, bytes]) => Buffer.compare(bytes, after.get(name)!) === 0),
      'a refusal changes nothing',
    );
  });
  test.end();
});

/** The rule of trim: with two snapshots, or everything from position 0, one may go bad. */
function rotNewestSnapshot(disk: SimulatedDisk, damaged: Set<string>, random: SeededRandom): void {
  const names = disk.list().filter((name) => name.endsWith('.snapshot'));
  const name = names.at(-1);
  const isFallBack = names.length >= 2 || disk.list().includes('segment-0000000001.journal');
  if (name === undefined || !isFallBack || names.some((each) => damaged.has(each))) return;
  damaged.add(name);
  disk.rot(name, random.below(1000), 1 << random.below(8));
}

interface GroupPlace {
  readonly name: string;
  readonly offset: number;
  readonly bytes: number;
}

/** Finds the groups by their magic alone, independently of the reader. */
function findGroups(disk: SimulatedDisk): GroupPlace[] {
  const places: GroupPlace[] = [];
  for (const [name, bytes] of disk.image()) {
    if (!name.startsWith('segment-')) continue;
    const view = Buffer.from(bytes.buffer);
    for (let offset = 4096; offset < bytes.byteLength; offset += 4096) {
      if (view.toString('latin1', offset, offset + 4) !== 'FRGR') continue;
      places.push({ name, offset, bytes: 64 + view.readUInt32LE(offset + 32) });
    }
  }
  return places;
}
