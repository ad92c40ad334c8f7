/** Everybody who takes part, as the rounds see them: a server to load, a store to count in, and what both used. */
import { join } from 'node:path';
import { FrontrowClient } from '../../src/client/index.ts';
import { Child } from '../child.ts';
import { benchEvent } from '../requests.ts';
import type { Stage } from '../stage.ts';
import type { Daemon } from './daemon.ts';
import type { Counts, StoreSettings } from './hold-store.ts';
import type { PeerOptions, PeerQuestion } from './peer-server.ts';
import { familyCpuMicros } from './process-time.ts';
import { startPostgres } from './postgres-server.ts';
import type { PostgresServer } from './postgres-server.ts';
import type { Program } from './programs.ts';
import { startRedis } from './redis-server.ts';
import { BASELINE, FRONTROW, FRONTROW_NONE, PEERS, POOLS } from './variants.ts';
import type { PeerName, StoreName } from './variants.ts';

export interface Contestant {
  readonly name: string;
  readonly child: Child;
  /** Whether what it acknowledges outlives a power cut; null: it keeps nothing. */
  readonly durable: boolean | null;
  /** Makes an event with that many places. */
  define(event: string, capacity: number): Promise<void>;
  /** Null: it counts nothing. */
  counts(event: string): Promise<Counts | null>;
  /** Leaves nothing to do for the time in which others are measured. */
  clear(): Promise<void>;
  /** µs that its store used so far; null where it has none, or it cannot be read. */
  storeCpuMicros(): number | null;
  end(): Promise<void>;
}

export interface Peer extends Contestant {
  readonly store: StoreName;
  /** Connections to the store. */
  resize(connections: number): Promise<void>;
  settings(): Promise<StoreSettings>;
}

/** What peers are started on. PostgreSQL is one server for all; each Redis is its peer's own. */
export class Stores {
  readonly #directory: string;
  readonly #programs: Readonly<Record<StoreName, Program | null>>;
  #postgres: Promise<PostgresServer> | null = null;

  constructor(directory: string, programs: Readonly<Record<StoreName, Program | null>>) {
    this.#directory = directory;
    this.#programs = programs;
  }

  /** Null where its program is not installed. Rejects when it does not start. */
  async startPeer(name: PeerName, pool: number | null): Promise<Peer | null> {
    const variant = PEERS[name];
    const program = this.#programs[variant.store];
    if (program === null) return null;
    const connections = pool ?? POOLS[variant.store].usual;
    if (variant.store === 'redis') {
      const { socket, daemon } = await startRedis(program, join(this.#directory, name), variant.append);
      return startChild(name, { store: 'redis', socket, connections }, daemon, () => daemon.stop());
    }
    // A promise, kept: one that did not start must not be tried again by each peer.
    this.#postgres ??= startPostgres(program, join(this.#directory, 'postgres'));
    const { host, daemon } = await this.#postgres;
    const { shape, synchronousCommit } = variant;
    const options = {
      store: 'postgres',
      host,
      database: name,
      shape,
      synchronousCommit,
      connections,
    } as const;
    return startChild(name, options, daemon, async () => {});
  }

  /** After its peers. */
  async end(): Promise<void> {
    const postgres = await this.#postgres?.catch(() => null);
    await postgres?.daemon.stop();
  }
}

async function startChild(
  name: PeerName,
  options: PeerOptions,
  daemon: Daemon,
  endStore: () => Promise<void>,
): Promise<Peer> {
  const child = await Child.start(new URL('peer-server.js', import.meta.url), options);
  const ask = (question: PeerQuestion): Promise<unknown> => child.ask(JSON.stringify(question));
  return {
    name,
    child,
    durable: PEERS[name].durable,
    store: options.store,
    define: async (event, capacity) => void (await ask({ kind: 'define', event, capacity })),
    counts: async (event) => (await ask({ kind: 'counts', event })) as Counts,
    clear: async () => void (await ask({ kind: 'clear' })),
    storeCpuMicros: () => familyCpuMicros(daemon.pid),
    resize: async (connections) => void (await ask({ kind: 'resize', connections })),
    settings: async () => (await ask({ kind: 'settings' })) as StoreSettings,
    end: async () => {
      await child.kill();
      await endStore();
    },
  };
}

/** The baseline of the stage, which ends with it. */
export function baselineOf(stage: Stage): Contestant {
  return {
    name: BASELINE,
    child: stage.baseline,
    durable: null,
    define: async () => {},
    counts: async () => null,
    clear: async () => {},
    storeCpuMicros: () => null,
    end: async () => {},
  };
}

/** The server of the stage, which ends with it. */
export function frontrowOf(stage: Stage): Contestant {
  return frontrow(FRONTROW, stage.server, stage.client, true, async () => {});
}

/** A second one on a directory of its own, which does not sync. */
export async function startUnsyncedFrontrow(stage: Stage, arenaBytes: number): Promise<Contestant> {
  const options = { dataDirectory: join(stage.directory, 'unsynced'), durability: 'none', arenaBytes };
  const child = await Child.start(new URL('../frontrow-server.js', import.meta.url), options);
  return frontrow(FRONTROW_NONE, child, new FrontrowClient({ url: child.url }), false, () => child.kill());
}

function frontrow(
  name: string,
  child: Child,
  client: FrontrowClient,
  durable: boolean,
  end: () => Promise<void>,
): Contestant {
  return {
    name,
    child,
    durable,
    define: async (event, capacity) => void (await client.events.create(benchEvent(event, capacity, 0))),
    counts: async (event) => {
      const { capacity, available, held, sequence } = await client.events.availability(event);
      // The definition is the first change, and each hold is one: nothing else happens here.
      return { capacity, available, holds: sequence - 1, places: held };
    },
    clear: async () => {},
    storeCpuMicros: () => null,
    end,
  };
}
