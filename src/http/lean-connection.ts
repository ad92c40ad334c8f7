/**
 * One connection of the lean listener: from its socket's bytes to exchanges, and how long each part may take. Main
 * thread.
 *
 *   new ─┬▶ head ──▶ body ──▶ answering ──▶ idle        a deadline for each but answering
 *        └──────────◀────────────────────────┘
 *
 * Time goes in ticks of the listener, so that a request costs no timer.
 */
import type { Connection } from './connection.ts';
import { HttpExchange } from './exchange.ts';
import { hasBody } from './head.ts';
import type { RequestHead } from './head.ts';
import { ReplyOrder } from './lean-reply.ts';
import type { LeanReply } from './lean-reply.ts';
import type { Admission } from './listener.ts';
import { faultOf } from './parse-fault.ts';
import { RequestParser } from './request-parser.ts';
import type { ParserFault, ParserListener } from './request-parser.ts';

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
  /** The request whose body is being read, or was refused and is being dropped. */
  #receiving: HttpExchange<A> | null = null;
  #wire: LeanReply | null = null;
  #deadline: number;
  #begunAt = 0;

  constructor(connection: Connection<A>, ticks: Ticks) {
    const { socket, peer, options } = connection;
    this.#connection = connection;
    this.#ticks = ticks;
    this.#parser = new RequestParser(this, peer);
    this.#order = new ReplyOrder(socket, options.keepAliveTimeoutMs, () => this.#onIdle());
    this.#deadline = ticks.now + ticks.headers;
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('end', () => this.#onEnd());
    // 'close' comes next.
    socket.on('error', () => socket.destroy());
    socket.on('timeout', () => {
      if (connection.isPeerStalled()) socket.destroy();
    });
    socket.on('close', () => this.#parser.free());
  }

  /** Once a tick. */
  checkTime(): void {
    if (this.#ticks.now < this.#deadline) return;
    this.#deadline = Infinity;
    const connection = this.#connection;
    if (connection.isLastReceived) return;
    if (this.#parser.isWithin || connection.last === null)
      this.#fail({ code: 'ERR_HTTP_REQUEST_TIMEOUT', reason: '' });
    else connection.socket.destroy();
  }

  #onData(chunk: Buffer): void {
    const connection = this.#connection;
    // Behind a last request. The rest of one that was refused is read until it ends, and dropped.
    if (connection.closing && this.#receiving === null) return connection.ignore();
    const fault = this.#parser.parse(chunk);
    if (fault !== null) this.#fail(fault);
  }

  #onEnd(): void {
    const connection = this.#connection;
    connection.onPeerEnd();
    if (connection.isLastReceived) return;
    const fault = this.#parser.finish();
    if (fault !== null) this.#fail(fault);
    else this.#order.endWhenIdle();
  }

  #fail(error: ParserFault): void {
    const connection = this.#connection;
    if (connection.isLastReceived) {
      this.#receiving?.ended();
      this.#receiving = null;
      return;
    }
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
    this.#deadline = Infinity;
    if (connection.closing) return connection.ignore();
    const traits = { isHead: head.method === 'HEAD', keepsAlive, takesChunks: head.versionMinor === 1 };
    const admission = connection.handler.admit(head);
    const wire = this.#order.open(traits);
    const exchange = new HttpExchange(connection, wire, head, admission);
    if (hasBody(head)) {
      this.#receiving = exchange;
      this.#wire = wire;
      this.#deadline = this.#begunAt + this.#ticks.request;
    }
    exchange.receive(awaitsContinue);
  }

  onBody(bytes: Uint8Array): void {
    this.#receiving?.data(bytes);
  }

  onComplete(): void {
    this.#deadline = this.#order.isIdle ? this.#ticks.now + this.#ticks.keepAlive : Infinity;
    const exchange = this.#receiving;
    if (exchange === null) return;
    this.#wire!.isReceived = true;
    this.#receiving = null;
    this.#wire = null;
    exchange.ended();
  }

  #onIdle(): void {
    if (!this.#parser.isWithin) this.#deadline = this.#ticks.now + this.#ticks.keepAlive;
  }
}
