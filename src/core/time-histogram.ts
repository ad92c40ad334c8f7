/**
 * How long something took, in buckets, in shared memory: one thread writes, any may read. A few nanoseconds to count
 * one, so it may stand in the way of every request and every group.
 *
 *   | guard | sum, µs: low | high | a count a bucket, the last one for all that took longer |
 *
 * Counts are 32 bits and wrap; whoever takes differences, as Prometheus does, sees a restart then.
 */
import { assert } from './assert.ts';

/** Upper bounds in seconds: from a sync of the fastest disk to the longest that anybody waits. */
export const TIME_BUCKETS: readonly number[] = [
  0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10,
];

export interface TimeReading {
  /** One more than there are buckets. */
  readonly counts: readonly number[];
  readonly sumSeconds: number;
}

const GUARD = 0;
const SUM_LOW = 1;
const SUM_HIGH = 2;
const COUNTS = 3;
const WORDS = COUNTS + TIME_BUCKETS.length + 1;
const TWO_32 = 2 ** 32;

export class TimeHistogram {
  readonly buffer: SharedArrayBuffer;
  readonly #words: Int32Array;

  /** @param buffer that of another one, on another thread */
  constructor(buffer = new SharedArrayBuffer(WORDS * 4)) {
    assert(buffer.byteLength === WORDS * 4, 'a histogram fills its buffer');
    this.buffer = buffer;
    this.#words = new Int32Array(buffer);
  }

  /** By one thread only. */
  observe(seconds: number): void {
    const words = this.#words;
    let bucket = 0;
    while (bucket < TIME_BUCKETS.length && seconds > TIME_BUCKETS[bucket]) bucket++;
    const low = (words[SUM_LOW] >>> 0) + Math.max(0, Math.round(seconds * 1e6));
    // Odd while what follows changes; pairs with the loads in read().
    Atomics.add(words, GUARD, 1);
    Atomics.add(words, COUNTS + bucket, 1);
    Atomics.store(words, SUM_LOW, (low % TWO_32) | 0);
    if (low >= TWO_32) Atomics.add(words, SUM_HIGH, Math.floor(low / TWO_32));
    Atomics.add(words, GUARD, 1);
  }

  /** All of one moment, unless the writer is so busy that there is none in some tries; then nearly. */
  read(): TimeReading {
    const words = this.#words;
    for (let tries = 0; ; tries++) {
      const guard = Atomics.load(words, GUARD);
      const counts = TIME_BUCKETS.map((_, bucket) => Atomics.load(words, COUNTS + bucket) >>> 0);
      counts.push(Atomics.load(words, WORDS - 1) >>> 0);
      const low = Atomics.load(words, SUM_LOW) >>> 0;
      const high = Atomics.load(words, SUM_HIGH) >>> 0;
      const isWhole = (guard & 1) === 0 && Atomics.load(words, GUARD) === guard;
      if (isWhole || tries >= 16) return { counts, sumSeconds: (high * TWO_32 + low) / 1e6 };
    }
  }
}
