/**
 * A client that adds nothing: what is given is sent, what comes is told. Real sockets, as many as asked for, kept
 * alive. A connection that breaks before its answer rejects: the outcome is then unknown.
 */
import { Agent, request, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The body as JSON; undefined when it is none. */
  readonly json: Record<string, unknown>;
}

export interface SendOptions {
  readonly key?: string | undefined;
  readonly headers?: OutgoingHttpHeaders;
  /** Sent as it is; `body` is sent as JSON. */
  readonly raw?: string | Uint8Array;
}

export class Wire {
  readonly url: string;
  readonly #agent: Agent;

  constructor(url: string, sockets = 64) {
    this.url = url;
    this.#agent = new Agent({ keepAlive: true, maxSockets: sockets, maxFreeSockets: sockets });
  }

  send(method: string, path: string, body?: unknown, options: SendOptions = {}): Promise<Answer> {
    const raw = options.raw ?? (body === undefined ? undefined : JSON.stringify(body));
    const { hostname, port } = new URL(this.url);
    const headers: OutgoingHttpHeaders = {
      ...(raw !== undefined && {
        'content-type': 'application/json',
        'content-length': String(Buffer.byteLength(raw)),
      }),
      ...(options.key !== undefined && { 'idempotency-key': options.key }),
      ...options.headers,
    };
    return new Promise((resolve, reject) => {
      const sent = request({ agent: this.#agent, hostname, port, method, path, headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json: parse(text) });
        });
      });
      sent.on('error', reject);
      sent.end(raw);
    });
  }

  get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return this.send('GET', path, undefined, { headers });
  }

  post(path: string, body?: unknown, key?: string): Promise<Answer> {
    return this.send('POST', path, body, { key });
  }

  close(): void {
    this.#agent.destroy();
  }
}

function parse(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}

/** Numbers from 0 to 1 that come again with the same seed. Mulberry32. */
export function seeded(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

export interface Counts {
  readonly capacity: number;
  readonly available: number;
  readonly held: number;
  readonly sold: number;
  readonly blocked: number;
}

export function conserves(counts: Counts): boolean {
  const { capacity, available, held, sold, blocked } = counts;
  return available + held + sold + blocked === capacity && Math.min(available, held, sold, blocked) >= 0;
}

export async function availability(
  wire: Wire,
  event: string,
): Promise<Counts & { readonly sequence: number; readonly sections: readonly Counts[] }> {
  const { json } = await wire.get(`/v1/events/${event}/availability`);
  return json as unknown as Counts & { sequence: number; sections: Counts[] };
}
