/**
 * The HTTP service: listener, router and checks in front of a RequestSink. Main thread; bodies pass as bytes.
 *
 *   admit   head → request id, framing, Host, route, state, Accept, body's type, query, key → Call, refused or not
 *   handle  body there → its presence, state again → BatchRequest → sink.submit
 *   reply   SinkReply → status, headers, bytes
 *
 * A refusal here has changed nothing: the sink has not heard of the request.
 */
import { randomBytes } from 'node:crypto';
import type { BatchRequest } from '../core/batch.ts';
import { BODY_BYTES_MAX, EVENT_BODY_BYTES_MAX } from '../core/limits.ts';
import { CREATE_EVENT, isMutation } from '../core/operations.ts';
import type { Operation } from '../core/operations.ts';
import type { ProblemCode } from '../core/problems.ts';
import type { RequestSink, ServiceState, SinkReply } from '../dispatch/sink.ts';
import { parseAccept } from './accept.ts';
import {
  checkBody,
  checkContent,
  checkFraming,
  checkHost,
  checkKey,
  checkQuery,
  usableRequestId,
} from './checks.ts';
import type { Refusal } from './checks.ts';
import type { RequestHead } from './head.ts';
import { LISTENER_DEFAULTS } from './listener.ts';
import type {
  Admission,
  Exchange,
  Listener,
  ListenerFactory,
  ListenerOptions,
  Reply,
  RequestHandler,
} from './listener.ts';
import { createNodeListener } from './node-listener.ts';
import { problemReply, replyOf, statusReply } from './reply.ts';
import { Router } from './router.ts';
import type { Match } from './router.ts';

/** The part of a pino logger that is used here. */
export interface HttpLogger {
  error(fields: object, message: string): void;
}

export interface HttpServiceOptions {
  readonly sink: RequestSink;
  readonly connectionsMax: number;
  readonly logger?: HttpLogger;
  /** node:http unless another is given. */
  readonly listener?: ListenerFactory;
  /** Timeouts and buffer limits other than the defaults. */
  readonly limits?: Partial<typeof LISTENER_DEFAULTS>;
}

export interface HttpService {
  /** @returns the actual port. @throws FrontrowError `listen-failed` */
  listen(host: string, port: number): Promise<number>;
  /**
   * Refuses new calls with `draining`, answers what was handed to the sink, and closes. The sink must go on
   * answering until this is through.
   * @returns whether everything was answered within `timeoutMs`
   */
  drain(timeoutMs: number): Promise<boolean>;
}

export function createHttpService(options: HttpServiceOptions): HttpService {
  return new Service(options);
}

/** What admit() made of a head. `match` is null only with a refusal. */
interface Call extends Admission {
  readonly requestId: string;
  readonly match: Match | null;
  readonly octets: boolean;
}

const RETRY_AFTER_MS = 500;

class Service implements HttpService, RequestHandler<Call> {
  readonly #sink: RequestSink;
  readonly #logger: HttpLogger | null;
  readonly #router = new Router();
  readonly #listener: Listener;
  /** Ids made here: a random prefix for the process and a count. They tell requests apart; they prove nothing. */
  readonly #idPrefix = randomBytes(6).toString('hex');
  #idCount = 0;
  #draining = false;

  constructor(options: HttpServiceOptions) {
    this.#sink = options.sink;
    this.#logger = options.logger ?? null;
    const listenerOptions: ListenerOptions = {
      ...LISTENER_DEFAULTS,
      ...options.limits,
      connectionsMax: options.connectionsMax,
      now: () => this.#sink.now(),
    };
    this.#listener = (options.listener ?? createNodeListener)(this, listenerOptions);
  }

  listen(host: string, port: number): Promise<number> {
    return this.#listener.start(host, port);
  }

  drain(timeoutMs: number): Promise<boolean> {
    this.#draining = true;
    return this.#listener.drain(timeoutMs);
  }

  admit(head: RequestHead): Call {
    const requestId = usableRequestId(head.requestId) ?? this.#nextId();
    const refused = checkFraming(head) ?? checkHost(head);
    if (refused !== null) return refuse(requestId, refused, null);

    const routed = this.#router.route(head.method, head.target);
    switch (routed.kind) {
      case 'match':
        return this.#admitMatch(head, requestId, routed);
      case 'bad-target':
        return refuse(
          requestId,
          { code: 'bad-target', extras: { detail: routed.detail }, close: false },
          null,
        );
      case 'not-found':
        return refuse(requestId, { code: 'not-found', extras: {}, close: false }, null);
      case 'method-not-allowed': {
        const detail = `Allowed here: ${routed.allow}`;
        const reply = problemReply('method-not-allowed', requestId, { detail }, { allow: routed.allow });
        return refusedCall(requestId, reply, null);
      }
    }
  }

  handle(exchange: Exchange<Call>): void {
    const { requestId, match, octets } = exchange.admission;
    // A refused call is answered by the listener; without a match there is nothing to handle.
    if (match === null)
      return exchange.reply(this.refuse('internal-error', 'An unrouted call got through', requestId));
    const { operation, negotiates } = match.route;
    const refused = checkBody(operation?.body ?? 'none', exchange.body) ?? this.#checkState(match);
    if (refused !== null)
      return exchange.reply(problemReply(refused.code, requestId, refused.extras, { negotiates }));
    if (operation === null) {
      const status = match.route.kind === 'healthz' ? 'alive' : this.#sink.state;
      return exchange.reply(statusReply(status, requestId));
    }
    try {
      this.#sink.submit(
        operation,
        batchRequest(exchange, operation, match, octets),
        (sinkReply: SinkReply) => {
          exchange.reply(replyOf(sinkReply, requestId, negotiates));
        },
      );
    } catch (error) {
      // A bug of ours: whether the request got anywhere is not known, and other requests are not to suffer.
      this.#logger?.error(
        { err: error, requestId, operation: operation.name },
        'a request could not be submitted',
      );
      exchange.reply(problemReply('internal-error', requestId, {}, { negotiates }));
    }
  }

  refuse(code: ProblemCode, detail: string, requestId: string): Reply {
    const retryAfterMs = code === 'overloaded' ? jittered(RETRY_AFTER_MS) : undefined;
    const id = usableRequestId(requestId) ?? this.#nextId();
    return problemReply(code, id, { detail, retryAfterMs }, { close: true });
  }

  #admitMatch(head: RequestHead, requestId: string, match: Match): Call {
    const { operation } = match.route;
    const accepted = parseAccept(head.accept);
    const refused =
      this.#checkState(match) ??
      (accepted.json || (match.route.negotiates && accepted.octets) ? null : notAcceptable(match)) ??
      checkContent(head, operation !== null && operation.body !== 'none') ??
      checkQuery(match) ??
      (operation !== null && isMutation(operation) ? checkKey(head, operation) : null);
    if (refused !== null) return refuse(requestId, refused, match);
    return {
      requestId,
      match,
      octets: match.route.negotiates && accepted.octets,
      bodyBytesMax: bodyBytesMax(operation),
      safe: operation === null || operation.method === 'GET',
      refusal: null,
    };
  }

  /** Everything but /healthz wants a server that is up. `journal-full` still serves reads; the sink sorts that out. */
  #checkState(match: Match): Refusal | null {
    const state: ServiceState = this.#draining ? 'draining' : this.#sink.state;
    if (state === 'ready' || state === 'journal-full' || match.route.kind === 'healthz') return null;
    return { code: state, extras: { retryAfterMs: jittered(RETRY_AFTER_MS) }, close: false };
  }

  #nextId(): string {
    return `${this.#idPrefix}-${(++this.#idCount).toString(36)}`;
  }
}

function batchRequest(
  exchange: Exchange<Call>,
  operation: Operation,
  match: Match,
  octets: boolean,
): BatchRequest {
  const { head } = exchange;
  return {
    operation: operation.code,
    receivedAtMs: exchange.receivedAtMs,
    subject: match.subject,
    seat: match.seat,
    query: match.query,
    idempotencyKey: isMutation(operation) ? (head.idempotencyKey ?? '') : '',
    ifNoneMatch: operation.method === 'GET' ? (head.ifNoneMatch ?? '') : '',
    ifMatch: '',
    client: head.client,
    keyId: '',
    role: 'admin',
    events: '*',
    requestId: exchange.admission.requestId,
    octets,
    body: exchange.body,
    fact: 0,
  };
}

function bodyBytesMax(operation: Operation | null): number {
  return operation === CREATE_EVENT ? EVENT_BODY_BYTES_MAX : BODY_BYTES_MAX;
}

function notAcceptable(match: Match): Refusal {
  const types = match.route.negotiates ? 'application/json or application/octet-stream' : 'application/json';
  return { code: 'not-acceptable', extras: { detail: `This call answers ${types}` }, close: false };
}

function refuse(requestId: string, refusal: Refusal, match: Match | null): Call {
  const options = { close: refusal.close, negotiates: match !== null && match.route.negotiates };
  return refusedCall(requestId, problemReply(refusal.code, requestId, refusal.extras, options), match);
}

function refusedCall(requestId: string, refusal: Reply, match: Match | null): Call {
  const operation = match === null ? null : match.route.operation;
  return { requestId, match, octets: false, bodyBytesMax: bodyBytesMax(operation), safe: true, refusal };
}

/** Spread over as much again, so that those who were turned away together do not come back together. */
function jittered(ms: number): number {
  return ms + Math.floor(Math.random() * ms);
}
