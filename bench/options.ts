/** What the bench may be told, and what it does unless told. */
import { parseArgs } from 'node:util';
import type { LoadKind } from '../src/cli/load.ts';
import type { Limits } from '../src/core/limits.ts';

export interface BenchOptions {
  /** Pairs of runs, baseline then Frontrow, for each line of the table. */
  readonly runs: number;
  readonly seconds: number;
  /** Of a first pair that is not counted; 0 for none. */
  readonly warmUpSeconds: number;
  readonly kinds: readonly LoadKind[];
  readonly connections: readonly number[];
  /** Only these parts; see PARTS. */
  readonly parts: readonly Part[];
  /** Of the server, where they are not its defaults. */
  readonly limits: Partial<Limits>;
  readonly seed: number;
  /** Everything in its smallest form: what comes out is no figure to quote. */
  readonly quick: boolean;
  readonly json: boolean;
}

export const PARTS = [
  'wrk',
  'autocannon',
  'refusals',
  'reads',
  'latency',
  'half-load',
  'mutex',
  'micro',
  'growth',
  'fairness',
  'crash',
] as const;
export type Part = (typeof PARTS)[number];

/** V8 goes on compiling a server for some ten thousands of requests: the figures are those of one that has been sold on. */
export const WARM_UP_SECONDS = 8;

export const USAGE = `npm run bench -- [options]
  --runs N           pairs of runs for each line of the table (5)
  --seconds S        of one run (3)
  --quick            one pair of one second each, no warm-up, small sizes
  --kind K           orders or holds; may be given twice (both)
  --connections C    may be given more than once (64 and 256)
  --part P           ${PARTS.join(', ')}; may be given more than once (all)
  --workers N        of the server (its own default)
  --seed N           of names and order (1)
  --json             figures as one JSON object on stdout
`;

/** @throws Error that says what is wrong with the arguments */
export function parseOptions(argv: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      runs: { type: 'string' },
      seconds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      kind: { type: 'string', multiple: true, default: ['orders', 'holds'] },
      connections: { type: 'string', multiple: true, default: ['64', '256'] },
      part: { type: 'string', multiple: true, default: [...PARTS] },
      workers: { type: 'string' },
      seed: { type: 'string', default: '1' },
      json: { type: 'boolean', default: false },
    },
  });
  return {
    runs: whole('runs', values.runs ?? (values.quick ? '1' : '5'), 1, 100),
    seconds: whole('seconds', values.seconds ?? (values.quick ? '1' : '3'), 1, 600),
    warmUpSeconds: values.quick ? 0 : WARM_UP_SECONDS,
    kinds: values.kind.map((kind) => oneOf('kind', kind, ['orders', 'holds'] as const)),
    connections: values.connections.map((text) => whole('connections', text, 1, 10_000)),
    parts: values.part.map((part) => oneOf('part', part, PARTS)),
    limits: values.workers === undefined ? {} : { workers: whole('workers', values.workers, 1, 31) },
    seed: whole('seed', values.seed, 0, 0x7fff_ffff),
    quick: values.quick,
    json: values.json,
  };
}

function whole(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new Error(`--${name} is ${text}; it must be a whole number from ${min} to ${max}`);
}

function oneOf<T extends string>(name: string, text: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === text);
  if (found !== undefined) return found;
  throw new Error(`--${name} is ${text}; it must be one of ${choices.join(', ')}`);
}
