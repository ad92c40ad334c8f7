/**
 * A reply whose bytes come over time, at the pace of the peer. Main thread.
 *
 *   open ──write() fills the buffer──▶ paused ──the peer reads up──▶ open
 *     │                                  └──nothing read for replyStallMs──▶ over (the socket's own timer)
 *     └──end() · the peer goes · drain──▶ over
 *
 * Invariant: once over, nothing is written and the listener is told nothing more.
 */
import type { Socket } from 'node:net';
import { assert } from '../core/assert.ts';
import type { ListenerOptions, ReplyStream, StreamListener } from './listener.ts';
import type { ReplyWire } from './reply-wire.ts';

export class PacedStream implements ReplyStream {
  readonly #wire: ReplyWire;
  readonly #socket: Socket;
  readonly #listener: StreamListener;
  readonly #options: ListenerOptions;
  readonly #onOver: () => void;
  #isPaused = false;
  #isOver = false;

  /** @param onOver the exchange is answered; called once */
  constructor(
    wire: ReplyWire,
    socket: Socket,
    listener: StreamListener,
    options: ListenerOptions,
    onOver: () => void,
  ) {
    this.#wire = wire;
    this.#socket = socket;
    this.#listener = listener;
    this.#options = options;
    this.#onOver = onOver;
  }

  /** The socket's timer is the stream's: it waits for the peer to read, up or for the last time. */
  get isTimed(): boolean {
    return this.#isPaused || this.#isOver;
  }

  write(bytes: Uint8Array): boolean {
    assert(bytes.byteLength > 0, 'an empty chunk would be the end');
    if (this.#isOver || this.#isPaused) return false;
    if (!this.#wire.write(bytes)) this.#pause();
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
    this.#wire.onceDrained(() => {
      if (this.#isOver) return;
      this.#isPaused = false;
      this.#socket.setTimeout(0);
      this.#listener.writable();
    });
  }

  #finish(bytes?: Uint8Array): void {
    this.#wire.end(bytes);
    this.#socket.setTimeout(this.#options.replyStallMs);
  }

  #over(): void {
    this.#isOver = true;
    this.#onOver();
  }
}
