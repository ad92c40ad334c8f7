/** An event that grows and changes while its places are sold: everything that is told of it adds up, then and afterwards. */
import type { Test } from 'tap';
import { FrontrowClient, type EventPatch, type Order } from '../../../src/client/index.ts';
import { availability, conserves, Wire, type Counts } from './http.ts';
import { denseHistory } from './history.ts';

const ID = 'growing';
const BUYERS = 16;
/** Answers to buyers between two changes. */
const BETWEEN = 12;
const ADDED_ROW = 15;

const EVENT = {
  id: ID,
  name: 'Growing',
  state: 'open',
  startsAt: '2027-01-15T19:00:00Z',
  currency: 'EUR',
  categories: [{ id: 'gold', name: 'Gold', prices: [{ type: 'adult', price: 1000 }] }],
  sections: [
    { id: 'floor', kind: 'general', capacity: 30, price: 1000 },
    { id: 'stalls', kind: 'seated', category: 'gold', rows: [{ id: 'A', seats: 20 }] },
  ],
};

/** Answers that a buyer may get besides his order. */
const REFUSALS = new Set([
  '409 sold-out',
  '409 not-enough-available',
  '409 sale-paused',
  '422 invalid-request',
]);

interface Sale {
  readonly sections: string[];
  readonly orders: Order[];
  readonly strange: Set<string>;
  answers: number;
  isOver: boolean;
}

/** Runs `rounds` of changes beside buyers, and checks what came of it. Returns the last counts. */
export async function growUnderLoad(
  t: Test,
  url: string,
  random: () => number,
  rounds: number,
): Promise<Counts> {
  const wire = new Wire(url, BUYERS + 2);
  const client = new FrontrowClient({ url, retry: false });
  t.equal((await wire.post('/v1/events', EVENT)).status, 201);
  const sale: Sale = {
    sections: ['floor', 'stalls'],
    orders: [],
    strange: new Set(),
    answers: 0,
    isOver: false,
  };
  const beside = [...Array.from({ length: BUYERS }, () => buy(wire, sale, random)), sample(wire, sale)];
  const { version, floor, prices } = await change(t, wire, sale, rounds);
  sale.isOver = true;
  await Promise.all(beside);
  t.same([...sale.strange], [], 'whoever bought or read meanwhile was told what may be');

  const counts = await availability(wire, ID);
  const added = sale.sections.length - 2;
  t.ok(counts.sections.every(conserves), 'counts conserve');
  t.equal(counts.capacity, floor + 20 + added * ADDED_ROW, 'the capacity is what it grew to');
  const tickets = sale.orders.flatMap((order) => order.tickets);
  t.equal(counts.sold, tickets.length, `sold is what was told to the buyers: ${sale.orders.length} orders`);
  const seats = tickets.map(({ seat }) => seat).filter((seat) => seat !== undefined);
  t.equal(new Set(seats).size, seats.length, 'no seat twice');
  const odd = tickets.filter(({ section, price }) => section !== 'floor' && !prices.has(price ?? -1));
  t.same(odd, [], 'at a price that was one');
  const definition = await client.events.get(ID);
  t.equal(definition.version, version, 'and each change is a version');
  const history = await denseHistory(t, client, ID, counts.sequence);
  t.equal(history.filter(({ kind }) => kind === 'changed-event').length, version - 1, 'and in the history');
  t.equal(history.filter(({ kind }) => kind === 'ordered').length, sale.orders.length, 'as each order is');
  wire.close();
  return counts;
}

async function buy(wire: Wire, sale: Sale, random: () => number): Promise<void> {
  while (!sale.isOver) {
    const section = sale.sections[Math.floor(random() * sale.sections.length)];
    const quantity = 1 + Math.floor(random() * 4);
    const { status, json } = await wire.post(
      `/v1/events/${ID}/orders`,
      { items: [{ section, quantity }] },
      `order-${random()}`,
    );
    if (status === 201) sale.orders.push(json as unknown as Order);
    else if (!REFUSALS.has(`${status} ${String(json['code'])}`) || (status === 422 && quantity <= 2))
      sale.strange.add(JSON.stringify(json));
    sale.answers++;
  }
}

/** Reads on and on; what is read never goes back. */
async function sample(wire: Wire, sale: Sale): Promise<void> {
  let last = { sequence: 0, capacity: 0, sold: 0 };
  while (!sale.isOver) {
    const now = await availability(wire, ID);
    const isBack = now.sequence < last.sequence || now.capacity < last.capacity || now.sold < last.sold;
    if (isBack || !conserves(now) || !now.sections.every(conserves))
      sale.strange.add(JSON.stringify({ last, now }));
    last = now;
    await answered(sale, 3);
  }
}

async function answered(sale: Sale, count: number): Promise<void> {
  const until = sale.answers + count;
  while (sale.answers < until && !sale.isOver) await new Promise((resolve) => setImmediate(resolve));
}

/** One change after the other; what is refused changes nothing. */
async function change(
  t: Test,
  wire: Wire,
  sale: Sale,
  rounds: number,
): Promise<{ version: number; floor: number; prices: Set<number> }> {
  let version = 1;
  let floor = 30;
  const prices = new Set([1000]);
  const tags: string[] = [];
  const read = await wire.get(`/v1/events/${ID}`);
  tags[version] = String(read.headers.etag);
  const patch = async (body: EventPatch, of: number, status = 200, code?: string): Promise<void> => {
    const headers = { 'if-match': tags[of] };
    const answer = await wire.send('PATCH', `/v1/events/${ID}`, body, {
      headers,
      key: `patch-${version}-${status}`,
    });
    if (answer.status !== status || answer.json['code'] !== code)
      t.fail(`${JSON.stringify(body)} gives ${status}, not ${JSON.stringify(answer.json)}`);
    if (status === 200) {
      t.equal(answer.json['version'], ++version, `version ${version}: ${Object.keys(body).join()}`);
      tags[version] = String(answer.headers.etag);
    }
    await answered(sale, BETWEEN);
  };
  for (let round = 1; round <= rounds; round++) {
    floor += 40;
    await patch({ sections: [{ id: 'floor', capacity: floor }] }, version);
    const id = `balcony-${round}`;
    const rows = [{ id: 'A', seats: ADDED_ROW }];
    await patch({ sections: [{ id, kind: 'seated', category: 'gold', rows }] }, version);
    sale.sections.push(id);
    await patch({ state: 'paused' }, version);
    await patch({ limits: { ticketsPerHold: round % 2 === 0 ? 8 : 2 } }, version);
    await patch({ state: 'open' }, version);
    prices.add(1000 + round);
    const gold = { id: 'gold', name: 'Gold', prices: [{ type: 'adult', price: 1000 + round }] };
    await patch({ categories: [gold] }, version);
    await patch({ name: 'nobody reads this' }, version - 1, 412, 'version-mismatch');
    await patch({ sections: [{ id: 'floor', capacity: 1 }] }, version, 409, 'capacity-in-use');
  }
  return { version, floor, prices };
}
