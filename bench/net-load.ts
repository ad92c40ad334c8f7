/**
 * A hammer that needs nothing but Node: a closed loop over node:net, in this process. It takes most of a core for
 * itself, so its rates are its own limit more than the server's. What it is for: load while something else is looked
 * at, and a fixed number of requests whose cost for the server is measured.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { LoadKind } from '../src/cli/load.ts';
import { percentile } from './figures.ts';
import type { HammerResult } from './hammer.ts';
import { onReply, postText } from './wire.ts';

export interface NetTarget {
  readonly url: string;
  readonly connections: number;
  /** None: GET of the URL. */
  readonly post?: {
    readonly kind: LoadKind;
    /** Makes the idempotency keys and customers of these connections their own. */
    readonly tag: string;
  };
}

export interface NetLoadResult extends HammerResult {
  /** Replies of 500 and above by status, code and whether they say that something was applied. */
  readonly faults: Readonly<Record<string, number>>;
}

export interface NetLoadOptions extends NetTarget {
  /** Whether another request is to be sent after so many. */
  readonly goesOn: (sent: number) => boolean;
}

/** One run, on connections of its own. */
export async function runNetLoad({ goesOn, ...target }: NetLoadOptions): Promise<NetLoadResult> {
  const client = await NetClient.connect(target);
  try {
    return await client.run(goesOn);
  } finally {
    client.close();
  }
}

/** Servers close connections that are idle for some seconds: after this long new ones are safe from that. */
const IDLE_MS = 1000;

/** Connections that stay open from run to run, so that a short one is not a run of connecting. */
export class NetClient {
  readonly #target: NetTarget;
  #sockets: Socket[] = [];
  #usedMs = 0;
  /** Since the start: names of requests are numbers. */
  #named = 0;

  private constructor(target: NetTarget) {
    this.#target = target;
  }

  static async connect(target: NetTarget): Promise<NetClient> {
    const client = new NetClient(target);
    await client.#connect();
    return client;
  }

  async #connect(): Promise<void> {
    const { url, connections } = this.#target;
    const { hostname, port } = new URL(url);
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets = [];
    for (let index = 0; index < connections; index++) {
      const socket = connect({ host: hostname, port: Number(port), noDelay: true });
      await once(socket, 'connect');
      // Its 'close' follows, and counts.
      socket.on('error', () => {});
      this.#sockets.push(socket);
    }
    this.#usedMs = performance.now();
  }

  /**
   * Sends until it is told not to, and then waits for what is under way: nothing is left in flight.
   * @param goesOn whether another request is to be sent after so many of this run
   */
  async run(goesOn: (sent: number) => boolean): Promise<NetLoadResult> {
    if (performance.now() - this.#usedMs > IDLE_MS) await this.#connect();
    const next = this.#texts();
    const times: number[] = [];
    const statuses: Record<string, number> = {};
    const faults: Record<string, number> = {};
    let sent = 0;
    let errors = 0;
    const loop = (socket: Socket): Promise<void> =>
      new Promise((resolve) => {
        let startedMs = 0;
        const stop = onReply(socket, (status, body) => {
          times.push(performance.now() - startedMs);
          statuses[status] = (statuses[status] ?? 0) + 1;
          if (status >= 500) count(faults, status, body);
          send();
        });
        const broken = (): void => {
          errors++;
          resolve();
        };
        const send = (): void => {
          if (!goesOn(sent)) {
            stop();
            socket.off('close', broken);
            resolve();
            return;
          }
          sent++;
          startedMs = performance.now();
          socket.write(next());
        };
        // One that is closed already says so no more.
        if (socket.destroyed) broken();
        else {
          socket.once('close', broken);
          send();
        }
      });
    const started = performance.now();
    await Promise.all(this.#sockets.map(loop));
    this.#usedMs = performance.now();
    const seconds = (this.#usedMs - started) / 1000;
    const of = (fraction: number): number => (times.length === 0 ? 0 : percentile(times, fraction));
    const latencyMs = { p50: of(0.5), p99: of(0.99), max: of(1) };
    return { replies: times.length, seconds, latencyMs, statuses, errors, faults };
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #texts(): () => string {
    const { url, post } = this.#target;
    const { host, pathname: path } = new URL(url);
    if (post === undefined) {
      const text = `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
      return () => text;
    }
    return () => {
      this.#named++;
      return postText({ host, path, kind: post.kind }, `${post.tag}-${String(this.#named).padStart(8, '0')}`);
    };
  }
}

function count(faults: Record<string, number>, status: number, body: string): void {
  const { code, applied } = JSON.parse(body) as { code: string; applied: boolean | null };
  const name = `${status} ${code} applied=${String(applied)}`;
  faults[name] = (faults[name] ?? 0) + 1;
}
