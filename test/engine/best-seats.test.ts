/**
 * Best seats against a model that tries every way to seat a party, and what a choice in a large hall costs: counted,
 * not timed.
 */
import * as fc from 'fast-check';
import t from 'tap';
import { chooseBestSeats } from '../../src/engine/best-seats.ts';
import type { RowEntry } from '../../src/engine/definition.ts';
import { auditArena } from '../../src/engine/audit.ts';
import { change } from '../../src/engine/change.ts';
import type { Outcome } from '../../src/engine/command.ts';
import { take, type WantedItem } from '../../src/engine/hold.ts';
import { PlacePlan } from '../../src/engine/plan.ts';
import { decodeClaim, readClaim } from '../../src/engine/read.ts';
import { forgetLongest, longestBound, setLongest } from '../../src/engine/row-runs.ts';
import { release } from '../../src/engine/settle.ts';
import { rowBase, type EventView } from '../../src/memory/event.ts';
import { ITEM, ITEM_WORDS, ROW } from '../../src/memory/layout.ts';
import {
  EngineRig,
  eventOf,
  isLong,
  MIB,
  PLAIN_TAKE,
  refOf,
  RULES,
  smallLimits,
  START_MS,
  testSeed,
  wantPlaces,
  wantSeat,
} from './rig.ts';

const FLOOR = { id: 'floor', name: 'Floor', kind: 'general', capacity: 9, price: 500 } as const;
const STALLS = 1;
const LIMITS = smallLimits();

/** A place in a row, as the model knows it; given ones are held, and given up by the command that chooses. */
type Place = 'open' | 'sold' | 'wheelchair' | 'given' | 'given-wheelchair' | 'aisle';

/** A hall with a general section and one of these rows, the sold ones and those to be given up sold. */
function hallOf(rig: EngineRig, rows: readonly (readonly Place[])[]): EventView {
  const sections = rows.map((places, row) => ({
    id: `R${row}`,
    seats: places.map((place, at): RowEntry => {
      if (place === 'aisle') return null;
      const isWheelchair = place === 'wheelchair' || place === 'given-wheelchair';
      return isWheelchair ? { id: String(at), features: ['wheelchair'] } : String(at);
    }),
  }));
  const capacity = rows.flat().filter((place) => place !== 'aisle').length;
  const stalls = {
    id: 'stalls',
    name: 'Stalls',
    kind: 'seated',
    capacity,
    price: 900,
    rows: sections,
  } as const;
  const view = rig.event(eventOf('hall', [FLOOR, stalls]));
  sell(rig, view, [...seatsOf(rows, 'sold'), ...givenSeats(rows)]);
  return view;
}

function seatsOf(rows: readonly (readonly Place[])[], wanted: Place): number[] {
  const places = rows.flat().filter((place) => place !== 'aisle');
  return places.flatMap((place, seat) => (place === wanted ? [seat] : []));
}

function givenSeats(rows: readonly (readonly Place[])[]): number[] {
  return [...seatsOf(rows, 'given'), ...seatsOf(rows, 'given-wheelchair')];
}

function sell(rig: EngineRig, view: EventView, seats: readonly number[]): void {
  for (let at = 0; at < seats.length; at += 100) {
    const items = seats.slice(at, at + 100).map((seat) => wantSeat(view, seat, 900));
    const taken = rig.run(view, (context) =>
      take(context, view, {
        kind: 'order',
        items,
        ...PLAIN_TAKE,
        random: Uint32Array.of(at, 1, 1),
      }),
    );
    if (!taken.ok) throw new Error(`the test's order is refused: ${taken.code}`);
    rig.journal.drain();
  }
}

/** Runs of seats that may be chosen, none cut short: the seats' numbers, in the model's own reckoning. */
function modelRuns(rows: readonly (readonly Place[])[], planned: ReadonlySet<number>): number[][] {
  const runs: number[][] = [];
  let seat = 0;
  for (const places of rows) {
    let run: number[] = [];
    for (const place of [...places, 'aisle' as const]) {
      const isOpen = (place === 'open' || place === 'given') && !planned.has(seat);
      if (isOpen) run.push(seat);
      else if (run.length > 0) runs.push(run);
      if (!isOpen) run = [];
      if (place !== 'aisle') seat++;
    }
  }
  return runs;
}

/** The fewest runs that seat so many, by trying every set of them; Infinity when none does. */
function fewestRuns(runs: readonly (readonly number[])[], quantity: number): number {
  let fewest = Infinity;
  for (let set = 0; set < 2 ** runs.length; set++) {
    let seats = 0;
    let count = 0;
    for (let i = 0; i < runs.length; i++) {
      if ((set & (1 << i)) === 0) continue;
      seats += runs[i].length;
      count++;
    }
    if (seats >= quantity) fewest = Math.min(fewest, count);
  }
  return fewest;
}

/** Chosen seats of the stalls, from item `from` on. */
function chosen(plan: PlacePlan, from: number): number[] {
  const seats: number[] = [];
  for (let i = from; i < plan.itemCount; i++) seats.push(plan.items[i * ITEM_WORDS + ITEM.seat]);
  return seats;
}

/** Cuts what was chosen where the next seat is not of the same run, side by side. Null when a seat is in no run. */
function partsOf(seats: readonly number[], runs: readonly (readonly number[])[]): number[][] | null {
  const parts: number[][] = [];
  let last: readonly number[] | undefined;
  for (const seat of seats) {
    const run = runs.find((each) => each.includes(seat));
    if (run === undefined) return null;
    const part = parts.at(-1);
    if (run === last && part !== undefined && part.at(-1) === seat - 1) part.push(seat);
    else parts.push([seat]);
    last = run;
  }
  return parts;
}

const place = fc.oneof(
  { weight: 8, arbitrary: fc.constant<Place>('open') },
  { weight: 2, arbitrary: fc.constant<Place>('sold') },
  { weight: 1, arbitrary: fc.constant<Place>('wheelchair') },
  { weight: 2, arbitrary: fc.constant<Place>('given') },
  { weight: 1, arbitrary: fc.constant<Place>('given-wheelchair') },
);
/** Aisles only between seats. */
const row = fc
  .array(fc.tuple(place, fc.oneof({ weight: 5, arbitrary: fc.constant(false) }, fc.constant(true))), {
    minLength: 1,
    maxLength: 9,
  })
  .map((entries) =>
    entries.flatMap(([each, aisle], at): Place[] => (aisle && at > 0 ? ['aisle', each] : [each])),
  );
const rows = fc
  .array(row, { minLength: 1, maxLength: 4 })
  .filter((each) => modelRuns(each, new Set()).length <= 12);

t.test(
  'a party is seated in as few parts as can be, the longest first, and never in a wrong seat',
  async (t) => {
    const seed = testSeed();
    t.comment(`seed ${seed}`);
    const met = { adjacent: 0, split: 0, 'not-enough': 0, 'not-adjacent': 0 };
    const property = fc.property(
      rows,
      fc.integer({ min: 1, max: 24 }),
      fc.array(fc.nat(35), { maxLength: 3 }),
      fc.boolean(),
      fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 3 }),
      (hall, quantity, wanted, mustBeAdjacent, noted) => {
        const view = hallOf(new EngineRig(LIMITS), hall);
        const states = hall.flat().filter((each) => each !== 'aisle');
        // Seats that the same command has asked for by name: no others may be given twice.
        const planned = new Set(
          wanted.filter((seat) => states[seat] !== undefined && states[seat] !== 'sold'),
        );
        const plan = new PlacePlan();
        for (const seat of givenSeats(hall)) plan.giveUp(seat, STALLS, 1);
        for (const seat of planned) plan.add(seat, STALLS, 1, 901, 0);
        // Rows may have noted their runs before, without the seats that are given up.
        for (const length of noted) chooseBestSeats(view, new PlacePlan(), STALLS, length, false, 901, 0);
        const outcome = chooseBestSeats(view, plan, STALLS, quantity, mustBeAdjacent, 901, 0);
        met[outcome]++;
        const { findings } = auditArena(view.arena);
        if (findings.length > 0) throw new Error(findings[0].message);
        const runs = modelRuns(hall, planned);
        const fewest = fewestRuns(runs, quantity);
        const split = mustBeAdjacent ? 'not-adjacent' : 'split';
        const expected = fewest === 1 ? 'adjacent' : fewest === Infinity ? 'not-enough' : split;
        if (outcome !== expected) throw new Error(`${outcome} instead of ${expected}`);
        if (outcome !== 'adjacent' && outcome !== 'split') return;
        const seats = chosen(plan, planned.size);
        if (seats.length !== quantity || new Set(seats).size !== quantity)
          throw new Error(`${quantity} seats are wanted: ${seats.join()}`);
        const parts = partsOf(seats, runs);
        if (parts === null) throw new Error(`a seat that may not be chosen: ${seats.join()}`);
        const lengths = parts.map(({ length }) => length);
        if (parts.length !== fewest) throw new Error(`${fewest} parts would do: ${lengths.join()}`);
        if (lengths.some((length, at) => at > 0 && length > lengths[at - 1]))
          throw new Error(`the longest come first: ${lengths.join()}`);
      },
    );
    fc.assert(property, { seed, numRuns: isLong ? 20_000 : 250 });
    t.ok(
      Object.values(met).every((count) => count > 0),
      `each outcome was met: ${JSON.stringify(met)}`,
    );
  },
);

/** Counts the seats looked at: a plan is asked about every row that is searched, before its seats are. */
class CountingPlan extends PlacePlan {
  looks = 0;

  override touches(first: number, count: number): boolean {
    this.looks += count;
    return super.touches(first, count);
  }
}

t.test('what rows note of their runs never changes a choice, whatever is taken and given back', async (t) => {
  const seed = testSeed();
  t.comment(`seed ${seed}`);
  let searches = 0;
  let notes = 0;
  const step = fc.oneof(
    fc.record({ kind: fc.constant('search' as const), quantity: fc.integer({ min: 1, max: 9 }) }),
    fc.record({ kind: fc.constant('hold' as const), quantity: fc.integer({ min: 1, max: 4 }) }),
    fc.record({ kind: fc.constant('seat' as const), seat: fc.nat(40) }),
    fc.record({ kind: fc.constant('release' as const), which: fc.nat(9) }),
  );
  const property = fc.property(rows, fc.array(step, { minLength: 5, maxLength: 30 }), (hall, steps) => {
    const rig = new EngineRig(LIMITS);
    const view = hallOf(rig, hall);
    const held: { cell: number; random: Uint32Array }[] = [];
    const hold = (items: readonly WantedItem[], at: number): void => {
      const random = Uint32Array.of(at + 1, 2, 2);
      const taken = rig.run(view, (context) =>
        take(context, view, { kind: 'hold', items, ...PLAIN_TAKE, random }),
      );
      if (taken.ok) held.push({ cell: taken.cell, random });
    };
    steps.forEach((each, at) => {
      switch (each.kind) {
        case 'search': {
          const noted = new PlacePlan();
          const outcome = chooseBestSeats(view, noted, STALLS, each.quantity, false, 901, 0);
          for (let index = 0; index < view.rowCount; index++) forgetLongest(view, index);
          const fresh = new PlacePlan();
          const expected = chooseBestSeats(view, fresh, STALLS, each.quantity, false, 901, 0);
          searches++;
          if (outcome !== expected || chosen(noted, 0).join() !== chosen(fresh, 0).join())
            throw new Error(`${outcome} ${chosen(noted, 0).join()}, ${expected} ${chosen(fresh, 0).join()}`);
          break;
        }
        case 'hold':
          hold([wantPlaces(STALLS, each.quantity, false, 900)], at);
          break;
        case 'seat':
          if (each.seat < view.seatCount) hold([wantSeat(view, each.seat, 900)], at);
          break;
        case 'release': {
          const [given] = held.splice(each.which % Math.max(1, held.length), 1);
          if (given === undefined) break;
          const ref = refOf(view, given.cell, given.random);
          const command = { ref, receivedAtMs: START_MS, key: null };
          rig.run(view, (context) => release(context, view, command));
        }
      }
      rig.journal.drain();
      for (let index = 0; index < view.rowCount; index++) {
        const openOfRow = view.words[rowBase(view, index) + ROW.open];
        if (longestBound(view, index) < openOfRow) notes++;
      }
      const { findings } = auditArena(rig.arena);
      if (findings.length > 0) throw new Error(findings[0].message);
    });
  });
  fc.assert(property, { seed, numRuns: isLong ? 10_000 : 150 });
  t.ok(searches > 100 && notes > 100, `${searches} searches, ${notes} rows with less than they have open`);
});

t.test(
  'a change may seat a party on what it gives up, in a hall that is sold out, and never unasked in a wheelchair place',
  async (t) => {
    const rig = new EngineRig(LIMITS);
    const view = hallOf(rig, [
      ['open', 'open', 'sold', 'open', 'open', 'sold'],
      ['open', 'wheelchair', 'open', 'sold', 'sold', 'open'],
    ]);
    const random = Uint32Array.of(7, 7, 7);
    const mine = [3, 4, 6, 7, 8, 11].map((seat) => wantSeat(view, seat, 900));
    const held = rig.run(view, (context) =>
      take(context, view, { kind: 'hold', items: mine, ...PLAIN_TAKE, random }),
    );
    if (!held.ok) throw new Error(held.code);
    sell(rig, view, [0, 1]);
    // All rows note that they seat nobody.
    chooseBestSeats(view, new PlacePlan(), STALLS, 1, false, 900, 0);
    const ref = refOf(view, held.cell, random);
    const exchange = (remove: readonly number[], quantity: number, isAdjacent: boolean): Outcome => {
      const outcome = rig.run(view, (context) =>
        change(context, view, {
          ref,
          receivedAtMs: START_MS,
          add: [wantPlaces(STALLS, quantity, isAdjacent, 800)],
          remove: remove.map((seat) => ({ kind: 'seat', seat }) as const),
          expectTotal: null,
          rules: RULES,
          key: null,
        }),
      );
      rig.journal.drain();
      t.strictSame(auditArena(rig.arena).findings, []);
      return outcome;
    };
    const own = (): number[] => {
      const copy = readClaim(view, held.cell);
      return copy === null ? [] : decodeClaim(copy).items.map(({ seat }) => seat);
    };
    t.match(exchange([6, 7, 8], 3, false), { code: 'not-enough-available', available: 2, requested: 3 });
    t.match(exchange([6, 8], 2, true), { code: 'no-adjacent-seats', requested: 2 });
    t.match(exchange([11], 2, false), { code: 'not-enough-available', available: 0, requested: 1 });
    t.match(exchange([3, 4, 11], 2, true), { ok: true });
    t.strictSame(own(), [6, 7, 8, 3, 4], 'the pair side by side');
    t.match(exchange([6, 7, 8], 2, false), { ok: true });
    t.strictSame(
      own(),
      [3, 4, 8, 6],
      'and the two that are no wheelchair place, the nearer to the middle first',
    );
    t.match(exchange([8], 2, false), { ok: true });
    t.strictSame(own(), [3, 4, 6, 8, 11], 'with one that another change gave back');
  },
);

t.test('the audit tells of a row that passes for less than it has', async (t) => {
  const rig = new EngineRig(LIMITS);
  const view = hallOf(rig, [['open', 'open', 'aisle', 'open', 'open', 'open']]);
  const told = (): string[] => auditArena(rig.arena).findings.map(({ message }) => message);
  t.strictSame(told(), []);
  setLongest(view, 0, 3);
  t.strictSame(told(), []);
  t.equal(longestBound(view, 0), 3);
  setLongest(view, 0, 2);
  t.match(told()[0], /row 0 passes for 2 seats side by side and has 3/);
});

t.test('small parties in a full hall are found without a look at its seats', async (t) => {
  const rig = new EngineRig(LIMITS);
  const sold = Array.from({ length: 40 }, (): Place => 'sold');
  const single = sold.with(7, 'open').with(20, 'open');
  const pair = sold.with(30, 'open').with(31, 'open');
  const hall = [...Array.from({ length: 30 }, () => single), pair, single];
  const view = hallOf(rig, hall);
  const search = (quantity: number): number => {
    const plan = new CountingPlan();
    chooseBestSeats(view, plan, STALLS, quantity, false, 901, 0);
    t.equal(plan.placeCount, quantity);
    return plan.looks;
  };
  t.equal(search(2), 31 * 40, 'the first time every row is looked at that has two seats open');
  t.equal(search(2), 40, 'then only the one that has them side by side');
  t.equal(search(1), 40);
  t.ok(search(4) <= 5 * 40, 'a pair and two singles');
});

t.test(
  'a party of a hundred in a hall of 100,000, half of it sold, takes no more than three passes',
  async (t) => {
    const seed = testSeed();
    t.comment(`seed ${seed}`);
    let state = seed;
    const isSold = (): boolean => {
      state = (Math.imul(state, 1664525) + 1013904223) | 0;
      return state < 0;
    };
    const rig = new EngineRig(
      smallLimits({ arenaBytes: 192 * MIB, ringBytes: 4 * MIB, segmentBytes: 16 * MIB }),
    );
    const hall = Array.from({ length: 100 }, () =>
      Array.from({ length: 1000 }, (): Place => (isSold() ? 'sold' : 'open')),
    );
    const view = hallOf(rig, hall);
    const plan = new CountingPlan();
    plan.add(-1, 0, 1, 501, 0);
    t.equal(chooseBestSeats(view, plan, STALLS, 99, false, 901, 0), 'split');
    t.equal(plan.placeCount, 100);
    t.ok(plan.looks <= 3 * 100_000, `${plan.looks} looks at 100,000 seats`);

    const parts = partsOf(chosen(plan, 1), modelRuns(hall, new Set()));
    const lengths = modelRuns(hall, new Set())
      .map(({ length }) => length)
      .sort((one, other) => other - one);
    let fewest = 0;
    for (let seats = 0; seats < 99; fewest++) seats += lengths[fewest];
    t.equal(parts?.length, fewest, 'in as few parts as can be');
  },
);
