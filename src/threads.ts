/**
 * Starts Frontrow's threads: the one place that names their files. Main thread.
 */
import { Worker } from 'node:worker_threads';
import { FrontrowError } from './core/assert.ts';
import { threadOptions } from './core/thread-options.ts';
import type {
  HistoryAnswer,
  HistoryThreadData,
  JournalMessage,
  JournalThreadData,
  SnapshotMessage,
  SnapshotThreadData,
} from './core/thread-messages.ts';

/** Entry of the pool's workers, which piscina starts. */
export const RESERVE_WORKER = new URL('../workers/reserve.js', import.meta.url).href;
const JOURNAL_WORKER = new URL('../workers/journal.js', import.meta.url);
const HISTORY_WORKER = new URL('../workers/history.js', import.meta.url);
const SNAPSHOT_WORKER = new URL('../workers/snapshot.js', import.meta.url);

export type Recovered = JournalMessage & { kind: 'recovered' };

export interface JournalListener {
  durable(position: number): void;
  rolled(): void;
  /** Frames wait for a spare; nothing is lost. Once for each time. */
  awaitsSegment(): void;
  /** No further group will be durable. Once. */
  lost(error: FrontrowError): void;
}

/** The journal thread as main sees it. */
export class JournalThread {
  /** The directory is ours. Rejects with FrontrowError `directory-in-use` and others. */
  readonly owned: Promise<void>;
  /** Memory is what the journal says. Rejects with FrontrowError `data-corrupt` and others. */
  readonly recovered: Promise<Recovered>;
  /** The thread has ended by itself, after its end mark. Bytes of frames that found no room. */
  readonly ended: Promise<number>;
  readonly #worker: Worker;

  constructor(data: JournalThreadData, listener: JournalListener) {
    const worker = new Worker(JOURNAL_WORKER, { ...threadOptions(), workerData: data, name: 'journal' });
    this.#worker = worker;
    const owned = deferred<void>();
    const recovered = deferred<Recovered>();
    const ended = deferred<number>();
    let isOver = false;
    const fail = (error: FrontrowError): void => {
      if (isOver) return;
      isOver = true;
      owned.reject(error);
      recovered.reject(error);
      ended.reject(error);
      listener.lost(error);
    };
    worker.on('message', (message: JournalMessage | number) => {
      if (typeof message === 'number') {
        listener.durable(message);
        return;
      }
      switch (message.kind) {
        case 'owned':
          owned.resolve();
          break;
        case 'recovered':
          recovered.resolve(message);
          break;
        case 'rolled':
          listener.rolled();
          break;
        case 'awaits-segment':
          listener.awaitsSegment();
          break;
        case 'ended':
          isOver = true;
          ended.resolve(message.unwrittenBytes);
          break;
        case 'failed':
          fail(new FrontrowError(message.code, message.message));
          break;
      }
    });
    worker.on('error', (cause) =>
      fail(new FrontrowError('journal-lost', 'the journal thread failed', { cause })),
    );
    worker.on('exit', (code) =>
      fail(new FrontrowError('journal-lost', `the journal thread ended with code ${code}`)),
    );
    this.owned = owned.promise;
    this.recovered = recovered.promise;
    this.ended = ended.promise;
    // Whoever starts a server awaits them in turn; one that fails early must not end the process before.
    for (const promise of [this.owned, this.recovered, this.ended]) promise.catch(() => {});
  }

  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }
}

interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
}

function deferred<T>(): Deferred<T> {
  let settle: Pick<Deferred<T>, 'resolve' | 'reject'> | null = null;
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject };
  });
  return { promise, ...(settle as unknown as Pick<Deferred<T>, 'resolve' | 'reject'>) };
}

/** The history thread: batches one at a time; started when first asked, and again when it has died. */
export class HistoryThread {
  readonly #data: HistoryThreadData;
  #worker: Worker | null = null;
  #nextId = 1;
  readonly #waiting = new Map<number, Deferred<ArrayBuffer>>();

  constructor(data: HistoryThreadData) {
    this.#data = data;
  }

  run(batch: ArrayBuffer): Promise<ArrayBuffer> {
    const id = this.#nextId++;
    const answer = deferred<ArrayBuffer>();
    this.#waiting.set(id, answer);
    this.#start().postMessage({ id, batch }, [batch]);
    return answer.promise;
  }

  #start(): Worker {
    if (this.#worker !== null) return this.#worker;
    const worker = new Worker(HISTORY_WORKER, {
      ...threadOptions(),
      workerData: this.#data,
      name: 'history',
    });
    worker.on('message', ({ id, batch, error }: HistoryAnswer) => {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (batch !== null) waiting?.resolve(batch);
      else waiting?.reject(new FrontrowError('worker-lost', `history could not be read: ${error}`));
    });
    const gone = (cause: unknown): void => {
      if (this.#worker !== worker) return;
      this.#worker = null;
      const error = new FrontrowError('worker-lost', 'the history thread ended', { cause });
      for (const waiting of this.#waiting.values()) waiting.reject(error);
      this.#waiting.clear();
    };
    worker.on('error', gone);
    worker.on('exit', gone);
    this.#worker = worker;
    return worker;
  }

  async close(): Promise<void> {
    const worker = this.#worker;
    this.#worker = null;
    await worker?.terminate();
  }
}

/**
 * Builds one snapshot on a thread of its own. Never rejects: a snapshot that fails is logged and tried again later.
 * stop() resolves when the thread has ended; one that hangs in the kernel never does.
 */
export function buildSnapshot(data: SnapshotThreadData): {
  readonly done: Promise<SnapshotMessage>;
  stop(): Promise<void>;
} {
  const worker = new Worker(SNAPSHOT_WORKER, { ...threadOptions(), workerData: data, name: 'snapshot' });
  const done = new Promise<SnapshotMessage>((resolve) => {
    worker.on('message', (message: SnapshotMessage) => resolve(message));
    worker.on('error', (error) => resolve({ kind: 'failed', message: String(error) }));
    worker.on('exit', () => resolve({ kind: 'failed', message: 'the snapshot thread ended' }));
  });
  return { done, stop: async () => void (await worker.terminate()) };
}
