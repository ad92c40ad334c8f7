/**
 * The ratios that count, in short runs: rates under wrk against the baseline's. Only in the full form, and only where wrk
 * is installed. autocannon's ratios are not here at all: they show its own limit, so a server could lose a third of its
 * speed without one of them moving.
 */
import type { BenchOptions } from '../options.ts';
import { parseOptions } from '../options.ts';
import { ratios } from '../measure.ts';
import { reads, refusals, wrkLoad } from '../throughput.ts';
import type { PartResult } from '../throughput.ts';
import type { RatioSource } from './ratio.ts';

/** Half of the warm-up of the bench: V8 is nearly done then. */
const WARM_UP_SECONDS = 4;
const OPTIONS: BenchOptions = {
  ...parseOptions(['--runs', '3', '--seconds', '2']),
  warmUpSeconds: WARM_UP_SECONDS,
};

export const wrkRatios: readonly RatioSource[] = [
  sourceOf('wrk: durable orders, 256 connections', () => wrkLoad(OPTIONS, 'orders', 256)),
  sourceOf('wrk: durable orders, 64 connections', () => wrkLoad(OPTIONS, 'orders', 64)),
  sourceOf('wrk: durable holds, 256 connections', () => wrkLoad(OPTIONS, 'holds', 256)),
  sourceOf('wrk: sold-out refusals, 256 connections', () => refusals(OPTIONS, 256)),
  sourceOf('wrk: availability, 256 connections', () => reads(OPTIONS, 256)),
];

function sourceOf(name: string, run: () => Promise<PartResult>): RatioSource {
  return {
    names: [name],
    async measure() {
      const { line, checks } = await run();
      return { ratios: [{ name, values: ratios(line.pairs) }], checks };
    },
  };
}
