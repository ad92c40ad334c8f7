/** The table of DESIGN §8: no row is left out, and none says more than was measured. */
import t from 'tap';
import type { Figure } from '../../bench/figure.ts';
import { PARTS } from '../../bench/options.ts';
import { FIGURE_PARTS, LINE_PARTS } from '../../bench/run-bench.ts';
import { ROW_IDS, ROWS } from '../../bench/targets.ts';
import type { Row } from '../../bench/targets.ts';
import { describeRows, judgeRows } from '../../bench/verdicts.ts';

const ALL = { parts: PARTS, hasWrk: true };

t.test('every row has a part that is run for it', (t) => {
  const run = new Set([...LINE_PARTS, ...Object.keys(FIGURE_PARTS)]);
  for (const row of ROW_IDS) t.ok(run.has(ROWS[row].part), `${row}: ${ROWS[row].part}`);
  t.same([...run].toSorted(), [...PARTS].toSorted(), 'and every part is run');
  t.end();
});

t.test('every row is printed, whatever was measured', (t) => {
  const lines = describeRows(judgeRows([], ALL));
  t.match(lines[0], /0 of 19 reached, 0 not yet, 19 not measured/);
  for (const row of ROW_IDS) {
    const { what, target }: Row = ROWS[row];
    t.ok(
      lines.some((line) => line.includes(what) && line.includes(target)),
      what,
    );
  }
  t.end();
});

const REPAIR: Figure = { row: 'repair', what: 'repair', values: [10, 49, 300], unit: 'ms' };

function verdictOf(...figures: Figure[]): string {
  const rows = judgeRows(figures, ALL).filter(
    ({ verdict, why }) => verdict !== 'not measured' || why.startsWith('only'),
  );
  return rows.map(({ row, verdict, why }) => `${row} ${verdict}${why}`).join();
}

t.test('the median decides, on the side that the row asks for', (t) => {
  t.equal(verdictOf(REPAIR), 'repair reached');
  t.equal(verdictOf({ ...REPAIR, values: [10, 51, 300] }), 'repair not yet');
  const share: Figure = { row: 'fairShare', what: 'share', values: [0.9], unit: '×' };
  t.equal(verdictOf(share), 'fairShare reached');
  t.equal(verdictOf({ ...share, values: [0.89] }), 'fairShare not yet');
  t.end();
});

t.test("a figure's own target is looked at only where the row has none", (t) => {
  t.equal(verdictOf({ ...REPAIR, target: { most: 1 } }), 'repair reached');
  const single: Figure = { row: 'singleOrder', what: 'p50', values: [2], unit: 'ms', target: { most: 1.9 } };
  t.equal(verdictOf(single), 'singleOrder not yet');
  t.equal(verdictOf({ ...single, target: { most: 2 } }), 'singleOrder reached');
  t.end();
});

t.test('of several figures of a row the worst counts', (t) => {
  const slow = { ...REPAIR, what: 'slow', values: [60] };
  t.equal(verdictOf(REPAIR, slow), 'repair not yet');
  t.equal(verdictOf(slow, REPAIR), 'repair not yet');
  t.end();
});

t.test('what was measured at a smaller size is shown, and not judged', (t) => {
  const short = { ...REPAIR, short: '50 seats' };
  t.equal(verdictOf(short), 'repair not measuredonly with 50 seats');
  t.match(judgeRows([short], ALL).find(({ row }) => row === 'repair')?.figure, { median: 49 });
  t.equal(verdictOf({ ...short, values: [1000] }, REPAIR), 'repair reached', 'another of full size is');
  t.end();
});

t.test('why there is no figure is said', (t) => {
  const why = (parts: readonly (typeof PARTS)[number][], hasWrk: boolean): string | undefined =>
    judgeRows([], { parts, hasWrk }).find(({ row }) => row === 'orders256')?.why;
  t.equal(why(['micro'], true), 'part wrk was not run');
  t.equal(why(['wrk'], false), 'wrk is not installed');
  t.equal(why(['wrk'], true), 'part wrk did not give it');
  t.end();
});
