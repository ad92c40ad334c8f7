/**
 * Shapes of request bodies, as JSON Schema. Validation, types and the OpenAPI document come from here; a schema's title
 * is its name there. What a schema cannot say (unique seats, known sections, sums) is checked behind it.
 * Bodies that define events: event-schemas.ts.
 */
import Type from 'typebox';
import type { Static } from 'typebox';
import { EVENT_ID_PATTERN } from '../core/ids.ts';
import {
  HOLD_SECONDS_MAX,
  PLACES_PER_BLOCK_MAX,
  PLACES_PER_CLAIM_MAX,
  REASON_BYTES_MAX,
} from '../core/limits.ts';

export const closed = { additionalProperties: false } as const;
export const nullable = <T extends Type.TSchema>(schema: T, description: string) =>
  Type.Union([schema, Type.Null()], { description });

export const SectionId = Type.String({
  pattern: EVENT_ID_PATTERN,
  description: 'Id of a section: lower-case letters, digits and hyphens.',
  examples: ['stalls'],
});
export const Metadata = Type.Unsafe<Record<string, unknown>>({
  type: 'object',
  description: 'Anything of yours, at most 512 bytes as JSON. No personal data.',
  examples: [{ show: 'evening' }],
});
export const holdSeconds = (description: string) =>
  Type.Integer({ minimum: 1, maximum: HOLD_SECONDS_MAX, description, examples: [300] });
export const PriceType = Type.String({
  pattern: EVENT_ID_PATTERN,
  description: 'Name of a price type: lower-case letters, digits and hyphens.',
  examples: ['adult'],
});

const Seat = Type.String({
  minLength: 1,
  maxLength: 100,
  description: 'Label of a seat: section-row-number.',
  examples: ['stalls-A-12'],
});
const quantity = (maximum: number) =>
  Type.Integer({ minimum: 1, maximum, description: 'How many places of the section.', examples: [2] });
const Quantity = quantity(PLACES_PER_CLAIM_MAX);

const Item = Type.Object(
  {
    seat: Type.Optional(Seat),
    section: Type.Optional(SectionId),
    quantity: Type.Optional(Quantity),
    type: Type.Optional(PriceType),
    adjacent: Type.Optional(
      Type.Enum(['required', 'preferred'], {
        description: 'Of best seats in a seated section: side by side or not at all. Default: preferred.',
      }),
    ),
  },
  { ...closed, title: 'ItemBody', description: 'A seat, or so many places of a section.' },
);
export type Item = Static<typeof Item>;
const Items = Type.Array(Item, { minItems: 1, maxItems: PLACES_PER_CLAIM_MAX });

const Customer = nullable(
  Type.String({ minLength: 1, maxLength: 64, examples: ['c-81'] }),
  'Your name for the buyer, opaque, 64 bytes at most. Needed where the event limits customers.',
);
const Reference = nullable(
  Type.String({ minLength: 1, maxLength: 64, examples: ['pi_3N'] }),
  'Of yours, such as the payment; 64 bytes at most.',
);
const ExpectTotal = nullable(
  Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, examples: [22500] }),
  'Refuse with price-changed if the total, in minor units, would be another.',
);

const claimFields = {
  customer: Type.Optional(Customer),
  reference: Type.Optional(Reference),
  metadata: Type.Optional(Metadata),
  expectTotal: Type.Optional(ExpectTotal),
  items: Items,
};

export const CreateHoldBody = Type.Object(
  { ...claimFields, seconds: Type.Optional(holdSeconds("How long; default is the event's holdSeconds.")) },
  { ...closed, title: 'CreateHoldBody' },
);
export type CreateHoldBody = Static<typeof CreateHoldBody>;

export const CreateOrderBody = Type.Object(claimFields, { ...closed, title: 'CreateOrderBody' });
export type CreateOrderBody = Static<typeof CreateOrderBody>;

export const ConfirmBody = Type.Object(
  {
    reference: Type.Optional(Reference),
    metadata: Type.Optional(Metadata),
    ifExpired: Type.Optional(
      Type.Enum(['retake'], {
        description: 'retake: take the places of an expired hold again, if they are all still there.',
      }),
    ),
  },
  { ...closed, title: 'ConfirmBody' },
);
export type ConfirmBody = Static<typeof ConfirmBody>;

const RemoveItem = Type.Object(
  {
    seat: Type.Optional(Seat),
    section: Type.Optional(SectionId),
    quantity: Type.Optional(Quantity),
    type: Type.Optional(PriceType),
  },
  {
    ...closed,
    title: 'RemoveItem',
    description: 'A seat of the hold, or so many of its places in a general section.',
  },
);
export type RemoveItem = Static<typeof RemoveItem>;

export const ChangeBody = Type.Object(
  {
    add: Type.Optional(Items),
    remove: Type.Optional(Type.Array(RemoveItem, { minItems: 1, maxItems: PLACES_PER_CLAIM_MAX })),
    expectTotal: Type.Optional(ExpectTotal),
  },
  { ...closed, title: 'ChangeBody', description: 'All or nothing; the deadline stays.' },
);
export type ChangeBody = Static<typeof ChangeBody>;

export const ExtendBody = Type.Object(
  { seconds: holdSeconds('From now on. Never shortens the hold.') },
  { ...closed, title: 'ExtendBody' },
);
export type ExtendBody = Static<typeof ExtendBody>;

const Reason = nullable(
  Type.String({ minLength: 1, maxLength: REASON_BYTES_MAX, examples: ['broken seat'] }),
  `Kept in the history, ${REASON_BYTES_MAX} bytes at most. No personal data.`,
);

export const CancelBody = Type.Object(
  {
    tickets: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 64 }), {
        minItems: 1,
        maxItems: PLACES_PER_CLAIM_MAX,
        description: 'Ids of tickets; left out: all.',
      }),
    ),
    to: Type.Optional(
      Type.Enum(['available', 'blocked'], { description: 'What becomes of the places. Default: available.' }),
    ),
    reason: Type.Optional(Reason),
  },
  { ...closed, title: 'CancelBody' },
);
export type CancelBody = Static<typeof CancelBody>;

const BlockItem = Type.Object(
  {
    seat: Type.Optional(Seat),
    section: Type.Optional(SectionId),
    quantity: Type.Optional(quantity(PLACES_PER_BLOCK_MAX)),
  },
  { ...closed, title: 'BlockItem', description: 'A seat, or so many places of a general section.' },
);
export type BlockItem = Static<typeof BlockItem>;

export const BlockBody = Type.Object(
  {
    items: Type.Array(BlockItem, { minItems: 1, maxItems: PLACES_PER_BLOCK_MAX }),
    reason: Type.Optional(Reason),
  },
  { ...closed, title: 'BlockBody' },
);
export type BlockBody = Static<typeof BlockBody>;
