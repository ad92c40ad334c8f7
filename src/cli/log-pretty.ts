/**
 * Log lines as people read them: `12:30:01.250 WARN  requests are turned away  refused={"overloaded":12}`.
 * Stands between pino, which writes a line of JSON at a time, and the terminal. What a line holds may come from
 * anywhere, so nothing in it reaches the terminal that the terminal would act on.
 */
import type { Paint, Style } from './style.ts';
import { cleanText } from './text-width.ts';

const LEVELS: Readonly<Record<number, readonly [name: string, style: Style]>> = {
  10: ['TRACE', 'faint'],
  20: ['DEBUG', 'faint'],
  30: ['INFO ', 'a'],
  40: ['WARN ', 'h'],
  50: ['ERROR', 's'],
  60: ['FATAL', 's'],
};
/** Told by the line as a whole, or not worth telling. */
const LEFT_OUT = new Set(['level', 'time', 'msg', 'pid', 'hostname', 'err']);

/** A stream for pino. */
export function prettyStream(out: NodeJS.WritableStream, paint: Paint): { write(line: string): void } {
  return { write: (line) => void out.write(prettyLine(line, paint)) };
}

/** What is no JSON object comes back as it is, made fit. */
function prettyLine(line: string, paint: Paint): string {
  const record = parse(line);
  if (record === null) return `${cleanText(line.trimEnd())}\n`;
  const { level, time, msg, err } = record;
  const [name, style] = LEVELS[Number(level)] ?? ['     ', 'plain'];
  const fields = Object.entries(record).filter(([key]) => !LEFT_OUT.has(key));
  const parts = [
    paint('faint', clock(time)),
    paint(style, name),
    cleanText(typeof msg === 'string' ? msg : ''),
    ...fields.map(([key, value]) => `${paint('faint', `${cleanText(key)}=`)}${valueText(value)}`),
  ];
  return `${parts.filter((part) => part !== '').join(' ')}\n${errorLines(err)}`;
}

function parse(line: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

/** Local time: whoever reads along has a clock on the wall. */
function clock(time: unknown): string {
  const date = new Date(Number(time));
  if (Number.isNaN(date.getTime())) return '';
  const two = (value: number): string => String(value).padStart(2, '0');
  const ms = String(date.getMilliseconds()).padStart(3, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${ms}`;
}

function valueText(value: unknown): string {
  if (typeof value === 'string' && /^[^\s"=]+$/.test(value)) return cleanText(value);
  return cleanText(JSON.stringify(value));
}

/** The stack and its causes, below the line. */
function errorLines(err: unknown): string {
  if (typeof err !== 'object' || err === null) return '';
  const { stack, message } = err as { stack?: unknown; message?: unknown };
  const text = typeof stack === 'string' ? stack : typeof message === 'string' ? message : '';
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line) => `    ${cleanText(line)}\n`).join('');
}
