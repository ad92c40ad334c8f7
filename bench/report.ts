/** The bench's figures as people read them: the numbers to keep first, then each part. Pure. */
import { formatFields, formatTable } from '../src/cli/format.ts';
import type { AuditCheck } from '../src/cli/load-audit.ts';
import { DEFAULT_LIMITS } from '../src/core/limits.ts';
import { describeFigures } from './figure.ts';
import type { PartReport } from './figure.ts';
import { describeLines } from './line-tables.ts';
import { machineFields } from './machine.ts';
import type { Machine } from './machine.ts';
import type { Line } from './measure.ts';
import type { BenchOptions, Part } from './options.ts';
import { describeRows } from './verdicts.ts';
import type { RowResult } from './verdicts.ts';

export interface NamedReport extends Omit<PartReport, 'checks'> {
  readonly part: Part;
}

export interface Report {
  readonly machine: Machine;
  readonly options: BenchOptions;
  /** Null where it is not installed. */
  readonly wrk: string | null;
  /** Every row of DESIGN §8. */
  readonly rows: readonly RowResult[];
  readonly lines: readonly Line[];
  readonly parts: readonly NamedReport[];
  readonly checks: readonly AuditCheck[];
  readonly ok: boolean;
}

export const NO_WRK =
  'wrk is not installed: the ratios that count (DESIGN §8) are missing here. On Debian: apt-get install wrk';
const QUICK = 'smallest form, cold and once: it shows that everything runs, and is nothing to quote';

export function describeReport(report: Report): string[] {
  const { lines, parts, options, wrk } = report;
  const of = (hammer: Line['hammer']): Line[] => lines.filter((line) => line.hammer === hammer);
  const table = (title: string, some: readonly Line[]): string[] =>
    some.length === 0 ? [] : ['', title, ...describeLines(some)];
  return [
    ...describeHead(report),
    ...(wrk === null ? ['', NO_WRK] : []),
    ...(options.quick ? ['', QUICK] : []),
    '',
    ...describeRows(report.rows),
    ...table(`${wrk}, the ratios that count`, of('wrk')),
    ...table('autocannon, the audited hammer: ratios are client-bound', of('autocannon')),
    ...parts.flatMap(describePart),
    '',
    ...describeChecks(report.checks),
  ];
}

function describeHead({ machine, options }: Report): string[] {
  const { runs, seconds, seed, limits, warmUpSeconds } = options;
  const warm = warmUpSeconds > 0 ? `, ${warmUpSeconds} s of each first to warm up` : '';
  return formatFields([
    ...machineFields(machine),
    [
      'load',
      `closed loop; ${runs} pairs of ${seconds} s, baseline and Frontrow in turn${warm}; seed ${seed}`,
    ],
    ['server', `fsync on, ${limits.workers ?? DEFAULT_LIMITS.workers} workers, hammer on the same machine`],
    ['baseline', 'bare node:http: parses the same JSON, answers the same bytes, keeps nothing'],
  ]);
}

function describePart({ part, figures, lines }: NamedReport): string[] {
  return [
    '',
    part,
    ...(figures.length === 0 ? [] : describeFigures(figures)),
    ...(figures.length === 0 || lines.length === 0 ? [] : ['']),
    ...lines,
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
