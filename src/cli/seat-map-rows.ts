/**
 * Draws rows of seats one letter a seat: centred, aligned by aisle, with the row's label on both sides.
 *
 *    A      · · · s    · · · ·       A      the block before the first aisle leans on that aisle,
 *    B  · · · s s s    · · · · · ·   B      the one after the last aisle likewise
 *
 * Rows with as many aisles as each other share their aisles; others are centred on their own. Pure.
 */
import { glyphOf } from './paint.ts';
import type { Paint } from './style.ts';
import { padStart } from './text-width.ts';
import { WHEELCHAIR } from './seat-map-model.ts';
import type { MapRow, MapSeat } from './seat-map-model.ts';

interface Spacing {
  /** Columns from one seat to the next. */
  readonly step: number;
  /** Columns of an aisle. */
  readonly aisle: number;
}

const SPACINGS: readonly Spacing[] = [
  { step: 2, aisle: 4 },
  { step: 1, aisle: 2 },
];

/** Columns of the blocks of rows that have the same number of aisles. */
interface Alignment {
  readonly widths: readonly number[];
  readonly total: number;
}

/** Lines no wider than `width`, or null when the widest row does not fit even without spaces. */
export function drawRows(rows: readonly MapRow[], width: number, paint: Paint): string[] | null {
  const labelWidth = rows.reduce((widest, row) => Math.max(widest, row.id.length), 0);
  for (const spacing of SPACINGS) {
    const alignments = alignRows(rows, spacing);
    const bodyWidth = Math.max(0, ...[...alignments.values()].map((alignment) => alignment.total));
    const lineWidth = bodyWidth + 2 * (labelWidth + 2);
    if (lineWidth > width) continue;
    const margin = ' '.repeat((width - lineWidth) >> 1);
    return rows.map((row) => {
      const alignment = alignments.get(row.blocks.length)!;
      const label = paint('faint', padStart(row.id, labelWidth));
      const right = paint('faint', row.id);
      return `${margin}${label}  ${drawBody(row, alignment, bodyWidth, spacing, paint)}  ${right}`;
    });
  }
  return null;
}

function alignRows(rows: readonly MapRow[], spacing: Spacing): Map<number, Alignment> {
  const widths = new Map<number, number[]>();
  for (const row of rows) {
    const columns = widths.get(row.blocks.length) ?? row.blocks.map(() => 0);
    widths.set(row.blocks.length, columns);
    row.blocks.forEach((block, index) => {
      columns[index] = Math.max(columns[index], blockWidth(block.length, spacing));
    });
  }
  const alignments = new Map<number, Alignment>();
  for (const [count, columns] of widths) {
    const seats = columns.reduce((sum, column) => sum + column, 0);
    alignments.set(count, { widths: columns, total: seats + (count - 1) * spacing.aisle });
  }
  return alignments;
}

function blockWidth(seatCount: number, spacing: Spacing): number {
  return seatCount === 0 ? 0 : (seatCount - 1) * spacing.step + 1;
}

function drawBody(
  row: MapRow,
  alignment: Alignment,
  bodyWidth: number,
  spacing: Spacing,
  paint: Paint,
): string {
  const last = row.blocks.length - 1;
  const parts = row.blocks.map((block, index) => {
    const spare = alignment.widths[index] - blockWidth(block.length, spacing);
    const before = last === 0 ? spare >> 1 : index === 0 ? spare : index === last ? 0 : spare >> 1;
    return ' '.repeat(before) + drawBlock(block, spacing, paint) + ' '.repeat(spare - before);
  });
  const spare = bodyWidth - alignment.total;
  return ' '.repeat(spare >> 1) + parts.join(' '.repeat(spacing.aisle)) + ' '.repeat(spare - (spare >> 1));
}

/** Neighbours of one state are painted together: a full house costs a few escape codes a row, not one a seat. */
function drawBlock(block: readonly MapSeat[], spacing: Spacing, paint: Paint): string {
  const space = ' '.repeat(spacing.step - 1);
  const runs: string[] = [];
  let run: string[] = [];
  block.forEach((seat, index) => {
    run.push(glyphOf(seat.state, seat.features.includes(WHEELCHAIR)));
    if (block[index + 1]?.state === seat.state) return;
    runs.push(paint(seat.state, run.join(space)));
    run = [];
  });
  return runs.join(space);
}

/** One row with its seat numbers, wrapped to `width`; numbers above, states below. */
export function drawNumberedRow(row: MapRow, width: number, paint: Paint): string[] {
  const seats = row.blocks.flat();
  const cell = seats.reduce((widest, seat) => Math.max(widest, seat.number.length), 1) + 1;
  const lines: string[] = [];
  let numbers = '';
  let states = '';
  let used = 0;
  const flush = (): void => {
    if (used > 0) lines.push(paint('faint', numbers.trimEnd()), states.trimEnd(), '');
    numbers = states = '';
    used = 0;
  };
  row.blocks.forEach((block, index) => {
    if (index > 0 && used > 0 && used + 3 < width) {
      numbers += '   ';
      states += '   ';
      used += 3;
    }
    for (const seat of block) {
      if (used + cell > width) flush();
      const glyph = glyphOf(seat.state, seat.features.includes(WHEELCHAIR));
      numbers += padStart(seat.number, cell);
      states += ' '.repeat(cell - 1) + paint(seat.state, glyph);
      used += cell;
    }
  });
  flush();
  return lines.slice(0, -1);
}
