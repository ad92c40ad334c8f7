/** All in-process benchmarks in turn. */
import { bestSeatFigures, engineFigures } from './engine.ts';
import type { Figure, PartReport } from '../figure.ts';
import type { BenchOptions } from '../options.ts';
import { journalFigures } from './journal.ts';
import { mutexFigures } from './mutex.ts';
import { FULL, QUICK } from './sizes.ts';
import type { MicroSizes } from './sizes.ts';

export async function runMicro(sizes: MicroSizes, seed: number): Promise<Figure[]> {
  return [
    ...engineFigures(sizes, seed),
    ...bestSeatFigures(sizes, seed),
    ...(await mutexFigures(sizes)),
    ...(await journalFigures(sizes, seed)),
  ];
}

/** The part of the bench. What it audits it asserts. */
export async function microFigures({ quick, seed }: BenchOptions): Promise<PartReport> {
  return { figures: await runMicro(quick ? QUICK : FULL, seed), lines: [], checks: [] };
}
