/**
 * The history thread: reads an event's changes from the journal's files, one batch of calls at a time. Read-only.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../src/core/assert.ts';
import type { HistoryAnswer, HistoryCall, HistoryThreadData } from '../src/core/thread-messages.ts';
import { FileDisk } from '../src/journal/file-disk.ts';
import { HistoryReader } from '../src/journal/history-reader.ts';
import { attachArena } from '../src/memory/arena.ts';
import { HistoryServer } from '../src/service/history-server.ts';

assert(parentPort !== null, 'history is read on a thread of its own');
const main = parentPort;
const data = workerData as HistoryThreadData;
const arena = attachArena(data.arena, data.limits);
const reader = new HistoryReader(new FileDisk(data.directory));
const server = new HistoryServer(arena, (query, visit) => reader.read(query, visit));

main.on('message', (call: HistoryCall) => {
  let answer: HistoryAnswer;
  try {
    answer = { id: call.id, batch: server.serve(call.batch), error: '' };
  } catch (error) {
    answer = { id: call.id, batch: null, error: error instanceof Error ? error.message : String(error) };
  }
  main.postMessage(answer, answer.batch === null ? [] : [answer.batch]);
});
