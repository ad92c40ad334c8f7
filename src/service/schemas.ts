/**
 * Shapes of request bodies, as JSON Schema. Validation, types and (later) the OpenAPI document come from here.
 * What a schema cannot say (unique seats, known sections, sums) is checked behind it.
 */
import Type from 'typebox';
import type { Static } from 'typebox';
import { EVENT_ID_PATTERN, ROW_ID_PATTERN } from '../core/ids.ts';
import {
  HOLD_SECONDS_MAX,
  NAME_CHARS_MAX,
  PLACES_PER_CLAIM_MAX,
  PLACES_PER_EVENT_MAX,
  PRICE_MAX,
  SECTIONS_PER_EVENT_MAX,
} from '../core/limits.ts';

const closed = { additionalProperties: false } as const;
const nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

const Price = nullable(Type.Integer({ minimum: 0, maximum: PRICE_MAX }));

const EventLimits = Type.Object(
  {
    holdSeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: HOLD_SECONDS_MAX })),
    maxHoldSeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: HOLD_SECONDS_MAX })),
    ticketsPerHold: Type.Optional(Type.Integer({ minimum: 1, maximum: PLACES_PER_CLAIM_MAX })),
  },
  closed,
);

const Row = Type.Object(
  {
    id: Type.String({ pattern: ROW_ID_PATTERN }),
    /** A count, or entries checked by rows.ts: "1", "1..8", null, { id, features }. */
    seats: Type.Unknown(),
  },
  closed,
);

const Section = Type.Object(
  {
    id: Type.String({ pattern: EVENT_ID_PATTERN }),
    name: Type.Optional(Type.String({ minLength: 1, maxLength: NAME_CHARS_MAX })),
    kind: Type.Enum(['general', 'seated']),
    capacity: Type.Optional(Type.Integer({ minimum: 1, maximum: PLACES_PER_EVENT_MAX })),
    price: Type.Optional(Price),
    rows: Type.Optional(Type.Array(Row, { minItems: 1, maxItems: PLACES_PER_EVENT_MAX })),
  },
  closed,
);

export const CreateEventBody = Type.Object(
  {
    id: Type.Optional(Type.String({ pattern: EVENT_ID_PATTERN })),
    name: Type.String({ minLength: 1, maxLength: NAME_CHARS_MAX }),
    state: Type.Optional(Type.Enum(['draft', 'open'])),
    startsAt: Type.String({ minLength: 1, maxLength: 64 }),
    timeZone: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
    currency: Type.Optional(nullable(Type.String({ pattern: '^[A-Z]{3}$' }))),
    limits: Type.Optional(EventLimits),
    sections: Type.Optional(Type.Array(Section, { minItems: 1, maxItems: SECTIONS_PER_EVENT_MAX })),
    capacity: Type.Optional(Type.Integer({ minimum: 1, maximum: PLACES_PER_EVENT_MAX })),
  },
  closed,
);
export type CreateEventBody = Static<typeof CreateEventBody>;

const Item = Type.Object(
  {
    seat: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
    section: Type.Optional(Type.String({ pattern: EVENT_ID_PATTERN })),
    quantity: Type.Optional(Type.Integer({ minimum: 1, maximum: PLACES_PER_CLAIM_MAX })),
    adjacent: Type.Optional(Type.Enum(['required', 'preferred'])),
  },
  closed,
);
export type Item = Static<typeof Item>;

const claimFields = {
  customer: Type.Optional(nullable(Type.String({ minLength: 1, maxLength: 64 }))),
  reference: Type.Optional(nullable(Type.String({ minLength: 1, maxLength: 64 }))),
  items: Type.Array(Item, { minItems: 1, maxItems: PLACES_PER_CLAIM_MAX }),
};

export const CreateHoldBody = Type.Object(
  { ...claimFields, seconds: Type.Optional(Type.Integer({ minimum: 1, maximum: HOLD_SECONDS_MAX })) },
  closed,
);
export type CreateHoldBody = Static<typeof CreateHoldBody>;

export const CreateOrderBody = Type.Object(claimFields, closed);
export type CreateOrderBody = Static<typeof CreateOrderBody>;

export const ConfirmBody = Type.Object(
  { reference: Type.Optional(nullable(Type.String({ minLength: 1, maxLength: 64 }))) },
  closed,
);
export type ConfirmBody = Static<typeof ConfirmBody>;

export const CancelBody = Type.Object(
  {
    tickets: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 64 }), {
        minItems: 1,
        maxItems: PLACES_PER_CLAIM_MAX,
      }),
    ),
  },
  closed,
);
export type CancelBody = Static<typeof CancelBody>;
