/** The growth bench: its arithmetic, its curves, and one run of all of it in its smallest form. */
import t from 'tap';
import { chartSpec, drawChart } from '../../bench/growth/chart.ts';
import type { Chart } from '../../bench/growth/chart.ts';
import { memoryChart, orderCharts, recoveryChart, workerChart } from '../../bench/growth/curves.ts';
import { claimsOf, fillDirectory, hallOf } from '../../bench/growth/fill.ts';
import { growthFigures } from '../../bench/growth/growth.ts';
import { residentPer } from '../../bench/growth/memory.ts';
import { ratiosOf } from '../../bench/growth/order.ts';
import type { OrderPoint } from '../../bench/growth/order.ts';
import { replayRates } from '../../bench/growth/recovery.ts';
import { HallServer } from '../../bench/growth/server.ts';
import { QUICK } from '../../bench/growth/sizes.ts';
import { workerRatios } from '../../bench/growth/workers.ts';
import { describeFigures } from '../../bench/figure.ts';
import { findWrk } from '../../bench/wrk.ts';
import { LIMIT_RANGES } from '../../src/core/limits.ts';

const NOTHING = { figures: [], lines: [], checks: [] };
const POINT: OrderPoint = {
  axis: 'seats',
  kind: 'a seat',
  factor: 1000,
  smallMicros: [500, 400, 500],
  largeMicros: [600, 600, 500],
  largeP99Micros: [900, 900, 900],
};

t.test('a ratio is of one run, not of two medians', (t) => {
  t.same(ratiosOf(POINT), [1.2, 1.5, 1]);
  t.same(workerRatios([{ baseline: 8, frontrow: 6 }]), [0.75]);
  t.end();
});

t.test('rates and shares', (t) => {
  t.same(replayRates({ size: 3_000_000, readySeconds: [9], recoverySeconds: [2] }), [1.5]);
  t.same(residentPer([3000, 2600], [1000, 1000], 100), [20, 16]);
  t.end();
});

t.test('half of the claims sit, as far as there are seats, and there is room for more', (t) => {
  t.match(hallOf(1000, 1000, 7), { seatClaims: 500, floorClaims: 500, floorPlaces: 507 });
  t.match(hallOf(1000, 200, 7), { seatClaims: 100, floorClaims: 900, floorPlaces: 907 });
  t.match(hallOf(1000, 0, 7), { seatClaims: 0, floorClaims: 1000 });
  t.equal(claimsOf(hallOf(999, 400, 0)), 999);
  t.end();
});

const CHART: Chart = {
  name: 'chart',
  title: 'What grows',
  x: { title: 'claims', scale: 'log', format: '~s' },
  y: { title: 'seconds', scale: 'linear', format: ',~f' },
  bound: { y: 2, text: 'no more than 2 s' },
  points: [
    { line: 'first line', x: 1000, y: 0.5, low: 0.4, high: 0.6 },
    { line: 'first line', x: 1_000_000, y: 1, low: 0.9, high: 1.2 },
    { line: 'second line', x: 1000, y: 1.5, low: 1.5, high: 1.5 },
  ],
};

/** Marks of a kind in an SVG, by the roles that vega gives them. */
function marks(svg: string, role: string): number {
  return svg.split(`aria-roledescription="${role}"`).length - 1;
}

t.test('an SVG has every line by its name, every point, titles and the bound', async (t) => {
  const svg = await drawChart(CHART);
  for (const text of [
    'What grows',
    'claims',
    'seconds',
    'first line',
    'second line',
    'no more than 2 s',
    '1M',
  ]) {
    t.match(svg, `>${text}</text>`);
  }
  t.equal(marks(svg, 'point'), CHART.points.length);
  t.equal(marks(svg, 'line mark'), 2);
  t.match(svg, 'fill="white"', 'readable on a dark page');
  t.notOk(svg.includes('NaN'));
});

t.test('ticks are numbers as people write them', async (t) => {
  const points = CHART.points.map((point) => ({ ...point, y: point.y * 1000, low: 0, high: 1500 }));
  const { bound: _, ...unbounded } = CHART;
  const svg = await drawChart({ ...unbounded, points });
  t.match(svg, '>1,000</text>');
  t.match(svg, '>1,400</text>');
  const small = await drawChart({ ...CHART, y: { ...CHART.y, scale: 'log' } });
  t.match(small, '>0.1</text>');
  t.notMatch(svg + small, />[0-9.]+e[+-]?[0-9]+</);
});

t.test('the same points give the same bytes', async (t) => {
  const first = await drawChart(CHART);
  await drawChart({ ...CHART, title: 'Another between' });
  t.equal(await drawChart(CHART), first);
});

t.test('a linear axis begins at zero, and the bound is within', (t) => {
  t.match(JSON.stringify(chartSpec(CHART)), '"domain":[0,2.2]');
  t.match(JSON.stringify(chartSpec({ ...CHART, y: { ...CHART.y, scale: 'log' } })), '"domain":[0.4,2.2]');
  t.end();
});

t.test('curves show the order that meets most of what there is more of, from the smallest on', (t) => {
  const points = [POINT, { ...POINT, kind: 'floor' as const }, { ...POINT, factor: 10 }];
  const [ratio, micros] = orderCharts({ ...NOTHING, base: 1000, points });
  t.same(
    ratio.points.map(({ x, y }) => [x, y]),
    [
      [1, 1],
      [1000, 1.2],
      [10, 1.2],
    ],
  );
  t.same(
    micros.points.map(({ x, y }) => [x, y]),
    [
      [1, 500],
      [1000, 600],
      [10, 600],
    ],
  );
  t.end();
});

t.test('what cannot be told has no line', (t) => {
  const point = {
    seats: 1000,
    claims: 250,
    seatTable: 16_000,
    claimTable: 40_000,
    floorArena: 1e6,
    seatArena: 2e6,
    floorResident: [],
    seatResident: [],
    claimResident: [],
  };
  t.equal(memoryChart({ ...NOTHING, points: [point] }).points.length, 3);
  t.equal(memoryChart({ ...NOTHING, points: [{ ...point, claimResident: [1e8] }] }).points.length, 4);
  const rates = [{ baseline: 1, frontrow: 1 }];
  const worker = { workers: 2, load: 'one event', orders: rates, reads: [] } as const;
  t.equal(workerChart({ ...NOTHING, points: [worker] }).points.length, 1);
  t.equal(workerChart({ ...NOTHING, points: [{ ...worker, reads: rates }] }).points.length, 2);
  const start = { size: 1000, readySeconds: [1], recoverySeconds: [0.1] };
  const snapshot = { size: 1000, bytes: 1, seconds: [1], writeSeconds: [1] };
  const recovery = {
    ...NOTHING,
    emptySeconds: [1],
    recoveries: [start],
    replays: [start],
    snapshots: [snapshot],
  };
  t.equal(recoveryChart(recovery).points.length, 4);
  t.end();
});

t.test('a hall is filled as it was asked, and its audit fails for one change too many', async (t) => {
  const segmentBytes = LIMIT_RANGES.segmentBytes[0];
  const hall = { seats: 400, floorPlaces: 50, floorClaims: 30, seatClaims: 20, seatsPerClaim: 4 };
  const directory = t.testdir();
  const filled = fillDirectory(directory, hall, { seed: 1, segmentBytes });
  // 18 words and 4 for each item and for the customer, in cells of 8: five for four seats, four for one place.
  t.equal(filled.claimBytes, (20 * 5 + 30 * 4) * 32);
  t.equal(filled.seatBytes, 400 * 16);
  t.equal(filled.heldPlaces, 20 * 4 + 30);
  const server = await HallServer.start(directory, 450, segmentBytes);
  t.teardown(() => server.child.kill());
  t.match(server.recovered, { events: 1, frames: 51, tornTailBytes: 0 });
  const fails = async (of: typeof filled, changes: number): Promise<number> =>
    (await server.audit('test', of, changes)).filter((check) => !check.ok).length;
  t.equal(await fails(filled, 0), 0);
  t.equal(await fails(filled, 1), 1);
  t.equal(await fails({ ...filled, heldPlaces: 111 }, 0), 1);
});

t.test('all of it, in its smallest form: every audit holds, every figure is one', async (t) => {
  const report = await growthFigures(
    {
      ...QUICK,
      order: { axes: ['all three'], base: 400, factors: [1, 2], orders: 4, warmUpSeconds: 0 },
      recovery: { sizes: [400], frames: [2000] },
      memory: { sizes: [400] },
    },
    () => {},
  );
  t.same(
    report.checks.filter((check) => !check.ok),
    [],
  );
  t.ok(report.checks.length >= 4 + 8 + 6);
  for (const { what, values } of report.figures) {
    t.ok(values.length > 0 && values.every(Number.isFinite), what);
  }
  const charts = ['order-ratio', 'order-micros', 'recovery', 'memory'];
  t.same(
    report.charts.map(({ name }) => name),
    findWrk() === null ? charts : [...charts, 'workers'],
  );
  t.equal(describeFigures(report.figures).length, report.figures.length + 1);
});
