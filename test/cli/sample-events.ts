/** Events for tests, as the server would answer: definitions normalised, states by a rule. */
import { listSeats } from '../../src/client/index.ts';
import type {
  Availability,
  EventDefinition,
  EventInput,
  RowInput,
  SeatEntry,
  SeatInput,
  SeatLetter,
  SectionDefinition,
  SeatsReply,
} from '../../src/client/index.ts';
import type { SeatMapInput } from '../../src/cli/seat-map-model.ts';

/** What POST /v1/events makes of `input`: numbers to runs, defaults filled in. */
export function definitionOf(input: EventInput): EventDefinition {
  return {
    id: input.id ?? 'event',
    name: input.name,
    state: input.state ?? 'draft',
    version: 1,
    createdAt: '2026-11-01T10:00:00Z',
    startsAt: input.startsAt,
    timeZone: input.timeZone ?? 'UTC',
    salesFrom: input.salesFrom ?? null,
    salesUntil: input.salesUntil ?? null,
    currency: input.currency ?? 'EUR',
    metadata: input.metadata ?? {},
    limits: {
      holdSeconds: 300,
      maxHoldSeconds: 1800,
      ticketsPerHold: 8,
      ticketsPerCustomer: null,
      holdsPerCustomer: null,
      ...input.limits,
    },
    categories: (input.categories ?? []).map(({ id, name = id, prices }) => ({ id, name, prices })),
    sections: (input.sections ?? []).map((section): SectionDefinition => {
      const { id, name = id, price = null, category = null } = section;
      if (section.kind === 'general')
        return { id, name, kind: 'general', capacity: section.capacity, price, category };
      const rows = section.rows.map((row) => ({ id: row.id, seats: normalise(row) }));
      const capacity = rows.reduce((sum, row) => sum + listSeats(row.seats).length, 0);
      return { id, name, kind: 'seated', capacity, price, category, rows };
    }),
  };
}

/** Runs stay runs, as the server keeps them. */
function normalise(row: RowInput): SeatEntry[] {
  const seats: readonly SeatInput[] = typeof row.seats === 'number' ? [`1..${row.seats}`] : row.seats;
  return seats.map((seat) => (seat === null || typeof seat === 'string' ? seat : { features: [], ...seat }));
}

export type StateRule = (section: number, row: number, seat: number) => SeatLetter;

/** States by a rule; a general section is 70 % sold and 10 % held. */
export function stateOf(definition: EventDefinition, rule: StateRule, sequence = 42): SeatMapInput {
  const seats: SeatsReply = {
    event: definition.id,
    sequence,
    sections: definition.sections.flatMap((section, sectionIndex) => {
      if (section.kind === 'general') return [];
      const rows = section.rows.map((row, rowIndex) => {
        const letters = listSeats(row.seats).map((_, i) => rule(sectionIndex, rowIndex, i));
        return { id: row.id, seats: letters.join('') };
      });
      return [{ id: section.id, rows }];
    }),
  };
  return { definition, seats, availability: availabilityOf(definition, seats) };
}

function availabilityOf(definition: EventDefinition, seats: SeatsReply): Availability {
  const sections = definition.sections.map((section) => {
    const letters =
      seats.sections
        .find(({ id }) => id === section.id)
        ?.rows.map((row) => row.seats)
        .join('') ?? '';
    const count = (letter: SeatLetter): number => letters.split(letter).length - 1;
    const general = section.kind === 'general';
    const held = general ? Math.floor(section.capacity * 0.1) : count('h');
    const sold = general ? Math.floor(section.capacity * 0.7) : count('s');
    const blocked = count('b');
    return {
      id: section.id,
      capacity: section.capacity,
      available: section.capacity - held - sold - blocked,
      held,
      sold,
      blocked,
    };
  });
  const sum = (name: 'capacity' | 'available' | 'held' | 'sold' | 'blocked'): number =>
    sections.reduce((total, section) => total + section[name], 0);
  return {
    event: definition.id,
    sequence: seats.sequence,
    capacity: sum('capacity'),
    available: sum('available'),
    held: sum('held'),
    sold: sum('sold'),
    blocked: sum('blocked'),
    sections,
  };
}

/** Looks like an evening that sells: the middle of the front goes first. No randomness. */
export const sellingWell: StateRule = (section, row, seat) => {
  const mix = (seat * 7 + row * 13 + section * 5) % 17;
  if (mix === 3) return 'h';
  if (mix === 11 && row % 5 === 4) return 'b';
  return (seat + row * 3) % 20 < 12 - row ? 's' : 'a';
};

/** A small hall with everything in it: aisles, rows of different length, wheelchair seats, a general section. */
export const GALA = definitionOf({
  id: 'gala',
  name: 'Winter Gala',
  state: 'open',
  startsAt: '2027-01-15T19:00:00Z',
  timeZone: 'Europe/Berlin',
  sections: [
    {
      id: 'stalls',
      name: 'Stalls',
      kind: 'seated',
      price: 9000,
      rows: [
        { id: 'A', seats: ['1..4', null, '5..12', null, '13..16'] },
        { id: 'B', seats: ['1..5', null, '6..13', null, '14..18'] },
        {
          id: 'C',
          seats: ['1..6', null, '7..14', null, '15..18', { id: '19', features: ['wheelchair'] }, '20'],
        },
        { id: 'D', seats: ['1..9', null, '10..18'] },
        { id: 'EE', seats: 12 },
      ],
    },
    { id: 'floor', name: 'Floor', kind: 'general', capacity: 5000, price: 4500 },
  ],
});

/** Everything that a definition may have: categories with price types, a sale window, limits for customers. */
export const OPERA = definitionOf({
  id: 'opera',
  name: 'Die Zauberflöte',
  state: 'open',
  startsAt: '2027-03-01T18:30:00Z',
  timeZone: 'Europe/Vienna',
  salesFrom: '2026-12-01T09:00:00Z',
  salesUntil: '2027-03-01T18:00:00Z',
  metadata: { house: 'main' },
  limits: { ticketsPerCustomer: 6, holdsPerCustomer: 2 },
  categories: [
    {
      id: 'gold',
      name: 'Gold',
      prices: [
        { type: 'adult', price: 9000 },
        { type: 'child', price: 4500 },
      ],
    },
    { id: 'standing', name: 'Standing', prices: [{ type: 'standard', price: 1000 }] },
  ],
  sections: [
    {
      id: 'stalls',
      name: 'Stalls',
      kind: 'seated',
      category: 'gold',
      rows: [{ id: 'A', seats: ['1..4', null, '5..8'] }],
    },
    { id: 'stand', name: 'Standing room', kind: 'general', capacity: 100, category: 'standing' },
  ],
});

/** One section of 20,000 seats in 100 rows, too wide for any terminal. */
export const ARENA = definitionOf({
  id: 'arena',
  name: 'Arena',
  state: 'open',
  startsAt: '2027-01-15T19:00:00Z',
  sections: [
    {
      id: 'bowl',
      name: 'Bowl',
      kind: 'seated',
      price: 5000,
      rows: Array.from({ length: 100 }, (_, index) => ({
        id: `R${index + 1}`,
        seats: ['1..100', null, '101..200'],
      })),
    },
  ],
});
