/**
 * What many do to one event at once, with one writing batch per event, and with several that meet at the mutex.
 *
 * One customer asks for more than he may have over many connections: he gets exactly the limit, as holds and as orders,
 * and exactly as much again as he gives back. And an event changes and grows while it is sold.
 */
import t from 'tap';
import type { Test } from 'tap';
import { verifyDirectory } from '../../src/cli/offline.ts';
import { FrontrowClient } from '../../src/client/index.ts';
import { availability, conserves, seeded, Wire } from '../system/support/http.ts';
import { growUnderLoad } from '../system/support/growth.ts';
import { denseHistory } from '../system/support/history.ts';
import { startServer, testDirectory } from '../system/support/servers.ts';
import { Volley, type VolleyAnswer, type VolleyRequest } from '../system/support/volley.ts';

const isLong = process.env['FRONTROW_LONG'] !== undefined;
const SEED = Number(process.env['FRONTROW_SEED'] ?? 4);
const LIMIT = 4;
const TRIES = 100;
/** Of those that only show what is left of a limit. */
const FEW = 10;
const CONNECTIONS = isLong ? 200 : 60;
/** Races in which places are given back while others are asked for. */
const EXCHANGES = isLong ? 20 : 1;
/** Of eight changes each. */
const GROWTHS = isLong ? 25 : 3;
const RACERS = ['ann', 'bob'];

const EVENT = {
  id: 'tickets',
  name: 'Four each',
  state: 'open',
  startsAt: '2027-01-15T19:00:00Z',
  limits: { ticketsPerCustomer: LIMIT, ticketsPerHold: LIMIT },
  sections: [
    { id: 'floor', kind: 'general', capacity: 1000 },
    { id: 'stalls', kind: 'seated', rows: [{ id: 'A', seats: 200 }] },
  ],
};
const HOLDS_EVENT = { ...EVENT, id: 'holds', limits: { holdsPerCustomer: LIMIT } };

interface Tried {
  readonly customer: string;
  readonly kind: 'hold' | 'order';
  readonly quantity: number;
  readonly answer: VolleyAnswer;
}

/** One server's customers. */
class Race {
  readonly #t: Test;
  readonly #volley: Volley;
  readonly #random = seeded(SEED);
  #keys = 0;

  constructor(t: Test, volley: Volley) {
    this.#t = t;
    this.#volley = volley;
  }

  /** `count` requests of each customer, all at once; what else is to be sent goes among them. */
  async run(
    event: string,
    customers: readonly string[],
    kinds: readonly Tried['kind'][],
    options: { count?: number; seconds?: number; sizeMax?: number; among?: readonly VolleyRequest[] } = {},
  ): Promise<{ tried: Tried[]; others: VolleyAnswer[] }> {
    const { count = TRIES, seconds = 1800, sizeMax = 1, among = [] } = options;
    const plans = Array.from({ length: count * customers.length }, (_, i) => ({
      customer: customers[i % customers.length],
      kind: kinds[Math.floor(this.#random() * kinds.length)],
      quantity: 1 + Math.floor(this.#random() * sizeMax),
      section: this.#random() < 0.5 ? 'floor' : 'stalls',
    }));
    const requests = plans.map(({ customer, kind, quantity, section }): VolleyRequest => ({
      path: `/v1/events/${event}/${kind}s`,
      key: this.#key(),
      body: { customer, items: [{ section, quantity }], ...(kind === 'hold' && { seconds }) },
    }));
    // Spread evenly, so that what is given back meets what is asked for.
    const mixed = requests.map((request, i) => ({ request, place: i, among: -1 }));
    among.forEach((request, i) =>
      mixed.push({ request, place: (i + 0.5) * (requests.length / among.length), among: i }),
    );
    mixed.sort((one, two) => one.place - two.place);
    const answers = await this.#volley.post(mixed.map(({ request }) => request));
    const tried: Tried[] = [];
    const others: VolleyAnswer[] = [];
    mixed.forEach(({ place, among: index }, i) => {
      if (index >= 0) others[index] = answers[i];
      else tried.push({ ...plans[place], answer: answers[i] });
    });
    return { tried, others };
  }

  /** Requests that give everything of what was granted back: holds by release, orders by cancellation. */
  giveBack(granted: readonly Tried[]): VolleyRequest[] {
    return granted.map(({ kind, answer: { json } }) => {
      const key = this.#key();
      if (kind === 'hold')
        return { method: 'DELETE', path: `/v1/holds/${String(json['id'])}`, key, body: undefined };
      return { path: `/v1/orders/${String(json['id'])}/cancel`, key, body: {} };
    });
  }

  /** What each customer was granted; every other answer must be this refusal. */
  granted(
    tried: readonly Tried[],
    code: string,
    isTrue: (held: number, quantity: number) => boolean,
  ): Tried[] {
    const wrong = tried.filter(({ quantity, answer: { status, json } }) => {
      if (status === 201) return false;
      if (status !== 409 || json['code'] !== code || json['applied'] !== false) return true;
      return json['limit'] !== LIMIT || !isTrue(Number(json['held']), quantity);
    });
    this.#t.same(wrong.slice(0, 3), [], `every refusal is a ${code}, and its numbers are true`);
    return tried.filter(({ answer }) => answer.status === 201);
  }

  #key(): string {
    return `key-${++this.#keys}`;
  }
}

function placesOf(granted: readonly Tried[]): Record<string, number> {
  const places: Record<string, number> = {};
  for (const { customer, quantity } of granted) places[customer] = (places[customer] ?? 0) + quantity;
  return places;
}

/** What the server says that a customer has. */
async function ownedBy(
  client: FrontrowClient,
  event: string,
  customer: string,
): Promise<{ held: number; sold: number }> {
  const owned = { held: 0, sold: 0 };
  for await (const { items } of client.holds.all(event, { customer, state: 'held' }))
    for (const item of items) owned.held += 'quantity' in item ? item.quantity : 1;
  for await (const { tickets } of client.orders.all(event, { customer }))
    owned.sold += tickets.filter(({ state }) => state === 'valid').length;
  return owned;
}

/** Resolves when nothing is held any more: the server tells, nobody asks. */
async function untilNothingHeld(client: FrontrowClient, event: string): Promise<void> {
  for await (const update of client.events.changes(event, { after: 0, retry: false })) {
    if (update.type === 'change' && update.sections.every(({ held }) => held === 0)) return;
  }
}

const FOUR_EACH = { ann: LIMIT, bob: LIMIT };

async function raceForTickets(t: Test, race: Race, client: FrontrowClient): Promise<void> {
  const isTrue = (held: number, quantity: number): boolean => held <= LIMIT && held + quantity > LIMIT;
  const run = async (
    count: number,
    sizeMax: number,
    among: readonly VolleyRequest[] = [],
  ): Promise<Tried[]> => {
    const { tried, others } = await race.run('tickets', RACERS, ['hold', 'order'], { count, sizeMax, among });
    if (others.some(({ status }) => status !== 200 && status !== 204))
      t.fail(`not everything was given back: ${JSON.stringify(others)}`);
    return race.granted(tried, 'customer-limit', isTrue);
  };
  // Whoever has room left after claims of several tickets fills it with single ones.
  let granted = await run(TRIES, 1);
  t.same(placesOf(granted), FOUR_EACH, 'a hundred requests for one ticket each: four');
  for (let i = 0; i < EXCHANGES; i++) {
    const before = await run(TRIES, 3, race.giveBack(granted));
    const rest = await run(FEW, 1);
    granted = [...before, ...rest];
    for (const customer of RACERS) {
      const { held, sold } = await ownedBy(client, 'tickets', customer);
      t.equal(
        held + sold,
        LIMIT,
        `${customer} has ${held} held and ${sold} sold after giving back and taking at once`,
      );
    }
    t.same(placesOf(granted.filter(({ answer }) => answer.status === 201)), FOUR_EACH, 'as he was told');
  }
  await run(FEW, 1, race.giveBack(granted));
}

async function ticketsComeBackByExpiry(t: Test, race: Race, client: FrontrowClient): Promise<void> {
  const isTrue = (held: number): boolean => held === LIMIT;
  const { tried } = await race.run('tickets', ['cleo', 'dan'], ['hold'], { count: FEW, seconds: 1 });
  t.same(placesOf(race.granted(tried, 'customer-limit', isTrue)), { cleo: LIMIT, dan: LIMIT });
  for (const customer of RACERS) {
    // Nothing of theirs may be held when the rest runs out.
    for await (const { id } of client.holds.all('tickets', { customer, state: 'held' }))
      await client.holds.release(id);
  }
  await untilNothingHeld(client, 'tickets');
  const again = await race.run('tickets', ['cleo', 'dan'], ['order'], { count: FEW });
  t.same(
    placesOf(race.granted(again.tried, 'customer-limit', isTrue)),
    { cleo: LIMIT, dan: LIMIT },
    'and again four',
  );
  // A cancelled ticket of an order of several comes back alone.
  const [order] = (await client.orders.list('tickets', { customer: 'cleo' })).data;
  await client.orders.cancel(order.id, { tickets: [order.tickets[0].id] });
  const one = await race.run('tickets', ['cleo', 'dan'], ['hold', 'order'], { count: FEW });
  t.same(placesOf(race.granted(one.tried, 'customer-limit', isTrue)), { cleo: 1 }, 'and exactly one for one');
}

async function raceForHolds(t: Test, race: Race, client: FrontrowClient): Promise<void> {
  const isTrue = (held: number): boolean => held === LIMIT;
  const { tried } = await race.run('holds', RACERS, ['hold'], { sizeMax: 3 });
  const granted = race.granted(tried, 'customer-hold-limit', isTrue);
  const count = (some: readonly Tried[]): Record<string, number> =>
    placesOf(some.map((one) => ({ ...one, quantity: 1 })));
  t.same(count(granted), FOUR_EACH, 'four holds each, of whatever size');
  const orders = await race.run('holds', RACERS, ['order'], { count: 5 });
  t.same(
    count(race.granted(orders.tried, 'customer-hold-limit', isTrue)),
    { ann: 5, bob: 5 },
    'orders are no holds',
  );
  // Half of them end, one way or the other, while others are asked for.
  const ends = granted.map((one, i): VolleyRequest => {
    const path = `/v1/holds/${String(one.answer.json['id'])}/confirm`;
    return i % 2 === 0 ? { path, key: `confirm-${i}`, body: {} } : race.giveBack([one])[0];
  });
  const next = await race.run('holds', RACERS, ['hold'], { count: 3 * FEW, among: ends });
  t.ok(
    next.others.every(({ status }) => status === 201 || status === 204),
    'all ended',
  );
  const later = [...race.granted(next.tried, 'customer-hold-limit', (held) => held <= LIMIT)];
  later.push(
    ...race.granted(
      (await race.run('holds', RACERS, ['hold'], { count: FEW })).tried,
      'customer-hold-limit',
      isTrue,
    ),
  );
  t.same(count(later), FOUR_EACH, 'and four in their place');
  for (const customer of RACERS) {
    const held = (await client.holds.list('holds', { customer, state: 'held', limit: 500 })).data;
    t.equal(held.length, LIMIT, `${customer} has four`);
  }
}

for (const oneWritingBatchPerEvent of [true, false]) {
  const title = oneWritingBatchPerEvent ? 'one writing batch per event' : 'several writing batches at once';
  t.test(`${title}: a limit is exact, and an event grows while it is sold, seed ${SEED}`, async (t) => {
    const dataDirectory = testDirectory(t);
    const server = await startServer(t, { dataDirectory, oneWritingBatchPerEvent });
    const client = new FrontrowClient({ url: server.url });
    const volley = new Volley(server.url);
    const wire = new Wire(server.url, 1);
    t.teardown(() => {
      volley.close();
      wire.close();
    });
    for (const event of [EVENT, HOLDS_EVENT]) t.equal((await wire.post('/v1/events', event)).status, 201);
    await volley.open(CONNECTIONS);
    const race = new Race(t, volley);
    await raceForTickets(t, race, client);
    if (oneWritingBatchPerEvent || isLong) await ticketsComeBackByExpiry(t, race, client);
    if (!oneWritingBatchPerEvent || isLong) await raceForHolds(t, race, client);
    for (const { id } of [EVENT, HOLDS_EVENT]) {
      const counts = await availability(wire, id);
      t.ok(counts.sections.every(conserves), 'counts conserve');
      await denseHistory(t, client, id, counts.sequence);
    }
    const counts = await growUnderLoad(t, server.url, seeded(SEED), GROWTHS);
    await server.close();
    t.same((await verifyDirectory(dataDirectory)).findings, [], 'and the journal says the same');
    if (oneWritingBatchPerEvent && !isLong) return;
    const again = await startServer(t, { dataDirectory });
    const next = new Wire(again.url, 1);
    t.same(await availability(next, 'growing'), counts, 'as does the next start');
    next.close();
  });
}
