/** All in-process benchmarks in turn. */
import { bestSeatFigures, engineFigures } from './engine.ts';
import type { Figure } from '../figure.ts';
import { journalFigures } from './journal.ts';
import { mutexFigures } from './mutex.ts';
import type { MicroSizes } from './sizes.ts';

export async function runMicro(sizes: MicroSizes, seed: number): Promise<Figure[]> {
  return [
    ...engineFigures(sizes, seed),
    ...bestSeatFigures(sizes, seed),
    ...(await mutexFigures(sizes)),
    ...(await journalFigures(sizes, seed)),
  ];
}
