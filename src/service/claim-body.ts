/**
 * Bodies of the calls about claims → what the engine's commands take, with names turned into indices.
 */
import {
  CUSTOMER_BYTES_MAX,
  PLACES_PER_CLAIM_MAX,
  REASON_BYTES_MAX,
  REFERENCE_BYTES_MAX,
} from '../core/limits.ts';
import type { FieldError } from '../core/problems.ts';
import type { RemovedItem } from '../engine/change.ts';
import type { SeatMap } from '../engine/definition.ts';
import type { Note } from '../engine/note.ts';
import type { WantedItem } from '../engine/plan-items.ts';
import { readMetadata } from './definition-rules.ts';
import { bodyParser, invalid, type Parsed } from './parse.ts';
import {
  CancelBody,
  ChangeBody,
  ConfirmBody,
  CreateHoldBody,
  CreateOrderBody,
  ExtendBody,
  type Item,
  type RemoveItem,
} from './schemas.ts';

export const parseHoldBody = bodyParser<CreateHoldBody>(CreateHoldBody, false);
export const parseOrderBody = bodyParser<CreateOrderBody>(CreateOrderBody, false);
export const parseConfirmBody = bodyParser<ConfirmBody>(ConfirmBody, true);
export const parseCancelBody = bodyParser<CancelBody>(CancelBody, true);
export const parseChangeBody = bodyParser<ChangeBody>(ChangeBody, false);
export const parseExtendBody = bodyParser<ExtendBody>(ExtendBody, false);

const NO_BYTES = new Uint8Array(0);
const utf8 = new TextEncoder();

export interface ClaimInput {
  readonly items: readonly WantedItem[];
  /** How many places the items are. */
  readonly places: number;
  readonly customer: Uint8Array;
  readonly note: Note | null;
}

/** Names of a claim's body → indices and bytes, or all that is wrong with them. */
export function readClaimBody(body: CreateOrderBody, map: SeatMap): Parsed<ClaimInput> {
  const errors: FieldError[] = [];
  const { items, places } = readItems(body.items, '/items', map, errors);
  const customer = readText(body.customer, '/customer', CUSTOMER_BYTES_MAX, errors) ?? NO_BYTES;
  const { ticketsPerCustomer, holdsPerCustomer } = map.definition.limits;
  if (customer.length === 0 && (ticketsPerCustomer !== null || holdsPerCustomer !== null)) {
    const detail = `event ${map.definition.id} limits what a customer may have, so a claim names its customer`;
    errors.push({ pointer: '/customer', code: 'missing', detail });
  }
  const note = readNote(body, NO_BYTES, errors);
  if (errors.length > 0) return invalid(errors);
  return { ok: true, value: { items, places, customer, note } };
}

function readItems(
  input: readonly Item[],
  pointer: string,
  map: SeatMap,
  errors: FieldError[],
): { items: WantedItem[]; places: number } {
  const items: WantedItem[] = [];
  const seats = new Set<number>();
  let places = 0;
  for (let i = 0; i < input.length; i++) {
    const item = readItem(input[i], `${pointer}/${i}`, map, seats, errors);
    if (item === null) continue;
    items.push(item);
    places += item.kind === 'seat' ? 1 : item.quantity;
  }
  const limit = Math.min(PLACES_PER_CLAIM_MAX, map.definition.limits.ticketsPerHold);
  if (places > limit) {
    errors.push({ pointer, code: 'too-many', detail: `${places} places, at most ${limit} at once` });
  }
  return { items, places };
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
    const section = map.sectionOf(seat);
    const price = map.price(section, item.type);
    if (price === null) return failType(item.type, section, pointer, map, errors);
    return { kind: 'seat', seat, section, type: price.type, priceWord: price.priceWord };
  }
  const section = map.section(item.section ?? '');
  if (section < 0) return fail('/section', 'unknown-section', `there is no section ${item.section}`);
  const { quantity } = item;
  if (quantity === undefined) return fail('/quantity', 'missing', 'a section needs a quantity');
  const isGeneral = map.definition.sections[section].kind === 'general';
  if (isGeneral && item.adjacent !== undefined) {
    return fail('/adjacent', 'bad-value', 'places of a general section are not adjacent');
  }
  const price = map.price(section, item.type);
  if (price === null) return failType(item.type, section, pointer, map, errors);
  const { type, priceWord } = price;
  return { kind: 'places', section, quantity, adjacent: item.adjacent === 'required', type, priceWord };
}

/** Says what price types a section has, to who named another or none. */
function failType(
  type: string | undefined,
  section: number,
  pointer: string,
  map: SeatMap,
  errors: FieldError[],
): null {
  const names = map.prices(section).map(({ name }) => name);
  const of = `section ${map.definition.sections[section].id} has ${names.join(', ')}`;
  const [code, detail] =
    type === undefined
      ? ['missing', `a price type is needed: ${of}`]
      : ['unknown-type', `there is no price type ${type} here: ${of}`];
  errors.push({ pointer: `${pointer}/type`, code, detail });
  return null;
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
  const detail = `${pointer.slice(1)} has ${bytes.length} bytes, at most ${bytesMax}`;
  errors.push({ pointer, code: 'out-of-range', detail });
  return null;
}

interface NoteInput {
  readonly reference?: string | null;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** Reference and metadata; null where there is neither. `empty` stands for metadata without a member. */
function readNote(input: NoteInput, empty: Uint8Array, errors: FieldError[]): Note | null {
  const reference = readText(input.reference, '/reference', REFERENCE_BYTES_MAX, errors) ?? NO_BYTES;
  const isEmpty = input.metadata !== undefined && Object.keys(input.metadata).length === 0;
  const metadata = isEmpty ? empty : readMetadata(input.metadata, errors);
  return reference.length + metadata.length === 0 ? null : { reference, metadata };
}

const EMPTY_OBJECT = utf8.encode('{}');

/** What a confirmation adds to its hold: `{}` clears the hold's metadata, what is left out leaves it. */
export function readConfirmNote(body: ConfirmBody): Parsed<Note | null> {
  const errors: FieldError[] = [];
  const note = readNote(body, EMPTY_OBJECT, errors);
  return errors.length > 0 ? invalid(errors) : { ok: true, value: note };
}

/** The reason of a block or a cancellation; empty for none. */
export function readReason(reason: string | null | undefined): Parsed<Uint8Array> {
  const errors: FieldError[] = [];
  const bytes = readText(reason, '/reason', REASON_BYTES_MAX, errors) ?? NO_BYTES;
  return errors.length > 0 ? invalid(errors) : { ok: true, value: bytes };
}

export interface ChangeInput {
  readonly add: readonly WantedItem[];
  readonly remove: readonly RemovedItem[];
  /** How many places are added. */
  readonly places: number;
}

export function readChangeBody(body: ChangeBody, map: SeatMap): Parsed<ChangeInput> {
  const errors: FieldError[] = [];
  if (body.add === undefined && body.remove === undefined) {
    return invalid([{ pointer: '', code: 'missing', detail: 'a change has add, remove, or both' }]);
  }
  const { items, places } = readItems(body.add ?? [], '/add', map, errors);
  const remove: RemovedItem[] = [];
  const seats = new Set<number>();
  (body.remove ?? []).forEach((item, i) => {
    const removed = readRemoved(item, `/remove/${i}`, map, seats, errors);
    if (removed !== null) remove.push(removed);
  });
  if (errors.length > 0) return invalid(errors);
  return { ok: true, value: { add: items, remove, places } };
}

function readRemoved(
  item: RemoveItem,
  pointer: string,
  map: SeatMap,
  seats: Set<number>,
  errors: FieldError[],
): RemovedItem | null {
  const fail = (at: string, code: string, detail: string): null => {
    errors.push({ pointer: pointer + at, code, detail });
    return null;
  };
  if ((item.seat === undefined) === (item.section === undefined)) {
    return fail('', 'bad-value', 'an item names a seat, or a section and a quantity');
  }
  if (item.seat !== undefined) {
    if (item.quantity !== undefined) return fail('/quantity', 'bad-value', 'a seat has no quantity');
    if (item.type !== undefined)
      return fail('/type', 'bad-value', 'a seat is removed whatever it was sold as');
    const seat = map.seat(item.seat);
    if (seat < 0) return fail('/seat', 'unknown-seat', `there is no seat ${item.seat}`);
    if (seats.has(seat)) return fail('/seat', 'duplicate', `seat ${item.seat} is named twice`);
    seats.add(seat);
    return { kind: 'seat', seat };
  }
  const section = map.section(item.section ?? '');
  if (section < 0) return fail('/section', 'unknown-section', `there is no section ${item.section}`);
  if (map.definition.sections[section].kind === 'seated') {
    return fail('/section', 'bad-value', 'of a seated section, name the seats that are to go');
  }
  const { quantity } = item;
  if (quantity === undefined) return fail('/quantity', 'missing', 'a section needs a quantity');
  // Any type that the event ever had: a hold keeps its type though the section may have it no more.
  const type = item.type === undefined ? -1 : map.definition.priceTypes.indexOf(item.type);
  if (item.type !== undefined && type < 0) {
    return fail('/type', 'unknown-type', `the event has no price type ${item.type}`);
  }
  return { kind: 'places', section, quantity, type };
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
    const number = id.startsWith(prefix) ? id.slice(prefix.length) : '';
    if (!/^[1-9]\d{0,2}$/.test(number) || Number(number) > count) {
      const detail = `${id} is no ticket of this order`;
      errors.push({ pointer: `/tickets/${i}`, code: 'unknown-ticket', detail });
    } else {
      tickets.push(Number(number) - 1);
    }
  });
  return errors.length > 0 ? invalid(errors) : { ok: true, value: tickets };
}
