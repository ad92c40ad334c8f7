/**
 * One run of the open loop, on the pacer's main thread: connections, metronome, requests and replies. The
 * book-keeping is paced-load.ts. A broken connection ends the run: what it was asked for can no longer be
 * counted.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import { threadOptions } from '../../src/core/thread-options.ts';
import type { HammerResult } from '../hammer.ts';
import { Arrivals } from './arrivals.ts';
import { MetronomeLink, monotonicMs } from './metronome-link.ts';
import type { MetronomeData } from './metronome-link.ts';
import type { Quantiles } from './micros.ts';
import { PacedLoad } from './paced-load.ts';
import { NumberedRequest, ReplyReader } from './paced-wire.ts';
import { Until } from './until.ts';
import type { Awaited } from './until.ts';

export interface PaceOptions {
  readonly url: string;
  readonly event: string;
  /** On average. */
  readonly perSecond: number;
  /** Requests of the whole run; at most so many where it waits for something. */
  readonly count: number;
  readonly awaited?: Awaited;
  readonly connections: number;
  readonly seed: number;
  /** Makes this run's idempotency keys and customers its own. */
  readonly tag: string;
}

/** Times in µs; `latencyMs` is `latency` once more, for whoever takes the result of any hammer. */
export interface PaceResult extends HammerResult {
  /** From when a request was due to its reply: what a buyer sees. */
  readonly latency: Quantiles;
  /** From when it was sent. */
  readonly service: Quantiles;
  /** By how much it was sent late through the pacer's own fault. */
  readonly lateness: Quantiles;
  /** Requests that were due while every connection was busy. */
  readonly waited: number;
  /** Of the pacer's process, in cores. */
  readonly pacerCores: number;
}

const METRONOME = new URL('metronome.js', import.meta.url);
const READ_BYTES = 64 * 1024;
/** From one look at what a run waits for to the next; each takes some 50 µs. */
const LOOK_MS = 100;
/** For what was sent last, and for a server that has fallen behind. */
const REPLIES_MS_MAX = 30_000;

/** Rejects when a connection breaks, or replies do not come. */
export async function runPaced(options: PaceOptions): Promise<PaceResult> {
  const run = new PacedRun(options);
  try {
    return await run.run();
  } finally {
    await run.close();
  }
}

class PacedRun {
  readonly #options: PaceOptions;
  readonly #load: PacedLoad;
  readonly #link = new MetronomeLink();
  readonly #metronome: Worker;
  readonly #sockets: Socket[] = [];
  readonly #requests: NumberedRequest[] = [];
  /** All sockets read into it: what a read has brought is looked at before the next one. */
  readonly #buffer = Buffer.allocUnsafe(READ_BYTES);
  readonly #statuses: Record<string, number> = {};
  readonly #over: Promise<void>;
  #end!: () => void;
  #fail!: (error: Error) => void;
  #sent = 0;
  #startMs = 0;

  constructor(options: PaceOptions) {
    const { connections, count, perSecond, seed } = options;
    this.#options = options;
    this.#over = new Promise((resolve, reject) => {
      this.#end = resolve;
      this.#fail = reject;
    });
    // Whoever waits for it may not have come that far yet.
    this.#over.catch(() => {});
    this.#load = new PacedLoad({
      count,
      connections,
      arrivals: new Arrivals(perSecond, seed),
      now: () => monotonicMs() - this.#startMs,
      send: (connection) => {
        this.#sockets[connection].write(this.#requests[connection].numbered(this.#sent++));
      },
    });
    const workerData: MetronomeData = { perSecond, seed, count, shared: this.#link.shared };
    this.#metronome = new Worker(METRONOME, { ...threadOptions(), workerData });
    this.#metronome.on('error', (error) => this.#fail(error));
  }

  async run(): Promise<PaceResult> {
    const { count, perSecond } = this.#options;
    await Promise.race([Promise.all([once(this.#metronome, 'message'), this.#connect()]), this.#over]);
    this.#metronome.on('message', () => {
      this.#link.heard();
      this.#load.pump();
    });
    const timer = setTimeout(
      () => this.#fail(new Error(`replies are missing after ${REPLIES_MS_MAX} ms`)),
      (count / perSecond) * 1000 + REPLIES_MS_MAX,
    );
    const looking = this.#lookOut();
    const cpu = process.cpuUsage();
    this.#startMs = monotonicMs();
    this.#link.start(this.#startMs);
    await this.#over.finally(() => {
      clearTimeout(timer);
      clearInterval(looking);
    });
    const seconds = (monotonicMs() - this.#startMs) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    return this.#result(seconds, (user + system) / 1e6 / seconds);
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await this.#metronome.terminate();
  }

  async #connect(): Promise<void> {
    const { connections, url, event, tag } = this.#options;
    const { hostname, port, host } = new URL(url);
    const target = { host, path: `/v1/events/${event}/orders`, kind: 'orders' } as const;
    for (let connection = 0; connection < connections; connection++) {
      const reader = new ReplyReader();
      const callback = (bytes: number): boolean => {
        const status = reader.take(this.#buffer.subarray(0, bytes));
        if (status !== 0) this.#replied(connection, status);
        return true;
      };
      const onread = { buffer: this.#buffer, callback };
      const socket = connect({ host: hostname, port: Number(port), noDelay: true, onread });
      this.#sockets.push(socket);
      this.#requests.push(new NumberedRequest(target, tag));
      await once(socket, 'connect');
      // Its 'close' follows, and says it.
      socket.on('error', () => {});
      socket.once('close', () => this.#fail(new Error('a connection was closed')));
    }
  }

  #replied(connection: number, status: number): void {
    this.#statuses[status] = (this.#statuses[status] ?? 0) + 1;
    this.#load.replied(connection);
    if (this.#load.isOver) this.#end();
  }

  #lookOut(): NodeJS.Timeout | undefined {
    const { awaited } = this.#options;
    if (awaited === undefined) return undefined;
    const until = new Until(awaited);
    return setInterval(() => {
      if (!until.isOver(monotonicMs() - this.#startMs)) return;
      this.#load.finish();
      if (this.#load.isOver) this.#end();
    }, LOOK_MS);
  }

  #result(seconds: number, pacerCores: number): PaceResult {
    const latency = this.#load.latency.quantiles();
    const { count, p50, p99, max } = latency;
    return {
      replies: count,
      seconds,
      latencyMs: { p50: p50 / 1000, p99: p99 / 1000, max: max / 1000 },
      statuses: this.#statuses,
      errors: 0,
      latency,
      service: this.#load.service.quantiles(),
      lateness: this.#load.lateness.quantiles(),
      waited: this.#load.waited,
      pacerCores,
    };
  }
}
