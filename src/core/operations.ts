/**
 * The operations of the public interface, one row each: what the router matches, what a batch carries as its
 * operation code, and which lane a request takes. Codes cross threads and are not stored; names are part of stored
 * idempotency keys and never change.
 */

export type SubjectKind = 'none' | 'event' | 'hold' | 'order';

export interface Operation {
  readonly code: number;
  readonly name: string;
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Path template; `:subject` is the event or claim id, `:seat` a seat label. */
  readonly path: string;
  readonly subject: SubjectKind;
  /** write: one batch per event in flight, under the mutex; read: beside it; history: the history thread. */
  readonly lane: 'write' | 'read' | 'history';
  /** Whether the call takes a JSON body: always, never, or if the caller likes. */
  readonly body: 'required' | 'optional' | 'none';
  readonly keyRequired: boolean;
}

function operation(
  code: number,
  name: string,
  method: Operation['method'],
  path: string,
  subject: SubjectKind,
  lane: Operation['lane'],
  body: Operation['body'] = 'none',
  keyRequired = false,
): Operation {
  return { code, name, method, path, subject, lane, body, keyRequired };
}

export const CREATE_EVENT = operation(1, 'createEvent', 'POST', '/v1/events', 'none', 'write', 'required');
export const LIST_EVENTS = operation(2, 'listEvents', 'GET', '/v1/events', 'none', 'read');
export const GET_EVENT = operation(3, 'getEvent', 'GET', '/v1/events/:subject', 'event', 'read');
export const AVAILABILITY = operation(
  4,
  'availability',
  'GET',
  '/v1/events/:subject/availability',
  'event',
  'read',
);
export const SEATS = operation(5, 'seats', 'GET', '/v1/events/:subject/seats', 'event', 'read');
export const SEAT = operation(6, 'seat', 'GET', '/v1/events/:subject/seats/:seat', 'event', 'read');
export const HISTORY = operation(7, 'history', 'GET', '/v1/events/:subject/history', 'event', 'history');
export const CREATE_HOLD = operation(
  8,
  'createHold',
  'POST',
  '/v1/events/:subject/holds',
  'event',
  'write',
  'required',
);
export const GET_HOLD = operation(9, 'getHold', 'GET', '/v1/holds/:subject', 'hold', 'read');
export const RELEASE_HOLD = operation(10, 'releaseHold', 'DELETE', '/v1/holds/:subject', 'hold', 'write');
export const CONFIRM_HOLD = operation(
  11,
  'confirmHold',
  'POST',
  '/v1/holds/:subject/confirm',
  'hold',
  'write',
  'optional',
);
export const CREATE_ORDER = operation(
  12,
  'createOrder',
  'POST',
  '/v1/events/:subject/orders',
  'event',
  'write',
  'required',
  true,
);
export const GET_ORDER = operation(13, 'getOrder', 'GET', '/v1/orders/:subject', 'order', 'read');
export const CANCEL_ORDER = operation(
  14,
  'cancelOrder',
  'POST',
  '/v1/orders/:subject/cancel',
  'order',
  'write',
  'optional',
);

export const OPERATIONS: readonly Operation[] = [
  CREATE_EVENT,
  LIST_EVENTS,
  GET_EVENT,
  AVAILABILITY,
  SEATS,
  SEAT,
  HISTORY,
  CREATE_HOLD,
  GET_HOLD,
  RELEASE_HOLD,
  CONFIRM_HOLD,
  CREATE_ORDER,
  GET_ORDER,
  CANCEL_ORDER,
];
