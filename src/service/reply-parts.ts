/**
 * What the shapes of replies are made of. See reply-schemas.ts.
 */
import Type from 'typebox';
import { EVENT_ID_PATTERN } from '../core/ids.ts';

export const nullable = <T extends Type.TSchema>(schema: T, description: string) =>
  Type.Union([schema, Type.Null()], { description });
export const count = (description: string) => Type.Integer({ minimum: 0, description });
export const time = (description: string, example = '2027-01-15T19:00:00.000Z') =>
  Type.String({ format: 'date-time', description, examples: [example] });

export const EventId = Type.String({
  pattern: EVENT_ID_PATTERN,
  description: 'Id of the event.',
  examples: ['gala'],
});
export const SectionId = Type.String({
  pattern: EVENT_ID_PATTERN,
  description: 'Id of the section.',
  examples: ['stalls'],
});
export const SeatLabel = Type.String({ description: 'section-row-number', examples: ['stalls-A-12'] });
export const Sequence = Type.Integer({
  minimum: 0,
  description: "Number of the event's last change that this shows.",
});
export const HoldId = Type.String({
  pattern: '^hold_[0-9a-z]{32}$',
  description: 'Opaque, not to be guessed.',
});
export const OrderId = Type.String({
  pattern: '^order_[0-9a-z]{32}$',
  description: "The hold's suffix: known before the hold is paid for.",
});
export const TicketId = Type.String({ pattern: '^ticket_[0-9a-z]{32}_[0-9]{1,3}$' });
export const Price = nullable(
  Type.Integer({ minimum: 0 }),
  'Of one place, in minor units; null where there is none.',
);
export const PriceTypeName = Type.String({ description: 'Price type.', examples: ['adult'] });
export const Currency = nullable(
  Type.String({ pattern: '^[A-Z]{3}$' }),
  'ISO 4217; null where nothing has a price.',
);
export const Customer = nullable(Type.String(), 'As the caller gave it.');
export const Reference = nullable(Type.String(), 'As the caller gave it.');
export const LiveState = Type.Enum(['draft', 'open', 'paused', 'closed']);
export const Version = Type.Integer({
  minimum: 1,
  description: 'Counts changes of the definition; in quotes it is the ETag, and what If-Match takes.',
});
export const TimeZone = Type.String({ examples: ['Europe/Berlin'] });

export const counts = {
  capacity: count('Places in all: the sum of the other four.'),
  available: count('Free.'),
  held: count('Held until a deadline.'),
  sold: count('In valid tickets.'),
  blocked: count('Off sale.'),
};
export const { capacity, ...moving } = counts;

export function page<T extends Type.TSchema>(title: string, entry: T) {
  return Type.Object(
    {
      data: Type.Array(entry, { maxItems: 500 }),
      next: nullable(Type.String(), 'Give it as ?after= for the next page; null on the last one.'),
    },
    { title, description: 'A page may be short, even empty, and not the last: go on until next is null.' },
  );
}
