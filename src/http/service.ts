/**
 * The HTTP service: listener, router and checks in front of a RequestSink. Main thread; bodies pass as bytes.
 *
 *   admit   head → request id, framing, Host, route → who (401) → state (503) → may they (401, 403, 404)
 *           → Accept, body's type, query, idempotency key → Call, refused or not
 *   handle  body there → its presence, state again → BatchRequest → sink.submit, or a stream, or a page
 *   reply   SinkReply → status, headers, bytes
 *
 * A refusal here has changed nothing: the sink has not heard of the request. Who may not is told so before anything
 * else about the request is looked at, and before its body is read. The state comes first, since until the events are
 * recovered nobody can tell whose claim is whose. The health calls ask nobody who they are.
 */
import { randomBytes } from 'node:crypto';
import { assert, unreachable } from '../core/assert.ts';
import type { BatchRequest } from '../core/batch.ts';
import { isMutation } from '../core/operations.ts';
import type { Operation } from '../core/operations.ts';
import type { ProblemCode } from '../core/problems.ts';
import type { RequestSink, ServiceState, SinkReply } from '../dispatch/sink.ts';
import { parseAccept } from './accept.ts';
import type { Accepted } from './accept.ts';
import { AccessLog } from './access-log.ts';
import type { Answered, HttpLogger } from './access-log.ts';
import { admitted, batchRequest, operationOf, refusalOf, refused } from './call.ts';
import type { Call } from './call.ts';
import { checkCovers, checkRole, identify, isRefusal } from './caller.ts';
import type { Caller } from './caller.ts';
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
import type { TrustedProxies } from './forwarded.ts';
import type { RequestHead } from './head.ts';
import type { KeyRing } from './key-ring.ts';
import { createLeanListener } from './lean-listener.ts';
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
import type { Page, PageReply } from './page.ts';
import { codeOf, pageReply, problemReply, replyOf, statusReply } from './reply.ts';
import { Router } from './router.ts';
import type { Match, OperationRoute } from './router.ts';

/** Keeps the live updates of events. */
export interface Streams {
  /**
   * Takes the exchange over. Nothing of `request` is checked but that the caller may; its `client` counts against limits.
   * @param answered to be called once, when it is known how the reply begins
   */
  open(
    exchange: Exchange<Admission>,
    request: BatchRequest,
    answered: (status: number, code: string) => void,
  ): void;
}

export interface HttpServiceOptions {
  readonly sink: RequestSink;
  readonly connectionsMax: number;
  /** None: every caller is admin, and only names of this machine are taken for Host. */
  readonly keys?: KeyRing | null;
  readonly proxies?: TrustedProxies | null;
  /** All unless given; none on a port for operators. */
  readonly operations?: readonly Operation[];
  readonly pages?: readonly Page[];
  readonly streams?: Streams;
  readonly logger?: HttpLogger;
  /** Told of every request that was answered, refusals among them. */
  readonly onAnswered?: (answered: Answered) => void;
  /** The lean one unless another is given. */
  readonly listener?: ListenerFactory;
  /** Timeouts and buffer limits other than the defaults. */
  readonly limits?: Partial<typeof LISTENER_DEFAULTS>;
}

export interface HttpService {
  /** @returns the actual port. @throws FrontrowError `listen-failed` */
  listen(host: string, port: number): Promise<number>;
  /** Connections that are open. */
  readonly connectionCount: number;
  /** Takes effect with the next head; what was let in goes on. */
  setKeys(keys: KeyRing): void;
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

const RETRY_AFTER_MS = 500;

class Service implements HttpService, RequestHandler<Call> {
  readonly #sink: RequestSink;
  readonly #log: AccessLog;
  readonly #onAnswered: ((answered: Answered) => void) | null;
  /** Somebody wants to know of every request. */
  readonly #isObserved: boolean;
  readonly #streams: Streams | null;
  readonly #proxies: TrustedProxies | null;
  readonly #router: Router;
  readonly #listener: Listener;
  #keys: KeyRing | null;
  /**
   * Ids made here: a random prefix for the process and a count. They tell requests apart; they prove nothing. Short ones:
   * V8 makes one string of up to 12 characters, and two that are tied together of more.
   */
  readonly #idPrefix = randomBytes(3).toString('hex');
  #idCount = 0;
  #draining = false;

  constructor(options: HttpServiceOptions) {
    this.#sink = options.sink;
    this.#log = new AccessLog(options.logger ?? null);
    this.#onAnswered = options.onAnswered ?? null;
    this.#isObserved = this.#log.logsAll || this.#onAnswered !== null;
    this.#streams = options.streams ?? null;
    this.#proxies = options.proxies ?? null;
    this.#keys = options.keys ?? null;
    this.#router = new Router(options.operations, options.pages);
    const listenerOptions: ListenerOptions = {
      ...LISTENER_DEFAULTS,
      ...options.limits,
      connectionsMax: options.connectionsMax,
      now: () => this.#sink.now(),
    };
    this.#listener = (options.listener ?? createLeanListener)(this, listenerOptions);
  }

  get connectionCount(): number {
    return this.#listener.connectionCount;
  }

  listen(host: string, port: number): Promise<number> {
    return this.#listener.start(host, port);
  }

  setKeys(keys: KeyRing): void {
    this.#keys = keys;
  }

  drain(timeoutMs: number): Promise<boolean> {
    this.#draining = true;
    return this.#listener.drain(timeoutMs);
  }

  admit(head: RequestHead): Call {
    const call = this.#admit(head, this.#isObserved ? performance.now() : 0);
    if (call.refusal !== null) this.#tell(call, call.refusal.status, call.code, -1);
    return call;
  }

  #admit(head: RequestHead, startedMs: number): Call {
    const requestId = usableRequestId(head.requestId) ?? this.#nextId();
    const unfit = checkFraming(head) ?? checkHost(head, this.#keys !== null);
    if (unfit !== null) return refused(head.method, requestId, unfit, null, null, startedMs);

    const routed = this.#router.route(head.method, head.target);
    switch (routed.kind) {
      case 'match':
        return this.#admitMatch(head, requestId, routed, startedMs);
      case 'bad-target':
        return refused(
          head.method,
          requestId,
          refusalOf('bad-target', { detail: routed.detail }),
          null,
          null,
          startedMs,
        );
      case 'not-found':
        return refused(head.method, requestId, refusalOf('not-found'), null, null, startedMs);
      case 'method-not-allowed': {
        const refusal = refusalOf('method-not-allowed', { detail: `Allowed here: ${routed.allow}` });
        return refused(head.method, requestId, refusal, null, null, startedMs, routed.allow);
      }
    }
  }

  #admitMatch(head: RequestHead, requestId: string, match: Match, startedMs: number): Call {
    const { route } = match;
    const isHealth = route.kind === 'healthz' || route.kind === 'readyz';
    const known = isHealth ? null : identify(head, this.#keys, this.#proxies);
    if (known !== null && isRefusal(known))
      return refused(head.method, requestId, known, match, null, startedMs);
    const accepted = parseAccept(head.accept);
    const operation = operationOf(route);
    const refusal =
      this.#checkState(match) ??
      (known === null ? null : this.#checkCaller(known, match)) ??
      checkAccept(match, accepted) ??
      checkContent(head, operation !== null && operation.body !== 'none') ??
      checkQuery(match) ??
      (operation !== null && isMutation(operation) ? checkKey(head, operation) : null);
    if (refusal !== null) return refused(head.method, requestId, refusal, match, known, startedMs);
    return admitted(head.method, requestId, match, known, route.negotiates && accepted.octets, startedMs);
  }

  #checkCaller(caller: Caller, match: Match): Refusal | null {
    const { route, subject } = match;
    if (route.kind === 'page') return checkRole(caller, route.page.role);
    if (route.kind !== 'operation') return null;
    const { operation } = route;
    return checkRole(caller, operation.role) ?? checkCovers(caller, operation, subject, this.#sink);
  }

  /**
   * Calls and /readyz want a server that is up. With a full or a stalled journal reads go on: the sink
   * sorts that out. A full one is ready, a stalled one is not, so that a load balancer goes elsewhere.
   */
  #checkState({ route }: Match): Refusal | null {
    if (route.kind === 'healthz' || route.kind === 'page') return null;
    const state: ServiceState = this.#draining ? 'draining' : this.#sink.state;
    if (state === 'ready' || state === 'journal-full') return null;
    if (state === 'journal-stalled' && route.kind !== 'readyz') return null;
    return refusalOf(state, { retryAfterMs: jittered(RETRY_AFTER_MS) });
  }

  awaitTurn({ admission, receivedAtMs }: Exchange<Call>): (() => void) | null {
    const { match } = admission;
    const operation = match === null ? null : operationOf(match.route);
    if (match === null || operation === null) return null;
    return this.#sink.awaitTurn(operation, match.subject, receivedAtMs);
  }

  handle(exchange: Exchange<Call>): void {
    const { requestId, match, caller } = exchange.admission;
    // A refused call is answered by the listener; without a match there is nothing to handle.
    if (match === null)
      return exchange.reply(this.refuse('internal-error', 'An unrouted call got through', requestId));
    const { route } = match;
    const body = route.kind === 'operation' ? route.operation.body : 'none';
    const refusal = checkBody(body, exchange.body) ?? this.#checkState(match);
    if (refusal !== null) return this.#refuse(exchange, refusal);
    switch (route.kind) {
      case 'healthz':
        return this.#reply(exchange, statusReply('alive', requestId));
      case 'readyz':
        return this.#reply(exchange, statusReply(this.#sink.state, requestId));
      case 'page':
        return void this.#page(exchange, route.page, match);
      case 'operation':
        assert(caller !== null, 'an operation has a caller');
        return this.#operate(
          exchange,
          batchRequest(exchange, route.operation, match, caller, this.#keys !== null),
          route,
        );
      default:
        return unreachable(route);
    }
  }

  #operate(exchange: Exchange<Call>, request: BatchRequest, route: OperationRoute): void {
    const { operation } = route;
    const { requestId } = exchange.admission;
    try {
      if (operation.lane === 'stream') {
        if (this.#streams === null) return this.#refuse(exchange, refusalOf('not-found'));
        return this.#streams.open(exchange, request, (status, code) => {
          this.#tell(exchange.admission, status, code, -1);
        });
      }
      this.#sink.submit(operation, request, (sinkReply: SinkReply) => {
        const reply = replyOf(sinkReply, requestId);
        const sequence = sinkReply.kind === 'reply' ? sinkReply.sequence : -1;
        // Most refusals are nobody's concern unless somebody counts them.
        const isTold = reply.status >= (this.#isObserved ? 400 : 429);
        this.#reply(exchange, reply, isTold ? codeOf(sinkReply) : '', sequence);
      });
    } catch (error) {
      // A bug of ours: whether the request got anywhere is not known, and other requests are not to suffer.
      this.#log.fault(error, operation.name, requestId, 'a request could not be submitted');
      this.#refuse(exchange, refusalOf('internal-error'));
    }
  }

  async #page(exchange: Exchange<Call>, page: Page, match: Match): Promise<void> {
    const { requestId } = exchange.admission;
    const { accept, ifNoneMatch } = exchange.head;
    let reply: PageReply | null;
    try {
      reply = await page.respond({ rest: match.rest, accept, ifNoneMatch });
    } catch (error) {
      this.#log.fault(error, page.path, requestId, 'a page could not be made');
      // Nothing was asked for that changes anything.
      return this.#refuse(exchange, refusalOf('internal-error', { applied: false }));
    }
    if (reply === null) this.#refuse(exchange, refusalOf('not-found'));
    else this.#reply(exchange, pageReply(reply, requestId));
  }

  #refuse(exchange: Exchange<Call>, { code, extras }: Refusal): void {
    const { requestId, match } = exchange.admission;
    const negotiates = match !== null && match.route.negotiates;
    this.#reply(exchange, problemReply(code, requestId, extras, { negotiates }), code);
  }

  #reply(exchange: Exchange<Call>, reply: Reply, code = '', sequence = -1): void {
    exchange.reply(reply);
    this.#tell(exchange.admission, reply.status, code, sequence);
  }

  refuse(code: ProblemCode, detail: string, requestId: string): Reply {
    const retryAfterMs = code === 'overloaded' || code === 'draining' ? jittered(RETRY_AFTER_MS) : undefined;
    const id = usableRequestId(requestId) ?? this.#nextId();
    const reply = problemReply(code, id, { detail, retryAfterMs }, { close: true });
    const call = { method: '', requestId: id, match: null, caller: null, startedMs: 0 };
    this.#tell(call, reply.status, code, -1);
    return reply;
  }

  /** To the log, and to whoever counts. Costs a comparison or two where nobody listens. */
  #tell(
    call: Pick<Call, 'method' | 'requestId' | 'match' | 'caller' | 'startedMs'>,
    status: number,
    code: string,
    sequence: number,
  ): void {
    const { method, requestId, match, caller, startedMs } = call;
    if (code !== '') this.#log.problem(code, status, match?.route.name ?? '', requestId);
    if (!this.#isObserved) return;
    const ms = startedMs === 0 ? 0 : performance.now() - startedMs;
    const answered = { method, route: match?.route.name ?? '', status, code, ms };
    this.#onAnswered?.(answered);
    if (!this.#log.logsAll) return;
    const operation = match === null ? null : operationOf(match.route);
    this.#log.request({
      ...answered,
      requestId,
      event: match === null || operation === null ? '' : this.#sink.eventIdOf(operation, match.subject),
      sequence,
      keyId: caller?.keyId ?? '',
      client: caller?.client ?? '',
    });
  }

  #nextId(): string {
    return `${this.#idPrefix}-${(++this.#idCount).toString(36)}`;
  }
}

function checkAccept({ route }: Match, accepted: Accepted): Refusal | null {
  // A page is what it is: who asks for a picture of it gets the page.
  if (route.kind === 'page') return null;
  const isStream = route.kind === 'operation' && route.operation.lane === 'stream';
  if (isStream ? accepted.eventStream : accepted.json || (route.negotiates && accepted.octets)) return null;
  const types = route.negotiates ? 'application/json or application/octet-stream' : 'application/json';
  return refusalOf('not-acceptable', {
    detail: `This call answers ${isStream ? 'text/event-stream' : types}`,
  });
}

/** Spread over as much again, so that those who were turned away together do not come back together. */
function jittered(ms: number): number {
  return ms + Math.floor(Math.random() * ms);
}
