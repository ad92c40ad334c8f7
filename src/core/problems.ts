/**
 * The one table of problem codes: what can be said no with, and the HTTP status of each. Source: API.md.
 * `applied: false` goes with all of them but `outcome-unknown` and `internal-error`, whose effect is not known.
 */
import { quoted } from './json-text.ts';

export const PROBLEMS = {
  'malformed-json': [400, 'The body is not valid JSON'],
  'bad-target': [400, 'The request target is not valid'],
  'bad-host': [400, 'The Host header is not accepted here'],
  'idempotency-key-required': [400, 'This call needs an Idempotency-Key'],
  unauthorized: [401, 'A valid key is needed'],
  forbidden: [403, 'The key does not allow this'],
  'event-not-found': [404, 'There is no such event'],
  'hold-not-found': [404, 'There is no such hold'],
  'order-not-found': [404, 'There is no such order'],
  'seat-not-found': [404, 'There is no such seat'],
  'section-not-found': [404, 'There is no such section'],
  'not-found': [404, 'There is nothing here'],
  'method-not-allowed': [405, 'That method is not allowed here'],
  'not-acceptable': [406, 'No representation matches the Accept header'],
  'request-timeout': [408, 'The request did not arrive in time'],
  'sold-out': [409, 'Sold out'],
  'not-enough-available': [409, 'Not enough places are available'],
  'no-adjacent-seats': [409, 'No adjacent seats are available'],
  'seat-unavailable': [409, 'A seat is not available'],
  'price-changed': [409, 'The total is not what was expected'],
  'sale-not-started': [409, 'The sale has not started'],
  'sale-paused': [409, 'The sale is paused'],
  'sale-closed': [409, 'The sale is closed'],
  'customer-limit': [409, 'The customer would have too many tickets'],
  'customer-hold-limit': [409, 'The customer has too many holds'],
  'extend-limit': [409, 'The hold cannot be extended any further'],
  'hold-confirmed': [409, 'The hold is confirmed already'],
  'hold-expired': [409, 'The hold has expired'],
  'hold-released': [409, 'The hold was released'],
  'order-cancelled': [409, 'The order is cancelled'],
  'event-exists': [409, 'An event with that id exists'],
  'event-in-use': [409, 'The event has holds that are alive'],
  'capacity-in-use': [409, 'More places are taken than that'],
  'history-trimmed': [410, 'That part of the history was trimmed'],
  'version-mismatch': [412, 'The event has changed since'],
  'body-too-large': [413, 'The body is too large'],
  'unsupported-media-type': [415, 'The body is not application/json'],
  'invalid-request': [422, 'The request is not valid'],
  'idempotency-mismatch': [422, 'The Idempotency-Key was used with another request'],
  'headers-too-large': [431, 'The headers are too large'],
  'rate-limited': [429, 'Too many requests'],
  'internal-error': [500, 'Something broke inside the server'],
  'outcome-unknown': [500, 'Whether the change was applied is not known'],
  overloaded: [503, 'Too much work is waiting'],
  'worker-lost': [503, 'The worker that served this was lost'],
  starting: [503, 'The server is starting'],
  draining: [503, 'The server is shutting down'],
  'journal-stalled': [503, 'The journal does not answer'],
  'journal-full': [507, 'The journal has no room'],
  'capacity-exhausted': [507, 'The memory set aside is used up'],
} as const satisfies Record<string, readonly [status: number, title: string]>;

export type ProblemCode = keyof typeof PROBLEMS;

/** One fault of a request body or query. `pointer` is a JSON pointer (RFC 6901), or `?name` for a query. */
export interface FieldError {
  readonly pointer: string;
  readonly code: string;
  readonly detail: string;
}

/** The members of RFC 9457 problem details plus ours. Undefined members are left out of the JSON. */
export interface ProblemExtras {
  readonly detail?: string | undefined;
  readonly applied?: boolean | null | undefined;
  readonly errors?: readonly FieldError[] | undefined;
  readonly limit?: number | undefined;
  readonly requested?: number | undefined;
  readonly available?: number | undefined;
  readonly held?: number | undefined;
  /** Of price-changed: what it would cost, minor units. */
  readonly total?: number | undefined;
  readonly seats?: readonly string[] | undefined;
  readonly sequence?: number | undefined;
  readonly retryAfterMs?: number | undefined;
}

/** Members that come as they are, in this order. */
const MEMBERS = [
  'errors',
  'limit',
  'requested',
  'available',
  'held',
  'total',
  'seats',
  'sequence',
  'retryAfterMs',
] as const satisfies readonly (keyof ProblemExtras)[];

/** RFC 9457 body as JSON text, its type first. `requestId` ties it to the log line. */
export function problemJson(code: ProblemCode, requestId: string, extras: ProblemExtras = {}): string {
  const [status, title] = PROBLEMS[code];
  const { detail = title, applied } = extras;
  const unknown = code === 'outcome-unknown' || code === 'internal-error';
  let text =
    `{"type":"urn:frontrow:problem:${code}","title":"${title}","status":${status},"detail":${quoted(detail)},` +
    `"code":"${code}","applied":${applied !== undefined ? applied : unknown ? null : false},` +
    `"requestId":${quoted(requestId)}`;
  for (const name of MEMBERS) {
    const value = extras[name];
    if (value !== undefined)
      text += `,"${name}":${typeof value === 'number' ? value : JSON.stringify(value)}`;
  }
  return `${text}}`;
}
