/**
 * The operations of the public interface, one row each: what the router matches, what a batch carries as its
 * operation code, and which lane a request takes. Codes cross threads and are not stored; names are part of stored
 * idempotency keys and never change.
 */

import type { Role } from './roles.ts';

export type SubjectKind = 'none' | 'event' | 'hold' | 'order';

export interface Operation {
  readonly code: number;
  readonly name: string;
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Path template; `:subject` is the event or claim id, `:seat` a seat label. */
  readonly path: string;
  readonly subject: SubjectKind;
  /**
   * write: one batch per event in flight, under the mutex; registry: the same, but in the registry's lane, since it may
   * take or give memory; read: beside it; history: the history thread; stream: live updates, kept by the main thread.
   */
  readonly lane: 'write' | 'registry' | 'read' | 'history' | 'stream';
  /** Whether the call takes a JSON body: always, never, or if the caller likes. */
  readonly body: 'required' | 'optional' | 'none';
  readonly keyRequired: boolean;
  /** What a caller must at least be. Source: API.md, Who may what. */
  readonly role: Role;
  /** Never routed: the main thread asks a worker for it. */
  readonly internal: boolean;
}

type OperationSpec = Omit<Operation, 'body' | 'keyRequired' | 'internal'> &
  Partial<Pick<Operation, 'body' | 'keyRequired' | 'internal'>>;

function operation(spec: OperationSpec): Operation {
  return { body: 'none', keyRequired: false, internal: false, ...spec };
}

export const CREATE_EVENT = operation({
  code: 1,
  name: 'createEvent',
  method: 'POST',
  path: '/v1/events',
  subject: 'none',
  lane: 'registry',
  role: 'admin',
  body: 'required',
});
export const LIST_EVENTS = operation({
  code: 2,
  name: 'listEvents',
  method: 'GET',
  path: '/v1/events',
  subject: 'none',
  lane: 'read',
  role: 'none',
});
export const GET_EVENT = operation({
  code: 3,
  name: 'getEvent',
  method: 'GET',
  path: '/v1/events/:subject',
  subject: 'event',
  lane: 'read',
  role: 'none',
});
export const AVAILABILITY = operation({
  code: 4,
  name: 'availability',
  method: 'GET',
  path: '/v1/events/:subject/availability',
  subject: 'event',
  lane: 'read',
  role: 'none',
});
export const SEATS = operation({
  code: 5,
  name: 'seats',
  method: 'GET',
  path: '/v1/events/:subject/seats',
  subject: 'event',
  lane: 'read',
  role: 'none',
});
export const SEAT = operation({
  code: 6,
  name: 'seat',
  method: 'GET',
  path: '/v1/events/:subject/seats/:seat',
  subject: 'event',
  lane: 'read',
  role: 'none',
});
export const HISTORY = operation({
  code: 7,
  name: 'history',
  method: 'GET',
  path: '/v1/events/:subject/history',
  subject: 'event',
  lane: 'history',
  role: 'reader',
});
export const CREATE_HOLD = operation({
  code: 8,
  name: 'createHold',
  method: 'POST',
  path: '/v1/events/:subject/holds',
  subject: 'event',
  lane: 'write',
  role: 'sales',
  body: 'required',
});
export const GET_HOLD = operation({
  code: 9,
  name: 'getHold',
  method: 'GET',
  path: '/v1/holds/:subject',
  subject: 'hold',
  lane: 'read',
  role: 'reader',
});
export const RELEASE_HOLD = operation({
  code: 10,
  name: 'releaseHold',
  method: 'DELETE',
  path: '/v1/holds/:subject',
  subject: 'hold',
  lane: 'write',
  role: 'sales',
});
export const CONFIRM_HOLD = operation({
  code: 11,
  name: 'confirmHold',
  method: 'POST',
  path: '/v1/holds/:subject/confirm',
  subject: 'hold',
  lane: 'write',
  role: 'sales',
  body: 'optional',
});
export const CREATE_ORDER = operation({
  code: 12,
  name: 'createOrder',
  method: 'POST',
  path: '/v1/events/:subject/orders',
  subject: 'event',
  lane: 'write',
  role: 'sales',
  body: 'required',
  keyRequired: true,
});
export const GET_ORDER = operation({
  code: 13,
  name: 'getOrder',
  method: 'GET',
  path: '/v1/orders/:subject',
  subject: 'order',
  lane: 'read',
  role: 'reader',
});
export const CANCEL_ORDER = operation({
  code: 14,
  name: 'cancelOrder',
  method: 'POST',
  path: '/v1/orders/:subject/cancel',
  subject: 'order',
  lane: 'write',
  role: 'sales',
  body: 'optional',
});
export const CHANGES = operation({
  code: 15,
  name: 'changes',
  method: 'GET',
  path: '/v1/events/:subject/changes',
  subject: 'event',
  lane: 'stream',
  role: 'none',
});
export const PATCH_EVENT = operation({
  code: 16,
  name: 'patchEvent',
  method: 'PATCH',
  path: '/v1/events/:subject',
  subject: 'event',
  lane: 'registry',
  role: 'admin',
  body: 'required',
});
export const CHANGE_HOLD = operation({
  code: 17,
  name: 'changeHold',
  method: 'POST',
  path: '/v1/holds/:subject/change',
  subject: 'hold',
  lane: 'write',
  role: 'sales',
  body: 'required',
});
export const EXTEND_HOLD = operation({
  code: 18,
  name: 'extendHold',
  method: 'POST',
  path: '/v1/holds/:subject/extend',
  subject: 'hold',
  lane: 'write',
  role: 'sales',
  body: 'required',
});
export const LIST_HOLDS = operation({
  code: 19,
  name: 'listHolds',
  method: 'GET',
  path: '/v1/events/:subject/holds',
  subject: 'event',
  lane: 'read',
  role: 'reader',
});
export const LIST_ORDERS = operation({
  code: 20,
  name: 'listOrders',
  method: 'GET',
  path: '/v1/events/:subject/orders',
  subject: 'event',
  lane: 'read',
  role: 'reader',
});
export const BLOCK = operation({
  code: 21,
  name: 'block',
  method: 'POST',
  path: '/v1/events/:subject/block',
  subject: 'event',
  lane: 'write',
  role: 'admin',
  body: 'required',
});
export const UNBLOCK = operation({
  code: 22,
  name: 'unblock',
  method: 'POST',
  path: '/v1/events/:subject/unblock',
  subject: 'event',
  lane: 'write',
  role: 'admin',
  body: 'required',
});
/** What has changed since a sequence, for live updates: `?after=`. */
export const READ_CHANGES = operation({
  code: 23,
  name: 'readChanges',
  method: 'GET',
  path: '/v1/events/:subject/changes',
  subject: 'event',
  lane: 'read',
  role: 'none',
  internal: true,
});

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
  CHANGES,
  PATCH_EVENT,
  CHANGE_HOLD,
  EXTEND_HOLD,
  LIST_HOLDS,
  LIST_ORDERS,
  BLOCK,
  UNBLOCK,
  READ_CHANGES,
];

/** Whether a call changes something: it may carry an idempotency key, and needs room in the journal. */
export function isMutation({ lane }: Operation): boolean {
  return lane === 'write' || lane === 'registry';
}
