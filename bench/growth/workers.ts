/**
 * Durable orders under wrk against the number of workers: on one hot event, where one writing batch is in flight
 * whatever the workers; on eight events at once; and on one event with public reads of it beside. Each run comes right
 * after the same load on the baseline, so counts of workers are compared by their ratios to it.
 */
import { auditWrk, auditRestart } from '../audit.ts';
import type { AuditCheck } from '../../src/cli/load-audit.ts';
import { formatCount, formatTable } from '../../src/cli/format.ts';
import type { Child } from '../child.ts';
import { digits, spread } from '../figures.ts';
import type { Figure, PartReport } from '../figure.ts';
import { acceptedOf, refusedOf } from '../hammer.ts';
import type { HammerResult } from '../hammer.ts';
import { perSecond } from '../measure.ts';
import { FLOOR, placesFor, QUANTITY } from '../requests.ts';
import { Stage } from '../stage.ts';
import { runWrk } from '../wrk.ts';
import type { GrowthSetting, WorkerSizes } from './sizes.ts';
import type { Workplace } from './workplace.ts';

const CONNECTIONS = 64;
const EVENTS = 8;
/** Pairs take twelve seconds a run, for each number of workers. */
const RUNS_MAX = 3;

const LOADS = ['one event', `${EVENTS} events`, 'one event, reads beside'] as const;
type Load = (typeof LOADS)[number];

export interface WorkerPoint {
  readonly workers: number;
  readonly load: Load;
  /** Per second, run by run. */
  readonly orders: readonly Rates[];
  /** Empty where nobody reads. */
  readonly reads: readonly Rates[];
}

interface Rates {
  readonly baseline: number;
  readonly frontrow: number;
}

export interface WorkerReport extends PartReport {
  readonly points: readonly WorkerPoint[];
}

/** What wrks that ran at once did to one server. */
interface LoadResult {
  /** By event. */
  readonly orders: ReadonlyMap<string, HammerResult>;
  readonly reads: HammerResult | null;
}

export async function workerGrowth(
  how: GrowthSetting & { readonly sizes: WorkerSizes },
  workplace: Workplace,
  note: (text: string) => void,
): Promise<WorkerReport> {
  const points: WorkerPoint[] = [];
  const checks: AuditCheck[] = [];
  for (const workers of how.sizes.counts) {
    note(`orders with ${workers} ${workers === 1 ? 'worker' : 'workers'} …`);
    const report = await withWorkers(workers, how, workplace);
    points.push(...report.points);
    checks.push(...report.checks);
  }
  return { points, checks, figures: figuresOf(points), lines: describe(points) };
}

async function withWorkers(
  workers: number,
  how: GrowthSetting & { readonly sizes: WorkerSizes },
  workplace: Workplace,
): Promise<{ points: WorkerPoint[]; checks: AuditCheck[] }> {
  const runs = Math.min(how.runs, RUNS_MAX);
  const { seconds, warmUpSeconds } = how.sizes;
  const places = placesFor(warmUpSeconds) + placesFor(seconds) * runs * LOADS.length;
  const stage = await Stage.start({ kind: 'orders', places, limits: { workers }, replies: 'accepted' });
  const checks: AuditCheck[] = [];
  const made: string[] = [];
  const pair = async (
    load: Load,
    tag: string,
    duration: number,
  ): Promise<{ orders: Rates; reads: Rates | null }> => {
    const events = eventsOf(load, tag);
    const capacity = Math.floor(placesFor(duration) / events.length);
    for (const event of events) await stage.createEvent(event, capacity, 0);
    made.push(...events);
    const run = (child: Child): Promise<LoadResult> =>
      runLoad(child, { load, events, tag: `s${how.seed}-${tag}`, seconds: duration }, workplace);
    const baseline = await run(stage.baseline);
    const frontrow = await run(stage.server);
    for (const [event, result] of frontrow.orders) {
      const after = await stage.settled(event);
      checks.push(...auditWrk('orders', after, result, connectionsOf(load), QUANTITY));
    }
    checks.push(...auditReads(tag, frontrow.reads));
    const of = (rate: (result: LoadResult) => number): Rates => ({
      baseline: rate(baseline),
      frontrow: rate(frontrow),
    });
    return { orders: of(ordersPerSecond), reads: frontrow.reads === null ? null : of(readsPerSecond) };
  };
  try {
    if (warmUpSeconds > 0) await pair('one event', 'warm', warmUpSeconds);
    const results = LOADS.map((load) => ({ load, orders: [] as Rates[], reads: [] as Rates[] }));
    for (let run = 1; run <= runs; run++) {
      for (const [index, { load, orders, reads }] of results.entries()) {
        const rates = await pair(load, `r${run}-${index}`, seconds);
        orders.push(rates.orders);
        if (rates.reads !== null) reads.push(rates.reads);
      }
    }
    checks.push(...(await auditRestart(stage, made)));
    const points = results.map(({ load, orders, reads }) => ({ workers, load, orders, reads }));
    return {
      points,
      checks: checks.map(({ name, ok, detail }) => ({ name: `${workers} workers, ${name}`, ok, detail })),
    };
  } finally {
    await stage.end();
  }
}

function eventsOf(load: Load, tag: string): string[] {
  const count = load === `${EVENTS} events` ? EVENTS : 1;
  return Array.from({ length: count }, (_, index) => `workers-${tag}-${index}`);
}

/** Of each wrk. */
function connectionsOf(load: Load): number {
  switch (load) {
    case 'one event':
      return CONNECTIONS;
    case `${EVENTS} events`:
      return CONNECTIONS / EVENTS;
    case 'one event, reads beside':
      return CONNECTIONS / 2;
  }
}

/** One wrk for each event, and one that reads: all at once. */
async function runLoad(
  child: Child,
  { load, events, tag, seconds }: { load: Load; events: readonly string[]; tag: string; seconds: number },
  workplace: Workplace,
): Promise<LoadResult> {
  const isRead = load === 'one event, reads beside';
  const connections = connectionsOf(load);
  const orders = new Map<string, HammerResult>();
  const url = (event: string, call: string): string => `${child.url}/v1/events/${event}/${call}`;
  const reading = isRead
    ? runWrk({
        url: url(events[0], 'availability'),
        connections,
        seconds,
        directory: workplace.directory('wrk-reads'),
      })
    : null;
  await Promise.all(
    events.map(async (event, index) => {
      const result = await runWrk({
        url: url(event, 'orders'),
        connections,
        seconds,
        directory: workplace.directory(`wrk-${index}`),
        post: { kind: 'orders', section: FLOOR, quantity: QUANTITY, tag },
      });
      orders.set(event, result);
    }),
  );
  return { orders, reads: await reading };
}

function auditReads(tag: string, reads: HammerResult | null): AuditCheck[] {
  if (reads === null) return [];
  const refused = refusedOf(reads);
  const ok = refused === 0 && reads.errors === 0;
  return [
    {
      name: `${tag}: every read was answered`,
      ok,
      detail: `${refused} refused, ${reads.errors} errors, ${acceptedOf(reads)} answered`,
    },
  ];
}

function ordersPerSecond({ orders }: LoadResult): number {
  return [...orders.values()].reduce((sum, result) => sum + perSecond(result), 0);
}

function readsPerSecond({ reads }: LoadResult): number {
  return reads === null ? 0 : perSecond(reads);
}

/** Run by run. Pure. */
export function workerRatios(rates: readonly Rates[]): number[] {
  return rates.map(({ baseline, frontrow }) => frontrow / baseline);
}

function figuresOf(points: readonly WorkerPoint[]): Figure[] {
  const unit = '× baseline';
  return points.flatMap(({ workers, load, orders, reads }): Figure[] => {
    const on = `${load}, ${CONNECTIONS} connections, ${workers} workers`;
    const figures: Figure[] = [{ what: `orders on ${on}`, values: workerRatios(orders), unit }];
    if (reads.length > 0) figures.push({ what: `reads on ${on}`, values: workerRatios(reads), unit });
    return figures;
  });
}

/** Pure. */
function describe(points: readonly WorkerPoint[]): string[] {
  const row = (what: string, workers: number, load: Load, rates: readonly Rates[]): string[] => {
    const ratio = spread(workerRatios(rates));
    const median = (of: (rate: Rates) => number): string =>
      formatCount(Math.round(spread(rates.map(of)).median));
    return [
      what,
      load,
      String(workers),
      String(rates.length),
      median(({ baseline }) => baseline),
      median(({ frontrow }) => frontrow),
      digits(ratio.min),
      digits(ratio.median),
      digits(ratio.max),
    ];
  };
  return [
    `wrk, ${CONNECTIONS} connections in all, closed loop`,
    ...formatTable(
      ['what', 'on', '>workers', '>runs', '>baseline/s', '>frontrow/s', '>ratio min', '>median', '>max'],
      points.flatMap(({ workers, load, orders, reads }) => [
        row('durable orders', workers, load, orders),
        ...(reads.length > 0 ? [row('reads', workers, load, reads)] : []),
      ]),
    ),
  ];
}
