/** Money, times, counts and tables as people read them. Pure. */
import type { Paint, Style } from './style.ts';
import { padEnd, textWidth, truncate } from './text-width.ts';

/** Made when the first count is told: making it takes 20 ms, which most commands need not wait for. */
let whole: Intl.NumberFormat | null = null;

export function formatCount(count: number): string {
  whole ??= new Intl.NumberFormat('en-US');
  return whole.format(count);
}

/** Minor units to text, by the currency's ISO 4217 exponent: 4500 EUR → `EUR 45.00`, 4500 JPY → `JPY 4,500`. */
export function formatMoney(minor: number | null, currency: string | null): string {
  if (minor === null || currency === null) return 'no price';
  const digits = exponentOf(currency);
  const amount = new Intl.NumberFormat('en-US', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
  return `${currency} ${amount.format(minor / 10 ** digits)}`;
}

/** For programs: 4500 EUR → `45.00`. Exact: made of digits, not by a division. */
export function decimalMoney(minor: number, currency: string): string {
  const digits = exponentOf(currency);
  if (digits === 0) return String(minor);
  const text = String(minor).padStart(digits + 1, '0');
  return `${text.slice(0, -digits)}.${text.slice(-digits)}`;
}

function exponentOf(currency: string): number {
  try {
    return (
      new Intl.NumberFormat('en-US', { style: 'currency', currency }).resolvedOptions()
        .maximumFractionDigits ?? 2
    );
  } catch {
    return 2;
  }
}

/** `2027-01-15 20:00 Europe/Berlin`: the time on the clock where the event is. */
export function formatTime(time: string, timeZone = 'UTC'): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return time;
  try {
    const format = { dateStyle: 'short', timeStyle: 'short', timeZone } as const;
    return `${new Intl.DateTimeFormat('sv-SE', format).format(date)} ${timeZone}`;
  } catch {
    return time;
  }
}

/** `4 min 59 s`, `42 s`, `over`. */
export function formatDuration(ms: number): string {
  if (ms <= 0) return 'over';
  const seconds = Math.ceil(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600)
    return `${Math.floor(seconds / 60)} min${seconds % 60 === 0 ? '' : ` ${seconds % 60} s`}`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

/** A cell's text, or text with the style it is painted in where there is colour. */
export type Cell = string | readonly [text: string, style: Style];

export interface TableLook {
  readonly paint: Paint;
  /** Columns there are: what does not fit is cut from the last cell of a line. */
  readonly width: number;
}

const PLAIN: TableLook = { paint: (_style, text) => text, width: Infinity };
const LAST_WIDTH_MIN = 12;

/**
 * Columns two spaces apart. A header may begin with marks: `>` aligns to the right, `?` says that the column may go
 * where there is no room for all. No line ends in spaces.
 */
export function formatTable(
  headers: readonly string[],
  rows: readonly (readonly Cell[])[],
  look: TableLook = PLAIN,
): string[] {
  const titles = headers.map((header): Cell => [header.replace(/^[>?]+/, ''), 'faint']);
  const lines = [titles, ...rows];
  const columns = headers.map((header, index) => ({
    index,
    isRight: /^\??>/.test(header),
    mayGo: /^>?\?/.test(header),
    width: lines.reduce((widest, line) => Math.max(widest, textWidth(textOf(line[index]))), 0),
  }));
  fitColumns(columns, look.width);
  return lines.map((line) => {
    const cells = columns.map(({ index, isRight, width }, place) => {
      const text = truncate(textOf(line[index]), width);
      const space = ' '.repeat(width - textWidth(text));
      const painted = look.paint(styleOf(line[index]), text);
      const hasMore = columns.slice(place + 1).some((column) => textOf(line[column.index]) !== '');
      return isRight ? space + painted : hasMore ? painted + space : painted;
    });
    return cells.join('  ').trimEnd();
  });
}

/** Takes columns that may go away, from the right, and narrows the last one, until a line fits if it can. */
function fitColumns(columns: { readonly mayGo: boolean; width: number }[], width: number): void {
  const over = (): number => columns.reduce((sum, column) => sum + column.width + 2, -2) - width;
  const last = columns.at(-1);
  if (last === undefined) return;
  const narrowed = (): number => Math.max(0, last.width - LAST_WIDTH_MIN);
  for (let index = columns.length - 2; index > 0 && over() > narrowed(); index--) {
    if (columns[index].mayGo) columns.splice(index, 1);
  }
  if (over() > narrowed() && columns.length > 1 && last.mayGo) columns.pop();
  else if (over() > 0) last.width -= Math.min(over(), narrowed());
}

function textOf(cell: Cell | undefined): string {
  return typeof cell === 'string' ? cell : (cell?.[0] ?? '');
}

function styleOf(cell: Cell | undefined): Style {
  return typeof cell === 'string' || cell === undefined ? 'plain' : cell[1];
}

/** Label and value, labels padded alike. */
export function formatFields(
  fields: readonly (readonly [label: string, value: Cell])[],
  paint: Paint = PLAIN.paint,
): string[] {
  const width = fields.reduce((widest, [label]) => Math.max(widest, label.length), 0);
  return fields.map(([label, value]) => {
    const text = paint(styleOf(value), textOf(value));
    return `${paint('faint', padEnd(label, width))}  ${text}`.trimEnd();
  });
}

/** Safe in a shell as it stands, or in single quotes: what is printed to be pasted must work. */
export function shellWord(text: string): string {
  return /^[A-Za-z0-9_./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
