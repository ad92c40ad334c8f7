/**
 * One connection of the node:http listener. Main thread.
 *
 * Invariants: `receiving` is the newest request that has a body, until it is taken in; `last` the response of the newest
 * request of all; after `closing` no further request is taken up. `unsentBytes` counts replies that were handed to
 * node:http while the socket was backed up or another response had it; at the limit the turns are held. `stream`, once
 * there is one, is the last thing that the connection does.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { assert } from '../core/assert.ts';
import type { ProblemCode } from '../core/problems.ts';
import { PIPELINE_RECEIVED_MAX, PIPELINE_RUNNING_MAX } from './listener.ts';
import type {
  Admission,
  ListenerOptions,
  Reply,
  RequestHandler,
  StreamHead,
  StreamListener,
} from './listener.ts';
import type { NodeExchange } from './node-exchange.ts';
import { NodeStream } from './node-stream.ts';
import type { Peer } from './peer.ts';
import { closingBytes } from './reply.ts';
import { Turns } from './turns.ts';

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
