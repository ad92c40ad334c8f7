/**
 * The numbers to keep: every row of DESIGN §8, its bound, and the part of the bench that its figure comes from. A row
 * with two figures is two rows here. A part says which row a figure answers by that row's name, Figure.row.
 */
import type { Part } from './options.ts';

/** What the median must not be above or below, in the figure's unit. */
export type Bound = { readonly most: number } | { readonly least: number };

export interface Row {
  readonly what: string;
  /** As DESIGN §8 has it. */
  readonly target: string;
  /** Null where it follows from something else that the same run measured: then the figure brings it. */
  readonly bound: Bound | null;
  readonly part: Part;
  /** It is measured under wrk: where wrk is not installed there is no figure. */
  readonly needsWrk?: true;
}

export const ROWS = {
  orders256: {
    what: 'durable orders over HTTP, 256 connections, against node:http',
    target: '≥ 1.25×, aim 1.5×',
    bound: { least: 1.25 },
    part: 'wrk',
    needsWrk: true,
  },
  orders64: {
    what: 'the same, 64 connections',
    target: '≥ 0.9×, aim 1.0×',
    bound: { least: 0.9 },
    part: 'wrk',
    needsWrk: true,
  },
  singleOrder: {
    what: 'the same, p50 at 1 connection',
    target: '≤ 2 fdatasyncs + 1 ms',
    bound: null,
    part: 'latency',
  },
  refusals: {
    what: 'sold-out refusals, 256 connections, against node:http',
    target: '≥ 1.5×',
    bound: { least: 1.5 },
    part: 'refusals',
    needsWrk: true,
  },
  reads: {
    what: 'cached public reads while orders run, against node:http',
    target: '≥ 1.0×',
    bound: { least: 1 },
    part: 'reads',
    needsWrk: true,
  },
  halfLoad: {
    what: 'p99 at half load, open loop, in p50',
    target: '≤ 5×',
    bound: { most: 5 },
    part: 'half-load',
    needsWrk: true,
  },
  rollAndSnapshot: {
    what: 'p99 through segment roll and snapshot, in p50',
    target: '≤ 10×',
    bound: { most: 10 },
    part: 'half-load',
    needsWrk: true,
  },
  holdsSmall: {
    what: 'engine, one thread, frames included: 1 k live holds',
    target: '≥ 3 M holds/s',
    bound: { least: 3 },
    part: 'micro',
  },
  holdsLarge: {
    what: 'the same, 1 M live holds',
    target: '≥ 1 M holds/s',
    bound: { least: 1 },
    part: 'micro',
  },
  mutexHeld: {
    what: 'mutex hold time, p99',
    target: '≤ 200 µs',
    bound: { most: 200 },
    part: 'mutex',
  },
  repair: {
    what: 'repair after a worker is killed',
    target: '≤ 50 ms',
    bound: { most: 50 },
    part: 'mutex',
  },
  seatBytes: {
    what: 'arena per seat',
    target: '≤ 16 bytes',
    bound: { most: 16 },
    part: 'micro',
  },
  claimBytes: {
    what: 'arena per live claim of 4 seats, customer of 16 bytes',
    target: '≤ 192 bytes',
    bound: { most: 192 },
    part: 'micro',
  },
  recovery: {
    what: 'recovery of 1 M claims and 1 M seats from a snapshot',
    target: '≤ 2 s',
    bound: { most: 2 },
    part: 'micro',
  },
  replay: {
    what: 'replay',
    target: '≥ 1 M frames/s',
    bound: { least: 1 },
    part: 'micro',
  },
  growth: {
    what: 'one order over HTTP with 1,000× the seats, claims and events',
    target: '≤ 1.3× the time',
    bound: { most: 1.3 },
    part: 'growth',
  },
  bestSeats: {
    what: 'best adjacent seats, 100,000 seats, 99 % sold',
    target: '≤ 20 µs',
    bound: { most: 20 },
    part: 'micro',
  },
  fairShare: {
    what: 'a client with 64 connections beside one with 1,000: of an equal share',
    target: '≥ 0.9',
    bound: { least: 0.9 },
    part: 'fairness',
    needsWrk: true,
  },
  fairWait: {
    what: 'a client with one connection beside one with 1,000: p99 in batch times',
    target: '≤ 3',
    bound: { most: 3 },
    part: 'fairness',
    needsWrk: true,
  },
} as const satisfies Record<string, Row>;

export type RowId = keyof typeof ROWS;

/** In the order of DESIGN §8. */
export const ROW_IDS = Object.keys(ROWS) as RowId[];
