/**
 * A worker may die between any two words that it writes. Here each command is stopped before every single write of it,
 * plain or atomic, the batch's lock and ring included, and repaired: then it happened whole, or not at all.
 */
import t from 'tap';
import { FRAME_KIND, headerKind } from '../../src/core/frame.ts';
import { auditArena } from '../../src/engine/audit.ts';
import { cancel } from '../../src/engine/cancel.ts';
import type { BatchContext } from '../../src/engine/command.ts';
import { define } from '../../src/engine/define.ts';
import { take } from '../../src/engine/hold.ts';
import { reclaim } from '../../src/engine/patch.ts';
import { readConsistent, readCounts } from '../../src/engine/read.ts';
import { publishedCommands, repairThread } from '../../src/engine/repair.ts';
import { confirm, release, sweep } from '../../src/engine/settle.ts';
import { createArena, eventBase, type Arena } from '../../src/memory/arena.ts';
import { viewEvent, type EventView } from '../../src/memory/event.ts';
import { readGuard } from '../../src/memory/guard.ts';
import { EVENT, PAGE_WORDS, THREAD } from '../../src/memory/layout.ts';
import { isLive, REGISTRY_SLOT } from '../../src/memory/registry.ts';
import { positionUnit, ringHead } from '../../src/memory/ring.ts';
import { freeThreadSlot, takeThreadSlot } from '../../src/memory/threads.ts';
import {
  defineCommand,
  differences,
  EngineRig,
  eventOf,
  isLong,
  type KeptFrames,
  keyOf,
  MIB,
  newContext,
  noteOf,
  refOf,
  replayInto,
  RULES,
  smallLimits,
  START_MS,
  testSeed,
  TinyJournal,
  underMutex,
} from './rig.ts';
import { CHANGE_SCENARIOS, EVENT_SCENARIOS, UNCHANGED_SCENARIOS } from './crash-scenarios.ts';
import { withCrash } from './watched-arena.ts';
import {
  cellOf,
  claimOf,
  floor,
  HALL,
  holdR1,
  mustTake,
  orderR1,
  R1,
  R2,
  R3,
  seats,
  stalls,
  taking,
  text,
  TO_SALE,
  wearOut,
  wordsOf,
  type Scenario,
} from './hall.ts';

const LIMITS = smallLimits();
const CLUB = eventOf('club', [{ id: 'bar', name: 'Bar', kind: 'general', capacity: 100, price: null }]);

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
  readonly #bytes: Buffer;

  constructor(arena: Arena, pages: number) {
    const words = arena.words.slice(0, arena.geometry.heap + pages * PAGE_WORDS);
    this.#bytes = Buffer.from(words.buffer, 0, words.byteLength);
  }

  /** Only what differs: to compare shared memory is much cheaper than to copy into it. */
  restore(arena: Arena): void {
    const own = this.#bytes;
    const target = Buffer.from(arena.buffer);
    for (let from = 0; from < own.length; from += BLOCK_BYTES) {
      const to = Math.min(own.length, from + BLOCK_BYTES);
      if (own.compare(target, from, to, from, to) !== 0) own.copy(target, from, from, to);
    }
  }
}

/** Heap pages: the registry's keys, the two events, and some to spare. */
const PAGES = 400;
const AUDIT_EVERY = 20;
const BLOCK_BYTES = 16_384;

function conserves(arena: Arena): boolean {
  if (!isLive(arena, 1)) return true;
  return readCounts(viewEvent(arena, 1)).every(
    ({ capacity, available, held, sold, blocked }) =>
      available + held + sold + blocked === capacity && available >= 0 && held >= 0 && sold >= 0,
  );
}

function facts(frames: readonly KeptFrames[]): KeptFrames[] {
  return frames.filter((frame) => headerKind(frame.words[0]) !== FRAME_KIND.padding);
}

/** The event's view; the registry's where it is archived and has none. */
function viewOf(arena: Arena): EventView {
  return viewEvent(arena, isLive(arena, 1) ? 1 : REGISTRY_SLOT);
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
  readonly writes: number;

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
    const { context } = this.#rig;
    this.writes = withCrash(arena, Infinity, (watched) => this.#run({ ...context, arena: watched })).writes;
    this.#reclaim(this.#rig.context);
    new Image(arena, PAGES).restore(this.#afterArena);
  }

  get after(): Arena {
    return this.#afterArena;
  }

  /** What the next batch of the registry does. */
  #reclaim(context: BatchContext): void {
    if (this.#scenario.slot !== 'none') return;
    underMutex(context, REGISTRY_SLOT, () => reclaim(context));
  }

  #run(context: BatchContext): void {
    const { arena } = context;
    if (this.#scenario.slot === 'none') {
      this.#scenario.command(context, viewOf(arena));
      return;
    }
    const view = this.#scenario.slot === REGISTRY_SLOT ? null : viewEvent(arena, 1);
    underMutex(context, this.#scenario.slot ?? 1, () =>
      this.#scenario.command(context, view ?? viewEvent(arena, 1)),
    );
  }

  /** Stops the command at one point and repairs; returns what is wrong then. */
  stopAt(write: number): string[] {
    const { arena } = this.#rig;
    const wrong: string[] = [];
    this.#before.restore(arena);
    const context = newContext(arena, this.#rig.context.thread);
    context.batchId = 77;
    const view = viewOf(arena);
    const { crashed } = withCrash(arena, write, (watched) => this.#run({ ...context, arena: watched }));
    if (!crashed) wrong.push('the command was not stopped');
    const outcome = repairThread(arena, context.thread);
    if (outcome !== 'done') return [`repair says ${outcome}`];
    this.#checkFreed(context, wrong);
    if (this.#scenario.leaves === true) this.#checkReader(view, wrong);
    // Not everywhere: the registry has many keys to look at.
    if (isLong || write % AUDIT_EVERY === 0) {
      wrong.push(...auditArena(arena).findings.map(({ message }) => `the audit says: ${message}`));
    }
    this.#reclaim(newContext(arena, takeThreadSlot(arena, 3)));
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

  /** Somebody who has looked at the event before sees it as it was before, whatever has happened since. */
  #checkReader(view: EventView, wrong: string[]): void {
    const { arena } = this.#rig;
    const reader = newContext(arena, takeThreadSlot(arena, 4));
    const before = readConsistent(
      newContext(this.#beforeArena, reader.thread),
      viewEvent(this.#beforeArena, 1),
      readCounts,
    );
    const seen = readConsistent(reader, view, readCounts);
    if (seen.sequence !== before.sequence) wrong.push(`a reader is told sequence ${seen.sequence}`);
    if (JSON.stringify(seen.value) !== JSON.stringify(before.value)) wrong.push('a reader sees other counts');
    freeThreadSlot(arena, reader.thread);
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
    if (!isLive(arena, 1)) {
      const defined = underMutex(context, REGISTRY_SLOT, () => define(context, defineCommand(CLUB, null)));
      if (!defined.ok) wrong.push(`the next definition is refused: ${defined.code}`);
      journal.drain();
      return;
    }
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

/** The short form stops at so many points of a command, evenly spread; where the first is is drawn with each run. */
const STOPS = 36;

for (const scenario of [...SCENARIOS, ...CHANGE_SCENARIOS, ...EVENT_SCENARIOS, ...UNCHANGED_SCENARIOS]) {
  t.test(`${scenario.name}: stopped anywhere, it happens whole or not at all`, (t) => {
    const stopped = new Stopped(scenario);
    for (const random of scenario.found ?? []) {
      t.ok(cellOf(viewEvent(stopped.after, 1), random) >= 0, `claim ${random[0]} is found after the command`);
    }
    const stride = isLong ? 1 : Math.max(1, Math.floor(stopped.writes / STOPS));
    const first = testSeed() % stride;
    t.comment(`from point ${first} on, every ${stride}`);
    t.ok(stopped.writes > 40, `the command has points to be stopped at: ${stopped.writes}`);
    let failures = 0;
    for (let write = first; write < stopped.writes && failures < 5; write += stride) {
      let wrong: string[];
      try {
        wrong = stopped.stopAt(write);
      } catch (error) {
        wrong = [error instanceof Error ? (error.stack ?? error.message) : String(error)];
      }
      if (wrong.length === 0) continue;
      failures++;
      t.fail(`stopped before write ${write} of ${stopped.writes}`, { wrong });
    }
    t.equal(failures, 0, 'no point is unsafe');
    t.end();
  });
}
