/**
 * What the engine's speed is held against: a loop that does in plain JavaScript what a command does, namely hash, look,
 * compare and swap, and write some neighbouring words. It must never change: the committed ratios are relative to it.
 */
import { performance } from 'node:perf_hooks';

/** 16 KiB, which the first cache holds. With larger tables the ratios moved with what else was in the caches. */
const WORDS = 4096;
const NEIGHBOURS = 8;
/** Some tenths of a millisecond. */
const STEPS = 5_000;
/** So many steps take about as long as a command. */
const STEPS_PER_UNIT = 64;

export class Reference {
  readonly #words = new Int32Array(new SharedArrayBuffer(WORDS * 4));
  #state = 0x9e3779b9 | 0;

  /** Runs a stretch. In millions of units per second. */
  next(): number {
    const words = this.#words;
    const started = performance.now();
    let state = this.#state;
    for (let step = 0; step < STEPS; step++) {
      // Xorshift. Source: Marsaglia, Xorshift RNGs, 2003.
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      const at = state & (WORDS - 1) & ~(NEIGHBOURS - 1);
      // Pairs with itself: nobody else knows these words.
      const found = Atomics.load(words, at);
      Atomics.compareExchange(words, at, found, (found + state) | 0);
      for (let next = 1; next < NEIGHBOURS; next++) words[at + next] = (words[at + next] ^ state) + next;
    }
    this.#state = state;
    return STEPS / STEPS_PER_UNIT / (performance.now() - started) / 1000;
  }
}
