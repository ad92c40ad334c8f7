/** One measured figure of a benchmark, what DESIGN §8 wants of it, and the table that people read. Pure. */
import { formatTable } from '../src/cli/format.ts';
import { digits, percentile, spread } from './figures.ts';

export interface Figure {
  readonly what: string;
  /** Each time it was taken; the median counts, and the best says what the machine can when it is left alone. */
  readonly values: readonly number[];
  readonly unit: string;
  /** The bound, in the same unit. */
  readonly target?: { readonly most: number } | { readonly least: number };
  readonly note?: string;
}

/** By the median; true where there is no target. */
export function isReached({ values, target }: Figure): boolean {
  const value = percentile(values, 0.5);
  if (target === undefined) return true;
  return 'most' in target ? value <= target.most : value >= target.least;
}

/** The table of figures, with their targets. */
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
