/**
 * The port for operators (`--ops-listen`): health and pages such as /metrics, asked for without a key, and nothing else.
 * It answers from before recovery until after the drain of the main port. Main thread.
 */
import { OPS_CONNECTIONS_MAX } from '../core/limits.ts';
import { isLoopback } from '../core/loopback.ts';
import type { ProblemCode } from '../core/problems.ts';
import type { ServiceState } from '../dispatch/sink.ts';
import type { HttpLogger } from './access-log.ts';
import { checkFraming, checkHost, usableRequestId } from './checks.ts';
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
import type { Page } from './page.ts';
import { pageReply, problemReply, statusReply } from './reply.ts';

export interface OpsServiceOptions {
  readonly state: () => ServiceState;
  readonly pages: readonly Page[];
  readonly now: () => number;
  readonly logger?: Pick<HttpLogger, 'error'>;
  readonly listener?: ListenerFactory;
  readonly limits?: Partial<ListenerOptions>;
}

interface OpsCall extends Admission {
  readonly requestId: string;
}

const BODY_BYTES_MAX = 1024;
const RETRY_AFTER_MS = 500;

export class OpsService implements RequestHandler<OpsCall> {
  readonly #state: () => ServiceState;
  readonly #pages: ReadonlyMap<string, Page>;
  readonly #logger: Pick<HttpLogger, 'error'> | null;
  readonly #listener: Listener;
  #isLoopback = true;
  #idCount = 0;

  constructor(options: OpsServiceOptions) {
    this.#state = options.state;
    this.#logger = options.logger ?? null;
    this.#pages = new Map(options.pages.map((page) => [page.path, page]));
    this.#listener = (options.listener ?? createNodeListener)(this, {
      ...LISTENER_DEFAULTS,
      connectionsMax: OPS_CONNECTIONS_MAX,
      now: options.now,
      ...options.limits,
    });
  }

  /** @returns the actual port. @throws FrontrowError `listen-failed` */
  listen(host: string, port: number): Promise<number> {
    this.#isLoopback = isLoopback(host);
    return this.#listener.start(host, port);
  }

  drain(timeoutMs: number): Promise<boolean> {
    return this.#listener.drain(timeoutMs);
  }

  admit(head: RequestHead): OpsCall {
    const requestId = usableRequestId(head.requestId) ?? `ops-${(++this.#idCount).toString(36)}`;
    const call = { requestId, bodyBytesMax: BODY_BYTES_MAX, safe: true };
    // On loopback only names of this machine: a page from elsewhere is not to read what is in here.
    const unfit = checkFraming(head) ?? checkHost(head, !this.#isLoopback);
    if (unfit !== null) {
      const { code, extras, close } = unfit;
      return { ...call, refusal: problemReply(code, requestId, extras, { close }) };
    }
    const path = pathOf(head);
    const isKnown = path === '/healthz' || path === '/readyz' || this.#pages.has(path);
    if (!isKnown) {
      const detail = 'This port has /healthz, /readyz and /metrics; the calls are on the other one';
      return { ...call, refusal: problemReply('not-found', requestId, { detail }) };
    }
    if (head.method === 'GET' || head.method === 'HEAD') return { ...call, refusal: null };
    const allow = 'GET, HEAD';
    const extras = { detail: `Allowed here: ${allow}` };
    return { ...call, refusal: problemReply('method-not-allowed', requestId, extras, { allow }) };
  }

  awaitTurn(): null {
    return null;
  }

  handle(exchange: Exchange<OpsCall>): void {
    const { requestId } = exchange.admission;
    const path = pathOf(exchange.head);
    if (path === '/healthz') return exchange.reply(statusReply('alive', requestId));
    if (path === '/readyz') return exchange.reply(this.#ready(requestId));
    void this.#page(exchange, path);
  }

  #ready(requestId: string): Reply {
    const state = this.#state();
    if (state === 'ready' || state === 'journal-full') return statusReply(state, requestId);
    return problemReply(state, requestId, { retryAfterMs: RETRY_AFTER_MS });
  }

  async #page(exchange: Exchange<OpsCall>, path: string): Promise<void> {
    const { requestId } = exchange.admission;
    const { accept, ifNoneMatch } = exchange.head;
    const page = this.#pages.get(path);
    try {
      const reply = (await page?.respond({ rest: '', accept, ifNoneMatch })) ?? null;
      exchange.reply(reply === null ? problemReply('not-found', requestId, {}) : pageReply(reply, requestId));
    } catch (error) {
      this.#logger?.error({ err: error, requestId, route: path }, 'a page could not be made');
      // Nothing was asked for that changes anything.
      exchange.reply(problemReply('internal-error', requestId, { applied: false }));
    }
  }

  refuse(code: ProblemCode, detail: string, requestId: string): Reply {
    const id = usableRequestId(requestId) ?? `ops-${(++this.#idCount).toString(36)}`;
    return problemReply(code, id, { detail }, { close: true });
  }
}

function pathOf({ target }: RequestHead): string {
  const mark = target.indexOf('?');
  return mark < 0 ? target : target.slice(0, mark);
}
