/** Runs the parts that were asked for, one after the other. */
import { crash } from './crash.ts';
import type { CrashResult } from './crash.ts';
import { latency } from './latency.ts';
import type { LatencyResult } from './latency.ts';
import { describeMachine } from './machine.ts';
import type { BenchOptions, Part } from './options.ts';
import type { Report } from './report.ts';
import { autocannonLoad, reads, refusals, wrkLoad } from './throughput.ts';
import type { PartResult } from './throughput.ts';
import { findWrk } from './wrk.ts';

/** `note` tells a person what is going on. */
export async function runBench(options: BenchOptions, note: (text: string) => void): Promise<Report> {
  const machine = describeMachine();
  const wrk = findWrk();
  const wants = (part: Part): boolean => options.parts.includes(part);
  const results: PartResult[] = [];
  const most = Math.max(...options.connections);
  for (const hammer of ['wrk', 'autocannon'] as const) {
    if (!wants(hammer) || (hammer === 'wrk' && wrk === null)) continue;
    const run = hammer === 'wrk' ? wrkLoad : autocannonLoad;
    for (const kind of options.kinds) {
      for (const connections of options.connections) {
        note(`${hammer}: ${kind}, ${connections} connections …`);
        results.push(await run(options, kind, connections));
      }
    }
  }
  if (wants('refusals') && wrk !== null) {
    note(`wrk: sold-out refusals, ${most} connections …`);
    results.push(await refusals(options, most));
  }
  if (wants('reads') && wrk !== null) {
    note(`wrk: reads, ${most} connections …`);
    results.push(await reads(options, most));
  }
  let single: LatencyResult | null = null;
  if (wants('latency')) {
    note('one connection …');
    single = await latency(options);
  }
  let crashed: CrashResult | null = null;
  if (wants('crash')) {
    note('kill -9 under load …');
    crashed = await crash(options);
  }
  const all = [
    ...results.flatMap(({ line, checks }) => {
      const of = `${line.hammer}, ${line.what}, ${line.connections}`;
      return checks.map(({ name, ok, detail }) => ({ name: `${of}: ${name}`, ok, detail }));
    }),
    ...(single?.checks ?? []),
    ...(crashed?.checks ?? []),
  ];
  return {
    machine,
    options,
    wrk,
    lines: results.map((result) => result.line),
    latency: single,
    crash: crashed,
    checks: all,
    ok: all.every((check) => check.ok),
  };
}
