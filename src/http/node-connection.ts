/**
 * One connection of the node:http listener, and one request on it. Main thread.
 *
 * Invariants of a connection: `receiving` is the newest request that has a body, until it is taken in; `last` the
 * response of the newest request of all; after `closing` no further request is taken up. `unsentBytes` counts replies that were handed to
 * node:http while the socket was backed up or another response had it; at the limit the turns are held. `stream`, once
 * there is one, is the last thing that the connection does.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { assert } from '../core/assert.ts';
import type { ProblemCode } from '../core/problems.ts';
import { BodyBuffer } from './body.ts';
import { hasBody } from './head.ts';
import type { RequestHead } from './head.ts';
import { PIPELINE_RECEIVED_MAX, PIPELINE_RUNNING_MAX, RECEIVING_BYTES_MAX } from './listener.ts';
import type {
  Admission,
  Exchange,
  ListenerOptions,
  Reply,
  ReplyStream,
  RequestHandler,
  StreamHead,
  StreamListener,
} from './listener.ts';
import { NodeStream } from './node-stream.ts';
import type { Peer } from './peer.ts';
import { closingBytes } from './reply.ts';
import { Turns } from './turns.ts';
import type { Turn } from './turns.ts';

/** What the connections of one listener share. */
export interface Shared {
  draining: boolean;
  /** Bytes of unfinished bodies. */
  receivingBytes: number;
}

export class Connection<A extends Admission> {
  readonly socket: Socket;
  readonly peer: Peer;
  readonly handler: RequestHandler<A>;
  readonly options: ListenerOptions;
  readonly shared: Shared;
  readonly turns = new Turns<NodeExchange<A>>(PIPELINE_RUNNING_MAX);
  receiving: NodeExchange<A> | null = null;
  last: ServerResponse | null = null;
  closing = false;
  #unsentBytes = 0;
  #unsentReplies = 0;
  #watching = false;
  #paused = false;
  #stream: NodeStream | null = null;
  #peerEnded = false;

  constructor(
    socket: Socket,
    peer: Peer,
    handler: RequestHandler<A>,
    options: ListenerOptions,
    shared: Shared,
  ) {
    this.socket = socket;
    this.peer = peer;
    this.handler = handler;
    this.options = options;
    this.shared = shared;
  }

  /** A request takes its place. Reading pauses while too many wait; node:http may still hand over some it has. */
  enter(exchange: NodeExchange<A>): void {
    this.turns.enter(exchange);
    if (this.turns.size >= PIPELINE_RECEIVED_MAX) this.#pause();
  }

  /** A request has been answered. */
  leave(exchange: NodeExchange<A>): void {
    this.turns.leave(exchange);
    this.#resume();
    if (this.shared.draining) this.closeIfAnswered();
  }

  send(res: ServerResponse, reply: Reply): void {
    const headers = reply.headers;
    const bytes = reply.body === null ? 0 : reply.body.byteLength;
    if (reply.body !== null) headers.push('Content-Length', String(bytes));
    if (res === this.last && (reply.close || this.shared.draining)) {
      headers.push('Connection', 'close');
      this.closing = true;
    }
    res.writeHead(reply.status, headers);
    if (reply.body === null) res.end();
    else res.end(reply.body);
    if (res.socket === null || this.socket.writableLength >= this.options.replyBufferBytesMax)
      this.#watch(res, bytes);
  }

  /** The answer of `exchange` is a stream, and nothing comes after it. */
  stream(
    exchange: NodeExchange<A>,
    res: ServerResponse,
    head: StreamHead,
    listener: StreamListener,
  ): NodeStream {
    this.closing = true;
    for (const behind of this.turns.clear()) behind.abandon();
    head.headers.push('Connection', 'close');
    res.writeHead(head.status, head.headers);
    res.flushHeaders();
    const stream = new NodeStream(res, this.socket, listener, this.options, () => this.leave(exchange));
    this.#stream = stream;
    if (this.shared.draining) setImmediate(() => stream.drain());
    if (this.#peerEnded) setImmediate(() => stream.peerEnded());
    return stream;
  }

  /** A request that is not taken up. Behind a stream there may be any number, and they stay unread. */
  ignore(req: IncomingMessage): void {
    if (this.#stream === null) req.resume();
    else this.#pause();
  }

  /** Counts a reply that did not leave at once, until it has; and has the peer's reading of it timed. */
  #watch(res: ServerResponse, bytes: number): void {
    this.#unsentBytes += bytes;
    this.#unsentReplies++;
    if (!this.#watching) {
      this.#watching = true;
      // The socket's own timer: it counts partial writes as progress, and costs nothing while there is some.
      this.socket.setTimeout(this.options.replyStallMs);
    }
    if (this.#unsentBytes >= this.options.replyBufferBytesMax) {
      this.turns.hold(true);
      this.#pause();
    }
    res.once('finish', () => {
      this.#unsentBytes -= bytes;
      this.#unsentReplies--;
      assert(this.#unsentBytes >= 0, 'no more bytes are sent than were handed over');
      if (this.#unsentBytes < this.options.replyBufferBytesMax) this.turns.hold(false);
      this.#resume();
      if (this.#unsentReplies > 0) return;
      this.#watching = false;
      // If the connection is idle now, node:http has just set the keep-alive time, and it stays.
      // A stream that is paused has set a time of its own.
      if (!this.#isIdle() && this.#stream?.isPaused !== true) this.socket.setTimeout(0);
    });
  }

  #isIdle(): boolean {
    return this.turns.size === 0;
  }

  /** On the socket's timeout: whether that is the peer's doing. If not, a reply is owed by us, and time starts anew. */
  isPeerStalled(): boolean {
    return this.#isIdle() || this.socket.writableLength > 0;
  }

  #pause(): void {
    this.#paused = true;
    this.socket.pause();
  }

  #resume(): void {
    if (!this.#paused || this.#unsentBytes >= this.options.replyBufferBytesMax) return;
    if (this.turns.size >= PIPELINE_RECEIVED_MAX) return;
    this.#paused = false;
    this.socket.resume();
  }

  /** The request whose body is still on its way. node:http tells of the end of one a little late. */
  #partial(): NodeExchange<A> | null {
    return this.receiving === null || this.receiving.isComplete ? null : this.receiving;
  }

  /** The parser gave up, or time ran out. The peer is told in the place of the request that was being received. */
  fail(code: ProblemCode, detail: string): void {
    const partial = this.#partial();
    if (partial !== null) {
      partial.cutOff(this.handler.refuse(code, detail, partial.head.requestId ?? ''));
    } else {
      this.refuseRaw(this.handler.refuse(code, detail, ''));
    }
  }

  /** A last reply for what never became a request; after the replies of the earlier ones. */
  refuseRaw(reply: Reply): void {
    this.closing = true;
    const last = this.last;
    if (last === null || last.writableFinished) this.#endRaw(reply);
    else last.once('finish', () => this.#endRaw(reply));
  }

  #endRaw(reply: Reply): void {
    const socket = this.socket;
    if (!socket.writable) return void socket.destroy();
    socket.end(closingBytes(reply));
    const timer = setTimeout(() => socket.destroy(), this.options.lingerMs);
    socket.once('close', () => clearTimeout(timer));
  }

  /** For the drain: closes once the replies so far are sent, unless more are owed. */
  closeIfAnswered(): void {
    this.#stream?.drain();
    const partial = this.#partial();
    if (this.closing || this.turns.size > (partial === null ? 0 : 1)) return;
    if (partial !== null) return this.fail('draining', 'The server is shutting down');
    this.closing = true;
    const last = this.last;
    if (last === null || last.writableFinished) this.socket.destroySoon();
    else last.once('finish', () => this.socket.destroySoon());
  }

  onPeerEnd(): void {
    this.#peerEnded = true;
    this.#stream?.peerEnded();
  }

  onClose(): void {
    this.closing = true;
    for (const exchange of this.turns.clear()) exchange.abandon();
    this.#stream?.closed();
  }
}

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
