/**
 * Times in whole µs on Node's own HDR histogram (perf_hooks, HdrHistogram in C): three significant digits, so
 * no percentile is off by more than 0.1 %, and recording costs the same however many there are. See
 * docs/decisions/023.
 */
import { createHistogram } from 'node:perf_hooks';

/** µs. */
export interface Quantiles {
  readonly count: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** Longer than a run waits for a reply; what takes longer would not be counted. */
const HIGHEST_MICROS = 120_000_000;

export class Micros {
  readonly #histogram = createHistogram({ lowest: 1, highest: HIGHEST_MICROS, figures: 3 });

  record(ms: number): void {
    // The histogram takes nothing below 1.
    this.#histogram.record(Math.min(HIGHEST_MICROS, Math.max(1, Math.round(ms * 1000))));
  }

  /** All 0 when there is nothing. */
  quantiles(): Quantiles {
    const { count } = this.#histogram;
    const of = (percent: number): number => (count === 0 ? 0 : this.#histogram.percentile(percent));
    return {
      count,
      p50: of(50),
      p90: of(90),
      p99: of(99),
      p999: of(99.9),
      max: count === 0 ? 0 : this.#histogram.max,
    };
  }
}
