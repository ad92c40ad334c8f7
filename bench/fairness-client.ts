/**
 * One client of the fairness bench, in a process of its own: so many connections for one address, each with one order
 * under way. Started by fairness-run.ts, which tells it when to begin and when to end.
 */
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { percentile } from './figures.ts';
import { onReply, postText } from './wire.ts';
import type { PostTarget } from './wire.ts';

export interface ClientOptions {
  readonly url: string;
  readonly event: string;
  readonly connections: number;
  /** Whom it says that it forwards for: without keys, who a client is is told by its address. */
  readonly address: string;
  readonly tag: string;
}

/** What was answered between the two commands. */
export interface ClientResult {
  readonly replies: number;
  readonly accepted: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Of its whole life, for the audit. */
export interface ClientTotals {
  readonly acceptedTotal: number;
  readonly refusedTotal: number;
}

export type ClientMessage =
  | { readonly kind: 'connected' }
  | { readonly kind: 'failed'; readonly message: string }
  | ({ readonly kind: 'result' } & ClientResult & ClientTotals);

export type ClientCommand = 'begin' | 'measure' | 'end';

const options = JSON.parse(process.argv[2] ?? '') as ClientOptions;
const { hostname, port, host } = new URL(options.url);
let isMeasuring = false;
let isOver = false;
let sent = 0;
let accepted = 0;
let acceptedTotal = 0;
let refusedTotal = 0;
const times: number[] = [];

function tell(message: ClientMessage): void {
  if (process.connected) process.send?.(message);
}

function fail(error: Error): void {
  if (!isOver) tell({ kind: 'failed', message: `${options.address}: ${error.message}` });
}

const target: PostTarget = {
  host,
  path: `/v1/events/${options.event}/orders`,
  kind: 'orders',
  headers: { 'X-Forwarded-For': options.address },
};

/** Sends an order, and the next one when it is answered. */
function hammer(socket: Socket): void {
  let startedMs = 0;
  const next = (): void => {
    startedMs = performance.now();
    socket.write(postText(target, `${options.tag}-${sent++}`));
  };
  onReply(socket, (status) => {
    if (status === 201) acceptedTotal++;
    else refusedTotal++;
    if (isMeasuring) {
      times.push(performance.now() - startedMs);
      if (status === 201) accepted++;
    }
    if (!isOver) next();
  });
  next();
}

async function connectAll(): Promise<Socket[]> {
  const sockets: Socket[] = [];
  for (let i = 0; i < options.connections; i++) {
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve).once('error', reject);
    });
    socket.on('error', fail).on('close', () => fail(new Error('a connection was closed')));
    sockets.push(socket);
  }
  return sockets;
}

process.on('disconnect', () => process.exit(0));
try {
  const sockets = await connectAll();
  process.on('message', (command: ClientCommand) => {
    switch (command) {
      case 'begin':
        sockets.forEach(hammer);
        break;
      case 'measure':
        isMeasuring = true;
        break;
      case 'end':
        isMeasuring = false;
        isOver = true;
        tell({
          kind: 'result',
          replies: times.length,
          accepted,
          acceptedTotal,
          refusedTotal,
          p50Ms: times.length === 0 ? 0 : percentile(times, 0.5),
          p99Ms: times.length === 0 ? 0 : percentile(times, 0.99),
        });
        break;
    }
  });
  tell({ kind: 'connected' });
} catch (error) {
  fail(error as Error);
}
