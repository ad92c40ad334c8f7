/**
 * What a server does besides serving, seen from outside: how often its journal has moved on to a new segment,
 * how many snapshots it has written, and how long it takes to define a large event.
 */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EventInput } from '../../src/client/index.ts';
import { BLOCK_BYTES, snapshotName } from '../../src/journal/layout.ts';
import { benchEvent } from '../requests.ts';
import type { Stage } from '../stage.ts';
import { progressOf } from './until.ts';

export const SEATS = 20_000;
const SEATS_PER_ROW = 100;

/** Counted since the server started, but for the bytes, which are the newest snapshot's. */
export interface Upkeep {
  /** Number of the segment that is being written. */
  readonly segment: number;
  readonly snapshotsWritten: number;
  readonly snapshotsFailed: number;
  readonly snapshotBytes: number;
}

export async function readUpkeep(stage: Stage): Promise<Upkeep> {
  const { segment, snapshot } = progressOf(readdirSync(stage.dataDirectory));
  const metrics = await (await fetch(`${stage.server.url}/metrics`)).text();
  return {
    segment,
    snapshotsWritten: snapshotsOf(metrics, 'written'),
    snapshotsFailed: snapshotsOf(metrics, 'failed'),
    snapshotBytes: snapshot < 0 ? 0 : statSync(join(stage.dataDirectory, snapshotName(snapshot))).size,
  };
}

/** From the text of /metrics. @throws Error when it is not there: a count that is missing is not 0 */
export function snapshotsOf(metrics: string, result: 'written' | 'failed'): number {
  const sample = new RegExp(`^frontrow_snapshots_total\\{result="${result}"\\} (\\d+)$`, 'm').exec(metrics);
  if (sample === null) throw new Error(`/metrics does not count snapshots that are ${result}`);
  return Number(sample[1]);
}

/** Seconds in which so many segments are filled: each group takes whole blocks, one at least. */
export function secondsForRolls(rolls: number, segmentBytes: number, groupsPerSecond: number): number {
  return (rolls * segmentBytes) / (Math.max(1, groupsPerSecond) * BLOCK_BYTES);
}

/** An open event with so many seats, each of them written out, as a venue's plan has it. */
export function largeEvent(id: string): EventInput {
  const seats = Array.from({ length: SEATS_PER_ROW }, (_, index) => String(index + 1));
  const rows = Array.from({ length: SEATS / SEATS_PER_ROW }, (_, index) => ({ id: `R${index + 1}`, seats }));
  const sections = [{ id: 'stalls', name: 'Stalls', kind: 'seated', price: 9000, rows }] as const;
  return { ...benchEvent(id, 1, 0), sections };
}

/** Defines large events one after the other, evenly over so many seconds. Resolves with ms of each. */
export async function defineOver(stage: Stage, ids: readonly string[], seconds: number): Promise<number[]> {
  const startMs = performance.now();
  const times: number[] = [];
  for (const [index, id] of ids.entries()) {
    const atMs = startMs + ((index + 0.5) / ids.length) * seconds * 1000;
    await sleep(Math.max(0, atMs - performance.now()));
    const begunMs = performance.now();
    await stage.client.events.create(largeEvent(id));
    times.push(performance.now() - begunMs);
  }
  return times;
}
