/**
 * Loaded into each worker of a probed server before its own code: notes when an event's ticket is taken and when it is
 * passed on. The server has no door for this, so the one operation that does both is wrapped: a compare-and-swap of
 * `nextTicket`, and one of `servingTicket` (src/memory/mutex.ts). Every other one costs a comparison more, some
 * nanoseconds of the µs that a command takes, so what is measured is a little too long and never too short; and it
 * has the wait in it where there is one, which with one writing batch per event there is not.
 */
import { performance } from 'node:perf_hooks';
import { getEnvironmentData, workerData } from 'node:worker_threads';
import type { WorkerThreadData } from '../src/core/thread-messages.ts';
import { arenaGeometry, EVENT, EVENT_WORDS } from '../src/memory/layout.ts';
import { HOLD_TIMES, HoldTimes } from './hold-times.ts';

type Swap = (words: Int32Array, index: number, expected: number, value: number) => number;

const { events, directory } = arenaGeometry((workerData as WorkerThreadData).limits);
const times = new HoldTimes(getEnvironmentData(HOLD_TIMES) as unknown as SharedArrayBuffer);
const swap = Atomics.compareExchange as Swap;
let takenMs = 0;

function probedSwap(words: Int32Array, index: number, expected: number, value: number): number {
  const found = swap(words, index, expected, value);
  // Words of event slots; other tables lie before and behind, and piscina's own array is shorter than they begin.
  if (index >= events && index < directory && found === expected) {
    const word = (index - events) % EVENT_WORDS;
    if (word === EVENT.nextTicket) takenMs = performance.now();
    else if (word === EVENT.servingTicket) times.observe(performance.now() - takenMs);
  }
  return found;
}

Object.assign(Atomics, { compareExchange: probedSwap });
