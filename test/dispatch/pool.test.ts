import t from 'tap';
import { WorkerPool } from '../../src/dispatch/pool.ts';
import { DO, WORD } from './fixtures/worker.ts';

const WORKER = new URL('./fixtures/worker.js', import.meta.url).href;
const FRAIL_WORKER = new URL('./fixtures/frail-worker.js', import.meta.url).href;

class Watched {
  readonly pool: WorkerPool;
  readonly exits: number[] = [];
  readonly fatal: Error[] = [];
  #changed = (): void => {};

  constructor(workers: number, filename = WORKER, workerData: unknown = null, maxOldGenerationSizeMb = 64) {
    this.pool = new WorkerPool({ filename, workers, workerData, maxOldGenerationSizeMb });
    this.pool.listen({
      onIdle: () => this.#changed(),
      onExit: (threadId) => {
        this.exits.push(threadId);
        this.#changed();
      },
      onFatal: (error) => {
        this.fatal.push(error);
        this.#changed();
      },
    });
  }

  async until(isTrue: () => boolean): Promise<void> {
    while (!isTrue()) await new Promise<void>((resolve) => (this.#changed = resolve));
  }

  run(what: number): ReturnType<WorkerPool['run']> {
    const batch = new ArrayBuffer(8);
    new Uint8Array(batch)[0] = what;
    return this.pool.run(batch);
  }

  async threadOf(what: number): Promise<number> {
    return new DataView(await this.run(what).replies).getInt32(0, true);
  }
}

t.test('a batch goes to the thread that was named, and comes back', async (t) => {
  const watched = new Watched(2);
  t.teardown(() => watched.pool.close());
  await watched.until(() => watched.pool.idle === 2);
  const first = watched.run(DO.answer);
  const second = watched.run(DO.answer);
  t.equal(watched.pool.idle, 0);
  t.not(first.threadId, second.threadId);
  for (const { threadId, replies } of [first, second]) {
    t.equal(new DataView(await replies).getInt32(0, true), threadId);
  }
  t.equal(watched.pool.idle, 2);
});

t.test('a thread that has served its batch may take one more, and no third', async (t) => {
  const words = new Int32Array(new SharedArrayBuffer(8));
  const pool = new WorkerPool({
    filename: WORKER,
    workers: 1,
    workerData: words.buffer,
    servedBatches: () => Atomics.load(words, WORD.served),
  });
  t.teardown(() => pool.close());
  const ready = new Promise<void>((resolve) => {
    pool.listen({ onIdle: resolve, onExit: () => {}, onFatal: (error) => t.fail(error.message) });
  });
  await ready;
  const batchOf = (what: number): ArrayBuffer => new Uint8Array([what, 0, 0, 0]).buffer;
  const first = pool.run(batchOf(DO.linger));
  t.equal(pool.idle, 0);
  while (!first.isServed()) await new Promise((resolve) => setImmediate(resolve));
  t.equal(pool.idle, 1, 'its reply is not here');
  const second = pool.run(batchOf(DO.answer));
  t.equal(second.threadId, first.threadId);
  t.notOk(second.isServed());
  Atomics.store(words, WORD.served, 2);
  t.ok(second.isServed());
  t.equal(pool.idle, 0, 'two are enough');
  const order: string[] = [];
  const came = [
    first.replies.then(() => order.push('first')),
    second.replies.then(() => order.push('second')),
  ];
  Atomics.store(words, WORD.release, 1);
  Atomics.notify(words, WORD.release);
  await Promise.all(came);
  t.strictSame(order, ['first', 'second']);
  t.equal(pool.idle, 1);
});

for (const [name, what] of [
  ['exits', DO.exit],
  ['runs out of memory', DO.exhaust],
] as const) {
  t.test(`a worker that ${name} rejects its batch, has exited after kill(), and is replaced`, async (t) => {
    const watched = new Watched(2);
    t.teardown(() => watched.pool.close());
    await watched.until(() => watched.pool.idle === 2);
    const { threadId, replies } = watched.run(what);
    await t.rejects(replies);
    await watched.pool.kill(threadId);
    t.strictSame(watched.exits, [threadId]);
    await watched.until(() => watched.pool.idle === 2);
    t.not(await watched.threadOf(DO.answer), threadId);
  });
}

t.test('a batch that waits for a successor is handed over as soon as there is one', async (t) => {
  const pool = new WorkerPool({ filename: WORKER, workers: 1, workerData: null });
  t.teardown(() => pool.close());
  const batchOf = (what: number): ArrayBuffer => new Uint8Array([what, 0, 0, 0]).buffer;
  const waiting = [DO.exit, DO.answer];
  const threads: number[] = [];
  const served = new Promise<ArrayBuffer>((resolve, reject) => {
    const hand = (): void => {
      while (pool.idle > 0 && waiting.length > 0) {
        const what = waiting.shift()!;
        try {
          const { threadId, replies } = pool.run(batchOf(what));
          threads.push(threadId);
          replies.then(resolve, () => {});
        } catch (error) {
          reject(new Error('run() threw', { cause: error }));
        }
      }
    };
    pool.listen({ onIdle: hand, onExit: hand, onFatal: reject });
  });
  t.equal(new DataView(await served).getInt32(0, true), threads[1]);
  t.not(threads[0], threads[1]);
});

t.test('a worker that throws lives on, but gets no other batch and is ended', async (t) => {
  const watched = new Watched(1);
  t.teardown(() => watched.pool.close());
  await watched.until(() => watched.pool.idle === 1);
  const { threadId, replies } = watched.run(DO.throw);
  await t.rejects(replies, { message: 'as told' });
  t.equal(watched.pool.idle, 0);
  t.strictSame(watched.exits, []);
  await watched.pool.kill(threadId);
  await watched.until(() => watched.pool.idle === 1);
  t.not(await watched.threadOf(DO.answer), threadId);
});

t.test('a worker that hangs is ended, and the others go on', async (t) => {
  const watched = new Watched(2);
  t.teardown(() => watched.pool.close());
  await watched.until(() => watched.pool.idle === 2);
  const hanging = watched.run(DO.hang);
  const rejected = t.rejects(hanging.replies);
  t.not(await watched.threadOf(DO.answer), hanging.threadId);
  await watched.pool.kill(hanging.threadId);
  await rejected;
  t.strictSame(watched.exits, [hanging.threadId]);
  await watched.until(() => watched.pool.idle === 2);
});

t.test('a pool whose successors end before they are ready is rebuilt', async (t) => {
  const started = new Int32Array(new SharedArrayBuffer(8));
  started[1] = 1; // One successor ends while it loads.
  const watched = new Watched(2, FRAIL_WORKER, { started, livingMax: 2 });
  t.teardown(() => watched.pool.close());
  // Both answer: both have loaded.
  await watched.until(() => watched.pool.idle === 2);
  await Promise.all([watched.run(DO.answer).replies, watched.run(DO.answer).replies]);
  await t.rejects(watched.run(DO.exit).replies);
  await watched.until(() => watched.exits.length >= 2 && watched.pool.idle === 2);
  t.ok(await watched.threadOf(DO.answer));
  await t.rejects(watched.run(DO.exit).replies);
  await watched.until(() => watched.pool.idle === 2);
  t.strictSame(watched.fatal, [], 'the new pool replaces its dead');
});

t.test('a pool that cannot be rebuilt says so', async (t) => {
  const started = new Int32Array(new SharedArrayBuffer(8));
  started[1] = 1_000_000;
  const watched = new Watched(2, FRAIL_WORKER, { started, livingMax: 0 });
  t.teardown(() => watched.pool.close());
  await watched.until(() => watched.fatal.length > 0);
  t.match(watched.fatal, [{ code: 'worker-lost' }]);
  t.equal(watched.pool.idle, 0);
});
