/**
 * Real workers, and the rule that an event has one writing batch at a time switched off: then only the mutex and the
 * guard stand between four threads that change one event at once.
 */
import { Agent, request, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import { json } from 'node:stream/consumers';
import t from 'tap';
import { verifyDirectory } from '../../src/cli/offline.ts';
import { createServer, type FrontrowServer, type ServerOptions } from '../../src/server.ts';
import { isLong, MIB, testSeed } from '../engine/rig.ts';

interface Answer {
  readonly status: number;
  readonly replayed: boolean;
  readonly body: Record<string, unknown>;
}

interface Ticket {
  readonly id: string;
  readonly section: string;
  readonly seat?: string;
  readonly state: string;
}

const EVENT = {
  id: 'gala',
  name: 'Gala',
  state: 'open',
  startsAt: '2027-01-15T19:00:00Z',
  currency: 'EUR',
  sections: [
    { id: 'floor', kind: 'general', capacity: 900 },
    {
      id: 'stalls',
      kind: 'seated',
      rows: Array.from({ length: 40 }, (_, row) => ({ id: `R${row}`, seats: ['1..6', null, '7..12'] })),
    },
  ],
};
const FLOWS = 32;
const STEPS = isLong ? 2000 : 20;
const CHANGES_MAX = isLong ? 200 : 8;

/** Numbers from 0 to 1, the same for the same seed: mulberry32. */
function seeded(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

class Caller {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: FLOWS });
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  async call(method: string, path: string, body?: object, key?: string): Promise<Answer> {
    const text = body === undefined ? '' : JSON.stringify(body);
    const headers = {
      ...(body !== undefined && { 'content-type': 'application/json' }),
      'content-length': Buffer.byteLength(text),
      ...(key !== undefined && { 'idempotency-key': key }),
    };
    const call = request(`${this.#url}${path}`, { method, agent: this.#agent, headers });
    call.end(text);
    const [reply] = (await once(call, 'response')) as [IncomingMessage];
    const status = reply.statusCode ?? 0;
    const replayed = reply.headers['idempotency-replayed'] === 'true';
    if (status === 204) {
      reply.resume();
      return { status, replayed, body: {} };
    }
    return { status, replayed, body: (await json(reply)) as Record<string, unknown> };
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** What a flow knows: valid tickets of its orders, and holds that are still open. */
class Ledger {
  /** Ticket ids by order, valid ones only. */
  readonly orders = new Map<string, Ticket[]>();
  readonly holds = new Map<string, number>();
  readonly statuses = new Map<number, number>();

  note(answer: Answer): Answer {
    this.statuses.set(answer.status, (this.statuses.get(answer.status) ?? 0) + 1);
    return answer;
  }

  keep(order: Record<string, unknown>): void {
    const tickets = order['tickets'] as Ticket[];
    this.orders.set(
      String(order['id']),
      tickets.filter((ticket) => ticket.state === 'valid'),
    );
  }

  get tickets(): Ticket[] {
    return [...this.orders.values()].flat();
  }
}

function placesOf({ body }: Answer): number {
  return (body['items'] as { quantity?: number }[]).reduce((sum, item) => sum + (item.quantity ?? 1), 0);
}

/** Changes the event under everybody's hands: it grows and so moves, costs more, pauses, and has seats blocked. */
async function manage(caller: Caller, isOver: () => boolean, random: () => number): Promise<string[]> {
  const wrong: string[] = [];
  for (let round = 0; round < CHANGES_MAX && !isOver(); round++) {
    const sections = [{ id: 'floor', capacity: 900 + (round + 1) * 40, price: round }];
    const seat = `stalls-R${Math.floor(random() * 40)}-${1 + Math.floor(random() * 12)}`;
    for (const [method, path, body, statuses] of [
      ['PATCH', '/v1/events/gala', { sections, state: 'open' }, [200]],
      ['POST', '/v1/events/gala/block', { items: [{ seat }, { section: 'floor', quantity: 1 }] }, [200, 409]],
      ['PATCH', '/v1/events/gala', { state: 'paused' }, [200]],
    ] as const) {
      const { status } = await caller.call(method, path, body);
      if (!(statuses as readonly number[]).includes(status))
        wrong.push(`${method} ${path} is answered ${status}`);
    }
  }
  const { status } = await caller.call('PATCH', '/v1/events/gala', { state: 'open' });
  if (status !== 200) wrong.push(`the event does not open again: ${status}`);
  return wrong;
}

/** One client: buys, holds, confirms, gives back, cancels, and now and then sends the same request twice at once. */
async function flow(caller: Caller, ledger: Ledger, index: number, random: () => number): Promise<string[]> {
  const wrong: string[] = [];
  const pick = (count: number): number => Math.floor(random() * count);
  for (let step = 0; step < STEPS; step++) {
    const items = [
      random() < 0.5
        ? { section: 'floor', quantity: 1 + pick(4) }
        : { section: 'stalls', quantity: 1 + pick(3), adjacent: 'preferred' },
      ...(random() < 0.2 ? [{ seat: `stalls-R${pick(40)}-${1 + pick(12)}` }] : []),
    ];
    const choice = random();
    if (choice < 0.4) {
      const key = `${index}-${step}`;
      const send = (): Promise<Answer> => caller.call('POST', '/v1/events/gala/orders', { items }, key);
      const answers = await Promise.all(random() < 0.3 ? [send(), send(), send()] : [send()]);
      const good = answers.filter(({ status }) => status === 201 || status === 200);
      for (const answer of answers) ledger.note(answer);
      if (new Set(good.map(({ body }) => body['id'])).size > 1) wrong.push(`key ${key} made two orders`);
      if (good.filter(({ status }) => status === 201).length > 1) wrong.push(`key ${key} was new twice`);
      if (good.some(({ status, replayed }) => replayed !== (status === 200)))
        wrong.push(`key ${key}: replay unsaid`);
      if (good.length > 0) ledger.keep(good[0].body);
    } else if (choice < 0.65) {
      const held = ledger.note(await caller.call('POST', '/v1/events/gala/holds', { items, seconds: 300 }));
      if (held.status !== 201) continue;
      const hold = String(held.body['id']);
      let places = placesOf(held);
      if (random() < 0.3) {
        const add = [{ section: 'floor', quantity: 1 + pick(2) }];
        const changed = ledger.note(await caller.call('POST', `/v1/holds/${hold}/change`, { add }));
        if (changed.status === 200) places = placesOf(changed);
        const longer = ledger.note(await caller.call('POST', `/v1/holds/${hold}/extend`, { seconds: 400 }));
        if (longer.status !== 200) wrong.push(`a good hold is not extended: ${longer.status}`);
      }
      const next = random();
      if (next < 0.4) {
        const order = ledger.note(await caller.call('POST', `/v1/holds/${hold}/confirm`));
        if (order.status === 201) ledger.keep(order.body);
        else wrong.push(`a good hold is not confirmed: ${order.status}`);
      } else if (next < 0.8) {
        const released = ledger.note(await caller.call('DELETE', `/v1/holds/${hold}`));
        if (released.status !== 204) wrong.push(`a good hold is not released: ${released.status}`);
      } else {
        ledger.holds.set(hold, places);
      }
    } else {
      const mine = [...ledger.orders].filter(([, tickets]) => tickets.length > 0);
      const [order, tickets] = mine[pick(mine.length)] ?? [null, []];
      if (order === null) continue;
      const body = random() < 0.5 ? { tickets: [tickets[0].id] } : undefined;
      const cancelled = ledger.note(await caller.call('POST', `/v1/orders/${order}/cancel`, body));
      if (cancelled.status === 200) ledger.keep(cancelled.body);
      else wrong.push(`an order is not cancelled: ${cancelled.status}`);
    }
  }
  return wrong;
}

async function start(directory: string, options: Partial<ServerOptions> = {}): Promise<FrontrowServer> {
  return createServer({
    dataDirectory: directory,
    port: 0,
    workers: 4,
    arenaBytes: 64 * MIB,
    segmentBytes: 16 * MIB,
    durability: 'none',
    oneWritingBatchPerEvent: false,
    ...options,
  });
}

async function picture(
  caller: Caller,
): Promise<{ availability: Record<string, unknown>; seats: Record<string, unknown> }> {
  const availability = await caller.call('GET', '/v1/events/gala/availability');
  const seats = await caller.call('GET', '/v1/events/gala/seats');
  return { availability: availability.body, seats: seats.body };
}

t.test(
  'four threads change one event at once: nothing is oversold or lost, and the journal says it all',
  async (t) => {
    const seed = testSeed();
    t.comment(`seed ${seed}`);
    const directory = t.testdir();
    const server = await start(directory);
    t.teardown(() => server.close());
    const caller = new Caller(server.url);
    t.teardown(() => caller.close());
    t.equal((await caller.call('POST', '/v1/events', EVENT)).status, 201);
    const random = seeded(seed);
    const ledgers = Array.from({ length: FLOWS }, () => new Ledger());
    const flows = Promise.all(ledgers.map((ledger, index) => flow(caller, ledger, index, random)));
    let isOver = false;
    void flows.finally(() => {
      isOver = true;
    });
    const wrong = [...(await manage(caller, () => isOver, random)), ...(await flows).flat()];
    t.same(wrong, [], 'every answer fits what was said before');

    const statuses = new Map<number, number>();
    for (const ledger of ledgers) {
      for (const [status, count] of ledger.statuses)
        statuses.set(status, (statuses.get(status) ?? 0) + count);
    }
    t.comment([...statuses].map(([status, count]) => `${status}: ${count}`).join(', '));
    t.same(
      [...statuses.keys()].filter((status) => ![200, 201, 204, 409].includes(status)),
      [],
      'nothing else is said',
    );

    const tickets = ledgers.flatMap((ledger) => ledger.tickets);
    const seats = tickets.flatMap((ticket) => ticket.seat ?? []);
    t.equal(new Set(seats).size, seats.length, 'no seat has two tickets');
    const before = await picture(caller);
    const { availability } = before;
    for (const section of availability['sections'] as Record<string, number>[]) {
      const name = String(section['id']);
      t.equal(
        section['available'] + section['held'] + section['sold'] + section['blocked'],
        section['capacity'],
        name,
      );
      const sold = tickets.filter((ticket) => ticket.section === name).length;
      t.equal(section['sold'], sold, `${name}: what is sold is what was acknowledged`);
    }
    const held = ledgers
      .flatMap((ledger) => [...ledger.holds.values()])
      .reduce((sum, places) => sum + places, 0);
    t.equal(availability['held'], held, 'what is held is what was acknowledged');
    for (const ledger of ledgers.slice(0, 8)) {
      for (const [order, valid] of ledger.orders) {
        const read = await caller.call('GET', `/v1/orders/${order}`);
        // One that is cancelled stays for as long as nobody needs its memory.
        if (read.status === 404 && valid.length === 0) continue;
        if (read.status !== 200) {
          t.fail(`${order}, with ${valid.length} valid tickets, is answered ${read.status}`);
          continue;
        }
        const now = (read.body['tickets'] as Ticket[]).filter((ticket) => ticket.state === 'valid');
        if (now.length !== valid.length)
          t.fail(`${order} has ${now.length} valid tickets, not ${valid.length}`);
      }
    }
    await server.close();

    const findings = await verifyDirectory(directory);
    t.match(findings, { ok: true, findings: [] }, 'what is on disk is whole');
    const again = await start(directory, { workers: 1 });
    t.teardown(() => again.close());
    const reader = new Caller(again.url);
    t.teardown(() => reader.close());
    t.same(await picture(reader), before, 'the journal gives the same seats and counts');
  },
);
