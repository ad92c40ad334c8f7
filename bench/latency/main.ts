/**
 * `npm run bench:latency -- [--quick] [--runs N] [--seconds S] [--seed N] [--workers N] [--json]`: how long
 * an order takes, alone, by the number of connections, and at half load through whatever else a server does.
 * Missing a target is no failure; a failed audit is, and so is a phase in which nothing happened.
 */
import { formatFields } from '../../src/cli/format.ts';
import { describeFigures } from '../figure.ts';
import { singleFigures } from '../latency.ts';
import { describeMachine, machineFields } from '../machine.ts';
import { parseOptions } from '../options.ts';
import type { BenchOptions } from '../options.ts';
import { describeChecks } from '../report.ts';
import { findWrk } from '../wrk.ts';
import { latencyFigures } from './run-latency.ts';

function readOptions(): BenchOptions | null {
  try {
    return parseOptions(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    return null;
  }
}

async function run(options: BenchOptions): Promise<void> {
  const note = (text: string): void => void process.stderr.write(`${text}\n`);
  const machine = describeMachine();
  note('one connection, one order after the other …');
  const single = await singleFigures(options);
  const rest = await latencyFigures(options, note);
  const figures = [...single.figures, ...rest.figures];
  const checks = [...single.checks, ...rest.checks];
  const text = [
    ...formatFields([...machineFields(machine), ['hammer', findWrk() ?? 'none: wrk is not installed']]),
    '',
    ...describeFigures(figures),
    '',
    ...single.lines,
    '',
    ...rest.lines,
    '',
    ...describeChecks(checks),
  ];
  process.stdout.write(
    options.json ? `${JSON.stringify({ machine, options, figures, checks })}\n` : `${text.join('\n')}\n`,
  );
  process.exitCode = checks.every((check) => check.ok) ? 0 : 1;
}

// An exit of our own: it ends the servers and removes their directories.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

const options = readOptions();
if (options === null) process.exitCode = 2;
else await run(options);
