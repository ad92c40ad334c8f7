/** DESIGN §8 row by row: what is wanted, what was measured, and what follows from it. Pure. */
import { formatTable } from '../src/cli/format.ts';
import { isReached } from './figure.ts';
import type { Figure } from './figure.ts';
import { digits, percentile, spread } from './figures.ts';
import type { Spread } from './figures.ts';
import type { Part } from './options.ts';
import { ROW_IDS, ROWS } from './targets.ts';
import type { Bound, Row, RowId } from './targets.ts';

export interface RowResult {
  readonly row: RowId;
  readonly what: string;
  readonly target: string;
  readonly verdict: 'reached' | 'not yet' | 'not measured';
  /** Why it was not measured; empty when it was. */
  readonly why: string;
  /** Of what was measured, also where it is too small to judge by. */
  readonly figure: (Spread & { readonly what: string; readonly unit: string }) | null;
}

/** What the run could measure. */
export interface Scope {
  readonly parts: readonly Part[];
  readonly hasWrk: boolean;
}

/** A row for each of DESIGN §8, whatever there are figures for. */
export function judgeRows(figures: readonly Figure[], scope: Scope): RowResult[] {
  return ROW_IDS.map((row) => {
    const { what, target, bound }: Row = ROWS[row];
    const own = figures.filter((figure) => figure.row === row);
    const sound = own.filter(({ short }) => short === undefined);
    const worst = (sound.length > 0 ? sound : own)
      .toSorted((a, b) => excess(b, bound) - excess(a, bound))
      .at(0);
    const { verdict, why } = judgeFigure(worst, row, scope);
    return { row, what, target, verdict, why, figure: worst === undefined ? null : shown(worst) };
  });
}

function judgeFigure(
  figure: Figure | undefined,
  row: RowId,
  scope: Scope,
): Pick<RowResult, 'verdict' | 'why'> {
  if (figure === undefined) return { verdict: 'not measured', why: whyNot(row, scope) };
  if (figure.short !== undefined) return { verdict: 'not measured', why: `only with ${figure.short}` };
  const { bound }: Row = ROWS[row];
  const judged = bound === null ? figure : { ...figure, target: bound };
  return { verdict: isReached(judged) ? 'reached' : 'not yet', why: '' };
}

function shown({ what, unit, values }: Figure): RowResult['figure'] {
  return { ...spread(values), what, unit };
}

/** How far a figure is on the wrong side: of several figures of a row the worst counts. */
function excess(figure: Figure, rowBound: Bound | null): number {
  const bound = rowBound ?? figure.target;
  const value = percentile(figure.values, 0.5);
  if (bound === undefined) return 0;
  return 'most' in bound ? value / bound.most : bound.least / value;
}

function whyNot(row: RowId, { parts, hasWrk }: Scope): string {
  const { part, needsWrk }: Row = ROWS[row];
  if (!parts.includes(part)) return `part ${part} was not run`;
  if (needsWrk === true && !hasWrk) return 'wrk is not installed';
  return `part ${part} did not give it`;
}

export function describeRows(rows: readonly RowResult[]): string[] {
  const count = (verdict: RowResult['verdict']): number =>
    rows.filter((result) => result.verdict === verdict).length;
  const reached = `${count('reached')} of ${rows.length} reached`;
  return [
    `the numbers to keep (DESIGN §8): ${reached}, ${count('not yet')} not yet, ${count('not measured')} not measured`,
    ...formatTable(
      ['what', 'target', '>min', '>median', '>max', 'unit', 'verdict'],
      rows.map(({ what, target, figure, verdict, why }) => [
        what,
        target,
        ...(figure === null ? ['', '', ''] : [figure.min, figure.median, figure.max].map(digits)),
        figure?.unit ?? '',
        why === '' ? verdict : `${verdict}: ${why}`,
      ]),
    ),
  ];
}
