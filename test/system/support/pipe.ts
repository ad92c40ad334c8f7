/**
 * A connection that keeps all of what came, byte by byte, so that a test can tell whether a reply was cut: what is sent
 * is text, several requests behind each other if wanted (RFC 9112 §9.3.2).
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface PipeReply {
  readonly status: number;
  readonly head: string;
  readonly json: Record<string, unknown>;
  /** It said `Connection: close`. */
  readonly closes: boolean;
}

const HEAD_END = '\r\n\r\n';

export class Pipe {
  readonly socket: Socket;
  readonly replies: PipeReply[] = [];
  /** How the connection ended, once it has: by a FIN or by a reset. */
  ended: 'end' | 'reset' | null = null;
  readonly closed: Promise<void>;
  #pending: Buffer = Buffer.alloc(0);
  #wake: () => void = () => {};

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.once('end', () => (this.ended ??= 'end'));
    socket.once('error', () => (this.ended ??= 'reset'));
    this.closed = new Promise((resolve) =>
      socket.once('close', () => {
        this.#wake();
        resolve();
      }),
    );
  }

  static async open(url: string): Promise<Pipe> {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.setNoDelay(true);
    const pipe = new Pipe(socket);
    await once(socket, 'connect');
    return pipe;
  }

  /** Bytes that came and are no whole reply. */
  get torn(): number {
    return this.#pending.length;
  }

  /** Resolves with the reply of this number, or null when the connection ends before it. */
  async reply(index: number): Promise<PipeReply | null> {
    while (this.replies.length <= index && !this.socket.closed)
      await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.replies[index] ?? null;
  }

  #take(chunk: Buffer): void {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    for (;;) {
      const headEnd = this.#pending.indexOf(HEAD_END);
      if (headEnd < 0) return;
      const head = this.#pending.toString('latin1', 0, headEnd);
      // A 204 has none.
      const length = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0);
      const end = headEnd + HEAD_END.length + length;
      if (this.#pending.length < end) return;
      const text = this.#pending.toString('utf8', headEnd + HEAD_END.length, end);
      this.replies.push({
        status: Number(head.slice(9, 12)),
        head,
        json: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>),
        closes: /^connection: close/im.test(head),
      });
      this.#pending = this.#pending.subarray(end);
      this.#wake();
    }
  }
}

/** A whole request. Without a body it is a GET. */
export function requestText(path: string, body?: unknown, key = ''): string {
  const host = 'Host: localhost\r\n';
  if (body === undefined) return `GET ${path} HTTP/1.1\r\n${host}\r\n`;
  const json = JSON.stringify(body);
  const head = `POST ${path} HTTP/1.1\r\n${host}Content-Type: application/json\r\nIdempotency-Key: ${key}\r\n`;
  return `${head}Content-Length: ${Buffer.byteLength(json)}${HEAD_END}${json}`;
}
