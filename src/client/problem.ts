/**
 * What a call can fail with. A FrontrowProblem is an answer: the server said no, or said that something broke.
 * A FrontrowUnreachable is the lack of one. Both say in `applied` whether the change happened:
 * `false` it did not, `null` nobody here knows — ask again under the same idempotency key, and you will.
 */

/** Every code that a server of this version says no with. Source: API.md. */
export type ProblemCode =
  | 'malformed-json'
  | 'bad-target'
  | 'bad-host'
  | 'idempotency-key-required'
  | 'unauthorized'
  | 'forbidden'
  | 'event-not-found'
  | 'hold-not-found'
  | 'order-not-found'
  | 'seat-not-found'
  | 'section-not-found'
  | 'not-found'
  | 'method-not-allowed'
  | 'not-acceptable'
  | 'request-timeout'
  | 'sold-out'
  | 'not-enough-available'
  | 'no-adjacent-seats'
  | 'seat-unavailable'
  | 'price-changed'
  | 'sale-not-started'
  | 'sale-paused'
  | 'sale-closed'
  | 'customer-limit'
  | 'customer-hold-limit'
  | 'extend-limit'
  | 'hold-confirmed'
  | 'hold-expired'
  | 'hold-released'
  | 'order-cancelled'
  | 'event-exists'
  | 'event-in-use'
  | 'capacity-in-use'
  | 'history-trimmed'
  | 'version-mismatch'
  | 'body-too-large'
  | 'unsupported-media-type'
  | 'invalid-request'
  | 'idempotency-mismatch'
  | 'headers-too-large'
  | 'rate-limited'
  | 'internal-error'
  | 'outcome-unknown'
  | 'overloaded'
  | 'worker-lost'
  | 'starting'
  | 'draining'
  | 'journal-stalled'
  | 'journal-full'
  | 'capacity-exhausted';

/** One fault of a request. `pointer` is a JSON pointer into the body, or `?name` for a query parameter. */
export interface ProblemField {
  readonly pointer: string;
  readonly code: string;
  readonly detail: string;
}

/** The request behind a failure, as far as it matters for trying again. */
export interface FailedRequest {
  readonly method: string;
  readonly path: string;
  readonly idempotencyKey: string | null;
}

/** What came instead of a success. */
export interface ProblemAnswer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  /** From the Retry-After header, where the body does not say it. */
  readonly retryAfterMs: number | null;
}

/** An RFC 9457 problem from the server. The numbers behind it are there when the server gave them. */
export class FrontrowProblem extends Error {
  override readonly name = 'FrontrowProblem';
  readonly status: number;
  /**
   * Stable, for programs. `unexpected-reply` when it was no problem+json. A newer server may say what is not listed,
   * so keep a default branch.
   */
  readonly code: ProblemCode | 'unexpected-reply';
  readonly title: string;
  readonly detail: string;
  readonly applied: false | null;
  readonly errors: readonly ProblemField[];
  readonly requestId: string | null;
  readonly limit: number | null;
  readonly requested: number | null;
  readonly available: number | null;
  readonly held: number | null;
  readonly seats: readonly string[];
  readonly sequence: number | null;
  /** How long to wait before trying again helps; null when waiting does not. */
  readonly retryAfterMs: number | null;
  readonly request: FailedRequest;

  constructor(answer: ProblemAnswer, request: FailedRequest, applied: false | null) {
    const { status, body } = answer;
    const title = text(body['title']) ?? `HTTP ${status}`;
    const detail = text(body['detail']) ?? title;
    super(detail);
    this.status = status;
    this.code = (text(body['code']) as ProblemCode | null) ?? 'unexpected-reply';
    this.title = title;
    this.detail = detail;
    this.applied = applied;
    this.errors = Array.isArray(body['errors']) ? (body['errors'] as ProblemField[]) : [];
    this.requestId = text(body['requestId']);
    this.limit = number(body['limit']);
    this.requested = number(body['requested']);
    this.available = number(body['available']);
    this.held = number(body['held']);
    this.seats = Array.isArray(body['seats']) ? (body['seats'] as string[]) : [];
    this.sequence = number(body['sequence']);
    this.retryAfterMs = number(body['retryAfterMs']) ?? answer.retryAfterMs;
    this.request = request;
  }
}

/** No answer came. `cause` keeps what fetch threw. */
export class FrontrowUnreachable extends Error {
  override readonly name = 'FrontrowUnreachable';
  readonly url: string;
  /** `false`: it was never sent, or only a read. `null`: sent, and the answer was lost. */
  readonly applied: false | null;
  readonly request: FailedRequest;

  constructor(url: string, applied: false | null, request: FailedRequest, cause: unknown) {
    super(`no answer from ${url}: ${reasonOf(cause)}`, { cause });
    this.url = url;
    this.applied = applied;
    this.request = request;
  }
}

/** Failures before the first byte went out: whatever was asked for has certainly not happened. */
const UNSENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EACCES',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** True when the request cannot have reached the server. A browser does not say why, so there it is false. */
export function wasNeverSent(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  if (!(cause instanceof Error)) return false;
  return UNSENT.has(codeOf(cause)) || cause.message === 'bad port';
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause;
  if (!(cause instanceof Error)) return error.message;
  return cause.message || codeOf(cause) || error.message;
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : '';
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

function number(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}
