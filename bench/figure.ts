/** One measured figure of a benchmark, what DESIGN §8 wants of it, and the table that people read. Pure. */
import { formatTable } from '../src/cli/format.ts';
import type { AuditCheck } from '../src/cli/load-audit.ts';
import { digits, percentile, spread } from './figures.ts';
import type { Bound, RowId } from './targets.ts';

export interface Figure {
  readonly what: string;
  /** Each time it was taken; the median counts, and the best says what the machine can when it is left alone. */
  readonly values: readonly number[];
  readonly unit: string;
  /** The bound, in the same unit. */
  readonly target?: Bound;
  readonly note?: string;
  /** The row of DESIGN §8 that it answers, if any. */
  readonly row?: RowId;
  /** Why it says nothing about that row: `50,000 live holds` where the row asks for more. */
  readonly short?: string;
}

/** What a part of the bench has to say. */
export interface PartReport {
  readonly figures: readonly Figure[];
  /** Details for people, below the tables. */
  readonly lines: readonly string[];
  readonly checks: readonly AuditCheck[];
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
      return [what, digits(min), digits(median), digits(max), unit, describeTarget(figure), note ?? ''];
    }),
  );
}

/** `≥ 3`, and whether it is reached; empty where there is none. */
export function describeTarget(figure: Figure): string {
  const { target } = figure;
  if (target === undefined) return '';
  const bound = 'most' in target ? `≤ ${target.most}` : `≥ ${target.least}`;
  return isReached(figure) ? bound : `${bound} not yet`;
}
