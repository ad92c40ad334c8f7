/**
 * The body of `POST /v1/events` → a normalised definition with defaults filled in, or what is wrong with it.
 */
import { PLACES_PER_CLAIM_MAX, PLACES_PER_EVENT_MAX } from '../core/limits.ts';
import type { FieldError } from '../core/problems.ts';
import type { EventDefinition, SectionDefinition } from '../engine/definition.ts';
import {
  checkPlain,
  checkWhole,
  priceTypesOf,
  readCategories,
  readLimits,
  readSection,
} from './definition-rules.ts';
import { CreateEventBody } from './event-schemas.ts';
import { bodyParser, invalid, type Parsed } from './parse.ts';

/** As it is stored: ranges of seats not written out, and the id still open where the caller gave none. */
export interface NewDefinition {
  readonly definition: Omit<EventDefinition, 'id'>;
  /** null: made from the name. */
  readonly id: string | null;
}

const parse = bodyParser<CreateEventBody>(CreateEventBody, false);

const HOLD_SECONDS_DEFAULT = 300;
const MAX_HOLD_SECONDS_DEFAULT = 1800;

export function parseCreateEvent(body: Uint8Array | null): Parsed<NewDefinition> {
  const parsed = parse(body);
  if (!parsed.ok) return parsed;
  const input = parsed.value;
  const errors: FieldError[] = [];
  const { salesFrom = null, salesUntil = null, currency = null, timeZone = 'UTC' } = input;
  checkPlain(input, { salesFrom, salesUntil }, errors);
  const holdSeconds = input.limits?.holdSeconds ?? HOLD_SECONDS_DEFAULT;
  const defaults = {
    holdSeconds,
    maxHoldSeconds: Math.max(MAX_HOLD_SECONDS_DEFAULT, holdSeconds),
    ticketsPerHold: PLACES_PER_CLAIM_MAX,
    ticketsPerCustomer: null,
    holdsPerCustomer: null,
  };
  const limits = readLimits(input.limits, defaults, errors);
  checkCurrency(currency, errors);
  const categories = readCategories(input.categories ?? [], errors);
  const priceTypes = priceTypesOf([], categories, errors);
  const sections = readSections(input, errors);
  // A section that could not be read moves the others up, so the pointers hold only where all could be.
  if (errors.length === 0) {
    checkWhole({ currency, categories, sections }, (index) => `/sections/${index}/category`, errors);
  }
  if (errors.length > 0) return invalid(errors);
  const definition: Omit<EventDefinition, 'id'> = {
    name: input.name,
    state: input.state ?? 'draft',
    startsAt: input.startsAt,
    timeZone,
    salesFrom,
    salesUntil,
    currency,
    metadata: input.metadata ?? {},
    categories,
    priceTypes,
    limits,
    sections,
  };
  return { ok: true, value: { id: input.id ?? null, definition } };
}

const CURRENCIES = new Set(Intl.supportedValuesOf('currency'));

function checkCurrency(currency: string | null, errors: FieldError[]): void {
  if (currency === null || CURRENCIES.has(currency)) return;
  const detail = `${currency} is not a currency of ISO 4217`;
  errors.push({ pointer: '/currency', code: 'bad-value', detail });
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
  input.sections.forEach((section, index) => {
    const pointer = `/sections/${index}`;
    if (ids.has(section.id)) {
      const detail = `section ${section.id} stands twice`;
      errors.push({ pointer: `${pointer}/id`, code: 'duplicate', detail });
    }
    ids.add(section.id);
    const read = readSection(section, pointer, budget, errors);
    if (read !== null) sections.push(read);
  });
  return sections;
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
