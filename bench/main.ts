/**
 * `npm run bench`: Frontrow beside a bare node:http server, and an audit of what was sold. Exits 1 when the audit
 * fails, whatever the figures are, and 2 when the arguments are wrong.
 */
import { parseOptions, USAGE } from './options.ts';
import type { BenchOptions } from './options.ts';
import { describeReport } from './report.ts';
import { runBench } from './run-bench.ts';

function readOptions(): BenchOptions | null {
  try {
    return parseOptions(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n${USAGE}`);
    return null;
  }
}

// An exit of our own: it ends the servers and removes their directories.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

const options = readOptions();
if (options === null) {
  process.exitCode = 2;
} else {
  const report = await runBench(options, (text) => process.stderr.write(`${text}\n`));
  process.stdout.write(
    options.json ? `${JSON.stringify(report)}\n` : `${describeReport(report).join('\n')}\n`,
  );
  process.exitCode = report.ok ? 0 : 1;
}
