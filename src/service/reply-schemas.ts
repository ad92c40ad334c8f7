/**
 * Shapes of replies, as JSON Schema: what the OpenAPI document tells, and what its test holds every reply against. A
 * schema's title is its name there. Nothing here is loaded by a server that runs.
 */
import Type from 'typebox';
import { PROBLEMS } from '../core/problems.ts';
import {
  count,
  counts,
  Currency,
  Customer,
  EventId,
  HoldId,
  moving,
  nullable,
  OrderId,
  page,
  Price,
  PriceTypeName,
  Reference,
  SeatLabel,
  SectionId,
  Sequence,
  TicketId,
  time,
  Version,
} from './reply-parts.ts';
import { Metadata } from './schemas.ts';

const SectionAvailability = Type.Object({ id: SectionId, ...counts }, { title: 'SectionAvailability' });

export const Availability = Type.Object(
  { event: EventId, sequence: Sequence, ...counts, sections: Type.Array(SectionAvailability) },
  { title: 'Availability' },
);

export const SeatMap = Type.Object(
  {
    event: EventId,
    sequence: Sequence,
    sections: Type.Array(
      Type.Object({
        id: SectionId,
        rows: Type.Array(
          Type.Object({
            id: Type.String(),
            seats: Type.String({
              pattern: '^[ahsb]*$',
              description: 'A letter a seat in physical order: available, held, sold, blocked.',
            }),
          }),
        ),
      }),
    ),
  },
  { title: 'SeatMap', description: 'Seated sections only; aisles are in the definition.' },
);

export const Seat = Type.Object(
  {
    event: EventId,
    seat: SeatLabel,
    section: SectionId,
    row: Type.String(),
    number: Type.String(),
    state: Type.Enum(['available', 'held', 'sold', 'blocked']),
    sequence: Type.Integer({ minimum: 0, description: "Of the seat's last change." }),
    features: Type.Array(Type.String(), { examples: [['wheelchair']] }),
    hold: Type.Optional(HoldId),
    order: Type.Optional(OrderId),
    expiresAt: Type.Optional(time('Deadline of the hold that has it.')),
  },
  { title: 'Seat', description: 'hold, order and expiresAt are told to readers and up only.' },
);

const HoldItem = Type.Union(
  [
    Type.Object({ seat: SeatLabel, type: PriceTypeName, price: Price }, { title: 'HoldSeat' }),
    Type.Object(
      { section: SectionId, quantity: Type.Integer({ minimum: 1 }), type: PriceTypeName, price: Price },
      { title: 'HoldPlaces' },
    ),
  ],
  { title: 'HoldItem', description: 'One item a seat, also where the server chose the seats.' },
);

export const Hold = Type.Object(
  {
    id: HoldId,
    order: OrderId,
    event: EventId,
    customer: Customer,
    reference: Reference,
    metadata: Metadata,
    state: Type.Enum(['held', 'confirmed', 'released', 'expired']),
    sequence: Type.Integer({ minimum: 1, description: "Of the claim's last change." }),
    createdAt: time('When the places were taken.'),
    expiresAt: nullable(
      Type.String({ format: 'date-time' }),
      'Deadline; null for an order that never was a hold.',
    ),
    expiresInMs: Type.Optional(count('Milliseconds to the deadline; only while it is held.')),
    items: Type.Array(HoldItem),
    adjacent: Type.Optional(
      Type.Boolean({
        description: 'Whether seats that the server chose are side by side; only if it chose any.',
      }),
    ),
    total: count('In minor units.'),
    currency: Currency,
  },
  { title: 'Hold' },
);

const Ticket = Type.Object(
  {
    id: TicketId,
    section: SectionId,
    seat: Type.Optional(SeatLabel),
    type: PriceTypeName,
    price: Price,
    state: Type.Enum(['valid', 'cancelled']),
  },
  { title: 'Ticket' },
);

export const Order = Type.Object(
  {
    id: OrderId,
    hold: HoldId,
    event: EventId,
    customer: Customer,
    state: Type.Enum(['confirmed', 'cancelled'], { description: 'cancelled: all of its tickets are.' }),
    sequence: Type.Integer({ minimum: 1, description: "Of the claim's last change." }),
    reference: Reference,
    metadata: Metadata,
    total: count('In minor units.'),
    cancelledTotal: count('Of cancelled tickets, in minor units.'),
    currency: Currency,
    createdAt: time('When the places were taken.'),
    updatedAt: time('When the claim last changed.'),
    tickets: Type.Array(Ticket),
  },
  { title: 'Order' },
);

export const BlockResult = Type.Object(
  {
    event: EventId,
    sequence: Sequence,
    changed: count('Places that were not so before.'),
    sections: Type.Array(SectionAvailability),
  },
  { title: 'BlockResult' },
);

const Change = Type.Object(
  {
    sequence: Type.Integer({ minimum: 1 }),
    time: time('When it happened.'),
    kind: Type.Enum([
      'defined',
      'changed-event',
      'archived',
      'held',
      'ordered',
      'confirmed',
      'retaken',
      'released',
      'expired',
      'cancelled',
      'changed',
      'extended',
      'blocked',
      'unblocked',
    ]),
    version: Type.Optional(Version),
    state: Type.Optional(Type.Enum(['draft', 'open', 'paused', 'closed', 'archived'])),
    hold: Type.Optional(HoldId),
    order: Type.Optional(OrderId),
    customer: Type.Optional(Type.String()),
    reference: Type.Optional(Type.String()),
    expiresAt: Type.Optional(time('The deadline that it set.')),
    seats: Type.Array(SeatLabel, {
      description: 'Seats that changed; of changed, those added. Of an archived event maybe numbers: #17.',
    }),
    removed: Type.Optional(Type.Array(SeatLabel, { description: 'Of changed: seats given up.' })),
    sections: Type.Array(
      Type.Object({
        section: Type.String(),
        quantity: Type.Integer({
          description: 'Places that moved; of changed, below 0 where there are fewer.',
        }),
      }),
    ),
    tickets: Type.Optional(Type.Array(TicketId, { description: 'Of cancelled: the tickets that it ended.' })),
    to: Type.Optional(Type.Literal('blocked', { description: 'Of cancelled: the places went off sale.' })),
    reason: Type.Optional(Type.String()),
  },
  { title: 'Change', description: 'One entry of the history.' },
);

export const HoldPage = page('HoldPage', Hold);
export const OrderPage = page('OrderPage', Order);
export const ChangePage = page('ChangePage', Change);

export const LiveChange = Type.Object(
  {
    event: EventId,
    sequence: Sequence,
    seats: Type.Record(Type.String(), Type.Enum(['a', 'h', 's', 'b']), {
      description: 'Letter by label, of seats that changed since the last message.',
    }),
    sections: Type.Array(Type.Object({ id: SectionId, ...moving })),
  },
  { title: 'LiveChange', description: 'Data of `event: change`.' },
);

export const Status = Type.Object({ status: Type.String() }, { title: 'Status' });

export const Problem = Type.Object(
  {
    type: Type.String({ description: 'urn:frontrow:problem: and the code.' }),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String(),
    code: Type.Enum(Object.keys(PROBLEMS), { description: 'Stable; what a program looks at.' }),
    applied: nullable(Type.Boolean(), 'false: nothing was changed; null: it is not known.'),
    requestId: Type.String({ description: 'As in X-Request-Id, and in the log.' }),
    errors: Type.Optional(
      Type.Array(
        Type.Object(
          {
            pointer: Type.String({ description: 'JSON pointer into the body, or ?name of the query.' }),
            code: Type.String(),
            detail: Type.String(),
          },
          { title: 'FieldError' },
        ),
      ),
    ),
    limit: Type.Optional(Type.Integer()),
    requested: Type.Optional(Type.Integer()),
    available: Type.Optional(Type.Integer()),
    held: Type.Optional(Type.Integer()),
    total: Type.Optional(Type.Integer()),
    seats: Type.Optional(Type.Array(SeatLabel)),
    sequence: Type.Optional(Type.Integer()),
    retryAfterMs: Type.Optional(
      Type.Integer({ minimum: 0, description: 'With jitter; beside Retry-After.' }),
    ),
  },
  { title: 'Problem', description: 'RFC 9457, with the numbers behind the refusal where there are any.' },
);
