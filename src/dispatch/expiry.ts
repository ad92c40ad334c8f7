/**
 * When which event's holds are due: one timer for all events, set to the earliest deadline that batches reported.
 * Main thread. A deadline here is a hint, never too late; the sweep that follows looks at the claims themselves.
 */
import type { Clock } from '../core/clock.ts';
import { MinHeap } from './min-heap.ts';
import { TIMER_MAX_MS, type Scheduler } from './scheduler.ts';

interface Entry {
  readonly rank: number;
  readonly slot: number;
}

/** Entries that no longer hold are dropped when they come up, or all at once when they are this many more. */
const STALE_MAX = 1024;

export class Expiry {
  readonly #clock: Clock;
  readonly #scheduler: Scheduler;
  readonly #due: (slot: number, deadlineMs: number) => void;
  /** The deadline of each event, ms; the heap may hold older ones. */
  readonly #deadlines = new Map<number, number>();
  readonly #heap = new MinHeap<Entry>();
  #timer: unknown = null;
  #timerAtMs = Infinity;
  #stopped = false;

  constructor(clock: Clock, scheduler: Scheduler, due: (slot: number, deadlineMs: number) => void) {
    this.#clock = clock;
    this.#scheduler = scheduler;
    this.#due = due;
  }

  /** What a batch that had its event to itself reports: replaces. Infinity: no hold is left. */
  set(slot: number, deadlineMs: number): void {
    if (this.#deadlines.get(slot) === deadlineMs) return;
    if (deadlineMs === Infinity) {
      this.#deadlines.delete(slot);
      return;
    }
    this.#deadlines.set(slot, deadlineMs);
    this.#heap.push({ rank: deadlineMs, slot });
    if (this.#heap.size > this.#deadlines.size * 2 + STALE_MAX) this.#rebuild();
    this.#arm();
  }

  /** What a batch that ran beside others of its event reports: only ever earlier. */
  lower(slot: number, deadlineMs: number): void {
    if (deadlineMs < (this.#deadlines.get(slot) ?? Infinity)) this.set(slot, deadlineMs);
  }

  stop(): void {
    this.#stopped = true;
    this.#scheduler.clearTimeout(this.#timer);
    this.#timer = null;
  }

  #rebuild(): void {
    this.#heap.clear();
    for (const [slot, rank] of this.#deadlines) this.#heap.push({ rank, slot });
  }

  /** A timer that is set too early is left as it is: it costs less than setting one with each batch. */
  #arm(): void {
    const earliest = this.#heap.peek();
    if (this.#stopped || earliest === undefined || earliest.rank >= this.#timerAtMs) return;
    this.#scheduler.clearTimeout(this.#timer);
    const delayMs = Math.min(TIMER_MAX_MS, Math.max(1, Math.ceil(earliest.rank - this.#clock.now())));
    this.#timerAtMs = earliest.rank;
    this.#timer = this.#scheduler.setTimeout(() => this.#fire(), delayMs);
  }

  #fire(): void {
    this.#timer = null;
    this.#timerAtMs = Infinity;
    const nowMs = this.#clock.now();
    const due: Entry[] = [];
    for (let next = this.#heap.peek(); next !== undefined; next = this.#heap.peek()) {
      const isStale = this.#deadlines.get(next.slot) !== next.rank;
      if (!isStale && next.rank > nowMs) break;
      this.#heap.pop();
      if (isStale) continue;
      this.#deadlines.delete(next.slot);
      due.push(next);
    }
    // Not in the loop above: whoever is called may report a deadline that is due already.
    for (const { slot, rank } of due) this.#due(slot, rank);
    this.#arm();
  }
}
