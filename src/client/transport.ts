/**
 * A request to the server and its reply. Everything that is the same for all calls is here: the URL, the key, the
 * idempotency key, what a failure becomes, trying again. Runs in Node and in browsers: fetch, AbortSignal and crypto
 * are all it takes.
 *
 *   send     key made → attempt ⟲ retry.ts → Reply
 *   open     the same, for a body that is read as it comes
 *   attempt  fetch → Response or FrontrowUnreachable → body → Reply or FrontrowProblem
 */
import { FrontrowProblem, FrontrowUnreachable, wasNeverSent } from './problem.ts';
import type { FailedRequest } from './problem.ts';
import { isConclusive, retryAfterMs, RetryPlan, systemRetryClock } from './retry.ts';
import type { RetryClock, RetryOptions } from './retry.ts';

export interface ClientOptions {
  /** Where the server is, such as `http://127.0.0.1:8080`. A path in it goes before every call's. */
  readonly url: string;
  /** Sent as `Authorization: Bearer`. */
  readonly key?: string | undefined;
  /** Instead of the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** Ends every call of this client. A change that was under way may or may not have happened. */
  readonly signal?: AbortSignal | undefined;
  /** `false`: every call is tried once. */
  readonly retry?: RetryOptions | false | undefined;
  /** For one attempt, reply included; 30,000 if not given. Live updates are bounded by their heartbeat instead. */
  readonly timeoutMs?: number | undefined;
  /** For whom a call is made, as `Frontrow-Client`: each gets a fair share. Believed from a sales key only. */
  readonly client?: string | undefined;
  /** For tests: how time passes between attempts. */
  readonly clock?: Partial<RetryClock> | undefined;
}

/** Options that every call takes. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** Instead of the client's. */
  readonly retry?: RetryOptions | false | undefined;
  /** Instead of the client's. */
  readonly client?: string | undefined;
}

/** Options of calls that change something. */
export interface ChangeOptions extends CallOptions {
  /** At most 128 bytes. Made for you unless given; give your own to be able to repeat the call after a crash. */
  readonly idempotencyKey?: string | undefined;
}

export interface Call extends ChangeOptions {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Segments after the base URL; each is percent-encoded. */
  readonly path: readonly string[];
  readonly query?: Readonly<Record<string, string | number | readonly string[] | undefined>> | undefined;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** `bytes` leaves the body as it came. */
  readonly as?: 'json' | 'bytes' | undefined;
}

export interface Reply<T> {
  /** 200, 201, 204 or 304. */
  readonly status: number;
  /** What came with it; undefined with 204 and 304. */
  readonly body: T;
  readonly etag: string | null;
  /** `Frontrow-Sequence`; null when the reply does not carry it. */
  readonly sequence: number | null;
  /** The server had done this already, under the same idempotency key. */
  readonly replayed: boolean;
}

/** Of what a method was given, that which is not its own. */
export function callOptions({ signal, retry, client }: CallOptions): CallOptions {
  return { signal, retry, client };
}

export function changeOptions(options: ChangeOptions): ChangeOptions {
  return { ...callOptions(options), idempotencyKey: options.idempotencyKey };
}

/** One call with everything decided that all of its attempts share. */
interface Prepared {
  readonly call: Call;
  readonly request: FailedRequest;
  readonly isRead: boolean;
  readonly signal: AbortSignal | undefined;
  /** An earlier attempt's answer was lost. */
  mayHaveHappened: boolean;
}

const TIMEOUT_MS = 30_000;

export class Transport {
  readonly #base: string;
  readonly #options: ClientOptions;
  readonly #fetch: typeof globalThis.fetch;
  readonly #timeoutMs: number;
  readonly #clock: RetryClock;

  /** Throws a TypeError when `url` is not an http or https URL. */
  constructor(options: ClientOptions) {
    const url = new URL(options.url);
    if (url.protocol !== 'http:' && url.protocol !== 'https:') {
      throw new TypeError(`${options.url} is not an http or https URL`);
    }
    this.#base = url.origin + url.pathname.replace(/\/+$/, '');
    this.#options = options;
    this.#fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init));
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
    this.#clock = { ...systemRetryClock, ...options.clock };
  }

  /** Rejects with FrontrowProblem, FrontrowUnreachable, or the reason of an aborted signal. */
  async send<T>(call: Call): Promise<Reply<T>> {
    const prepared = this.#prepare(call);
    prepared.signal?.throwIfAborted();
    const plan = this.plan(call);
    for (;;) {
      try {
        return await this.#attempt<T>(prepared);
      } catch (error) {
        if (prepared.signal?.aborted === true) throw error;
        await plan.wait(error, prepared.signal);
        prepared.mayHaveHappened ||= isUnknown(error);
      }
    }
  }

  /** Attempts as the call's options have it, or the client's, or `defaults`. */
  plan({ retry }: CallOptions, defaults: RetryOptions = {}): RetryPlan {
    return new RetryPlan(retry ?? this.#options.retry ?? defaults, this.#clock);
  }

  get retry(): RetryOptions | false | undefined {
    return this.#options.retry;
  }

  /** What ends a call: the client's signal and its own. */
  signalOf({ signal }: CallOptions): AbortSignal | undefined {
    return anySignal(this.#options.signal, signal);
  }

  /** One attempt at a reply whose body is read as it comes. `signal` alone ends it. */
  async open(call: Call, signal: AbortSignal): Promise<Response> {
    const prepared = this.#prepare({ ...call, signal });
    const response = await this.#fetched(prepared, signal);
    if (response.ok) return response;
    const payload = await this.#received(prepared, signal, () => readBody(response, 'json'));
    throw this.#problem(prepared, response, payload);
  }

  /** What a read becomes whose connection broke. */
  unreachable(call: Call, cause: unknown): FrontrowUnreachable {
    return new FrontrowUnreachable(this.#base, false, this.#prepare(call).request, cause);
  }

  #prepare(call: Call): Prepared {
    const isRead = call.method === 'GET';
    const path = `/${call.path.map(encodeURIComponent).join('/')}${queryText(call.query)}`;
    const idempotencyKey = isRead ? null : (call.idempotencyKey ?? newKey());
    const signal = this.signalOf(call);
    const request = { method: call.method, path, idempotencyKey };
    return { call, request, isRead, signal, mayHaveHappened: false };
  }

  async #attempt<T>(prepared: Prepared): Promise<Reply<T>> {
    const timer = new AttemptTimer(prepared.signal, this.#timeoutMs);
    try {
      const response = await this.#fetched(prepared, timer.signal);
      const read = (): Promise<unknown> => readBody(response, prepared.call.as ?? 'json');
      const payload = await this.#received(prepared, timer.signal, read);
      if (!response.ok && response.status !== 304) throw this.#problem(prepared, response, payload);
      if (payload instanceof NotJson) throw this.#problem(prepared, response, NOT_JSON);
      const sequence = response.headers.get('frontrow-sequence');
      return {
        status: response.status,
        // The server is trusted to keep its own contract: its test suite checks the shapes, not every reply here.
        body: payload as T,
        etag: response.headers.get('etag'),
        sequence: sequence === null ? null : Number(sequence),
        replayed: response.headers.get('idempotency-replayed') === 'true',
      };
    } finally {
      timer.stop();
    }
  }

  #fetched(prepared: Prepared, signal: AbortSignal | undefined): Promise<Response> {
    const { call, request } = prepared;
    return this.#received(prepared, signal, () =>
      this.#fetch(this.#base + request.path, {
        method: call.method,
        headers: this.#headers(call, request.idempotencyKey),
        ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
        ...(signal === undefined ? {} : { signal }),
      }),
    );
  }

  /** Runs one step of an attempt; what breaks it becomes FrontrowUnreachable, unless the caller aborted it. */
  async #received<T>(
    { signal: caller, isRead, mayHaveHappened, request }: Prepared,
    signal: AbortSignal | undefined,
    step: () => Promise<T>,
  ): Promise<T> {
    try {
      return await step();
    } catch (error) {
      if (caller?.aborted === true) throw error;
      const cause: unknown = signal?.aborted === true ? signal.reason : error;
      const isUnapplied = isRead || (wasNeverSent(cause) && !mayHaveHappened);
      throw new FrontrowUnreachable(this.#base, isUnapplied ? false : null, request, cause);
    }
  }

  #problem(prepared: Prepared, { status, headers }: Response, payload: unknown): FrontrowProblem {
    const { request, isRead, mayHaveHappened } = prepared;
    const body = isRecord(payload) && (payload === NOT_JSON || 'code' in payload) ? payload : {};
    // A write is unapplied only when the server says so, of this attempt and of those before.
    const saysUnapplied = body['applied'] === false && (!mayHaveHappened || isConclusive(status));
    const wait = retryAfterMs(headers.get('retry-after'), Date.now());
    const applied = isRead || saysUnapplied ? false : null;
    return new FrontrowProblem({ status, body, retryAfterMs: wait }, request, applied);
  }

  #headers(call: Call, idempotencyKey: string | null): Record<string, string> {
    const headers: Record<string, string> = { accept: 'application/json', ...call.headers };
    const client = call.client ?? this.#options.client;
    if (call.body !== undefined) headers['content-type'] = 'application/json';
    if (idempotencyKey !== null) headers['idempotency-key'] = idempotencyKey;
    if (this.#options.key !== undefined) headers['authorization'] = `Bearer ${this.#options.key}`;
    if (client !== undefined) headers['frontrow-client'] = client;
    return headers;
  }
}

/** Aborts one attempt when its time is up, or with the caller's signal. Keeps no listener behind. */
class AttemptTimer {
  readonly #controller = new AbortController();
  readonly #timer: ReturnType<typeof setTimeout>;
  readonly #caller: AbortSignal | undefined;

  constructor(caller: AbortSignal | undefined, timeoutMs: number) {
    this.#caller = caller;
    caller?.addEventListener('abort', this.#abort, { once: true });
    if (caller?.aborted === true) this.#abort();
    this.#timer = setTimeout(() => {
      this.#controller.abort(new Error(`no reply within ${timeoutMs} ms`));
    }, timeoutMs);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  readonly #abort = (): void => this.#controller.abort(this.#caller?.reason);

  stop(): void {
    clearTimeout(this.#timer);
    this.#caller?.removeEventListener('abort', this.#abort);
  }
}

/** A body that should have been JSON: a proxy's error page, or no Frontrow at all. */
class NotJson {}

const NOT_JSON: Readonly<Record<string, unknown>> = {
  title: 'The reply is not JSON',
  detail: 'The reply is not JSON: is this a Frontrow server?',
};

async function readBody(response: Response, as: 'json' | 'bytes'): Promise<unknown> {
  if (response.status === 204 || response.status === 304) {
    await response.arrayBuffer();
    return undefined;
  }
  if (as === 'bytes' && response.ok) return new Uint8Array(await response.arrayBuffer());
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    return new NotJson();
  }
}

function isUnknown(error: unknown): boolean {
  return (error instanceof FrontrowProblem || error instanceof FrontrowUnreachable) && error.applied === null;
}

function queryText(query: Call['query']): string {
  const pairs = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined) pairs.set(name, typeof value === 'object' ? value.join(',') : String(value));
  }
  const text = pairs.toString();
  return text === '' ? '' : `?${text}`;
}

function anySignal(one: AbortSignal | undefined, two: AbortSignal | undefined): AbortSignal | undefined {
  if (one === undefined || two === undefined) return one ?? two;
  return AbortSignal.any([one, two]);
}

/** Browsers have randomUUID in secure contexts only, and getRandomValues everywhere. */
function newKey(): string {
  if (typeof crypto.randomUUID === 'function') return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
