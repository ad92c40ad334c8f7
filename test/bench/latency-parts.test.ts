/** The open loop's own arithmetic on a clock that is turned by hand, and what its figures are made of. */
import t from 'tap';
import { Arrivals } from '../../bench/latency/arrivals.ts';
import { largeEvent, SEATS, secondsForRolls, snapshotsOf } from '../../bench/latency/disturbances.ts';
import { describeRounds, roundFigures } from '../../bench/latency/half-load-report.ts';
import type { Round } from '../../bench/latency/half-load-report.ts';
import { Micros } from '../../bench/latency/micros.ts';
import type { Quantiles } from '../../bench/latency/micros.ts';
import { PacedLoad } from '../../bench/latency/paced-load.ts';
import { NumberedRequest, ReplyReader } from '../../bench/latency/paced-wire.ts';
import { happened, PHASES } from '../../bench/latency/phase.ts';
import type { Phase } from '../../bench/latency/phase.ts';
import { sweepFiguresOf } from '../../bench/latency/sweep.ts';
import { Until } from '../../bench/latency/until.ts';
import type { Awaited } from '../../bench/latency/until.ts';
import { judgeRows } from '../../bench/verdicts.ts';
import { postText } from '../../bench/wire.ts';

t.test('arrivals are a Poisson process, and the same for the same seed', (t) => {
  const [one, same, other] = [new Arrivals(1000, 7), new Arrivals(1000, 7), new Arrivals(1000, 8)];
  const gaps: number[] = [];
  let lastMs = 0;
  let equal = 0;
  for (let index = 0; index < 20_000; index++) {
    const atMs = one.next();
    if (atMs !== same.next()) t.fail('a seed gives one schedule');
    if (atMs === other.next()) equal++;
    gaps.push(atMs - lastMs);
    lastMs = atMs;
  }
  t.equal(equal, 0);
  t.ok(gaps.every((gap) => gap >= 0));
  const mean = lastMs / gaps.length;
  const deviation = Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length);
  t.ok(Math.abs(mean - 1) < 0.03, `${mean} ms between two, on average`);
  t.ok(Math.abs(deviation / mean - 1) < 0.05, 'gaps vary as much as they are long');
  t.end();
});

t.test('times are kept in µs to three digits, and nothing is nothing', (t) => {
  const micros = new Micros();
  t.same(micros.quantiles(), { count: 0, p50: 0, p90: 0, p99: 0, p999: 0, max: 0 });
  for (let micro = 1; micro <= 100_000; micro++) micros.record(micro / 1000);
  const { count, p50, p99, p999, max } = micros.quantiles();
  t.equal(count, 100_000);
  for (const [value, truth] of [
    [p50, 50_000],
    [p99, 99_000],
    [p999, 99_900],
    [max, 100_000],
  ]) {
    t.ok(Math.abs(value / truth - 1) <= 0.001, `${value} is ${truth}`);
  }
  micros.record(0);
  t.equal(micros.quantiles().count, 100_001, 'what took no time took 1 µs');
  t.end();
});

const STEP_MS = 0.05;

/** A server that takes 1 ms for each request, side by side, and answers nothing while it stands still. */
function simulate(options: {
  readonly connections: number;
  readonly stall: readonly [fromMs: number, toMs: number];
  /** How often the pacer looks what is due; with every reply besides. */
  readonly lookMs: number;
  readonly perSecond: number;
}): PacedLoad {
  const [fromMs, toMs] = options.stall;
  let nowMs = 0;
  const underWay = new Map<number, number>();
  const load: PacedLoad = new PacedLoad({
    count: 1000,
    connections: options.connections,
    arrivals: new Arrivals(options.perSecond, 3),
    now: () => nowMs,
    send: (connection) => {
      if (underWay.has(connection)) throw new Error('a connection has one request under way');
      const doneMs = nowMs + 1;
      underWay.set(connection, doneMs > fromMs && doneMs < toMs ? toMs : doneMs);
    },
  });
  for (let step = 0; !load.isOver; step++) {
    nowMs = step * STEP_MS;
    for (const [connection, doneMs] of underWay) {
      if (doneMs > nowMs) continue;
      underWay.delete(connection);
      load.replied(connection);
    }
    if (step % Math.round(options.lookMs / STEP_MS) === 0) load.pump();
    if (nowMs > 60_000) throw new Error('the load does not end');
  }
  return load;
}

t.test('a server that stands still is charged with all who would have come meanwhile', (t) => {
  const load = simulate({ connections: 8, stall: [400, 600], lookMs: STEP_MS, perSecond: 1000 });
  const latency = load.latency.quantiles();
  const service = load.service.quantiles();
  t.equal(latency.count, 1000);
  t.ok(latency.p90 > 80_000, `of some 200 that came in 200 ms half waited for 100: p90 is ${latency.p90} µs`);
  t.ok(latency.max > 190_000 && latency.max < 210_000);
  t.ok(service.p90 < 1200, 'a closed loop would have noticed eight');
  t.ok(load.waited > 150, `${load.waited} found no connection`);
  t.ok(load.lateness.quantiles().max <= STEP_MS * 1000 + 1, 'none of which is the fault of the pacer');
  t.end();
});

t.test('a pacer that looks too seldom is charged itself', (t) => {
  const load = simulate({ connections: 64, stall: [0, 0], lookMs: 10, perSecond: 50 });
  const { p50, max } = load.lateness.quantiles();
  t.ok(p50 > 3000 && p50 < 7000, `${p50} µs late in the middle`);
  t.ok(max > 9000 && max <= 10_050, `${max} µs at most`);
  t.equal(load.waited, 0);
  t.ok(load.latency.quantiles().p50 > p50, 'and the buyer sees it, too');
  t.end();
});

t.test('a load that is finished early sends no more, and waits for what is under way', (t) => {
  let nowMs = 0;
  const sent: number[] = [];
  const load = new PacedLoad({
    count: 100,
    connections: 4,
    arrivals: new Arrivals(1000, 1),
    now: () => nowMs,
    send: (connection) => sent.push(connection),
  });
  nowMs = 1000;
  load.pump();
  t.same(sent, [0, 1, 2, 3], 'as many as there are connections');
  load.finish();
  for (const connection of [2, 0, 3]) load.replied(connection);
  t.notOk(load.isOver);
  load.replied(1);
  t.ok(load.isOver);
  t.equal(sent.length, 4);
  t.equal(load.latency.quantiles().count, 4);
  t.end();
});

t.test(
  'a run that waits for the journal ends a while after it has happened, and not before its time',
  (t) => {
    const segment = (number: number): string => `segment-000000000${number}.journal`;
    const snapshot = (position: number): string => `snapshot-000000000000000${position}.snapshot`;
    const names = ['lock', segment(3), snapshot(4)];
    const until = (awaited: Partial<Awaited>): Until =>
      new Until({ directory: '', rolls: 0, snapshot: false, secondsMin: 2, ...awaited }, () => names);
    const rolls = until({ rolls: 2 });
    const both = until({ rolls: 1, snapshot: true });
    const steps: [atMs: number, more: string[], rolls: boolean, both: boolean][] = [
      [100, ['spare-000001.zero'], false, false],
      [200, [segment(4), 'snapshot-0000000000000005.snapshot.part'], false, false],
      [300, [segment(5)], false, false],
      [1400, [], false, false],
      [2000, [], true, false],
      [2500, [snapshot(5)], true, false],
      [3499, [], true, false],
      [3500, [], true, true],
    ];
    for (const [atMs, more, isRolled, isBoth] of steps) {
      names.push(...more);
      t.equal(rolls.isOver(atMs), isRolled, `rolls at ${atMs} ms`);
      t.equal(both.isOver(atMs), isBoth, `snapshot at ${atMs} ms`);
    }
    t.end();
  },
);

const TARGET = { host: '127.0.0.1:1', path: '/v1/events/e/orders', kind: 'orders' } as const;

t.test('a request that is numbered in place is the one that would have been made anew', (t) => {
  const request = new NumberedRequest(TARGET, 's1');
  for (const [number, name] of [
    [0, 's1-00000000'],
    [90_817_263, 's1-90817263'],
    [42, 's1-00000042'],
  ] as const) {
    t.equal(request.numbered(number).toString(), postText(TARGET, name));
  }
  t.throws(() => request.numbered(100_000_000), 'one digit too many');
  t.end();
});

t.test('a reply is whole when its last byte is there, wherever it was cut', (t) => {
  const reply = Buffer.from('HTTP/1.1 201 Created\r\nX: y\r\nContent-Length: 5\r\nDate: now\r\n\r\nhello');
  const reader = new ReplyReader();
  for (let cut = 1; cut < reply.length; cut++) {
    t.equal(reader.take(reply.subarray(0, cut)), 0, `${cut} bytes`);
    t.equal(reader.take(reply.subarray(cut)), 201);
  }
  for (const byte of reply.subarray(0, -1)) if (reader.take(Buffer.of(byte)) !== 0) t.fail('too early');
  t.equal(reader.take(reply.subarray(-1)), 201, 'byte by byte');
  t.equal(reader.take(Buffer.from('HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n')), 503);
  t.throws(() => reader.take(Buffer.concat([reply, reply])), 'two at a time');
  t.end();
});

t.test('what happens to a server is counted, and a count that is missing is not 0', (t) => {
  const metrics =
    '# TYPE\nfrontrow_snapshots_total{result="written"} 12\nfrontrow_snapshots_total{result="failed"} 0';
  t.same([snapshotsOf(metrics, 'written'), snapshotsOf(metrics, 'failed')], [12, 0]);
  t.throws(() => snapshotsOf('frontrow_events 1', 'written'));
  t.equal(secondsForRolls(3, 4096 * 1000, 500), 6, 'a group takes a block at least');
  t.ok(secondsForRolls(1, 4096, 0) < Infinity);
  const [section] = largeEvent('large').sections ?? [];
  const rows = section.kind === 'seated' ? section.rows.map((row) => row.seats) : [];
  const seats = rows.flatMap((row) => (typeof row === 'number' ? [] : row));
  t.equal(seats.length, SEATS);
  t.end();
});

/** Whose quantiles are so many µs times their weight. */
function phaseOf(micros: number, more: Partial<Phase> = {}, lateP99 = 100, waited = 0): Phase {
  const of = (p50: number, p99: number): Quantiles => ({
    count: 50,
    p50,
    p90: p50,
    p99,
    p999: p99,
    max: p99,
  });
  return {
    result: {
      replies: 50,
      seconds: 1,
      latencyMs: { p50: 0, p99: 0, max: 0 },
      statuses: { 201: 50 },
      errors: 0,
      latency: of(micros, micros * 4),
      service: of(micros, micros * 3),
      lateness: of(50, lateP99),
      waited,
      pacerCores: 0.1,
      cpuMicrosPerReply: 100,
      groups: 25,
    },
    rolls: 0,
    snapshots: 0,
    snapshotBytes: 0,
    definitionMs: [],
    ...more,
  };
}

function roundOf(late = 100, perSecond = 500, waited = 0): Round {
  const phases = {
    baseline: phaseOf(500),
    calm: phaseOf(1000, {}, late, waited),
    definitions: phaseOf(2000, { definitionMs: [30, 40] }),
    rolls: phaseOf(1500, { rolls: 3 }),
    snapshots: phaseOf(3000, { rolls: 4, snapshots: 1, snapshotBytes: 1 << 20 }),
    'full-roll': phaseOf(2500, { rolls: 1 }),
  };
  return { saturated: 1000, perSecond, phases: new Map(PHASES.map((name) => [name, phases[name]])) };
}

t.test('every 99th percentile is told in p50 of the calm phase, and judged by DESIGN §8', (t) => {
  const figures = roundFigures([roundOf(), roundOf(1001)], { quick: false });
  const valuesOf = (what: string): readonly number[] | undefined =>
    figures.find((figure) => figure.what.startsWith(what))?.values;
  t.same(valuesOf('half load, p99'), [4, 4]);
  t.same(valuesOf('through rolls of small segments'), [6, 6]);
  t.same(valuesOf('through a roll of a whole segment'), [10, 10]);
  t.same(valuesOf('through definitions of 20,000 seats'), [8, 8]);
  t.same(valuesOf('through snapshots'), [12, 12]);
  t.same(valuesOf('one of the definitions'), [30, 40, 30, 40]);
  t.match(figures[0].note, /in 1 of 2 runs/, 'a pacer that was late is told');
  t.notOk(figures[1].note);
  const [overloaded] = roundFigures([roundOf(100, 500, 3), roundOf(100, 500, 2)], { quick: false });
  t.match(overloaded.note, /not half load, in 1 of 2 runs/, 'of 50 orders more than 2.5 waited');
  const verdicts = (of: typeof figures): string[] =>
    judgeRows(of, { parts: ['half-load'], hasWrk: true })
      .filter(({ row }) => row === 'halfLoad' || row === 'rollAndSnapshot')
      .map(({ verdict }) => verdict);
  t.same(verdicts(figures), ['reached', 'not yet'], 'of rolls and snapshots the worse counts');
  t.same(
    verdicts(roundFigures([roundOf()], { quick: true })),
    ['not measured', 'not measured'],
    'the smallest form says nothing',
  );
  t.same(
    verdicts(roundFigures([roundOf(100, 300)], { quick: false })),
    ['not measured', 'not measured'],
    'and neither does another pace',
  );
  const text = describeRounds([roundOf()], { seed: 9 }).join('\n');
  for (const part of [
    '500 orders/s, half of 1,000',
    'seed 9',
    '201 × 50',
    '3 rolls',
    '1 snapshots of up to 1.00 MiB',
  ]) {
    t.match(text, part);
  }
  t.notMatch(text, 'left out');
  const short = roundOf();
  const phases = new Map([...short.phases].filter(([name]) => name !== 'full-roll'));
  t.match(
    describeRounds([roundOf(), { ...short, phases }], { seed: 9 }).join('\n'),
    /left out in 1 of 2 runs/,
  );
  t.end();
});

t.test('a phase in which nothing happened fails its check', (t) => {
  const isOk = (name: (typeof PHASES)[number], phase: Phase): boolean =>
    happened({ name, event: 'e', definitions: name === 'definitions' ? 2 : 0 }, phase).ok;
  t.ok(isOk('calm', phaseOf(1)));
  t.same(
    [0, 1].map((rolls) => isOk('rolls', phaseOf(1, { rolls }))),
    [false, true],
  );
  t.same(
    [0, 1].map((snapshots) => isOk('snapshots', phaseOf(1, { rolls: 5, snapshots }))),
    [false, true],
  );
  t.same(
    [[], [5], [5, 6]].map((definitionMs) => isOk('definitions', phaseOf(1, { definitionMs }))),
    [false, false, true],
  );
  t.end();
});

t.test('a point of the sweep tells p50, p99 and slowest beside those of the baseline', (t) => {
  const run = (ms: number) => ({ ...phaseOf(1).result, latencyMs: { p50: ms, p99: 3 * ms, max: 9 * ms } });
  const pairs = [1, 2, 3].map((ms) => ({ baseline: run(ms), frontrow: run(ms * 2) }));
  const line = { what: 'w', hammer: 'wrk', connections: 16, pairs, row: null } as const;
  t.match(sweepFiguresOf(line), [
    { what: /16 connections, p50/, values: [2, 4, 6], unit: 'ms', note: 'baseline 2.00 ms, 2.00×' },
    { what: /p99/, values: [6, 12, 18], note: 'baseline 6.00 ms, 2.00×' },
    { what: /max/, values: [18, 36, 54], note: 'baseline 18.0 ms, 2.00×' },
  ]);
  t.end();
});
