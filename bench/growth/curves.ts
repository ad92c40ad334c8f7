/** The curves of docs/performance.md: what was measured as points on lines. Pure. */
import { digits, spread } from '../figures.ts';
import type { Chart, Point } from './chart.ts';
import { processMib } from './memory.ts';
import type { MemoryReport } from './memory.ts';
import { ORDER_TARGET, ratiosOf } from './order.ts';
import type { OrderPoint, OrderReport } from './order.ts';
import { RECOVERY_TARGET_SECONDS } from './recovery.ts';
import type { RecoveryReport } from './recovery.ts';
import type { OrderAxis } from './sizes.ts';
import { workerRatios } from './workers.ts';
import type { WorkerReport } from './workers.ts';

const MIB = 1024 * 1024;
/** The order that stands for its axis: the one that meets most of what there is more of. */
const SHOWN: Readonly<Record<OrderAxis, { readonly kind: OrderPoint['kind']; readonly line: string }>> = {
  events: { kind: 'another event', line: 'more events (an order for any of them)' },
  'live claims': { kind: 'floor', line: 'more live claims (for the floor)' },
  seats: { kind: 'a seat', line: 'more seats (for any of them)' },
  'all three': { kind: 'a seat', line: 'more of all three (for any seat)' },
};

function point(line: string, x: number, values: readonly number[]): Point {
  const { min, median, max } = spread(values);
  return { line, x, y: median, low: min, high: max };
}

export function orderCharts({ points, base }: OrderReport): Chart[] {
  const shown = points.filter(({ axis, kind }) => SHOWN[axis].kind === kind);
  const lineOf = ({ axis }: OrderPoint): string => SHOWN[axis].line;
  const smallest = new Map(shown.map((each) => [lineOf(each), each.smallMicros]));
  const size = base.toLocaleString('en-US');
  const x = {
    title: `times as much as 1 event, ${size} live claims and ${size} seats`,
    scale: 'log',
    format: ',~f',
    ticks: [1, ...new Set(points.map(({ factor }) => factor))],
  } as const;
  return [
    {
      name: 'order-ratio',
      title: 'One order over HTTP, against the smallest',
      x,
      y: { title: 'p50, × that of the smallest', scale: 'linear', format: ',~f' },
      bound: { y: ORDER_TARGET, text: `≤ ${ORDER_TARGET} is wanted of 1,000 times as much` },
      points: [
        ...[...smallest.keys()].map((line) => point(line, 1, [1])),
        ...shown.map((each) => point(lineOf(each), each.factor, ratiosOf(each))),
      ],
    },
    {
      name: 'order-micros',
      title: 'One order over HTTP, one connection, durable',
      x,
      y: { title: 'p50, µs', scale: 'linear', format: ',~f' },
      points: [
        ...[...smallest].map(([line, micros]) => point(line, 1, micros)),
        ...shown.map((each) => point(lineOf(each), each.factor, each.largeMicros)),
      ],
    },
  ];
}

export function recoveryChart({ recoveries, replays, snapshots, emptySeconds }: RecoveryReport): Chart {
  return {
    name: 'recovery',
    title: 'Starting again, and the next snapshot',
    x: { title: 'live claims and as many seats; or frames', scale: 'log', format: '~s' },
    y: { title: 'seconds', scale: 'log', format: ',~f' },
    bound: {
      y: RECOVERY_TARGET_SECONDS,
      text: `≤ ${RECOVERY_TARGET_SECONDS} s is wanted of a snapshot of a million`,
    },
    points: [
      ...recoveries.map((each) => point('start from a snapshot', each.size, each.readySeconds)),
      ...replays.map((each) => point('start from frames alone', each.size, each.readySeconds)),
      ...recoveries.map((each) =>
        point(`start of nothing (${digits(spread(emptySeconds).median)} s)`, each.size, emptySeconds),
      ),
      ...snapshots.map((each) => point('next snapshot, beside a running server', each.size, each.seconds)),
    ],
  };
}

export function memoryChart({ points }: MemoryReport): Chart {
  const line = (name: string, of: (each: MemoryReport['points'][number]) => number | null): Point[] =>
    points.flatMap((each) => {
      const value = of(each);
      return value === null ? [] : [point(name, each.seats, [value])];
    });
  return {
    name: 'memory',
    title: 'Memory of seats and claims',
    x: { title: 'seats, each fourth of them with a claim of four', scale: 'log', format: '~s' },
    y: { title: 'MiB', scale: 'log', format: ',~f' },
    points: [
      ...line('process, resident', processMib),
      ...line('arena, given to the event', ({ seatArena }) => seatArena / MIB),
      ...line('arena, live claims', ({ claimTable }) => claimTable / MIB),
      ...line('arena, seats', ({ seatTable }) => seatTable / MIB),
    ],
  };
}

export function workerChart({ points }: WorkerReport): Chart {
  const counts = [...new Set(points.map(({ workers }) => workers))];
  return {
    name: 'workers',
    title: 'Workers, with 64 connections in all',
    x: { title: 'workers', scale: 'log', format: ',~f', ticks: counts },
    y: { title: 'per second, × bare node:http', scale: 'linear', format: ',~f' },
    points: points.flatMap(({ workers, load, orders, reads }) => [
      point(`orders, ${load}`, workers, workerRatios(orders)),
      ...(reads.length > 0 ? [point('reads beside orders', workers, workerRatios(reads))] : []),
    ]),
  };
}
