/**
 * `npm run bench:growth`: what grows when there is more, and what does not. Prints figures, tables and the audit;
 * `--svg DIR` writes the curves. Exits 1 when the audit fails, whatever the figures are, and 2 when told nonsense.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { formatFields } from '../../src/cli/format.ts';
import { DEFAULT_LIMITS } from '../../src/core/limits.ts';
import { describeFigures } from '../figure.ts';
import { describeMachine, machineFields } from '../machine.ts';
import { describeChecks } from '../report.ts';
import { drawChart } from './chart.ts';
import { growthFigures } from './growth.ts';
import { FULL, QUICK } from './sizes.ts';
import type { GrowthSizes } from './sizes.ts';

/** The events that are ordered from have keys for so many. */
const RUNS_MAX = 20;

const USAGE = `npm run bench:growth -- [options]
  --quick     small sizes, each once: some seconds instead of some minutes
  --runs N    times each figure is taken (5; memory and workers 3 at most)
  --json      figures and checks as one JSON object on stdout
  --svg DIR   writes the curves there
`;

interface Options {
  readonly sizes: GrowthSizes;
  readonly json: boolean;
  /** Null: no curves. */
  readonly svg: string | null;
}

function readOptions(): Options | null {
  try {
    const { values } = parseArgs({
      options: {
        quick: { type: 'boolean', default: false },
        runs: { type: 'string' },
        json: { type: 'boolean', default: false },
        svg: { type: 'string' },
      },
    });
    const sizes = values.quick ? QUICK : FULL;
    const runs = values.runs === undefined ? sizes.runs : Number(values.runs);
    if (!Number.isInteger(runs) || runs < 1 || runs > RUNS_MAX) {
      throw new Error(`--runs is ${values.runs}; it must be a whole number from 1 to ${RUNS_MAX}`);
    }
    return { sizes: { ...sizes, runs }, json: values.json, svg: values.svg ?? null };
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n${USAGE}`);
    return null;
  }
}

async function run({ sizes, json, svg }: Options): Promise<boolean> {
  const machine = describeMachine();
  const report = await growthFigures(sizes, (text) => process.stderr.write(`${text}\n`));
  const { figures, lines, checks, charts } = report;
  if (svg !== null) {
    mkdirSync(svg, { recursive: true });
    for (const chart of charts) writeFileSync(join(svg, `${chart.name}.svg`), await drawChart(chart));
  }
  const head = formatFields([
    ...machineFields(machine),
    ['load', 'closed loop; every client on the same machine'],
    ['server', `fsync on, ${DEFAULT_LIMITS.workers} workers where nothing else is said`],
    ['figures', `medians of ${sizes.runs} runs (memory, workers: 3 at most); seed ${sizes.seed}`],
  ]);
  const text = [...head, '', ...describeFigures(figures), '', ...lines, '', ...describeChecks(checks)];
  const ok = checks.every((check) => check.ok);
  process.stdout.write(
    json ? `${JSON.stringify({ machine, sizes, figures, charts, checks, ok })}\n` : `${text.join('\n')}\n`,
  );
  return ok;
}

// An exit of our own: it ends the servers and removes their directories.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

const options = readOptions();
if (options === null) process.exitCode = 2;
else process.exitCode = (await run(options)) ? 0 : 1;
