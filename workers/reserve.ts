/**
 * A worker of the pool: serves batches. Piscina calls the default export with a batch and sends back what it returns.
 * A fault is thrown to piscina, which rejects the batch; the supervisor then ends this thread and repairs.
 */
import { BroadcastChannel, threadId, workerData } from 'node:worker_threads';
import { move } from 'piscina';
import { cacheChannelName, type WorkerThreadData } from '../src/core/thread-messages.ts';
import { attachArena } from '../src/memory/arena.ts';
import { takeThreadSlot } from '../src/memory/threads.ts';
import { BatchServer } from '../src/service/batch-server.ts';

const data = workerData as WorkerThreadData;
const arena = attachArena(data.arena, data.limits);
const channel = new BroadcastChannel(cacheChannelName(data.incarnation));
channel.unref();
const server = new BatchServer(arena, takeThreadSlot(arena, threadId), channel, data.incarnation);

export default function serve(batch: ArrayBuffer): unknown {
  return move(server.serve(batch));
}
