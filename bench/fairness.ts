/**
 * `npm run bench:fairness`: what clients of a saturated server get beside a crowd (DESIGN §8). Missing a target is no
 * failure; a failed audit and a client that is cut off are. Needs wrk.
 */
import { parseArgs } from 'node:util';
import { formatFields } from '../src/cli/format.ts';
import { CROWD, fairnessFigures } from './fairness-run.ts';
import { describeFigures } from './figure.ts';
import { describeMachine, machineFields } from './machine.ts';
import { WARM_UP_SECONDS } from './options.ts';
import { describeChecks } from './report.ts';
import { findWrk } from './wrk.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '4' },
    crowd: { type: 'string', default: String(CROWD) },
    seed: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
  },
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

if (findWrk() === null) {
  process.stderr.write('wrk is not installed (on Debian: apt install wrk); it is the crowd\n');
  process.exit(69);
}

const options = {
  runs: Math.max(1, Number(values.runs)),
  seconds: Math.max(1, Number(values.seconds)),
  warmUpSeconds: WARM_UP_SECONDS,
  crowd: Math.max(1, Number(values.crowd)),
  seed: Number(values.seed),
};
const machine = describeMachine();
const { figures, lines, checks } = await fairnessFigures(options);
const text = [
  ...formatFields(machineFields(machine)),
  '',
  ...describeFigures(figures),
  '',
  ...lines,
  '',
  ...describeChecks(checks),
];
process.stdout.write(
  values.json ? `${JSON.stringify({ machine, options, figures, checks })}\n` : `${text.join('\n')}\n`,
);
process.exitCode = checks.every((check) => check.ok) ? 0 : 1;
