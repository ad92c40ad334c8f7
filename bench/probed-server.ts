/**
 * A Frontrow server that can be looked into and whose workers can be killed: what a mutex is held for, and how long
 * an event stands still when a worker dies. The server itself is as it is everywhere; its threads are caught where
 * they are started. Questions: `holds`, and `kill EVENT`.
 */
import workerThreads, { setEnvironmentData, Worker } from 'node:worker_threads';
import type { WorkerOptions } from 'node:worker_threads';
import { syncBuiltinESMExports } from 'node:module';
import { assert } from '../src/core/assert.ts';
import type { WorkerThreadData } from '../src/core/thread-messages.ts';
import { attachArena } from '../src/memory/arena.ts';
import { serveFrontrow } from './frontrow-child.ts';
import { HOLD_TIMES, HoldTimes } from './hold-times.ts';
import { WorkerKiller } from './worker-killer.ts';

const PROBE = new URL('hold-probe.js', import.meta.url).href;

const times = new HoldTimes();
let killer: WorkerKiller | null = null;

/** The pool's threads are the ones that piscina starts. */
class ProbedWorker extends Worker {
  constructor(file: string | URL, options: WorkerOptions = {}) {
    const isPool = String(file).includes('piscina');
    super(file, isPool ? { ...options, execArgv: ['--import', PROBE] } : options);
    if (!isPool) return;
    const { arena, limits } = options.workerData as WorkerThreadData;
    killer ??= new WorkerKiller(attachArena(arena, limits));
    // Before anybody else can listen: so its 'exit' is noticed here first.
    killer.adopt(this);
  }
}

setEnvironmentData(HOLD_TIMES, times.buffer);
Object.assign(workerThreads, { Worker: ProbedWorker });
syncBuiltinESMExports();

await serveFrontrow(async (server, question) => {
  const [what, event] = question.split(' ');
  if (what === 'holds') return times.read();
  assert(killer !== null, 'a server that serves has workers');
  return killer.kill(event, () => server.statistics().dispatch?.workerLossesTotal ?? 0);
});
