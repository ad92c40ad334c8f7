/** Money, times, counts and tables as people read them. Pure. */
import { padEnd, padStart, textWidth } from './text-width.ts';

const whole = new Intl.NumberFormat('en-US');

export function formatCount(count: number): string {
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

/** Columns two spaces apart; a header starting with `>` is right-aligned. No line ends in spaces. */
export function formatTable(headers: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const right = headers.map((header) => header.startsWith('>'));
  const titles = headers.map((header) => header.replace(/^>/, ''));
  const widths = titles.map((title, column) =>
    rows.reduce((widest, row) => Math.max(widest, textWidth(row[column] ?? '')), textWidth(title)),
  );
  return [titles, ...rows].map((row) =>
    widths
      .map((width, column) => (right[column] === true ? padStart : padEnd)(row[column] ?? '', width))
      .join('  ')
      .trimEnd(),
  );
}

/** Label and value, labels padded alike. */
export function formatFields(fields: readonly (readonly [label: string, value: string])[]): string[] {
  const width = fields.reduce((widest, [label]) => Math.max(widest, label.length), 0);
  return fields.map(([label, value]) => `${padEnd(label, width)}  ${value}`.trimEnd());
}

/** Safe in a shell as it stands, or in single quotes: what is printed to be pasted must work. */
export function shellWord(text: string): string {
  return /^[A-Za-z0-9_./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
