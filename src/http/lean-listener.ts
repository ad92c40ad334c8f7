/**
 * The listener over node:net and llhttp, without a stream per request. Main thread.
 *
 *   socket ──▶ lean-connection ──▶ request-parser ──▶ exchange, connection (shared with node:http) ──▶ lean-reply ──▶ socket
 *
 * What node:http accepts, this one accepts, and what it refuses: test/http/listener-differential.ts feeds both the same
 * bytes.
 */
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { Acceptor } from './acceptor.ts';
import { DirectSocket } from './direct-socket.ts';
import { LeanConnection } from './lean-connection.ts';
import type { Ticks } from './lean-connection.ts';
import type { Admission, Listener, ListenerOptions, RequestHandler } from './listener.ts';

const TICK_MS_MAX = 1000;

export function createLeanListener<A extends Admission>(
  handler: RequestHandler<A>,
  options: ListenerOptions,
): Listener {
  return new LeanListener(handler, options);
}

class LeanListener<A extends Admission> implements Listener {
  readonly #server: Server;
  readonly #acceptor: Acceptor<A>;
  readonly #connections = new Set<LeanConnection<A>>();
  readonly #ticks: Ticks;
  readonly #tickMs: number;
  #timer: NodeJS.Timeout | null = null;

  constructor(handler: RequestHandler<A>, options: ListenerOptions) {
    const { headersTimeoutMs, requestTimeoutMs, keepAliveTimeoutMs } = options;
    this.#tickMs = Math.min(TICK_MS_MAX, headersTimeoutMs, requestTimeoutMs, keepAliveTimeoutMs);
    // One more: the tick that is under way has begun already.
    const ticksOf = (ms: number): number => Math.ceil(ms / this.#tickMs) + 1;
    this.#ticks = {
      now: 0,
      headers: ticksOf(headersTimeoutMs),
      request: ticksOf(requestTimeoutMs),
      keepAlive: ticksOf(keepAliveTimeoutMs),
    };
    this.#server = createServer({
      allowHalfOpen: true,
      noDelay: true,
      pauseOnConnect: true,
      highWaterMark: options.replyBufferBytesMax,
    });
    this.#acceptor = new Acceptor(this.#server, handler, options, { socketTimesIdle: false });
    this.#server.on('connection', (socket: Socket) => this.#onConnection(socket));
  }

  get connectionCount(): number {
    return this.#acceptor.connections.size;
  }

  async start(host: string, port: number): Promise<number> {
    const actual = await this.#acceptor.start(host, port);
    this.#timer = setInterval(() => this.#tick(), this.#tickMs);
    return actual;
  }

  async drain(timeoutMs: number): Promise<boolean> {
    const inTime = await this.#acceptor.drain(timeoutMs);
    if (this.#timer !== null) clearInterval(this.#timer);
    return inTime;
  }

  #onConnection(accepted: Socket): void {
    const source = new DirectSocket(accepted);
    const { socket } = source;
    const admitted = this.#acceptor.accept(socket);
    if (admitted === null) {
      // Its refusal is on its way; what it sends is dropped.
      socket.on('error', () => socket.destroy());
      source.read(null);
      return;
    }
    const connection = new LeanConnection(admitted, source, this.#ticks);
    this.#connections.add(connection);
    socket.on('close', () => this.#connections.delete(connection));
  }

  #tick(): void {
    this.#ticks.now++;
    for (const connection of this.#connections) connection.checkTime();
  }
}
