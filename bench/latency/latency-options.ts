/** What the latency part may be told: some of what the bench is told, and one thing more. */
import type { BenchOptions } from '../options.ts';

export interface LatencyOptions extends Pick<
  BenchOptions,
  'runs' | 'seconds' | 'warmUpSeconds' | 'limits' | 'seed' | 'quick'
> {
  /**
   * Requests a second of the open loop; half of what the server can take if not given, which takes wrk to
   * find out.
   */
  readonly perSecond?: number;
}

/** Tells a person what is going on. */
export type Note = (text: string) => void;

export const NO_WRK = 'wrk is not installed (on Debian: apt-get install wrk)';
