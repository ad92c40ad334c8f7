/** Events that were moved into more memory: what they had is there, where they were is free again, replay agrees. */
import t from 'tap';
import { auditArena } from '../../src/engine/audit.ts';
import { block } from '../../src/engine/block.ts';
import type { EventDefinition } from '../../src/engine/definition.ts';
import { take } from '../../src/engine/hold.ts';
import { patchEvent, reclaim } from '../../src/engine/patch.ts';
import { readConsistent, readCounts } from '../../src/engine/read.ts';
import { Replay } from '../../src/engine/replay.ts';
import { dumpArena, loadArena } from '../../src/engine/snapshot.ts';
import { createArena, eventBase, type Arena } from '../../src/memory/arena.ts';
import { viewEvent } from '../../src/memory/event.ts';
import { EVENT, KEY_WORDS } from '../../src/memory/layout.ts';
import { REGISTRY_SLOT } from '../../src/memory/registry.ts';
import { takeThreadSlot } from '../../src/memory/threads.ts';
import { floor, HALL, seats, taking, text, wordsOf } from './hall.ts';
import {
  differences,
  EngineRig,
  keyOf,
  newContext,
  replayInto,
  RULES,
  smallLimits,
  START_MS,
  underMutex,
} from './rig.ts';

const DAY_MS = 24 * 3600 * 1000;
const [FLOOR, STALLS] = HALL.sections;

/** A hall with a floor of that capacity and a definition of about so many bytes more. */
function hallWith(capacity: number, bytes = 0): EventDefinition {
  const metadata = bytes === 0 ? {} : { text: 'm'.repeat(bytes) };
  return { ...HALL, metadata, sections: [{ ...FLOOR, capacity }, STALLS] };
}

function patch(rig: EngineRig, definition: EventDefinition): ReturnType<typeof patchEvent> {
  const json = Buffer.from(JSON.stringify(definition));
  const { version } = viewEvent(rig.arena, 1);
  const outcome = patchEvent(rig.context, 1, { definition, json, fromVersion: version, key: null });
  rig.journal.drain();
  return outcome;
}

function reclaimAll(rig: EngineRig): void {
  underMutex(rig.context, REGISTRY_SLOT, () => reclaim(rig.context));
}

t.test('keys of a table that is full of older ones are all known after a move', (t) => {
  const limits = smallLimits();
  const rig = new EngineRig(limits);
  rig.event(HALL);
  const blockOne = (name: string, kind: 'block' | 'unblock'): ReturnType<typeof block> =>
    underMutex(rig.context, 1, () =>
      block(rig.context, viewEvent(rig.arena, 1), {
        kind,
        seats: [3],
        places: [],
        reason: text(''),
        key: { ...keyOf(name, kind), share: 1 + (name.length % 5) },
      }),
    );
  const names: string[] = [];
  const day = 240;
  const days = 8;
  for (let i = 0; i < day * days; i++) {
    rig.context.nowMs = START_MS + Math.floor(i / day) * DAY_MS * 1.25;
    const name = `${'k'.repeat(i % 5)}${i}`;
    const outcome = blockOne(name, i % 2 === 0 ? 'block' : 'unblock');
    if (!outcome.ok || outcome.changed !== 1 || outcome.replayed) t.fail(`key ${i} is not taken`);
    if (i >= day * (days - 1)) names.push(name);
    rig.journal.drain();
  }
  const before = viewEvent(rig.arena, 1);
  const entries = rig.arena.words.subarray(before.keys, before.keys + before.keyCapacity * KEY_WORDS);
  const used = entries.filter((word, at) => at % KEY_WORDS === 0 && word !== 0).length;
  t.ok(used > before.keyCapacity * 0.95, `${used} of ${before.keyCapacity} entries are not free`);
  t.match(patch(rig, hallWith(40, 2000)), { ok: true, retired: true }, 'the definition needs more room');
  const forgotten = names.filter((name, i) => {
    const outcome = blockOne(name, i % 2 === 0 ? 'block' : 'unblock');
    return !outcome.ok || !outcome.replayed;
  });
  t.same(forgotten, [], 'each key of the last day is known');
  const replayed = createArena(limits);
  replayInto(replayed, rig.journal.kept);
  reclaimAll(rig);
  t.same(differences(rig.arena, replayed), []);
  t.end();
});

t.test('what customers have is counted on after a move', (t) => {
  const rig = new EngineRig(smallLimits());
  rig.event(HALL);
  const rules = { ...RULES, ticketsPerCustomer: 2, holdsPerCustomer: 1 };
  const takeFor = (i: number, kind: 'hold' | 'order'): ReturnType<typeof take> =>
    underMutex(rig.context, 1, () =>
      take(
        rig.context,
        viewEvent(rig.arena, 1),
        taking(kind, wordsOf(i, i, i), [floor(1)], { customer: text(`customer ${i % 20}`), rules }),
      ),
    );
  for (let i = 0; i < 20; i++) t.match(takeFor(i, 'hold'), { ok: true });
  t.match(patch(rig, hallWith(2000)), { ok: true, retired: true });
  for (let i = 0; i < 20; i++) t.match(takeFor(i, 'hold'), { code: 'customer-hold-limit', held: 1 });
  for (let i = 0; i < 20; i++) t.match(takeFor(i + 20, 'order'), { ok: true });
  for (let i = 0; i < 20; i++) t.match(takeFor(i, 'order'), { code: 'customer-limit', held: 2 });
  t.same(auditArena(rig.arena).findings, []);
  t.end();
});

t.test('an event may move, shrink, grow and move again; memory from any snapshot comes to the same', (t) => {
  const rig = new EngineRig(smallLimits());
  rig.event(HALL);
  const capacities = [300, 30, 300, 301, 900, 30, 1500];
  const cuts = [rig.journal.position];
  capacities.forEach((capacity, i) => {
    const retired = viewEvent(rig.arena, 1);
    const counts = readConsistent(rig.context, retired, readCounts);
    t.match(patch(rig, hallWith(capacity, i === 3 ? 2000 : 0)), { ok: true, changed: true });
    const seen = readConsistent(rig.context, retired, readCounts);
    if (viewEvent(rig.arena, 1).firstPage === retired.firstPage) {
      t.equal(seen.value[0].capacity, capacity);
    } else {
      t.same([seen.value, seen.sequence], [counts.value, counts.sequence], 'a reader sees what it looks at');
      t.ok(seen.position > counts.position, 'and tells it once all is durable');
    }
    reclaimAll(rig);
    const items = [...seats(i), floor(2)];
    const customer = text(`c${i}`);
    const command = taking('order', wordsOf(i + 1, 1, 1), items, { customer, key: keyOf(`k${i}`, '') });
    const taken = underMutex(rig.context, 1, () => take(rig.context, viewEvent(rig.arena, 1), command));
    t.match(taken, { ok: true });
    rig.journal.drain();
    cuts.push(rig.journal.position);
    t.same(auditArena(rig.arena).findings, []);
  });
  t.match(patch(rig, hallWith(13)), { code: 'capacity-in-use', requested: 13, held: 14 });
  const frames = rig.journal.frames();
  for (const cut of cuts) {
    const half = createArena(smallLimits());
    const first = replayInto(
      half,
      frames.filter(({ position }) => position < cut),
    );
    const loaded = createArena(smallLimits());
    loadArena(loaded, dumpArena(half));
    const rest = new Replay(loaded);
    rest.startFromMemory(first.lastTimeMs);
    for (const { words, position } of frames)
      if (position >= cut) rest.apply(words, 0, words.length, position);
    t.same(differences(rig.arena, loaded), [], `from a snapshot at ${cut}`);
  }
  t.end();
});

function takenPages({ words, geometry }: Arena): number {
  let taken = 0;
  for (let page = 0; page < geometry.heapPages; page++)
    taken += (words[geometry.pageBitmap + (page >>> 5)] >>> (page & 31)) & 1;
  return taken;
}

type Exchange = (array: Int32Array, index: number, expected: number, value: number) => number;

t.test('a change that is forbidden once memory was taken for it gives that back', (t) => {
  const rig = new EngineRig(smallLimits());
  const { arena } = rig;
  const view = rig.event(HALL);
  const other = newContext(arena, takeThreadSlot(arena, 2));
  const pages = takenPages(arena);
  const table = Atomics as unknown as { compareExchange: Exchange };
  const original = table.compareExchange;
  const served = eventBase(arena, REGISTRY_SLOT) + EVENT.servingTicket;
  let taken = 0;
  table.compareExchange = (array, index, expected, value) => {
    const found = original.call(Atomics, array, index, expected, value);
    // The registry's mutex is free again, the event's not taken yet: somebody buys.
    if (array === arena.words && index === served && taken === 0) {
      taken = takenPages(arena) - pages;
      underMutex(other, 1, () => take(other, view, taking('order', wordsOf(1, 1, 1), [floor(40)])));
    }
    return found;
  };
  try {
    const definition = hallWith(39, 2000);
    t.match(patch(rig, definition), { ok: false, code: 'capacity-in-use', held: 40 });
  } finally {
    table.compareExchange = original;
  }
  t.ok(taken > 0, 'memory was taken');
  t.equal(takenPages(arena), pages, 'and is free again');
  t.same(auditArena(arena).findings, []);
  t.end();
});
