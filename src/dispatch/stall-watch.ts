/**
 * Notices a journal that does not move while something waits to become durable: a disk that does not answer. Main thread.
 *
 *   every tenth of `stallAfterMs`, a look: does something wait, and has the journal moved since the look before?
 *   it waits and nothing moved, eleven times in a row ─▶ stalled ─▶ the journal moves ─▶ not stalled, at once
 *
 * So it is noticed after `stallAfterMs`, and a tenth of it later at most. A slow journal moves, and an idle one keeps
 * nobody waiting. Looks are counted, not time: when the whole process stood still, the journal had no time either.
 */
import type { Scheduler } from './scheduler.ts';

/** In a row. The first look only starts the count. */
const LOOKS = 11;

export interface StallWatchOptions {
  readonly scheduler: Scheduler;
  readonly stallAfterMs: number;
  /** Whether an answer waits until the journal is durable further on. */
  isWaiting(): boolean;
  /** Called with the beginning and the end of a stall. */
  changed(isStalled: boolean): void;
}

export class StallWatch {
  readonly #options: StallWatchOptions;
  #position = 0;
  /** Looks in a row that saw no progress. */
  #stood = 0;
  #timer: unknown = null;
  isStalled = false;

  constructor(options: StallWatchOptions) {
    this.#options = options;
  }

  start(): void {
    const { scheduler, stallAfterMs } = this.#options;
    this.#timer = scheduler.setTimeout(() => this.#look(), stallAfterMs / (LOOKS - 1));
  }

  stop(): void {
    this.#options.scheduler.clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** The journal is durable up to `position`. To be called before anybody is answered for it. */
  moved(position: number): void {
    if (position <= this.#position) return;
    this.#position = position;
    this.#stood = 0;
    if (this.isStalled) this.#change(false);
  }

  #look(): void {
    this.#stood = this.#options.isWaiting() ? this.#stood + 1 : 0;
    if (this.#stood >= LOOKS && !this.isStalled) this.#change(true);
    this.start();
  }

  #change(isStalled: boolean): void {
    this.isStalled = isStalled;
    this.#options.changed(isStalled);
  }
}
