/** Pairs of runs under one load, as people read them: rates and ratios, and below them how long replies took. Pure. */
import { formatCount, formatTable } from '../src/cli/format.ts';
import { describeTarget } from './figure.ts';
import { digits, spread } from './figures.ts';
import { perSecond, ratioFigure, ratios } from './measure.ts';
import type { Line, Run } from './measure.ts';

export function describeLines(lines: readonly Line[]): string[] {
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
      describeTarget(ratioFigure(line)),
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
