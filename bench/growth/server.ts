/** Servers on directories that fill.ts has filled: started, timed until they are ready, and looked at from outside. */
import { existsSync, readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { auditConservation } from '../../src/cli/load-audit.ts';
import type { AuditCheck } from '../../src/cli/load-audit.ts';
import { FrontrowClient } from '../../src/client/index.ts';
import { DEFAULT_LIMITS, resolveLimits } from '../../src/core/limits.ts';
import type { Limits } from '../../src/core/limits.ts';
import { arenaGeometry, PAGE_BYTES } from '../../src/memory/layout.ts';
import type { FrontrowServer, ServerOptions } from '../../src/server.ts';
import { Child } from '../child.ts';
import { limitsFor } from '../micro/rig.ts';
import { EVENT } from './fill.ts';
import type { Filled } from './fill.ts';

const ENTRY = new URL('hall-server.js', import.meta.url);

export class HallServer {
  readonly child: Child;
  readonly client: FrontrowClient;
  readonly limits: Limits;
  /** From the start of the process until /readyz says `ready`. */
  readonly readyMs: number;
  readonly recovered: FrontrowServer['recovered'];

  private constructor(
    child: Child,
    client: FrontrowClient,
    limits: Limits,
    readyMs: number,
    recovered: FrontrowServer['recovered'],
  ) {
    this.child = child;
    this.client = client;
    this.limits = limits;
    this.readyMs = readyMs;
    this.recovered = recovered;
  }

  /** `places`: of all events that will be there. */
  static async start(directory: string, places: number, segmentBytes: number): Promise<HallServer> {
    const arenaBytes = Math.max(DEFAULT_LIMITS.arenaBytes, limitsFor(places).arenaBytes);
    const options: ServerOptions = { dataDirectory: directory, arenaBytes, segmentBytes };
    const started = performance.now();
    const child = await Child.start(ENTRY, options);
    const response = await fetch(`${child.url}/readyz`);
    const readyMs = performance.now() - started;
    const text = await response.text();
    if (response.status !== 200) throw new Error(`/readyz says ${text}`);
    return new HallServer(
      child,
      new FrontrowClient({ url: child.url }),
      resolveLimits({ arenaBytes }),
      readyMs,
      (await child.ask('recovered')) as FrontrowServer['recovered'],
    );
  }

  /** What is resident of the process; null where there is no /proc. */
  residentBytes(): number | null {
    const path = `/proc/${this.child.pid}/smaps_rollup`;
    if (!existsSync(path)) return null;
    const kib = /^Rss:\s+(\d+) kB$/m.exec(readFileSync(path, 'utf8'));
    return kib === null ? null : Number(kib[1]) * 1024;
  }

  /** What events have been given of the arena, as /metrics tells it. */
  async allocatedBytes(): Promise<number> {
    const text = await (await fetch(`${this.child.url}/metrics`)).text();
    const ratio = /^frontrow_arena_used_ratio\{table="heap"\} (\S+)$/m.exec(text);
    if (ratio === null) throw new Error('/metrics says nothing about the heap');
    return Math.round(Number(ratio[1]) * arenaGeometry(this.limits).heapPages) * PAGE_BYTES;
  }

  /** That the filled event is as it was filled, but for `changes` that left its counts as they were. */
  async audit(name: string, filled: Filled, changes: number): Promise<AuditCheck[]> {
    const after = await this.client.events.availability(EVENT);
    const { held, sold, sequence } = after;
    const due = filled.sequence + changes;
    return [
      {
        name: `${name}: what was taken is taken`,
        ok: held === filled.heldPlaces && sold === 0 && sequence === due,
        detail: `${held} held of ${filled.heldPlaces}, ${sold} sold, sequence ${sequence} of ${due}`,
      },
      { ...auditConservation(after), name: `${name}: counts add up to the capacity` },
    ];
  }
}
