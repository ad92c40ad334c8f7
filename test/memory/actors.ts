/** Real threads under a test's control: it says who does what, and when. */
import { threadOptions } from '../../src/core/thread-options.ts';
import { Worker } from 'node:worker_threads';
import { createArena, type Arena } from '../../src/memory/arena.ts';
import { findThreadSlot, type ThreadBase } from '../../src/memory/threads.ts';
import type { Limits } from '../../src/core/limits.ts';
import { smallLimits } from '../engine/rig.ts';
import {
  CONTROL,
  CONTROL_WORDS,
  LOG,
  LOG_COUNT,
  SHARED_WORDS,
  type ActorData,
} from './fixtures/actor-words.ts';

/** Nothing here takes a hundredth of it; a test that waits so long has failed. */
const PATIENCE_MS = 20_000;

export class Actor {
  readonly index: number;
  readonly #stage: Stage;
  readonly #worker: Worker;
  readonly threadId: number;
  readonly #control: number;

  constructor(stage: Stage, index: number) {
    this.index = index;
    this.#stage = stage;
    this.#control = index * CONTROL_WORDS;
    const workerData: ActorData = {
      index,
      arena: stage.arena.buffer,
      limits: stage.arena.limits,
      shared: stage.shared.buffer,
    };
    this.#worker = new Worker(new URL('./fixtures/actor.js', import.meta.url), {
      ...threadOptions(),
      workerData,
    });
    this.threadId = this.#worker.threadId;
  }

  /** Hands a task over and does not wait for it. */
  ask(task: number, argument = 0, slot = 1): void {
    const { shared } = this.#stage;
    Atomics.store(shared, this.#control + CONTROL.task, task);
    Atomics.store(shared, this.#control + CONTROL.argument, argument);
    Atomics.store(shared, this.#control + CONTROL.slot, slot);
    Atomics.add(shared, this.#control + CONTROL.asked, 1);
    Atomics.notify(shared, this.#control + CONTROL.asked);
  }

  get isDone(): boolean {
    const { shared } = this.#stage;
    return (
      Atomics.load(shared, this.#control + CONTROL.done) ===
      Atomics.load(shared, this.#control + CONTROL.asked)
    );
  }

  /** Waits for the task; what it returned. */
  finish(): number {
    const { shared } = this.#stage;
    const deadline = Date.now() + PATIENCE_MS;
    while (!this.isDone) {
      const done = Atomics.load(shared, this.#control + CONTROL.done);
      if (this.isDone) break;
      Atomics.wait(shared, this.#control + CONTROL.done, done, 1000);
      if (Date.now() > deadline) throw new Error(`actor ${this.index} does not come to an end`);
    }
    return Atomics.load(shared, this.#control + CONTROL.result);
  }

  do(task: number, argument = 0, slot = 1): number {
    this.ask(task, argument, slot);
    return this.finish();
  }

  /** The thread slot; only after the actor has done something. */
  get slot(): ThreadBase {
    const slot = findThreadSlot(this.#stage.arena, this.threadId);
    if (slot === null) throw new Error(`actor ${this.index} has no thread slot`);
    return slot;
  }

  /** Ends the thread wherever it is. */
  async kill(): Promise<void> {
    await this.#worker.terminate();
  }
}

export class Stage {
  readonly arena: Arena;
  readonly shared = new Int32Array(new SharedArrayBuffer(SHARED_WORDS * 4));
  readonly actors: Actor[] = [];

  constructor(actors: number, limits: Limits = smallLimits({ workers: Math.max(1, actors) })) {
    this.arena = createArena(limits);
    for (let i = 0; i < actors; i++) this.actors.push(new Actor(this, i));
  }

  /** Who entered, in order. */
  get log(): number[] {
    return [...this.shared.subarray(LOG, LOG + Atomics.load(this.shared, LOG_COUNT))];
  }

  clearLog(): void {
    Atomics.store(this.shared, LOG_COUNT, 0);
  }

  async end(): Promise<void> {
    await Promise.all(this.actors.map((actor) => actor.kill()));
  }
}
