/**
 * The supervisor: a worker died, threw, or hangs. Its thread is ended and has exited before anybody touches what it
 * held; then that is given back, and the batch is told what became of each of its commands. Main thread.
 *
 *   run() rejects ┐                                     ┌ commands whose frame was published: answered from it
 *   batch hangs   ┴ end the thread → exit → repair() →  ┴ the rest: worker-lost, nothing applied
 *
 * Other events go on meanwhile. Source: DESIGN.md §4, A worker that dies.
 */
import { FrontrowError } from '../core/assert.ts';
import { BATCH_KIND } from '../core/batch.ts';
import type { Clock } from '../core/clock.ts';
import { BATCH_HUNG_MS } from '../core/limits.ts';
import type { Arena } from '../memory/arena.ts';
import { publishedUnits, ringHead } from '../memory/ring.ts';
import { findThreadSlot, wakeJournal, type ThreadBase } from '../memory/threads.ts';
import type { Flight } from './flight.ts';
import type { BatchPool } from './pool.ts';
import type { Scheduler } from './scheduler.ts';

/** A thread that was told to end and has not after this is beyond help, and may still write: the process must end. */
export const EXIT_MS = 1000;
/**
 * Repair waits for other threads to say what they took: a few instructions of a living one, which may be
 * interrupted in the middle, or the exit of another that is dying. So many turns of the event loop, then as
 * many pauses, then it is given up.
 */
export const REPAIR_TRIES_MAX = 1000;
const REPAIR_PAUSE_MS = 5;

export interface SupervisorOptions {
  readonly arena: Arena;
  readonly pool: Pick<BatchPool, 'kill'>;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  /** Gives back all that a thread held which has exited. undecided: to be asked again. */
  repair(dead: ThreadBase): 'done' | 'undecided';
  /** The process cannot go on and must end. */
  fatal(error: FrontrowError): void;
  /** A batch is overdue: to be lost. */
  hung(flight: Flight): void;
  /** The event of a lost batch is whole again. */
  recovered(flight: Flight): void;
}

export class Supervisor {
  readonly #options: SupervisorOptions;
  /** Batches under way, the oldest first. */
  readonly #flights = new Set<Flight>();
  /** One repair a thread: ids are never used again. An entry stays, and costs little: deaths are rare. */
  readonly #repairs = new Map<number, Promise<void>>();
  #timer: unknown = null;

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  watch(flight: Flight): void {
    this.#flights.add(flight);
    if (this.#timer === null) this.#arm(BATCH_HUNG_MS);
  }

  unwatch(flight: Flight): void {
    this.#flights.delete(flight);
  }

  stop(): void {
    this.#options.scheduler.clearTimeout(this.#timer);
    this.#timer = null;
    this.#flights.clear();
  }

  /** A batch failed or hangs. Answers with recovered(), or with fatal(). */
  lose(flight: Flight): void {
    this.#flights.delete(flight);
    this.#recover(flight).catch((cause: unknown) => this.#fail(cause));
  }

  /** A thread has ended. One that had a batch is taken care of already; one that had none may hold its slot. */
  threadGone(threadId: number): void {
    this.#endAndRepair(threadId).catch((cause: unknown) => this.#fail(cause));
  }

  async #recover(flight: Flight): Promise<void> {
    await this.#endAndRepair(flight.threadId);
    if (flight.kind === BATCH_KIND.write) await this.#wholeRing(flight.firstUnit);
    this.#options.recovered(flight);
  }

  /** Waits until every frame that may be of a batch can be read: others' before them may be unpublished still. */
  async #wholeRing(firstUnit: number): Promise<void> {
    const { arena } = this.#options;
    const units = (ringHead(arena) - firstUnit) | 0;
    await this.#until(() => publishedUnits(arena, firstUnit, units) >= units, 'the ring keeps a gap');
  }

  #endAndRepair(threadId: number): Promise<void> {
    let repair = this.#repairs.get(threadId);
    if (repair === undefined) {
      repair = this.#repairThread(threadId);
      this.#repairs.set(threadId, repair);
    }
    return repair;
  }

  async #repairThread(threadId: number): Promise<void> {
    const { arena } = this.#options;
    await this.#end(threadId);
    const slot = findThreadSlot(arena, threadId);
    if (slot === null) return;
    await this.#until(
      () => this.#options.repair(slot) === 'done',
      `what thread ${threadId} held is undecided`,
    );
    // Repair may have published padding, which the journal thread waits for.
    wakeJournal(arena);
  }

  async #end(threadId: number): Promise<void> {
    const { pool, scheduler } = this.#options;
    let timer: unknown = null;
    const overdue = new Promise<never>((_resolve, reject) => {
      timer = scheduler.setTimeout(() => {
        reject(new FrontrowError('worker-lost', `thread ${threadId} did not exit within ${EXIT_MS} ms`));
      }, EXIT_MS);
    });
    try {
      await Promise.race([pool.kill(threadId), overdue]);
    } finally {
      scheduler.clearTimeout(timer);
    }
  }

  async #until(isDone: () => boolean, otherwise: string): Promise<void> {
    const { scheduler } = this.#options;
    for (let tries = 1; !isDone(); tries++) {
      if (tries === REPAIR_TRIES_MAX * 2) throw new FrontrowError('memory-fault', otherwise);
      await new Promise<void>((resolve) => {
        if (tries < REPAIR_TRIES_MAX) scheduler.setImmediate(resolve);
        else scheduler.setTimeout(resolve, REPAIR_PAUSE_MS);
      });
    }
  }

  #fail(cause: unknown): void {
    const error =
      cause instanceof FrontrowError
        ? cause
        : new FrontrowError('memory-fault', 'what a dead worker held could not be given back', { cause });
    this.#options.fatal(error);
  }

  /** One timer for all batches: it comes when the oldest one at hand may be overdue. */
  #arm(delayMs: number): void {
    const { scheduler } = this.#options;
    this.#timer = scheduler.setTimeout(() => {
      // If it was main that stood still, the replies are waiting: take them in before judging.
      scheduler.setImmediate(() => this.#look());
    }, delayMs);
  }

  #look(): void {
    const nowMs = this.#options.clock.now();
    this.#timer = null;
    for (const flight of this.#flights) {
      const leftMs = flight.startedMs + BATCH_HUNG_MS - nowMs;
      if (leftMs > 0) {
        this.#arm(leftMs);
        return;
      }
      this.#options.hung(flight);
    }
  }
}
