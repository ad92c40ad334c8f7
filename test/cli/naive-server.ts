/**
 * A naive Frontrow in one `Map`, for testing the load and its audit: general sections and best seats, orders and
 * holds, idempotency keys. It can be told to lie, because an audit that cannot fail proves nothing.
 */
import { listSeats } from '../../src/client/index.ts';
import type { EventDefinition, EventInput, SeatLetter } from '../../src/client/index.ts';
import { problem, startFakeServer } from '../client/fake-server.ts';
import type { Asked, Canned, FakeServer } from '../client/fake-server.ts';
import { definitionOf, stateOf } from './sample-events.ts';

export type Lie = 'none' | 'oversell' | 'seat-twice' | 'forget';

interface Section {
  readonly id: string;
  readonly labels: string[] | null;
  readonly capacity: number;
  taken: number;
}

export async function startNaiveServer(lie: Lie): Promise<FakeServer> {
  const naive = new Naive(lie);
  return startFakeServer((asked) => naive.reply(asked));
}

class Naive {
  readonly #lie: Lie;
  readonly #claims = new Map<string, unknown>();
  readonly #keys = new Map<string, Canned>();
  #definition: EventDefinition | null = null;
  #sections: Section[] = [];
  #kind = 'orders';

  constructor(lie: Lie) {
    this.#lie = lie;
  }

  reply(asked: Asked): Canned {
    const [, , what, , call] = asked.path.split('/');
    if (asked.method === 'POST' && asked.path === '/v1/events') return this.#define(asked.body as EventInput);
    if (asked.method === 'POST') return this.#once(String(asked.headers['idempotency-key']), asked, call);
    if (what === 'orders' || what === 'holds') {
      const claim = this.#claims.get(asked.path.split('/')[3]);
      return claim === undefined ? problem(404, 'order-not-found') : { status: 200, body: claim };
    }
    if (call === undefined) return { status: 200, body: this.#definition };
    return { status: 200, body: call === 'seats' ? this.#seats() : this.#availability() };
  }

  #define(input: EventInput): Canned {
    this.#definition = definitionOf(input);
    this.#sections = this.#definition.sections.map((section) => ({
      id: section.id,
      labels:
        section.kind === 'general'
          ? null
          : section.rows.flatMap((row) =>
              listSeats(row.seats).map((seat) => `${section.id}-${row.id}-${seat.number}`),
            ),
      capacity: section.capacity,
      taken: 0,
    }));
    return { status: 201, body: this.#definition };
  }

  #once(key: string, asked: Asked, kind: string): Canned {
    const known = this.#keys.get(key);
    if (known !== undefined) return { ...known, status: 200 };
    const canned = this.#take(asked.body as { items: { section: string; quantity: number }[] }, kind);
    if (canned.status === 201) this.#keys.set(key, canned);
    return canned;
  }

  #take(body: { items: { section: string; quantity: number }[] }, kind: string): Canned {
    this.#kind = kind;
    const { section: id, quantity } = body.items[0];
    const section = this.#sections.find((candidate) => candidate.id === id)!;
    const free = section.capacity - section.taken;
    if (free === 0) return problem(409, 'sold-out');
    if (free < quantity) return problem(409, 'not-enough-available', { available: free });
    const first = section.taken;
    section.taken += quantity;
    const claim = this.#claims.size + 1;
    const again = this.#lie === 'seat-twice' && claim === 9 ? 1 : 0;
    if (this.#lie === 'oversell' && claim === 5) section.taken -= quantity;
    const seats = section.labels?.slice(Math.max(0, first - again), first - again + quantity) ?? null;
    const name = `${kind === 'orders' ? 'order' : 'hold'}_${claim}`;
    const value =
      kind === 'orders'
        ? {
            id: name,
            state: 'confirmed',
            tickets: Array.from({ length: quantity }, (_, index) =>
              seats === null ? { section: id } : { section: id, seat: seats[index] },
            ),
          }
        : {
            id: name,
            state: 'held',
            items: seats === null ? [{ section: id, quantity }] : seats.map((seat) => ({ seat })),
          };
    if (this.#lie !== 'forget' || claim !== 1) this.#claims.set(name, value);
    else this.#claims.set('forgotten', value);
    return { status: 201, body: value };
  }

  #seats(): unknown {
    const taken: SeatLetter = this.#kind === 'orders' ? 's' : 'h';
    let index = -1;
    let last = -1;
    return stateOf(this.#definition!, (sectionIndex) => {
      index = sectionIndex === last ? index + 1 : 0;
      last = sectionIndex;
      const section = this.#sections[sectionIndex];
      return index < section.taken ? taken : 'a';
    }).seats;
  }

  #availability(): unknown {
    const sections = this.#sections.map((section) => {
      const held = this.#kind === 'holds' ? section.taken : 0;
      const { id, capacity, taken } = section;
      return { id, capacity, available: capacity - taken, held, sold: taken - held, blocked: 0 };
    });
    const sum = (name: 'capacity' | 'available' | 'held' | 'sold'): number =>
      sections.reduce((total, section) => total + section[name], 0);
    const total = {
      capacity: sum('capacity'),
      available: sum('available'),
      held: sum('held'),
      sold: sum('sold'),
    };
    return { event: this.#definition!.id, sequence: this.#claims.size, ...total, blocked: 0, sections };
  }
}
