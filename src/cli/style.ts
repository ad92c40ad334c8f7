/** Colours, by what they mean: one table for the seat map, tables and fields. Pure. */
import { styleText } from 'node:util';
import type { SeatLetter } from '../client/index.ts';

export type Style = 'plain' | 'strong' | 'faint' | SeatLetter;
export type Paint = (style: Style, text: string) => string;

const FORMATS = {
  strong: 'bold',
  faint: 'dim',
  a: 'green',
  h: 'yellow',
  s: 'red',
  b: 'gray',
} as const;

/** With `color` off the text comes back as it is: the words alone must say everything. */
export function painter(color: boolean): Paint {
  if (!color) return (_style, text) => text;
  // validateStream would look at process.stdout; whether there is colour was decided before.
  return (style, text) =>
    style === 'plain' || text === '' ? text : styleText(FORMATS[style], text, { validateStream: false });
}

/** Words for states of events, holds, orders, tickets and seats, in the colours that seats have. */
const STATE_STYLES: Readonly<Record<string, Style>> = {
  draft: 'faint',
  open: 'a',
  paused: 'h',
  closed: 's',
  archived: 'faint',
  held: 'h',
  confirmed: 'a',
  released: 'faint',
  expired: 'faint',
  valid: 'a',
  cancelled: 's',
  available: 'a',
  sold: 's',
  blocked: 'b',
};

/** A state as a cell of a table or the value of a field. */
export function stateCell(state: string): readonly [text: string, style: Style] {
  return [state, STATE_STYLES[state] ?? 'plain'];
}
