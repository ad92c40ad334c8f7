/** Starts everybody, runs the rounds, ends everybody. A store that is missing or does not start is told, never faked. */
import type { AuditCheck } from '../../src/cli/load-audit.ts';
import { DEFAULT_LIMITS } from '../../src/core/limits.ts';
import { describeMachine } from '../machine.ts';
import { onStage } from '../stage.ts';
import type { Stage } from '../stage.ts';
import { baselineOf, frontrowOf, startUnsyncedFrontrow, Stores } from './contestant.ts';
import type { Contestant, Peer } from './contestant.ts';
import type { PeersOptions } from './options.ts';
import type { PeersReport } from './peer-report.ts';
import { describeMissing, findStores, packageVersions } from './programs.ts';
import { placesOf, runOnce, runRounds, sellOut, tune } from './rounds.ts';
import type { Load, PeerRun, Series } from './rounds.ts';
import { PEERS } from './variants.ts';
import type { StoreName } from './variants.ts';

const MIB = 1024 * 1024;
/** Frontrow's memory for a place and what is kept of its hold, rounded up; pages that are not used cost nothing. */
const PLACE_BYTES = 360;

/** `note` tells a person what is going on. */
export async function runPeers(
  options: PeersOptions,
  wrk: string,
  note: (text: string) => void,
): Promise<PeersReport> {
  const machine = describeMachine();
  const places = placesOf(options);
  const arenaBytes = Math.max(DEFAULT_LIMITS.arenaBytes, Math.ceil((places * PLACE_BYTES) / MIB + 256) * MIB);
  const stageOptions = { kind: 'holds', places, limits: { arenaBytes }, replies: 'accepted' } as const;
  const result = await onStage(stageOptions, (stage) => onContest(stage, options, arenaBytes, note));
  const { programs, ...rest } = result;
  const versions = Object.values(programs).flatMap((program) => (program === null ? [] : [program.version]));
  const ok = result.checks.every((check) => check.ok);
  return { machine, options, versions: [wrk, ...versions, ...packageVersions()], ...rest, ok };
}

interface Contest extends Pick<PeersReport, 'series' | 'missing' | 'pools' | 'settings' | 'checks'> {
  readonly programs: ReturnType<typeof findStores>;
}

async function onContest(
  stage: Stage,
  options: PeersOptions,
  arenaBytes: number,
  note: (text: string) => void,
): Promise<Contest> {
  const checks: AuditCheck[] = [];
  const broken = new Set<string>();
  // One that breaks must not cost the figures of all others: it is a failed check, and asked for nothing more.
  const attempt: Attempt = async (name, act) => {
    if (broken.has(name)) return null;
    try {
      return await act();
    } catch (cause) {
      broken.add(name);
      checks.push({ name: `${name}: runs through`, ok: false, detail: String(cause) });
      return null;
    }
  };
  const programs = findStores();
  const stores = new Stores(stage.directory, programs);
  const peers: Peer[] = [];
  const unsynced = await startUnsyncedFrontrow(stage, arenaBytes);
  try {
    for (const name of options.peers) {
      note(`${name}: start …`);
      const pool = options.pools[PEERS[name].store];
      const peer = await attempt(name, () => stores.startPeer(name, pool));
      if (peer !== null) peers.push(peer);
    }
    const contestants = [baselineOf(stage), frontrowOf(stage), unsynced, ...peers];
    const settings: string[] = [];
    const pools: string[] = [];
    for (const contestant of contestants) {
      note(`${contestant.name}: sell out, warm up …`);
      await attempt(contestant.name, () => prepare(contestant, options, stage.directory, checks));
    }
    for (const peer of peers) {
      note(`${peer.name}: settings, connections to its store …`);
      await attempt(peer.name, async () => {
        settings.push(await auditSettings(peer, checks));
        pools.push(await tune(peer, options, stage.directory, checks));
      });
    }
    const series: Series[] = [];
    for (const connections of options.connections) {
      note(`${contestants.length} in turn, ${connections} connections …`);
      const run = (contestant: Contestant, load: Load): Promise<PeerRun | null> =>
        attempt(contestant.name, () => runOnce(contestant, load, checks));
      series.push(...(await runRounds(contestants, options, connections, stage.directory, run)));
    }
    return { programs, series, missing: missingOf(options, programs), pools, settings, checks };
  } finally {
    for (const contestant of [unsynced, ...peers]) await contestant.end();
    await stores.end();
  }
}

type Attempt = <T>(name: string, act: () => Promise<T>) => Promise<T | null>;

async function prepare(
  contestant: Contestant,
  options: PeersOptions,
  directory: string,
  checks: AuditCheck[],
): Promise<void> {
  const { warmUpSeconds: seconds, seed } = options;
  checks.push(...(await sellOut(contestant, seed)));
  const connections = Math.max(...options.connections);
  const load = { event: 'warm-up', connections, seconds, seed, directory };
  if (seconds > 0) await runOnce(contestant, load, checks);
}

/** What a store says of itself must be what the table says of it. */
async function auditSettings(peer: Peer, checks: AuditCheck[]): Promise<string> {
  const { durable, text } = await peer.settings();
  const name = `${peer.name}: as durable as it is said to be`;
  checks.push({ name, ok: durable === peer.durable, detail: text });
  return `${peer.name}: ${text}`;
}

function missingOf(options: PeersOptions, programs: Contest['programs']): string[] {
  const wanted = new Set<StoreName>(options.peers.map((name) => PEERS[name].store));
  return [...wanted].filter((store) => programs[store] === null).map(describeMissing);
}
