/**
 * The listener: what stands between sockets and the service. It owns connections, framing, order and limits of
 * bytes; it knows no route and no JSON. Main thread. Everything here is free of node:http, so that another
 * implementation can stand in; both run the cases of test/http/listener-contract.ts.
 *
 *   head received ──▶ handler.admit ──▶ body received ──▶ its turn (turns.ts) ──▶ handler.handle ──▶ reply()
 *                       │ says how many bytes, or refuses           replies leave in request order ◀──┘
 *
 * A request that is complete may wait: for the replies to earlier ones, which we owe, and for its peer to read what it was
 * sent. The latter is bounded: a peer that reads nothing for `replyStallMs` is closed, and what it sent is dropped.
 *
 * Promises: handle() is called once per request, fully received, never for a connection that is gone. An unsafe
 * request is handled after every earlier one of its connection is answered, and nothing overtakes it. A peer that
 * half-closes still gets its replies; a stream, which has no end to wait for, ends with that. What the listener
 * refuses itself is a problem made by handler.refuse().
 */
import { KEEP_ALIVE_TIMEOUT_MS, REPLY_BUFFER_BYTES_MAX, REPLY_STALL_MS } from '../core/limits.ts';
import type { ProblemCode } from '../core/problems.ts';
import type { RequestHead } from './head.ts';

/** A reply but for its framing. */
export interface Reply {
  readonly status: number;
  /** Header lines, each with its CRLF; without Content-Length, Date, Connection and Transfer-Encoding. */
  readonly headers: string;
  /** null: no body at all (204, 304). For HEAD the length is sent and the bytes are not. */
  readonly body: Uint8Array | null;
  /** The connection cannot go on after this, for instance since the framing is in doubt. */
  readonly close: boolean;
  /** All of it as bytes, framing included, as it is sent in HTTP/1.1 on a connection that goes on; where it is there. */
  readonly message?: Buffer;
  /** What comes behind `message`: a body that many replies have in common. */
  readonly rest?: Buffer | null;
}

/** How a stream begins; bytes follow until it is ended. */
export interface StreamHead {
  readonly status: number;
  /** As in Reply. */
  readonly headers: string;
}

/** A reply whose bytes come over time. In HTTP/1.1 they go in chunks, in HTTP/1.0 until the connection closes. */
export interface ReplyStream {
  /**
   * Takes all of the bytes (at least one) or none. None while the peer has not read what it has: from
   * `replyBufferBytesMax` on, until writable() is called; and none once the stream is over. The first is taken always.
   */
  write(bytes: Uint8Array): boolean;
  /** The last bytes, which are taken even now. The listener is told nothing more. Again: nothing. */
  end(bytes?: Uint8Array): void;
}

/** Never called within stream(), write() or end(). */
export interface StreamListener {
  /** The peer has read up: write() takes bytes again, after it took none. */
  writable(): void;
  /** Over without our end(): the peer has gone, has closed its side, or has not read for `replyStallMs`. Once. */
  gone(): void;
  /** The listener drains: say a last word and end() now, or it is done without. */
  drained(): void;
}

/** What the handler decides from the head alone. The handler may hang more on it; it comes back in Exchange. */
export interface Admission {
  /** Longer bodies are refused with `body-too-large`, from Content-Length if there is one. */
  readonly bodyBytesMax: number;
  /**
   * Safe requests (RFC 9110 §9.2.1) of one connection may be handled side by side. One that is to be answered by a
   * stream is not called safe: it waits for those before it, and nothing behind it runs.
   */
  readonly safe: boolean;
  /** The answer is known. A body within the limit is still read off the wire, unless the peer waits for a 100. */
  readonly refusal: Reply | null;
}

/** One request on its way. Its head and its body are there until handle() returns. */
export interface Exchange<A extends Admission> {
  readonly head: RequestHead;
  readonly admission: A;
  /** null if none was sent, or an empty one. */
  readonly body: Uint8Array | null;
  /** When the last byte arrived, by options.now. */
  readonly receivedAtMs: number;
  /** Exactly once, now or later. Does nothing if the peer has gone. */
  reply(reply: Reply): void;
  /**
   * Instead of reply(), for a request that was not called safe. The stream takes the connection: it ends with it, and
   * what the peer sent behind is never handled. null if there is nothing to write to: of a HEAD only the head is
   * sent, and a peer may have gone.
   */
  stream(head: StreamHead, listener: StreamListener): ReplyStream | null;
}

export interface RequestHandler<A extends Admission> {
  admit(head: RequestHead): A;
  /**
   * A request that was let in is fully received, and waits for its turn. Not called for one that is handled at once.
   * @returns to be called once, when it was handled or will not be; null if that is of no concern
   */
  awaitTurn(exchange: Exchange<A>): (() => void) | null;
  handle(exchange: Exchange<A>): void;
  /** `requestId` is the peer's, if its head was read. */
  refuse(code: ProblemCode, detail: string, requestId: string): Reply;
}

export interface Listener {
  /** Connections that are open, those that are being refused not counted. */
  readonly connectionCount: number;
  /**
   * @param port 0 for any free one
   * @returns the actual port
   * @throws FrontrowError `listen-failed`
   */
  start(host: string, port: number): Promise<number>;
  /**
   * Stops accepting, closes idle connections, answers what was handed to the handler (`Connection: close` on the
   * last of each connection), has streams end, and closes the rest after `timeoutMs`.
   * @returns whether everything was answered in time
   */
  drain(timeoutMs: number): Promise<boolean>;
}

export interface ListenerOptions {
  readonly connectionsMax: number;
  readonly now: () => number;
  /** From the first byte (or the connection) to the end of the head. */
  readonly headersTimeoutMs: number;
  /** From the first byte to the end of the body. */
  readonly requestTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  readonly replyBufferBytesMax: number;
  readonly replyStallMs: number;
  /** How long what a refused peer still sends is read and dropped, so that it sees the refusal, not a reset. */
  readonly lingerMs: number;
}

/** The rest of the options; tests make them small. */
export const LISTENER_DEFAULTS: Omit<ListenerOptions, 'connectionsMax' | 'now'> = {
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: KEEP_ALIVE_TIMEOUT_MS,
  replyBufferBytesMax: REPLY_BUFFER_BYTES_MAX,
  replyStallMs: REPLY_STALL_MS,
  lingerMs: 1000,
};

/** Requests of one connection that are handled side by side: bounds the replies that wait for a slow reader. */
export const PIPELINE_RUNNING_MAX = 8;
/** Received and unanswered requests of one connection at which reading from it pauses. */
export const PIPELINE_RECEIVED_MAX = 32;
/** Connections over the limit that are being told so; beyond them connections are closed without a word. */
export const REFUSING_MAX = 128;
/** Bytes of unfinished bodies over all connections; a request that would pass it is refused as overloaded. */
export const RECEIVING_BYTES_MAX = 128 * 1024 * 1024;

export type ListenerFactory = <A extends Admission>(
  handler: RequestHandler<A>,
  options: ListenerOptions,
) => Listener;
