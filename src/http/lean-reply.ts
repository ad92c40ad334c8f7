/**
 * Replies of one connection of the lean listener, in the order of its requests. Main thread.
 *
 *   first reply ──▶ the socket;   those behind it ──▶ pieces, until it is their turn
 *
 * Invariant: the socket has all that was given to the first reply, and nothing of any other.
 */
import type { Socket } from 'node:net';
import { assert } from '../core/assert.ts';
import { KEEP_ALIVE_TIMEOUT_MS } from '../core/limits.ts';
import { dateLine, keepAliveLines, statusLine } from '../core/message.ts';
import type { Reply } from './listener.ts';
import type { ReplyWire } from './reply-wire.ts';

const CRLF = Buffer.from('\r\n');
const NO_BYTES = new Uint8Array(0);
const LAST_CHUNK = Buffer.from('0\r\n\r\n');
const CONTINUE = Buffer.from('HTTP/1.1 100 Continue\r\n\r\n');

function headText(status: number, headers: string): string {
  return statusLine(status) + headers + dateLine();
}

export class ReplyOrder {
  readonly socket: Socket;
  /** Messages that were made elsewhere say what this one would of how long a connection lives. */
  readonly takesMessages: boolean;
  readonly #keepAlive: string;
  readonly #onIdle: () => void;
  readonly #replies: LeanReply[] = [];
  #isCorked = false;
  #endsWhenIdle = false;

  /** @param onIdle the socket has all replies that are owed; it may still be sending them */
  constructor(socket: Socket, keepAliveTimeoutMs: number, onIdle: () => void) {
    this.socket = socket;
    this.#keepAlive = keepAliveLines(keepAliveTimeoutMs);
    this.takesMessages = keepAliveTimeoutMs === KEEP_ALIVE_TIMEOUT_MS;
    this.#onIdle = onIdle;
  }

  get isIdle(): boolean {
    return this.#replies.length === 0;
  }

  /** @param takesChunks HTTP/1.0 knows none */
  open(isHead: boolean, takesChunks: boolean): LeanReply {
    const reply = new LeanReply(this, isHead, takesChunks);
    this.#replies.push(reply);
    return reply;
  }

  /** The peer sends no more: the connection ends with the last reply that is owed. */
  endWhenIdle(): void {
    this.#endsWhenIdle = true;
    if (this.isIdle) this.socket.end();
  }

  connectionLines(closes: boolean): string {
    return closes ? 'Connection: close\r\n' : this.#keepAlive;
  }

  /** @returns false at the socket's high-water mark */
  write(bytes: Uint8Array): boolean {
    // Replies that waited for this one leave with it.
    if (this.#replies.length > 1 && !this.#isCorked) {
      this.#isCorked = true;
      this.socket.cork();
      process.nextTick(() => {
        this.#isCorked = false;
        this.socket.uncork();
      });
    }
    return this.socket.write(bytes);
  }

  /** The first reply is whole, and those behind it may have been for long. Not recursive: there may be thousands. */
  advance(): void {
    for (let first = this.#replies[0]; first?.isWhole === true; first = this.#replies[0]) {
      this.#replies.shift();
      first.leave();
      if (first.closes) {
        this.#replies.length = 0;
        this.socket.destroySoon();
        return;
      }
      this.#replies[0]?.becomeFirst();
    }
    if (this.#replies.length > 0) return;
    if (this.#endsWhenIdle) this.socket.end();
    this.#onIdle();
  }
}

export class LeanReply implements ReplyWire {
  readonly #order: ReplyOrder;
  readonly #isHead: boolean;
  readonly #takesChunks: boolean;
  isReceived = false;
  /** What was given before its turn; null from then on. */
  #pieces: Uint8Array[] | null;
  #isWhole = false;
  #closes = false;
  #isChunked = false;
  #onWhole: (() => void)[] | null = null;

  constructor(order: ReplyOrder, isHead: boolean, takesChunks: boolean) {
    this.#order = order;
    this.#isHead = isHead;
    this.#takesChunks = takesChunks;
    this.#pieces = order.isIdle ? null : [];
  }

  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** The connection ends with it. */
  get closes(): boolean {
    return this.#closes;
  }

  get isThrough(): boolean {
    return this.#pieces === null;
  }

  get isSent(): boolean {
    return this.isWhole && this.isThrough && this.#order.socket.writableLength === 0;
  }

  sendContinue(): void {
    this.#give(CONTINUE);
  }

  reply(reply: Reply, closes: boolean): void {
    const message = closes || this.#isHead || !this.#order.takesMessages ? undefined : reply.message;
    if (message === undefined) this.#giveWhole(reply, reply.body, closes);
    else this.#giveMessage(message, reply.rest ?? null);
    this.#finish(closes);
  }

  lastReply(reply: Reply): void {
    this.#giveWhole(reply, reply.body ?? NO_BYTES, true);
  }

  begin(status: number, headers: string): void {
    this.#isChunked = this.#takesChunks;
    const framing = this.#isChunked ? 'Transfer-Encoding: chunked\r\n' : '';
    this.#give(Buffer.from(`${headText(status, headers)}Connection: close\r\n${framing}\r\n`, 'latin1'));
  }

  write(bytes: Uint8Array): boolean {
    assert(bytes.byteLength > 0, 'an empty chunk would be the end');
    if (!this.#isChunked) return this.#give(bytes);
    return this.#give(Buffer.concat([Buffer.from(`${bytes.byteLength.toString(16)}\r\n`), bytes, CRLF]));
  }

  end(bytes?: Uint8Array): void {
    if (this.isWhole || this.#order.socket.destroyed) return;
    if (bytes !== undefined && bytes.byteLength > 0) this.write(bytes);
    if (this.#isChunked) this.#give(LAST_CHUNK);
    this.#finish(true);
  }

  onceDrained(callback: () => void): void {
    this.#order.socket.once('drain', callback);
  }

  onceSent(callback: () => void): void {
    if (this.isWhole && this.isThrough) this.#whenFlushed(callback);
    else (this.#onWhole ??= []).push(callback);
  }

  becomeFirst(): void {
    const pieces = this.#pieces;
    this.#pieces = null;
    if (pieces !== null) for (const piece of pieces) this.#order.write(piece);
  }

  /** It is whole and with the socket. */
  leave(): void {
    if (this.#onWhole !== null) for (const callback of this.#onWhole) this.#whenFlushed(callback);
  }

  /** It keeps all of its batch in memory: what does not leave at once is copied. The rest is kept for others anyway. */
  #giveMessage(message: Buffer, rest: Buffer | null): void {
    const { socket } = this.#order;
    const leaves = this.isThrough && socket.writableLength === 0;
    const head = leaves ? message : Buffer.from(message);
    if (rest === null) {
      this.#give(head);
      return;
    }
    // One system call for both.
    socket.cork();
    this.#give(head);
    this.#give(rest);
    socket.uncork();
  }

  #giveWhole({ status, headers }: Reply, body: Uint8Array | null, closes: boolean): void {
    let head = headText(status, headers);
    if (body !== null) head += `Content-Length: ${body.byteLength}\r\n`;
    head += `${this.#order.connectionLines(closes)}\r\n`;
    const rest = body === null || this.#isHead ? NO_BYTES : body;
    // One buffer, so one write: a head is ASCII, and its bytes are its characters.
    const bytes = Buffer.allocUnsafe(head.length + rest.byteLength);
    bytes.write(head, 0, head.length, 'latin1');
    bytes.set(rest, head.length);
    this.#give(bytes);
  }

  #give(bytes: Uint8Array): boolean {
    if (this.#pieces === null) return this.#order.write(bytes);
    this.#pieces.push(bytes);
    return true;
  }

  #finish(closes: boolean): void {
    assert(!this.isWhole, 'a reply ends once');
    this.#isWhole = true;
    this.#closes = closes;
    if (this.isThrough) this.#order.advance();
  }

  #whenFlushed(callback: () => void): void {
    const { socket } = this.#order;
    if (socket.destroyed || !socket.writable) return;
    // Comes after everything that was written before it; with an error when the socket is gone, and nothing was sent.
    socket.write(NO_BYTES, (error) => {
      if (error === null || error === undefined) callback();
    });
  }
}
