/** What went on beside the reads, as people read it. Pure. */
import { formatCount, formatTable } from '../../src/cli/format.ts';
import { digits, spread } from '../figures.ts';
import type { ReadOptions } from './options.ts';
import type { ReadLine, ReadRun } from './read-figures.ts';

/** Of frontrow_cache_total, in the order in which a read meets them. */
const RESULTS = ['ready', 'shared', 'hit', 'miss', 'eviction'] as const;

export function describeBeside(options: ReadOptions, lines: readonly ReadLine[]): string[] {
  const runsOf = ({ pairs }: ReadLine): ReadRun[] => pairs.map(({ frontrow }) => frontrow);
  const loaded = lines.filter((line) => runsOf(line).some(({ orders }) => orders !== null));
  return [
    'what the server counted of these reads, and of a few that were looked at beside them',
    ...formatTable(
      ['what', ...RESULTS.map((result) => `>${result}`), '>200', '>304'],
      lines.map((line) => {
        const runs = runsOf(line);
        const sum = (of: (run: ReadRun) => number | undefined): string =>
          formatCount(runs.reduce((total, run) => total + (of(run) ?? 0), 0));
        const cache = RESULTS.map((result) => sum(({ counts }) => counts?.cache[result]));
        const statuses = ['200', '304'].map((status) => sum(({ counts }) => counts?.statuses[status]));
        return [line.what, ...cache, ...statuses];
      }),
    ),
    '',
    `orders beside them: open loop, ${formatCount(options.ordersPerSecond)}/s wanted, ms from when each was due`,
    ...formatTable(
      ['what', '>base/s', '>p50', '>p99', '>frontrow/s', '>p50', '>p99', '>accepted', '>not'],
      loaded.map((line) => {
        const of = (runs: readonly ReadRun[]): string[] =>
          [
            runs.map(({ orders }) => (orders === null ? 0 : orders.sent / orders.seconds)),
            runs.map(({ orders }) => orders?.latencyMs.p50 ?? 0),
            runs.map(({ orders }) => orders?.latencyMs.p99 ?? 0),
          ].map((values) => digits(spread(values).median));
        const runs = runsOf(line);
        const sum = (pick: (run: ReadRun) => number): string =>
          formatCount(runs.reduce((total, run) => total + pick(run), 0));
        return [
          line.what,
          ...of(line.pairs.map(({ baseline }) => baseline)),
          ...of(runs),
          sum(({ orders }) => orders?.accepted ?? 0),
          sum(({ orders }) => (orders === null ? 0 : orders.sent - orders.accepted)),
        ];
      }),
    ),
    'CPU µs of a reply holds the orders beside it, too.',
  ];
}
