/**
 * When the requests of an open loop are due: a Poisson process, for buyers know nothing of each other and do
 * not come evenly. Evenly spaced requests would never meet in a batch by chance and would flatter the
 * percentiles. Pure.
 */
import { SeededRandom } from '../../src/journal/random.ts';

export class Arrivals {
  readonly #random: SeededRandom;
  readonly #meanMs: number;
  #atMs = 0;

  /** @param perSecond on average */
  constructor(perSecond: number, seed: number) {
    this.#random = new SeededRandom(seed);
    this.#meanMs = 1000 / perSecond;
  }

  /** ms from the beginning until the next one is due; never less than the last time. */
  next(): number {
    // In (0, 1]: a 0 would be a request that is never due.
    const uniform = (this.#random.next() + 1) / 2 ** 32;
    this.#atMs -= Math.log(uniform) * this.#meanMs;
    return this.#atMs;
  }
}
