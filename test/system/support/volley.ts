/**
 * Very many requests at once, cheaply: all are written at the same moment, over many connections, some behind each
 * other on one (RFC 9112 §9.3.2). Reads only replies that carry a Content-Length, as all JSON replies here do.
 */
import { connect, type Socket } from 'node:net';

export interface VolleyAnswer {
  readonly status: number;
  readonly json: Record<string, unknown>;
}

export interface VolleyRequest {
  /** POST unless given. */
  readonly method?: 'POST' | 'DELETE';
  readonly path: string;
  readonly key: string;
  readonly body: unknown;
}

const HEAD_END = '\r\n\r\n';

export class Volley {
  readonly #sockets: Socket[] = [];
  readonly #port: number;

  constructor(url: string) {
    this.#port = Number(new URL(url).port);
  }

  /** Opens this many connections in all. */
  async open(count: number): Promise<void> {
    const opened: Promise<void>[] = [];
    while (this.#sockets.length < count) {
      const socket = connect(this.#port, '127.0.0.1');
      socket.setNoDelay(true);
      this.#sockets.push(socket);
      opened.push(
        new Promise((resolve, reject) => {
          socket.once('connect', resolve);
          socket.once('error', reject);
        }),
      );
    }
    await Promise.all(opened);
  }

  /** Sends all of them; answers in the order of the requests. Rejects when a connection ends too early. */
  async post(requests: readonly VolleyRequest[]): Promise<VolleyAnswer[]> {
    const answers: VolleyAnswer[] = Array.from({ length: requests.length });
    const lots = this.#sockets.map((_, lot) => lotOf(requests.length, this.#sockets.length, lot));
    await Promise.all(
      lots.map(async (indices, lot) => {
        const texts = indices.map((index) => textOf(requests[index]));
        const got = await exchange(this.#sockets[lot], texts.join(''), indices.length);
        indices.forEach((index, i) => (answers[index] = got[i]));
      }),
    );
    return answers;
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

/** Requests that go over connection `lot` of `lots`. */
function lotOf(count: number, lots: number, lot: number): number[] {
  const indices: number[] = [];
  for (let index = lot; index < count; index += lots) indices.push(index);
  return indices;
}

function textOf({ method = 'POST', path, key, body }: VolleyRequest): string {
  const first = `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nIdempotency-Key: ${key}\r\n`;
  if (body === undefined) return `${first}\r\n`;
  const json = JSON.stringify(body);
  const head = `${first}Content-Type: application/json\r\n`;
  return `${head}Content-Length: ${Buffer.byteLength(json)}${HEAD_END}${json}`;
}

function exchange(socket: Socket, text: string, count: number): Promise<VolleyAnswer[]> {
  if (count === 0) return Promise.resolve([]);
  return new Promise((resolve, reject) => {
    const answers: VolleyAnswer[] = [];
    let pending: Buffer = Buffer.alloc(0);
    const over = (error: Error | null): void => {
      socket.off('data', take).off('close', closed);
      if (error === null) resolve(answers);
      else reject(error);
    };
    const closed = (): void =>
      over(new Error(`the connection ended after ${answers.length} of ${count} answers`));
    const take = (chunk: Buffer): void => {
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
      for (;;) {
        const headEnd = pending.indexOf(HEAD_END);
        if (headEnd < 0) return;
        const head = pending.toString('latin1', 0, headEnd);
        // A 204 has none.
        const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
        const end = headEnd + HEAD_END.length + length;
        if (pending.length < end) return;
        const body = pending.toString('utf8', headEnd + HEAD_END.length, end);
        answers.push({
          status: Number(head.slice(9, 12)),
          json: body === '' ? {} : (JSON.parse(body) as Record<string, unknown>),
        });
        pending = pending.subarray(end);
        if (answers.length === count) return over(null);
      }
    };
    socket.on('data', take).on('close', closed);
    socket.write(text);
  });
}
