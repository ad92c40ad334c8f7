/**
 * A season in a hall of 20,000 places: events are defined, sold out, exported and archived, and others read them
 * meanwhile. What is not as it must be fails the test.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { FrontrowClient, FrontrowProblem, type Order } from '../../../src/client/index.ts';
import { availability, conserves, Wire } from './http.ts';
import { runCli } from './servers.ts';
import { Volley, type VolleyAnswer, type VolleyRequest } from './volley.ts';

const isLong = process.env['FRONTROW_LONG'] !== undefined;
/** Events that are sold by orders alone; of the others all that matters is that nothing is left. */
const SOLD_BY_ORDERS = isLong ? 1 : 15;
const EXPORTED = isLong ? 50 : 1000;
/** Events that somebody reads and follows. */
const READ = isLong ? 1 : 3;
const CONNECTIONS = 12;
const CAPACITY = 20_000;
/** A seat costs as much memory as any place, but more time to name. */
const ROWS = isLong ? 100 : 20;
const ROW_SEATS = 100;
const FLOOR = CAPACITY - ROWS * ROW_SEATS;
const PLACES_PER_ORDER = 100;
const PLACES_PER_BLOCK = 2000;
/** Sold of each section where the rest is blocked. */
const SOME = 500;
/** Of an event that is asked for when there is no room. */
const NEVER = 1_000_000;

const idOf = (number: number): string => `event-${number}`;
const eventOf = (number: number): object => ({
  id: idOf(number),
  name: `Evening ${number}`,
  state: 'open',
  startsAt: '2027-01-15T19:00:00Z',
  limits: { ticketsPerHold: PLACES_PER_ORDER },
  sections: [
    { id: 'floor', kind: 'general', capacity: FLOOR },
    {
      id: 'stalls',
      kind: 'seated',
      rows: Array.from({ length: ROWS }, (_, row) => ({ id: `R${row + 1}`, seats: ROW_SEATS })),
    },
  ],
});

function ordersOf(number: number, section: string, places: number): VolleyRequest[] {
  return Array.from({ length: places / PLACES_PER_ORDER }, (_, i) => ({
    path: `/v1/events/${idOf(number)}/orders`,
    key: `order-${section}-${i}`,
    body: { reference: `${section}-${i}`, items: [{ section, quantity: PLACES_PER_ORDER }] },
  }));
}

/** Everything but the first so many of each section's places. */
function blocksOf(number: number, floorSold: number, seatsSold: number): VolleyRequest[] {
  const floor: object[] = [];
  for (let left = FLOOR - floorSold; left > 0; left -= PLACES_PER_BLOCK)
    floor.push([{ section: 'floor', quantity: Math.min(left, PLACES_PER_BLOCK) }]);
  const seats: object[] = [];
  for (let from = seatsSold; from < ROWS * ROW_SEATS; from += PLACES_PER_BLOCK) {
    const count = Math.min(PLACES_PER_BLOCK, ROWS * ROW_SEATS - from);
    seats.push(
      Array.from({ length: count }, (_, i) => {
        const at = from + i;
        return { seat: `stalls-R${Math.floor(at / ROW_SEATS) + 1}-${(at % ROW_SEATS) + 1}` };
      }),
    );
  }
  const path = `/v1/events/${idOf(number)}/block`;
  return [...floor, ...seats].map((items, i) => ({
    path,
    key: `block-${i}`,
    body: { items, reason: 'unsold' },
  }));
}

/** One running server and what it was asked for. */
export class Season {
  readonly #t: Test;
  readonly #directory: string;
  readonly #client: FrontrowClient;
  readonly #volley: Volley;
  readonly #wire: Wire;
  readonly url: string;
  /** By event: orders that were acknowledged, as they were. */
  readonly orders = new Map<number, VolleyAnswer[]>();
  #reads = 0;

  /** Exports go into `directory`. */
  constructor(t: Test, url: string, directory: string) {
    this.#t = t;
    this.#directory = directory;
    this.url = url;
    this.#client = new FrontrowClient({ url, retry: false });
    this.#volley = new Volley(url);
    this.#wire = new Wire(url, 8);
  }

  async open(): Promise<void> {
    await this.#volley.open(CONNECTIONS);
  }

  close(): void {
    this.#volley.close();
    this.#wire.close();
  }

  get reads(): number {
    return this.#reads;
  }

  async define(number: number): Promise<void> {
    const { status, json } = await this.#wire.post('/v1/events', eventOf(number), `define-${number}`);
    if (status !== 201) this.#t.fail(`event ${number} could not be defined: ${JSON.stringify(json)}`);
  }

  async isFull(): Promise<void> {
    const { status, json } = await this.#wire.post('/v1/events', eventOf(NEVER));
    this.#t.match({ status, json }, { status: 507, json: { code: 'capacity-exhausted', applied: false } });
  }

  /** All of its places are taken, by orders or otherwise. */
  async sellOut(number: number): Promise<void> {
    const byOrders = number % SOLD_BY_ORDERS === 0;
    const floor = byOrders ? FLOOR : SOME;
    const stalls = byOrders ? ROWS * ROW_SEATS : SOME;
    const orders = [...ordersOf(number, 'floor', floor), ...ordersOf(number, 'stalls', stalls)];
    const answers = await this.#volley.post(orders);
    const blocked = byOrders ? [] : await this.#volley.post(blocksOf(number, floor, stalls));
    const bad = [
      ...answers.filter(({ status }) => status !== 201),
      ...blocked.filter(({ status }) => status !== 200),
    ];
    if (bad.length > 0)
      this.#t.fail(`event ${number}: ${bad.length} refused: ${JSON.stringify(bad[0].json)}`);
    this.orders.set(number, answers);
    const [late] = await this.#volley.post([{ ...orders[0], key: 'late' }]);
    if (late.status !== 409 || late.json['code'] !== 'sold-out' || late.json['available'] !== 0)
      this.#t.fail(`event ${number} is sold out, but: ${JSON.stringify(late)}`);
  }

  /** From the first sale to its end. Readers run beside it. */
  async run(number: number): Promise<void> {
    const isRead = number % READ === 0;
    const following = isRead ? this.#follow(number) : null;
    const beside = (step: Promise<unknown>, look: () => Promise<void>): Promise<void> =>
      isRead ? this.#beside(step, look) : step.then(() => {});
    await beside(this.sellOut(number), () => this.#read(number, 'selling'));
    if (number % EXPORTED === 0) await this.exportOrders(number);
    await beside(this.#archive(number), () => this.#read(number, 'ending'));
    if (isRead) await this.#read(number, 'archived');
    await following;
  }

  async #archive(number: number): Promise<void> {
    await this.#client.events.close(idOf(number));
    const summary = await this.#client.events.archive(idOf(number));
    if (summary.state !== 'archived' || summary.sold !== this.sold(number))
      this.#t.fail(`event ${number}: ${JSON.stringify(summary)}`);
  }

  /** Looks while the step is taken: once, or in the long form on and on. */
  async #beside(step: Promise<unknown>, look: () => Promise<void>): Promise<void> {
    let isOver = false;
    const taken = step.finally(() => (isOver = true));
    do await look();
    while (isLong && !isOver);
    await taken;
  }

  sold(number: number): number {
    return (this.orders.get(number)?.length ?? 0) * PLACES_PER_ORDER;
  }

  /** The command line writes what was sold: every order, and every place once. */
  async exportOrders(number: number): Promise<void> {
    const t = this.#t;
    const file = join(this.#directory, `${idOf(number)}.ndjson`);
    const argv = ['order', 'export', idOf(number), '--url', this.url, '--output', file];
    const { code, output } = await runCli(argv);
    t.equal(code, 0, output);
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    const orders = lines.map((line) => JSON.parse(line) as Order);
    const known = new Set(this.orders.get(number)!.map(({ json }) => String(json['id'])));
    t.same(
      new Set(orders.map(({ id }) => id)),
      known,
      `${lines.length} orders are exported, those that were made`,
    );
    const tickets = orders.flatMap((order) => order.tickets);
    t.equal(tickets.length, CAPACITY, 'with a ticket for each place');
    t.equal(new Set(tickets.map(({ id }) => id)).size, CAPACITY, 'of its own');
    const seats = new Set(tickets.map(({ seat }) => seat).filter((seat) => seat !== undefined));
    t.equal(seats.size, ROWS * ROW_SEATS, 'and no seat twice');
  }

  /** Follows the event to its end; each message adds up. */
  async #follow(number: number): Promise<void> {
    let sequence = 0;
    for await (const update of this.#client.events.changes(idOf(number), { after: 0, retry: false })) {
      if (update.type === 'reset') continue;
      const sums = update.sections.map(
        ({ available, held, sold, blocked }) => available + held + sold + blocked,
      );
      if (sums.join() !== `${FLOOR},${CAPACITY - FLOOR}` || update.sequence < sequence)
        this.#t.fail(`followers of event ${number} were told ${JSON.stringify(update.sections)}`);
      ({ sequence } = update);
    }
  }

  /** Reads this event and all others: as they are, or gone, never between. */
  async #read(number: number, phase: 'selling' | 'ending' | 'archived'): Promise<void> {
    const id = idOf(number);
    const gone = (error: unknown): null => {
      if (error instanceof FrontrowProblem && error.code === 'event-not-found' && phase !== 'selling')
        return null;
      throw error;
    };
    const [counts, map, page, list] = await Promise.all([
      this.#client.events.availability(id).catch(gone),
      this.#client.events.seats(id, { section: 'stalls' }).catch(gone),
      this.#client.events.historyPage(id, { limit: 20 }),
      this.#client.events.list({ include: 'availability', limit: 500 }),
    ]);
    this.#reads += 4;
    const wrong: string[] = [];
    if (counts !== null) {
      if (!conserves(counts) || counts.capacity !== CAPACITY) wrong.push('counts');
      if (phase === 'ending' && counts.available > 0) wrong.push('available');
    }
    if (phase === 'archived' && (counts !== null || map !== null)) wrong.push('still there');
    const letters = map?.sections[0].rows.map(({ seats }) => seats).join('') ?? null;
    if (letters !== null && (!/^[asb]+$/.test(letters) || letters.length !== ROWS * ROW_SEATS))
      wrong.push('map');
    if (page.data.some(({ sequence }, i) => sequence !== 1 + i)) wrong.push('history');
    for (const event of list.data) {
      if (event.state === 'archived' || event.availability === undefined) wrong.push(`list: ${event.state}`);
      else if (!conserves({ ...event.availability, capacity: event.capacity })) wrong.push('list');
    }
    if (phase === 'archived' && list.data.some((event) => event.id === id)) wrong.push('listed');
    if (wrong.length > 0) this.#t.fail(`event ${number} was read wrong: ${wrong.join()}`);
  }

  /** An archived event is its summary, and its history. */
  async checkArchived(numbers: readonly number[]): Promise<void> {
    const t = this.#t;
    const found = new Map<string, { sold: number; bytes: number; capacity: number }>();
    for await (const event of this.#client.events.all({ state: 'archived', limit: 500 })) {
      if (event.state !== 'archived') t.fail(`${event.id} is listed as archived`);
      else
        found.set(event.id, {
          sold: event.sold,
          bytes: JSON.stringify(event).length,
          capacity: event.capacity,
        });
    }
    t.same(
      [...found.keys()].toSorted(),
      numbers.map(idOf).toSorted(),
      `${numbers.length} archived events are listed`,
    );
    const wrong = numbers.filter((number) => {
      const summary = found.get(idOf(number));
      return summary?.sold !== this.sold(number) || summary.capacity !== CAPACITY || summary.bytes > 256;
    });
    t.same(wrong, [], 'with what was sold, in 256 bytes at most');
    const [first] = numbers;
    const id = idOf(first);
    const order = String(this.orders.get(first)![0].json['id']);
    for (const [path, code] of [
      [`/v1/events/${id}/availability`, 'event-not-found'],
      [`/v1/events/${id}/seats`, 'event-not-found'],
      [`/v1/orders/${order}`, 'order-not-found'],
    ] as const) {
      t.match(await this.#wire.get(path), { status: 404, json: { code } });
    }
    const late = await this.#wire.post(
      `/v1/events/${id}/orders`,
      { items: [{ section: 'floor', quantity: 1 }] },
      'x',
    );
    t.match(late, { status: 409, json: { code: 'sale-closed', applied: false } });
    const again = await this.#wire.post('/v1/events', eventOf(first));
    t.match(again, { status: 409, json: { code: 'event-exists', applied: false } }, 'its id stays taken');
    const { value } = await this.#client.events.history(id).next();
    t.match(value, { kind: 'defined', sequence: 1 }, 'and its history can be read');
  }

  /** Closes and archives them all at once; resolves with those whose end was acknowledged before the server died. */
  async archiveAtOnce(numbers: readonly number[], onFirst: () => void): Promise<number[]> {
    const done: number[] = [];
    await Promise.all(
      numbers.map(async (number) => {
        try {
          await this.#client.events.close(idOf(number));
          await this.#client.events.archive(idOf(number));
          done.push(number);
          if (done.length === 1) onFirst();
        } catch {
          // The server died: nobody knows.
        }
      }),
    );
    return done;
  }

  /** Which of these are not archived. Every one of them is whole. */
  async living(numbers: readonly number[]): Promise<number[]> {
    const living: number[] = [];
    for (const number of numbers) {
      const event = await this.#client.events.get(idOf(number));
      if (event.state === 'archived') continue;
      living.push(number);
      const counts = await availability(this.#wire, idOf(number));
      this.#t.match(
        counts,
        { available: 0, sold: this.sold(number), capacity: CAPACITY },
        `${event.id} is as it was`,
      );
    }
    return living;
  }
}
