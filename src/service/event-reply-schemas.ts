/**
 * Shapes of events in replies. See reply-schemas.ts.
 */
import Type from 'typebox';
import { Metadata } from './schemas.ts';
import {
  capacity,
  count,
  Currency,
  EventId,
  LiveState,
  moving,
  nullable,
  page,
  PriceTypeName,
  SectionId,
  time,
  TimeZone,
  Version,
} from './reply-parts.ts';

const Limits = Type.Object(
  {
    holdSeconds: Type.Integer({ minimum: 1 }),
    maxHoldSeconds: Type.Integer({ minimum: 1 }),
    ticketsPerHold: Type.Integer({ minimum: 1 }),
    ticketsPerCustomer: nullable(Type.Integer({ minimum: 1 }), 'null: no limit.'),
    holdsPerCustomer: nullable(Type.Integer({ minimum: 1 }), 'null: no limit.'),
  },
  { title: 'Limits' },
);

const Category = Type.Object(
  {
    id: SectionId,
    name: Type.String(),
    prices: Type.Array(
      Type.Object({ type: PriceTypeName, price: Type.Integer({ minimum: 0 }) }, { title: 'Price' }),
    ),
  },
  { title: 'Category' },
);

const SeatEntry = Type.Union(
  [Type.String(), Type.Object({ id: Type.String(), features: Type.Array(Type.String()) }), Type.Null()],
  { title: 'SeatEntry', description: 'A seat, a seat with features, or null for an aisle.' },
);
const sectionFields = {
  id: SectionId,
  name: Type.String(),
  capacity,
  price: nullable(Type.Integer({ minimum: 0 }), 'Of its one price type, "standard".'),
  category: nullable(Type.String(), 'Id of the category that has its prices.'),
};
const Section = Type.Union(
  [
    Type.Object({ ...sectionFields, kind: Type.Literal('general') }, { title: 'GeneralSection' }),
    Type.Object(
      {
        ...sectionFields,
        kind: Type.Literal('seated'),
        rows: Type.Array(Type.Object({ id: Type.String(), seats: Type.Array(SeatEntry) }, { title: 'Row' })),
      },
      { title: 'SeatedSection' },
    ),
  ],
  { title: 'Section' },
);

export const Event = Type.Object(
  {
    id: EventId,
    name: Type.String(),
    state: LiveState,
    version: Version,
    createdAt: time('When it was defined.'),
    startsAt: time('When it begins.'),
    timeZone: TimeZone,
    salesFrom: nullable(Type.String({ format: 'date-time' }), 'null: no bound.'),
    salesUntil: nullable(Type.String({ format: 'date-time' }), 'null: no bound.'),
    currency: Currency,
    metadata: Metadata,
    limits: Limits,
    categories: Type.Array(Category),
    sections: Type.Array(Section),
  },
  { title: 'Event' },
);

export const ArchivedEvent = Type.Object(
  {
    id: EventId,
    name: Type.String({ description: 'Cut short where it was long.' }),
    state: Type.Literal('archived'),
    version: Version,
    createdAt: time('When it was defined.'),
    archivedAt: time('When it was archived.'),
    startsAt: time('When it began.'),
    capacity,
    sold: count('Valid tickets at the end.'),
  },
  { title: 'ArchivedEvent', description: 'All that is left of an event that was archived.' },
);

const EventSummary = Type.Object(
  {
    id: EventId,
    name: Type.String(),
    state: LiveState,
    version: Version,
    startsAt: time('When it begins.'),
    timeZone: TimeZone,
    currency: Currency,
    capacity,
    availability: Type.Optional(Type.Object(moving, { description: 'With ?include=availability.' })),
  },
  { title: 'EventSummary' },
);

export const EventPage = page('EventPage', Type.Union([EventSummary, ArchivedEvent]));
