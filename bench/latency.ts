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
import type { AuditCheck } from '../src/cli/load-audit.ts';
import { auditRestart } from './audit.ts';
import { percentile } from './figures.ts';
import type { BenchOptions } from './options.ts';
import { FLOOR, QUANTITY, requestBody } from './requests.ts';
import { Stage } from './stage.ts';
import { findWrk, runWrk } from './wrk.ts';

export interface LatencyResult {
  readonly requests: number;
  readonly baselineMs: { readonly p50: number; readonly p99: number };
  readonly frontrowMs: { readonly p50: number; readonly p99: number };
  /** 4 KiB written into room that is there, and synced. */
  readonly syncMs: { readonly p50: number; readonly p99: number };
  /** Two syncs and 1 ms. Source: DESIGN.md §8. */
  readonly targetMs: number;
  readonly checks: readonly AuditCheck[];
}

const BLOCK_BYTES = 4096;
const REQUESTS_PER_SECOND = 300;
const WARM_PLACES = 400_000;

export async function latency(options: BenchOptions): Promise<LatencyResult> {
  const requests = REQUESTS_PER_SECOND * options.seconds;
  const stage = await Stage.start({
    kind: 'orders',
    places: 100_000 + WARM_PLACES,
    limits: options.limits,
    replies: 'accepted',
  });
  try {
    await stage.createEvent('single', requests * 2 * QUANTITY, 0);
    await warm(stage, options.warmUpSeconds);
    const sync = measureSync(stage.directory, requests);
    const baseline = await oneByOne(stage.baseline.url, requests, 'b');
    const frontrow = await oneByOne(stage.server.url, requests, 'f');
    const { sold } = await stage.settled('single');
    const checks = [
      {
        name: 'single: sold = acknowledged',
        ok: sold === (requests + warmUp(requests)) * QUANTITY,
        detail: `${sold} sold, ${requests + warmUp(requests)} orders of ${QUANTITY}`,
      },
      ...(await auditRestart(stage, ['single'])),
    ];
    const syncMs = middle(sync);
    return {
      requests,
      baselineMs: middle(baseline),
      frontrowMs: middle(frontrow),
      syncMs,
      targetMs: 2 * syncMs.p50 + 1,
      checks,
    };
  } finally {
    await stage.end();
  }
}

/** A server that has sold nothing yet runs cold code, which costs several times as much. Without wrk it stays cold. */
async function warm(stage: Stage, seconds: number): Promise<void> {
  if (seconds === 0 || findWrk() === null) return;
  await stage.createEvent('warm', WARM_PLACES, 0);
  for (const { url } of [stage.baseline, stage.server]) {
    await runWrk({
      url: `${url}/v1/events/warm/orders`,
      connections: 64,
      seconds,
      directory: stage.directory,
      post: { kind: 'orders', section: FLOOR, quantity: QUANTITY, tag: 'warm' },
    });
  }
}

/** Requests that are not counted: the first few of a connection. */
function warmUp(count: number): number {
  return Math.ceil(count / 10);
}

function middle(values: readonly number[]): { p50: number; p99: number } {
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
      const body = requestBody('orders', FLOOR, QUANTITY, name);
      const text =
        `POST /v1/events/single/orders HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\n` +
        `Idempotency-Key: ${name}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
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
    let reply = '';
    const take = (chunk: Buffer): void => {
      reply += chunk.toString('latin1');
      const end = reply.indexOf('\r\n\r\n');
      if (end < 0) return;
      const length = Number(/\r\ncontent-length: (\d+)/i.exec(reply)?.[1] ?? 0);
      if (reply.length < end + 4 + length) return;
      socket.off('data', take).off('close', fail);
      resolve(Number(reply.slice(9, 12)));
    };
    const fail = (): void => reject(new Error('the connection closed'));
    socket.on('data', take).once('close', fail);
    socket.write(text);
  });
}
