/** Runs the parts that were asked for, one after the other, and holds what they say against DESIGN §8. */
import type { AuditCheck } from '../src/cli/load-audit.ts';
import { crashReport } from './crash.ts';
import { CROWD, fairnessFigures } from './fairness-run.ts';
import type { PartReport } from './figure.ts';
import { growthFigures } from './growth/growth.ts';
import { FULL, QUICK } from './growth/sizes.ts';
import { singleFigures } from './latency.ts';
import { latencyFigures } from './latency/run-latency.ts';
import { describeMachine } from './machine.ts';
import { ratioFigure } from './measure.ts';
import { microFigures } from './micro/run-micro.ts';
import { mutexFigures } from './mutex-run.ts';
import type { BenchOptions, Part } from './options.ts';
import { parseReadOptions } from './reads/options.ts';
import { readFigures } from './reads/read-figures.ts';
import type { NamedReport, Report } from './report.ts';
import { autocannonLoad, refusals, wrkLoad } from './throughput.ts';
import type { PartResult } from './throughput.ts';
import { judgeRows } from './verdicts.ts';
import { findWrk } from './wrk.ts';

type Note = (text: string) => void;
type FigurePart = (options: BenchOptions, note: Note) => Promise<PartReport>;

/** Parts whose runs are lines of a table. */
export const LINE_PARTS = ['wrk', 'autocannon', 'refusals'] as const satisfies readonly Part[];
/** Parts that answer with figures, in the order in which they run. */
export const FIGURE_PARTS: Readonly<Record<Exclude<Part, (typeof LINE_PARTS)[number]>, FigurePart>> = {
  reads,
  latency: singleFigures,
  'half-load': latencyFigures,
  mutex: mutexFigures,
  micro: microFigures,
  growth,
  fairness,
  crash: crashReport,
};
/** Parts that have nothing to hammer with where wrk is not installed. */
const WRK_PARTS = new Set<Part>(['wrk', 'refusals', 'reads', 'fairness']);
const CROWD_QUICK = 100;
const FAIRNESS_RUNS_MAX = 3;

/** `note` tells a person what is going on. */
export async function runBench(options: BenchOptions, note: Note): Promise<Report> {
  const machine = describeMachine();
  const wrk = findWrk();
  const checks: AuditCheck[] = [];
  const lines: PartResult[] = [];
  const parts: NamedReport[] = [];
  const wants = (part: Part): boolean =>
    options.parts.includes(part) && (wrk !== null || !WRK_PARTS.has(part));
  // One part that breaks must not cost the figures of all others; it is a failed check.
  const attempt = async (name: string, act: () => Promise<void>): Promise<void> => {
    note(`${name} …`);
    try {
      await act();
    } catch (cause) {
      checks.push({ name: `${name}: runs through`, ok: false, detail: String(cause) });
    }
  };
  for (const { name, part, run } of lineRuns(options)) {
    if (wants(part)) await attempt(name, async () => void lines.push(await run()));
  }
  for (const [part, run] of Object.entries(FIGURE_PARTS) as [Part, FigurePart][]) {
    if (!wants(part)) continue;
    await attempt(part, async () => {
      const { checks: own, ...report } = await run(options, note);
      parts.push({ part, ...report });
      for (const { name, ok, detail } of own) checks.push({ name: `${part}: ${name}`, ok, detail });
    });
  }
  for (const { line, checks: own } of lines) {
    const of = `${line.hammer}, ${line.what}, ${line.connections}`;
    for (const { name, ok, detail } of own) checks.push({ name: `${of}: ${name}`, ok, detail });
  }
  const figures = [...lines.map(({ line }) => ratioFigure(line)), ...parts.flatMap((part) => part.figures)];
  return {
    machine,
    options,
    wrk,
    rows: judgeRows(figures, { parts: options.parts, hasWrk: wrk !== null }),
    lines: lines.map(({ line }) => line),
    parts,
    checks,
    ok: checks.every((check) => check.ok),
  };
}

interface LineRun {
  readonly name: string;
  readonly part: (typeof LINE_PARTS)[number];
  readonly run: () => Promise<PartResult>;
}

/** The runs that are lines of a table: requests per second beside the baseline's. */
function lineRuns(options: BenchOptions): LineRun[] {
  const most = Math.max(...options.connections);
  const loads = (['wrk', 'autocannon'] as const).flatMap((part) =>
    options.kinds.flatMap((kind) =>
      options.connections.map((connections) => ({
        name: `${part}: ${kind}, ${connections} connections`,
        part,
        run: () => (part === 'wrk' ? wrkLoad : autocannonLoad)(options, kind, connections),
      })),
    ),
  );
  return [
    ...loads,
    {
      name: `wrk: sold-out refusals, ${most} connections`,
      part: 'refusals',
      run: () => refusals(options, most),
    },
  ];
}

function reads(options: BenchOptions, note: Note): Promise<PartReport> {
  const { runs, seconds, warmUpSeconds, limits, seed, quick } = options;
  const own = parseReadOptions(quick ? ['--quick'] : []);
  return readFigures({ ...own, runs, seconds, warmUpSeconds, limits, seed }, note);
}

function growth({ quick, runs, seed }: BenchOptions, note: Note): Promise<PartReport> {
  const sizes = quick ? QUICK : FULL;
  return growthFigures({ ...sizes, runs: Math.min(runs, sizes.runs), seed }, note);
}

function fairness({ runs, seconds, warmUpSeconds, seed, quick }: BenchOptions): Promise<PartReport> {
  return fairnessFigures({
    runs: Math.min(runs, FAIRNESS_RUNS_MAX),
    seconds,
    warmUpSeconds,
    crowd: quick ? CROWD_QUICK : CROWD,
    seed,
  });
}
