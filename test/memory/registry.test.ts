/** The registry: the directory against a Map, the page allocator against an array of booleans. */
import fc from 'fast-check';
import t from 'tap';
import { createArena, eventBase } from '../../src/memory/arena.ts';
import {
  EVENT,
  EVENT_STATE,
  extentGeometry,
  REGISTRY_SHAPE,
  REGISTRY_SIZES,
} from '../../src/memory/layout.ts';
import {
  eventId,
  eventSlots,
  findEvent,
  findFreePages,
  findFreeSlot,
  insertEvent,
  rebuildPages,
  takePages,
  writeEventId,
} from '../../src/memory/registry.ts';
import { isLong, smallLimits, testSeed } from '../engine/rig.ts';

const eventIds = fc.uniqueArray(fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,62}$/), {
  minLength: 1,
  maxLength: 48,
});

t.test('every event is found by its id and no other is, up to the last slot', async (t) => {
  const seed = testSeed();
  t.comment(`seed ${seed}`);
  fc.assert(
    fc.property(eventIds, eventIds, (ids, others) => {
      const arena = createArena(smallLimits({ eventsMax: ids.length }));
      const model = new Map<string, number>();
      for (const id of ids) {
        const slot = findFreeSlot(arena);
        writeEventId(arena, slot, id);
        t.equal(findEvent(arena, id), -1, 'before its entry');
        arena.words[eventBase(arena, slot) + EVENT.state] = EVENT_STATE.open;
        insertEvent(arena, slot);
        insertEvent(arena, slot);
        model.set(id, slot);
      }
      t.equal(findFreeSlot(arena), -1);
      t.same([...eventSlots(arena)], [...model.values()]);
      for (const id of [...ids, ...others]) t.equal(findEvent(arena, id), model.get(id) ?? -1);
      for (const [id, slot] of model) t.equal(eventId(arena, slot), id);
    }),
    { seed, numRuns: isLong ? 300 : 10 },
  );
});

t.test('pages are given to one extent only, first fit, and come back when the slots say so', async (t) => {
  const seed = testSeed();
  t.comment(`seed ${seed}`);
  const sizes = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(sizes, fc.array(fc.nat(11)), (counts, dropped) => {
      const arena = createArena(smallLimits({ eventsMax: counts.length }));
      const pages = arena.geometry.heapPages;
      const model = Array.from({ length: pages }, () => false).fill(
        true,
        0,
        extentGeometry(REGISTRY_SHAPE, REGISTRY_SIZES).pageCount,
      );
      const firstFit = (count: number): number => {
        for (let first = 0, run = 0; first < pages; first++) {
          run = model[first] ? 0 : run + 1;
          if (run === count) return first - count + 1;
        }
        return -1;
      };
      const drop = new Set(dropped);
      counts.forEach((count, i) => {
        const slot = i + 1;
        const first = findFreePages(arena, count);
        t.equal(first, firstFit(count));
        if (first < 0) return;
        takePages(arena, first, count);
        takePages(arena, first, count);
        model.fill(true, first, first + count);
        const base = eventBase(arena, slot);
        arena.words[base + EVENT.firstPage] = first;
        arena.words[base + EVENT.pageCount] = count;
        arena.words[base + EVENT.state] = EVENT_STATE.open;
        if (!drop.has(i)) return;
        arena.words[base + EVENT.state] = EVENT_STATE.free;
        rebuildPages(arena);
        model.fill(false, first, first + count);
      });
      rebuildPages(arena);
      for (const count of [1, 31, 32, 33, 200, pages]) t.equal(findFreePages(arena, count), firstFit(count));
    }),
    { seed, numRuns: isLong ? 300 : 10 },
  );
});

t.test('an extent outside of the heap is a bug', async (t) => {
  const arena = createArena(smallLimits());
  t.throws(() => takePages(arena, arena.geometry.heapPages - 1, 2), /within the heap/);
  t.throws(() => writeEventId(arena, 1, 'x'.repeat(64)), /1 to 63/);
  t.equal(findFreePages(arena, arena.geometry.heapPages + 1), -1);
});
