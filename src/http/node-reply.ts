/** The reply to one request of node:http, which keeps the replies of a connection in order. Main thread. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ReplyWire } from './reply-wire.ts';

export class NodeReply implements ReplyWire {
  readonly #req: IncomingMessage;
  readonly #res: ServerResponse;

  constructor(req: IncomingMessage, res: ServerResponse) {
    this.#req = req;
    this.#res = res;
  }

  get isReceived(): boolean {
    return this.#req.complete;
  }

  get isThrough(): boolean {
    return this.#res.socket !== null;
  }

  get isSent(): boolean {
    return this.#res.writableFinished;
  }

  sendContinue(): void {
    this.#res.writeContinue();
  }

  reply(status: number, headers: string[], body: Uint8Array | null, closes: boolean): void {
    if (body !== null) headers.push('Content-Length', String(body.byteLength));
    if (closes) headers.push('Connection', 'close');
    this.#res.writeHead(status, headers);
    if (body === null) this.#res.end();
    else this.#res.end(body);
  }

  lastReply(status: number, headers: string[], body: Uint8Array | null): void {
    headers.push('Content-Length', String(body?.byteLength ?? 0), 'Connection', 'close');
    this.#res.writeHead(status, headers);
    if (body !== null) this.#res.write(body);
  }

  begin(status: number, headers: string[]): void {
    headers.push('Connection', 'close');
    this.#res.writeHead(status, headers);
    this.#res.flushHeaders();
  }

  write(bytes: Uint8Array): boolean {
    return this.#res.write(bytes);
  }

  end(bytes?: Uint8Array): void {
    if (bytes === undefined) this.#res.end();
    else this.#res.end(bytes);
  }

  onceDrained(callback: () => void): void {
    this.#res.once('drain', callback);
  }

  onceSent(callback: () => void): void {
    this.#res.once('finish', callback);
  }
}
