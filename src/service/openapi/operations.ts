/**
 * What the document says of each operation beside what core/operations.ts knows: words, query, bodies and replies.
 */
import type Type from 'typebox';
import { CUSTOMER_BYTES_MAX, REFERENCE_BYTES_MAX } from '../../core/limits.ts';
import { CreateEventBody, PatchEventBody } from '../event-schemas.ts';
import * as replies from '../reply-schemas.ts';
import * as bodies from '../schemas.ts';
import * as examples from './examples.ts';

export interface QueryParameter {
  readonly name: string;
  readonly description: string;
  readonly schema: object;
}

export interface Success {
  readonly status: number;
  readonly description: string;
  /** Left out: no body. A text is a type that is not JSON. */
  readonly schema?: Type.TSchema | readonly Type.TSchema[] | 'text/event-stream';
  readonly example?: unknown;
  /** And as `application/octet-stream`, for who asks for it. */
  readonly octets?: string;
  /** Names of headers beside those that every reply has; see components.ts. */
  readonly headers: readonly string[];
}

export interface OperationWords {
  readonly tag: string;
  readonly summary: string;
  readonly description: string;
  readonly query?: readonly QueryParameter[];
  readonly body?: Type.TSchema;
  readonly bodyExamples?: Readonly<Record<string, unknown>>;
  readonly success: readonly Success[];
}

const limit: QueryParameter = {
  name: 'limit',
  description: 'Entries on the page.',
  schema: { type: 'integer', minimum: 1, maximum: 500, default: 50 },
};
function after(what: string): QueryParameter {
  return { name: 'after', description: `${what}; left out: from the beginning.`, schema: { type: 'string' } };
}
function states(names: readonly string[], description: string): QueryParameter {
  const alternatives = names.join('|');
  return {
    name: 'state',
    description: `${description} Separated by commas: ${names.join(', ')}.`,
    schema: { type: 'string', pattern: `^(${alternatives})(,(${alternatives}))*$` },
  };
}
const text = (name: string, bytesMax: number, description: string): QueryParameter => ({
  name,
  description,
  schema: { type: 'string', minLength: 1, maxLength: bytesMax },
});
const claimFilters = (names: readonly string[]): readonly QueryParameter[] => [
  text('customer', CUSTOMER_BYTES_MAX, 'Exactly this customer.'),
  text('reference', REFERENCE_BYTES_MAX, 'Exactly this reference.'),
  states(names, 'Only these states; left out: all.'),
  limit,
  after('The next of the page before'),
];

const PUBLIC = ['ETag'];
const MUTATED = ['Frontrow-Sequence', 'Idempotency-Replayed'];

function made(
  schema: Type.TSchema,
  what: string,
  example: unknown,
  headers: readonly string[] = MUTATED,
): readonly Success[] {
  return [
    { status: 201, description: `${what}.`, schema, example, headers: [...headers, 'Location'] },
    {
      status: 200,
      description: 'It had happened before: the thing as it is now.',
      schema,
      headers,
    },
  ];
}

export const OPERATION_WORDS: Readonly<Record<string, OperationWords>> = {
  createEvent: {
    tag: 'Events',
    summary: 'Define an event',
    description:
      'With sections, general ones (a count) or seated ones (rows of seats), or with a capacity alone: one general ' +
      'section called "general". A draft cannot be seen without a key.',
    body: CreateEventBody,
    bodyExamples: { gala: examples.createEventBody, quiz: examples.quizBody },
    success: made(replies.Event, 'The event', examples.event, ['ETag', ...MUTATED]),
  },
  listEvents: {
    tag: 'Events',
    summary: 'List events',
    description:
      'Drafts are listed for a key that covers them. Archived events, of which little is left, only where `state` asks.',
    query: [
      {
        name: 'include',
        description: 'Add the counts of places.',
        schema: { type: 'string', enum: ['availability'] },
      },
      states(
        ['draft', 'open', 'paused', 'closed', 'archived'],
        'Only these states; left out: all but archived.',
      ),
      limit,
      after('The next of the page before'),
    ],
    success: [
      {
        status: 200,
        description: 'A page.',
        schema: replies.EventPage,
        example: examples.eventPage,
        headers: [],
      },
    ],
  },
  getEvent: {
    tag: 'Events',
    summary: 'Read an event',
    description: 'Its definition; of an archived event, the summary that is left.',
    success: [
      {
        status: 200,
        description: 'The event.',
        schema: [replies.Event, replies.ArchivedEvent],
        example: examples.event,
        headers: PUBLIC,
      },
    ],
  },
  patchEvent: {
    tag: 'Events',
    summary: 'Change an event',
    description:
      'What is left out stays. State moves `draft → open ⇄ paused → closed → archived`; draft and open may be closed ' +
      'at once. Sections may be added, never removed; rows never change. Capacity may grow, and shrink to what is ' +
      'taken. Archiving gives memory back: claims and seats are gone then, the history stays until it is trimmed. ' +
      'A patch that changes nothing leaves the version as it is.',
    body: PatchEventBody,
    bodyExamples: { pause: examples.patchBody },
    success: [
      {
        status: 200,
        description: 'The event as it is now.',
        schema: [replies.Event, replies.ArchivedEvent],
        example: examples.event,
        headers: ['ETag', ...MUTATED],
      },
    ],
  },
  availability: {
    tag: 'Events',
    summary: 'Count places',
    description:
      'Of the event and of each section, all at one sequence: available + held + sold + blocked = capacity.',
    success: [
      {
        status: 200,
        description: 'The counts.',
        schema: replies.Availability,
        example: examples.availability,
        headers: ['Frontrow-Sequence', ...PUBLIC],
      },
    ],
  },
  seats: {
    tag: 'Seats',
    summary: 'Read the seat map',
    description:
      'All seats at one sequence, as letters by row. With `Accept: application/octet-stream` two bits a seat in the ' +
      "definition's order, four seats a byte, the first in the lowest bits: 0 available, 1 held, 2 sold, 3 blocked.",
    query: [{ name: 'section', description: 'Only this section.', schema: { type: 'string' } }],
    success: [
      {
        status: 200,
        description: 'The seats.',
        schema: replies.SeatMap,
        example: examples.seatMap,
        octets: 'Two bits a seat.',
        headers: ['Frontrow-Sequence', ...PUBLIC],
      },
    ],
  },
  seat: {
    tag: 'Seats',
    summary: 'Read one seat',
    description: 'Whose it is and until when is told to readers and up.',
    success: [
      {
        status: 200,
        description: 'The seat.',
        schema: replies.Seat,
        example: examples.seat,
        headers: ['Frontrow-Sequence'],
      },
    ],
  },
  block: {
    tag: 'Seats',
    summary: 'Take places off sale',
    description:
      'All or nothing, 2,000 places at most. Seats that are blocked already do not count and do not fail; a held or ' +
      'sold one does.',
    body: bodies.BlockBody,
    bodyExamples: { camera: examples.blockBody },
    success: [
      {
        status: 200,
        description: 'How many places changed, and the counts of the sections named.',
        schema: replies.BlockResult,
        example: examples.blockResult,
        headers: MUTATED,
      },
    ],
  },
  unblock: {
    tag: 'Seats',
    summary: 'Put places back on sale',
    description: 'As block, the other way round.',
    body: bodies.BlockBody,
    bodyExamples: { camera: examples.blockBody },
    success: [
      {
        status: 200,
        description: 'How many places changed, and the counts of the sections named.',
        schema: replies.BlockResult,
        headers: MUTATED,
      },
    ],
  },
  history: {
    tag: 'Events',
    summary: 'Read what happened',
    description:
      'Every accepted change in the order of its sequence, as long as it is kept; older ones are 410. A page looks at ' +
      'a bounded part of the journal: it may be empty and have a next.',
    query: [
      {
        name: 'seat',
        description: 'Only changes of this seat: section-row-number.',
        schema: { type: 'string' },
      },
      limit,
      after('A sequence, or the next of the page before'),
    ],
    success: [
      {
        status: 200,
        description: 'A page.',
        schema: replies.ChangePage,
        example: examples.changePage,
        headers: [],
      },
    ],
  },
  changes: {
    tag: 'Events',
    summary: 'Follow an event',
    description:
      'Server-sent events. `change`: places whose state is another than in the last message, and the counts of all ' +
      'sections (LiveChange). `reset`: what was seen before leads nowhere, read the seat map anew. `end`: the event is ' +
      'gone or the server shuts down. A comment every 15 s shows that the line is alive.',
    query: [
      {
        name: 'after',
        description: 'Go on from this sequence. Last-Event-ID does the same; with neither: from now on.',
        schema: { type: 'integer', minimum: 0 },
      },
    ],
    success: [
      {
        status: 200,
        description: 'The stream.',
        schema: 'text/event-stream',
        example: examples.stream,
        headers: [],
      },
    ],
  },
  createHold: {
    tag: 'Holds',
    summary: 'Hold places',
    description:
      'All or nothing, until a deadline. An item is a seat by its label, or a number of places in a section: of a ' +
      'seated section the best ones, side by side if they can be had so (`adjacent`). Prices are fixed now.',
    body: bodies.CreateHoldBody,
    bodyExamples: { seats: examples.createHoldBody, best: examples.bestSeatsBody },
    success: made(replies.Hold, 'The hold', examples.hold),
  },
  listHolds: {
    tag: 'Holds',
    summary: 'List holds of an event',
    description:
      'About in the order of their making. Ended holds are listed for an hour, while there is room. A page looks at a ' +
      'bounded part of memory: it may be empty and have a next.',
    query: claimFilters(['held', 'confirmed', 'released', 'expired']),
    success: [
      {
        status: 200,
        description: 'A page.',
        schema: replies.HoldPage,
        example: examples.holdPage,
        headers: [],
      },
    ],
  },
  getHold: {
    tag: 'Holds',
    summary: 'Read a hold',
    description: 'An ended one stays readable for an hour, while there is room.',
    success: [
      {
        status: 200,
        description: 'The hold.',
        schema: replies.Hold,
        example: examples.hold,
        headers: ['Frontrow-Sequence'],
      },
    ],
  },
  releaseHold: {
    tag: 'Holds',
    summary: 'Release a hold',
    description: 'Its places are free again. Again: 204.',
    success: [{ status: 204, description: 'It is released.', headers: MUTATED }],
  },
  changeHold: {
    tag: 'Holds',
    summary: 'Change a hold',
    description: 'Add and remove places, all or nothing; the deadline stays.',
    body: bodies.ChangeBody,
    bodyExamples: { swap: examples.changeBody },
    success: [
      {
        status: 200,
        description: 'The hold.',
        schema: replies.Hold,
        example: examples.hold,
        headers: MUTATED,
      },
    ],
  },
  extendHold: {
    tag: 'Holds',
    summary: 'Extend a hold',
    description: 'Never shortens it; at most to createdAt + maxHoldSeconds.',
    body: bodies.ExtendBody,
    bodyExamples: { five: examples.extendBody },
    success: [
      {
        status: 200,
        description: 'The hold.',
        schema: replies.Hold,
        example: examples.hold,
        headers: MUTATED,
      },
    ],
  },
  confirmHold: {
    tag: 'Holds',
    summary: 'Confirm a hold: sell its places',
    description:
      'Again: 200, the same order, unchanged. With `ifExpired: "retake"` an expired hold is confirmed too, if its ' +
      'places are all still free.',
    body: bodies.ConfirmBody,
    bodyExamples: { paid: examples.confirmBody },
    success: made(replies.Order, 'The order', examples.order),
  },
  createOrder: {
    tag: 'Orders',
    summary: 'Sell places at once',
    description: 'Hold and confirm in one step. Needs an Idempotency-Key.',
    body: bodies.CreateOrderBody,
    bodyExamples: { floor: examples.createOrderBody },
    success: made(replies.Order, 'The order', examples.order),
  },
  listOrders: {
    tag: 'Orders',
    summary: 'List orders of an event',
    description:
      'About in the order of their making. A page looks at a bounded part of memory: it may be empty and have a next.',
    query: claimFilters(['confirmed', 'cancelled']),
    success: [
      {
        status: 200,
        description: 'A page.',
        schema: replies.OrderPage,
        example: examples.orderPage,
        headers: [],
      },
    ],
  },
  getOrder: {
    tag: 'Orders',
    summary: 'Read an order',
    description: 'With its tickets.',
    success: [
      {
        status: 200,
        description: 'The order.',
        schema: replies.Order,
        example: examples.order,
        headers: ['Frontrow-Sequence'],
      },
    ],
  },
  cancelOrder: {
    tag: 'Orders',
    summary: 'Cancel tickets of an order',
    description: 'All of them, or those named. Their places are free again, or off sale. Again: 200.',
    body: bodies.CancelBody,
    bodyExamples: { one: examples.cancelBody },
    success: [
      {
        status: 200,
        description: 'The order.',
        schema: replies.Order,
        example: examples.order,
        headers: MUTATED,
      },
    ],
  },
};
