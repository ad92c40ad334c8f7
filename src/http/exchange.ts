/** One request, whatever parses it: it takes in the body, waits for its turn, and is answered. Main thread. */
import { assert } from '../core/assert.ts';
import { BodyBuffer } from './body.ts';
import type { Connection } from './connection.ts';
import { hasBody } from './head.ts';
import type { RequestHead } from './head.ts';
import { RECEIVING_BYTES_MAX } from './listener.ts';
import type { Admission, Exchange, Reply, ReplyStream, StreamHead, StreamListener } from './listener.ts';
import type { ReplyWire } from './reply-wire.ts';
import type { Turn } from './turns.ts';

export class HttpExchange<A extends Admission> implements Exchange<A>, Turn {
  readonly #connection: Connection<A>;
  readonly #wire: ReplyWire;
  #head: RequestHead | null;
  readonly admission: A;
  body: Uint8Array | null = null;
  receivedAtMs = 0;
  #buffer: BodyBuffer | null = null;
  #answered = false;
  #ready = false;
  #isCutOff = false;
  readonly #isHead: boolean;
  /** It waits for its turn, and somebody wants to know when that is over. */
  #endWait: (() => void) | null = null;

  constructor(connection: Connection<A>, wire: ReplyWire, head: RequestHead, admission: A) {
    this.#connection = connection;
    this.#wire = wire;
    this.#head = head;
    this.#isHead = head.method === 'HEAD';
    this.admission = admission;
    connection.last = wire;
  }

  get head(): RequestHead {
    assert(this.#head !== null, 'a head is looked at until its request was handled');
    return this.#head;
  }

  get safe(): boolean {
    return this.admission.safe;
  }

  get ready(): boolean {
    return this.#ready;
  }

  get isReceived(): boolean {
    return this.#wire.isReceived;
  }

  /** The head is there. A body, if there is one, follows by data() and ended(), as far as the admission allows. */
  receive(awaitsContinue: boolean): void {
    const { refusal, bodyBytesMax } = this.admission;
    const hasBytes = hasBody(this.head);
    // The reply may have to wait, but nothing behind it is taken up. Of an upgrade that is ignored node:http drops what
    // comes behind, and a 100 that is not sent ends the connection for it: that would begin in the middle of a request.
    if (refusal?.close === true || this.head.asksUpgrade || (awaitsContinue && !hasBytes))
      this.#connection.endWithLast();
    if (!hasBytes) {
      this.#setReady();
      this.#connection.enter(this);
      return this.#awaitTurn();
    }
    if (this.head.contentLength > bodyBytesMax) return this.cutOff(refusal ?? this.#tooLarge());
    if (refusal !== null && (awaitsContinue || refusal.close)) return this.cutOff(refusal);
    if (awaitsContinue) this.#wire.sendContinue();
    this.#connection.receiving = this;
    this.#connection.enter(this);
    this.#buffer = new BodyBuffer(bodyBytesMax);
  }

  run(): void {
    const { refusal } = this.admission;
    if (refusal !== null) this.reply(refusal);
    else this.#connection.handler.handle(this);
    // Whoever handles it has copied what is needed: what waits is to be little.
    this.#over();
  }

  reply(reply: Reply): void {
    assert(!this.#answered, 'a request is answered once');
    this.#answered = true;
    const connection = this.#connection;
    if (!connection.socket.destroyed) connection.send(this.#wire, reply);
    connection.leave(this);
  }

  stream(head: StreamHead, listener: StreamListener): ReplyStream | null {
    assert(!this.safe, 'a stream has its connection to itself');
    if (this.#isHead || this.#connection.socket.destroyed) {
      this.reply({ ...head, body: null, close: false });
      return null;
    }
    assert(!this.#answered, 'a request is answered once');
    this.#answered = true;
    return this.#connection.stream(this, this.#wire, head, listener);
  }

  /**
   * Answers while the request is still arriving, and ends the connection with that. What goes on arriving is read and
   * dropped for a while first: closing a socket with unread bytes resets it, and the reset overtakes the reply.
   */
  cutOff(reply: Reply): void {
    const connection = this.#connection;
    const socket = connection.socket;
    this.abandon();
    connection.closing = true;
    connection.turns.drop(this);
    this.#answered = true;
    this.#isCutOff = true;
    if (socket.destroyed) return;
    this.#wire.lastReply(reply);
    const timer = setTimeout(() => this.#wire.end(), connection.options.lingerMs);
    socket.once('close', () => clearTimeout(timer));
  }

  /** The request will not be handled. */
  abandon(): void {
    this.#releaseBuffer();
    this.#over();
  }

  #releaseBuffer(): void {
    const connection = this.#connection;
    if (connection.receiving === this) connection.receiving = null;
    if (this.#buffer !== null) connection.shared.receivingBytes -= this.#buffer.length;
    this.#buffer = null;
  }

  /** Lets go of what was received: the request was handled, or will not be. */
  #over(): void {
    this.#head = null;
    this.body = null;
    if (this.#endWait === null) return;
    this.#endWait();
    this.#endWait = null;
  }

  /** The request is ready. Unless it was handled at once, it waits for its turn. */
  #awaitTurn(): void {
    const isOver = this.#head === null;
    if (isOver || this.admission.refusal !== null) return;
    this.#endWait = this.#connection.handler.awaitTurn(this);
  }

  /** The next bytes of the body; a view, see keepBytes(). */
  data(chunk: Uint8Array): void {
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

  /** The body has ended. */
  ended(): void {
    if (this.#isCutOff) this.#wire.end();
    const buffer = this.#buffer;
    if (buffer === null) return;
    this.body = buffer.take();
    this.#releaseBuffer();
    this.#setReady();
    this.#connection.turns.wake();
    // Not its turn yet: what it was read into is somebody else's by then.
    if (this.body !== null) this.body = new Uint8Array(this.body);
    this.#awaitTurn();
  }

  /** To be called before the views that data() was given are gone. */
  keepBytes(): void {
    this.#buffer?.keep();
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
