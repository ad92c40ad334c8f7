/**
 * One request at a time on one connection: what a reply costs when nobody else is there, beside what a sync costs.
 * The client is a bare socket, so that what is measured is the server.
 */
import { closeSync, fdatasyncSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { once } from 'node:events';
import { formatCount } from '../src/cli/format.ts';
import { auditRestart } from './audit.ts';
import type { Figure, PartReport } from './figure.ts';
import { percentile } from './figures.ts';
import { runNetLoad } from './net-load.ts';
import type { BenchOptions } from './options.ts';
import { QUANTITY } from './requests.ts';
import { onStage } from './stage.ts';
import type { Stage } from './stage.ts';
import { onReply, postText } from './wire.ts';

interface Quantiles {
  readonly p50: number;
  readonly p99: number;
}

/** ms, of one round. */
interface Round {
  /** 4 KiB written into room that is there, and synced. */
  readonly sync: Quantiles;
  readonly baseline: Quantiles;
  readonly frontrow: Quantiles;
}

const BLOCK_BYTES = 4096;
const REQUESTS_PER_SECOND = 300;
const WARM_PLACES = 400_000;
const WARM_CONNECTIONS = 64;

/** One connection: sync, baseline and Frontrow in turn, as many rounds as there are runs elsewhere. */
export async function singleFigures(options: BenchOptions): Promise<PartReport> {
  const { runs, seconds, limits, warmUpSeconds } = options;
  const requests = REQUESTS_PER_SECOND * seconds;
  const places = (requests + warmUp(requests)) * runs * QUANTITY;
  const stageOptions = { kind: 'orders', places: places + WARM_PLACES, limits, replies: 'accepted' } as const;
  return onStage(stageOptions, async (stage) => {
    await stage.createEvent('single', places, 0);
    await warm(stage, warmUpSeconds);
    const rounds: Round[] = [];
    for (let run = 1; run <= runs; run++) {
      rounds.push({
        sync: middle(measureSync(stage.directory, requests)),
        baseline: middle(await oneByOne(stage.baseline.url, requests, `b${run}`)),
        frontrow: middle(await oneByOne(stage.server.url, requests, `f${run}`)),
      });
    }
    const { sold } = await stage.settled('single');
    const checks = [
      {
        name: 'single: sold = acknowledged',
        ok: sold === places,
        detail: `${sold} sold, ${places / QUANTITY} orders of ${QUANTITY}`,
      },
      ...(await auditRestart(stage, ['single'])),
    ];
    const lines = [`one connection, ${runs} rounds of ${formatCount(requests)} orders one after the other`];
    return { figures: figuresOf(rounds), lines, checks };
  });
}

function figuresOf(rounds: readonly Round[]): Figure[] {
  const of = (pick: (round: Round) => number): number[] => rounds.map(pick);
  const unit = 'ms';
  const twoSyncs =
    2 *
    percentile(
      of(({ sync }) => sync.p50),
      0.5,
    );
  return [
    { what: '4 KiB written and synced, p50', values: of(({ sync }) => sync.p50), unit },
    { what: 'baseline, p50', values: of(({ baseline }) => baseline.p50), unit },
    {
      row: 'singleOrder',
      what: 'durable order, p50',
      values: of(({ frontrow }) => frontrow.p50),
      unit,
      target: { most: Number((twoSyncs + 1).toFixed(3)) },
      note: 'two syncs and 1 ms',
    },
    { what: 'baseline, p99', values: of(({ baseline }) => baseline.p99), unit },
    { what: 'durable order, p99', values: of(({ frontrow }) => frontrow.p99), unit },
    {
      what: 'durable order, p50, in p50 of the baseline',
      values: of(({ frontrow, baseline }) => frontrow.p50 / baseline.p50),
      unit: '× baseline',
    },
  ];
}

/** A server that has sold nothing yet runs cold code, which costs several times as much. */
async function warm(stage: Stage, seconds: number): Promise<void> {
  if (seconds === 0) return;
  await stage.createEvent('warm', WARM_PLACES, 0);
  for (const { url } of [stage.baseline, stage.server]) {
    const endMs = Date.now() + seconds * 1000;
    await runNetLoad({
      url: `${url}/v1/events/warm/orders`,
      connections: WARM_CONNECTIONS,
      goesOn: (sent) => Date.now() < endMs && sent * QUANTITY < WARM_PLACES,
      post: { kind: 'orders', tag: 'warm' },
    });
  }
}

/** Requests that are not counted: the first few of a connection. */
function warmUp(count: number): number {
  return Math.ceil(count / 10);
}

function middle(values: readonly number[]): Quantiles {
  return { p50: percentile(values, 0.5), p99: percentile(values, 0.99) };
}

/** ms of each write and sync of a block, into a file that has its blocks already. */
function measureSync(directory: string, count: number): number[] {
  const path = join(directory, 'sync');
  const file = openSync(path, 'w');
  const block = new Uint8Array(BLOCK_BYTES).fill(1);
  for (let index = 0; index < count; index++) writeSync(file, block, 0, BLOCK_BYTES, index * BLOCK_BYTES);
  fdatasyncSync(file);
  const times: number[] = [];
  for (let index = 0; index < count; index++) {
    const started = performance.now();
    writeSync(file, block, 0, BLOCK_BYTES, index * BLOCK_BYTES);
    fdatasyncSync(file);
    times.push(performance.now() - started);
  }
  closeSync(file);
  unlinkSync(path);
  return times;
}

/** ms from the first byte sent to the last received, of each request. Rejects when one is not answered with 201. */
async function oneByOne(url: string, count: number, tag: string): Promise<number[]> {
  const { hostname, port, host } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  await once(socket, 'connect');
  const times: number[] = [];
  try {
    for (let index = -warmUp(count); index < count; index++) {
      const name = `${tag}-${index + count}`;
      const text = postText({ host, path: '/v1/events/single/orders', kind: 'orders' }, name);
      const started = performance.now();
      const status = await exchange(socket, text);
      if (index >= 0) times.push(performance.now() - started);
      if (status !== 201) throw new Error(`an order was answered with ${status}`);
    }
  } finally {
    socket.destroy();
  }
  return times;
}

/** Sends one request and resolves with the status when the whole reply is there. */
function exchange(socket: Socket, text: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const fail = (): void => reject(new Error('the connection closed'));
    const stop = onReply(socket, (status) => {
      stop();
      socket.off('close', fail);
      resolve(status);
    });
    socket.once('close', fail);
    socket.write(text);
  });
}
