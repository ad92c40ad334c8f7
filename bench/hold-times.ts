/**
 * How long workers held a mutex, counted in shared memory by hold-probe.ts and read by whoever asks. Buckets are a
 * sixteenth of an octave wide, so a percentile is at most 4.5 % above the truth, and never below.
 */

/** Under this name the threads of a probed server find the counts: environment data of node:worker_threads. */
export const HOLD_TIMES = 'frontrow-bench-hold-times';

const BUCKETS_PER_OCTAVE = 16;
/** Up to 2^33 ns, 8.6 s; the last one is for all that took longer. */
const BUCKETS = 33 * BUCKETS_PER_OCTAVE + 1;

export class HoldTimes {
  readonly buffer: SharedArrayBuffer;
  readonly #counts: Int32Array;

  /** @param buffer that of another one, on another thread */
  constructor(buffer = new SharedArrayBuffer(BUCKETS * 4)) {
    this.buffer = buffer;
    this.#counts = new Int32Array(buffer);
  }

  observe(ms: number): void {
    const bucket = Math.ceil(Math.log2(Math.max(1, ms * 1e6)) * BUCKETS_PER_OCTAVE);
    // Several workers count; pairs with the loads in read().
    Atomics.add(this.#counts, Math.min(bucket, BUCKETS - 1), 1);
  }

  read(): number[] {
    return Array.from(this.#counts, (_, bucket) => Atomics.load(this.#counts, bucket));
  }
}

/** µs that `fraction` of what was counted between two readings did not take longer than; 0 for nothing. Pure. */
export function heldMicros(before: readonly number[], after: readonly number[], fraction: number): number {
  const counts = after.map((count, bucket) => count - before[bucket]);
  const total = counts.reduce((sum, count) => sum + count, 0);
  let seen = 0;
  for (const [bucket, count] of counts.entries()) {
    seen += count;
    if (count > 0 && seen >= fraction * total) return 2 ** (bucket / BUCKETS_PER_OCTAVE) / 1000;
  }
  return 0;
}
