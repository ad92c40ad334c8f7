/**
 * What a client gets beside one that floods the server: a real server with one worker, one hot event, and three clients
 * that are told apart by their loopback addresses. Closed loop, saturated.
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
import { Stage } from './stage.ts';

export interface FairnessOptions {
  readonly runs: number;
  readonly seconds: number;
  /** Connections of the client that floods. */
  readonly crowd: number;
  readonly seed: number;
}

export interface FairnessRun {
  readonly crowd: ClientResult;
  readonly few: ClientResult;
  readonly one: ClientResult;
  /** From one writing batch to the next. */
  readonly batchMs: number;
  /** What the client with 64 connections got, of half of what the one with one left. */
  readonly share: number;
  /** p99 of the client with one connection, in batch times. */
  readonly waits: number;
}

const FEW = 64;
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
  const capacity = Math.min(2_000_000, PLACES_PER_SECOND * (seconds + 1));
  const stage = await Stage.start({
    kind: 'orders',
    places: capacity * runs,
    limits: { workers: 1 },
    replies: 'accepted',
  });
  try {
    const results: FairnessRun[] = [];
    for (let run = 1; run <= runs; run++) {
      await stage.createEvent(`fair-${run}`, capacity, 0);
      results.push(await runOnce(stage, options, `fair-${run}`));
    }
    return results;
  } finally {
    await stage.end();
  }
}

async function runOnce(stage: Stage, options: FairnessOptions, event: string): Promise<FairnessRun> {
  const connections = [options.crowd, FEW, 1];
  const clients: Client[] = [];
  for (let i = 0; i < connections.length; i++) {
    const tag = `s${options.seed}-c${i}`;
    const address = `127.0.0.${i + 2}`;
    const { url } = stage.server;
    clients.push(await Client.start({ url, event, connections: connections[i], address, tag }));
  }
  for (const client of clients) client.tell('begin');
  await sleep(1000);
  const before = await stage.server.usage();
  const startedMs = performance.now();
  for (const client of clients) client.tell('measure');
  await sleep(options.seconds * 1000);
  const after = await stage.server.usage();
  const batchMs = (performance.now() - startedMs) / Math.max(1, after.batches - before.batches);
  const [crowd, few, one] = await Promise.all(clients.map((client) => client.end()));
  const share = few.replies / Math.max(1, (crowd.replies + few.replies) / 2);
  return { crowd, few, one, batchMs, share, waits: one.p99Ms / batchMs };
}

/** Pure, but for the machine's description. */
export function describeFairness(options: FairnessOptions, runs: readonly FairnessRun[]): string[] {
  const machine = describeMachine();
  const share = spread(runs.map((run) => run.share));
  const waits = spread(runs.map((run) => run.waits));
  const of = (name: 'crowd' | 'few' | 'one', connections: number): string[] => {
    const results = runs.map((run) => run[name]);
    const median = (value: (result: ClientResult) => number): string =>
      digits(percentile(results.map(value), 0.5));
    const perSecond = median(({ replies }) => replies / options.seconds);
    const refused = median(({ replies, accepted }) => replies - accepted);
    return [
      String(connections),
      perSecond,
      refused,
      median((result) => result.p50Ms),
      median((result) => result.p99Ms),
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
      [
        'batch time',
        `${digits(
          percentile(
            runs.map((run) => run.batchMs),
            0.5,
          ),
        )} ms`,
      ],
    ]),
    '',
    ...formatTable(
      ['>connections', '>orders/s', '>not accepted', '>p50 ms', '>p99 ms'],
      [of('crowd', options.crowd), of('few', FEW), of('one', 1)],
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
