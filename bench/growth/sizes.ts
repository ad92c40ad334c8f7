/** How far the growth bench goes: in full, in a few seconds, and in a test. */

import { DEFAULT_LIMITS, LIMIT_RANGES } from '../../src/core/limits.ts';

export interface GrowthSizes {
  /** Times each figure is taken. */
  readonly runs: number;
  readonly seed: number;
  /** Of journals: each new directory is zero-filled for a few of them. */
  readonly segmentBytes: number;
  readonly order: OrderSizes;
  readonly recovery: RecoverySizes;
  readonly memory: MemorySizes;
  readonly workers: WorkerSizes;
}

/** What is the same for all parts. */
export type GrowthSetting = Pick<GrowthSizes, 'runs' | 'seed' | 'segmentBytes'>;

/** What there is more of. */
export type OrderAxis = 'events' | 'live claims' | 'seats' | 'all three';

export interface OrderSizes {
  readonly axes: readonly OrderAxis[];
  /** Live claims and seats of the smallest case, which has one event. */
  readonly base: number;
  /** What events, claims and seats are multiplied by; the first is 1. */
  readonly factors: readonly number[];
  /** Orders timed on either side in a run. */
  readonly orders: number;
  /** wrk on each server before anything is timed: both sides are to be equally warm. 0 for none. */
  readonly warmUpSeconds: number;
}

export interface RecoverySizes {
  /** Live claims, and seats, of each snapshot. */
  readonly sizes: readonly number[];
  /** Frames of each journal without a snapshot. */
  readonly frames: readonly number[];
}

export interface MemorySizes {
  /** Seats; a quarter as many claims of four seats. */
  readonly sizes: readonly number[];
}

export interface WorkerSizes {
  readonly counts: readonly number[];
  /** Of one run. */
  readonly seconds: number;
  readonly warmUpSeconds: number;
}

export const FULL: GrowthSizes = {
  runs: 5,
  seed: 1,
  segmentBytes: DEFAULT_LIMITS.segmentBytes,
  order: {
    axes: ['events', 'live claims', 'seats', 'all three'],
    base: 1000,
    factors: [1, 10, 100, 1000],
    orders: 200,
    warmUpSeconds: 6,
  },
  recovery: { sizes: [1000, 10_000, 100_000, 1_000_000], frames: [100_000, 300_000, 1_000_000] },
  memory: { sizes: [1000, 10_000, 100_000, 1_000_000] },
  workers: { counts: [1, 2, 4], seconds: 2, warmUpSeconds: 5 },
};

export const QUICK: GrowthSizes = {
  runs: 1,
  seed: 1,
  segmentBytes: LIMIT_RANGES.segmentBytes[0],
  order: { axes: ['events', 'all three'], base: 1000, factors: [1, 30], orders: 100, warmUpSeconds: 0 },
  recovery: { sizes: [30_000], frames: [30_000] },
  memory: { sizes: [30_000] },
  workers: { counts: [2], seconds: 1, warmUpSeconds: 0 },
};
