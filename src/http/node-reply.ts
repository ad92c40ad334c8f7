/** The reply to one request of node:http, which keeps the replies of a connection in order. Main thread. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Reply } from './listener.ts';
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

  reply({ status, headers, body }: Reply, closes: boolean): void {
    const fields = namesAndValues(headers);
    if (body !== null) fields.push('Content-Length', String(body.byteLength));
    if (closes) fields.push('Connection', 'close');
    this.#res.writeHead(status, fields);
    if (body === null) this.#res.end();
    else this.#res.end(body);
  }

  lastReply({ status, headers, body }: Reply): void {
    const length = String(body?.byteLength ?? 0);
    this.#res.writeHead(status, [
      ...namesAndValues(headers),
      'Content-Length',
      length,
      'Connection',
      'close',
    ]);
    if (body !== null) this.#res.write(body);
  }

  begin(status: number, headers: string): void {
    this.#res.writeHead(status, [...namesAndValues(headers), 'Connection', 'close']);
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

function namesAndValues(lines: string): string[] {
  const fields: string[] = [];
  for (let start = 0; start < lines.length;) {
    const colon = lines.indexOf(': ', start);
    const end = lines.indexOf('\r\n', colon);
    fields.push(lines.slice(start, colon), lines.slice(colon + 2, end));
    start = end + 2;
  }
  return fields;
}
