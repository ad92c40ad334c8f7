/** One request of the node:http listener: it takes in the body, waits for its turn, and is answered. Main thread. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { assert } from '../core/assert.ts';
import { BodyBuffer } from './body.ts';
import { hasBody } from './head.ts';
import type { RequestHead } from './head.ts';
import { RECEIVING_BYTES_MAX } from './listener.ts';
import type { Admission, Exchange, Reply, ReplyStream, StreamHead, StreamListener } from './listener.ts';
import type { Connection } from './node-connection.ts';
import type { Turn } from './turns.ts';

export class NodeExchange<A extends Admission> implements Exchange<A>, Turn {
  readonly #connection: Connection<A>;
  readonly #req: IncomingMessage;
  readonly #res: ServerResponse;
  readonly head: RequestHead;
  readonly admission: A;
  body: Uint8Array | null = null;
  receivedAtMs = 0;
  #buffer: BodyBuffer | null = null;
  #answered = false;
  #ready = false;

  constructor(
    connection: Connection<A>,
    req: IncomingMessage,
    res: ServerResponse,
    head: RequestHead,
    admission: A,
  ) {
    this.#connection = connection;
    this.#req = req;
    this.#res = res;
    this.head = head;
    this.admission = admission;
    connection.last = res;
  }

  get safe(): boolean {
    return this.admission.safe;
  }

  get ready(): boolean {
    return this.#ready;
  }

  get isComplete(): boolean {
    return this.#req.complete;
  }

  /** Takes in the body, if there is one, as far as the admission allows. */
  receive(awaitsContinue: boolean): void {
    const { refusal, bodyBytesMax } = this.admission;
    if (!hasBody(this.head)) {
      this.#setReady();
      return this.#connection.enter(this);
    }
    if (this.head.contentLength > bodyBytesMax) return this.cutOff(refusal ?? this.#tooLarge());
    if (refusal !== null && (awaitsContinue || refusal.close)) return this.cutOff(refusal);
    if (awaitsContinue) this.#res.writeContinue();
    this.#connection.receiving = this;
    this.#connection.enter(this);
    this.#buffer = new BodyBuffer(bodyBytesMax);
    this.#req.on('data', (chunk: Buffer) => this.#onData(chunk));
    this.#req.on('end', () => this.#onEnd());
  }

  run(): void {
    const { refusal } = this.admission;
    if (refusal !== null) this.reply(refusal);
    else this.#connection.handler.handle(this);
  }

  reply(reply: Reply): void {
    assert(!this.#answered, 'a request is answered once');
    this.#answered = true;
    const connection = this.#connection;
    if (!connection.socket.destroyed) connection.send(this.#res, reply);
    connection.leave(this);
  }

  stream(head: StreamHead, listener: StreamListener): ReplyStream | null {
    assert(!this.safe, 'a stream has its connection to itself');
    if (this.head.method === 'HEAD' || this.#connection.socket.destroyed) {
      this.reply({ ...head, body: null, close: false });
      return null;
    }
    assert(!this.#answered, 'a request is answered once');
    this.#answered = true;
    return this.#connection.stream(this, this.#res, head, listener);
  }

  /**
   * Answers while the request is still arriving, and ends the connection with that. What goes on arriving is read and
   * dropped for a while first: closing a socket with unread bytes resets it, and the reset overtakes the reply.
   */
  cutOff(reply: Reply): void {
    const connection = this.#connection;
    const res = this.#res;
    const socket = connection.socket;
    this.abandon();
    connection.closing = true;
    connection.turns.drop(this);
    this.#answered = true;
    if (socket.destroyed) return;
    const body = reply.body;
    reply.headers.push('Content-Length', String(body?.byteLength ?? 0), 'Connection', 'close');
    res.writeHead(reply.status, reply.headers);
    if (body !== null) res.write(body);
    const timer = setTimeout(() => res.end(), connection.options.lingerMs);
    this.#req.once('end', () => res.end());
    this.#req.resume();
    socket.once('close', () => clearTimeout(timer));
  }

  /** Lets go of what was received: the request will not be handled. */
  abandon(): void {
    const connection = this.#connection;
    if (connection.receiving === this) connection.receiving = null;
    if (this.#buffer !== null) connection.shared.receivingBytes -= this.#buffer.length;
    this.#buffer = null;
  }

  #onData(chunk: Buffer): void {
    const buffer = this.#buffer;
    if (buffer === null) return;
    const { shared, handler } = this.#connection;
    if (shared.receivingBytes + chunk.byteLength > RECEIVING_BYTES_MAX) {
      const detail = 'Too many bytes of bodies are being received';
      return this.cutOff(handler.refuse('overloaded', detail, this.head.requestId ?? ''));
    }
    if (!buffer.append(chunk)) return this.cutOff(this.admission.refusal ?? this.#tooLarge());
    shared.receivingBytes += chunk.byteLength;
  }

  #onEnd(): void {
    const buffer = this.#buffer;
    if (buffer === null) return;
    this.body = buffer.take();
    this.abandon();
    this.#setReady();
    this.#connection.turns.wake();
  }

  #setReady(): void {
    this.receivedAtMs = this.#connection.options.now();
    this.#ready = true;
  }

  #tooLarge(): Reply {
    const detail = `The body is longer than ${this.admission.bodyBytesMax} bytes`;
    return this.#connection.handler.refuse('body-too-large', detail, this.head.requestId ?? '');
  }
}
