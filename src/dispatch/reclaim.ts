/**
 * When memory that an event gave back may be given out again. Main thread.
 *
 *   a registry batch says "retired" ─▶ the registry's lane is held ─▶ every batch that was under way has landed
 *                                      ─▶ the next registry batch carries "reclaim" ─▶ …
 *
 * A batch that was under way may still look at what was retired; one that leaves later finds the event gone. So nothing
 * is defined in retired memory while anybody could look at it. The holding is short: batches last milliseconds.
 */
import { assert } from '../core/assert.ts';

export class Reclaim {
  /** Batches that were under way when something was retired last. */
  readonly #readers = new Set<object>();
  readonly #hold: (isHeld: boolean) => void;
  #isRetired = false;

  /** `hold` is told when registry batches may not leave, and when they may again. */
  constructor(hold: (isHeld: boolean) => void) {
    this.#hold = hold;
  }

  /** Whether no registry batch may leave. */
  get isHeld(): boolean {
    return this.#readers.size > 0;
  }

  /** Something was retired, or may have been. `underWay`: all batches of all threads that are. */
  retired(underWay: Iterable<object>): void {
    assert(!this.isHeld, 'nothing is retired while the registry is held');
    this.#isRetired = true;
    for (const batch of underWay) this.#readers.add(batch);
    if (this.isHeld) this.#hold(true);
  }

  /** A batch has come back, or its worker is dead. */
  landed(batch: object): void {
    if (this.#readers.delete(batch) && !this.isHeld) this.#hold(false);
  }

  /** A registry batch leaves: whether it is to reclaim. */
  depart(): boolean {
    assert(!this.isHeld, 'no registry batch leaves while the registry is held');
    const isRetired = this.#isRetired;
    this.#isRetired = false;
    return isRetired;
  }
}
