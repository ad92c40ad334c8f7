/** What the server itself counted of reads: from its metrics, as the difference of two moments. */
import type { Child } from '../child.ts';

/** By `result` of frontrow_cache_total, and by status, of all reads. */
export interface ReadCounts {
  readonly cache: Readonly<Record<string, number>>;
  readonly statuses: Readonly<Record<string, number>>;
}

const CACHE = /^frontrow_cache_total\{result="([a-z]+)"\} (\d+)$/gm;
const READS = /^frontrow_requests_total\{route="(?:availability|seats)",status="(\d+)"\} (\d+)$/gm;

export async function readCounts(server: Child): Promise<ReadCounts> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  return parseCounts(text);
}

/** Pure. */
export function parseCounts(metrics: string): ReadCounts {
  return { cache: sumsOf(metrics, CACHE), statuses: sumsOf(metrics, READS) };
}

function sumsOf(metrics: string, pattern: RegExp): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const [, name, count] of metrics.matchAll(pattern)) sums[name] = (sums[name] ?? 0) + Number(count);
  return sums;
}

export function countsBetween(before: ReadCounts, after: ReadCounts): ReadCounts {
  return {
    cache: difference(before.cache, after.cache),
    statuses: difference(before.statuses, after.statuses),
  };
}

function difference(
  before: Readonly<Record<string, number>>,
  after: Readonly<Record<string, number>>,
): Record<string, number> {
  return Object.fromEntries(
    Object.entries(after).map(([name, count]) => [name, count - (before[name] ?? 0)]),
  );
}
