/**
 * Which lanes want a sweep of holds that have run out: by what batches report, by the one timer of all events, and by
 * what nobody could report. Main thread.
 *
 *   report of a batch ──▶ due: the lane wants a sweep     not due: the timer ──▶ the lane wants a sweep
 */
import { BATCH_KIND, type ReplyHeader } from '../core/batch.ts';
import type { Clock } from '../core/clock.ts';
import { TURN_WAIT_MS_MAX } from '../core/limits.ts';
import { Expiry } from './expiry.ts';
import type { Flight } from './flight.ts';
import type { Lane, Lanes } from './lane.ts';
import type { Scheduler } from './scheduler.ts';

/** A sweep that found nothing, or whose worker was lost, is not tried again before this. */
const SWEEP_PAUSE_MS = 1000;

export interface SweepsOptions {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly lanes: Lanes;
  /** A lane wants a sweep. */
  readonly wanted: () => void;
}

export class Sweeps {
  readonly #clock: Clock;
  readonly #lanes: Lanes;
  readonly #expiry: Expiry;
  readonly #wanted: () => void;
  #stopped = false;

  constructor({ clock, scheduler, lanes, wanted }: SweepsOptions) {
    this.#clock = clock;
    this.#lanes = lanes;
    this.#wanted = wanted;
    this.#expiry = new Expiry(clock, scheduler, (slot, atMs) => this.#due(slot, atMs));
  }

  /** A deadline that recovery found. */
  seed(slot: number, deadlineMs: number): void {
    this.#expiry.lower(slot, deadlineMs);
  }

  /** Whoever stops does not wait for holds to run out. */
  stop(): void {
    this.#stopped = true;
    this.#expiry.stop();
    for (const lane of this.#lanes.all()) {
      lane.sweepAtMs = Infinity;
      this.#lanes.settle(lane);
    }
  }

  /** One that is not due yet. One that is due by the clock waits for commands that came in time: it stays wanted. */
  postpone(lane: Lane, nowMs: number): void {
    if (lane.sweepAtMs <= nowMs) {
      // Commands of the lane are answered, and then it goes. Those on their connections may be long in coming.
      if (!lane.isKeptByArrival(nowMs)) return;
      lane.sweepWaits = true;
      this.#expiry.lower(lane.slot, lane.sweepAtMs + TURN_WAIT_MS_MAX);
      return;
    }
    this.#expiry.lower(lane.slot, lane.sweepAtMs);
    lane.sweepAtMs = Infinity;
  }

  /** What a batch that had the mutex says of deadlines. */
  report({ lane, kind, overlapped }: Flight, header: ReplyHeader): void {
    const nowMs = this.#clock.now();
    let nextMs = header.moreDue ? Math.min(nowMs, header.nextDeadlineMs) : header.nextDeadlineMs;
    // A sweep that got nowhere is not repeated at once, or it would be repeated for ever.
    const isStuck = kind === BATCH_KIND.expire && header.expired === 0 && nextMs <= nowMs;
    if (isStuck) nextMs = nowMs + SWEEP_PAUSE_MS;
    if (lane.sweepAtMs !== Infinity) return;
    if (nextMs <= nowMs && !this.#stopped) lane.sweepAtMs = nextMs;
    else if (overlapped) this.#expiry.lower(lane.slot, nextMs);
    else this.#expiry.set(lane.slot, nextMs);
  }

  /** Whether a lost batch added a deadline nobody told us. A sweep tells, but not in a circle with its own death. */
  lost({ lane, kind }: Flight): void {
    if (kind === BATCH_KIND.read) return;
    const pauseMs = kind === BATCH_KIND.expire ? SWEEP_PAUSE_MS : 0;
    this.#expiry.lower(lane.slot, this.#clock.now() + pauseMs);
  }

  #due(slot: number, deadlineMs: number): void {
    const lane = this.#lanes.of(slot);
    lane.sweepAtMs = Math.min(lane.sweepAtMs, deadlineMs);
    lane.sweepWaits = false;
    this.#lanes.settle(lane);
    this.#wanted();
  }
}
