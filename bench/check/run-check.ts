/** Measures what the guard compares: once against the baseline, or often enough to make a new one. */
import type { AuditCheck } from '../../src/cli/load-audit.ts';
import { digits, percentile, spread } from '../figures.ts';
import { describeMachine } from '../machine.ts';
import { boundOf } from './bounds.ts';
import { judge, TRIES, unmeasured } from './compare.ts';
import type { Baseline, BaselineRatio, Judged } from './compare.ts';
import type { RatioSource } from './ratio.ts';

export interface CheckResult {
  readonly judged: readonly Judged[];
  readonly checks: readonly AuditCheck[];
}

/** `note` tells a person what is going on. */
type Note = (text: string) => void;

/** A ratio that fell is measured again, with the others of its source; it has fallen when it does so each time. */
export async function checkRatios(
  sources: readonly RatioSource[],
  baseline: Baseline,
  note: Note,
): Promise<CheckResult> {
  const judged = new Map<string, Judged>();
  const checks: AuditCheck[] = [];
  let due = sources;
  for (let tries = 1; tries <= TRIES && due.length > 0; tries++) {
    for (const source of due) {
      note(`${source.names.join(', ')}${tries === 1 ? '' : `: again, time ${tries}`} …`);
      const measured = await source.measure();
      checks.push(...measured.checks);
      for (const ratio of measured.ratios) {
        const before = judged.get(ratio.name);
        if (before === undefined || before.verdict === 'fell')
          judged.set(ratio.name, judge(ratio, baseline, tries));
      }
    }
    due = due.filter(({ names }) => names.some((name) => judged.get(name)?.verdict === 'fell'));
  }
  const all = [...judged.values()];
  return { judged: [...all, ...unmeasured(all, baseline)], checks };
}

export interface NewBaseline {
  readonly baseline: Baseline;
  readonly checks: readonly AuditCheck[];
  /** Ratios whose own spread is wider than their bound: on this machine they would be false alarms. */
  readonly noisy: readonly string[];
}

/** Sources, and how often each is measured: more often than that costs more time than it is worth. */
export interface Rounds {
  readonly sources: readonly RatioSource[];
  readonly runs: number;
}

/** Measures in rounds, so that a minute in which others were busy falls on all sources alike. */
export async function takeBaseline(groups: readonly Rounds[], note: Note): Promise<NewBaseline> {
  const machine = describeMachine();
  const ratios: Record<string, BaselineRatio> = {};
  const checks: AuditCheck[] = [];
  for (const { sources, runs } of groups) {
    const medians = new Map<string, number[]>();
    for (let run = 1; run <= runs; run++) {
      for (const source of sources) {
        const measured = await source.measure();
        checks.push(...measured.checks);
        for (const { name, values } of measured.ratios) {
          const median = percentile(values, 0.5);
          medians.set(name, [...(medians.get(name) ?? []), median]);
          note(`run ${run} of ${runs}: ${name} ${median.toFixed(3)}`);
        }
      }
    }
    for (const [name, values] of medians) ratios[name] = baselineOf(name, values);
  }
  const noisy = Object.entries(ratios)
    .filter(([, { median, min, bound }]) => min < median * (1 - bound))
    .map(([name]) => name);
  const { cpu, cores, memoryGib, system, load, node } = machine;
  const where = `${cpu}, ${cores} cores, ${memoryGib} GiB, ${system}, load ${digits(load)} before`;
  const takenOn = new Date().toISOString().slice(0, 10);
  return { baseline: { takenOn, machine: where, node, ratios }, checks, noisy };
}

function baselineOf(name: string, medians: readonly number[]): BaselineRatio {
  const round = (value: number): number => Number(value.toFixed(3));
  const { min, median, max } = spread(medians);
  return {
    median: round(median),
    min: round(min),
    max: round(max),
    bound: boundOf(name),
    runs: medians.length,
  };
}
