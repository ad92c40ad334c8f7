/** A peer in a process of its own, started by the bench: fastify before a store that runs already. */
import type { AddressInfo } from 'node:net';
import { childOptions, serveParent } from '../child-side.ts';
import { FLOOR } from '../requests.ts';
import type { HoldStore } from './hold-store.ts';
import { createApp } from './peer-app.ts';
import type { PostgresStoreOptions } from './postgres-store.ts';

export type PeerOptions =
  | { readonly store: 'redis'; readonly socket: string; readonly connections: number }
  | ({ readonly store: 'postgres' } & PostgresStoreOptions);

/** What the bench asks beside what was used; as JSON. */
export type PeerQuestion =
  | { readonly kind: 'define'; readonly event: string; readonly capacity: number }
  | { readonly kind: 'counts'; readonly event: string }
  | { readonly kind: 'clear' }
  | { readonly kind: 'resize'; readonly connections: number }
  | { readonly kind: 'settings' };

const STORE_LOST_MS = 1000;

const options = childOptions() as PeerOptions;
const store = await openStore(options);
const app = createApp(store);
await app.listen({ host: '127.0.0.1', port: 0 });
serveParent({
  url: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`,
  groups: () => 0,
  answer: (question) => answer(JSON.parse(question) as PeerQuestion),
  close: async () => {
    await app.close();
    await store.close();
  },
});

/** Loads only what it needs: each start of a peer is a start of Node. */
async function openStore(peer: PeerOptions): Promise<HoldStore> {
  if (peer.store === 'redis') {
    const { RedisStore } = await import('./redis-store.ts');
    return RedisStore.open(peer.socket, peer.connections, endWithStore);
  }
  const { PostgresStore } = await import('./postgres-store.ts');
  return PostgresStore.open(peer, endWithStore);
}

/** When the bench ends, stores go first; then it ends this process, too, and there is nothing to report. */
function endWithStore(cause: unknown): void {
  setTimeout(() => {
    process.stderr.write(`${options.store} is gone: ${String(cause)}\n`);
    process.exit(1);
  }, STORE_LOST_MS);
}

async function answer(question: PeerQuestion): Promise<unknown> {
  switch (question.kind) {
    case 'define':
      return (await store.define(question.event, FLOOR, question.capacity)) ?? null;
    case 'counts':
      return store.counts(question.event);
    case 'clear':
      return (await store.clear()) ?? null;
    case 'resize':
      return (await store.resize(question.connections)) ?? null;
    case 'settings':
      return store.settings();
  }
}
