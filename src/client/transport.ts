/**
 * One request to the server and its reply. Everything that is the same for all calls is here: the URL, the key,
 * the idempotency key, what a failure becomes. Runs in Node and in browsers, and imports nothing but `problem.ts`.
 *
 * `send` is one attempt. Trying again (by `retryAfterMs`, under the same idempotency key) goes around it.
 */
import { FrontrowProblem, FrontrowUnreachable, wasNeverSent } from './problem.ts';
import type { FailedRequest } from './problem.ts';

export interface ClientOptions {
  /** Where the server is, such as `http://127.0.0.1:8080`. A path in it goes before every call's. */
  readonly url: string;
  /** Sent as `Authorization: Bearer`. */
  readonly key?: string | undefined;
  /** Instead of the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** Ends every call of this client. A change that was under way may or may not have happened. */
  readonly signal?: AbortSignal | undefined;
}

/** Options that every call takes. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

/** Options of calls that change something. */
export interface ChangeOptions extends CallOptions {
  /** At most 128 bytes. Made for you unless given; give your own to be able to repeat the call after a crash. */
  readonly idempotencyKey?: string | undefined;
}

export interface Call extends ChangeOptions {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Segments after the base URL; each is percent-encoded. */
  readonly path: readonly string[];
  readonly query?: Readonly<Record<string, string | number | undefined>> | undefined;
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

export class Transport {
  readonly #base: string;
  readonly #key: string | undefined;
  readonly #fetch: typeof globalThis.fetch;
  readonly #signal: AbortSignal | undefined;

  /** Throws a TypeError when `url` is not an http or https URL. */
  constructor(options: ClientOptions) {
    const url = new URL(options.url);
    if (url.protocol !== 'http:' && url.protocol !== 'https:') {
      throw new TypeError(`${options.url} is not an http or https URL`);
    }
    this.#base = url.origin + url.pathname.replace(/\/+$/, '');
    this.#key = options.key;
    this.#fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init));
    this.#signal = options.signal;
  }

  /** Rejects with FrontrowProblem, FrontrowUnreachable, or the reason of an aborted signal. */
  async send<T>(call: Call): Promise<Reply<T>> {
    const safe = call.method === 'GET';
    const path = `/${call.path.map(encodeURIComponent).join('/')}${queryText(call.query)}`;
    const idempotencyKey = safe ? null : (call.idempotencyKey ?? crypto.randomUUID());
    const request: FailedRequest = { method: call.method, path, idempotencyKey };
    const signal = anySignal(this.#signal, call.signal);

    let response: Response;
    let payload: unknown;
    try {
      response = await this.#fetch(this.#base + path, {
        method: call.method,
        headers: this.#headers(call, idempotencyKey),
        ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
        ...(signal === undefined ? {} : { signal }),
      });
      payload = await readBody(response, call.as ?? 'json');
    } catch (error) {
      if (signal?.aborted === true) throw error;
      const applied = safe || wasNeverSent(error) ? false : null;
      throw new FrontrowUnreachable(this.#base, applied, request, error);
    }
    if (!response.ok && response.status !== 304) {
      const problem = isRecord(payload) && 'code' in payload ? payload : {};
      throw new FrontrowProblem(response.status, problem, request, safe);
    }
    if (payload instanceof NotJson) throw new FrontrowProblem(response.status, NOT_JSON, request, safe);
    const sequence = response.headers.get('frontrow-sequence');
    return {
      status: response.status,
      // The server is trusted to keep its own contract: its test suite checks the shapes, not every reply here.
      body: payload as T,
      etag: response.headers.get('etag'),
      sequence: sequence === null ? null : Number(sequence),
      replayed: response.headers.get('idempotency-replayed') === 'true',
    };
  }

  #headers(call: Call, idempotencyKey: string | null): Record<string, string> {
    const headers: Record<string, string> = { accept: 'application/json', ...call.headers };
    if (call.body !== undefined) headers['content-type'] = 'application/json';
    if (idempotencyKey !== null) headers['idempotency-key'] = idempotencyKey;
    if (this.#key !== undefined) headers['authorization'] = `Bearer ${this.#key}`;
    return headers;
  }
}

/** A body that should have been JSON: a proxy's error page, or no Frontrow at all. */
class NotJson {}

const NOT_JSON = {
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

function queryText(query: Call['query']): string {
  const pairs = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined) pairs.set(name, String(value));
  }
  return pairs.size === 0 ? '' : `?${pairs.toString()}`;
}

function anySignal(one: AbortSignal | undefined, two: AbortSignal | undefined): AbortSignal | undefined {
  if (one === undefined || two === undefined) return one ?? two;
  return AbortSignal.any([one, two]);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
