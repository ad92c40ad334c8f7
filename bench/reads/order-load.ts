/**
 * Orders at a fixed rate, open loop, in this process: each is due at its time whether the last is answered or not, and
 * how long it took counts from then.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { percentile } from '../figures.ts';
import { onReply, postText } from '../wire.ts';
import type { PostTarget } from '../wire.ts';
import type { Told } from './told.ts';

export interface OrderLoadOptions {
  readonly url: string;
  readonly event: string;
  readonly perSecond: number;
  /** Makes this load's idempotency keys and customers its own. */
  readonly tag: string;
  /** Who is told of what was sold; null for a server that sells nothing. */
  readonly told: Told | null;
}

export interface OrderResult {
  readonly sent: number;
  /** Answered with 201. */
  readonly accepted: number;
  /** Answered with something else. */
  readonly refused: number;
  /** Sent, and the connection closed before the answer. */
  readonly unanswered: number;
  readonly seconds: number;
  /** From when they were due. */
  readonly latencyMs: { readonly p50: number; readonly p99: number };
}

/** More than are ever under way while the server keeps up. */
const CONNECTIONS = 64;
const TICK_MS = 1;
const SEQUENCE = /"sequence":(\d+)/;

/** The event's sequence in a reply's JSON; -1 for none. */
export function sequenceIn(body: string): number {
  return Number(SEQUENCE.exec(body)?.[1] ?? -1);
}

export class OrderLoad {
  readonly #options: OrderLoadOptions;
  readonly #target: PostTarget;
  readonly #idle: Socket[] = [];
  readonly #sockets: Socket[] = [];
  readonly #dueMs = new Map<Socket, number>();
  readonly #times: number[] = [];
  #startedMs = 0;
  #sent = 0;
  #accepted = 0;
  #refused = 0;
  #unanswered = 0;
  #timer: NodeJS.Timeout | null = null;
  #drained: (() => void) | null = null;

  private constructor(options: OrderLoadOptions) {
    const { host } = new URL(options.url);
    this.#options = options;
    this.#target = { host, path: `/v1/events/${options.event}/orders`, kind: 'orders' };
  }

  static async start(options: OrderLoadOptions): Promise<OrderLoad> {
    const load = new OrderLoad(options);
    const { hostname, port } = new URL(options.url);
    for (let index = 0; index < CONNECTIONS; index++) {
      const socket = connect({ host: hostname, port: Number(port), noDelay: true });
      await once(socket, 'connect');
      load.#add(socket);
    }
    load.#startedMs = performance.now();
    load.#timer = setInterval(() => load.#tick(), TICK_MS);
    return load;
  }

  #add(socket: Socket): void {
    this.#sockets.push(socket);
    this.#idle.push(socket);
    onReply(socket, (status, body) => {
      this.#times.push(performance.now() - (this.#dueMs.get(socket) ?? 0));
      this.#dueMs.delete(socket);
      if (status === 201) this.#accepted++;
      else this.#refused++;
      const { event, told } = this.#options;
      if (status === 201) told?.tell(event, sequenceIn(body));
      this.#idle.push(socket);
      this.#checkDrained();
    });
    // Its 'close' follows.
    socket.on('error', () => {});
    socket.on('close', () => {
      if (this.#dueMs.delete(socket)) this.#unanswered++;
      const at = this.#idle.indexOf(socket);
      if (at >= 0) this.#idle.splice(at, 1);
      this.#checkDrained();
    });
  }

  #tick(): void {
    const { perSecond, tag } = this.#options;
    const due = ((performance.now() - this.#startedMs) / 1000) * perSecond;
    while (this.#sent < due) {
      const socket = this.#idle.pop();
      if (socket === undefined) return;
      this.#dueMs.set(socket, this.#startedMs + (this.#sent / perSecond) * 1000);
      socket.write(postText(this.#target, `${tag}-${String(this.#sent).padStart(8, '0')}`));
      this.#sent++;
    }
  }

  #checkDrained(): void {
    if (this.#dueMs.size === 0) this.#drained?.();
  }

  /** Sends no more, and waits for what is under way. */
  async stop(): Promise<OrderResult> {
    if (this.#timer !== null) clearInterval(this.#timer);
    const seconds = (performance.now() - this.#startedMs) / 1000;
    if (this.#dueMs.size > 0) await new Promise<void>((resolve) => (this.#drained = resolve));
    for (const socket of this.#sockets) socket.destroy();
    const of = (fraction: number): number =>
      this.#times.length === 0 ? 0 : percentile(this.#times, fraction);
    return {
      sent: this.#sent,
      accepted: this.#accepted,
      refused: this.#refused,
      unanswered: this.#unanswered,
      seconds,
      latencyMs: { p50: of(0.5), p99: of(0.99) },
    };
  }
}
