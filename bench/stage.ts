/**
 * A Frontrow server on a directory of its own and the baseline beside it, each in its own process.
 * While one is hammered the other is idle.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FrontrowClient } from '../src/client/index.ts';
import type { Availability, EventDefinition } from '../src/client/index.ts';
import type { LoadKind } from '../src/cli/load.ts';
import { DEFAULT_LIMITS } from '../src/core/limits.ts';
import type { Limits } from '../src/core/limits.ts';
import type { ServerOptions } from '../src/server.ts';
import type { BaselineOptions } from './baseline-server.ts';
import { Child } from './child.ts';
import { benchEvent, FLOOR, PLAN_QUANTITIES, replyKey, requestBody, STALLS } from './requests.ts';

const FRONTROW_ENTRY = new URL('frontrow-server.js', import.meta.url);
const BASELINE_ENTRY = new URL('baseline-server.js', import.meta.url);

/** A place of an event takes about this many bytes of the arena: claims, keys rounded up, and a seat. */
const PLACE_BYTES = 360;
const MIB = 1024 * 1024;
/** Reads of a count until two agree: what was in flight when a hammer stopped is through by then. */
const SETTLE_TRIES_MAX = 1000;

/** Directories of stages that have not ended: removed when the bench does, however it does. */
const directories = new Set<string>();
process.on('exit', () => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

export interface StageOptions {
  readonly kind: LoadKind;
  /** Places of all events that will be made. */
  readonly places: number;
  readonly limits: Partial<Limits>;
  /** What the baseline answers to POSTs: what Frontrow does while there are places, or when there are none. */
  readonly replies: 'accepted' | 'sold-out';
  readonly execArgv?: readonly string[];
  /** Of the server's process, if it is not the plain one. */
  readonly entry?: URL;
  readonly trustProxy?: readonly string[];
}

export class Stage {
  readonly kind: LoadKind;
  readonly directory: string;
  baseline!: Child;
  server!: Child;
  client!: FrontrowClient;
  readonly #serverOptions: ServerOptions;
  readonly #entry: URL;

  private constructor(options: StageOptions) {
    this.kind = options.kind;
    this.#entry = options.entry ?? FRONTROW_ENTRY;
    this.directory = mkdtempSync(join(tmpdir(), 'frontrow-bench-'));
    directories.add(this.directory);
    this.#serverOptions = {
      dataDirectory: join(this.directory, 'data'),
      arenaBytes: Math.max(
        DEFAULT_LIMITS.arenaBytes,
        Math.ceil((options.places * PLACE_BYTES) / MIB + 256) * MIB,
      ),
      ...options.limits,
      ...(options.trustProxy !== undefined && { trustProxy: options.trustProxy }),
    };
  }

  static async start(options: StageOptions): Promise<Stage> {
    const stage = new Stage(options);
    await stage.restart(options.execArgv);
    const baseline: BaselineOptions = {
      posts: await stage.#sample(options.replies),
      get: JSON.stringify(await stage.client.events.availability('sample')),
    };
    stage.baseline = await Child.start(BASELINE_ENTRY, baseline);
    return stage;
  }

  /** Starts the server, on what the last one left. */
  async restart(execArgv: readonly string[] = []): Promise<void> {
    this.server = await Child.start(this.#entry, this.#serverOptions, execArgv);
    this.client = new FrontrowClient({ url: this.server.url });
  }

  get dataDirectory(): string {
    return this.#serverOptions.dataDirectory;
  }

  /** Asks Frontrow once for everything that the baseline will be asked for. */
  async #sample(replies: StageOptions['replies']): Promise<BaselineOptions['posts']> {
    const posts: Record<string, { status: number; body: string }> = {};
    await this.client.events.create(benchEvent('sample', replies === 'accepted' ? 1000 : 1, 10));
    for (const section of [FLOOR, STALLS]) {
      for (const quantity of PLAN_QUANTITIES) {
        const body = requestBody(this.kind, section, quantity, 'customer-00000001');
        const response = await fetch(`${this.server.url}/v1/events/sample/${this.kind}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'idempotency-key': `${section}-${quantity}` },
          body,
        });
        posts[replyKey({ items: [{ section, quantity }] })] = {
          status: response.status,
          body: await response.text(),
        };
      }
    }
    return posts;
  }

  createEvent(id: string, capacity: number, rowCount: number): Promise<EventDefinition> {
    return this.client.events.create(benchEvent(id, capacity, rowCount));
  }

  /** Counts of an event once nothing changes them any more. */
  async settled(event: string): Promise<Availability> {
    let last = await this.client.events.availability(event);
    for (let tries = 0; tries < SETTLE_TRIES_MAX; tries++) {
      const next = await this.client.events.availability(event);
      if (next.sequence === last.sequence) return next;
      last = next;
    }
    throw new Error(`event ${event} does not come to rest`);
  }

  async end(): Promise<void> {
    await Promise.all([this.server.kill(), this.baseline.kill()]);
    rmSync(this.directory, { recursive: true, force: true });
    directories.delete(this.directory);
  }
}

/** Starts a stage, acts on it, and ends it whatever comes of that. */
export async function onStage<T>(options: StageOptions, act: (stage: Stage) => Promise<T>): Promise<T> {
  const stage = await Stage.start(options);
  try {
    return await act(stage);
  } finally {
    await stage.end();
  }
}
