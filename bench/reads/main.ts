/**
 * `npm run bench:reads`: public reads beside a bare node:http server, and an audit of what they said. Exits 1 when the
 * audit fails, whatever the figures are, 2 when the arguments are wrong, and 69 without wrk.
 */
import { formatFields } from '../../src/cli/format.ts';
import { describeFigures } from '../figure.ts';
import { describeMachine, machineFields } from '../machine.ts';
import { describeChecks, NO_WRK } from '../report.ts';
import { findWrk } from '../wrk.ts';
import { parseReadOptions, USAGE } from './options.ts';
import { readFigures } from './read-figures.ts';

function readOptions(): ReturnType<typeof parseReadOptions> | null {
  try {
    return parseReadOptions(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n${USAGE}`);
    return null;
  }
}

// An exit of our own: it ends the servers and removes their directories.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

const options = readOptions();
const wrk = findWrk();
if (options === null) {
  process.exitCode = 2;
} else if (wrk === null) {
  process.stderr.write(`${NO_WRK}\n`);
  process.exitCode = 69;
} else {
  const machine = describeMachine();
  const report = await readFigures(options, (text) => process.stderr.write(`${text}\n`));
  const { runs, seconds, warmUpSeconds, connections, seed } = options;
  const lines = [
    ...formatFields([
      ...machineFields(machine),
      [
        'load',
        `${wrk}, closed loop, ${connections} connections; ${runs} pairs of ${seconds} s, baseline and Frontrow in turn` +
          `${warmUpSeconds > 0 ? `, ${warmUpSeconds} s first to warm up` : ''}; seed ${seed}`,
      ],
      ['server', 'fsync on, hammer on the same machine'],
      ['baseline', 'bare node:http: GETs of as many bytes, and the same orders where orders run'],
    ]),
    '',
    ...describeFigures(report.figures),
    '',
    ...report.lines,
    '',
    ...describeChecks(report.checks),
  ];
  process.stdout.write(
    options.json ? `${JSON.stringify({ machine, options, ...report })}\n` : `${lines.join('\n')}\n`,
  );
  process.exitCode = report.checks.every(({ ok }) => ok) ? 0 : 1;
}
