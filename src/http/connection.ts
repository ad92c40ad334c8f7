/**
 * One connection, whatever parses it. Main thread.
 *
 * Invariants: `receiving` is the newest request that has a body, until it is taken in; `last` the wire of the newest
 * request of all; after `closing` no further request is taken up. `unsentBytes` counts replies that were given while
 * the socket was backed up or an earlier one was owed; at the limit the turns are held. `stream`, once there is one,
 * is the last thing that the connection does.
 */
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
import type { HttpExchange } from './exchange.ts';
import type { Peer } from './peer.ts';
import { PacedStream } from './reply-stream.ts';
import type { ReplyWire } from './reply-wire.ts';
import { closingBytes } from './reply.ts';
import { Turns } from './turns.ts';

/** Counted for the head of a reply that waits: replies without a body wait in memory, too. */
const HEAD_BYTES = 512;

/** What the connections of one listener share. */
export interface Shared {
  draining: boolean;
  /** Bytes of unfinished bodies. */
  receivingBytes: number;
  /** The socket's own timer ends an idle connection: it is left as it is set then. */
  readonly socketTimesIdle: boolean;
}

export class Connection<A extends Admission> {
  readonly socket: Socket;
  readonly peer: Peer;
  readonly handler: RequestHandler<A>;
  readonly options: ListenerOptions;
  readonly shared: Shared;
  readonly turns = new Turns<HttpExchange<A>>(PIPELINE_RUNNING_MAX);
  receiving: HttpExchange<A> | null = null;
  last: ReplyWire | null = null;
  closing = false;
  #unsentBytes = 0;
  #unsentReplies = 0;
  #watching = false;
  #paused = false;
  #catchingUp = false;
  #stream: PacedStream | null = null;
  #peerEnded = false;
  #endsWithLast = false;

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

  /** Not read from, for reasons of ours. */
  get isPaused(): boolean {
    return this.#paused;
  }

  /** A request takes its place. Reading pauses while too many wait; node:http may still hand over some it has. */
  enter(exchange: HttpExchange<A>): void {
    this.turns.enter(exchange);
    if (this.turns.size >= PIPELINE_RECEIVED_MAX) this.#pause();
  }

  /** No further request is taken up, and none is being received: what goes wrong from here is nobody's concern. */
  get isLastReceived(): boolean {
    return this.closing && this.#partial() === null;
  }

  /** Nothing behind the newest request is taken up: the connection ends with its reply, whenever that comes. */
  endWithLast(): void {
    this.closing = true;
    this.#endsWithLast = true;
  }

  /** A request has been answered. */
  leave(exchange: HttpExchange<A>): void {
    this.turns.leave(exchange);
    this.#resume();
    if (this.shared.draining) this.closeIfAnswered();
  }

  send(wire: ReplyWire, reply: Reply): void {
    const closes = wire === this.last && (reply.close || this.#endsWithLast || this.shared.draining);
    if (closes) this.closing = true;
    wire.reply(reply, closes);
    if (!wire.isThrough || this.socket.writableLength >= this.options.replyBufferBytesMax)
      this.#watch(wire, HEAD_BYTES + (reply.body === null ? 0 : reply.body.byteLength));
  }

  /** The answer of `exchange` is a stream, and nothing comes after it. */
  stream(
    exchange: HttpExchange<A>,
    wire: ReplyWire,
    head: StreamHead,
    listener: StreamListener,
  ): PacedStream {
    this.closing = true;
    for (const behind of this.turns.clear()) behind.abandon();
    wire.begin(head.status, head.headers);
    const stream = new PacedStream(wire, this.socket, listener, this.options, () => this.leave(exchange));
    this.#stream = stream;
    if (this.shared.draining) setImmediate(() => stream.drain());
    if (this.#peerEnded) setImmediate(() => stream.peerEnded());
    return stream;
  }

  /** There is more that is not taken up. Behind a stream there may be any number, and they stay unread. */
  ignore(): void {
    if (this.#stream !== null) this.#pause();
  }

  /** Counts a reply that did not leave at once, until it has; and has the peer's reading of it timed. */
  #watch(wire: ReplyWire, bytes: number): void {
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
    wire.onceSent(() => {
      this.#unsentBytes -= bytes;
      this.#unsentReplies--;
      assert(this.#unsentBytes >= 0, 'no more bytes are sent than were handed over');
      this.#release();
      this.#resume();
      if (this.#unsentReplies > 0) return;
      this.#watching = false;
      // node:http has just set the keep-alive time of a connection that is idle now; a stream may have set its own.
      const isTimed = (this.#isIdle() && this.shared.socketTimesIdle) || this.#stream?.isTimed === true;
      if (!isTimed) this.socket.setTimeout(0);
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
    if (this.shared.draining) this.#catchUp();
  }

  /** Turns go on, unless there is a reason to hold them. */
  #release(): void {
    if (this.#unsentBytes < this.options.replyBufferBytesMax && !this.#catchingUp) this.turns.hold(false);
  }

  /**
   * For the drain: what came while nothing was read is read before anybody else is answered. Which reply is the last
   * depends on it, and a socket that is closed with bytes unread is reset.
   */
  #catchUp(): void {
    if (this.#catchingUp) return;
    this.#catchingUp = true;
    this.turns.hold(true);
    const caughtUp = (): void => {
      this.#catchingUp = false;
      this.#release();
      this.closeIfAnswered();
    };
    // The second one comes when the sockets have been polled.
    setImmediate(() => setImmediate(caughtUp));
  }

  /** The request whose body is still on its way. node:http tells of the end of one a little late. */
  #partial(): HttpExchange<A> | null {
    return this.receiving === null || this.receiving.isReceived ? null : this.receiving;
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
    if (last === null || last.isSent) this.#endRaw(reply);
    else last.onceSent(() => this.#endRaw(reply));
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
    // There may be more, which is read when the peer has read.
    if (this.#paused || this.#catchingUp) return;
    const partial = this.#partial();
    if (this.isLastReceived || this.turns.size > (partial === null ? 0 : 1)) return;
    if (partial !== null) return this.fail('draining', 'The server is shutting down');
    this.closing = true;
    const last = this.last;
    if (last === null || last.isSent) this.socket.destroySoon();
    else last.onceSent(() => this.socket.destroySoon());
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
