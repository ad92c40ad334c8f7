/**
 * The worker pool: a fixed set of threads, one batch each, over piscina. Main thread.
 *
 * What is relied on of piscina 5 (read in its dist/index.js and dist/worker_pool/index.js):
 * - `loadBalancer` is called within run() with the ready workers, and its choice gets the task. So this file
 *   always knows which thread has which batch, and never hands one to a thread whose batch has failed.
 * - The first workers count as ready when the pool is constructed ('workerCreate' follows in a microtask); a
 *   successor does when its file is loaded, and 'workerCreate' says so a moment before run() may choose it.
 * - A worker's 'error' comes before its 'exit', and rejects run() while the thread may still be running: who needs
 *   it dead awaits 'exit'. Piscina replaces a worker that had been ready, on either.
 * - A worker that ends before it was ready sets `workerFailsDuringBootstrap` for good, and nobody who dies later is
 *   replaced. There is no getter; it shows as too few `threads` after an exit. Then the pool is rebuilt.
 * - A handler that throws rejects run() and its worker lives on: it is for the supervisor to end it.
 * - An error of a thread without a task is emitted as 'error', which must have a listener.
 * - `worker.threadId` is -1 once the thread has exited, so ids are noted before.
 */
import type { Worker } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { assert, FrontrowError } from '../core/assert.ts';
import { threadOptions } from '../core/thread-options.ts';

export interface PoolListener {
  /** A thread became free that was not known before. */
  onIdle(): void;
  /** A thread has ended, whether it had a batch or not. */
  onExit(threadId: number): void;
  /** There are no workers, and no way to get any. */
  onFatal(error: FrontrowError): void;
}

export interface RunningBatch {
  readonly threadId: number;
  readonly replies: Promise<ArrayBuffer>;
  /** Its thread is through with it; `replies` may be on their way still. */
  readonly isServed: () => boolean;
}

/** What the dispatcher needs of a pool; tests have one without threads. */
export interface BatchPool {
  /** Threads that may take a batch now: those without one, and those that have served the one they have. */
  readonly idle: number;
  /** To be called once, before anything else. */
  listen(listener: PoolListener): void;
  /** Hands a batch, which is transferred, to an idle thread. `replies` rejects when the thread throws or ends. */
  run(batch: ArrayBuffer): RunningBatch;
  /** Ends a thread; resolves when it has exited. */
  kill(threadId: number): Promise<void>;
}

export interface WorkerPoolOptions {
  /** URL of the worker's file. */
  readonly filename: string;
  readonly workers: number;
  readonly workerData: unknown;
  readonly maxOldGenerationSizeMb?: number;
  /** How many batches a thread says that it has served; without it nothing is known before its replies are there. */
  readonly servedBatches?: (threadId: number) => number;
}

/** Rebuilds in a row, without one batch that succeeded in between, before it is given up. */
const REBUILDS_MAX = 3;
/** One that is being served, and one whose replies are on their way. */
const OPEN_MAX = 2;

interface Thread {
  readonly worker: Worker;
  readonly exited: Promise<void>;
  isReady: boolean;
  /** Batches that it was given. */
  given: number;
  /** Of these, those whose replies are not here. */
  open: number;
  hasFailed: boolean;
  /** Of a pool that was rebuilt: it ends its batch and then is ended. */
  isRetired: boolean;
}

interface PiscinaThread {
  readonly id: number;
}

export class WorkerPool implements BatchPool {
  readonly #options: WorkerPoolOptions;
  readonly #threads = new Map<number, Thread>();
  #piscina: Piscina;
  #listener: PoolListener | null = null;
  #chosen = 0;
  #rebuilds = 0;
  #isRetiring = false;
  #closed = false;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
    this.#piscina = this.#build();
  }

  get idle(): number {
    if (this.#closed) return 0;
    let idle = 0;
    for (const [threadId, thread] of this.#threads) if (this.#mayTake(threadId, thread)) idle++;
    return idle;
  }

  #mayTake(threadId: number, thread: Thread): boolean {
    if (!thread.isReady || thread.isRetired || thread.hasFailed) return false;
    return thread.open === 0 || (thread.open < OPEN_MAX && this.#hasServed(threadId, thread.given));
  }

  /** Whether a thread has served so many batches. */
  #hasServed(threadId: number, count: number): boolean {
    const { servedBatches } = this.#options;
    return servedBatches !== undefined && servedBatches(threadId) >= count;
  }

  listen(listener: PoolListener): void {
    assert(this.#listener === null, 'a pool has one listener');
    this.#listener = listener;
  }

  run(batch: ArrayBuffer): RunningBatch {
    assert(this.idle > 0, 'a batch is handed to an idle thread');
    this.#chosen = 0;
    const replies = this.#piscina.run(batch, { transferList: [batch] }) as Promise<ArrayBuffer>;
    const threadId = this.#chosen;
    const thread = this.#threads.get(threadId);
    // Otherwise it waits in piscina's queue and may run at any time: nothing could be said about it.
    assert(thread !== undefined, 'the pool gave the batch to a thread at once');
    thread.open++;
    const ordinal = ++thread.given;
    return {
      threadId,
      replies: this.#finish(thread, replies),
      isServed: () => this.#hasServed(threadId, ordinal),
    };
  }

  /**
   * Resolves when every thread has loaded, proved by a batch that each has answered. Piscina calls its first threads
   * ready before they are; a real batch would wait for the loading, and be taken for hung on a slow machine.
   * Rejects when a thread cannot load.
   */
  async warmUp(makeBatch: () => ArrayBuffer): Promise<void> {
    // Piscina tells of its first threads in a microtask.
    await new Promise<void>((resolve) => setImmediate(resolve));
    const runs: Promise<ArrayBuffer>[] = [];
    for (let left = this.idle; left > 0; left--) runs.push(this.run(makeBatch()).replies);
    await Promise.all(runs);
  }

  /** A thread whose batch failed gets no other. */
  async #finish(thread: Thread, replies: Promise<ArrayBuffer>): Promise<ArrayBuffer> {
    try {
      const result = await replies;
      this.#rebuilds = 0;
      thread.open--;
      if (thread.isRetired && thread.open === 0) void thread.worker.terminate();
      return result;
    } catch (error) {
      thread.hasFailed = true;
      throw error;
    }
  }

  async kill(threadId: number): Promise<void> {
    const thread = this.#threads.get(threadId);
    // One that is not known has exited before.
    if (thread === undefined) return;
    await thread.worker.terminate();
    await thread.exited;
  }

  /** Ends all threads. What they were working on is rejected. */
  async close(): Promise<void> {
    this.#closed = true;
    const exits: Promise<void>[] = [];
    for (const thread of this.#threads.values()) {
      exits.push(thread.exited);
      if (thread.isRetired) void thread.worker.terminate();
    }
    await this.#piscina.destroy();
    await Promise.all(exits);
  }

  #build(): Piscina {
    const { filename, workers, workerData, maxOldGenerationSizeMb } = this.#options;
    const piscina: Piscina = new Piscina({
      ...threadOptions(),
      filename,
      workerData,
      minThreads: workers,
      maxThreads: workers,
      concurrentTasksPerWorker: OPEN_MAX,
      idleTimeout: Infinity,
      stricterFIFO: true,
      recordTiming: false,
      loadBalancer: (_task, ready) => {
        let chosen: (typeof ready)[number] | null = null;
        for (const candidate of ready) {
          const thread = this.#threads.get(candidate.id);
          if (thread === undefined || !this.#mayTake(candidate.id, thread)) continue;
          this.#chosen = candidate.id;
          chosen = candidate;
          if (thread.open === 0) break;
        }
        return chosen;
      },
      ...(maxOldGenerationSizeMb === undefined ? {} : { resourceLimits: { maxOldGenerationSizeMb } }),
    });
    // Of threads without a batch: their 'exit' follows, and tells all that is acted on.
    piscina.on('error', () => {});
    piscina.on('workerCreate', (created: PiscinaThread) => {
      if (piscina !== this.#piscina) return;
      this.#adopt(piscina);
      // A successor is told of before run() may choose it: in this very call a batch for it would be queued.
      queueMicrotask(() => this.#ready(created.id));
    });
    piscina.on('workerDestroy', (destroyed: PiscinaThread) => {
      // From here piscina gives it nothing. Its id may be gone already: then its 'exit' is being told.
      const thread = this.#threads.get(destroyed.id);
      if (thread !== undefined) thread.isReady = false;
    });
    this.#adopt(piscina);
    return piscina;
  }

  #ready(threadId: number): void {
    const thread = this.#threads.get(threadId);
    if (thread === undefined || thread.isRetired || this.#closed) return;
    thread.isReady = true;
    this.#listener?.onIdle();
  }

  /** Takes note of threads that piscina started. */
  #adopt(piscina: Piscina): void {
    for (const worker of piscina.threads) {
      const { threadId } = worker;
      if (threadId <= 0 || this.#threads.has(threadId)) continue;
      const exited = new Promise<void>((resolve) => {
        // Registered after piscina's own listener: its successor is there when this one runs.
        worker.once('exit', () => {
          this.#onExit(threadId);
          resolve();
        });
      });
      this.#threads.set(threadId, {
        worker,
        exited,
        isReady: false,
        given: 0,
        open: 0,
        hasFailed: false,
        isRetired: false,
      });
    }
  }

  #onExit(threadId: number): void {
    this.#threads.delete(threadId);
    if (!this.#closed) {
      this.#adopt(this.#piscina);
      if (this.#piscina.threads.length < this.#options.workers) this.#retire();
      this.#rebuildOnce();
    }
    this.#listener?.onExit(threadId);
  }

  /** Piscina does not replace its dead any more: its idle threads are ended, the others when their batch is done. */
  #retire(): void {
    this.#isRetiring = true;
    for (const thread of this.#threads.values()) {
      if (thread.isRetired) continue;
      thread.isRetired = true;
      if (thread.open === 0) void thread.worker.terminate();
    }
  }

  /** A new pool takes over once the idle have exited: the arena has slots for twice as many threads as workers. */
  #rebuildOnce(): void {
    if (!this.#isRetiring) return;
    for (const thread of this.#threads.values()) if (thread.open === 0) return;
    this.#isRetiring = false;
    if (this.#rebuilds === REBUILDS_MAX) {
      this.#closed = true;
      const message = `the workers ended ${REBUILDS_MAX} times before they had served a batch`;
      this.#listener?.onFatal(new FrontrowError('worker-lost', message));
      return;
    }
    this.#rebuilds++;
    this.#piscina = this.#build();
  }
}
