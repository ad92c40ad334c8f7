/** What the mutex benchmark does under the mutex: the least there is, counted so that a broken mutex shows. */
import type { Limits } from '../../src/core/limits.ts';
import { eventBase } from '../../src/memory/arena.ts';
import type { Arena } from '../../src/memory/arena.ts';
import { EVENT } from '../../src/memory/layout.ts';
import { acquireMutex, releaseMutex } from '../../src/memory/mutex.ts';
import type { ThreadBase } from '../../src/memory/threads.ts';

export interface MutexThreadData {
  readonly arena: SharedArrayBuffer;
  readonly limits: Limits;
  /** | go | threads ready | */
  readonly gate: SharedArrayBuffer;
  readonly commands: number;
  readonly batch: number;
}

/** An event slot that nothing else uses. Its version stands for what commands change. */
const SLOT = 1;

export function counter(arena: Arena): number {
  return eventBase(arena, SLOT) + EVENT.version;
}

export function lockAndCount(
  arena: Arena,
  thread: ThreadBase,
  { commands, batch }: { readonly commands: number; readonly batch: number },
): void {
  const { words } = arena;
  const word = counter(arena);
  for (let done = 0; done < commands; done += batch) {
    acquireMutex(arena, thread, SLOT);
    // Read and written apart, on purpose: two threads at once would lose some.
    for (let command = 0; command < batch; command++) words[word] = words[word] + 1;
    releaseMutex(arena, thread);
  }
}
