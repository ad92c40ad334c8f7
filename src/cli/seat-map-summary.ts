/**
 * Draws a section too large for one letter a seat: a bar and counts for each row, or for bands of rows
 * where even a line a row is too much. Pure.
 */
import { bar } from './paint.ts';
import type { Paint } from './style.ts';
import { formatCount } from './format.ts';
import { padEnd, padStart } from './text-width.ts';
import { sumCounts } from './seat-map-model.ts';
import type { MapRow } from './seat-map-model.ts';
import type { PlaceCounts } from '../client/index.ts';

const COLUMNS = ['available', 'held', 'sold', 'blocked'] as const;
const BAR_MIN = 4;

/** At most `linesMax` lines under a header; none is wider than `width`, which must be 40 or more. */
export function drawSummary(
  rows: readonly MapRow[],
  width: number,
  linesMax: number,
  paint: Paint,
): string[] {
  const bands = bandRows(rows, linesMax);
  const labelWidth = Math.max(3, ...bands.map((band) => band.label.length));
  const columns = COLUMNS.map((name) => ({
    name,
    width: Math.max(name.length, ...bands.map((band) => formatCount(band.counts[name]).length)),
  }));
  // A narrow terminal loses columns from the right before the bar becomes unreadable.
  while (columns.length > 1 && width - spent(labelWidth, columns) < BAR_MIN) columns.pop();
  const barWidth = Math.max(0, width - spent(labelWidth, columns));
  const titles = columns.map((column) => padStart(column.name, column.width)).join('  ');
  const header = `${padEnd('row', labelWidth)}  ${' '.repeat(barWidth)}  ${titles}`;
  return [
    paint('faint', header),
    ...bands.map((band) => {
      const counts = columns
        .map((column) => padStart(formatCount(band.counts[column.name]), column.width))
        .join('  ');
      return `${padEnd(band.label, labelWidth)}  ${padBar(band.counts, barWidth, paint)}  ${counts}`;
    }),
  ];
}

function spent(labelWidth: number, columns: readonly { readonly width: number }[]): number {
  return labelWidth + 2 + columns.reduce((sum, column) => sum + column.width + 2, 0);
}

/** A row without seats has an empty bar, which must still take its columns. */
function padBar(counts: PlaceCounts, width: number, paint: Paint): string {
  return counts.capacity === 0 ? ' '.repeat(width) : bar(counts, width, paint);
}

interface Band {
  readonly label: string;
  readonly counts: PlaceCounts;
}

function bandRows(rows: readonly MapRow[], linesMax: number): Band[] {
  const size = Math.max(1, Math.ceil(rows.length / linesMax));
  const bands: Band[] = [];
  for (let start = 0; start < rows.length; start += size) {
    const band = rows.slice(start, start + size);
    const first = band[0].id;
    const last = band.at(-1)!.id;
    bands.push({
      label: first === last ? first : `${first}–${last}`,
      counts: sumCounts(band.map((row) => row.counts)),
    });
  }
  return bands;
}
