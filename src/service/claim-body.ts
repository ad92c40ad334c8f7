/**
 * Bodies of holds, orders, confirmations and cancellations → engine commands, with names turned into indices.
 */
import { CUSTOMER_BYTES_MAX, PLACES_PER_CLAIM_MAX, REFERENCE_BYTES_MAX } from '../core/limits.ts';
import type { FieldError } from '../core/problems.ts';
import type { SeatMap } from '../engine/definition.ts';
import type { WantedItem } from '../engine/hold.ts';
import { bodyParser, invalid, type Parsed } from './parse.ts';
import { CancelBody, ConfirmBody, CreateHoldBody, CreateOrderBody, type Item } from './schemas.ts';

export const parseHoldBody = bodyParser<CreateHoldBody>(CreateHoldBody, false);
export const parseOrderBody = bodyParser<CreateOrderBody>(CreateOrderBody, false);
export const parseConfirmBody = bodyParser<ConfirmBody>(ConfirmBody, true);
export const parseCancelBody = bodyParser<CancelBody>(CancelBody, true);

const NO_BYTES = new Uint8Array(0);
const utf8 = new TextEncoder();

export interface ClaimInput {
  readonly items: readonly WantedItem[];
  readonly customer: Uint8Array;
  readonly reference: Uint8Array | null;
}

/** Names of a claim's body → indices and bytes, or all that is wrong with them. */
export function readClaimBody(
  body: {
    readonly items: readonly Item[];
    readonly customer?: string | null;
    readonly reference?: string | null;
  },
  map: SeatMap,
): Parsed<ClaimInput> {
  const errors: FieldError[] = [];
  const items: WantedItem[] = [];
  const seats = new Set<number>();
  let places = 0;
  for (let i = 0; i < body.items.length; i++) {
    const item = readItem(body.items[i], `/items/${i}`, map, seats, errors);
    if (item === null) continue;
    items.push(item);
    places += item.kind === 'seat' ? 1 : item.quantity;
  }
  const limit = Math.min(PLACES_PER_CLAIM_MAX, map.definition.limits.ticketsPerHold);
  if (places > limit) {
    errors.push({
      pointer: '/items',
      code: 'too-many',
      detail: `${places} places, at most ${limit} at once`,
    });
  }
  const customer = readText(body.customer, '/customer', CUSTOMER_BYTES_MAX, errors);
  const reference = readText(body.reference, '/reference', REFERENCE_BYTES_MAX, errors);
  if (errors.length > 0) return invalid(errors);
  return { ok: true, value: { items, customer: customer ?? NO_BYTES, reference } };
}

function readItem(
  item: Item,
  pointer: string,
  map: SeatMap,
  seats: Set<number>,
  errors: FieldError[],
): WantedItem | null {
  const fail = (at: string, code: string, detail: string): null => {
    errors.push({ pointer: pointer + at, code, detail });
    return null;
  };
  if ((item.seat === undefined) === (item.section === undefined)) {
    return fail('', 'bad-value', 'an item names a seat, or a section and a quantity');
  }
  if (item.seat !== undefined) {
    if (item.quantity !== undefined) return fail('/quantity', 'bad-value', 'a seat has no quantity');
    if (item.adjacent !== undefined) return fail('/adjacent', 'bad-value', 'a named seat is what it is');
    const seat = map.seat(item.seat);
    if (seat < 0) return fail('/seat', 'unknown-seat', `there is no seat ${item.seat}`);
    if (seats.has(seat)) return fail('/seat', 'duplicate', `seat ${item.seat} is named twice`);
    seats.add(seat);
    return { kind: 'seat', seat };
  }
  const section = map.section(item.section ?? '');
  if (section < 0) return fail('/section', 'unknown-section', `there is no section ${item.section}`);
  if (item.quantity === undefined) return fail('/quantity', 'missing', 'a section needs a quantity');
  const isGeneral = map.definition.sections[section].kind === 'general';
  if (isGeneral && item.adjacent !== undefined) {
    return fail('/adjacent', 'bad-value', 'places of a general section are not adjacent');
  }
  return { kind: 'places', section, quantity: item.quantity, adjacent: item.adjacent === 'required' };
}

function readText(
  text: string | null | undefined,
  pointer: string,
  bytesMax: number,
  errors: FieldError[],
): Uint8Array | null {
  if (text === null || text === undefined) return null;
  const bytes = utf8.encode(text);
  if (bytes.length <= bytesMax) return bytes;
  const name = pointer.slice(1);
  errors.push({
    pointer,
    code: 'out-of-range',
    detail: `${name} has ${bytes.length} bytes, at most ${bytesMax}`,
  });
  return null;
}

/** The reference of a confirmation. */
export function readReference(reference: string | null | undefined): Parsed<Uint8Array | null> {
  const errors: FieldError[] = [];
  const bytes = readText(reference, '/reference', REFERENCE_BYTES_MAX, errors);
  return errors.length > 0 ? invalid(errors) : { ok: true, value: bytes };
}

/** Ticket ids of an order with this suffix → zero-based tickets. `count` is how many the order has. */
export function readTickets(
  ids: readonly string[] | undefined,
  suffix: string,
  count: number,
): Parsed<readonly number[] | null> {
  if (ids === undefined) return { ok: true, value: null };
  const errors: FieldError[] = [];
  const tickets: number[] = [];
  const prefix = `ticket_${suffix}_`;
  ids.forEach((id, i) => {
    const number =
      id.startsWith(prefix) && /^[1-9]\d{0,2}$/.test(id.slice(prefix.length)) ? id.slice(prefix.length) : '';
    if (number === '' || Number(number) > count) {
      errors.push({
        pointer: `/tickets/${i}`,
        code: 'unknown-ticket',
        detail: `${id} is no ticket of this order`,
      });
    } else {
      tickets.push(Number(number) - 1);
    }
  });
  return errors.length > 0 ? invalid(errors) : { ok: true, value: tickets };
}
