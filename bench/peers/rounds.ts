/**
 * The rounds: each contestant in turn under the same wrk, on an event of its own, audited after each run. Before them
 * all sell out a small event, are warmed up, and those with a store find their best number of connections to it.
 */
import type { AuditCheck } from '../../src/cli/load-audit.ts';
import { digits } from '../figures.ts';
import type { HammerResult } from '../hammer.ts';
import { measure, perSecond } from '../measure.ts';
import type { Run } from '../measure.ts';
import { runNetLoad } from '../net-load.ts';
import { FLOOR, placesFor, QUANTITY } from '../requests.ts';
import { runWrk } from '../wrk.ts';
import type { Contestant, Peer } from './contestant.ts';
import type { Counts } from './hold-store.ts';
import type { PeersOptions } from './options.ts';
import { auditRun, auditSellOut } from './peer-audit.ts';
import { POOLS } from './variants.ts';

export interface PeerRun extends Run {
  /** User and system time of the store's processes for one reply; null where there is none, or it is not known. */
  readonly storeMicrosPerReply: number | null;
}

/** All runs of one contestant at one number of connections, by round. */
export interface Series {
  readonly name: string;
  readonly durable: boolean | null;
  readonly connections: number;
  readonly runs: readonly PeerRun[];
}

/** One run of wrk. */
export interface Load {
  readonly event: string;
  readonly connections: number;
  readonly seconds: number;
  readonly seed: number;
  /** For wrk's script. */
  readonly directory: string;
}

const SELL_OUT_HOLDS = 150;
const SELL_OUT_REQUESTS = 400;
const SELL_OUT_CONNECTIONS = 32;
const TUNING_SECONDS = 1;
/** Reads of counts until two agree: what was in flight when wrk stopped is through by then. */
const SETTLE_TRIES_MAX = 100;

/** Places of all events that one contestant will have at most. */
export function placesOf({ runs, seconds, warmUpSeconds, connections }: PeersOptions): number {
  return (
    placesFor(seconds) * runs * connections.length + placesFor(warmUpSeconds) + SELL_OUT_HOLDS * QUANTITY
  );
}

/** A small event, asked for more than it has; every request is answered before the audit. */
export async function sellOut(contestant: Contestant, seed: number): Promise<AuditCheck[]> {
  const event = 'sell-out';
  await contestant.define(event, SELL_OUT_HOLDS * QUANTITY);
  const run = await runNetLoad({
    url: `${contestant.child.url}/v1/events/${event}/holds`,
    connections: SELL_OUT_CONNECTIONS,
    goesOn: (sent) => sent < SELL_OUT_REQUESTS,
    post: { kind: 'holds', tag: `s${seed}-out` },
  });
  const counts = await settled(contestant, event);
  await contestant.clear();
  const name = `${contestant.name}, sold out`;
  return counts === null ? [] : auditSellOut(name, counts, run, SELL_OUT_REQUESTS, QUANTITY);
}

/** One run on an event of its own, and its audit. */
export async function runOnce(contestant: Contestant, load: Load, checks: AuditCheck[]): Promise<PeerRun> {
  const { event, connections, seconds, seed, directory } = load;
  await contestant.define(event, placesFor(seconds));
  const before = contestant.storeCpuMicros();
  const run = await measure(contestant.child, (): Promise<HammerResult> =>
    runWrk({
      url: `${contestant.child.url}/v1/events/${event}/holds`,
      connections,
      seconds,
      directory,
      post: { kind: 'holds', section: FLOOR, quantity: QUANTITY, tag: `s${seed}-${event}` },
    }),
  );
  const after = contestant.storeCpuMicros();
  const counts = await settled(contestant, event);
  checks.push(...auditRun(`${contestant.name}, ${event}`, counts, run, connections, QUANTITY));
  await contestant.clear();
  const storeMicros = before === null || after === null ? null : after - before;
  return {
    ...run,
    storeMicrosPerReply: storeMicros === null ? null : storeMicros / Math.max(1, run.replies),
  };
}

/** Tries each number of connections to the store and keeps the best. Returns what it found, for people. */
export async function tune(
  peer: Peer,
  options: PeersOptions,
  directory: string,
  checks: AuditCheck[],
): Promise<string> {
  const fixed = options.pools[peer.store];
  if (fixed !== null) return `${peer.name}: ${fixed}, as told`;
  const { tried, usual } = POOLS[peer.store];
  if (options.quick) return `${peer.name}: ${usual}, not tuned`;
  const connections = Math.max(...options.connections);
  const found = tried.map((size) => ({ size, rate: 0 }));
  // There and back: a peer that is still warming up must not make the last one look best.
  for (const candidate of [...found, ...found.toReversed()]) {
    await peer.resize(candidate.size);
    const load = { event: 'tuning', connections, seconds: TUNING_SECONDS, seed: options.seed, directory };
    candidate.rate += perSecond(await runOnce(peer, load, checks)) / 2;
  }
  const best = found.reduce((most, other) => (other.rate > most.rate ? other : most));
  await peer.resize(best.size);
  const rates = found.map(({ size, rate }) => `${size}: ${digits(rate)}/s`);
  return `${peer.name}: ${best.size} (${rates.join(', ')})`;
}

/**
 * All rounds at one number of connections. In each round another one begins, so that nobody always follows the same.
 * Who breaks, `run` answers null, has no series: ratios are taken round by round.
 */
export async function runRounds(
  contestants: readonly Contestant[],
  options: PeersOptions,
  connections: number,
  directory: string,
  run: (contestant: Contestant, load: Load) => Promise<PeerRun | null>,
): Promise<Series[]> {
  const { runs: rounds, seconds, seed } = options;
  const found = contestants.map(({ name, durable }) => ({
    name,
    durable,
    connections,
    runs: [] as PeerRun[],
  }));
  for (let round = 1; round <= rounds; round++) {
    const load = { event: `c${connections}-r${round}`, connections, seconds, seed, directory };
    for (let turn = 0; turn < contestants.length; turn++) {
      const index = (seed + round + turn) % contestants.length;
      const result = await run(contestants[index], load);
      if (result !== null) found[index].runs.push(result);
    }
  }
  return found.filter(({ runs }) => runs.length === rounds);
}

async function settled(contestant: Contestant, event: string): Promise<Counts | null> {
  let last = await contestant.counts(event);
  for (let tries = 0; tries < SETTLE_TRIES_MAX; tries++) {
    const next = await contestant.counts(event);
    if (JSON.stringify(next) === JSON.stringify(last)) return next;
    last = next;
  }
  throw new Error(`${contestant.name}: event ${event} does not come to rest`);
}
