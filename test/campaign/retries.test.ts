/**
 * What the client's own retries make of a server that goes away and comes back, and of one that has too much to do: every
 * call happens once, whatever became of its answers. Nothing here repeats a call by itself.
 */
import t from 'tap';
import type { Test } from 'tap';
import { createKey, hashOfKey } from '../../src/core/keys.ts';
import { verifyDirectory } from '../../src/cli/offline.ts';
import { FrontrowClient, type Hold, type Order } from '../../src/client/index.ts';
import { availability, Wire, type Answer } from '../system/support/http.ts';
import { denseHistory } from '../system/support/history.ts';
import { Mutations } from '../system/support/mutations.ts';
import { startProcess, startServer, testDirectory, type ServeProcess } from '../system/support/servers.ts';

const isLong = process.env['FRONTROW_LONG'] !== undefined;
const FLOWS = 16;
const KILLS = isLong ? 20 : 1;
/** Purchases that are finished between two kills. */
const BETWEEN = isLong ? 300 : 50;
const FLAGS = ['--arena-mib', '64', '--segment-mib', '4', '--snapshot-segments', '1'];
/** More than a restart on a slow machine takes. */
const PATIENCE = { attempts: 1000, totalMs: 100_000 };
const RUSH = isLong ? 1000 : 150;

/** Of fifty seats: nobody is to find the stalls sold out. */
const ROWS = isLong ? 400 : 40;

const EVENT = {
  id: 'gala',
  name: 'Winter Gala',
  state: 'open',
  startsAt: '2027-01-15T19:00:00Z',
  sections: [
    { id: 'floor', kind: 'general', capacity: 30_000 },
    {
      id: 'stalls',
      kind: 'seated',
      rows: Array.from({ length: ROWS }, (_, i) => ({ id: `R${i}`, seats: 50 })),
    },
  ],
} as const;

interface Purchase {
  readonly reference: string;
  readonly way: 'order' | 'hold';
  readonly quantity: number;
  readonly order: Order;
}

/** What its customers were told, all flows together. */
class Shop {
  readonly bought: Purchase[] = [];
  readonly released: Hold[] = [];
  readonly cancelled: Order[] = [];
  readonly #client: FrontrowClient;
  retries = 0;
  #next = 0;
  #wake: () => void = () => {};

  constructor(url: string) {
    const sleep = (ms: number): Promise<void> => {
      this.retries++;
      return new Promise((resolve) => setTimeout(resolve, ms));
    };
    this.#client = new FrontrowClient({ url, retry: PATIENCE, clock: { sleep } });
  }

  async flow(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      const number = this.#next++;
      await this.#purchase(`p-${number}`, 1 + (number % 4), number % 3);
      this.#wake();
    }
  }

  async #purchase(reference: string, quantity: number, way: number): Promise<void> {
    const section = quantity % 2 === 0 ? 'floor' : 'stalls';
    const input = { customer: reference, reference, items: [{ section, quantity }] };
    if (way === 0) {
      const order = await this.#client.orders.create('gala', input);
      this.bought.push({ reference, way: 'order', quantity, order });
      return;
    }
    const hold = await this.#client.holds.create('gala', { ...input, seconds: 1800 });
    if (quantity === 3) {
      await this.#client.holds.release(hold.id);
      this.released.push(hold);
      return;
    }
    const order = await this.#client.holds.confirm(hold.id);
    this.bought.push({ reference, way: 'hold', quantity, order });
    if (quantity === 4) this.cancelled.push(await this.#client.orders.cancel(order.id));
  }

  async reached(count: number): Promise<void> {
    while (this.bought.length < count) await new Promise<void>((resolve) => (this.#wake = resolve));
  }
}

/** Every purchase is one order with its tickets, and there is nothing else. */
async function checkShop(t: Test, shop: Shop, url: string): Promise<void> {
  const client = new FrontrowClient({ url });
  const orders = new Map<string, Order[]>();
  for await (const order of client.orders.all('gala', { limit: 500 })) {
    const reference = String(order.reference);
    orders.set(reference, [...(orders.get(reference) ?? []), order]);
  }
  const wrong = shop.bought.filter(({ reference, quantity, order }) => {
    const [found, ...more] = orders.get(reference) ?? [];
    return more.length > 0 || found?.id !== order.id || found.tickets.length !== quantity;
  });
  t.same(wrong.slice(0, 3), [], `${shop.bought.length} purchases are one order each, the one that was told`);
  t.equal(orders.size, shop.bought.length, 'and there are no others');
  const cancelled = shop.cancelled.filter(
    ({ reference }) => orders.get(String(reference))?.[0].state !== 'cancelled',
  );
  t.same(cancelled, [], `${shop.cancelled.length} of them are cancelled`);
  const held: string[] = [];
  for await (const { id } of client.holds.all('gala', { state: 'held' })) held.push(id);
  t.same(held, [], `nothing is held: ${shop.released.length} holds were released`);

  const wire = new Wire(url, 1);
  const counts = await availability(wire, 'gala');
  wire.close();
  const kept = shop.bought.filter(({ order }) => !shop.cancelled.some(({ id }) => id === order.id));
  t.equal(
    counts.sold,
    kept.reduce((sum, { quantity }) => sum + quantity, 0),
    'sold is what was bought and not cancelled',
  );
  const kinds = new Map<string, number>();
  for (const { kind } of await denseHistory(t, client, 'gala', counts.sequence))
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  const holds = shop.bought.filter(({ way }) => way === 'hold').length;
  t.same(
    Object.fromEntries(kinds),
    {
      defined: 1,
      ordered: shop.bought.length - holds,
      held: holds + shop.released.length,
      confirmed: holds,
      released: shop.released.length,
      cancelled: shop.cancelled.length,
    },
    'and each happened once',
  );
}

async function killUnderLoad(t: Test): Promise<void> {
  const directory = testDirectory(t);
  let server: ServeProcess = await startProcess(t, directory, FLAGS);
  const { url } = server;
  const flags = [...FLAGS, '--port', new URL(url).port];
  const wire = new Wire(url, 1);
  t.equal((await wire.post('/v1/events', EVENT)).status, 201);
  const mutations = new Mutations(t);
  await mutations.perform(wire);
  await mutations.replay(wire, 'at once');
  wire.close();
  const shop = new Shop(url);
  let isOver = false;
  const flows = Promise.all(Array.from({ length: FLOWS }, () => shop.flow(() => isOver)));
  for (let kill = 0; kill < KILLS; kill++) {
    await shop.reached(shop.bought.length + BETWEEN);
    await server.end('SIGKILL');
    server = await startProcess(t, directory, flags);
  }
  await shop.reached(shop.bought.length + BETWEEN);
  isOver = true;
  await flows;
  t.ok(shop.retries >= KILLS, `${shop.retries} attempts were made again`);
  await checkShop(t, shop, url);
  const last = new Wire(url, 1);
  await mutations.replay(last, 'after the kills');
  last.close();
  t.same(await server.end('SIGTERM'), [0, null]);
  t.same((await verifyDirectory(directory)).findings, [], 'and the journal says the same');
}

/** Nothing is killed: what is on disk does not matter. */
const QUICK = { workers: 1, durability: 'none' } as const;

async function rush(t: Test): Promise<void> {
  const { url } = await startServer(t, { ...QUICK, queueMax: 4 });
  const wire = new Wire(url, 1);
  t.equal((await wire.post('/v1/events', EVENT)).status, 201);
  const told: number[] = [];
  const waited: number[] = [];
  const codes = new Set<string>();
  const client = new FrontrowClient({
    url,
    retry: { attempts: 1000, totalMs: 100_000 },
    fetch: async (input, init) => {
      const response = await fetch(input, init);
      if (response.status === 201) return response;
      const { code, applied, retryAfterMs } = (await response.clone().json()) as Record<string, unknown>;
      codes.add(`${response.status} ${String(code)} applied=${String(applied)}`);
      told.push(Number(retryAfterMs));
      // Whole seconds, for those who know only the header: never earlier than the finer number.
      const header = Number(response.headers.get('retry-after'));
      if (!(header * 1000 >= Number(retryAfterMs)))
        codes.add(`Retry-After: ${header}, but ${String(retryAfterMs)} ms`);
      return response;
    },
    clock: {
      sleep: (ms) => {
        waited.push(ms);
        return new Promise((resolve) => setTimeout(resolve, ms));
      },
    },
  });
  const orders = await Promise.all(
    Array.from({ length: RUSH }, (_, i) =>
      client.orders.create('gala', { customer: `c-${i}`, items: [{ section: 'floor', quantity: 2 }] }),
    ),
  );
  t.equal(new Set(orders.map(({ id }) => id)).size, RUSH, `all ${RUSH} orders got in`);
  t.same([...codes], ['503 overloaded applied=false'], 'after refusals that changed nothing');
  const byNumber = (one: number, two: number): number => one - two;
  t.same(
    waited.toSorted(byNumber),
    told.toSorted(byNumber),
    `and each of ${told.length} waits was the one advised`,
  );
  t.match(await availability(wire, 'gala'), { sold: 2 * RUSH, held: 0, sequence: 1 + RUSH }, 'once each');
  wire.close();
}

/** The smallest table of keys there is. */
const SMALL_EVENT = { ...EVENT, id: 'small', sections: [{ id: 'floor', kind: 'general', capacity: 8 }] };
/** Of the hold, at first: each extension is one second longer. */
const SECONDS = 600;
const SHOPS = ['north', 'south'];

async function flood(t: Test): Promise<void> {
  const dataDirectory = testDirectory(t);
  const secrets = new Map(['admin', ...SHOPS].map((id) => [id, createKey()]));
  const keys = [...secrets].map(([id, secret]) => {
    const role: 'admin' | 'sales' = id === 'admin' ? 'admin' : 'sales';
    return { id, role, hash: hashOfKey(secret) };
  });
  const options = { ...QUICK, dataDirectory, keysPerPlace: 1, keys: { keys } };
  let server = await startServer(t, options);
  let wire = new Wire(server.url, 1);
  const as = (shop: string, client = ''): Record<string, string> => ({
    authorization: `Bearer ${String(secrets.get(shop))}`,
    ...(client !== '' && { 'frontrow-client': client }),
  });
  const hold = (headers: Record<string, string>, key: string | undefined): Promise<Answer> =>
    wire.send(
      'POST',
      '/v1/events/small/holds',
      { items: [{ section: 'floor', quantity: 1 }] },
      { headers, key },
    );
  t.equal((await wire.send('POST', '/v1/events', SMALL_EVENT, { headers: as('admin') })).status, 201);

  const kept = String((await hold(as('north'), 'flood-0')).json['id']);
  const extend = (seconds: number): Promise<Answer> =>
    wire.send(
      'POST',
      `/v1/holds/${kept}/extend`,
      { seconds },
      { headers: as('north'), key: `flood-${seconds}` },
    );
  let keysUsed = 1;
  let refused = await extend(SECONDS);
  for (; refused.status === 200 && keysUsed < 1000; keysUsed++) refused = await extend(SECONDS + keysUsed);
  t.match(refused, { status: 507, json: { code: 'capacity-exhausted', applied: false } }, 'one client alone');
  t.ok(keysUsed > 200, `after ${keysUsed} keys`);
  const check = async (round: string): Promise<void> => {
    const still = await hold(as('north'), `more-${round}`);
    t.match(still, { status: 507, json: { code: 'capacity-exhausted', applied: false } }, 'still too many');
    for (const [headers, who] of [
      [as('south'), 'another key'],
      [as('north', `till-${round}`), 'another client of the same key'],
    ] as const) {
      const answer = await hold(headers, `${who} ${round}`.replaceAll(' ', '-'));
      t.equal(answer.status, 201, `${who} gets in`);
      const { status } = await wire.send('DELETE', `/v1/holds/${String(answer.json['id'])}`, undefined, {
        headers,
      });
      t.equal(status, 204);
    }
    const replays = [
      await hold(as('north'), 'flood-0'),
      await extend(SECONDS),
      await extend(SECONDS + keysUsed - 2),
    ];
    const told = { status: 200, headers: { 'idempotency-replayed': 'true' }, json: { id: kept } };
    t.match(replays, [told, told, told], 'no key is forgotten, neither the first nor the last');
    const other = await hold(as('south'), 'flood-0');
    t.equal(
      other.headers['idempotency-replayed'],
      undefined,
      "a key is its owner's: another may have the same",
    );
    await wire.send('DELETE', `/v1/holds/${String(other.json['id'])}`, undefined, { headers: as('south') });
  };
  await check('one');
  t.match(await availability(wire, 'small'), { held: 1 }, 'and one hold is all there is');
  wire.close();
  await server.close();
  server = await startServer(t, options);
  wire = new Wire(server.url, 1);
  t.teardown(() => wire.close());
  t.equal((await hold(as('north'), 'more')).status, 507, 'after a restart too');
  t.equal((await hold(as('north'), 'flood-0')).headers['idempotency-replayed'], 'true');
  t.equal((await hold(as('south'), 'late')).status, 201);
}

const timeout = isLong ? 1_500_000 : 110_000;
t.test(
  `kill -9 under load, ${KILLS} times: the client's retries make each call happen once`,
  { timeout },
  killUnderLoad,
);
t.test('a rush on a tiny queue: whoever waits as he is told gets in', { timeout }, rush);
t.test('a client that uses up its share of keys is refused, and others are not', { timeout }, flood);
