/** The bench's figures as people read them. Pure. */
import type { AuditCheck } from '../src/cli/load-audit.ts';
import { DEFAULT_LIMITS } from '../src/core/limits.ts';
import { formatCount, formatFields, formatTable } from '../src/cli/format.ts';
import type { CrashResult } from './crash.ts';
import { digits, spread } from './figures.ts';
import type { LatencyResult } from './latency.ts';
import type { Machine } from './machine.ts';
import { perSecond, ratios } from './measure.ts';
import type { Line, Run } from './measure.ts';
import type { BenchOptions } from './options.ts';

export interface Report {
  readonly machine: Machine;
  readonly options: BenchOptions;
  /** Null where it is not installed. */
  readonly wrk: string | null;
  readonly lines: readonly Line[];
  readonly latency: LatencyResult | null;
  readonly crash: CrashResult | null;
  readonly checks: readonly AuditCheck[];
  readonly ok: boolean;
}

export const NO_WRK =
  'wrk is not installed: the ratios that count (DESIGN §8) are missing here. On Debian: apt-get install wrk';

export function describeReport(report: Report): string[] {
  const { lines } = report;
  const wrk = lines.filter((line) => line.hammer === 'wrk');
  const autocannon = lines.filter((line) => line.hammer === 'autocannon');
  return [
    ...describeHead(report),
    ...(report.wrk === null ? ['', NO_WRK] : []),
    ...(wrk.length > 0 ? ['', `${report.wrk}, the ratios that count`, ...describeLines(wrk)] : []),
    ...(autocannon.length > 0
      ? ['', 'autocannon, the audited hammer: ratios are client-bound', ...describeLines(autocannon)]
      : []),
    ...(report.latency === null ? [] : ['', ...describeLatency(report.latency)]),
    '',
    ...describeChecks(report.checks),
  ];
}

function describeHead({ machine, options }: Report): string[] {
  const { runs, seconds, seed, limits, warmUpSeconds } = options;
  const load = machine.load > 0.5 ? `; load ${digits(machine.load)} before the start: others were here` : '';
  const warm = warmUpSeconds > 0 ? `, ${warmUpSeconds} s of each first to warm up` : '';
  return formatFields([
    ['machine', `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGib} GiB, ${machine.system}${load}`],
    ['node', machine.node],
    [
      'load',
      `closed loop; ${runs} pairs of ${seconds} s, baseline and Frontrow in turn${warm}; seed ${seed}`,
    ],
    ['server', `fsync on, ${limits.workers ?? DEFAULT_LIMITS.workers} workers, hammer on the same machine`],
    ['baseline', 'bare node:http: parses the same JSON, answers the same bytes, keeps nothing'],
  ]);
}

function describeLines(lines: readonly Line[]): string[] {
  const rates = lines.map((line) => {
    const ratio = spread(ratios(line.pairs));
    const of = (pick: (run: Run) => number): [string, string] => [
      formatCount(Math.round(spread(line.pairs.map(({ baseline }) => pick(baseline))).median)),
      formatCount(Math.round(spread(line.pairs.map(({ frontrow }) => pick(frontrow))).median)),
    ];
    const groups = line.pairs.map(({ frontrow }) => frontrow);
    const grouped = groups.some((run) => run.groups > 0);
    return [
      line.what,
      String(line.connections),
      String(line.pairs.length),
      ...of(perSecond),
      digits(ratio.min),
      digits(ratio.median),
      digits(ratio.max),
      line.target === null ? '' : `≥ ${line.target}${ratio.median >= line.target ? '' : ' not yet'}`,
      ...of((run) => run.cpuMicrosPerReply),
      grouped ? formatCount(Math.round(spread(groups.map((run) => run.groups / run.seconds)).median)) : '',
      grouped ? digits(spread(groups.map((run) => run.replies / Math.max(1, run.groups))).median) : '',
    ];
  });
  const rateTitles = [
    'what',
    '>conn',
    '>runs',
    '>baseline/s',
    '>frontrow/s',
    '>ratio min',
    '>median',
    '>max',
  ];
  return [
    ...formatTable(
      [...rateTitles, 'target', '>cpu µs base', '>frontrow', '>groups/s', '>replies/group'],
      rates,
    ),
    '',
    ...formatTable(
      [
        'what',
        '>conn',
        '>base p50 ms',
        '>p99',
        '>max',
        '>frontrow p50 ms',
        '>p99',
        '>max',
        'frontrow statuses',
      ],
      lines.map((line) => [
        line.what,
        String(line.connections),
        ...latencies(line.pairs.map(({ baseline }) => baseline)),
        ...latencies(line.pairs.map(({ frontrow }) => frontrow)),
        statusesOf(line.pairs.map(({ frontrow }) => frontrow)),
      ]),
    ),
  ];
}

/** Medians of p50 and p99 over the runs, and the slowest reply of all. */
function latencies(runs: readonly Run[]): string[] {
  return [
    digits(spread(runs.map((run) => run.latencyMs.p50)).median),
    digits(spread(runs.map((run) => run.latencyMs.p99)).median),
    digits(spread(runs.map((run) => run.latencyMs.max)).max),
  ];
}

function statusesOf(runs: readonly Run[]): string {
  const sums = new Map<string, number>();
  for (const { statuses, errors } of runs) {
    for (const [status, count] of [...Object.entries(statuses), ['broken', errors] as const]) {
      if (count > 0) sums.set(status, (sums.get(status) ?? 0) + count);
    }
  }
  return [...sums].map(([status, count]) => `${status} × ${formatCount(count)}`).join(', ');
}

function describeLatency(latency: LatencyResult): string[] {
  const { baselineMs, frontrowMs, syncMs, targetMs, requests } = latency;
  const row = (name: string, { p50, p99 }: { p50: number; p99: number }, note: string): string[] => [
    name,
    p50.toFixed(3),
    p99.toFixed(3),
    note,
  ];
  const verdict = frontrowMs.p50 <= targetMs ? '' : ' not yet';
  return [
    `one connection, ${formatCount(requests)} orders one after the other`,
    ...formatTable(
      ['', '>p50 ms', '>p99 ms', 'target of p50'],
      [
        row('4 KiB written and synced', syncMs, ''),
        row('baseline', baselineMs, ''),
        row('frontrow, durable', frontrowMs, `≤ ${targetMs.toFixed(3)}, two syncs and 1 ms${verdict}`),
      ],
    ),
  ];
}

/** Failed checks one by one; the others in a word, since there are some for every run. */
export function describeChecks(checks: readonly AuditCheck[]): string[] {
  const failed = checks.filter((check) => !check.ok);
  const notable = checks.filter((check) => check.ok && check.name.includes('kill -9'));
  const rows = [...failed, ...notable].map((check) => [check.ok ? 'ok' : 'FAILED', check.name, check.detail]);
  return [
    `audit: ${checks.length - failed.length} of ${checks.length} checks hold`,
    ...formatTable(['', '', ''], rows).slice(1),
  ];
}
