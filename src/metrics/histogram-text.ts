/** A TimeHistogram in the text format: prom-client's histograms take one observation at a time, ours are counted already. */
import { TIME_BUCKETS } from '../core/time-histogram.ts';
import type { TimeReading } from '../core/time-histogram.ts';

/** Ends with a line break, as the format has it. */
export function histogramText(name: string, help: string, { counts, sumSeconds }: TimeReading): string {
  const lines = [`# HELP ${name} ${help}`, `# TYPE ${name} histogram`];
  let total = 0;
  counts.forEach((count, bucket) => {
    total += count;
    const bound = bucket < TIME_BUCKETS.length ? String(TIME_BUCKETS[bucket]) : '+Inf';
    lines.push(`${name}_bucket{le="${bound}"} ${total}`);
  });
  lines.push(`${name}_sum ${sumSeconds}`, `${name}_count ${total}`, '');
  return lines.join('\n');
}
