/**
 * Sockets that read into one buffer of ours. Main thread.
 *
 * Of a socket that a net.Server accepted, Node makes a buffer, an ArrayBuffer and a 'data' event for every read: a
 * quarter of what a small request costs it, and most of what its collections of the young generation have to look at.
 * net.Socket can do without (`onread`), but net.Server does not offer it. So the connection is taken out of the socket
 * that was accepted and put into one that was made with `onread`; the accepted one stays behind for the server, which
 * counts it.
 *
 * `_handle` and the option `handle` are not documented, and have been there since Node 0.10 (lib/net.js). Where they
 * are not, the accepted socket is used as it is.
 */
import { channel } from 'node:diagnostics_channel';
import { Socket } from 'node:net';
import type { OnReadOpts } from 'node:net';

/** What libuv reads at once. */
const READ_BYTES = 64 * 1024;
const watchers = channel('net.server.socket');
const buffer = Buffer.allocUnsafeSlow(READ_BYTES);

/** Takes bytes that were read. They are there until it returns. */
export type BytesTaker = (bytes: Buffer) => void;

interface WithHandle {
  _handle: object | null | undefined;
}

interface HandleOptions {
  readonly handle: object;
  readonly allowHalfOpen: true;
  readonly highWaterMark: number;
  readonly onread: OnReadOpts;
}

/** @param accepted by a server with `pauseOnConnect` and `allowHalfOpen`; nothing has been read from it */
export class DirectSocket {
  readonly socket: Socket;
  #taker: BytesTaker | null = null;

  constructor(accepted: Socket) {
    const holder = accepted as unknown as WithHandle;
    const handle = holder._handle;
    if (handle === null || handle === undefined) {
      this.socket = accepted;
      return;
    }
    holder._handle = null;
    const callback = (length: number): boolean => {
      this.#taker?.(buffer.subarray(0, length));
      return true;
    };
    const options: HandleOptions = {
      handle,
      allowHalfOpen: true,
      highWaterMark: accepted.writableHighWaterMark,
      onread: { buffer, callback },
    };
    this.socket = new Socket(options);
    this.socket.on('close', () => accepted.destroy());
    // Who watches sockets is told by net of the one that is left behind.
    if (watchers.hasSubscribers) watchers.publish({ socket: this.socket });
  }

  /** Begins to read. Without a taker what comes is dropped. */
  read(taker: BytesTaker | null): void {
    this.#taker = taker;
    // Of a socket with `onread` there is no 'data'.
    if (taker !== null) this.socket.on('data', taker);
    this.socket.resume();
  }
}
