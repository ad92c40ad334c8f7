/**
 * The body of `POST /v1/events` → a normalised definition with defaults filled in, or what is wrong with it.
 */
import { PLACES_PER_CLAIM_MAX, PLACES_PER_EVENT_MAX } from '../core/limits.ts';
import type { FieldError } from '../core/problems.ts';
import {
  STANDARD_PRICE,
  type EventDefinition,
  type SectionDefinition,
  type StoredRow,
} from '../engine/definition.ts';
import { bodyParser, invalid, type Parsed } from './parse.ts';
import { readRow, type SeatBudget } from './rows.ts';
import { CreateEventBody } from './schemas.ts';

/** As it is stored: ranges of seats not written out, and the id still open where the caller gave none. */
export interface NewDefinition {
  readonly definition: Omit<EventDefinition, 'id'>;
  /** null: made from the name. */
  readonly id: string | null;
}

const parse = bodyParser<CreateEventBody>(CreateEventBody, false);

const HOLD_SECONDS_DEFAULT = 300;
const MAX_HOLD_SECONDS_DEFAULT = 1800;
const TICKETS_PER_HOLD_DEFAULT = PLACES_PER_CLAIM_MAX;
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?Z$/;

export function parseCreateEvent(body: Uint8Array | null): Parsed<NewDefinition> {
  const parsed = parse(body);
  if (!parsed.ok) return parsed;
  const input = parsed.value;
  const errors: FieldError[] = [];
  const sections = readSections(input, errors);
  const holdSeconds = input.limits?.holdSeconds ?? HOLD_SECONDS_DEFAULT;
  const maxHoldSeconds = input.limits?.maxHoldSeconds ?? Math.max(MAX_HOLD_SECONDS_DEFAULT, holdSeconds);
  if (maxHoldSeconds < holdSeconds) {
    const detail = 'maxHoldSeconds is less than holdSeconds';
    errors.push({ pointer: '/limits/maxHoldSeconds', code: 'out-of-range', detail });
  }
  if (!isTime(input.startsAt)) {
    const detail = 'startsAt is a time in UTC such as 2027-01-15T19:00:00Z (RFC 3339)';
    errors.push({ pointer: '/startsAt', code: 'bad-format', detail });
  }
  const timeZone = input.timeZone ?? 'UTC';
  if (!isTimeZone(timeZone)) {
    const detail = 'timeZone is an IANA name such as Europe/Berlin';
    errors.push({ pointer: '/timeZone', code: 'bad-value', detail });
  }
  const currency = input.currency ?? null;
  checkMoney(currency, sections, errors);
  if (errors.length > 0) return invalid(errors);
  return {
    ok: true,
    value: {
      id: input.id ?? null,
      definition: {
        name: input.name,
        state: input.state ?? 'draft',
        startsAt: input.startsAt,
        timeZone,
        salesFrom: null,
        salesUntil: null,
        currency,
        metadata: {},
        categories: [],
        priceTypes: [STANDARD_PRICE],
        limits: {
          holdSeconds,
          maxHoldSeconds,
          ticketsPerHold: input.limits?.ticketsPerHold ?? TICKETS_PER_HOLD_DEFAULT,
          ticketsPerCustomer: null,
          holdsPerCustomer: null,
        },
        sections,
      },
    },
  };
}

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

const CURRENCIES = new Set(Intl.supportedValuesOf('currency'));

function checkMoney(
  currency: string | null,
  sections: readonly SectionDefinition[],
  errors: FieldError[],
): void {
  if (currency !== null && !CURRENCIES.has(currency)) {
    const detail = `${currency} is not a currency of ISO 4217`;
    errors.push({ pointer: '/currency', code: 'bad-value', detail });
  }
  if (currency === null && sections.some((section) => section.price !== null)) {
    errors.push({ pointer: '/currency', code: 'missing', detail: 'prices need a currency' });
  }
}

function readSections(input: CreateEventBody, errors: FieldError[]): SectionDefinition[] {
  if ((input.sections === undefined) === (input.capacity === undefined)) {
    const detail = 'give either sections, or capacity for one general section';
    errors.push({
      pointer: input.sections === undefined ? '/sections' : '/capacity',
      code: input.sections === undefined ? 'missing' : 'bad-value',
      detail,
    });
    return [];
  }
  if (input.sections === undefined) {
    const capacity = input.capacity ?? 0;
    return [{ id: 'general', name: 'General', kind: 'general', capacity, price: null, category: null }];
  }
  const ids = new Set<string>();
  const sections: SectionDefinition[] = [];
  const budget = { left: PLACES_PER_EVENT_MAX };
  let places = 0;
  input.sections.forEach((section, index) => {
    const pointer = `/sections/${index}`;
    if (ids.has(section.id)) {
      errors.push({
        pointer: `${pointer}/id`,
        code: 'duplicate',
        detail: `section ${section.id} stands twice`,
      });
    }
    ids.add(section.id);
    const read = readSection(section, pointer, budget, errors);
    if (read === null) return;
    places += read.capacity;
    sections.push(read);
  });
  if (places > PLACES_PER_EVENT_MAX) {
    const detail = `an event has at most ${PLACES_PER_EVENT_MAX} places`;
    errors.push({ pointer: '/sections', code: 'out-of-range', detail });
  }
  return sections;
}

type SectionInput = NonNullable<CreateEventBody['sections']>[number];

function readSection(
  section: SectionInput,
  pointer: string,
  budget: SeatBudget,
  errors: FieldError[],
): SectionDefinition | null {
  const fail = (at: string, code: string, detail: string): null => {
    errors.push({ pointer: `${pointer}${at}`, code, detail });
    return null;
  };
  const name = section.name ?? section.id;
  const price = section.price ?? null;
  if (section.kind === 'general') {
    if (section.rows !== undefined) return fail('/rows', 'bad-value', 'a general section has no rows');
    if (section.capacity === undefined)
      return fail('/capacity', 'missing', 'a general section has a capacity');
    return { id: section.id, name, kind: 'general', capacity: section.capacity, price, category: null };
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
  return { id: section.id, name, kind: 'seated', capacity: seats, price, category: null, rows };
}

/** An event id made from a name: lower case, hyphens, 48 characters at most. */
export function slug(name: string): string {
  const plain = name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+/, '')
    .slice(0, 48)
    .replace(/-+$/, '');
  return plain === '' ? 'event' : plain;
}
