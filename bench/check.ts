/**
 * `npm run bench:check`: has something become slower? Ratios against baselines of the same run are compared with those
 * that are committed in bench/baseline.json; below the noise of theirs, three times in a row, is a failure: exit 1. So
 * is an audit that fails.
 *
 *   npm run bench:check                 all ratios; those under wrk where it is installed
 *   npm run bench:check -- --short      what needs nothing but Node, in 20 s: the form that CI runs
 *   npm run bench:check -- --update     measures all of it again and again and writes bench/baseline.json; needs wrk
 *                                       and a quiet machine, for some ten minutes
 */
import { parseArgs } from 'node:util';
import { formatFields } from '../src/cli/format.ts';
import { readBaseline, writeBaseline } from './check/baseline-file.ts';
import { describeJudged, isFailure } from './check/compare.ts';
import { refusalRatios, saleRatios } from './check/cpu-ratios.ts';
import { engineRatios } from './check/engine-ratios.ts';
import type { RatioSource } from './check/ratio.ts';
import { checkRatios, takeBaseline } from './check/run-check.ts';
import { wrkRatios } from './check/wrk-ratios.ts';
import { describeMachine, machineFields } from './machine.ts';
import { describeChecks, NO_WRK } from './report.ts';
import { findWrk } from './wrk.ts';

const UPDATE_RUNS = 10;
const UPDATE_WRK_RUNS = 3;
const SHORT: readonly RatioSource[] = [engineRatios, saleRatios, refusalRatios];

const { values } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    update: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

const note = (text: string): void => void process.stderr.write(`${text}\n`);
const print = (lines: readonly string[]): void => void process.stdout.write(`${lines.join('\n')}\n`);

/** Measures all and writes the file. */
async function update(): Promise<boolean> {
  const { baseline, checks, noisy } = await takeBaseline(
    [
      { sources: SHORT, runs: UPDATE_RUNS },
      { sources: wrkRatios, runs: UPDATE_WRK_RUNS },
    ],
    note,
  );
  const ok = checks.every((audit) => audit.ok);
  if (ok) writeBaseline(baseline);
  for (const name of noisy) note(`${name}: scatters by more than its bound; see bench/check/bounds.ts`);
  print([JSON.stringify(baseline, null, 2), ...describeChecks(checks)]);
  return ok;
}

async function check(): Promise<boolean> {
  const machine = describeMachine();
  const baseline = readBaseline();
  const hasWrk = findWrk() !== null;
  const sources = values.short || !hasWrk ? SHORT : [...SHORT, ...wrkRatios];
  const { judged, checks } = await checkRatios(sources, baseline, note);
  const ok = checks.every((audit) => audit.ok) && !judged.some(({ verdict }) => isFailure(verdict));
  if (values.json) {
    print([JSON.stringify({ machine, baseline, ratios: judged, checks, ok })]);
    return ok;
  }
  print([
    ...formatFields([
      ...machineFields(machine),
      ['baseline', `of ${baseline.takenOn}; ${baseline.machine}; ${baseline.node}`],
      ['noise', 'a fall is more than the bound below the baseline, three times in a row'],
    ]),
    '',
    ...describeJudged(judged),
    '',
    ...(hasWrk ? [] : [NO_WRK]),
    ...describeChecks(checks),
    ok ? 'nothing fell' : 'FAILED',
  ]);
  return ok;
}

if (values.update && findWrk() === null) {
  note(`${NO_WRK}; without it a new baseline would lose them`);
  process.exitCode = 69;
} else {
  process.exitCode = (await (values.update ? update() : check())) ? 0 : 1;
}
