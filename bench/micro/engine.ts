/** Commands of the engine on one thread, frames included; and best adjacent seats in a hall that is nearly full. */
import { performance } from 'node:perf_hooks';
import { assert } from '../../src/core/assert.ts';
import { chooseBestSeats } from '../../src/engine/best-seats.ts';
import type { TakeCommand, WantedItem } from '../../src/engine/hold.ts';
import { PlacePlan } from '../../src/engine/plan.ts';
import { cellsForClaim } from '../../src/memory/claims.ts';
import { sectionBase } from '../../src/memory/event.ts';
import { CELL_WORDS, ITEM, ITEM_WORDS, SEAT_WORDS, SECTION } from '../../src/memory/layout.ts';
import { percentile } from '../figures.ts';
import type { Figure } from '../figure.ts';
import { ROWS } from '../targets.ts';
import type { MicroSizes } from './sizes.ts';
import { floorItem, Rig, seatItem } from './rig.ts';

/** Commands between two drains of the ring. */
const STRETCH = 2000;
/** Rounds that are not counted: V8 goes on compiling for about 250,000 commands. */
const WARM_ROUNDS = 3;
const ITEMS = [floorItem(1)];
const STALLS = 1;
const ROW_SEATS = 200;
const SEARCHES = 200;
/** Searches before those that count: they find cold code, and rows that nobody has searched. */
const WARM_SEARCHES = 2000;

/** What DESIGN §8 asks for; a test has less. */
const LIVE_LARGE = 1_000_000;
const SEATS = 100_000;

export function engineFigures(sizes: MicroSizes, seed: number): Figure[] {
  const { liveSmall, liveLarge } = sizes;
  const rates = (kind: 'hold' | 'order', live: number, withKey: boolean): number[] =>
    commandsPerSecond(sizes, { seed, live, kind, withKey });
  const unit = 'M/s';
  return [
    {
      row: 'holdsSmall',
      what: `holds, ${liveSmall} live`,
      values: rates('hold', liveSmall, false),
      unit,
      target: ROWS.holdsSmall.bound,
      note: 'mutex once per 32; the ring is drained between timed stretches',
    },
    {
      row: 'holdsLarge',
      what: `holds, ${liveLarge} live`,
      values: rates('hold', liveLarge, false),
      unit,
      target: ROWS.holdsLarge.bound,
      ...(liveLarge < LIVE_LARGE && { short: `${liveLarge} live holds` }),
    },
    { what: `holds with a key, ${liveSmall} live`, values: rates('hold', liveSmall, true), unit },
    { what: 'orders with a key', values: rates('order', 0, true), unit },
    {
      row: 'seatBytes',
      what: 'arena per seat',
      values: [SEAT_WORDS * 4],
      unit: 'bytes',
      target: ROWS.seatBytes.bound,
    },
    {
      row: 'claimBytes',
      what: 'arena per claim of 4 seats, customer of 16 bytes',
      values: [cellsForClaim(4, 16) * CELL_WORDS * 4],
      unit: 'bytes',
      target: ROWS.claimBytes.bound,
    },
  ];
}

export interface CommandOptions {
  readonly seed: number;
  /** Holds that live all the time. */
  readonly live: number;
  readonly kind: 'hold' | 'order';
  readonly withKey: boolean;
  /** Commands of a stretch; 2,000 if not given. */
  readonly stretch?: number;
  readonly ringBytes?: number;
}

function commandsPerSecond({ rounds, holds }: MicroSizes, options: CommandOptions): number[] {
  const stretches = Math.ceil(holds / STRETCH);
  const all = stretches * (WARM_ROUNDS + rounds);
  const commands = new CommandStretches(options, all);
  const rates = Array.from({ length: all }, () => commands.next()).slice(stretches * WARM_ROUNDS);
  commands.check();
  return rates;
}

/** Commands in stretches, each timed by itself; in between the ring is drained and holds are given back. */
export class CommandStretches {
  readonly #options: CommandOptions;
  readonly #rig: Rig;

  /** @param most stretches that there is room for */
  constructor(options: CommandOptions, most: number) {
    const { live, kind, withKey, seed, stretch = STRETCH, ringBytes } = options;
    // Orders stay, so each of them needs room; and so does every key.
    const made = withKey || kind === 'order' ? stretch * most : stretch;
    const floorPlaces = live + made + STRETCH;
    const rig = new Rig({
      floorPlaces,
      rows: 0,
      rowSeats: 0,
      seed,
      ...(ringBytes !== undefined && { ringBytes }),
    });
    const fill = Array.from({ length: STRETCH }, () => rig.command('hold', ITEMS, false));
    for (let left = live; left > 0; left -= STRETCH) {
      rig.run(left < STRETCH ? fill.slice(0, left) : fill, []);
      rig.drain();
    }
    this.#options = options;
    this.#rig = rig;
  }

  /**
   * Runs a stretch. In millions of commands per second.
   * @param before is called when all is prepared, just before the time is taken
   */
  next(before?: () => void): number {
    const { kind, withKey, stretch = STRETCH } = this.#options;
    const rig = this.#rig;
    const commands = Array.from({ length: stretch }, () => rig.command(kind, ITEMS, withKey));
    const cells: number[] = [];
    before?.();
    const ms = timed(() => rig.run(commands, cells));
    rig.drain();
    if (kind === 'hold') {
      rig.release(cells);
      rig.drain();
    }
    return stretch / ms / 1000;
  }

  /** Asserts that as many holds live as was said. */
  check(): void {
    const { words } = this.#rig.view;
    const base = sectionBase(this.#rig.view, 0);
    assert(words[base + SECTION.held] === this.#options.live, 'as many holds live as was said');
  }
}

function timed(act: () => void): number {
  const started = performance.now();
  act();
  return performance.now() - started;
}

/** Two and four seats together where one in a hundred is left. */
export function bestSeatFigures(sizes: MicroSizes, seed: number): Figure[] {
  const search = new SeatSearch(sizes.bestSeatsRows, seed);
  const figureOf = (quantity: number): Figure => {
    for (let i = 0; i < WARM_SEARCHES; i++) search.next(quantity);
    const micros = Array.from({ length: SEARCHES }, () => search.next(quantity));
    return {
      row: 'bestSeats',
      what: `best ${quantity} seats of ${search.seats}, 99 % sold`,
      values: micros,
      unit: 'µs',
      target: ROWS.bestSeats.bound,
      note: `found: ${search.found}; p99 ${percentile(micros, 0.99).toFixed(0)} µs`,
      ...(search.seats < SEATS && { short: `${search.seats} seats` }),
    };
  };
  return [figureOf(2), figureOf(4)];
}

/** A hall where one seat in a hundred is left. The best of them are looked for, held, and given back. */
export class SeatSearch {
  readonly seats: number;
  /** What the last search came to. */
  found = '';
  readonly #rig: Rig;
  readonly #plan = new PlacePlan();

  constructor(rows: number, seed: number) {
    this.seats = rows * ROW_SEATS;
    this.#rig = new Rig({ floorPlaces: 1, rows, rowSeats: ROW_SEATS, seed });
    sellAllBut(this.#rig, this.seats, Math.floor(this.seats / 100));
  }

  /** µs of one search. */
  next(quantity: number): number {
    this.#plan.clear();
    const ms = timed(() => {
      this.found = chooseBestSeats(this.#rig.view, this.#plan, STALLS, quantity, false, 9001, 0);
    });
    this.#holdAndRelease();
    return ms * 1000;
  }

  /** What was found is held and given back, so that each search meets rows that have changed since the last. */
  #holdAndRelease(): void {
    const items: WantedItem[] = [];
    for (let i = 0; i < this.#plan.itemCount; i++)
      items.push(seatItem(this.#plan.items[i * ITEM_WORDS + ITEM.seat]));
    const cells: number[] = [];
    this.#rig.run([this.#rig.command('hold', items, false)], cells);
    this.#rig.drain();
    this.#rig.release(cells);
    this.#rig.drain();
  }
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
