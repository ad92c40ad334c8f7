/** Interleaved pairs of runs, baseline and Frontrow, and what each used of the machine. */
import type { Child } from './child.ts';
import type { Figure } from './figure.ts';
import type { HammerResult } from './hammer.ts';
import { ROWS } from './targets.ts';
import type { Row, RowId } from './targets.ts';

export interface Run extends HammerResult {
  /** User and system time of the server for one reply. */
  readonly cpuMicrosPerReply: number;
  /** Journal groups synced under way. */
  readonly groups: number;
}

export interface Pair {
  readonly baseline: Run;
  readonly frontrow: Run;
}

/** One line of the table. */
export interface Line {
  readonly what: string;
  readonly hammer: 'wrk' | 'autocannon';
  readonly connections: number;
  readonly pairs: readonly Pair[];
  /** The row of DESIGN §8 that the ratios answer, if any. */
  readonly row: RowId | null;
}

export function perSecond(run: HammerResult): number {
  return run.replies / run.seconds;
}

export function ratios(pairs: readonly Pair[]): number[] {
  return pairs.map(({ baseline, frontrow }) => perSecond(frontrow) / perSecond(baseline));
}

/** The ratios of a line as a figure. */
export function ratioFigure({ what, hammer, connections, pairs, row }: Line): Figure {
  const target = boundOf(row);
  return {
    what: `${what}, ${connections} connections, ${hammer}`,
    values: ratios(pairs),
    unit: '× baseline',
    ...(row !== null && { row }),
    ...(target !== null && { target }),
  };
}

export function boundOf(row: RowId | null): Row['bound'] {
  return row === null ? null : (ROWS[row] as Row).bound;
}

export async function measure<T extends HammerResult>(
  child: Child,
  hammer: () => Promise<T>,
): Promise<T & Run> {
  const before = await child.usage();
  const result = await hammer();
  const after = await child.usage();
  return {
    ...result,
    cpuMicrosPerReply: (after.cpuMicros - before.cpuMicros) / Math.max(1, result.replies),
    groups: after.groups - before.groups,
  };
}
