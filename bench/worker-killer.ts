/**
 * Kills a worker in the middle of its work and measures how long its event stands still, seen from the main thread: from
 * the worker's 'exit' until a later batch has had the event's mutex. Main thread of a probed server; reads the arena's
 * words and writes none.
 */
import { performance } from 'node:perf_hooks';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { eventBase } from '../src/memory/arena.ts';
import type { Arena } from '../src/memory/arena.ts';
import { EVENT, LOCK_PHASE, THREAD } from '../src/memory/layout.ts';
import { findEvent } from '../src/memory/registry.ts';
import { findThreadSlot } from '../src/memory/threads.ts';

export interface Kill {
  /** It died with the event's mutex in its hands, so that the event had to be repaired. */
  readonly heldMutex: boolean;
  /** Batches that were lost with it. */
  readonly losses: number;
  /** From its death until the event went on. */
  readonly repairMs: number;
}

/** What a load brings within moments; nothing of it within this means that something is broken. */
const PATIENCE_MS = 10_000;
/** Main looks for a worker in the mutex for so long in one turn. Batches end meanwhile, and none begins. */
const LOOK_MS = 2;

export class WorkerKiller {
  readonly #arena: Arena;
  readonly #living = new Map<number, Worker>();
  #onExit: (threadId: number) => void = () => {};

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  /** A thread of the pool that was just started. */
  adopt(worker: Worker): void {
    const { threadId } = worker;
    this.#living.set(threadId, worker);
    worker.once('exit', () => {
      this.#living.delete(threadId);
      this.#onExit(threadId);
    });
  }

  /** Kills whoever has the event's mutex next. Needs a load on the event. Rejects when nothing comes of it. */
  async kill(event: string, losses: () => number): Promise<Kill> {
    const slot = findEvent(this.#arena, event);
    if (slot < 0) throw new Error(`there is no event ${event}`);
    await until(
      'all workers to be there',
      () => this.#isWhole(),
      () => sleep(1),
    );
    const base = eventBase(this.#arena, slot);
    const { words } = this.#arena;
    const before = losses();
    let victim = 0;
    await until(
      'a worker in the mutex',
      () => (victim = this.#owner(slot)) !== 0,
      () => turn(),
    );
    const thread = findThreadSlot(this.#arena, victim);
    const exited = new Promise<{ heldMutex: boolean; ticket: number; atMs: number }>((resolve) => {
      this.#onExit = (threadId) => {
        if (threadId !== victim || thread === null) return;
        const heldMutex = Atomics.load(words, thread + THREAD.lockPhase) === LOCK_PHASE.taken;
        resolve({ heldMutex, ticket: Atomics.load(words, base + EVENT.nextTicket), atMs: performance.now() });
      };
    });
    void this.#living.get(victim)?.terminate();
    const { heldMutex, ticket, atMs } = await exited;
    // Tickets wrap: the first one that was given out after the death has been passed on.
    const goesOn = (): boolean => ((Atomics.load(words, base + EVENT.servingTicket) - ticket) | 0) > 0;
    await until('the event to go on', goesOn, () => turn());
    const repairMs = performance.now() - atMs;
    return { heldMutex, losses: losses() - before, repairMs };
  }

  /** As many workers as the server has, and each has loaded its code and taken a slot. */
  #isWhole(): boolean {
    const ids = [...this.#living.keys()];
    const ready = ids.filter((threadId) => findThreadSlot(this.#arena, threadId) !== null);
    return ready.length === this.#arena.limits.workers && ids.length === ready.length;
  }

  /** The thread that has the event's mutex, or 0. */
  #owner(slot: number): number {
    const { words } = this.#arena;
    const threads = [...this.#living.keys()].map((id) => [id, findThreadSlot(this.#arena, id)] as const);
    const started = performance.now();
    while (performance.now() - started < LOOK_MS) {
      for (const [threadId, thread] of threads) {
        if (thread === null || Atomics.load(words, thread + THREAD.lockPhase) !== LOCK_PHASE.taken) continue;
        if (Atomics.load(words, thread + THREAD.lockEvent) === slot + 1) return threadId;
      }
    }
    return 0;
  }
}

async function until(what: string, isDone: () => boolean, pause: () => Promise<unknown>): Promise<void> {
  const started = performance.now();
  while (!isDone()) {
    if (performance.now() - started > PATIENCE_MS) throw new Error(`still waiting for ${what}`);
    await pause();
  }
}
