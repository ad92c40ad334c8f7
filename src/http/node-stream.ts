/**
 * A streamed reply of the node:http listener. Main thread.
 *
 *   open ──write() fills the buffer──▶ paused ──the peer reads up──▶ open
 *     │                                  └──nothing read for replyStallMs──▶ over (the socket's own timer)
 *     └──end() · the peer goes · drain──▶ over
 *
 * Invariant: once over, nothing is written and the listener is told nothing more.
 */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { assert } from '../core/assert.ts';
import type { ListenerOptions, ReplyStream, StreamListener } from './listener.ts';

export class NodeStream implements ReplyStream {
  readonly #res: ServerResponse;
  readonly #socket: Socket;
  readonly #listener: StreamListener;
  readonly #options: ListenerOptions;
  readonly #onOver: () => void;
  #isPaused = false;
  #isOver = false;

  /** @param onOver the exchange is answered; called once */
  constructor(
    res: ServerResponse,
    socket: Socket,
    listener: StreamListener,
    options: ListenerOptions,
    onOver: () => void,
  ) {
    this.#res = res;
    this.#socket = socket;
    this.#listener = listener;
    this.#options = options;
    this.#onOver = onOver;
  }

  /** The peer has as much unread as it may have. */
  get isPaused(): boolean {
    return this.#isPaused;
  }

  write(bytes: Uint8Array): boolean {
    assert(bytes.byteLength > 0, 'an empty chunk would be the end');
    if (this.#isOver || this.#isPaused) return false;
    // False at the socket's high-water mark, which is replyBufferBytesMax: the listener sets it for all sockets.
    if (!this.#res.write(bytes)) this.#pause();
    return true;
  }

  end(bytes?: Uint8Array): void {
    if (this.#isOver) return;
    this.#over();
    this.#finish(bytes);
  }

  /** The connection is closed. */
  closed(): void {
    if (this.#isOver) return;
    this.#over();
    this.#listener.gone();
  }

  /** The peer has closed its side: nearly always it has gone, and only our writing would show it. */
  peerEnded(): void {
    if (this.#isOver) return;
    this.#over();
    this.#finish();
    this.#listener.gone();
  }

  drain(): void {
    if (this.#isOver) return;
    const wasPaused = this.#isPaused;
    this.#listener.drained();
    this.end();
    // Who has not read for a while is not waited for; the others get a moment for what is on its way.
    if (wasPaused) this.#socket.destroy();
    else this.#socket.setTimeout(this.#options.lingerMs);
  }

  #pause(): void {
    this.#isPaused = true;
    // It counts partial writes as progress.
    this.#socket.setTimeout(this.#options.replyStallMs);
    this.#res.once('drain', () => {
      if (this.#isOver) return;
      this.#isPaused = false;
      this.#socket.setTimeout(0);
      this.#listener.writable();
    });
  }

  #finish(bytes?: Uint8Array): void {
    if (bytes === undefined) this.#res.end();
    else this.#res.end(bytes);
    this.#socket.setTimeout(this.#options.replyStallMs);
  }

  #over(): void {
    this.#isOver = true;
    this.#onOver();
  }
}
