/**
 * `npm run bench:fairness`: what clients of a saturated server get beside a crowd (DESIGN §8). Missing a target is no
 * failure; a client that is cut off is. Needs wrk.
 */
import { parseArgs } from 'node:util';
import { describeFairness, runFairness } from './fairness-run.ts';
import { findWrk } from './wrk.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '4' },
    crowd: { type: 'string', default: '1000' },
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
  crowd: Math.max(1, Number(values.crowd)),
  seed: Number(values.seed),
};
const runs = await runFairness(options);
process.stdout.write(
  values.json ? `${JSON.stringify({ options, runs })}\n` : `${describeFairness(options, runs).join('\n')}\n`,
);
