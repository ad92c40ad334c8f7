/**
 * Time. Milliseconds since the Unix epoch, never going back, read on the main thread only and handed on with
 * each batch. Steps of the wall clock expire nothing early and revive nothing.
 */
import { performance } from 'node:perf_hooks';

export interface Clock {
  /** Milliseconds since the epoch, whole and never less than the reading before. */
  now(): number;
}

/** base = max(wall clock, the journal's last time), plus monotonic elapsed time. Source: DESIGN.md §4, Time. */
export class SystemClock implements Clock {
  readonly #baseMs: number;
  readonly #startedMs: number;

  constructor(journalLastTimeMs: number) {
    this.#baseMs = Math.max(Date.now(), journalLastTimeMs);
    this.#startedMs = performance.now();
  }

  now(): number {
    return Math.floor(this.#baseMs + (performance.now() - this.#startedMs));
  }
}

/** A clock that a test moves. */
export class ManualClock implements Clock {
  #nowMs: number;

  constructor(startMs: number) {
    this.#nowMs = startMs;
  }

  now(): number {
    return this.#nowMs;
  }

  advance(ms: number): void {
    this.#nowMs += ms;
  }
}
