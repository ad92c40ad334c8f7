/**
 * What a client gets beside one that floods the server: a real server with one worker, one hot event, and two clients
 * that are told apart by the addresses they forward for. Closed loop, saturated. First the crowd and a client with a few
 * connections, for shares; then the crowd and a client with one, for how long it waits. wrk is the crowd: it leaves the
 * processor to the server.
 */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { formatTable } from '../src/cli/format.ts';
import type { AuditCheck } from '../src/cli/load-audit.ts';
import { threadOptions } from '../src/core/thread-options.ts';
import { auditWrk } from './audit.ts';
import type {
  ClientCommand,
  ClientMessage,
  ClientOptions,
  ClientResult,
  ClientTotals,
} from './fairness-client.ts';
import type { Figure, PartReport } from './figure.ts';
import { digits, percentile } from './figures.ts';
import { ACCEPTED, acceptedOf, REFUSED, refusedOf } from './hammer.ts';
import { FLOOR, placesFor, QUANTITY } from './requests.ts';
import { Stage } from './stage.ts';
import { ROWS } from './targets.ts';
import { runWrk } from './wrk.ts';

export interface FairnessOptions {
  readonly runs: number;
  readonly seconds: number;
  /** Before each measurement; see options.ts. */
  readonly warmUpSeconds: number;
  /** Connections of the client that floods. */
  readonly crowd: number;
  readonly seed: number;
}

/** The crowd and another client, side by side. */
interface FairnessPair {
  /** Of its whole run, but for the replies. */
  readonly crowd: ClientResult;
  readonly other: ClientResult;
  /** From one writing batch to the next. */
  readonly batchMs: number;
  readonly checks: readonly AuditCheck[];
}

interface FairnessRun {
  readonly few: FairnessPair;
  readonly one: FairnessPair;
  /** What the client with 64 connections got, of an equal share. */
  readonly share: number;
  /** p99 of the client with one connection, in batch times. */
  readonly waits: number;
}

const FEW = 64;
const CLIENT_ENTRY = new URL('fairness-client.js', import.meta.url);
/** What DESIGN §8 asks for; a test has less. */
export const CROWD = 1000;

const alive = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
});

class Client {
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess) {
    this.#process = process;
  }

  static async start(options: ClientOptions): Promise<Client> {
    const process = fork(CLIENT_ENTRY, [JSON.stringify(options)], { env: threadOptions().env });
    alive.add(process);
    process.once('exit', () => alive.delete(process));
    const client = new Client(process);
    await client.#next();
    return client;
  }

  tell(command: ClientCommand): void {
    this.#process.send(command);
  }

  async end(): Promise<ClientResult & ClientTotals> {
    const next = this.#next();
    this.tell('end');
    const message = await next;
    const ended = once(this.#process, 'exit');
    this.#process.disconnect();
    await ended;
    if (message.kind !== 'result') throw new Error('a client did not say what it got');
    return message;
  }

  async #next(): Promise<ClientMessage> {
    const [message] = (await once(this.#process, 'message')) as [ClientMessage];
    if (message.kind === 'failed') throw new Error(message.message);
    return message;
  }
}

async function runFairness(options: FairnessOptions): Promise<FairnessRun[]> {
  const { runs, seconds, warmUpSeconds } = options;
  const capacity = placesFor(seconds + warmUpSeconds + 1);
  const stage = await Stage.start({
    kind: 'orders',
    places: capacity * runs * 2,
    limits: { workers: 1 },
    trustProxy: ['loopback'],
    replies: 'accepted',
  });
  const pair = async (run: number, connections: number): Promise<FairnessPair> => {
    const event = `fair-${run}-${connections}`;
    await stage.createEvent(event, capacity, 0);
    return runPair(stage, options, event, connections);
  };
  try {
    const results: FairnessRun[] = [];
    for (let run = 1; run <= runs; run++) {
      const few = await pair(run, FEW);
      const one = await pair(run, 1);
      const share = few.other.replies / Math.max(1, (few.crowd.replies + few.other.replies) / 2);
      results.push({ few, one, share, waits: one.other.p99Ms / one.batchMs });
    }
    return results;
  } finally {
    await stage.end();
  }
}

async function runPair(
  stage: Stage,
  options: FairnessOptions,
  event: string,
  connections: number,
): Promise<FairnessPair> {
  const { url } = stage.server;
  const address = (last: number): string => `192.0.2.${last}`;
  const tag = `s${options.seed}-${event}`;
  const client = await Client.start({ url, event, connections, address: address(2), tag: `${tag}-o` });
  const crowding = runWrk({
    url: `${url}/v1/events/${event}/orders`,
    connections: options.crowd,
    seconds: options.warmUpSeconds + options.seconds + 1,
    directory: stage.directory,
    post: {
      kind: 'orders',
      section: FLOOR,
      quantity: QUANTITY,
      tag,
      headers: { 'X-Forwarded-For': address(1) },
    },
  });
  client.tell('begin');
  await sleep(options.warmUpSeconds * 1000);
  const before = await state(stage, event);
  client.tell('measure');
  await sleep(options.seconds * 1000);
  const other = await client.end();
  const after = await state(stage, event);
  const crowd = await crowding;
  const statuses = {
    [ACCEPTED]: acceptedOf(crowd) + other.acceptedTotal,
    [REFUSED]: refusedOf(crowd) + other.refusedTotal,
  };
  const inFlight = options.crowd + connections;
  const settled = await stage.settled(event);
  const checks = auditWrk('orders', settled, { ...crowd, statuses }, inFlight, QUANTITY);
  const batchMs = (after.atMs - before.atMs) / Math.max(1, after.batches - before.batches);
  // Each order is one change of the event.
  const replies = after.orders - before.orders - other.accepted;
  const { p50, p99 } = crowd.latencyMs;
  return { crowd: { replies, accepted: replies, p50Ms: p50, p99Ms: p99 }, other, batchMs, checks };
}

async function state(
  stage: Stage,
  event: string,
): Promise<{ atMs: number; batches: number; orders: number }> {
  const { sequence } = await stage.client.events.availability(event);
  const { batches } = await stage.server.usage();
  return { atMs: performance.now(), batches, orders: sequence };
}

/** The part of the bench. */
export async function fairnessFigures(options: FairnessOptions): Promise<PartReport> {
  const runs = await runFairness(options);
  const { crowd } = options;
  const short = crowd < CROWD ? { short: `a crowd of ${crowd} connections` } : {};
  const figures: Figure[] = [
    {
      row: 'fairShare',
      what: `${FEW} connections, of an equal share`,
      values: runs.map((run) => run.share),
      unit: '× share',
      target: ROWS.fairShare.bound,
      ...short,
    },
    {
      row: 'fairWait',
      what: 'one connection, p99 in batch times',
      values: runs.map((run) => run.waits),
      unit: '× batch time',
      target: ROWS.fairWait.bound,
      ...short,
    },
  ];
  const checks = runs.flatMap(({ few, one }) => [...few.checks, ...one.checks]);
  return { figures, lines: describeRuns(options, runs), checks };
}

/** Both clients side by side, medians of the runs. */
function describeRuns(options: FairnessOptions, runs: readonly FairnessRun[]): string[] {
  const median = (of: (run: FairnessRun) => number): string => digits(percentile(runs.map(of), 0.5));
  const row = (
    pair: (run: FairnessRun) => FairnessPair,
    who: 'crowd' | 'other',
    connections: number,
    beside: number,
  ): string[] => {
    const of = (value: (result: ClientResult) => number): string => median((run) => value(pair(run)[who]));
    return [
      `${connections}, beside ${beside}`,
      of(({ replies }) => replies / options.seconds),
      of(({ replies, accepted }) => replies - accepted),
      of(({ p50Ms }) => p50Ms),
      of(({ p99Ms }) => p99Ms),
      median((run) => pair(run).batchMs),
    ];
  };
  return [
    `fairness: closed loop, ${options.runs} runs of ${options.seconds} s, medians; 1 worker, one event, orders of 2`,
    ...formatTable(
      ['>connections', '>orders/s', '>not accepted', '>p50 ms', '>p99 ms', '>batch ms'],
      [
        row(({ few }) => few, 'crowd', options.crowd, FEW),
        row(({ few }) => few, 'other', FEW, options.crowd),
        row(({ one }) => one, 'crowd', options.crowd, 1),
        row(({ one }) => one, 'other', 1, options.crowd),
      ],
    ),
  ];
}
