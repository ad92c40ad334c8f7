/**
 * How fast requests are answered, and when it is worth coming back. Main thread.
 *
 * The rate is a count over a time, both halved when the time grows long: what was counted weighs half as much with
 * each window that has passed since. Time in which there was nothing to answer is left out.
 *
 * Whoever is turned away is given a time of his own: the first one when about a batch has been answered, each after him
 * two answers later, for others come meanwhile who were told nothing. Told the same, they would come back together and most
 * would be turned away again.
 */
import { BATCH_COMMANDS_MAX } from '../core/limits.ts';

const WINDOW_MS = 1000;
export const ADVICE_MIN_MS = 20;
export const ADVICE_MAX_MS = 30_000;
/** Of the time advised: later, never earlier. */
const JITTER = 0.125;
/** Answers from one who was turned away to the next. */
const ANSWERS_APART = 2;

export class Drain {
  #count = 0;
  /** The count began then, as it were. */
  #sinceMs: number;
  #idleSinceMs = -1;
  /** The time that was given away last. */
  #bookedMs = 0;

  constructor(nowMs: number) {
    this.#sinceMs = nowMs;
  }

  /** `count` requests were answered. */
  answered(count: number, nowMs: number): void {
    if (nowMs - this.#sinceMs > 2 * WINDOW_MS) this.#halve(nowMs);
    this.#count += count;
  }

  /** Nothing is waiting for an answer from here. */
  pause(nowMs: number): void {
    if (this.#idleSinceMs < 0) this.#idleSinceMs = nowMs;
  }

  resume(nowMs: number): void {
    if (this.#idleSinceMs < 0) return;
    this.#sinceMs += Math.max(0, nowMs - this.#idleSinceMs);
    this.#idleSinceMs = -1;
  }

  /** Answers per millisecond; 0 when nothing is known. */
  perMs(nowMs: number): number {
    if (nowMs - this.#sinceMs > 2 * WINDOW_MS) this.#halve(nowMs);
    return this.#count / Math.max(1, nowMs - this.#sinceMs);
  }

  /**
   * In how many ms one who was turned away, with `waiting` requests before him, will find room; null when nothing is
   * known. `guessPerMs` stands in for a rate that rests on less than a batch. `random` is from 0 to 1.
   */
  adviseMs(nowMs: number, waiting: number, random: number, guessPerMs = 0): number | null {
    const isGuess = guessPerMs > 0 && this.#count < BATCH_COMMANDS_MAX;
    const perMs = isGuess ? guessPerMs : this.perMs(nowMs);
    if (perMs === 0) return null;
    const allMs = waiting / perMs;
    const firstMs = Math.min(allMs, BATCH_COMMANDS_MAX / perMs);
    let atMs = Math.max(nowMs + firstMs, this.#bookedMs + ANSWERS_APART / perMs);
    // As many as are waiting have a time already. Some of those will not come; where they would is as good as any.
    const lastMs = firstMs + allMs * ANSWERS_APART;
    if (atMs > nowMs + lastMs) atMs = nowMs + firstMs + random * (lastMs - firstMs);
    else this.#bookedMs = atMs;
    const waitMs = Math.ceil((atMs - nowMs) * (1 + random * JITTER));
    return Math.min(ADVICE_MAX_MS, Math.max(ADVICE_MIN_MS, waitMs));
  }

  #halve(nowMs: number): void {
    // A time so long that nothing of the count would be left: no more turns than that takes.
    while (nowMs - this.#sinceMs > 2 * WINDOW_MS) {
      this.#sinceMs = nowMs - (nowMs - this.#sinceMs) / 2;
      this.#count /= 2;
    }
  }
}
