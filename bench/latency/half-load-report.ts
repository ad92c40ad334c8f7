/**
 * What the phases of the half-load bench come to: figures with their targets, and tables for people. Pure.
 */
import { formatCount, formatTable } from '../../src/cli/format.ts';
import type { Figure } from '../figure.ts';
import { digits, spread } from '../figures.ts';
import { ROWS } from '../targets.ts';
import { SEATS } from './disturbances.ts';
import type { LatencyOptions } from './latency-options.ts';
import type { Quantiles } from './micros.ts';
import { PHASES } from './phase.ts';
import type { Phase, PhaseName } from './phase.ts';

/** One run: all phases at one pace. */
export interface Round {
  /** Orders a second under wrk; null where the pace was given. */
  readonly saturated: number | null;
  readonly perSecond: number;
  readonly phases: ReadonlyMap<PhaseName, Phase>;
}

/**
 * A run whose pacer was later than this at its 99th percentile is marked: what it found slow may be the
 * pacer.
 */
const LATE_MICROS_MAX = 1000;
/**
 * Of the orders of a calm phase that found all connections busy: with more, the machine has become slower
 * meanwhile.
 */
const WAITED_SHARE_MAX = 0.05;
/** A pace further than this from half of what the server takes is another load. */
const HALF = { least: 0.45, most: 0.55 };

type Judged = Pick<LatencyOptions, 'quick'>;

export function roundFigures(rounds: readonly Round[], options: Judged): Figure[] {
  const micros = (name: PhaseName, of: keyof Quantiles): number[] =>
    rounds.map((round) => phaseOf(round, name).result.latency[of]);
  const calm = micros('calm', 'p50');
  const through = (name: PhaseName, what: string, row: 'halfLoad' | 'rollAndSnapshot'): Figure => ({
    what: `${what}, p99 in p50 of half load`,
    values: micros(name, 'p99').map((p99, run) => p99 / calm[run]),
    unit: '× p50',
    target: ROWS[row].bound,
    row,
    ...markNote(rounds, name),
    ...shortOf(rounds, options),
  });
  const disturbed = DISTURBED.filter(([name]) => rounds.every(({ phases }) => phases.has(name)));
  // DESIGN §8 has no row for definitions. The bound is the same.
  const { row: _, ...definitions } = through('definitions', `through ${LARGE}`, 'rollAndSnapshot');
  const judged: Figure[] = [
    through('calm', 'half load', 'halfLoad'),
    ...disturbed.map(([name, what]) => through(name, `through ${what}`, 'rollAndSnapshot')),
    definitions,
    {
      what: `one of the ${LARGE}`,
      values: rounds.flatMap((round) => phaseOf(round, 'definitions').definitionMs),
      unit: 'ms',
    },
  ];
  const beside = QUANTILES.map(([of, text]): Figure => {
    const baseline = micros('baseline', of);
    const values = micros('calm', of);
    const ratio = spread(values.map((value, run) => value / baseline[run])).median;
    const note = `baseline at the same pace ${whole(spread(baseline).median)} µs, ${digits(ratio)}×`;
    return { what: `half load, ${text}`, values, unit: 'µs', note };
  });
  return [...judged, ...beside];
}

const LARGE = `definitions of ${formatCount(SEATS)} seats`;
const DISTURBED: readonly [name: PhaseName, what: string][] = [
  ['rolls', 'rolls of small segments'],
  ['full-roll', 'a roll of a whole segment'],
  ['snapshots', 'snapshots'],
];

const QUANTILES = [
  ['p50', 'p50'],
  ['p99', 'p99'],
  ['p999', 'p99.9'],
  ['max', 'max'],
] as const;

export function describeRounds(rounds: readonly Round[], { seed }: Pick<LatencyOptions, 'seed'>): string[] {
  // One that would last too long on a slow machine is left out, maybe in some runs only.
  const names = PHASES.filter((name) => rounds.some(({ phases }) => phases.has(name)));
  const rates = rounds.map(({ perSecond }) => perSecond);
  const saturated = rounds.flatMap((round) => round.saturated ?? []);
  const taken =
    saturated.length === 0 ? '' : `, half of ${whole(spread(saturated).median)} (wrk, 64 connections)`;
  return [
    `half load: open loop at ${whole(spread(rates).median)} orders/s${taken}; Poisson arrivals, seed ${seed}`,
    `medians of ${rounds.length} runs, and the slowest of all; µs since an order was due, and since it was sent`,
    ...formatTable(
      ['phase', '>orders', '>p50 µs', '>p99', '>p99.9', '>slowest', '>sent p50', '>p99', 'statuses'],
      names.map((name) => latencyRow(name, phasesOf(rounds, name))),
    ),
    '',
    ...formatTable(
      [
        'phase',
        '>s',
        '>waited',
        '>pacer late p50 µs',
        '>p99',
        '>pacer cores',
        '>server cores',
        '>orders/group',
        'meanwhile, in all runs',
      ],
      names.map((name) => conditionsRow(name, phasesOf(rounds, name))),
    ),
    ...describeMissing(rounds),
  ];
}

/** A phase that nobody hears of would have been the slowest. */
function describeMissing(rounds: readonly Round[]): string[] {
  const missing = rounds.length - phasesOf(rounds, 'full-roll').length;
  if (missing === 0) return [];
  return [`full-roll: left out in ${missing} of ${rounds.length} runs, where it would take too long`];
}

function latencyRow(name: PhaseName, phases: readonly Phase[]): string[] {
  const median = (of: (phase: Phase) => number): string => whole(spread(phases.map(of)).median);
  return [
    name,
    median(({ result }) => result.replies),
    median(({ result }) => result.latency.p50),
    median(({ result }) => result.latency.p99),
    median(({ result }) => result.latency.p999),
    whole(spread(phases.map(({ result }) => result.latency.max)).max),
    median(({ result }) => result.service.p50),
    median(({ result }) => result.service.p99),
    statusesOf(phases),
  ];
}

function conditionsRow(name: PhaseName, phases: readonly Phase[]): string[] {
  const median = (of: (phase: Phase) => number): number => spread(phases.map(of)).median;
  const groups = median(({ result }) => result.replies / Math.max(1, result.groups));
  return [
    name,
    digits(median(({ result }) => result.seconds)),
    whole(median(({ result }) => result.waited)),
    whole(median(({ result }) => result.lateness.p50)),
    whole(median(({ result }) => result.lateness.p99)),
    digits(median(({ result }) => result.pacerCores)),
    digits(median(({ result }) => (result.cpuMicrosPerReply * result.replies) / result.seconds / 1e6)),
    name === 'baseline' ? '' : digits(groups),
    describeUpkeep(phases),
  ];
}

/** Empty when nothing happened. */
function describeUpkeep(phases: readonly Phase[]): string {
  const sum = (of: (phase: Phase) => number): number => phases.map(of).reduce((a, b) => a + b, 0);
  const rolls = sum((phase) => phase.rolls);
  const snapshots = sum((phase) => phase.snapshots);
  const bytes = spread(phases.map((phase) => phase.snapshotBytes)).max;
  const definitions = phases.flatMap((phase) => phase.definitionMs);
  return [
    ...(rolls > 0 ? [`${rolls} rolls`] : []),
    ...(snapshots > 0 ? [`${snapshots} snapshots of up to ${digits(bytes / 1024 ** 2)} MiB`] : []),
    ...(definitions.length > 0 ? [`${definitions.length} definitions`] : []),
  ].join(', ');
}

function statusesOf(phases: readonly Phase[]): string {
  const sums = new Map<string, number>();
  for (const { result } of phases) {
    for (const [status, count] of Object.entries(result.statuses)) {
      sums.set(status, (sums.get(status) ?? 0) + count);
    }
  }
  return [...sums].map(([status, count]) => `${status} × ${formatCount(count)}`).join(', ');
}

/**
 * What is to be known of a figure: the pacer was late, or the server had more than half of what it could take
 * by then.
 */
function markNote(rounds: readonly Round[], name: PhaseName): Pick<Figure, 'note'> {
  const phases = phasesOf(rounds, name);
  const mark = (what: string, is: (phase: Phase) => boolean): string[] => {
    const count = phases.filter(is).length;
    return count === 0 ? [] : [`${what} in ${count} of ${phases.length} runs`];
  };
  const marks = [
    ...mark(`pacer late itself (p99 > ${LATE_MICROS_MAX} µs)`, isLate),
    ...(name === 'calm' ? mark('no connection free, so not half load,', isOverloaded) : []),
  ];
  return marks.length === 0 ? {} : { note: marks.join('; ') };
}

function isLate({ result }: Phase): boolean {
  return result.lateness.p99 > LATE_MICROS_MAX;
}

function isOverloaded({ result }: Phase): boolean {
  return result.waited > WAITED_SHARE_MAX * result.replies;
}

/** Why the figures say nothing about DESIGN §8, if so. */
function shortOf(rounds: readonly Round[], { quick }: Judged): Pick<Figure, 'short'> {
  if (quick) return { short: 'a warm server, and longer runs' };
  const isHalf = rounds.every(({ saturated, perSecond }) => {
    const share = saturated === null ? 0 : perSecond / saturated;
    return share >= HALF.least && share <= HALF.most;
  });
  return isHalf ? {} : { short: 'half of what the server takes' };
}

function phasesOf(rounds: readonly Round[], name: PhaseName): Phase[] {
  return rounds.flatMap(({ phases }) => phases.get(name) ?? []);
}

function phaseOf({ phases }: Round, name: PhaseName): Phase {
  const phase = phases.get(name);
  if (phase === undefined) throw new Error(`a run has no phase ${name}`);
  return phase;
}

function whole(value: number): string {
  return formatCount(Math.round(value));
}
