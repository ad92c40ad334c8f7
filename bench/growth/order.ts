/**
 * One order over HTTP, one connection, one after the other, against how much there is: events, live claims, seats,
 * and all three at once. Each large server has its runs interleaved with those of a small one that stands beside it
 * and is as warm; both are alive all the time, and one is asked.
 */
import type { AuditCheck } from '../../src/cli/load-audit.ts';
import { formatCount, formatTable } from '../../src/cli/format.ts';
import { SeededRandom } from '../../src/journal/random.ts';
import { digits, percentile, spread } from '../figures.ts';
import type { Figure, PartReport } from '../figure.ts';
import { WARM_UP_SHARE } from './order-client.ts';
import { endSide, startSide, wishes } from './order-side.ts';
import type { OrderKind, Scale, Side } from './order-side.ts';
import type { GrowthSetting, OrderAxis, OrderSizes } from './sizes.ts';
import type { Workplace } from './workplace.ts';

interface Axis {
  readonly kinds: readonly OrderKind[];
  readonly scale: (base: number, factor: number) => Scale;
}

/** In the order in which they are measured. */
const AXES: Readonly<Record<OrderAxis, Axis>> = {
  events: {
    kinds: ['floor', 'another event'],
    scale: (base, factor) => ({ events: factor, claims: base, seats: base, otherSeats: base }),
  },
  'live claims': {
    kinds: ['floor'],
    scale: (base, factor) => ({ events: 1, claims: base * factor, seats: base, otherSeats: 0 }),
  },
  seats: {
    kinds: ['floor', 'a seat', 'best seats'],
    scale: (base, factor) => ({ events: 1, claims: base, seats: base * factor, otherSeats: 0 }),
  },
  'all three': {
    kinds: ['floor', 'a seat', 'best seats'],
    scale: (base, factor) => ({
      events: factor,
      claims: base * factor,
      seats: base * factor,
      otherSeats: base,
    }),
  },
};

/** One kind of order on one scale: medians of runs in µs, small and large in turn. */
export interface OrderPoint {
  readonly axis: OrderAxis;
  readonly kind: OrderKind;
  readonly factor: number;
  readonly smallMicros: readonly number[];
  readonly largeMicros: readonly number[];
  readonly largeP99Micros: readonly number[];
}

export interface OrderReport extends PartReport {
  /** Live claims and seats of the smallest. */
  readonly base: number;
  readonly points: readonly OrderPoint[];
}

/** DESIGN §8 says it of a thousand times as much. */
export const ORDER_TARGET = 1.3;
const TARGET_FACTOR = 1000;
/** Orders on one side before the other has its turn: the machine's speed changes within a run, too. */
const BLOCK_ORDERS = 25;

export async function orderGrowth(
  how: GrowthSetting & { readonly sizes: OrderSizes; readonly hasWrk: boolean },
  workplace: Workplace,
  note: (text: string) => void,
): Promise<OrderReport> {
  const { sizes, runs, hasWrk } = how;
  const { base, factors } = sizes;
  const random = new SeededRandom(how.seed);
  const warmUpSeconds = hasWrk ? sizes.warmUpSeconds : 0;
  // The small side is there for all kinds and factors of its axis. Of a block's warm-up a whole order is rounded up.
  const kinds = Math.max(...Object.values(AXES).map((axis) => axis.kinds.length));
  const orders = Math.ceil(sizes.orders * (1 + 2 * WARM_UP_SHARE)) * (runs + 1) * kinds * factors.length;
  const start = (scale: Scale): Promise<Side> =>
    startSide(scale, { ...how, warmUpSeconds, orders }, workplace);
  const points: OrderPoint[] = [];
  const checks: AuditCheck[] = [];
  for (const axis of sizes.axes) {
    const { scale, kinds: ofAxis } = AXES[axis];
    const small = await start(scale(base, 1));
    for (const factor of factors.filter((each) => each > 1)) {
      note(`one order, ${axis} × ${formatCount(factor)} …`);
      const large = await start(scale(base, factor));
      for (const kind of ofAxis) {
        points.push(
          await comparePair(axis, { kind, factor, runs, orders: sizes.orders }, small, large, random),
        );
      }
      checks.push(...(await endSide(`${axis} × ${factor}`, large, workplace)));
    }
    checks.push(...(await endSide(`${axis} × 1`, small, workplace)));
  }
  return {
    base,
    points,
    checks,
    figures: points.map((point) => figureOf(point, Math.max(...factors))),
    lines: describe(points),
  };
}

async function comparePair(
  axis: OrderAxis,
  how: { readonly kind: OrderKind; readonly factor: number; readonly runs: number; readonly orders: number },
  small: Side,
  large: Side,
  random: SeededRandom,
): Promise<OrderPoint> {
  const { kind, factor, runs, orders } = how;
  const smallMicros: number[] = [];
  const largeMicros: number[] = [];
  const largeP99Micros: number[] = [];
  // The first is not counted: neither server may have seen this kind before, and one has seen more than the other.
  for (let run = 0; run <= runs; run++) {
    const smalls: number[] = [];
    const larges: number[] = [];
    for (let left = orders; left > 0; left -= BLOCK_ORDERS) {
      const count = Math.min(left, BLOCK_ORDERS);
      smalls.push(...(await small.client.time(wishes(small, kind, random), count)));
      larges.push(...(await large.client.time(wishes(large, kind, random), count)));
    }
    if (run === 0) continue;
    smallMicros.push(percentile(smalls, 0.5));
    largeMicros.push(percentile(larges, 0.5));
    largeP99Micros.push(percentile(larges, 0.99));
  }
  return { axis, kind, factor, smallMicros, largeMicros, largeP99Micros };
}

/** Large over small, run by run. Pure. */
export function ratiosOf({ smallMicros, largeMicros }: OrderPoint): number[] {
  return largeMicros.map((micros, run) => micros / smallMicros[run]);
}

function figureOf(point: OrderPoint, factorMax: number): Figure {
  const { axis, kind, factor } = point;
  return {
    what: `one order (${kind}), ${axis} × ${formatCount(factor)}`,
    values: ratiosOf(point),
    unit: '× the time',
    ...(factor >= TARGET_FACTOR && { target: { most: ORDER_TARGET } }),
    ...(axis === 'all three' && factor === factorMax && { row: 'growth' }),
    ...(axis === 'all three' && factor < TARGET_FACTOR && { short: `${formatCount(factor)} times as much` }),
  };
}

/** Pure. */
function describe(points: readonly OrderPoint[]): string[] {
  const rows = points.map((point) => {
    const ratio = spread(ratiosOf(point));
    const median = (values: readonly number[]): string => digits(spread(values).median);
    return [
      point.axis,
      `× ${formatCount(point.factor)}`,
      point.kind,
      String(point.smallMicros.length),
      median(point.smallMicros),
      median(point.largeMicros),
      median(point.largeP99Micros),
      digits(ratio.min),
      digits(ratio.median),
      digits(ratio.max),
    ];
  });
  return [
    'one order over HTTP, one after the other, every one answered with 201 and cancelled again',
    ...formatTable(
      [
        'of',
        '>how much',
        'order for',
        '>runs',
        '>small p50 µs',
        '>large p50 µs',
        '>p99',
        '>ratio min',
        '>median',
        '>max',
      ],
      rows,
    ),
  ];
}
