/** The mutex by itself: alone and contended by two threads, taken for each command and for each batch of 32. */
import { performance } from 'node:perf_hooks';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { assert } from '../../src/core/assert.ts';
import { createArena } from '../../src/memory/arena.ts';
import { takeThreadSlot } from '../../src/memory/threads.ts';
import type { Figure } from '../figure.ts';
import type { MicroSizes } from './sizes.ts';
import { counter, lockAndCount } from './mutex-loop.ts';
import type { MutexThreadData } from './mutex-loop.ts';
import { BATCH, limitsFor } from './rig.ts';
import { threadOptions } from '../../src/core/thread-options.ts';

const THREAD_ENTRY = new URL('mutex-thread.js', import.meta.url);
const THREADS = 2;

export async function mutexFigures(sizes: MicroSizes): Promise<Figure[]> {
  const commands = Math.ceil(sizes.mutexCommands / BATCH) * BATCH;
  const contended = async (batch: number): Promise<number[]> => {
    const rates: number[] = [];
    for (let round = 0; round < sizes.rounds; round++) rates.push(await contend(commands, batch));
    return rates;
  };
  const unit = 'M commands/s';
  return [
    { what: 'mutex alone, per command', values: alone(sizes, commands, 1), unit },
    { what: `mutex alone, per batch of ${BATCH}`, values: alone(sizes, commands, BATCH), unit },
    { what: 'mutex, 2 threads, per command', values: await contended(1), unit },
    { what: `mutex, 2 threads, per batch of ${BATCH}`, values: await contended(BATCH), unit },
  ];
}

function alone(sizes: MicroSizes, commands: number, batch: number): number[] {
  const arena = createArena(limitsFor(0));
  const thread = takeThreadSlot(arena, 1);
  const rates: number[] = [];
  for (let round = 0; round <= sizes.rounds; round++) {
    const started = performance.now();
    lockAndCount(arena, thread, { commands, batch });
    if (round > 0) rates.push(commands / (performance.now() - started) / 1000);
  }
  return rates;
}

async function contend(commands: number, batch: number): Promise<number> {
  const limits = limitsFor(0);
  const arena = createArena(limits);
  const gate = new SharedArrayBuffer(8);
  const words = new Int32Array(gate);
  const workerData: MutexThreadData = { arena: arena.buffer, limits, gate, commands, batch };
  const workers = Array.from(
    { length: THREADS },
    () => new Worker(THREAD_ENTRY, { ...threadOptions(), workerData }),
  );
  const ends = workers.map((worker) => once(worker, 'message'));
  for (let ready = Atomics.load(words, 1); ready < THREADS; ready = Atomics.load(words, 1)) {
    const waited = Atomics.waitAsync(words, 1, ready);
    if (waited.async) await waited.value;
  }
  const started = performance.now();
  // Lets all threads go; pairs with the wait in mutex-thread.ts.
  Atomics.store(words, 0, 1);
  Atomics.notify(words, 0);
  await Promise.all(ends);
  const ms = performance.now() - started;
  await Promise.all(workers.map((worker) => worker.terminate()));
  assert(arena.words[counter(arena)] === commands * THREADS, 'the mutex let one thread in at a time');
  return (commands * THREADS) / ms / 1000;
}
