import t from 'tap';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FileJournal } from '../../src/journal/file-journal.ts';
import { PART_SUFFIX, segmentCapacity, spareName } from '../../src/journal/layout.ts';
import { SegmentSupply } from '../../src/journal/segment-supply.ts';
import { noSmallDisk, SmallDisk } from '../system/support/small-disk.ts';
import { Collector, FrameMaker } from './sample-frames.ts';

const SHAPE = { segmentBytes: 64 << 10, eventsMax: 16 };

function spares(directory: string): string[] {
  return readdirSync(directory).filter((name) => name.startsWith('spare-'));
}

t.test('spares are made, zero-filled, to the count asked for, and counted', async (test) => {
  const directory = test.testdir();
  const told: number[] = [];
  const supply = new SegmentSupply({
    directory,
    ...SHAPE,
    spareCount: 3,
    onReady: (ready) => told.push(ready),
  });
  await supply.replenish();
  test.equal(supply.ready, 3);
  test.strictSame(told, [1, 2, 3]);
  test.equal(spares(directory).length, 3);
  for (const name of spares(directory)) {
    const bytes = readFileSync(join(directory, name));
    test.equal(bytes.byteLength, SHAPE.segmentBytes);
    test.ok(bytes.every((byte) => byte === 0));
  }
  await supply.close();
  await supply.replenish();
  test.equal(supply.ready, 3);
});

t.test('the journal takes spares in turn, and makes a segment itself when there is none', async (test) => {
  const directory = test.testdir();
  const supply = new SegmentSupply({ directory, ...SHAPE, spareCount: 2 });
  await supply.replenish();
  const journal = new FileJournal(directory, SHAPE);
  journal.own();
  journal.recover(new Collector());
  test.equal(spares(directory).length, 1, 'the first segment was a spare');
  const maker = new FrameMaker(1);
  let position = 0;
  const rollOnce = (): void => {
    const { rolls } = journal.stats;
    while (journal.stats.rolls === rolls) {
      const group = maker.group(30);
      test.strictSame(journal.append(position, [group]), { ok: true });
      position += group.byteLength;
    }
  };
  rollOnce();
  test.equal(spares(directory).length, 0);
  rollOnce();
  await Promise.all([supply.replenish(), supply.replenish()]);
  test.equal(supply.ready, 2);
  rollOnce();
  test.equal(spares(directory).length, 1);
  test.ok(journal.room() < segmentCapacity(SHAPE));
  journal.close();
  await supply.close();
});

t.test('a spare of another size is of no use and goes', async (test) => {
  const directory = test.testdir();
  writeFileSync(join(directory, spareName(4)), '');
  truncateSync(join(directory, spareName(4)), 4096);
  const supply = new SegmentSupply({ directory, ...SHAPE, spareCount: 1 });
  await supply.replenish();
  test.strictSame(spares(directory), [spareName(5)]);
  test.equal(statSync(join(directory, spareName(5))).size, SHAPE.segmentBytes);
  await supply.close();
});

t.test(
  'a failure is told at every try, and the supply goes on by itself once there is room',
  async (test) => {
    const directory = join(test.testdir({ data: {} }), 'data');
    rmSync(directory, { recursive: true });
    const problems: unknown[] = [];
    // Its timer keeps no process alive; this does.
    const alive = setInterval(() => {}, 60_000);
    test.teardown(() => clearInterval(alive));
    // As of a full disk: the same try fails until somebody has made room.
    const supply = await new Promise<SegmentSupply>((resolve) => {
      const tried = new SegmentSupply({
        directory,
        ...SHAPE,
        retryMs: 1,
        onProblem(error) {
          problems.push(error);
          if (problems.length === 3) mkdirSync(directory);
        },
        onReady(ready) {
          if (ready === 2) resolve(tried);
        },
      });
      void tried.replenish();
    });
    test.match(problems, [{ code: 'ENOENT' }, { code: 'ENOENT' }, { code: 'ENOENT' }]);
    test.equal(problems.length, 3);
    await supply.close();
    test.strictSame(spares(directory).length, 2);
  },
);

/** Makes the next spare fail, as on a full disk: the name that it would have while it is made is taken. */
function blockSpare(directory: string, number: number): void {
  mkdirSync(join(directory, spareName(number) + PART_SUFFIX));
}

t.test('spares that are taken while another cannot be made are counted before that is told', async (test) => {
  const directory = test.testdir();
  const told: number[] = [];
  const atProblem: number[] = [];
  let isTaking = false;
  const supply: SegmentSupply = new SegmentSupply({
    directory,
    ...SHAPE,
    retryMs: 1_000_000,
    onReady(ready) {
      told.push(ready);
      // A second roll, while a spare in place of the first one is being made.
      if (isTaking) rmSync(join(directory, spareName(2)));
      isTaking = false;
    },
    onProblem: () => atProblem.push(supply.ready),
  });
  await supply.replenish();
  blockSpare(directory, 3);
  rmSync(join(directory, spareName(1)));
  isTaking = true;
  await supply.replenish();
  test.strictSame(told, [1, 2, 1, 0]);
  test.strictSame(atProblem, [0], 'no spare is left, and none is counted');
  await supply.close();
});

t.test('a roll lowers the count at once, before anybody has listed the directory', async (test) => {
  const directory = test.testdir();
  let taken = 7;
  const supply = new SegmentSupply({ directory, ...SHAPE, taken: () => taken });
  await supply.replenish();
  test.equal(supply.ready, 2);
  rmSync(join(directory, spareName(1)));
  taken++;
  test.equal(supply.ready, 1);
  taken += 2;
  test.equal(supply.ready, 0, 'and never below none');
  taken -= 2;
  await supply.replenish();
  test.equal(supply.ready, 2);
  await supply.close();
});

t.test('a spare that may have been taken while the directory was listed is not counted', async (test) => {
  const directory = test.testdir();
  const told: number[] = [];
  let taken = 0;
  const supply = new SegmentSupply({
    directory,
    ...SHAPE,
    // The journal takes one as soon as the supply has asked for the first time: the listing is as of before or after.
    taken: () => (taken === 0 ? taken++ : taken),
    onReady: (ready) => told.push(ready),
  });
  writeFileSync(join(directory, spareName(1)), new Uint8Array(SHAPE.segmentBytes));
  await supply.replenish();
  test.strictSame(told, [2], 'the one that was listed counts with the next count, as it is there');
  await supply.close();
});

t.test('what a killed process has left of a spare makes way for the next one', async (test) => {
  const left = spareName(9) + PART_SUFFIX;
  const directory = test.testdir({ [left]: 'zeros', 'snapshot-0000000000000008.snapshot.part': 'of others' });
  const supply = new SegmentSupply({ directory, ...SHAPE, spareCount: 1 });
  await supply.replenish();
  test.strictSame(readdirSync(directory).sort(), ['snapshot-0000000000000008.snapshot.part', spareName(1)]);
  await supply.close();
});

t.test(
  'a spare that does not fit is not begun, so the disk is not filled up for it',
  { skip: noSmallDisk },
  async (test) => {
    const disk = await SmallDisk.mount(test, 1 << 20);
    disk.fill(SHAPE.segmentBytes + 4096);
    const problems: unknown[] = [];
    const supply = new SegmentSupply({
      directory: disk.directory,
      ...SHAPE,
      retryMs: 1_000_000,
      onProblem: (error) => problems.push(error),
    });
    await supply.replenish();
    test.equal(supply.ready, 1);
    test.match(problems, [{ code: 'ENOSPC', message: /takes 65536 bytes, and the disk has 4096/ }]);
    test.equal(disk.free, 4096);
    test.strictSame(spares(disk.directory), [spareName(1)]);
    await supply.close();
  },
);

t.test('a supply that is closed tries nothing again', async (test) => {
  const directory = join(test.testdir({ data: {} }), 'data');
  rmSync(directory, { recursive: true });
  let problems = 0;
  const supply = new SegmentSupply({ directory, ...SHAPE, retryMs: 1, onProblem: () => problems++ });
  await supply.replenish();
  test.equal(problems, 1, 'told once a try');
  await supply.close();
  mkdirSync(directory);
  await supply.replenish();
  test.strictSame(spares(directory), []);
});
