/** Seat maps, two bits or a letter a seat, against a naive model: a Map from label to state. */
import fc from 'fast-check';
import t from 'tap';
import { BLOCK, CONFIRM_HOLD, CREATE_HOLD, SEATS } from '../../src/core/operations.ts';
import { seatLetterAt } from '../../src/client/seat-bits.ts';
import { SeededRandom } from '../../src/journal/random.ts';
import { seatBase, viewEvent } from '../../src/memory/event.ts';
import { SEAT, SEAT_STATE_MASK } from '../../src/memory/layout.ts';
import { MIB, smallLimits, testSeed } from '../engine/rig.ts';
import type { ReadReply } from '../support/batches.ts';
import { GALA, jsonOf, ServiceRig } from './rig.ts';

const LETTERS = 'ahsb';
const HALL_SEATS = 100_000;

interface Section {
  readonly id: string;
  readonly kind: 'general' | 'seated';
  /** Seats of each row, null for an aisle; none in a general section. */
  readonly rows: readonly (readonly (string | null)[])[];
}

function rowId(index: number): string {
  return `R${index + 1}`;
}

function inputOf({ id, kind, rows }: Section): object {
  if (kind === 'general') return { id, kind, capacity: 3 };
  return { id, kind, rows: rows.map((seats, index) => ({ id: rowId(index), seats })) };
}

/** In the order of the definition, aisles left out. */
function labelsOf(sections: readonly Section[]): string[] {
  return sections.flatMap(({ id, rows }) =>
    rows.flatMap((seats, row) =>
      seats.filter((seat) => seat !== null).map((seat) => `${id}-${rowId(row)}-${seat}`),
    ),
  );
}

/** What the whole reply must be, made seat by seat. */
function naiveJson(
  event: string,
  sequence: number,
  sections: readonly Section[],
  states: ReadonlyMap<string, number>,
): object {
  const seated = sections.filter(({ kind }) => kind === 'seated');
  return {
    event,
    sequence,
    sections: seated.map(({ id, rows }) => ({
      id,
      rows: rows.map((seats, row) => ({
        id: rowId(row),
        seats: seats
          .filter((seat) => seat !== null)
          .map((seat) => LETTERS[states.get(`${id}-${rowId(row)}-${seat}`) ?? 9])
          .join(''),
      })),
    })),
  };
}

function naiveBits(labels: readonly string[], states: ReadonlyMap<string, number>): Buffer {
  const bits = Buffer.alloc(Math.ceil(labels.length / 4));
  labels.forEach((label, i) => {
    bits[Math.floor(i / 4)] += (states.get(label) ?? 9) * 4 ** (i % 4);
  });
  return bits;
}

/** Gives each seat the state that the model has: words of memory, as a frame would leave them. */
function putStates(rig: ServiceRig, slot: number, states: readonly number[]): void {
  const view = viewEvent(rig.arena, slot);
  states.forEach((state, seat) => {
    const word = seatBase(view, seat) + SEAT.state;
    view.words[word] = (view.words[word] & ~SEAT_STATE_MASK) | state;
  });
}

function readSeats(rig: ServiceRig, slot: number, event: string, octets: boolean, section = ''): ReadReply {
  const query = section === '' ? '' : `section=${section}`;
  return rig.read(SEATS, { subject: event, octets, query }, slot);
}

/** Seat numbers and aisles; a row has a seat at least. */
const rowShape = fc
  .array(fc.boolean(), { maxLength: 9 })
  .map((isSeat) => [...isSeat, true].map((is, i) => (is ? String(i * 3 + 1) : null)));
const sectionShape = fc.oneof(
  fc.constant<readonly (readonly (string | null)[])[]>([]),
  fc.array(rowShape, { minLength: 1, maxLength: 4 }),
);
const hall = fc
  .array(sectionShape, { minLength: 1, maxLength: 5 })
  .map((shapes) =>
    shapes.map((rows, i): Section => ({ id: `s${i}`, kind: rows.length === 0 ? 'general' : 'seated', rows })),
  );

t.test('every hall, with every state of its seats: all of it, and each section', async (t) => {
  const seed = testSeed();
  const statesOf = fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(hall, statesOf, (sections, dice) => {
      const rig = new ServiceRig();
      try {
        const slot = rig.define({ ...GALA, sections: sections.map(inputOf) });
        const labels = labelsOf(sections);
        const values = labels.map((_, i) => dice[i % dice.length]);
        const states = new Map(labels.map((label, i) => [label, values[i]]));
        putStates(rig, slot, values);
        for (const only of ['', ...sections.map(({ id }) => id)]) {
          const shown = sections.filter(({ id }) => only === '' || id === only);
          const json = readSeats(rig, slot, 'gala', false, only);
          const expected = JSON.stringify(naiveJson('gala', 1, shown, states));
          if (json.body.toString() !== expected) throw new Error(`${json.body.toString()} for ${expected}`);
          const bits = readSeats(rig, slot, 'gala', true, only);
          if (!bits.body.equals(naiveBits(labelsOf(shown), states))) throw new Error(`bits of ${only}`);
        }
      } finally {
        rig.close();
      }
    }),
    { seed, numRuns: 60 },
  );
  t.pass(`seed ${seed}`);
});

t.test('a hall of 100,000 seats: 25,000 bytes, each seat where it is', async (t) => {
  const rig = new ServiceRig(1, false, smallLimits({ arenaBytes: 96 * MIB }));
  t.teardown(() => rig.close());
  const random = new SeededRandom(testSeed());
  const rowSeats = Array.from({ length: 100 }, (_, i) => String(i + 1));
  const rows = Array.from({ length: HALL_SEATS / 100 }, () => rowSeats);
  const sections: Section[] = [
    { id: 'stalls', kind: 'seated', rows: rows.slice(0, 333) },
    { id: 'floor', kind: 'general', rows: [] },
    { id: 'tier', kind: 'seated', rows: rows.slice(333) },
  ];
  const input = sections.map((section) =>
    section.kind === 'general'
      ? inputOf(section)
      : { id: section.id, kind: 'seated', rows: section.rows.map((_, i) => ({ id: rowId(i), seats: 100 })) },
  );
  const slot = rig.define({ ...GALA, id: 'hall', sections: input });
  const labels = labelsOf(sections);
  t.equal(labels.length, HALL_SEATS);
  const values = labels.map(() => random.below(4));
  const states = new Map(labels.map((label, i) => [label, values[i]]));
  putStates(rig, slot, values);
  const { body, sequence, etag } = readSeats(rig, slot, 'hall', true);
  t.equal(body.length, HALL_SEATS / 4);
  t.equal(sequence, 1);
  t.match(etag, /^"[^"]+-1-bits"$/);
  t.ok(body.equals(naiveBits(labels, states)));
  t.equal(seatLetterAt(body, 77_777), LETTERS[values[77_777]], 'as the client reads it');
  const tier = readSeats(rig, slot, 'hall', true, 'tier');
  t.equal(tier.body.length, 66_700 / 4);
  t.equal(seatLetterAt(tier.body, 0), LETTERS[values[33_300]]);
  const expected = JSON.stringify(naiveJson('hall', 1, sections, states));
  t.ok(readSeats(rig, slot, 'hall', false).body.toString() === expected);
});

t.test('seats that are held, sold and blocked are shown so, in both forms', async (t) => {
  const rig = new ServiceRig();
  t.teardown(() => rig.close());
  rig.define(GALA);
  const hold = (seat: string): string =>
    String(jsonOf(rig.write(CREATE_HOLD, { subject: 'gala', body: { items: [{ seat }] } }))['id']);
  hold('stalls-A-2');
  rig.write(CONFIRM_HOLD, { subject: hold('stalls-B-7') });
  rig.write(BLOCK, { subject: 'gala', body: { items: [{ seat: 'box-1-x-R' }] } });
  t.same(jsonOf(readSeats(rig, 1, 'gala', false)), {
    event: 'gala',
    sequence: 5,
    sections: [
      {
        id: 'stalls',
        rows: [
          { id: 'A', seats: 'ahaaaaa' },
          { id: 'B', seats: 'aaaaaas' },
        ],
      },
      { id: 'box-1', rows: [{ id: 'x', seats: 'ab' }] },
    ],
  });
  t.same([...readSeats(rig, 1, 'gala', true).body], [0b00_00_01_00, 0, 0, 0b11_00_10_00]);
});
