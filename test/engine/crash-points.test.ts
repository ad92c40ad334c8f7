/**
 * A worker may die between any two words that it writes. Here each command is stopped before and after every single
 * Atomics call of it, the batch's lock and ring included, and repaired: then it happened whole, or not at all.
 */
import t from 'tap';
import { FRAME_KIND, headerKind } from '../../src/core/frame.ts';
import { cancel } from '../../src/engine/cancel.ts';
import { findClaim, type BatchContext } from '../../src/engine/command.ts';
import { define } from '../../src/engine/define.ts';
import { take, type TakeCommand, type WantedItem } from '../../src/engine/hold.ts';
import { readCounts } from '../../src/engine/read.ts';
import { publishedCommands, repairThread } from '../../src/engine/repair.ts';
import { confirm, release, sweep } from '../../src/engine/settle.ts';
import { createArena, eventBase, type Arena } from '../../src/memory/arena.ts';
import { viewEvent, type EventView } from '../../src/memory/event.ts';
import { readGuard } from '../../src/memory/guard.ts';
import { EVENT, PAGE_WORDS, THREAD } from '../../src/memory/layout.ts';
import { REGISTRY_SLOT } from '../../src/memory/registry.ts';
import { positionUnit, ringHead } from '../../src/memory/ring.ts';
import { takeThreadSlot } from '../../src/memory/threads.ts';
import {
  defineCommand,
  differences,
  EngineRig,
  eventOf,
  keyOf,
  MIB,
  newContext,
  noteOf,
  PLAIN_TAKE,
  refOf,
  replayInto,
  RULES,
  smallLimits,
  START_MS,
  TinyJournal,
  underMutex,
  wantPlaces,
  type KeptFrames,
} from './rig.ts';

const LIMITS = smallLimits();
const HALL = eventOf('hall', [
  { id: 'floor', name: 'Floor', kind: 'general', capacity: 40, price: 1500 },
  {
    id: 'stalls',
    name: 'Stalls',
    kind: 'seated',
    capacity: 18,
    price: null,
    rows: [
      { id: 'A', seats: ['1..4', null, '5..8'] },
      { id: 'B', seats: ['1..3', { id: '4', features: ['wheelchair'] }, '5..6'] },
      { id: 'C', seats: ['1..4'] },
    ],
  },
]);
const CLUB = eventOf('club', [{ id: 'bar', name: 'Bar', kind: 'general', capacity: 100, price: null }]);

class Crash extends Error {}

type AtomicsCall = (array: Int32Array, index: number, ...values: number[]) => number;
const CALLS = ['store', 'compareExchange', 'add', 'and', 'or', 'notify'] as const;

/** Runs `work` with the n-th Atomics call that changes something throwing, before or after its effect; counts them. */
function withCrash(
  at: number,
  when: 'before' | 'after',
  work: () => void,
): { calls: number; crashed: boolean } {
  const table = Atomics as unknown as Record<string, AtomicsCall>;
  const originals = CALLS.map((name) => table[name]);
  let calls = 0;
  let crashed = false;
  CALLS.forEach((name, i) => {
    const original = originals[i];
    table[name] = (array, index, ...values) => {
      const isLast = calls++ === at;
      if (isLast && when === 'before') throw new Crash();
      const result = original.call(Atomics, array, index, ...values);
      if (isLast) throw new Crash();
      return result;
    };
  });
  try {
    work();
  } catch (error) {
    if (!(error instanceof Crash)) throw error;
    crashed = true;
  } finally {
    CALLS.forEach((name, i) => (table[name] = originals[i]));
  }
  return { calls, crashed };
}

const wordsOf = (...values: number[]): Uint32Array => Uint32Array.from(values);
const R1 = wordsOf(11, 12, 13);
const R2 = wordsOf(21, 22, 23);
const R3 = wordsOf(31, 32, 0xffff_ffff);
const text = (value: string): Uint8Array => Buffer.from(value);
/** Seats 0 to 17 are those of the stalls. */
const seats = (...indices: number[]): WantedItem[] =>
  indices.map((seat) => ({ kind: 'seat', seat, section: 1, type: 0, priceWord: 0 }));
const floor = (quantity: number): WantedItem => wantPlaces(0, quantity, false, 1500);
const stalls = (quantity: number, adjacent: boolean): WantedItem => wantPlaces(1, quantity, adjacent);

function taking(
  kind: 'hold' | 'order',
  random: Uint32Array,
  items: WantedItem[],
  rest?: Partial<TakeCommand>,
): TakeCommand {
  return { kind, items, ...PLAIN_TAKE, random, ...rest };
}

function mustTake(rig: EngineRig, view: EventView, command: TakeCommand): number {
  const outcome = rig.run(view, (context) => take(context, view, command));
  if (!outcome.ok) throw new Error(`the test's claim is refused: ${outcome.code}`);
  return outcome.cell;
}

const TO_SALE = { toBlocked: false, reason: new Uint8Array() } as const;

interface Scenario {
  readonly name: string;
  /** Slot whose mutex the command takes. */
  readonly slot?: number;
  /** Where the ring begins, bytes. */
  readonly position?: number;
  /** Runs before the command that is stopped. */
  setup?(rig: EngineRig, view: EventView): void;
  command(context: BatchContext, view: EventView): unknown;
  /** Claims that must be found when the command has happened. */
  readonly found?: readonly Uint32Array[];
  readonly frames?: number;
}

/** Room in the claim table was used before, by longer records, so a new claim lies over parts of old ones. */
function wearOut(rig: EngineRig, view: EventView): void {
  const rounds = Math.ceil(view.cellCount / 9) + 5;
  for (let i = 0; i < rounds; i++) {
    const random = wordsOf(1000 + i, i, i);
    const command = taking('hold', random, seats(0, 1, 2, 3, 4, 5, 6, 7), {
      customer: text('\u0007'.repeat(64)),
    });
    const cell = mustTake(rig, view, command);
    const ref = refOf(view, cell, random);
    rig.run(view, (context) => release(context, view, { ref, receivedAtMs: START_MS, key: null }));
    rig.journal.drain();
  }
}

function cellOf(view: EventView, random: Uint32Array): number {
  for (let cell = 0; cell < view.cellCount; cell++)
    if (findClaim(view, refOf(view, cell, random)) >= 0) return cell;
  return -1;
}

const claimOf = (view: EventView, random: Uint32Array) => refOf(view, cellOf(view, random), random);
const holdR1 = (rig: EngineRig, view: EventView, rest?: Partial<TakeCommand>): void => {
  mustTake(rig, view, taking('hold', R1, [...seats(1, 2), floor(3)], rest));
};
const orderR1 = (rig: EngineRig, view: EventView): void => {
  mustTake(rig, view, taking('order', R1, [...seats(1, 2), floor(3)], { note: noteOf('before') }));
};

const SCENARIOS: Scenario[] = [
  {
    name: 'define, with a key',
    slot: REGISTRY_SLOT,
    command: (context) => define(context, defineCommand(CLUB, keyOf('define', 'x'))),
  },
  {
    name: 'define, where the ring wraps',
    slot: REGISTRY_SLOT,
    position: MIB - 1200,
    command: (context) => define(context, defineCommand(CLUB, null)),
  },
  {
    name: 'hold of named seats and places, with customer, reference and key',
    command: (context, view) =>
      take(
        context,
        view,
        taking('hold', R2, [...seats(0, 5), floor(2)], {
          customer: text('customer-1'),
          note: noteOf('reference-1'),
          key: keyOf('hold', 'x'),
        }),
      ),
    found: [R2],
  },
  {
    name: 'hold of best seats, split, over the remains of longer claims, with a reference',
    setup: (rig, view) => {
      wearOut(rig, view);
      mustTake(rig, view, taking('order', R1, seats(2, 3)));
    },
    command: (context, view) =>
      take(context, view, taking('hold', R2, [stalls(6, false)], { note: noteOf('a-reference') })),
    found: [R1, R2],
  },
  {
    name: 'order of one place over the remains of longer claims, with a reference',
    setup: wearOut,
    command: (context, view) =>
      take(context, view, taking('order', R2, [floor(1)], { note: noteOf('r'.repeat(64)) })),
    found: [R2],
  },
  {
    name: 'order, where the ring wraps',
    position: MIB - 2048,
    setup: (rig) => {
      // Up to less than a frame before the ring's end.
      for (let i = 0; ; i++) {
        const left = MIB - ((positionUnit(rig.journal.position) * 8) % MIB);
        if (left <= 200) break;
        const view = viewEvent(rig.arena, 1);
        mustTake(rig, view, taking('hold', wordsOf(500 + i, 1, 1), [floor(1)]));
        rig.journal.drain();
      }
    },
    command: (context, view) =>
      take(context, view, taking('order', R2, [...seats(0, 5, 9, 10, 11), floor(2)])),
    found: [R2],
  },
  {
    name: 'order, where units wrap at 2^32',
    position: 2 ** 35 - 1280,
    setup: (rig, view) => {
      while (positionUnit(rig.journal.position) < -24) {
        mustTake(rig, view, taking('hold', wordsOf(rig.journal.position % 1e9, 1, 1), [floor(1)]));
        rig.journal.drain();
      }
    },
    command: (context, view) =>
      take(context, view, taking('order', R2, [...seats(0, 5, 9, 10, 11), floor(2)])),
    found: [R2],
  },
  {
    name: 'confirm, with a key',
    setup: holdR1,
    command: (context, view) =>
      confirm(context, view, {
        ref: claimOf(view, R1),
        receivedAtMs: START_MS,
        note: null,
        retake: false,
        rules: RULES,
        key: keyOf('confirm', 'x'),
      }),
    found: [R1],
  },
  {
    name: 'confirm, with a reference that takes the place of another',
    setup: (rig, view) => {
      wearOut(rig, view);
      holdR1(rig, view, { note: noteOf('before') });
    },
    command: (context, view) =>
      confirm(context, view, {
        ref: claimOf(view, R1),
        receivedAtMs: START_MS,
        note: noteOf('after, and longer than before'),
        retake: false,
        rules: RULES,
        key: null,
      }),
    found: [R1],
  },
  {
    name: 'release, with a key',
    setup: (rig, view) => {
      holdR1(rig, view, { note: noteOf('a') });
      mustTake(rig, view, taking('hold', R2, [stalls(3, true)]));
    },
    command: (context, view) =>
      release(context, view, { ref: claimOf(view, R1), receivedAtMs: START_MS, key: keyOf('release', 'x') }),
    found: [R1, R2],
  },
  {
    name: 'confirm of a hold that has run out',
    setup: holdR1,
    command: (context, view) => {
      context.nowMs = START_MS + 61_000;
      return confirm(context, view, {
        ref: claimOf(view, R1),
        receivedAtMs: START_MS + 60_000,
        note: noteOf('late'),
        retake: false,
        rules: RULES,
        key: keyOf('confirm', 'x'),
      });
    },
    found: [R1],
  },
  {
    name: 'a sweep of three',
    setup: (rig, view) => {
      holdR1(rig, view);
      mustTake(rig, view, taking('hold', R2, [stalls(3, true)]));
      mustTake(rig, view, taking('hold', R3, [floor(9)]));
    },
    command: (context, view) => {
      context.nowMs = START_MS + 100_000;
      return sweep(context, view, START_MS + 90_000, 64);
    },
    found: [R1, R2, R3],
    frames: 3,
  },
  {
    name: 'cancel of some tickets, with a key',
    setup: orderR1,
    command: (context, view) =>
      cancel(context, view, {
        ref: claimOf(view, R1),
        tickets: [0, 4],
        ...TO_SALE,
        key: keyOf('cancel', 'x'),
      }),
    found: [R1],
  },
  {
    name: 'cancel of the tickets that are left',
    setup: (rig, view) => {
      orderR1(rig, view);
      const ref = claimOf(view, R1);
      rig.run(view, (context) => cancel(context, view, { ref, tickets: [1, 2], ...TO_SALE, key: null }));
    },
    command: (context, view) =>
      cancel(context, view, { ref: claimOf(view, R1), tickets: null, ...TO_SALE, key: null }),
    found: [R1],
  },
];

/** A copy of the part of an arena that a scenario touches. */
class Image {
  readonly #words: Int32Array;

  constructor(arena: Arena, pages: number) {
    this.#words = arena.words.slice(0, arena.geometry.heap + pages * PAGE_WORDS);
  }

  restore(arena: Arena): void {
    arena.words.set(this.#words);
  }
}

/** Heap pages: the registry's keys, the two events, and some to spare. */
const PAGES = 300;

function conserves(arena: Arena): boolean {
  return readCounts(viewEvent(arena, 1)).every(
    ({ capacity, available, held, sold, blocked }) =>
      available + held + sold + blocked === capacity && available >= 0 && held >= 0 && sold >= 0,
  );
}

function facts(frames: readonly KeptFrames[]): KeptFrames[] {
  return frames.filter((frame) => headerKind(frame.words[0]) !== FRAME_KIND.padding);
}

class Stopped {
  readonly #scenario: Scenario;
  readonly #rig: EngineRig;
  readonly #before: Image;
  readonly #empty: Image;
  readonly #beforeArena = createArena(LIMITS);
  readonly #afterArena = createArena(LIMITS);
  readonly #replayed = createArena(LIMITS);
  readonly #keptBefore: KeptFrames[];
  readonly #headBefore: number;
  readonly #positionBefore: number;
  readonly calls: number;

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
    const { position = 0 } = scenario;
    this.#empty = new Image(this.#replayed, PAGES);
    this.#rig = new EngineRig(LIMITS, position);
    const { arena, journal } = this.#rig;
    scenario.setup?.(this.#rig, this.#rig.event(HALL));
    if (scenario.setup === undefined) this.#rig.event(HALL);
    journal.drain();
    this.#before = new Image(arena, PAGES);
    this.#before.restore(this.#beforeArena);
    this.#keptBefore = [...journal.kept];
    this.#headBefore = ringHead(arena);
    this.#positionBefore = journal.position;
    this.calls = withCrash(Infinity, 'before', () => this.#run(this.#rig.context)).calls;
    new Image(arena, PAGES).restore(this.#afterArena);
  }

  get after(): Arena {
    return this.#afterArena;
  }

  #run(context: BatchContext): void {
    const view = this.#scenario.slot === REGISTRY_SLOT ? null : viewEvent(this.#rig.arena, 1);
    underMutex(context, this.#scenario.slot ?? 1, () =>
      this.#scenario.command(context, view ?? viewEvent(this.#rig.arena, 1)),
    );
  }

  /** Stops the command at one point and repairs; returns what is wrong then. */
  stopAt(call: number, when: 'before' | 'after'): string[] {
    const { arena } = this.#rig;
    const wrong: string[] = [];
    this.#before.restore(arena);
    const context = newContext(arena, this.#rig.context.thread);
    context.batchId = 77;
    const { crashed } = withCrash(call, when, () => this.#run(context));
    if (!crashed) wrong.push('the command was not stopped');
    const outcome = repairThread(arena, context.thread);
    if (outcome !== 'done') return [`repair says ${outcome}`];
    this.#checkFreed(context, wrong);
    if (wrong.length > 0) return wrong;
    const published = publishedCommands(arena, 77, this.#headBefore);
    const journal = new TinyJournal(arena);
    journal.position = this.#positionBefore;
    journal.drain();
    if (positionUnit(journal.position) !== ringHead(arena)) wrong.push('the ring keeps a gap');
    const count = facts(journal.frames()).length;
    const all = this.#scenario.frames ?? 1;
    const isExpiry = facts(journal.frames()).some(
      (frame) => headerKind(frame.words[0]) === FRAME_KIND.expire,
    );
    if (published.length !== (isExpiry ? 0 : count))
      wrong.push(`${published.length} commands are said to be published`);
    if (count === 0) wrong.push(...this.#compare(this.#beforeArena, 'before'));
    if (count === all) wrong.push(...this.#compare(this.#afterArena, 'after'));
    if (count > all) wrong.push(`${count} frames instead of ${all}`);
    this.#empty.restore(this.#replayed);
    const replay = replayInto(this.#replayed, [...this.#keptBefore, ...journal.kept]);
    wrong.push(...this.#compare(this.#replayed, 'replayed'));
    journal.kept.length = 0;
    this.#goOn(journal, wrong);
    for (const { words, position } of journal.kept) replay.apply(words, 0, words.length, position);
    if (wrong.length === 0) wrong.push(...this.#compare(this.#replayed, 'replayed later'));
    return wrong;
  }

  #checkFreed(context: BatchContext, wrong: string[]): void {
    const { arena } = this.#rig;
    const { thread } = context;
    for (const slot of [REGISTRY_SLOT, 1]) {
      const base = eventBase(arena, slot);
      if (arena.words[base + EVENT.nextTicket] !== arena.words[base + EVENT.servingTicket])
        wrong.push('mutex is kept');
      if ((readGuard(arena, slot) & 1) === 1) wrong.push(`the guard of slot ${slot} is odd`);
    }
    for (const name of ['threadId', 'lockPhase', 'reserveUnits'] as const) {
      if (arena.words[thread + THREAD[name]] !== 0) wrong.push(`the thread slot keeps its ${name}`);
    }
    if (!conserves(arena)) wrong.push('counts are not conserved');
  }

  #compare(other: Arena, name: string): string[] {
    return differences(this.#rig.arena, other).map((where) => `not as ${name}: ${where}`);
  }

  /** The event goes on: another thread takes a place and gives it back. */
  #goOn(journal: TinyJournal, wrong: string[]): void {
    const { arena } = this.#rig;
    const context = newContext(arena, takeThreadSlot(arena, 2));
    const view = viewEvent(arena, 1);
    const random = wordsOf(99, 98, 97);
    const took = underMutex(context, 1, () =>
      take(context, view, taking('hold', random, [floor(1), ...seats(17)])),
    );
    if (!took.ok) {
      wrong.push(`the next command is refused: ${took.code}`);
      return;
    }
    const ref = refOf(view, took.cell, random);
    const gave = underMutex(context, 1, () =>
      release(context, view, { ref, receivedAtMs: START_MS, key: null }),
    );
    if (!gave.ok) wrong.push(`what the next command took cannot be given back: ${gave.code}`);
    journal.drain();
    if (!conserves(arena)) wrong.push('counts are not conserved later');
  }
}

for (const scenario of SCENARIOS) {
  t.test(`${scenario.name}: stopped anywhere, it happens whole or not at all`, (t) => {
    const stopped = new Stopped(scenario);
    const view = viewEvent(stopped.after, 1);
    for (const random of scenario.found ?? []) {
      t.ok(cellOf(view, random) >= 0, `claim ${random[0]} is found after the command`);
    }
    t.ok(stopped.calls > 20, `the command has points to be stopped at: ${stopped.calls}`);
    let failures = 0;
    for (let call = 0; call < stopped.calls && failures < 5; call++) {
      for (const when of ['before', 'after'] as const) {
        let wrong: string[];
        try {
          wrong = stopped.stopAt(call, when);
        } catch (error) {
          wrong = [error instanceof Error ? (error.stack ?? error.message) : String(error)];
        }
        if (wrong.length === 0) continue;
        failures++;
        t.fail(`stopped ${when} call ${call} of ${stopped.calls}`, { wrong });
      }
    }
    t.equal(failures, 0, 'no point is unsafe');
    t.end();
  });
}
