/**
 * The listener over node:http. Main thread. What node:http does for us: parsing (llhttp, strict), keep-alive, header
 * and request timeouts, replies in request order. What it does not is shared with the lean listener: connection.ts and
 * exchange.ts.
 *
 * Several responses of one connection: node:http gives the socket to the first and keeps the bytes of the others
 * until it has finished. So only the response of the newest request may say `Connection: close`.
 */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { assert } from '../core/assert.ts';
import { HEADERS_BYTES_MAX } from '../core/limits.ts';
import { Acceptor } from './acceptor.ts';
import { HttpExchange } from './exchange.ts';
import { addHeader, createHead, hasBody } from './head.ts';
import { headerNameOf } from './header-names.ts';
import type { RequestHead } from './head.ts';
import type { Admission, Listener, ListenerOptions, RequestHandler } from './listener.ts';
import { NodeReply } from './node-reply.ts';
import { faultOf } from './parse-fault.ts';
import type { Peer } from './peer.ts';

export function createNodeListener<A extends Admission>(
  handler: RequestHandler<A>,
  options: ListenerOptions,
): Listener {
  return new NodeListener(handler, options);
}

class NodeListener<A extends Admission> implements Listener {
  readonly #handler: RequestHandler<A>;
  readonly #server: Server;
  readonly #acceptor: Acceptor<A>;

  constructor(handler: RequestHandler<A>, options: ListenerOptions) {
    this.#handler = handler;
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
    // Without it node:http drops what is in flight as soon as the peer half-closes; then a change would be made and
    // its reply thrown away. Undocumented, but an own property of every server since 0.x (lib/_http_server.js).
    (server as Server & { httpAllowHalfOpen: boolean }).httpAllowHalfOpen = true;
    this.#server = server;
    this.#acceptor = new Acceptor(server, handler, options, { socketTimesIdle: true });
    server.on('connection', (socket: Socket) => {
      const connection = this.#acceptor.accept(socket);
      if (connection !== null) socket.on('end', () => connection.onPeerEnd());
    });
    server.on('request', (req, res) => this.#onRequest(req, res, false));
    server.on('checkContinue', (req, res) => this.#onRequest(req, res, true));
    // Expectations we do not know are ignored (RFC 9110 §10.1.1 leaves the choice).
    server.on('checkExpectation', (req, res) => this.#onRequest(req, res, false));
    server.on('connect', (_req, socket) => this.#onConnect(socket as Socket));
    server.on('clientError', (error, socket) => this.#onClientError(error, socket as Socket));
    server.on('timeout', (socket: Socket) => this.#onTimeout(socket));
  }

  get connectionCount(): number {
    return this.#acceptor.connections.size;
  }

  start(host: string, port: number): Promise<number> {
    return this.#acceptor.start(host, port);
  }

  async drain(timeoutMs: number): Promise<boolean> {
    const inTime = await this.#acceptor.drain(timeoutMs);
    // Ends the timer that checks for request timeouts.
    this.#server.close();
    return inTime;
  }

  #onRequest(req: IncomingMessage, res: ServerResponse, awaitsContinue: boolean): void {
    const connection = this.#acceptor.connections.get(req.socket);
    // Turned away, or told already that the connection ends: what comes after is not read as a request.
    if (connection === undefined || connection.closing) {
      req.resume();
      return connection?.ignore();
    }
    const head = readHead(req, connection.peer);
    const wire = new NodeReply(req, res);
    const exchange = new HttpExchange(connection, wire, head, this.#handler.admit(head));
    if (hasBody(head)) {
      req.on('data', (chunk: Buffer) => {
        exchange.data(chunk);
        // What it is a view of may be much larger.
        exchange.keepBytes();
      });
      req.on('end', () => exchange.ended());
    }
    exchange.receive(awaitsContinue);
  }

  #onConnect(socket: Socket): void {
    const connection = this.#acceptor.connections.get(socket);
    // node:http has taken its own listener off.
    socket.on('error', () => socket.destroy());
    if (connection === undefined) return void socket.destroy();
    connection.refuseRaw(this.#handler.refuse('bad-target', 'This is not a proxy', ''));
  }

  #onClientError(error: Error & { code?: string; reason?: string }, socket: Socket): void {
    const connection = this.#acceptor.connections.get(socket);
    const fault = faultOf(error);
    if (connection === undefined || fault === 'gone') return void socket.destroy();
    // After `Connection: close` the peer sent more: that is not ours to answer, and its last reply is on its way.
    if (fault === 'after-close' || connection.isLastReceived) return;
    connection.fail(fault.code, fault.detail);
  }

  #onTimeout(socket: Socket): void {
    const connection = this.#acceptor.connections.get(socket);
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
  for (let i = 0; i < raw.length; i += 2) {
    const name = headerNameOf(raw[i]);
    if (name !== null) addHeader(head, name, raw[i + 1]);
  }
  return head;
}
