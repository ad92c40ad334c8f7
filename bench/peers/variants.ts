/** Who takes part, and what each promises when it answers 201. Pure. */

interface RedisVariant {
  readonly store: 'redis';
  /** Whether what was acknowledged outlives a power cut. */
  readonly durable: boolean;
  /** `no`: there is no append-only file at all. */
  readonly append: 'always' | 'everysec' | 'no';
}

interface PostgresVariant {
  readonly store: 'postgres';
  readonly durable: boolean;
  /** One row with a count for each section, or one row for each place. */
  readonly shape: 'count' | 'rows';
  readonly synchronousCommit: 'on' | 'off';
}

export type PeerVariant = RedisVariant | PostgresVariant;
export type StoreName = PeerVariant['store'];

export const PEERS = {
  'redis-always': { store: 'redis', durable: true, append: 'always' },
  'redis-everysec': { store: 'redis', durable: false, append: 'everysec' },
  'redis-none': { store: 'redis', durable: false, append: 'no' },
  'postgres-count': { store: 'postgres', durable: true, shape: 'count', synchronousCommit: 'on' },
  'postgres-count-async': { store: 'postgres', durable: false, shape: 'count', synchronousCommit: 'off' },
  'postgres-rows': { store: 'postgres', durable: true, shape: 'rows', synchronousCommit: 'on' },
  'postgres-rows-async': { store: 'postgres', durable: false, shape: 'rows', synchronousCommit: 'off' },
} as const satisfies Readonly<Record<string, PeerVariant>>;

export type PeerName = keyof typeof PEERS;
export const PEER_NAMES = Object.keys(PEERS) as PeerName[];

/** What stands beside the peers. */
export const BASELINE = 'baseline';
export const FRONTROW = 'frontrow';
export const FRONTROW_NONE = 'frontrow-none';

/** Connections from a peer to its store that the tuning tries, and those it has without tuning. */
export const POOLS: Readonly<
  Record<StoreName, { readonly tried: readonly number[]; readonly usual: number }>
> = {
  redis: { tried: [1, 2, 4, 8, 16], usual: 2 },
  postgres: { tried: [1, 2, 4, 8, 16, 32, 64], usual: 8 },
};
