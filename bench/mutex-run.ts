/**
 * What one command may cost everybody else, on a live server under load: how long it holds its event's mutex, and how long
 * the event stands still when its worker is killed in the middle. The server is probed-server.ts.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { formatTable } from '../src/cli/format.ts';
import type { AuditCheck } from '../src/cli/load-audit.ts';
import { auditRestart, auditWrk } from './audit.ts';
import type { Figure, PartReport } from './figure.ts';
import { digits, percentile } from './figures.ts';
import { acceptedOf } from './hammer.ts';
import { heldMicros } from './hold-times.ts';
import { runNetLoad } from './net-load.ts';
import type { NetLoadResult } from './net-load.ts';
import type { BenchOptions } from './options.ts';
import { placesFor, QUANTITY } from './requests.ts';
import { onStage } from './stage.ts';
import type { Stage } from './stage.ts';
import { ROWS } from './targets.ts';
import type { Kill } from './worker-killer.ts';

const PROBED_ENTRY = new URL('probed-server.js', import.meta.url);
const EVENT = 'mutex';
const CONNECTIONS = 64;
const KILLS_PER_RUN = 4;
/** New orders between two kills: the server is to be in its stride again. */
const ORDERS_BETWEEN = 200;

export async function mutexFigures(options: BenchOptions): Promise<PartReport> {
  const held = await holding(options);
  const two = await killing(options, 2);
  const one = await killing(options, 1);
  return {
    figures: [...held.figures, ...two.figures, ...one.figures],
    lines: [
      `mutex and repair: closed loop over ${CONNECTIONS} connections of this process, orders of ${QUANTITY}, one event`,
      ...two.lines,
      ...one.lines,
    ],
    checks: [...held.checks, ...two.checks, ...one.checks],
  };
}

/** p50 and p99 of how long the mutex is held, of each run. */
async function holding({ runs, seconds, warmUpSeconds, limits }: BenchOptions): Promise<PartReport> {
  const places = placesFor(warmUpSeconds + runs * seconds);
  const stageOptions = { kind: 'orders', places, limits, replies: 'accepted', entry: PROBED_ENTRY } as const;
  return onStage(stageOptions, async (stage) => {
    const p50: number[] = [];
    const p99: number[] = [];
    const perBatch: number[] = [];
    const loads: NetLoadResult[] = [];
    await stage.createEvent(EVENT, places, 0);
    for (let run = warmUpSeconds > 0 ? 0 : 1; run <= runs; run++) {
      const endMs = Date.now() + (run === 0 ? warmUpSeconds : seconds) * 1000;
      const before = (await stage.server.ask('holds')) as number[];
      const { batches } = await stage.server.usage();
      const loaded = await load(stage, `h${run}`, () => Date.now() < endMs);
      loads.push(loaded);
      perBatch.push(loaded.replies / Math.max(1, (await stage.server.usage()).batches - batches));
      const after = (await stage.server.ask('holds')) as number[];
      if (run === 0) continue;
      p50.push(heldMicros(before, after, 0.5));
      p99.push(heldMicros(before, after, 0.99));
    }
    const figures: Figure[] = [
      { what: 'the mutex is held, p50', values: p50, unit: 'µs' },
      {
        row: 'mutexHeld',
        what: 'the mutex is held, p99',
        values: p99,
        unit: 'µs',
        target: ROWS.mutexHeld.bound,
        note: `${digits(percentile(perBatch, 0.5))} orders a batch; with the time that its worker had no core`,
      },
    ];
    return { figures, lines: [], checks: await audit(stage, loads) };
  });
}

/** Workers killed one after the other while orders come in. */
async function killing(options: BenchOptions, workers: number): Promise<PartReport> {
  const kills = options.runs * KILLS_PER_RUN;
  const places = placesFor(kills + options.warmUpSeconds);
  const limits = { ...options.limits, workers };
  const stageOptions = { kind: 'orders', places, limits, replies: 'accepted', entry: PROBED_ENTRY } as const;
  return onStage(stageOptions, async (stage) => {
    await stage.createEvent(EVENT, places, 0);
    let isOver = false;
    let sent = 0;
    const loading = load(stage, `k${workers}`, (count) => {
      sent = count;
      return !isOver;
    });
    const seen: Kill[] = [];
    try {
      for (let kill = 0; kill < kills; kill++) {
        const mark = sent + ORDERS_BETWEEN;
        // Ends without them where the load has ended: what killed it says why.
        await Promise.race([reached(() => sent >= mark), loading]);
        seen.push((await stage.server.ask(`kill ${EVENT}`)) as Kill);
      }
    } finally {
      isOver = true;
    }
    const result = await loading;
    return {
      figures: [repairFigure(seen, workers)],
      lines: describeKills(seen, workers, result),
      checks: await audit(stage, [result]),
    };
  });
}

function repairFigure(kills: readonly Kill[], workers: number): Figure {
  // A worker that got through its batch before it died left nothing to repair.
  const values = kills.filter(({ losses }) => losses > 0).map(({ repairMs }) => repairMs);
  if (values.length === 0) throw new Error(`none of ${kills.length} killed workers had a batch`);
  const unit = 'ms';
  if (workers > 1) {
    const what = 'a worker is killed with its batch, until the event goes on';
    return { row: 'repair', what, values, unit, target: ROWS.repair.bound, note: `${workers} workers` };
  }
  const note = 'its successor has to start first';
  return { what: 'the same with one worker', values, unit, note };
}

function describeKills(kills: readonly Kill[], workers: number, loaded: NetLoadResult): string[] {
  const count = (is: (kill: Kill) => boolean): string => String(kills.filter(is).length);
  const faults = Object.entries(loaded.faults).map(([fault, times]) => `${fault} × ${times}`);
  return formatTable(
    ['>workers', '>kills', '>with a batch', '>in the mutex', '>orders', '>slowest ms', 'faults told'],
    [
      [
        String(workers),
        String(kills.length),
        count(({ losses }) => losses > 0),
        count(({ heldMutex }) => heldMutex),
        String(acceptedOf(loaded)),
        digits(loaded.latencyMs.max),
        faults.join(', '),
      ],
    ],
  );
}

function load(stage: Stage, tag: string, goesOn: (sent: number) => boolean): Promise<NetLoadResult> {
  const url = `${stage.server.url}/v1/events/${EVENT}/orders`;
  return runNetLoad({ url, connections: CONNECTIONS, goesOn, post: { kind: 'orders', tag } });
}

async function reached(isDone: () => boolean): Promise<void> {
  while (!isDone()) await sleep(5);
}

/** Taken = acknowledged, and what was told as applied with a fault; and the same again after a restart. */
async function audit(stage: Stage, loads: readonly NetLoadResult[]): Promise<AuditCheck[]> {
  let acknowledged = 0;
  let refused = 0;
  let errors = 0;
  for (const run of loads) {
    acknowledged += acceptedOf(run);
    errors += run.errors;
    for (const [fault, times] of Object.entries(run.faults)) {
      if (fault.endsWith('applied=true')) acknowledged += times;
    }
    // A lost command that was not applied is what a killed worker leaves; any other refusal is not.
    const told = Object.values(run.faults).reduce((sum, times) => sum + times, 0);
    refused += run.replies - acceptedOf(run) - told;
  }
  const statuses = { '2xx-3xx': acknowledged, '4xx-5xx': refused };
  const run = { ...loads[0], statuses, errors };
  return [
    // Nothing is in flight at the end: acknowledged is all there is.
    ...auditWrk('orders', await stage.settled(EVENT), run, 0, QUANTITY),
    ...(await auditRestart(stage, [EVENT])),
  ];
}
