/**
 * What pacer and metronome share. Main thread of the pacer and the metronome's thread.
 *
 *   | go:32 | ringing:32 | startMs:64 |
 */

/** What the metronome's thread is started with: the same schedule as the pacer's. */
export interface MetronomeData {
  readonly perSecond: number;
  readonly seed: number;
  readonly count: number;
  readonly shared: SharedArrayBuffer;
}

/** ms of a clock that both threads share; performance.now() counts from each thread's own start. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

const BYTES = 16;
const GO = 0;
const RINGING = 1;

export class MetronomeLink {
  readonly shared: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #startMs: Float64Array;

  constructor(shared = new SharedArrayBuffer(BYTES)) {
    this.shared = shared;
    this.#words = new Int32Array(shared);
    this.#startMs = new Float64Array(shared, 8, 1);
  }

  /** Pacer: the schedule begins at this time of monotonicMs(). */
  start(startMs: number): void {
    this.#startMs[0] = startMs;
    // Publishes the time above; pairs with the load in waitForStart().
    Atomics.store(this.#words, GO, 1);
    Atomics.notify(this.#words, GO);
  }

  /** Metronome: when the schedule begins. */
  waitForStart(): number {
    while (Atomics.load(this.#words, GO) === 0) Atomics.wait(this.#words, GO, 0);
    return this.#startMs[0];
  }

  /** Metronome: sleeps. Precise to some 50 µs, where a timer of the event loop knows whole ms only. */
  sleepUntil(atMs: number): void {
    for (let leftMs = atMs - monotonicMs(); leftMs > 0; leftMs = atMs - monotonicMs()) {
      // Nobody changes or notifies this word any more: it only runs out.
      Atomics.wait(this.#words, GO, 1, leftMs);
    }
  }

  /** Metronome: whether the pacer has to be rung, or still has an earlier ring before it. */
  takeRing(): boolean {
    // Pairs with the store in heard().
    return Atomics.exchange(this.#words, RINGING, 1) === 0;
  }

  /** Pacer: before it looks what is due, so that whatever comes due afterwards rings again. */
  heard(): void {
    Atomics.store(this.#words, RINGING, 0);
  }
}
