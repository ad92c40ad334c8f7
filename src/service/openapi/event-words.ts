/**
 * Words of the operations on events and seats.
 */
import { CreateEventBody, PatchEventBody } from '../event-schemas.ts';
import * as eventReplies from '../event-reply-schemas.ts';
import * as replies from '../reply-schemas.ts';
import * as bodies from '../schemas.ts';
import * as examples from './examples.ts';
import { after, limit, made, MUTATED, PUBLIC, states, type OperationWords } from './words.ts';

export const EVENT_WORDS: Readonly<Record<string, OperationWords>> = {
  createEvent: {
    tag: 'Events',
    summary: 'Define an event',
    description:
      'With sections, general ones (a count) or seated ones (rows of seats), or with a capacity alone: one general ' +
      'section called "general". A draft cannot be seen without a key.',
    body: CreateEventBody,
    bodyExamples: { gala: examples.createEventBody, quiz: examples.quizBody },
    success: made(eventReplies.Event, 'The event', examples.event, ['ETag', ...MUTATED]),
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
        schema: eventReplies.EventPage,
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
        schema: [eventReplies.Event, eventReplies.ArchivedEvent],
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
        schema: [eventReplies.Event, eventReplies.ArchivedEvent],
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
};
