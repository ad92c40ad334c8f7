/**
 * What a definition must keep to beyond its schema, for a new event and for a change alike. Pure; faults go to a list.
 */
import { METADATA_BYTES_MAX, PLACES_PER_EVENT_MAX, PRICE_TYPES_PER_EVENT_MAX } from '../core/limits.ts';
import type { FieldError } from '../core/problems.ts';
import {
  STANDARD_PRICE,
  type CategoryDefinition,
  type EventDefinition,
  type SectionDefinition,
  type StoredRow,
} from '../engine/definition.ts';
import type { PatchEventBody, SectionBody } from './event-schemas.ts';
import { readRow, type SeatBudget } from './rows.ts';

const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?Z$/;

/** A time that the calendar has: Date takes 30 February for 2 March. */
function isTime(text: string): boolean {
  const date = new Date(text);
  if (!TIME.test(text) || Number.isNaN(date.getTime())) return false;
  const seconds = 'YYYY-MM-DDTHH:MM:SS'.length;
  return date.toISOString().slice(0, seconds) === text.slice(0, seconds);
}

function isTimeZone(name: string): boolean {
  try {
    return Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

type Given = Pick<PatchEventBody, 'startsAt' | 'timeZone' | 'salesFrom' | 'salesUntil' | 'metadata'>;
type Window = Pick<EventDefinition, 'salesFrom' | 'salesUntil'>;

/** Times, time zone and metadata, as far as they are given; `result` is what the event would have. */
export function checkPlain(given: Given, result: Window, errors: FieldError[]): void {
  for (const name of ['startsAt', 'salesFrom', 'salesUntil'] as const) {
    const text = given[name];
    if (text === undefined || text === null || isTime(text)) continue;
    const detail = `${name} is a time in UTC such as 2027-01-15T19:00:00Z (RFC 3339)`;
    errors.push({ pointer: `/${name}`, code: 'bad-format', detail });
  }
  if (given.timeZone !== undefined && !isTimeZone(given.timeZone)) {
    const detail = 'timeZone is an IANA name such as Europe/Berlin';
    errors.push({ pointer: '/timeZone', code: 'bad-value', detail });
  }
  const { salesFrom, salesUntil } = result;
  // A time that is none compares as false, and has its own fault.
  if (salesFrom !== null && salesUntil !== null && Date.parse(salesFrom) >= Date.parse(salesUntil)) {
    const name = given.salesUntil === undefined ? 'salesFrom' : 'salesUntil';
    const detail = `sales would run from ${salesFrom} until ${salesUntil}: the end must come after the start`;
    errors.push({ pointer: `/${name}`, code: 'out-of-range', detail });
  }
  readMetadata(given.metadata, errors);
}

/** The JSON text of metadata; empty for none. */
export function readMetadata(
  metadata: Readonly<Record<string, unknown>> | undefined,
  errors: FieldError[],
): Uint8Array {
  const bytes = Buffer.from(metadata === undefined ? '' : JSON.stringify(metadata));
  if (bytes.length > METADATA_BYTES_MAX) {
    const detail = `metadata has ${bytes.length} bytes as JSON, at most ${METADATA_BYTES_MAX}`;
    errors.push({ pointer: '/metadata', code: 'out-of-range', detail });
  }
  return bytes;
}

type EventLimits = EventDefinition['limits'];

/** Limits of a body laid over those that hold without it. */
export function readLimits(
  given: PatchEventBody['limits'],
  base: EventLimits,
  errors: FieldError[],
): EventLimits {
  const limits = { ...base, ...given };
  if (limits.maxHoldSeconds < limits.holdSeconds) {
    const name = given?.maxHoldSeconds === undefined ? 'holdSeconds' : 'maxHoldSeconds';
    const detail = `maxHoldSeconds, ${limits.maxHoldSeconds}, is less than holdSeconds, ${limits.holdSeconds}`;
    errors.push({ pointer: `/limits/${name}`, code: 'out-of-range', detail });
  }
  return limits;
}

type CategoryInput = NonNullable<PatchEventBody['categories']>[number];

export function readCategories(input: readonly CategoryInput[], errors: FieldError[]): CategoryDefinition[] {
  const ids = new Set<string>();
  return input.map((category, index) => {
    const pointer = `/categories/${index}`;
    if (ids.has(category.id)) {
      const detail = `category ${category.id} stands twice`;
      errors.push({ pointer: `${pointer}/id`, code: 'duplicate', detail });
    }
    ids.add(category.id);
    const types = new Set<string>();
    category.prices.forEach(({ type }, at) => {
      if (types.has(type)) {
        const detail = `category ${category.id} has two prices of type ${type}`;
        errors.push({ pointer: `${pointer}/prices/${at}/type`, code: 'duplicate', detail });
      }
      types.add(type);
    });
    const prices = category.prices.map(({ type, price }) => ({ type, price }));
    return { id: category.id, name: category.name ?? category.id, prices };
  });
}

/** Price types that there were, then those that are new, in order of appearance. */
export function priceTypesOf(
  known: readonly string[],
  categories: readonly CategoryDefinition[],
  errors: FieldError[],
): string[] {
  const types = new Set<string>(known.length === 0 ? [STANDARD_PRICE] : known);
  for (const { prices } of categories) for (const { type } of prices) types.add(type);
  if (types.size > PRICE_TYPES_PER_EVENT_MAX) {
    const detail = `an event has at most ${PRICE_TYPES_PER_EVENT_MAX} price types in all its life, not ${types.size}`;
    errors.push({ pointer: '/categories', code: 'too-many', detail });
  }
  return [...types];
}

/** What belongs together: prices and a currency, sections and categories, places and how many an event may have. */
export function checkWhole(
  definition: Pick<EventDefinition, 'currency' | 'categories' | 'sections'>,
  pointerOf: (section: number) => string,
  errors: FieldError[],
): void {
  const { currency, categories, sections } = definition;
  const known = new Set(categories.map(({ id }) => id));
  let places = 0;
  sections.forEach((section, index) => {
    places += section.capacity;
    if (section.category === null || known.has(section.category)) return;
    const detail = `section ${section.id} has category ${section.category}, which the event has not`;
    errors.push({ pointer: pointerOf(index), code: 'unknown-category', detail });
  });
  const hasPrices = categories.length > 0 || sections.some(({ price }) => price !== null);
  if (currency === null && hasPrices) {
    errors.push({ pointer: '/currency', code: 'missing', detail: 'prices need a currency' });
  }
  if (places > PLACES_PER_EVENT_MAX) {
    const detail = `an event has at most ${PLACES_PER_EVENT_MAX} places`;
    errors.push({ pointer: '/sections', code: 'out-of-range', detail });
  }
}

/** A whole section, as a new event or a change brings it. */
export function readSection(
  section: SectionBody,
  pointer: string,
  budget: SeatBudget,
  errors: FieldError[],
): SectionDefinition | null {
  const fail = (at: string, code: string, detail: string): null => {
    errors.push({ pointer: `${pointer}${at}`, code, detail });
    return null;
  };
  const { id, name = id, price = null, category = null } = section;
  if (price !== null && category !== null) {
    return fail('/category', 'bad-value', 'a section has a price or a category, not both');
  }
  if (section.kind === 'general') {
    if (section.rows !== undefined) return fail('/rows', 'bad-value', 'a general section has no rows');
    const { capacity } = section;
    if (capacity === undefined) return fail('/capacity', 'missing', 'a general section has a capacity');
    return { id, name, kind: 'general', capacity, price, category };
  }
  if (section.rows === undefined) return fail('/rows', 'missing', 'a seated section has rows');
  const rows: StoredRow[] = [];
  const ids = new Set<string>();
  let seats = 0;
  for (let i = 0; i < section.rows.length; i++) {
    const row = section.rows[i];
    if (ids.has(row.id)) return fail(`/rows/${i}/id`, 'duplicate', `row ${row.id} stands twice`);
    ids.add(row.id);
    const read = readRow(row, `${pointer}/rows/${i}`, budget, errors);
    if (read === null) return null;
    seats += read.seatCount;
    rows.push(read.row);
  }
  if (section.capacity !== undefined && section.capacity !== seats) {
    return fail('/capacity', 'bad-value', `the rows have ${seats} seats; capacity may be left out`);
  }
  return { id, name, kind: 'seated', capacity: seats, price, category, rows };
}
