/**
 * Orders as CSV: one line a ticket. Pure.
 *
 * Form: RFC 4180. Spreadsheets run a cell that begins like a formula, even a quoted one, and customers, references and
 * metadata come from outside: so such a text gets an apostrophe before it, as OWASP advises (CSV injection).
 */
import type { Order, Ticket } from '../client/index.ts';
import { decimalMoney } from './format.ts';

type Column = readonly [name: string, value: (order: Order, ticket: Ticket) => string | number | null];

/** Programs find columns by their place: new ones come last, and none goes. */
const COLUMNS: readonly Column[] = [
  ['order', (order) => order.id],
  ['ticket', (_order, ticket) => ticket.id],
  ['event', (order) => order.event],
  ['orderState', (order) => order.state],
  ['ticketState', (_order, ticket) => ticket.state],
  ['customer', (order) => order.customer],
  ['reference', (order) => order.reference],
  ['section', (_order, ticket) => ticket.section],
  ['seat', (_order, ticket) => ticket.seat ?? null],
  ['type', (_order, ticket) => ticket.type],
  ['price', (order, ticket) => decimalPrice(ticket.price, order.currency)],
  ['priceMinor', (_order, ticket) => ticket.price],
  ['currency', (order) => order.currency],
  ['createdAt', (order) => order.createdAt],
  ['updatedAt', (order) => order.updatedAt],
  ['sequence', (order) => order.sequence],
  ['hold', (order) => order.hold],
  ['metadata', (order) => metadataText(order)],
];

export function csvHeader(): string {
  return `${COLUMNS.map(([name]) => name).join(',')}\r\n`;
}

/** The lines of an order's tickets. With `guarded` no cell is a formula to a spreadsheet. */
export function csvLines(order: Order, guarded: boolean): string {
  const lines = order.tickets.map((ticket) =>
    COLUMNS.map(([, valueOf]) => cellText(valueOf(order, ticket), guarded)).join(','),
  );
  return lines.map((line) => `${line}\r\n`).join('');
}

function cellText(value: string | number | null, guarded: boolean): string {
  if (value === null) return '';
  const text = typeof value === 'string' && guarded && isFormula(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Full-width signs count, too: some spreadsheets take them for their narrow twins. */
function isFormula(text: string): boolean {
  return /^[=+\-@\t\r\n＝＋－＠]/.test(text);
}

function decimalPrice(price: number | null, currency: string | null): string | null {
  return price === null || currency === null ? null : decimalMoney(price, currency);
}

function metadataText(order: Order): string | null {
  const text = JSON.stringify(order.metadata);
  return text === '{}' ? null : text;
}
