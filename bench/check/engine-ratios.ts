/**
 * The engine in this process, against the reference loop: a stretch of each in turn, half a millisecond or less, so that
 * both find the machine in the same state. A pair is their ratio; a block is the median of some hundred pairs, in which
 * those that the kernel cut in two do not show. Neither does a collection of garbage, whose cost is in cpu-ratios.ts.
 *
 * Commands have keys, as every order has. Those without are no use here: V8 comes to one of two ways of compiling them,
 * and holds then run at 1.0 or at 1.45 times the reference, all run long.
 */
import { performance } from 'node:perf_hooks';
import { CommandStretches, SeatSearch } from '../micro/engine.ts';
import { percentile } from '../figures.ts';
import type { Measured, RatioSource } from './ratio.ts';
import { Reference } from './reference.ts';

const SEED = 1;
const BLOCKS = 6;
/** As cpu-ratios.ts has it. */
const BLOCKS_MIN = 2;
const BUDGET_MS = 1000;
const PAIRS = 150;
/** Commands of a stretch. They and what they write fit into the second cache; more did not, and scattered. */
const STRETCH = 256;
const RING_BYTES = 1024 * 1024;
const SEARCHES = 10;
const SEARCH_ROWS = 500;

const HOLDS = 'engine: holds with a key';
const ORDERS = 'engine: orders with a key';
const SEATS = 'engine: best 2 seats of 100,000';

/** A stretch: its rate. `before` is called when all is prepared, just before the time is taken. */
type Stretch = (before: () => void) => number;

export const engineRatios: RatioSource = {
  names: [HOLDS, ORDERS, SEATS],
  measure(): Promise<Measured> {
    const most = (BLOCKS + 1) * PAIRS;
    const common = { seed: SEED, withKey: true, stretch: STRETCH, ringBytes: RING_BYTES };
    const holds = new CommandStretches({ ...common, live: 1000, kind: 'hold' }, most);
    const orders = new CommandStretches({ ...common, live: 0, kind: 'order' }, most);
    const search = new SeatSearch(SEARCH_ROWS, SEED);
    const ratios = [
      { name: HOLDS, values: blocksOf((before) => holds.next(before)) },
      { name: ORDERS, values: blocksOf((before) => orders.next(before)) },
      { name: SEATS, values: blocksOf((before) => searches(search, before)) },
    ];
    holds.check();
    orders.check();
    return Promise.resolve({ ratios, checks: [] });
  },
};

/** Searches per µs. */
function searches(search: SeatSearch, before: () => void): number {
  before();
  let micros = 0;
  for (let count = 0; count < SEARCHES; count++) micros += search.next(2);
  return SEARCHES / micros;
}

function blocksOf(stretch: Stretch): number[] {
  const reference = new Reference();
  const block = (): number => {
    const pairs: number[] = [];
    for (let pair = 0; pair < PAIRS; pair++) {
      let base = 0;
      const rate = stretch(() => {
        base = reference.next();
      });
      pairs.push(rate / base);
    }
    return percentile(pairs, 0.5);
  };
  // Finds cold code.
  block();
  const values: number[] = [];
  const started = performance.now();
  while (values.length < BLOCKS && (values.length < BLOCKS_MIN || performance.now() - started < BUDGET_MS)) {
    values.push(block());
  }
  return values;
}
