/**
 * The verdict of the regression guard: each ratio against what the committed baseline says, within its noise. Pure.
 *
 * A ratio falls when its median is below `baseline × (1 − bound)`. Once is not enough: it is measured twice more, and
 * must have fallen in all three.
 */
import { formatTable } from '../../src/cli/format.ts';
import { spread } from '../figures.ts';
import type { Spread } from '../figures.ts';
import type { Ratio } from './ratio.ts';

export interface BaselineRatio extends Spread {
  /** The part of the median that a ratio may be below it. */
  readonly bound: number;
  /** It is the median of the medians of so many runs; `min` and `max` are over those. */
  readonly runs: number;
}

export interface Baseline {
  readonly takenOn: string;
  readonly machine: string;
  readonly node: string;
  readonly ratios: Readonly<Record<string, BaselineRatio>>;
}

/** Times that a ratio is measured before it counts as fallen. */
export const TRIES = 3;

export type Verdict = 'holds' | 'fell' | 'rose' | 'no baseline' | 'not measured';

export interface Judged {
  readonly name: string;
  readonly baseline: BaselineRatio | null;
  /** Null where it was not measured. */
  readonly now: Spread | null;
  readonly verdict: Verdict;
  /** Times that it was measured. */
  readonly tries: number;
}

export function judge(ratio: Ratio, baseline: Baseline, tries: number): Judged {
  const { name, values } = ratio;
  const known = baseline.ratios[name] as BaselineRatio | undefined;
  const now = spread(values);
  if (known === undefined) return { name, baseline: null, now, verdict: 'no baseline', tries };
  return { name, baseline: known, now, verdict: verdictOf(now.median, known), tries };
}

function verdictOf(median: number, { median: was, bound }: BaselineRatio): Verdict {
  if (median < was * (1 - bound)) return 'fell';
  // No failure, but a baseline that no longer says much.
  return median > was * (1 + bound) ? 'rose' : 'holds';
}

/** Ratios of the baseline that this run has no figure for. */
export function unmeasured(judged: readonly Judged[], baseline: Baseline): Judged[] {
  const seen = new Set(judged.map(({ name }) => name));
  return Object.entries(baseline.ratios)
    .filter(([name]) => !seen.has(name))
    .map(([name, known]) => ({ name, baseline: known, now: null, verdict: 'not measured', tries: 0 }));
}

/** A ratio without a baseline is as bad as one that fell: nobody would notice if it did. */
export function isFailure(verdict: Verdict): boolean {
  return verdict === 'fell' || verdict === 'no baseline';
}

export function describeJudged(all: readonly Judged[]): string[] {
  const three = (value: number): string => value.toFixed(3);
  return formatTable(
    ['ratio', '>baseline', '>of', '>to', '>bound', '>must be', '>now', '>of', '>to', '>tries', 'verdict'],
    all.map(({ name, baseline, now, verdict, tries }) => [
      name,
      ...(baseline === null
        ? ['', '', '', '', '']
        : [
            three(baseline.median),
            three(baseline.min),
            three(baseline.max),
            `-${Math.round(baseline.bound * 100)} %`,
            `≥ ${three(baseline.median * (1 - baseline.bound))}`,
          ]),
      ...(now === null ? ['', '', ''] : [three(now.median), three(now.min), three(now.max)]),
      tries === 0 ? '' : String(tries),
      isFailure(verdict) ? verdict.toUpperCase() : verdict,
    ]),
  );
}
