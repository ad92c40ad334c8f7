/**
 * One run of the fuzzer over one connection. The listener runs in this process, so each write can be held back until
 * the server's socket has read the one before: the listener sees exactly the cuts of the run, and nothing sleeps.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { piecesOf } from './fuzz-case.ts';
import type { FuzzRun } from './fuzz-case.ts';
import { saysClose } from './fuzz-replies.ts';

/** Turns of the event loop without any progress after which a listener is taken to be done, or not to be reading. */
const QUIET_TURNS = 6;
/** A listener that has not closed this long after the peer has. */
const STUCK_MS = 3000;

export interface Conversation {
  /** Everything the listener sent, latin1. */
  readonly received: string;
  /**
   * said: it closed after a `Connection: close`. unsaid: it closed without a word, before the peer did. after-peer: it
   * waited for the peer's half-close. never: not even then.
   */
  readonly closed: 'said' | 'unsaid' | 'after-peer' | 'never';
  /** The server's end failed and nobody listened: outside of a test, that is the end of the process. */
  readonly uncaught: boolean;
}

/** The server's ends of connections, by its port and the peer's address. */
export class ServerSockets {
  readonly #sockets = new Map<string, Socket>();
  readonly #uncaught = new Set<string>();

  constructor() {
    subscribe('net.server.socket', this.#onSocket);
  }

  find(port: number, address: string): Socket | undefined {
    return this.#sockets.get(`${port} ${address}`);
  }

  /** Whether a failure of that socket was left to nobody; forgets it. */
  takeUncaught(port: number, address: string): boolean {
    return this.#uncaught.delete(`${port} ${address}`);
  }

  close(): void {
    unsubscribe('net.server.socket', this.#onSocket);
  }

  readonly #onSocket = (message: unknown): void => {
    const { socket } = message as { socket: Socket };
    // The lean listener has put the connection into another one, and told of that.
    if (socket.remoteAddress === undefined) return;
    const key = `${socket.localPort} ${socket.remoteAddress}`;
    this.#sockets.set(key, socket);
    socket.once('close', () => this.#sockets.delete(key));
    socket.prependListener('error', () => {
      if (socket.listenerCount('error') === 1) this.#uncaught.add(key);
    });
  };
}

let nextTurn: Promise<void> | null = null;

/** The end of this turn of the event loop; shared by all who wait for it. */
function turn(): Promise<void> {
  nextTurn ??= new Promise((resolve) => {
    setImmediate(() => {
      nextTurn = null;
      resolve();
    });
  });
  return nextTurn;
}

/** @param patience how many times longer than usual to wait before calling it quiet */
export async function converse(
  port: number,
  address: string,
  servers: ServerSockets,
  run: FuzzRun,
  patience: number,
): Promise<Conversation> {
  const peer = new FuzzPeer(port, address, servers, QUIET_TURNS * patience);
  await peer.opened;
  const closed = await play(peer, run);
  peer.socket.destroy();
  return { received: peer.received, closed, uncaught: servers.takeUncaught(port, address) };
}

async function play(peer: FuzzPeer, run: FuzzRun): Promise<Conversation['closed']> {
  const pieces = piecesOf(run);
  for (const [i, piece] of pieces.entries()) {
    if (peer.closed) break;
    const isLast = i === pieces.length - 1;
    if (isLast && run.finish === 'end') peer.socket.end(piece, 'latin1');
    else await peer.write(piece);
  }
  if (run.finish !== 'end') await peer.quiet();
  if (run.finish === 'reset') {
    peer.socket.resetAndDestroy();
    return (await peer.serverGone()) ? 'after-peer' : 'never';
  }
  const ownWill = peer.closed || (run.finish === 'open' && saysClose(peer.received));
  if (!ownWill) peer.socket.end();
  if (!(await peer.ends())) return 'never';
  if (saysClose(peer.received)) return 'said';
  return ownWill ? 'unsaid' : 'after-peer';
}

/** Whether something happens before a listener is taken to be stuck. */
function within(happens: (callback: () => void) => void): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), STUCK_MS);
    happens(() => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}

class FuzzPeer {
  readonly socket: Socket;
  readonly opened: Promise<void>;
  closed = false;
  received = '';
  readonly #port: number;
  readonly #address: string;
  readonly #servers: ServerSockets;
  readonly #quietTurns: number;
  #sent = 0;
  #wake: () => void = () => {};

  constructor(port: number, address: string, servers: ServerSockets, quietTurns: number) {
    this.#port = port;
    this.#address = address;
    this.#servers = servers;
    this.#quietTurns = quietTurns;
    const options = { port, host: '127.0.0.1', localAddress: address, allowHalfOpen: true, noDelay: true };
    this.socket = connect(options);
    this.socket.setEncoding('latin1');
    this.socket.on('data', (text: string) => (this.received += text));
    const end = (): void => {
      this.closed = true;
      this.#wake();
    };
    this.socket.on('end', end);
    this.socket.on('close', end);
    // A reset is one of the ways to be closed: whether it is one depends on which side's bytes were under way.
    this.socket.on('error', end);
    this.opened = this.#open();
  }

  async #open(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.socket.once('connect', resolve);
      this.socket.once('error', reject);
    });
    while (this.#server() === undefined && !this.closed) await turn();
  }

  /** Resolves when the server has read the bytes, or does not read. */
  async write(piece: string): Promise<void> {
    this.#sent += piece.length;
    this.socket.write(piece, 'latin1');
    await this.#still(() => {
      const server = this.#server();
      return server === undefined || server.bytesRead >= this.#sent;
    });
  }

  /** Resolves when nothing moves any more in either direction. */
  quiet(): Promise<void> {
    return this.#still(() => false);
  }

  /** Resolves when the condition is met, the connection closed, or nothing has moved for some turns. */
  async #still(isMet: () => boolean): Promise<void> {
    let before = -1;
    for (let turns = 0; turns < this.#quietTurns; turns++) {
      await turn();
      if (this.closed || isMet()) return;
      const server = this.#server();
      const moved = this.received.length + (server?.bytesRead ?? 0) + (server?.bytesWritten ?? 0);
      if (moved !== before) turns = 0;
      before = moved;
    }
  }

  /** Whether the server's end goes away. */
  async serverGone(): Promise<boolean> {
    const server = this.#server();
    return server === undefined || within((resolve) => server.once('close', resolve));
  }

  /** Whether the server closes its side. */
  async ends(): Promise<boolean> {
    return this.closed || within((resolve) => (this.#wake = resolve));
  }

  #server(): Socket | undefined {
    return this.#servers.find(this.#port, this.#address);
  }
}
