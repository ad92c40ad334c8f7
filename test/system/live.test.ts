// Live updates of a whole server: what a follower has been told is what the seat map says, across a restart.

import t from 'tap';
import { FrontrowClient } from '../../src/client/index.ts';
import { startServer, testDirectory } from './support/servers.ts';

const SEATS = 30;
const SMALL = { workers: 1, arenaBytes: 64 * 1024 * 1024, segmentBytes: 4 * 1024 * 1024 };
const EVENT = {
  id: 'gala',
  name: 'Gala',
  state: 'open',
  startsAt: '2030-01-01T19:00:00Z',
  currency: 'EUR',
  sections: [{ id: 'stalls', name: 'Stalls', kind: 'seated', price: 100, rows: [{ id: 'A', seats: SEATS }] }],
} as const;

/** Follows the event from where it is, and keeps what it is told. It does not wait before it comes back: tests are in a hurry. */
class Follower {
  readonly seats = new Map<string, string>();
  readonly #client: FrontrowClient;
  sequence = 0;
  #lastEventId: string | undefined;
  #wake: () => void = () => {};

  constructor(client: FrontrowClient) {
    this.#client = client;
  }

  /** Until the stream ends. */
  async follow(): Promise<void> {
    const from = this.#lastEventId === undefined ? { after: 0 } : { lastEventId: this.#lastEventId };
    for await (const update of this.#client.events.changes('gala', { ...from, retry: false })) {
      if (update.type === 'reset') throw new Error('nothing happened that would be too much to tell');
      for (const [seat, state] of Object.entries(update.seats)) this.seats.set(seat, state);
      this.sequence = update.sequence;
      this.#lastEventId = update.id ?? undefined;
      this.#wake();
    }
  }

  async until(sequence: number): Promise<void> {
    while (this.sequence < sequence) await new Promise<void>((resolve) => (this.#wake = resolve));
  }
}

t.test('followers know what the seat map says, through a restart, until the event is archived', async (t) => {
  const dataDirectory = testDirectory(t);
  let server = await startServer(t, { ...SMALL, dataDirectory });
  const { port } = server;
  const client = new FrontrowClient({ url: server.url });
  await client.events.create(EVENT);
  const followers = [new Follower(client), new Follower(client)];
  let following = followers.map((follower) => follower.follow());

  const check = async (sequence: number): Promise<void> => {
    await Promise.all(followers.map((follower) => follower.until(sequence)));
    const map = await client.events.seats('gala');
    t.equal(map.sequence, sequence);
    const letters = JSON.stringify(map);
    for (const { seats } of followers) {
      const sold = [...seats.values()].filter((state) => state === 's').length;
      const held = [...seats.values()].filter((state) => state === 'h').length;
      const text = Array.from({ length: SEATS }, (_, i) => seats.get(`stalls-A-${i + 1}`) ?? 'a').join('');
      t.ok(letters.includes(text), `${sold} sold and ${held} held, as in the map`);
    }
  };

  let last = 1;
  for (let i = 1; i <= 10; i++) {
    const hold = await client.holds.create('gala', { items: [{ seat: `stalls-A-${2 * i}` }] });
    last = hold.sequence;
    if (i % 3 === 0) last = (await client.holds.confirm(hold.id)).sequence;
    if (i % 3 === 1) await client.holds.release(hold.id);
    if (i % 3 === 1) last++;
  }
  await check(last);

  const stopping = performance.now();
  await server.close();
  t.ok(performance.now() - stopping < 10_000, 'a stop does not wait for those who follow');
  await Promise.all(following);
  server = await startServer(t, { ...SMALL, dataDirectory, port });
  following = followers.map((follower) => follower.follow());
  const order = await client.orders.create('gala', { items: [{ seat: 'stalls-A-29' }] });
  await check(order.sequence);

  for (const hold of (await client.holds.list('gala', { state: ['held'] })).data)
    await client.holds.release(hold.id);
  await client.events.patch('gala', { state: 'closed' });
  await client.events.patch('gala', { state: 'archived' });
  await Promise.all(following);
  t.pass('the end of the event is the end of the stream');
  await t.rejects(followers[0].follow(), { code: 'event-not-found' });
});
