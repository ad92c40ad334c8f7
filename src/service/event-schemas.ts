/**
 * Shapes of the bodies that define and change events, as JSON Schema. See schemas.ts.
 */
import Type from 'typebox';
import type { Static } from 'typebox';
import { EVENT_ID_PATTERN, ROW_ID_PATTERN } from '../core/ids.ts';
import {
  CATEGORIES_PER_EVENT_MAX,
  NAME_CHARS_MAX,
  PLACES_PER_CLAIM_MAX,
  PLACES_PER_EVENT_MAX,
  PRICE_MAX,
  PRICE_TYPES_PER_CATEGORY_MAX,
  SECTIONS_PER_EVENT_MAX,
} from '../core/limits.ts';
import { closed, holdSeconds, Metadata, nullable, PriceType, SectionId } from './schemas.ts';

const EventId = Type.String({
  pattern: EVENT_ID_PATTERN,
  description: 'Lower-case letters, digits and hyphens, 63 at most. Left out: made from the name.',
  examples: ['gala'],
});
const Name = Type.String({
  minLength: 1,
  maxLength: NAME_CHARS_MAX,
  description: 'For people.',
  examples: ['Winter Gala'],
});
const Time = Type.String({
  minLength: 1,
  maxLength: 64,
  description: 'A time in UTC, RFC 3339.',
  examples: ['2027-01-15T19:00:00Z'],
});
const TimeZone = Type.String({
  minLength: 1,
  maxLength: 64,
  description: 'IANA name of the time zone that the event is in. Default: UTC.',
  examples: ['Europe/Berlin'],
});
const SalesFrom = nullable(Time, 'From when on new claims are taken, RFC 3339 in UTC; null for at once.');
const SalesUntil = nullable(Time, 'Until when new claims are taken, RFC 3339 in UTC; null for no end.');
const Capacity = Type.Integer({
  minimum: 1,
  maximum: PLACES_PER_EVENT_MAX,
  description: 'How many places there are.',
  examples: [5000],
});
const Price = Type.Integer({
  minimum: 0,
  maximum: PRICE_MAX,
  description: "In the currency's minor units.",
  examples: [4500],
});
const SectionPrice = nullable(
  Price,
  'Shorthand for one price type, "standard", in minor units; null for none. A section has this or a category.',
);
const CategoryId = Type.String({
  pattern: EVENT_ID_PATTERN,
  description: 'Id of a category: lower-case letters, digits and hyphens.',
  examples: ['gold'],
});
const SectionCategory = nullable(CategoryId, "Id of the category whose prices the section's places have.");

const perCustomer = (description: string) =>
  nullable(Type.Integer({ minimum: 1, maximum: PLACES_PER_EVENT_MAX, examples: [4] }), description);

const EventLimits = Type.Object(
  {
    holdSeconds: Type.Optional(holdSeconds('How long a hold lasts that does not say. Default: 300.')),
    maxHoldSeconds: Type.Optional(
      holdSeconds('How long a hold may last with all its extensions. Default: 1800.'),
    ),
    ticketsPerHold: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: PLACES_PER_CLAIM_MAX,
        description: 'Places in one hold or order. Default: 100.',
        examples: [8],
      }),
    ),
    ticketsPerCustomer: Type.Optional(
      perCustomer('Places that a customer may have held or valid at once; null for no limit.'),
    ),
    holdsPerCustomer: Type.Optional(
      perCustomer('Holds that a customer may have alive at once; null for no limit.'),
    ),
  },
  { ...closed, title: 'EventLimits', description: 'Lowered later, they are not retroactive.' },
);

const Category = Type.Object(
  {
    id: CategoryId,
    name: Type.Optional(Name),
    prices: Type.Array(
      Type.Object({ type: PriceType, price: Price }, { ...closed, title: 'CategoryPrice' }),
      {
        minItems: 1,
        maxItems: PRICE_TYPES_PER_CATEGORY_MAX,
        description: 'A price for each type. An item without a type gets the only one, else "standard".',
      },
    ),
  },
  { ...closed, title: 'CategoryBody', description: 'Prices that sections share.' },
);
const Categories = Type.Array(Category, {
  maxItems: CATEGORIES_PER_EVENT_MAX,
  description: 'Prices that sections refer to.',
});

const Row = Type.Object(
  {
    id: Type.String({
      pattern: ROW_ID_PATTERN,
      description: 'Letters and digits, 8 at most.',
      examples: ['A'],
    }),
    seats: Type.Unknown({
      description:
        'A count (20 is short for "1..20"), or a list in physical order of "7", "1..8", null for an aisle, and ' +
        '{ "id": "17", "features": ["wheelchair"] }. Wheelchair seats are never chosen unasked.',
      examples: [20, ['1..8', null, '9..16', { id: '17', features: ['wheelchair'] }]],
    }),
  },
  { ...closed, title: 'RowBody' },
);
const Rows = Type.Array(Row, {
  minItems: 1,
  maxItems: PLACES_PER_EVENT_MAX,
  description: 'Of a seated section: best rows first.',
});
const Kind = Type.Enum(['general', 'seated'], {
  description: 'general: a count of places; seated: rows of seats.',
});

const Section = Type.Object(
  {
    id: SectionId,
    name: Type.Optional(Name),
    kind: Kind,
    capacity: Type.Optional(Capacity),
    price: Type.Optional(SectionPrice),
    category: Type.Optional(SectionCategory),
    rows: Type.Optional(Rows),
  },
  { ...closed, title: 'SectionBody' },
);
export type SectionBody = Static<typeof Section>;

export const CreateEventBody = Type.Object(
  {
    id: Type.Optional(EventId),
    name: Name,
    state: Type.Optional(
      Type.Enum(['draft', 'open'], { description: 'draft is not shown without a key. Default: draft.' }),
    ),
    startsAt: Time,
    timeZone: Type.Optional(TimeZone),
    salesFrom: Type.Optional(SalesFrom),
    salesUntil: Type.Optional(SalesUntil),
    currency: Type.Optional(
      nullable(Type.String({ pattern: '^[A-Z]{3}$', examples: ['EUR'] }), 'ISO 4217; needed for prices.'),
    ),
    metadata: Type.Optional(Metadata),
    limits: Type.Optional(EventLimits),
    categories: Type.Optional(Categories),
    sections: Type.Optional(
      Type.Array(Section, {
        minItems: 1,
        maxItems: SECTIONS_PER_EVENT_MAX,
        description: 'Or capacity, for one general section.',
      }),
    ),
    capacity: Type.Optional(Capacity),
  },
  { ...closed, title: 'CreateEventBody' },
);
export type CreateEventBody = Static<typeof CreateEventBody>;

const SectionChange = Type.Object(
  {
    id: SectionId,
    name: Type.Optional(Name),
    kind: Type.Optional(Kind),
    capacity: Type.Optional(Capacity),
    price: Type.Optional(SectionPrice),
    category: Type.Optional(SectionCategory),
    rows: Type.Optional(Rows),
  },
  {
    ...closed,
    title: 'SectionChange',
    description:
      'A change of the section with that id; a whole section where the event has none with that id.',
  },
);
export type SectionChange = Static<typeof SectionChange>;

export const PatchEventBody = Type.Object(
  {
    name: Type.Optional(Name),
    state: Type.Optional(
      Type.Enum(['draft', 'open', 'paused', 'closed', 'archived'], {
        description: 'draft → open ⇄ paused → closed → archived; open and draft may also be closed at once.',
      }),
    ),
    startsAt: Type.Optional(Time),
    timeZone: Type.Optional(TimeZone),
    salesFrom: Type.Optional(SalesFrom),
    salesUntil: Type.Optional(SalesUntil),
    metadata: Type.Optional(Metadata),
    limits: Type.Optional(EventLimits),
    categories: Type.Optional(Categories),
    sections: Type.Optional(
      Type.Array(SectionChange, {
        minItems: 1,
        maxItems: SECTIONS_PER_EVENT_MAX,
        description: 'Sections to change or to add; the others stay as they are.',
      }),
    ),
    capacity: Type.Optional(Capacity),
  },
  { ...closed, title: 'PatchEventBody', minProperties: 1, description: 'What is left out stays as it is.' },
);
export type PatchEventBody = Static<typeof PatchEventBody>;
