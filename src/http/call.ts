/** A request that has a head: what was made of it, and how it goes on to the dispatcher. Main thread. */
import type { BatchRequest } from '../core/batch.ts';
import { BLOCK_BODY_BYTES_MAX, BODY_BYTES_MAX, EVENT_BODY_BYTES_MAX } from '../core/limits.ts';
import { BLOCK, CREATE_EVENT, isMutation, PATCH_EVENT, UNBLOCK } from '../core/operations.ts';
import type { Operation } from '../core/operations.ts';
import type { ProblemCode, ProblemExtras } from '../core/problems.ts';
import { roleFor } from './caller.ts';
import type { Caller } from './caller.ts';
import type { Refusal } from './checks.ts';
import type { Admission, Exchange, Reply } from './listener.ts';
import { problemReply } from './reply.ts';
import type { Match, Route } from './router.ts';

/**
 * Of a body that nobody will read, so that its connection can go on; a longer one ends it. Little: who may do nothing
 * should not be able to fill the room that bodies are received in.
 */
const REFUSED_BODY_BYTES_MAX = 16 * 1024;

export interface Call extends Admission {
  readonly method: string;
  readonly requestId: string;
  /** Null only with a refusal. */
  readonly match: Match | null;
  /** Null with a refusal, perhaps, and for the health calls, which ask nobody. */
  readonly caller: Caller | null;
  readonly octets: boolean;
  /** Why it is refused; empty if it is not. */
  readonly code: ProblemCode | '';
  /** When the head was there; 0 if nobody wants to know how long it took. */
  readonly startedMs: number;
}

/** What a call may still be refused for without a word more. */
export function refusalOf(code: ProblemCode, extras: ProblemExtras = {}): Refusal {
  return { code, extras, close: false };
}

export function admitted(
  method: string,
  requestId: string,
  match: Match,
  caller: Caller | null,
  octets: boolean,
  startedMs: number,
): Call {
  const operation = operationOf(match.route);
  return {
    method,
    requestId,
    match,
    caller,
    octets,
    code: '',
    startedMs,
    bodyBytesMax: bodyBytesMax(operation),
    // A stream waits for what was asked before it, and has the connection to itself from there.
    safe: operation === null || (operation.method === 'GET' && operation.lane !== 'stream'),
    refusal: null,
  };
}

export function refused(
  method: string,
  requestId: string,
  refusal: Refusal,
  match: Match | null,
  caller: Caller | null,
  startedMs: number,
  allow?: string,
): Call {
  const { code, extras, close, authenticate } = refusal;
  const negotiates = match !== null && match.route.negotiates;
  const reply: Reply = problemReply(code, requestId, extras, { close, authenticate, allow, negotiates });
  return {
    method,
    requestId,
    match,
    caller,
    octets: false,
    code,
    startedMs,
    bodyBytesMax: REFUSED_BODY_BYTES_MAX,
    safe: true,
    refusal: reply,
  };
}

export function operationOf(route: Route): Operation | null {
  return route.kind === 'operation' ? route.operation : null;
}

function bodyBytesMax(operation: Operation | null): number {
  if (operation === CREATE_EVENT || operation === PATCH_EVENT) return EVENT_BODY_BYTES_MAX;
  return operation === BLOCK || operation === UNBLOCK ? BLOCK_BODY_BYTES_MAX : BODY_BYTES_MAX;
}

export function batchRequest(
  exchange: Exchange<Call>,
  operation: Operation,
  match: Match,
  caller: Caller,
  variesByKey: boolean,
): BatchRequest {
  const { head, admission } = exchange;
  return {
    operation: operation.code,
    receivedAtMs: exchange.receivedAtMs,
    subject: match.subject,
    seat: match.seat,
    query: match.query,
    idempotencyKey: isMutation(operation) ? (head.idempotencyKey ?? '') : '',
    ifNoneMatch: operation.method === 'GET' ? (head.ifNoneMatch ?? '') : '',
    ifMatch: operation === PATCH_EVENT ? (head.ifMatch ?? '') : '',
    client: caller.client,
    keyId: caller.keyId,
    role: roleFor(caller, operation, match.subject),
    events: caller.events,
    requestId: admission.requestId,
    octets: admission.octets,
    variesByKey,
    body: exchange.body,
    fact: 0,
  };
}
