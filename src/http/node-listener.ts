/**
 * The listener over node:http. Main thread. What node:http does for us: parsing (llhttp, strict), keep-alive, header
 * and request timeouts, replies in request order. What it does not, and is done here: limits of bodies, order of
 * handling, refusals as problems in the right place of a pipeline, slow readers, the connection cap, the drain.
 *
 * Several responses of one connection: node:http gives the socket to the first and keeps the bytes of the others
 * until it has finished. So `last`, the response of the newest request, is the last to leave, and only it may say
 * `Connection: close`.
 */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Server as NetServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { FrontrowError, assert } from '../core/assert.ts';
import { HEADERS_BYTES_MAX } from '../core/limits.ts';
import { addHeader, createHead } from './head.ts';
import type { RequestHead } from './head.ts';
import { REFUSING_MAX } from './listener.ts';
import type { Admission, Listener, ListenerOptions, RequestHandler } from './listener.ts';
import { faultOf } from './node-fault.ts';
import { Connection } from './node-connection.ts';
import type { Shared } from './node-connection.ts';
import { NodeExchange } from './node-exchange.ts';
import { peerOf } from './peer.ts';
import type { Peer } from './peer.ts';
import { closingBytes } from './reply.ts';

export function createNodeListener<A extends Admission>(
  handler: RequestHandler<A>,
  options: ListenerOptions,
): Listener {
  return new NodeListener(handler, options);
}

class NodeListener<A extends Admission> implements Listener {
  readonly #handler: RequestHandler<A>;
  readonly #options: ListenerOptions;
  readonly #server: Server;
  readonly #connections = new Map<Socket, Connection<A>>();
  readonly #shared: Shared = { draining: false, receivingBytes: 0 };

  constructor(handler: RequestHandler<A>, options: ListenerOptions) {
    this.#handler = handler;
    this.#options = options;
    const server = createServer({
      maxHeaderSize: HEADERS_BYTES_MAX,
      headersTimeout: options.headersTimeoutMs,
      requestTimeout: options.requestTimeoutMs,
      keepAliveTimeout: options.keepAliveTimeoutMs,
      connectionsCheckingInterval: Math.min(options.headersTimeoutMs, 1000),
      highWaterMark: options.replyBufferBytesMax,
      noDelay: true,
      insecureHTTPParser: false,
      // checks.ts does it, with a problem for an answer.
      requireHostHeader: false,
    });
    // 0: no limit of its own. The default drops headers beyond 2,000 silently, an Idempotency-Key among them.
    server.maxHeadersCount = 0;
    server.maxConnections = options.connectionsMax + REFUSING_MAX;
    // Without it node:http drops what is in flight as soon as the peer half-closes; then a change would be made and
    // its reply thrown away. Undocumented, but an own property of every server since 0.x (lib/_http_server.js).
    (server as Server & { httpAllowHalfOpen: boolean }).httpAllowHalfOpen = true;
    server.on('connection', (socket: Socket) => this.#onConnection(socket));
    server.on('request', (req, res) => this.#onRequest(req, res, false));
    server.on('checkContinue', (req, res) => this.#onRequest(req, res, true));
    // Expectations we do not know are ignored (RFC 9110 §10.1.1 leaves the choice).
    server.on('checkExpectation', (req, res) => this.#onRequest(req, res, false));
    server.on('connect', (_req, socket) => this.#onConnect(socket as Socket));
    server.on('clientError', (error, socket) => this.#onClientError(error, socket as Socket));
    server.on('timeout', (socket: Socket) => this.#onTimeout(socket));
    this.#server = server;
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  start(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const failed = (cause: Error): void => {
        reject(
          new FrontrowError('listen-failed', `cannot listen on ${host} port ${port}: ${cause.message}`, {
            cause,
          }),
        );
      };
      this.#server.once('error', failed);
      this.#server.listen({ host, port, backlog: 4096 }, () => {
        this.#server.off('error', failed);
        resolve((this.#server.address() as AddressInfo).port);
      });
    });
  }

  drain(timeoutMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      let inTime = true;
      const timer = setTimeout(() => {
        inTime = !this.#owes();
        this.#server.closeAllConnections();
      }, timeoutMs);
      this.#shared.draining = true;
      // Not the close() of node:http: that destroys a connection whose last reply is still being sent.
      NetServer.prototype.close.call(this.#server, () => {
        clearTimeout(timer);
        // Ends the timer that checks for request timeouts.
        this.#server.close();
        resolve(inTime);
      });
      for (const connection of this.#connections.values()) connection.closeIfAnswered();
    });
  }

  /** Whether a reply has not been given yet, or not been sent. */
  #owes(): boolean {
    for (const { turns, socket } of this.#connections.values()) {
      if (turns.size > 0 || socket.writableLength > 0) return true;
    }
    return false;
  }

  #onConnection(socket: Socket): void {
    if (this.#connections.size >= this.#options.connectionsMax) return this.#turnAway(socket);
    const peer = peerOf(socket.remoteAddress);
    const connection = new Connection<A>(socket, peer, this.#handler, this.#options, this.#shared);
    this.#connections.set(socket, connection);
    socket.on('end', () => connection.onPeerEnd());
    socket.on('close', () => {
      this.#connections.delete(socket);
      connection.onClose();
    });
  }

  /** Says why at once, without waiting for a request. Requests of an unknown socket are ignored below. */
  #turnAway(socket: Socket): void {
    const reply = this.#handler.refuse('overloaded', 'Too many connections are open', '');
    socket.end(closingBytes(reply));
    const timer = setTimeout(() => socket.destroy(), this.#options.lingerMs);
    socket.once('close', () => clearTimeout(timer));
  }

  #onRequest(req: IncomingMessage, res: ServerResponse, awaitsContinue: boolean): void {
    const connection = this.#connections.get(req.socket);
    // Turned away, or told already that the connection ends: what comes after is not read as a request.
    if (connection === undefined) return void req.resume();
    if (connection.closing) return connection.ignore(req);
    const head = readHead(req, connection.peer);
    new NodeExchange(connection, req, res, head, this.#handler.admit(head)).receive(awaitsContinue);
  }

  #onConnect(socket: Socket): void {
    const connection = this.#connections.get(socket);
    if (connection === undefined) return void socket.destroy();
    connection.refuseRaw(this.#handler.refuse('bad-target', 'This is not a proxy', ''));
  }

  #onClientError(error: Error & { code?: string; reason?: string }, socket: Socket): void {
    const connection = this.#connections.get(socket);
    const fault = faultOf(error);
    if (connection === undefined || fault === 'gone') return void socket.destroy();
    // After `Connection: close` the peer sent more: that is not ours to answer, and its last reply is on its way.
    if (fault === 'after-close' || connection.closing) return;
    connection.fail(fault.code, fault.detail);
  }

  #onTimeout(socket: Socket): void {
    const connection = this.#connections.get(socket);
    if (connection === undefined || connection.isPeerStalled()) socket.destroy();
  }
}

function readHead(req: IncomingMessage, peer: Peer): RequestHead {
  assert(req.method !== undefined, 'a parsed request has a method');
  assert(req.url !== undefined, 'a parsed request has a target');
  // llhttp lets HTTP/0.9 through.
  const versionMinor = req.httpVersionMajor === 1 ? req.httpVersionMinor : -1;
  const head = createHead(req.method, req.url, versionMinor, peer);
  const raw = req.rawHeaders;
  for (let i = 0; i < raw.length; i += 2) addHeader(head, raw[i], raw[i + 1]);
  return head;
}
