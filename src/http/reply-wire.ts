/**
 * What carries the reply to one request to its socket: the part of a listener that is not shared. Replies of a connection
 * leave in the order of its requests, in whatever order they are given. Main thread.
 */
import type { Reply } from './listener.ts';

export interface ReplyWire {
  /** The request's last byte was received. */
  readonly isReceived: boolean;
  /** The socket has everything that was given: no earlier reply of the connection is before it. */
  readonly isThrough: boolean;
  /** The reply is whole, and the socket has nothing of it left to send. */
  readonly isSent: boolean;
  sendContinue(): void;
  /**
   * The whole reply; for HEAD the bytes of the body are not sent. Date, Connection and Content-Length are added.
   * @param closes the connection ends with it
   */
  reply(reply: Reply, closes: boolean): void;
  /** The whole reply, which says that the connection closes; it does with end(). */
  lastReply(reply: Reply): void;
  /** The head of a reply whose bytes come with write(), until end(); the connection closes with that. */
  begin(status: number, headers: string): void;
  /** At least one byte, taken in any case. False: the socket has replyBufferBytesMax of them, wait for onceDrained. */
  write(bytes: Uint8Array): boolean;
  end(bytes?: Uint8Array): void;
  onceDrained(callback: () => void): void;
  onceSent(callback: () => void): void;
}
