/** Small inputs of the bench, whole: real servers in processes of their own, real load, a real kill -9. */
import t from 'tap';
import type { BenchOptions } from '../../bench/options.ts';
import { describeReport } from '../../bench/report.ts';
import { runBench } from '../../bench/run-bench.ts';
import { findWrk } from '../../bench/wrk.ts';

const OPTIONS: BenchOptions = {
  runs: 1,
  seconds: 1,
  warmUpSeconds: 0,
  kinds: ['orders'],
  connections: [8],
  parts: [],
  // Small files and little memory: starting is most of what this test does.
  limits: { workers: 1, segmentBytes: 8 << 20, arenaBytes: 256 << 20, eventsMax: 64 },
  seed: 1,
  quick: true,
  json: false,
};

// A shared machine whose disk is busy takes a multiple of the 5 s that this takes alone.
t.setTimeout(120_000);

t.test('autocannon and a kill -9 under load: everything acknowledged is there again', async (t) => {
  const report = await runBench({ ...OPTIONS, parts: ['autocannon', 'crash'] }, () => {});
  t.ok(report.ok, describeReport(report).join('\n'));
  t.ok(report.checks.length >= 10);
  const [pair] = report.lines[0].pairs;
  t.ok(pair.frontrow.statuses['201'] > 0 && pair.baseline.statuses['201'] > 0);
  t.ok(pair.frontrow.groups > 0 && pair.frontrow.groups <= pair.frontrow.replies + 8);
  const crash = report.parts.find(({ part }) => part === 'crash');
  const acknowledged = Number(/(\d+) acknowledged/.exec(crash?.lines[0] ?? '')?.[1]);
  t.ok(acknowledged >= 500, String(crash?.lines[0]));
});

t.test('a part that breaks is a failed check, and costs no other its figures', async (t) => {
  // No server starts on an arena that small.
  const limits = { ...OPTIONS.limits, arenaBytes: 1 };
  const report = await runBench({ ...OPTIONS, limits, parts: ['latency', 'crash'] }, () => {});
  t.equal(report.ok, false);
  t.same(
    report.checks.map(({ name, ok }) => [name, ok]),
    [
      ['latency: runs through', false],
      ['crash: runs through', false],
    ],
  );
});

// With FRONTROW_LONG alone: they start as many processes as the test above, for the same audits.
const isLong = process.env['FRONTROW_LONG'] !== undefined;
const skip = isLong && findWrk() !== null ? false : 'a long test, and it needs wrk';
t.test('wrk: its replies are bounds of what was sold', { skip }, async (t) => {
  const report = await runBench({ ...OPTIONS, kinds: ['holds'], parts: ['wrk'] }, () => {});
  t.ok(report.ok, describeReport(report).join('\n'));
  t.ok(report.lines[0].pairs[0].frontrow.replies > 0);
});

t.test(
  'orders on one connection: their target follows from the syncs of the same run',
  { skip: isLong ? false : 'a long test' },
  async (t) => {
    const report = await runBench({ ...OPTIONS, parts: ['latency'] }, () => {});
    t.ok(report.ok, describeReport(report).join('\n'));
    const figures = report.parts[0].figures;
    const sync = figures.find(({ what }) => what.includes('synced'))?.values[0] ?? NaN;
    const order = figures.find(({ row }) => row === 'singleOrder');
    t.match(order?.target, { most: Number((2 * sync + 1).toFixed(3)) });
  },
);
