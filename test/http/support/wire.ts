/**
 * A raw peer: writes the bytes it is told and reads replies one by one. It knows just enough HTTP to tell where a
 * reply ends, so that a test sees framing mistakes instead of having a client repair them.
 */
import { connect } from 'node:net';
import type { Socket } from 'node:net';

export interface WireReply {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly text: string;
}

export class Wire {
  readonly socket: Socket;
  /** Resolves when the connection is gone, however it went. */
  readonly closed: Promise<void>;
  wasReset = false;
  #bytes = Buffer.alloc(0);
  /** Chunks behind #bytes, joined only when there may be a whole reply: a large one is not copied for each chunk. */
  #chunks: Buffer[] = [];
  #chunkBytes = 0;
  #wanted = 0;
  #isClosed = false;
  #wake: () => void = () => {};

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk) => {
      this.#chunks.push(chunk);
      this.#chunkBytes += chunk.length;
      this.#wake();
    });
    // A reset is one of the ways to be closed.
    socket.on('error', () => (this.wasReset = true));
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.#isClosed = true;
        this.#wake();
        resolve();
      });
    });
  }

  /** @param halfOpen keep reading after the server has closed its side, and the reverse */
  static open(port: number, halfOpen = false): Promise<Wire> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: halfOpen, noDelay: true });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new Wire(socket));
      });
    });
  }

  send(data: string | Uint8Array): this {
    this.socket.write(typeof data === 'string' ? Buffer.from(data, 'latin1') : data);
    return this;
  }

  /** Writes and waits until the bytes have been handed to the kernel. */
  sent(data: string): Promise<void> {
    return new Promise((resolve) => this.socket.write(data, 'latin1', () => resolve()));
  }

  get unread(): number {
    return this.#bytes.length + this.#chunkBytes;
  }

  /** @param bodiless the reply to a HEAD: its Content-Length is of a body that does not come */
  async next(bodiless = false): Promise<WireReply> {
    return this.#until(() => this.#parse(bodiless));
  }

  /** Status and headers of a reply whose body comes over time: read on with chunk() or rest(). */
  async head(): Promise<Omit<WireReply, 'text'>> {
    return this.#until(() => {
      const parsed = this.#parseHead();
      if (parsed !== null) this.#bytes = this.#bytes.subarray(parsed.start);
      return parsed;
    });
  }

  /** The next chunk of a chunked body; empty for the last one. */
  async chunk(): Promise<string> {
    return this.#until(() => {
      this.#join();
      const end = this.#bytes.indexOf('\r\n');
      if (end < 0) return null;
      const length = Number.parseInt(this.#bytes.toString('latin1', 0, end), 16);
      const start = end + 2;
      if (this.#bytes.length < start + length + 2) return null;
      const text = this.#bytes.toString('utf8', start, start + length);
      if (this.#bytes.toString('latin1', start + length, start + length + 2) !== '\r\n')
        throw new Error(`a chunk of ${length} bytes does not end there`);
      this.#bytes = this.#bytes.subarray(start + length + 2);
      return text;
    });
  }

  /** All that comes until the connection closes. */
  async rest(): Promise<string> {
    await this.closed;
    this.#join();
    return this.#bytes.toString('utf8');
  }

  async #until<T>(read: () => T | null): Promise<T> {
    for (;;) {
      const result = read();
      if (result !== null) return result;
      if (this.#isClosed) throw new Error(`closed before a reply; unread: ${this.#bytes.toString('latin1')}`);
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  #join(): void {
    if (this.#chunks.length === 0) return;
    this.#bytes = Buffer.concat([this.#bytes, ...this.#chunks]);
    this.#chunks = [];
    this.#chunkBytes = 0;
  }

  #parseHead(): { status: number; headers: Map<string, string>; start: number } | null {
    this.#join();
    const end = this.#bytes.indexOf('\r\n\r\n');
    if (end < 0) return null;
    const [first = '', ...lines] = this.#bytes.toString('latin1', 0, end).split('\r\n');
    const match = /^HTTP\/1\.1 (\d{3}) /.exec(first);
    if (match === null) throw new Error(`not a status line: ${first}`);
    const headers = new Map<string, string>();
    for (const line of lines) {
      const colon = line.indexOf(':');
      const name = line.slice(0, colon).toLowerCase();
      if (headers.has(name)) throw new Error(`header twice: ${name}`);
      headers.set(name, line.slice(colon + 1).trim());
    }
    return { status: Number(match[1]), headers, start: end + 4 };
  }

  #parse(bodiless: boolean): WireReply | null {
    if (this.unread < this.#wanted) return null;
    const head = this.#parseHead();
    if (head === null) return null;
    const { status, headers, start } = head;
    const none = bodiless || status < 200 || status === 204 || status === 304;
    const length = none ? 0 : Number(headers.get('content-length'));
    if (Number.isNaN(length)) throw new Error(`a reply without Content-Length: ${status}`);
    this.#wanted = start + length;
    if (this.#bytes.length < this.#wanted) return null;
    this.#wanted = 0;
    const text = this.#bytes.toString('utf8', start, start + length);
    this.#bytes = this.#bytes.subarray(start + length);
    return { status, headers, text };
  }
}
