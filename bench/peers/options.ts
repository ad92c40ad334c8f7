/** What the bench of peers may be told. What it shares with `npm run bench` is read, and refused, by that one's rules. */
import { parseArgs } from 'node:util';
import { parseOptions } from '../options.ts';
import type { BenchOptions } from '../options.ts';
import { PEER_NAMES } from './variants.ts';
import type { PeerName, StoreName } from './variants.ts';

type Shared = 'runs' | 'seconds' | 'warmUpSeconds' | 'connections' | 'seed' | 'quick' | 'json';

export interface PeersOptions extends Pick<BenchOptions, Shared> {
  readonly peers: readonly PeerName[];
  /** Connections from a peer to its store; null: the bench finds out what is best, or takes the usual if it is quick. */
  readonly pools: Readonly<Record<StoreName, number | null>>;
}

const POOL_MAX = 64;

export const USAGE = `npm run bench:peers -- [options]
  --runs N           rounds, in which each has its turn, for each number of connections (5)
  --seconds S        of one run (3)
  --quick            one round of one second each, no warm-up, no tuning
  --connections C    may be given more than once (64 and 256)
  --peer NAME        ${PEER_NAMES.slice(0, 3).join(', ')},
                     ${PEER_NAMES.slice(3, 5).join(', ')}, ${PEER_NAMES.slice(5).join(', ')};
                     may be given more than once (all that are installed)
  --pool N           connections to PostgreSQL (tuned)
  --redis-pool N     connections to Redis (tuned)
  --seed N           of names and order (1)
  --json             figures as one JSON object on stdout
`;

/** @throws Error that says what is wrong with the arguments */
export function parsePeersOptions(argv: readonly string[]): PeersOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      runs: { type: 'string' },
      seconds: { type: 'string' },
      quick: { type: 'boolean' },
      connections: { type: 'string', multiple: true },
      peer: { type: 'string', multiple: true, default: [...PEER_NAMES] },
      pool: { type: 'string' },
      'redis-pool': { type: 'string' },
      seed: { type: 'string' },
      json: { type: 'boolean' },
    },
  });
  const { peer, pool, 'redis-pool': redisPool, ...shared } = values;
  const { runs, seconds, warmUpSeconds, connections, seed, quick, json } = parseOptions(toArgv(shared));
  return {
    runs,
    seconds,
    warmUpSeconds,
    connections,
    seed,
    quick,
    json,
    peers: PEER_NAMES.filter((name) => peer.map(peerName).includes(name)),
    pools: { postgres: poolSize('pool', pool), redis: poolSize('redis-pool', redisPool) },
  };
}

function toArgv(values: Readonly<Record<string, string | boolean | string[] | undefined>>): string[] {
  return Object.entries(values).flatMap(([name, value]) => {
    if (value === undefined || value === false) return [];
    if (value === true) return [`--${name}`];
    return [value].flat().map((text) => `--${name}=${text}`);
  });
}

function peerName(text: string): PeerName {
  const found = PEER_NAMES.find((name) => name === text);
  if (found !== undefined) return found;
  throw new Error(`--peer is ${text}; it must be one of ${PEER_NAMES.join(', ')}`);
}

function poolSize(name: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= POOL_MAX) return value;
  throw new Error(`--${name} is ${text}; it must be a whole number from 1 to ${POOL_MAX}`);
}
