/**
 * What every listener does with a net.Server, as which node:http's passes too: the connections, their cap, the start and
 * the drain. Main thread.
 */
import { Server } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { FrontrowError } from '../core/assert.ts';
import { Connection } from './connection.ts';
import type { Shared } from './connection.ts';
import { REFUSING_MAX } from './listener.ts';
import type { Admission, ListenerOptions, RequestHandler } from './listener.ts';
import { peerOf } from './peer.ts';
import { closingBytes } from './reply.ts';

export class Acceptor<A extends Admission> {
  readonly connections = new Map<Socket, Connection<A>>();
  readonly #server: Server;
  readonly #handler: RequestHandler<A>;
  readonly #options: ListenerOptions;
  readonly #shared: Shared;

  constructor(
    server: Server,
    handler: RequestHandler<A>,
    options: ListenerOptions,
    timing: Pick<Shared, 'socketTimesIdle'>,
  ) {
    this.#server = server;
    this.#handler = handler;
    this.#options = options;
    this.#shared = { draining: false, receivingBytes: 0, ...timing };
    server.maxConnections = options.connectionsMax + REFUSING_MAX;
  }

  start(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const failed = (cause: Error): void => {
        const message = `cannot listen on ${host} port ${port}: ${cause.message}`;
        reject(new FrontrowError('listen-failed', message, { cause }));
      };
      this.#server.once('error', failed);
      this.#server.listen({ host, port, backlog: 4096 }, () => {
        this.#server.off('error', failed);
        resolve((this.#server.address() as AddressInfo).port);
      });
    });
  }

  /** A connection for a socket; null if there are too many, and the peer is told so. */
  accept(socket: Socket): Connection<A> | null {
    if (this.connections.size >= this.#options.connectionsMax) {
      this.#turnAway(socket);
      return null;
    }
    const peer = peerOf(socket.remoteAddress);
    const connection = new Connection<A>(socket, peer, this.#handler, this.#options, this.#shared);
    this.connections.set(socket, connection);
    socket.on('close', () => {
      this.connections.delete(socket);
      connection.onClose();
    });
    return connection;
  }

  /** Says why at once, without waiting for a request. */
  #turnAway(socket: Socket): void {
    const reply = this.#handler.refuse('overloaded', 'Too many connections are open', '');
    socket.end(closingBytes(reply));
    const timer = setTimeout(() => socket.destroy(), this.#options.lingerMs);
    socket.once('close', () => clearTimeout(timer));
  }

  drain(timeoutMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      let inTime = true;
      const timer = setTimeout(() => {
        inTime = !this.#owes();
        for (const socket of this.connections.keys()) socket.destroy();
      }, timeoutMs);
      this.#shared.draining = true;
      // Not the close() of node:http: that destroys a connection whose last reply is still being sent.
      Server.prototype.close.call(this.#server, () => {
        clearTimeout(timer);
        resolve(inTime);
      });
      for (const connection of this.connections.values()) connection.closeIfAnswered();
    });
  }

  /** Whether a reply has not been given yet, or not been sent. */
  #owes(): boolean {
    for (const { turns, socket } of this.connections.values()) {
      if (turns.size > 0 || socket.writableLength > 0) return true;
    }
    return false;
  }
}
