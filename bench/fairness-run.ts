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
import { formatFields, formatTable } from '../src/cli/format.ts';
import { threadOptions } from '../src/core/thread-options.ts';
import type { ClientCommand, ClientMessage, ClientOptions, ClientResult } from './fairness-client.ts';
import { digits, percentile, spread } from './figures.ts';
import { describeMachine } from './machine.ts';
import { FLOOR, QUANTITY } from './requests.ts';
import { Stage } from './stage.ts';
import { runWrk } from './wrk.ts';

export interface FairnessOptions {
  readonly runs: number;
  readonly seconds: number;
  /** Connections of the client that floods. */
  readonly crowd: number;
  readonly seed: number;
}

/** The crowd and another client, side by side. */
export interface FairnessPair {
  /** Of its whole run, but for the replies. */
  readonly crowd: ClientResult;
  readonly other: ClientResult;
  /** From one writing batch to the next. */
  readonly batchMs: number;
}

export interface FairnessRun {
  readonly few: FairnessPair;
  readonly one: FairnessPair;
  /** What the client with 64 connections got, of an equal share. */
  readonly share: number;
  /** p99 of the client with one connection, in batch times. */
  readonly waits: number;
}

const FEW = 64;
const WARM_UP_SECONDS = 8;
const PLACES_PER_SECOND = 60_000;
const CLIENT_ENTRY = new URL('fairness-client.js', import.meta.url);
const SHARE_TARGET = 0.9;
const WAITS_TARGET = 3;

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

  async end(): Promise<ClientResult> {
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

export async function runFairness(options: FairnessOptions): Promise<FairnessRun[]> {
  const { runs, seconds } = options;
  const capacity = Math.min(2_000_000, PLACES_PER_SECOND * (seconds + WARM_UP_SECONDS + 1));
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
    seconds: WARM_UP_SECONDS + options.seconds + 1,
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
  await sleep(WARM_UP_SECONDS * 1000);
  const before = await state(stage, event);
  client.tell('measure');
  await sleep(options.seconds * 1000);
  const other = await client.end();
  const after = await state(stage, event);
  const crowd = await crowding;
  if (crowd.errors > 0) throw new Error(`the crowd lost ${crowd.errors} connections`);
  const batchMs = (after.atMs - before.atMs) / Math.max(1, after.batches - before.batches);
  // Each order is one change of the event.
  const replies = after.orders - before.orders - other.accepted;
  const { p50, p99 } = crowd.latencyMs;
  return { crowd: { replies, accepted: replies, p50Ms: p50, p99Ms: p99 }, other, batchMs };
}

async function state(
  stage: Stage,
  event: string,
): Promise<{ atMs: number; batches: number; orders: number }> {
  const { sequence } = await stage.client.events.availability(event);
  const { batches } = await stage.server.usage();
  return { atMs: performance.now(), batches, orders: sequence };
}

/** Pure, but for the machine's description. */
export function describeFairness(options: FairnessOptions, runs: readonly FairnessRun[]): string[] {
  const machine = describeMachine();
  const share = spread(runs.map((run) => run.share));
  const waits = spread(runs.map((run) => run.waits));
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
  const target = (isReached: boolean, text: string): string => (isReached ? text : `${text} not yet`);
  return [
    ...formatFields([
      ['machine', `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGib} GiB, ${machine.system}`],
      ['node', machine.node],
      [
        'load',
        `closed loop, ${options.runs} runs of ${options.seconds} s, medians; load ${digits(machine.load)} before`,
      ],
      ['server', 'fsync on, 1 worker, one event, orders of 2 tickets; clients on the same machine'],
    ]),
    '',
    ...formatTable(
      ['>connections', '>orders/s', '>not accepted', '>p50 ms', '>p99 ms', '>batch ms'],
      [
        row(({ few }) => few, 'crowd', options.crowd, FEW),
        row(({ few }) => few, 'other', FEW, options.crowd),
        row(({ one }) => one, 'crowd', options.crowd, 1),
        row(({ one }) => one, 'other', 1, options.crowd),
      ],
    ),
    '',
    ...formatTable(
      ['what', '>min', '>median', '>max', 'target'],
      [
        [
          `${FEW} connections, of an equal share`,
          digits(share.min),
          digits(share.median),
          digits(share.max),
          target(share.median >= SHARE_TARGET, `≥ ${SHARE_TARGET}`),
        ],
        [
          'one connection, p99 in batch times',
          digits(waits.min),
          digits(waits.median),
          digits(waits.max),
          target(waits.median <= WAITS_TARGET, `≤ ${WAITS_TARGET}`),
        ],
      ],
    ),
  ];
}
