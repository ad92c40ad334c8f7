/** All in-process benchmarks in turn, and their table. */
import { formatTable } from '../../src/cli/format.ts';
import { digits, percentile, spread } from '../figures.ts';
import { bestSeatFigures, engineFigures } from './engine.ts';
import type { Figure, MicroSizes } from './figure.ts';
import { journalFigures } from './journal.ts';
import { mutexFigures } from './mutex.ts';

export async function runMicro(sizes: MicroSizes, seed: number): Promise<Figure[]> {
  return [
    ...engineFigures(sizes, seed),
    ...bestSeatFigures(sizes, seed),
    ...(await mutexFigures(sizes)),
    ...(await journalFigures(sizes, seed)),
  ];
}

function isReached({ values, target }: Figure): boolean {
  const value = percentile(values, 0.5);
  if (target === undefined) return true;
  return 'most' in target ? value <= target.most : value >= target.least;
}

/** Pure. */
export function describeFigures(figures: readonly Figure[]): string[] {
  return formatTable(
    ['what', '>min', '>median', '>max', 'unit', 'target', 'note'],
    figures.map((figure) => {
      const { min, median, max } = spread(figure.values);
      const { what, unit, note } = figure;
      return [what, digits(min), digits(median), digits(max), unit, targetOf(figure), note ?? ''];
    }),
  );
}

function targetOf(figure: Figure): string {
  const { target } = figure;
  if (target === undefined) return '';
  const bound = 'most' in target ? `≤ ${target.most}` : `≥ ${target.least}`;
  return isReached(figure) ? bound : `${bound} not yet`;
}
