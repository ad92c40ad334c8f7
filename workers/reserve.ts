/**
 * A worker of the pool: serves batches. Piscina calls the default export with a batch and sends back what it returns.
 * A fault is thrown to piscina, which rejects the batch; the supervisor then ends this thread and repairs.
 *
 * Everything is imported by `await import()`, and must be: piscina loads this file by require(), and Node aborts the
 * whole process when a thread is terminated while require() links a graph of ES modules ("FATAL ERROR:
 * v8::Module::IsGraphAsync", Node 20.20). A file that awaits is refused by require(), and piscina then import()s it.
 */
import { BroadcastChannel, threadId, workerData } from 'node:worker_threads';
import type { WorkerThreadData } from '../src/core/thread-messages.ts';

const { move } = await import('piscina');
const { cacheChannelName } = await import('../src/core/thread-messages.ts');
const { attachArena } = await import('../src/memory/arena.ts');
const { countServed, takeThreadSlot } = await import('../src/memory/threads.ts');
const { BatchServer } = await import('../src/service/batch-server.ts');

const data = workerData as WorkerThreadData;
const arena = attachArena(data.arena, data.limits);
const channel = new BroadcastChannel(cacheChannelName(data.incarnation));
channel.unref();
const slot = takeThreadSlot(arena, threadId);
const server = new BatchServer(arena, slot, channel, data.incarnation);

export default function serve(batch: ArrayBuffer): unknown {
  const replies = server.serve(batch);
  countServed(arena, slot);
  return move(replies);
}
