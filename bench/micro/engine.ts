/** Commands of the engine on one thread, frames included; and best adjacent seats in a hall that is nearly full. */
import { performance } from 'node:perf_hooks';
import { assert } from '../../src/core/assert.ts';
import { chooseBestSeats } from '../../src/engine/best-seats.ts';
import type { TakeCommand } from '../../src/engine/hold.ts';
import { PlacePlan } from '../../src/engine/plan.ts';
import { cellsForClaim } from '../../src/memory/claims.ts';
import { sectionBase } from '../../src/memory/event.ts';
import { CELL_WORDS, SEAT_WORDS, SECTION } from '../../src/memory/layout.ts';
import { percentile } from '../figures.ts';
import type { Figure } from '../figure.ts';
import type { MicroSizes } from './sizes.ts';
import { floorItem, Rig, seatItem } from './rig.ts';

/** Commands between two drains of the ring. */
const STRETCH = 2000;
const ITEMS = [floorItem(1)];
const STALLS = 1;
const ROW_SEATS = 200;
const SEARCHES = 200;

export function engineFigures(sizes: MicroSizes, seed: number): Figure[] {
  const { liveSmall, liveLarge } = sizes;
  const small = holdsPerSecond(sizes, seed, liveSmall, 'hold', false);
  const large = holdsPerSecond(sizes, seed, liveLarge, 'hold', false);
  const drained = 'mutex once per 32; the ring is drained between timed stretches';
  return [
    {
      what: `holds, ${liveSmall} live`,
      values: small,
      unit: 'M/s',
      target: { least: 3 },
      note: drained,
    },
    { what: `holds, ${liveLarge} live`, values: large, unit: 'M/s', target: { least: 1 } },
    {
      what: `holds with a key, ${liveSmall} live`,
      values: holdsPerSecond(sizes, seed, liveSmall, 'hold', true),
      unit: 'M/s',
    },
    {
      what: 'orders with a key',
      values: holdsPerSecond(sizes, seed, 0, 'order', true),
      unit: 'M/s',
    },
    { what: 'arena per seat', values: [SEAT_WORDS * 4], unit: 'bytes', target: { most: 16 } },
    {
      what: 'arena per claim of 4 seats, customer of 16 bytes',
      values: [cellsForClaim(4, 16) * CELL_WORDS * 4],
      unit: 'bytes',
      target: { most: 192 },
    },
  ];
}

/** Millions of commands per second of each stretch, with so many holds live all the time. */
function holdsPerSecond(
  sizes: MicroSizes,
  seed: number,
  live: number,
  kind: 'hold' | 'order',
  withKey: boolean,
): number[] {
  const { rounds, holds } = sizes;
  // Orders stay, so each of them needs room; and so does every key.
  const made = withKey || kind === 'order' ? holds * (rounds + 1) : STRETCH;
  const rig = new Rig({ floorPlaces: live + made + STRETCH, rows: 0, rowSeats: 0, seed });
  const fill = Array.from({ length: STRETCH }, () => rig.command('hold', ITEMS, false));
  for (let left = live; left > 0; left -= STRETCH) {
    rig.run(left < STRETCH ? fill.slice(0, left) : fill, []);
    rig.drain();
  }
  const rates: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    for (let done = 0; done < holds; done += STRETCH) {
      const commands = Array.from({ length: STRETCH }, () => rig.command(kind, ITEMS, withKey));
      const cells: number[] = [];
      const ms = timed(() => rig.run(commands, cells));
      rig.drain();
      // The first round finds cold code.
      if (round > 0) rates.push(STRETCH / ms / 1000);
      if (kind === 'hold') {
        rig.release(cells);
        rig.drain();
      }
    }
  }
  const base = sectionBase(rig.view, 0);
  assert(rig.view.words[base + SECTION.held] === live, 'as many holds live as was said');
  return rates;
}

function timed(act: () => void): number {
  const started = performance.now();
  act();
  return performance.now() - started;
}

/** Two and four seats together where one in a hundred is left. */
export function bestSeatFigures(sizes: MicroSizes, seed: number): Figure[] {
  const seats = sizes.bestSeatsRows * ROW_SEATS;
  const rig = new Rig({ floorPlaces: 1, rows: sizes.bestSeatsRows, rowSeats: ROW_SEATS, seed });
  sellAllBut(rig, seats, Math.floor(seats / 100));
  return [2, 4].map((quantity) => {
    const plan = new PlacePlan();
    const micros: number[] = [];
    let found = '';
    for (let search = -SEARCHES; search < SEARCHES; search++) {
      plan.clear();
      const ms = timed(() => {
        found = chooseBestSeats(rig.view, plan, STALLS, quantity, false, 9001, 0);
      });
      if (search >= 0) micros.push(ms * 1000);
    }
    return {
      what: `best ${quantity} seats of ${seats}, 99 % sold`,
      values: micros,
      unit: 'µs',
      target: { most: 20 },
      note: `found: ${found}; p99 ${percentile(micros, 0.99).toFixed(0)} µs`,
    };
  });
}

/** Sells seats in random order until `left` are left. */
function sellAllBut(rig: Rig, seats: number, left: number): void {
  const order = Array.from({ length: seats }, (_, seat) => seat);
  for (let at = seats - 1; at > 0; at--) {
    const other = rig.random.below(at + 1);
    [order[at], order[other]] = [order[other], order[at]];
  }
  const commands: TakeCommand[] = [];
  for (let at = 0; at < seats - left; at += 50) {
    const chosen = order.slice(at, Math.min(seats - left, at + 50));
    const items = chosen.map((seat) => seatItem(seat));
    commands.push(rig.command('order', items, false));
  }
  for (let at = 0; at < commands.length; at += STRETCH) {
    rig.run(commands.slice(at, at + STRETCH), []);
    rig.drain();
  }
}
