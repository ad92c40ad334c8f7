/**
 * The order in which requests of one connection are handled. Main thread.
 *
 *   running: up to N safe ones side by side, or one unsafe one alone
 *   waiting: the rest, in order of their heads; the first one that may not start stops all behind it
 *
 * A request takes its place when its head is there, and is ready when its body is: another one behind it that is
 * complete sooner must not slip past.
 *
 * RFC 9112 §9.3.2 allows parallel work only if all of it is safe. Replies are put in order by the listener, not here.
 * While held (the peer does not read its replies) nothing starts.
 */
import { assert } from '../core/assert.ts';

export interface Turn {
  readonly safe: boolean;
  /** Fully received. */
  readonly ready: boolean;
  run(): void;
}

export class Turns<T extends Turn> {
  readonly #runningMax: number;
  readonly #waiting: T[] = [];
  #running = 0;
  #unsafeRunning = false;
  #held = false;
  #starting = false;

  constructor(runningMax: number) {
    assert(runningMax >= 1, 'at least one request may run');
    this.#runningMax = runningMax;
  }

  /** Requests that entered and have not left. */
  get size(): number {
    return this.#running + this.#waiting.length;
  }

  enter(turn: T): void {
    this.#waiting.push(turn);
    this.#start();
  }

  /** To be called when a turn has become ready. */
  wake(): void {
    this.#start();
  }

  /** Takes out one that will not run after all. */
  drop(turn: T): void {
    const index = this.#waiting.indexOf(turn);
    if (index < 0) return;
    this.#waiting.splice(index, 1);
    this.#start();
  }

  leave(turn: T): void {
    assert(this.#running > 0, 'only a running request leaves');
    this.#running--;
    if (!turn.safe) this.#unsafeRunning = false;
    this.#start();
  }

  hold(held: boolean): void {
    this.#held = held;
    this.#start();
  }

  /** Takes out all that have not started, for a connection that is gone. */
  clear(): T[] {
    return this.#waiting.splice(0);
  }

  /** Not recursive: a run() that answers at once leaves within it, and a long pipeline would eat the stack. */
  #start(): void {
    if (this.#starting) return;
    this.#starting = true;
    while (this.#waiting.length > 0 && this.#mayStart(this.#waiting[0])) {
      const turn = this.#waiting.shift()!;
      this.#running++;
      if (!turn.safe) this.#unsafeRunning = true;
      turn.run();
    }
    this.#starting = false;
  }

  #mayStart(turn: T): boolean {
    if (!turn.ready || this.#held || this.#unsafeRunning) return false;
    return this.#running === 0 || (turn.safe && this.#running < this.#runningMax);
  }
}
