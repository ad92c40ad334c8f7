/** What the bench of reads may be told, and what it does unless told. */
import { parseArgs } from 'node:util';
import type { Limits } from '../../src/core/limits.ts';
import { WARM_UP_SECONDS } from '../options.ts';

export interface ReadOptions {
  /** Pairs of runs, baseline then Frontrow, of each kind of read. */
  readonly runs: number;
  readonly seconds: number;
  /** Of a first pair that is not counted; 0 for none. */
  readonly warmUpSeconds: number;
  readonly connections: number;
  /** Orders beside the reads, where there are any. */
  readonly ordersPerSecond: number;
  /** Of a hundred seats each, in the event that is read. */
  readonly rows: number;
  /** Of the server, where they are not its defaults. */
  readonly limits: Partial<Limits>;
  readonly seed: number;
}

export const USAGE = `npm run bench:reads -- [options]
  --runs N           pairs of runs for each kind of read (5)
  --seconds S        of one run (3)
  --quick            one pair of one second each, no warm-up, a tenth of the seats
  --connections C    of wrk (64)
  --orders N         a second, beside the reads (1000)
  --seed N           of names (1)
  --json             figures as one JSON object on stdout
`;

const ROWS = 1000;

/** @throws Error that says what is wrong with the arguments */
export function parseReadOptions(argv: readonly string[]): ReadOptions & { readonly json: boolean } {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      runs: { type: 'string' },
      seconds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      connections: { type: 'string', default: '64' },
      orders: { type: 'string', default: '1000' },
      seed: { type: 'string', default: '1' },
      json: { type: 'boolean', default: false },
    },
  });
  const { quick } = values;
  return {
    runs: whole('runs', values.runs ?? (quick ? '1' : '5'), 1, 100),
    seconds: whole('seconds', values.seconds ?? (quick ? '1' : '3'), 1, 600),
    warmUpSeconds: quick ? 0 : WARM_UP_SECONDS,
    connections: whole('connections', values.connections, 1, 10_000),
    ordersPerSecond: whole('orders', values.orders, 1, 20_000),
    rows: quick ? ROWS / 10 : ROWS,
    limits: {},
    seed: whole('seed', values.seed, 0, 0x7fff_ffff),
    json: values.json,
  };
}

function whole(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new Error(`--${name} is ${text}; it must be a whole number from ${min} to ${max}`);
}
