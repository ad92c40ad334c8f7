/** Small inputs of the in-process benchmarks: they run through, and their assertions hold. */
import t from 'tap';
import { QUICK } from '../../bench/micro/sizes.ts';
import { describeFigures } from '../../bench/figure.ts';
import { ROW_IDS, ROWS } from '../../bench/targets.ts';
import { judgeRows } from '../../bench/verdicts.ts';
import { runMicro } from '../../bench/micro/run-micro.ts';

t.test('every figure is taken', async (t) => {
  const sizes = {
    ...QUICK,
    rounds: 1,
    liveLarge: 2000,
    holds: 2000,
    bestSeatsRows: 20,
    mutexCommands: 2000,
    journalWrites: 10,
    replayFrames: 2000,
    snapshotSeats: 2000,
  };
  const figures = await runMicro(sizes, 1);
  t.ok(figures.length >= 15);
  for (const { what, values } of figures) {
    t.ok(values.length > 0 && values.every((value) => value > 0 && value < Infinity), what);
  }
  t.equal(describeFigures(figures).length, figures.length + 1);
  const rows = ROW_IDS.filter((row) => ROWS[row].part === 'micro');
  const judged = judgeRows(figures, { parts: ['micro'], hasWrk: false });
  for (const row of rows)
    t.ok(
      figures.some((figure) => figure.row === row),
      `${row} has a figure`,
    );
  // Of a size that says nothing about them.
  t.same(
    judged
      .filter(({ verdict, figure }) => verdict === 'not measured' && figure !== null)
      .map(({ row }) => row),
    ['holdsLarge', 'recovery', 'bestSeats'],
  );
});
