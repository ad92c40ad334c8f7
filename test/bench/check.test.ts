/** The regression guard: it fails when a ratio has fallen, and only then. */
import t from 'tap';
import { boundOf } from '../../bench/check/bounds.ts';
import { readBaseline } from '../../bench/check/baseline-file.ts';
import { describeJudged, isFailure, judge } from '../../bench/check/compare.ts';
import type { Baseline } from '../../bench/check/compare.ts';
import { refusalRatios, saleRatios } from '../../bench/check/cpu-ratios.ts';
import { engineRatios } from '../../bench/check/engine-ratios.ts';
import type { RatioSource } from '../../bench/check/ratio.ts';
import { Reference } from '../../bench/check/reference.ts';
import { checkRatios, takeBaseline } from '../../bench/check/run-check.ts';
import { wrkRatios } from '../../bench/check/wrk-ratios.ts';

const NAME = 'cpu: orders';
const BASELINE: Baseline = {
  takenOn: '2026-01-01',
  machine: 'one',
  node: 'v20',
  ratios: { [NAME]: { median: 1, min: 0.9, max: 1.1, bound: 0.2, runs: 10 } },
};

const silent = (): void => {};

/** A source that measures these medians, one after the other. */
function source(medians: readonly number[], name = NAME): RatioSource & { calls: number } {
  const self = {
    names: [name],
    calls: 0,
    measure: () => {
      const median = medians[Math.min(self.calls++, medians.length - 1)];
      const values = [median / 2, median, median * 2];
      return Promise.resolve({ ratios: [{ name, values }], checks: [] });
    },
  };
  return self;
}

async function verdictOf(measured: RatioSource, baseline = BASELINE): Promise<string> {
  const { judged } = await checkRatios([measured], baseline, silent);
  return judged.map(({ verdict, tries }) => `${verdict} ${tries}`).join();
}

t.test('a ratio within the noise holds, however far its single pairs scatter', async (t) => {
  t.equal(await verdictOf(source([1])), 'holds 1');
  t.equal(await verdictOf(source([0.8])), 'holds 1', 'at the bound');
  t.equal(await verdictOf(source([1.3])), 'rose 1', 'no failure, but told');
});

t.test('a ratio that fell is measured twice more, and has fallen when it does so each time', async (t) => {
  const fallen = source([0.79]);
  t.equal(await verdictOf(fallen), 'fell 3');
  t.equal(fallen.calls, 3);
  const disturbed = source([0.5, 0.7, 0.95]);
  t.equal(await verdictOf(disturbed), 'holds 3');
  const once = source([0.5, 0.95, 0.1]);
  t.equal(await verdictOf(once), 'holds 2');
  t.equal(once.calls, 2, 'nobody asks again once it holds');
});

t.test('a ratio of a source that is measured again for another keeps its verdict', async (t) => {
  const other = 'cpu: reads';
  let calls = 0;
  const both: RatioSource = {
    names: [NAME, other],
    measure: () => {
      calls++;
      const ratios = [
        { name: NAME, values: [0.1] },
        { name: other, values: [calls === 1 ? 1 : 0.1] },
      ];
      return Promise.resolve({ ratios, checks: [] });
    },
  };
  const baseline = { ...BASELINE, ratios: { ...BASELINE.ratios, [other]: BASELINE.ratios[NAME] } };
  t.equal(await verdictOf(both, baseline), 'fell 3,holds 1');
});

t.test('what has no baseline fails, and what was not measured is told', async (t) => {
  t.equal(await verdictOf(source([1], 'cpu: new')), 'no baseline 1,not measured 0');
  t.same((['holds', 'rose', 'not measured', 'fell', 'no baseline'] as const).map(isFailure), [
    false,
    false,
    false,
    true,
    true,
  ]);
  const lines = describeJudged([judge({ name: NAME, values: [0.5] }, BASELINE, 3)]);
  t.match(lines[1], /^cpu: orders\s+1\.000.*-20 %\s+≥ 0\.800\s+0\.500.*FELL$/);
});

t.test(
  'a new baseline has the median of each run, and says what scatters by more than its bound',
  async (t) => {
    const { baseline, noisy } = await takeBaseline([{ sources: [source([1, 0.5, 1.1])], runs: 3 }], silent);
    t.match(baseline.ratios[NAME], { median: 1, min: 0.5, max: 1.1, bound: boundOf(NAME), runs: 3 });
    t.same(noisy, [NAME]);
    t.throws(() => boundOf('orders'), 'a ratio without a kind has no bound');
  },
);

t.test('the committed baseline has every ratio, and the bound of each', (t) => {
  const names = [engineRatios, saleRatios, refusalRatios, ...wrkRatios].flatMap((each) => each.names);
  const { ratios } = readBaseline();
  t.same(Object.keys(ratios).toSorted(), names.toSorted());
  for (const [name, { bound, median, min, max, runs }] of Object.entries(ratios)) {
    t.equal(bound, boundOf(name), name);
    t.ok(runs >= (name.startsWith('wrk') ? 3 : 10), name);
    t.ok(min <= median && median <= max && min > 0, name);
  }
  t.end();
});

t.test('the reference loop does its work', (t) => {
  const reference = new Reference();
  t.ok(reference.next() > 0 && reference.next() < Infinity);
  t.end();
});
