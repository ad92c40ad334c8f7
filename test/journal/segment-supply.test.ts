import t from 'tap';
import { readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FileJournal } from '../../src/journal/file-journal.ts';
import { segmentCapacity, spareName } from '../../src/journal/layout.ts';
import { SegmentSupply } from '../../src/journal/segment-supply.ts';
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
  test.equal(journal.stats.sparesMissing, 0);
  test.equal(spares(directory).length, 0);
  rollOnce();
  test.equal(journal.stats.sparesMissing, 1);
  await Promise.all([supply.replenish(), supply.replenish()]);
  test.equal(supply.ready, 2);
  rollOnce();
  test.equal(journal.stats.sparesMissing, 1);
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

t.test('a failure is told once, and replenish() tries again', async (test) => {
  const directory = join(test.testdir({ data: {} }), 'data');
  rmSync(directory, { recursive: true });
  const problems: unknown[] = [];
  const supply = new SegmentSupply({ directory, ...SHAPE, onProblem: (error) => problems.push(error) });
  await supply.replenish();
  test.match(problems, [{ code: 'ENOENT' }]);
  await supply.replenish();
  test.equal(problems.length, 2);
  await supply.close();
});
