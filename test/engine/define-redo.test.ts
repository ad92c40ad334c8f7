/**
 * A definition whose worker died after it was published and before its window closed: repair does it again. By then
 * others may have found the event and bought from it, or nothing of its tables may be right yet.
 */
import t from 'tap';
import { findClaim, type BatchContext } from '../../src/engine/command.ts';
import { define } from '../../src/engine/define.ts';
import { take, type WantedItem } from '../../src/engine/hold.ts';
import { readCounts } from '../../src/engine/read.ts';
import { repairThread } from '../../src/engine/repair.ts';
import { createArena, eventBase, type Arena } from '../../src/memory/arena.ts';
import { viewEvent, type EventView } from '../../src/memory/event.ts';
import { loadSequence, readGuard } from '../../src/memory/guard.ts';
import { EVENT, EVENT_STATE, LINE_WORDS, PAGE_WORDS } from '../../src/memory/layout.ts';
import { eventState, findEvent, REGISTRY_SLOT } from '../../src/memory/registry.ts';
import { takeThreadSlot } from '../../src/memory/threads.ts';
import {
  defineCommand,
  differences,
  EngineRig,
  eventOf,
  keyOf,
  newContext,
  noteOf,
  PLAIN_TAKE,
  refOf,
  replayInto,
  smallLimits,
  underMutex,
  wantPlaces,
} from './rig.ts';

const LIMITS = smallLimits();
const HALL = eventOf('hall', [
  { id: 'floor', name: 'Floor', kind: 'general', capacity: 40, price: 1500 },
  {
    id: 'stalls',
    name: 'Stalls',
    kind: 'seated',
    capacity: 12,
    price: null,
    rows: [
      { id: 'A', seats: ['1', '2', '3', null, '4', '5', '6'] },
      { id: 'B', seats: ['1', '2', { id: '3', features: ['wheelchair'] }, '4', '5', '6'] },
    ],
  },
]);
const CLUB = eventOf('club', [{ id: 'bar', name: 'Bar', kind: 'general', capacity: 100, price: null }]);
const KEY = keyOf('define', 'hall');

class Stop extends Error {}

type AtomicsStore = (array: Int32Array, index: number, value: number) => number;

/** Defines the hall; its worker dies before or after the Atomics.store into one of these words. */
function defineStopped(rig: EngineRig, when: 'before' | 'after', first: number, count: number): void {
  const table = Atomics as unknown as { store: AtomicsStore };
  const original = table.store;
  table.store = (array, index, value) => {
    const isLast = array === rig.arena.words && index >= first && index < first + count;
    if (isLast && when === 'before') throw new Stop();
    original.call(Atomics, array, index, value);
    if (isLast) throw new Stop();
    return value;
  };
  const { context } = rig;
  try {
    underMutex(context, REGISTRY_SLOT, () => define(context, defineCommand(HALL, KEY)));
  } catch (error) {
    if (error instanceof Stop) return;
    throw error;
  } finally {
    table.store = original;
  }
  throw new Error('the definition was not stopped');
}

/** Stopped when the event can be found already. */
function defineUpToDirectory(rig: EngineRig): EventView {
  const { directory, directorySize } = rig.arena.geometry;
  defineStopped(rig, 'after', directory, directorySize);
  return viewEvent(rig.arena, findEvent(rig.arena, 'hall'));
}

/** An order of one seat and two places; its cell. */
function order(context: BatchContext, view: EventView, seat: number, random: Uint32Array): number {
  const items: WantedItem[] = [
    { kind: 'seat', seat, section: 1, type: 0, priceWord: 0 },
    wantPlaces(0, 2, false, 1500),
  ];
  const taken = underMutex(context, view.slot, () =>
    take(context, view, {
      kind: 'order',
      items,
      ...PLAIN_TAKE,
      customer: Buffer.from('customer'),
      note: noteOf('reference'),
      random,
      key: keyOf(`order ${seat}`, ''),
    }),
  );
  if (!taken.ok) throw new Error(`the test's order is refused: ${taken.code}`);
  return taken.cell;
}

/** The words of an event that mean something: slot, guard line, id and tables. */
function eventWords(arena: Arena, slot: number): Int32Array[] {
  const base = eventBase(arena, slot);
  const { words, geometry } = arena;
  const extent = geometry.heap + words[base + EVENT.firstPage] * PAGE_WORDS;
  return [
    words.slice(base, base + LINE_WORDS),
    words.slice(base + EVENT.guard, base + EVENT.guard + LINE_WORDS),
    words.slice(base + EVENT.id, base + EVENT.id + LINE_WORDS),
    words.slice(extent, extent + words[base + EVENT.pageCount] * PAGE_WORDS),
  ];
}

t.test('a sale made before a definition is redone still stands', async (t) => {
  const rig = new EngineRig(LIMITS);
  const { arena } = rig;
  const view = defineUpToDirectory(rig);
  t.equal(readGuard(arena, REGISTRY_SLOT) & 1, 1, 'the worker died inside the window');
  const other = newContext(arena, takeThreadSlot(arena, 2));
  const random = Uint32Array.of(1, 2, 3);
  const cell = order(other, view, 1, random);
  const sold = eventWords(arena, view.slot);

  t.equal(repairThread(arena, rig.context.thread), 'done');
  t.equal(readGuard(arena, REGISTRY_SLOT) & 1, 0, "the registry's guard is even");
  t.equal(loadSequence(arena, REGISTRY_SLOT), 1);
  t.same(eventWords(arena, view.slot), sold, 'the event is as the sale left it, word for word');
  t.equal(findClaim(view, refOf(view, cell, random)), cell, 'the order is found');
  t.match(readCounts(view), [
    { available: 38, sold: 2 },
    { available: 11, sold: 1 },
  ]);

  const next = order(other, view, 2, Uint32Array.of(4, 5, 6));
  t.not(next, cell, 'the next order lies elsewhere');
  t.equal(loadSequence(arena, view.slot), 3, 'the sequence goes on');
  const again = underMutex(other, REGISTRY_SLOT, () => define(other, defineCommand(HALL, KEY)));
  t.same(again, { ok: true, slot: view.slot, replayed: true }, 'its key is known');
  const club = underMutex(other, REGISTRY_SLOT, () => define(other, defineCommand(CLUB, null)));
  t.match(club, { ok: true, replayed: false }, 'the registry goes on');

  rig.journal.drain();
  const replayed = createArena(LIMITS);
  replayInto(replayed, rig.journal.kept);
  t.same(differences(arena, replayed), [], 'the journal tells the same');
});

t.test('a definition redone with nothing sold since is as one that was never stopped', async (t) => {
  const whole = new EngineRig(LIMITS);
  t.match(whole.define(HALL, KEY), { ok: true });
  const rig = new EngineRig(LIMITS);
  defineUpToDirectory(rig);
  t.equal(repairThread(rig.arena, rig.context.thread), 'done');
  t.same(differences(rig.arena, whole.arena), []);
});

t.test('tables that were half filled when their worker died are built whole', async (t) => {
  const whole = new EngineRig(LIMITS);
  t.match(whole.define(HALL, KEY), { ok: true });
  for (const [from, to, part] of [
    [0, 1, 'all'],
    [0.5, 1, 'the second half'],
    [0, 0.5, 'the first half'],
  ] as const) {
    const rig = new EngineRig(LIMITS);
    const { arena } = rig;
    defineStopped(rig, 'before', eventBase(arena, 1) + EVENT.state, 1);
    t.equal(eventState(arena, 1), EVENT_STATE.free, 'the slot does not show its state');
    t.equal(findEvent(arena, 'hall'), -1, 'nobody can have found it');
    // Plain stores: any of them may be missing, over what an earlier arena left there.
    const base = eventBase(arena, 1);
    const extent = arena.geometry.heap + arena.words[base + EVENT.firstPage] * PAGE_WORDS;
    const extentWords = arena.words[base + EVENT.pageCount] * PAGE_WORDS;
    arena.words.fill(0x5a5a5a5a, extent + extentWords * from, extent + extentWords * to);

    t.equal(repairThread(arena, rig.context.thread), 'done');
    t.equal(readGuard(arena, REGISTRY_SLOT) & 1, 0, "the registry's guard is even");
    t.same(differences(arena, whole.arena), [], `built whole where ${part} of it was not`);
    const view = viewEvent(arena, findEvent(arena, 'hall'));
    order(newContext(arena, takeThreadSlot(arena, 2)), view, 1, Uint32Array.of(1, 2, 3));
    t.equal(loadSequence(arena, view.slot), 2, 'and it can be sold from');
    rig.journal.drain();
    const replayed = createArena(LIMITS);
    replayInto(replayed, rig.journal.kept);
    t.same(differences(arena, replayed), [], 'the journal tells the same');
  }
});
