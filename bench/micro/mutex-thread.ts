/** A thread that takes the bench event's mutex again and again; started by mutex.ts. */
import { parentPort, threadId, workerData } from 'node:worker_threads';
import { attachArena } from '../../src/memory/arena.ts';
import { takeThreadSlot } from '../../src/memory/threads.ts';
import { lockAndCount } from './mutex-loop.ts';
import type { MutexThreadData } from './mutex-loop.ts';

const data = workerData as MutexThreadData;
const arena = attachArena(data.arena, data.limits);
const thread = takeThreadSlot(arena, threadId);
const gate = new Int32Array(data.gate);
// Says that this thread is ready, and waits for all others: pairs with the store and notify in mutex.ts.
Atomics.add(gate, 1, 1);
Atomics.notify(gate, 1);
Atomics.wait(gate, 0, 0);
lockAndCount(arena, thread, data);
parentPort?.postMessage('done');
