/** Each peer whose store is installed, on a real one in a directory of its own: what it sells, and that it sells it once. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { Stores } from '../../bench/peers/contestant.ts';
import type { Peer } from '../../bench/peers/contestant.ts';
import { describeMissing, findStores } from '../../bench/peers/programs.ts';
import { sellOut } from '../../bench/peers/rounds.ts';
import { PEERS } from '../../bench/peers/variants.ts';

const CONNECTIONS = 3;
const SEED = 1;

interface Answer {
  readonly status: number;
  readonly isReplay: boolean;
  readonly body: Readonly<Record<string, unknown>>;
}

async function post(peer: Peer, event: string, key: string, quantity: number): Promise<Answer> {
  const response = await fetch(`${peer.child.url}/v1/events/${event}/holds`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': key },
    body: JSON.stringify({ customer: 'c-81', items: [{ section: 'floor', quantity }], seconds: 60 }),
  });
  const isReplay = response.headers.get('idempotency-replayed') === 'true';
  return { status: response.status, isReplay, body: (await response.json()) as Answer['body'] };
}

const programs = findStores();
const directory = mkdtempSync(join(tmpdir(), 'frontrow-peers-test-'));
const stores = new Stores(directory, programs);
t.teardown(async () => {
  await stores.end();
  rmSync(directory, { recursive: true, force: true });
});
// A shared machine whose disk is busy takes a multiple of the 6 s that this takes alone.
t.setTimeout(120_000);

for (const name of ['redis-always', 'postgres-count', 'postgres-rows'] as const) {
  const { store } = PEERS[name];
  const skip = programs[store] === null ? describeMissing(store) : false;
  t.test(`${name}: a hold has an id, a key one answer, and nothing is sold twice`, { skip }, async (t) => {
    const peer = await stores.startPeer(name, CONNECTIONS);
    if (peer === null) throw new Error(`${name} was found and is missing`);
    t.teardown(() => peer.end());
    t.equal(
      (await peer.settings()).durable,
      PEERS[name].durable,
      'the store is as durable as the table says',
    );
    await peer.define('gala', 10);

    const made = await post(peer, 'gala', 'key-1', 4);
    t.equal(made.status, 201);
    t.match(made.body, {
      id: /^[0-9a-f-]{36}$/,
      event: 'gala',
      customer: 'c-81',
      section: 'floor',
      quantity: 4,
    });
    const { createdAt, expiresAt } = made.body;
    t.equal(Date.parse(String(expiresAt)) - Date.parse(String(createdAt)), 60_000);

    const again = await post(peer, 'gala', 'key-1', 4);
    t.same(again, { ...made, status: 200, isReplay: true }, 'the same key has the same answer');
    t.equal((await post(peer, 'gala', 'key-1', 3)).status, 422, 'the same key, another body');

    const racing = await Promise.all(Array.from({ length: 8 }, () => post(peer, 'gala', 'key-2', 4)));
    const statuses = racing.map(({ status }) => status);
    t.same(
      statuses.toSorted((a, b) => a - b),
      [200, 200, 200, 200, 200, 200, 200, 201],
    );
    t.equal(
      new Set(racing.map(({ body }) => body['id'])).size,
      1,
      'a key in flight, eight times, is one hold',
    );

    t.match(await post(peer, 'gala', 'key-3', 4), { status: 409, body: { code: 'not-enough-available' } });
    t.equal((await post(peer, 'gala', 'key-1', 4)).status, 200, 'what was granted is still known');
    t.same(await peer.counts('gala'), { capacity: 10, available: 2, holds: 2, places: 8 });
    t.equal((await post(peer, 'gala', 'key-4', 2)).status, 201, 'what is left can be had');

    const checks = await sellOut(peer, SEED);
    t.same(
      checks.filter(({ ok }) => !ok),
      [],
    );
    t.equal(checks.length, 3);
    t.ok((peer.storeCpuMicros() ?? 1) > 0);
  });
}
