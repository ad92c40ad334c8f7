/**
 * One connection of the lean listener: from its socket's bytes to exchanges, and how long each part may take. Main
 * thread.
 *
 *   new ──▶ head ──▶ body ──▶ nothing owed and nothing begun: idle        a deadline for each
 *             ▲────────────────────────┘
 *
 * Time goes in ticks of the listener, so that a request costs no timer. Bytes that the peer does not read are the socket's
 * own timer's, which knows of partial progress; a tick that finds some starts it.
 */
import type { Connection } from './connection.ts';
import type { DirectSocket } from './direct-socket.ts';
import { HttpExchange } from './exchange.ts';
import { hasBody } from './head.ts';
import type { RequestHead } from './head.ts';
import { ReplyOrder } from './lean-reply.ts';
import type { LeanReply } from './lean-reply.ts';
import type { Admission } from './listener.ts';
import { faultOf } from './parse-fault.ts';
import { RequestParser } from './request-parser.ts';
import type { ParserFault, ParserListener } from './request-parser.ts';

/** A tick that never comes. A small integer, unlike Infinity: V8 keeps those without an object of their own. */
const NEVER = 0x3fff_ffff;

/** The clock of a listener's timeouts. */
export interface Ticks {
  /** Goes up by one each tick. */
  now: number;
  /** In ticks, at least what the option says. */
  readonly headers: number;
  readonly request: number;
  readonly keepAlive: number;
}

export class LeanConnection<A extends Admission> implements ParserListener {
  readonly #connection: Connection<A>;
  readonly #ticks: Ticks;
  readonly #parser: RequestParser;
  readonly #order: ReplyOrder;
  /** The request whose body is being parsed, to be taken in or dropped, and its wire. */
  #exchange: HttpExchange<A> | null = null;
  #wire: LeanReply | null = null;
  /** The parser gave up: nothing more is parsed. */
  #isFaulty = false;
  #deadline: number;
  #begunAt = 0;

  /** @param source of the connection's socket; not read from yet */
  constructor(connection: Connection<A>, source: DirectSocket, ticks: Ticks) {
    const { socket, peer, options } = connection;
    this.#connection = connection;
    this.#ticks = ticks;
    this.#parser = new RequestParser(this, peer);
    this.#order = new ReplyOrder(socket, options.keepAliveTimeoutMs, () => this.#onIdle());
    this.#deadline = ticks.now + ticks.headers;
    socket.on('end', () => this.#onEnd());
    // 'close' comes next.
    socket.on('error', () => socket.destroy());
    socket.on('timeout', () => {
      if (socket.writableLength > 0) socket.destroy();
      else socket.setTimeout(0);
    });
    socket.on('close', () => this.#parser.free());
    source.read((chunk) => this.#onData(chunk));
  }

  /** Once a tick. */
  checkTime(): void {
    const connection = this.#connection;
    const { socket, options } = connection;
    if (socket.writableLength > 0 && !socket.timeout) socket.setTimeout(options.replyStallMs);
    if (this.#ticks.now < this.#deadline) return;
    const { now, headers, keepAlive } = this.#ticks;
    // What we do not read cannot be late, and a reply that is being read is not over.
    if (connection.isPaused) this.#deadline = now + headers;
    else if (connection.isLastReceived) this.#deadline = NEVER;
    else if (this.#parser.isWithin || connection.last === null) {
      this.#deadline = NEVER;
      this.#fail({ code: 'ERR_HTTP_REQUEST_TIMEOUT', reason: '' });
    } else if (socket.writableLength > 0) this.#deadline = now + keepAlive;
    else socket.destroy();
  }

  #onData(chunk: Buffer): void {
    const connection = this.#connection;
    // Behind a last request. The rest of one that was refused is read until it ends, and dropped.
    if (this.#isFaulty || (connection.closing && this.#exchange === null)) return connection.ignore();
    const fault = this.#parser.parse(chunk);
    this.#exchange?.keepBytes();
    if (fault === null) return;
    this.#isFaulty = true;
    this.#fail(fault);
  }

  #onEnd(): void {
    const connection = this.#connection;
    connection.onPeerEnd();
    if (connection.isLastReceived) return;
    const fault = this.#isFaulty ? null : this.#parser.finish();
    if (fault !== null) this.#fail(fault);
    else this.#order.endWhenIdle();
  }

  #fail(error: ParserFault): void {
    const connection = this.#connection;
    if (connection.isLastReceived) return;
    if (error.code === 'HPE_PAUSED_UPGRADE') {
      connection.refuseRaw(connection.handler.refuse('bad-target', 'This is not a proxy', ''));
      return;
    }
    const fault = faultOf(error);
    if (fault === 'gone') return void connection.socket.destroy();
    if (fault !== 'after-close') connection.fail(fault.code, fault.detail);
  }

  onBegin(): void {
    this.#begunAt = this.#ticks.now;
    this.#deadline = this.#begunAt + this.#ticks.headers;
  }

  onHead(head: RequestHead, keepsAlive: boolean, awaitsContinue: boolean): void {
    const connection = this.#connection;
    this.#deadline = NEVER;
    if (connection.closing) return connection.ignore();
    const admission = connection.handler.admit(head);
    const wire = this.#order.open(head.method === 'HEAD', head.versionMinor === 1);
    const exchange = new HttpExchange(connection, wire, head, admission);
    if (hasBody(head)) {
      this.#exchange = exchange;
      this.#wire = wire;
      this.#deadline = this.#begunAt + this.#ticks.request;
    }
    if (!keepsAlive) connection.endWithLast();
    exchange.receive(awaitsContinue);
  }

  onBody(bytes: Uint8Array): void {
    this.#exchange?.data(bytes);
  }

  onComplete(): void {
    this.#deadline = this.#order.isIdle ? this.#ticks.now + this.#ticks.keepAlive : NEVER;
    const exchange = this.#exchange;
    if (exchange === null) return;
    this.#wire!.isReceived = true;
    this.#exchange = null;
    this.#wire = null;
    exchange.ended();
  }

  #onIdle(): void {
    if (!this.#parser.isWithin) this.#deadline = this.#ticks.now + this.#ticks.keepAlive;
  }
}
