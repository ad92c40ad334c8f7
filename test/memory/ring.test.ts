/** The journal ring: real producers against one consumer, wrapping units, and room that the dead left. */
import fc from 'fast-check';
import t from 'tap';
import { FRAME_KIND, headerBytes, headerKind, packHeader } from '../../src/core/frame.ts';
import { createArena, type Arena } from '../../src/memory/arena.ts';
import { HEADER, THREAD } from '../../src/memory/layout.ts';
import {
  endReservation,
  inspectDeadReservation,
  loadDurable,
  padDeadReservation,
  positionUnit,
  publishedUnits,
  publishFrame,
  releaseRing,
  reserveFrame,
  ringChunks,
  ringHead,
  ringUsedUnits,
  setReleasable,
  startRing,
  storeDurable,
  unitPosition,
  unitWord,
} from '../../src/memory/ring.ts';
import { markExited, takeThreadSlot, type ThreadBase } from '../../src/memory/threads.ts';
import { isLong, MIB, smallLimits, testSeed } from '../engine/rig.ts';
import { Stage } from './actors.ts';
import { CONSUMED, producedLength, producedWord, TASK } from './fixtures/actor-words.ts';

const RING_UNITS = MIB / 8;
/** The beginning, a frame before the ring's end, and just below the wraps of signed and unsigned units. */
const POSITIONS = [
  0,
  (RING_UNITS - 4) * 8,
  (2 ** 31 - 5) * 8,
  (2 ** 32 - 5) * 8,
  (2 ** 32 * 3 - RING_UNITS - 3) * 8,
];

/** Everything published from `position` on, as words, and given back. */
function consume(
  arena: Arena,
  position: number,
  unitsMax = RING_UNITS,
): { words: Int32Array; position: number } {
  const tail = positionUnit(position);
  const units = publishedUnits(arena, tail, unitsMax);
  const bytes = Buffer.concat(ringChunks(arena, tail, units));
  const words = new Int32Array(units * 2);
  Buffer.from(words.buffer).set(bytes);
  storeDurable(arena, position + units * 8);
  setReleasable(arena, positionUnit(position + units * 8));
  releaseRing(arena, positionUnit(position + units * 8));
  return { words, position: position + units * 8 };
}

function publish(arena: Arena, thread: ThreadBase, lengthWords: number, mark: number): number {
  const unit = reserveFrame(arena, thread, lengthWords / 2);
  const at = unitWord(arena, unit);
  for (let word = 1; word < lengthWords; word++) arena.words[at + word] = mark;
  publishFrame(arena, unit, packHeader(FRAME_KIND.hold, lengthWords));
  endReservation(arena, thread);
  return unit;
}

/** Frames of a run of words without padding: kind, length and mark of each; throws when they do not add up. */
function marks(words: Int32Array): number[] {
  const found: number[] = [];
  for (let at = 0; at < words.length;) {
    const length = headerBytes(words[at]) / 4;
    if (length <= 0 || at + length > words.length) throw new Error('a frame reaches over the run');
    if (headerKind(words[at]) !== FRAME_KIND.padding) {
      const mark = words[at + 1];
      for (let word = 1; word < length; word++)
        if (words[at + word] !== mark) throw new Error(`frame ${mark} is torn`);
      found.push(mark);
    }
    at += length;
  }
  return found;
}

for (const start of POSITIONS) {
  t.test(
    `from position ${start} on, frames come out whole and in order, whatever the ring's end`,
    async (t) => {
      const seed = testSeed();
      t.comment(`seed ${seed}`);
      fc.assert(
        fc.property(
          fc.array(fc.integer({ min: 4, max: RING_UNITS / 4 }), { minLength: 1, maxLength: 40 }),
          (units) => {
            const arena = createArena(smallLimits());
            startRing(arena, start);
            const thread = takeThreadSlot(arena, 1);
            let position = start;
            const seen: number[] = [];
            units.forEach((count, mark) => {
              const unit = publish(arena, thread, count * 2, mark + 1);
              const inRing = (unit >>> 0) % RING_UNITS;
              if (inRing + count > RING_UNITS) throw new Error('a frame wraps');
              if (mark % 2 === 1) {
                const taken = consume(arena, position);
                ({ position } = taken);
                seen.push(...marks(taken.words));
                if (positionUnit(position) !== ringHead(arena))
                  throw new Error('not all that is published is seen');
                if (unitPosition(unit, start) + count * 8 !== position)
                  throw new Error('a position is not its unit’s');
              }
            });
            seen.push(...marks(consume(arena, position).words));
            t.same(
              seen,
              units.map((_, mark) => mark + 1),
            );
            t.equal(ringUsedUnits(arena), 0);
            if (arena.words.subarray(arena.geometry.ring, arena.geometry.heap).some((word) => word !== 0)) {
              throw new Error('released room is not zero');
            }
          },
        ),
        { seed, numRuns: isLong ? 200 : 8 },
      );
    },
  );
}

t.test('what is published is told in whole frames up to the bound, and always at least one', async (t) => {
  const arena = createArena(smallLimits());
  startRing(arena, 0);
  const thread = takeThreadSlot(arena, 1);
  for (const units of [10, 20, 30]) publish(arena, thread, units * 2, units);
  for (const [bound, expected] of [
    [1, 10],
    [10, 10],
    [29, 10],
    [30, 30],
    [59, 30],
    [60, 60],
    [1000, 60],
  ]) {
    t.equal(publishedUnits(arena, 0, bound), expected, `at most ${bound} units`);
  }
  const open = reserveFrame(arena, thread, 5);
  publish(arena, takeThreadSlot(arena, 2), 8, 9);
  t.equal(publishedUnits(arena, 0, 1000), 60, 'what lies behind unpublished room is not told');
  publishFrame(arena, open, packHeader(FRAME_KIND.hold, 10));
  t.equal(publishedUnits(arena, 0, 1000), 69, 'it is, once that is published');
});

t.test('room is given back as far as it is durable and nobody needs it, and never by half', async (t) => {
  const arena = createArena(smallLimits());
  const start = (2 ** 32 - 30) * 8;
  startRing(arena, start);
  const thread = takeThreadSlot(arena, 1);
  for (const units of [10, 20, 30]) publish(arena, thread, units * 2, units);
  const unit = positionUnit(start);
  const released = (): number => (Atomics.load(arena.words, HEADER.ringReleased) - unit) | 0;
  t.notOk(releaseRing(arena, (unit + 60) | 0), 'main needs it still');
  setReleasable(arena, (unit + 30) | 0);
  t.ok(releaseRing(arena, (unit + 10) | 0));
  t.equal(released(), 10, 'no further than durable');
  t.ok(releaseRing(arena, (unit + 60) | 0));
  t.equal(released(), 30, 'no further than main says');
  t.equal(arena.words[unitWord(arena, (unit + 29) | 0)], 0, 'what is given back is zero');
  t.not(arena.words[unitWord(arena, (unit + 30) | 0)], 0, 'what is not is kept');
  t.equal(ringUsedUnits(arena), 30);
});

t.test('a full ring is a fault, and a frame of more than a quarter is a bug', async (t) => {
  const arena = createArena(smallLimits());
  startRing(arena, 0);
  const thread = takeThreadSlot(arena, 1);
  t.throws(() => reserveFrame(arena, thread, RING_UNITS / 4 + 1), /quarter/);
  for (let i = 0; i < 4; i++) publish(arena, thread, RING_UNITS / 2, i);
  t.throws(() => reserveFrame(arena, thread, 4), /credit/);
  t.equal(ringUsedUnits(arena), RING_UNITS);
});

t.test('durable positions of 53 bits are stored and loaded whole', async (t) => {
  const arena = createArena(smallLimits());
  for (const position of [0, 8, 2 ** 31, 2 ** 32 - 8, 2 ** 32, 2 ** 45 + 8, 2 ** 53 - 8]) {
    storeDurable(arena, position);
    t.equal(loadDurable(arena), position);
    t.equal(unitPosition(positionUnit(position), Math.max(0, position - 2 ** 33)), position);
    t.equal(unitPosition(positionUnit(position), position + 2 ** 33), position);
  }
});

/** Units left to the ring's end where a dead thread reserved: far from it, or so near that padding goes before. */
for (const rest of [1000, 7]) {
  for (const stage of ['only meant to', 'took it', 'took it and said so', 'published its padding'] as const) {
    t.test(
      `room of one that died when it ${stage}, ${rest} units before the end, is made good`,
      async (t) => {
        const arena = createArena(smallLimits());
        const start = (2 ** 32 * 2 - rest) * 8;
        startRing(arena, start);
        const dead = takeThreadSlot(arena, 1);
        const living = takeThreadSlot(arena, 2);
        const { words } = arena;
        const unit = positionUnit(start);
        const total = rest >= 20 ? 20 : rest + 20;
        words[dead + THREAD.reserveStart] = unit;
        words[dead + THREAD.reserveUnits] = stage === 'only meant to' || stage === 'took it' ? -total : total;
        if (stage !== 'only meant to') Atomics.store(words, HEADER.ringHead, (unit + total) | 0);
        if (stage === 'published its padding' && rest < 20) {
          publishFrame(arena, unit, packHeader(FRAME_KIND.padding, rest * 2));
        }
        // Half a frame's words are there, but not its header.
        if (stage !== 'only meant to') words[unitWord(arena, (unit + total - 20) | 0) + 3] = 1234;
        publish(arena, living, 16, 7);
        const found = inspectDeadReservation(arena, dead);
        if (stage === 'only meant to') {
          t.equal(found, 'none', 'the living one has that room');
        } else {
          t.equal(publishedUnits(arena, unit, RING_UNITS) < total, true, 'the consumer stops at the gap');
          // What it took with its last word unsaid can be told only while its padding is not published.
          t.equal(found, 'taken');
          padDeadReservation(arena, dead);
        }
        t.equal(words[dead + THREAD.reserveUnits] <= 0, true);
        const { words: run, position } = consume(arena, start);
        t.same(marks(run), [7], 'only the frame of the living one is left');
        t.equal(positionUnit(position), ringHead(arena), 'without a gap');
      },
    );
  }
}

t.test('of two that meant to take the same room, what their slots show tells who has it', async (t) => {
  const arena = createArena(smallLimits());
  startRing(arena, 0);
  const dead = takeThreadSlot(arena, 1);
  const rival = takeThreadSlot(arena, 2);
  const { words } = arena;
  const show = (thread: ThreadBase, start: number, units: number): void => {
    words[thread + THREAD.reserveStart] = start;
    words[thread + THREAD.reserveUnits] = units;
  };
  show(dead, 0, -10);
  t.equal(inspectDeadReservation(arena, dead), 'none', 'nobody has it');
  Atomics.store(words, HEADER.ringHead, 12);
  show(rival, 0, -12);
  t.equal(inspectDeadReservation(arena, dead), 'undecided');
  show(rival, 0, 12);
  t.equal(inspectDeadReservation(arena, dead), 'none', 'the rival has it');
  show(rival, 0, 0);
  publishFrame(arena, 0, packHeader(FRAME_KIND.hold, 24));
  t.equal(inspectDeadReservation(arena, dead), 'none', 'the rival had it, and has published');
  words[unitWord(arena, 0)] = 0;
  Atomics.store(words, HEADER.ringHead, 10);
  show(rival, 10, -12);
  t.equal(inspectDeadReservation(arena, dead), 'taken', 'the rival went on to the next');
});

/** What follows the room that one of several dead threads took, where it is told by its length. */
for (const behind of ['nothing', 'an intent', 'a frame to come', 'a frame'] as const) {
  t.test(
    `of several that died with room to take, the length tells whose it is: ${behind} follows`,
    async (t) => {
      for (const [taken, expected] of [
        [10, ['taken', 'none', 'none']],
        [14, ['none', 'taken', 'none']],
        [20, ['none', 'none', 'taken']],
      ] as const) {
        const arena = createArena(smallLimits({ workers: 3 }));
        const unit = -16;
        startRing(arena, 2 ** 35 + unit * 8);
        const { words } = arena;
        const show = (thread: ThreadBase, start: number, units: number): void => {
          words[thread + THREAD.reserveStart] = start;
          words[thread + THREAD.reserveUnits] = units;
        };
        const dead = [10, 14, 20].map((units, i) => {
          const thread = takeThreadSlot(arena, i + 1);
          show(thread, unit, -units);
          return thread;
        });
        const living = takeThreadSlot(arena, 4);
        Atomics.store(words, HEADER.ringHead, (unit + taken) | 0);
        if (behind === 'a frame') publish(arena, living, 40, 7);
        else if (behind === 'a frame to come') reserveFrame(arena, living, 20);
        if (behind === 'an intent') {
          // Whoever took that room shows it, too; an intent alone is enough to tell that it begins there.
          show(living, (unit + taken) | 0, -20);
          Atomics.store(words, HEADER.ringHead, (unit + taken + 30) | 0);
        }
        t.equal(inspectDeadReservation(arena, dead[0]), 'undecided', 'none has exited yet');
        for (const thread of dead) markExited(arena, thread);
        t.same(
          dead.map((thread) => inspectDeadReservation(arena, thread)),
          expected,
          `${taken} units were taken`,
        );
      }
    },
  );
}

t.test('of several that died with the same room to take, the one asked first has it', async (t) => {
  const arena = createArena(smallLimits());
  startRing(arena, 0);
  const { words } = arena;
  const dead = [1, 2, 3].map((id) => {
    const thread = takeThreadSlot(arena, id);
    words[thread + THREAD.reserveStart] = 0;
    words[thread + THREAD.reserveUnits] = -12;
    markExited(arena, thread);
    return thread;
  });
  t.equal(inspectDeadReservation(arena, dead[1]), 'none', 'the head has not moved');
  Atomics.store(words, HEADER.ringHead, 12);
  t.equal(inspectDeadReservation(arena, dead[1]), 'taken');
  padDeadReservation(arena, dead[1]);
  t.equal(inspectDeadReservation(arena, dead[0]), 'none');
  t.equal(inspectDeadReservation(arena, dead[2]), 'none');
  t.equal(publishedUnits(arena, 0, RING_UNITS), 12, 'without a gap');
});

t.test('a rival that publishes while the dead is looked at is not missed', async (t) => {
  const arena = createArena(smallLimits());
  startRing(arena, 0);
  const dead = takeThreadSlot(arena, 1);
  const rival = takeThreadSlot(arena, 2);
  const { words } = arena;
  const unit = reserveFrame(arena, rival, 12);
  words[dead + THREAD.reserveStart] = 0;
  words[dead + THREAD.reserveUnits] = -10;
  const load = Atomics.load;
  let isPublished = false;
  t.teardown(() => Object.assign(Atomics, { load }));
  Object.assign(Atomics, {
    load: (array: Int32Array, index: number) => {
      const value = load(array, index);
      if (index === unitWord(arena, 0) && !isPublished) {
        isPublished = true;
        publishFrame(arena, unit, packHeader(FRAME_KIND.hold, 24));
        endReservation(arena, rival);
      }
      return value;
    },
  });
  t.equal(inspectDeadReservation(arena, dead), 'none');
});

t.test(
  'three producers on real threads: every frame once, in its producer’s order, never torn',
  async (t) => {
    const stage = new Stage(3);
    t.teardown(() => stage.end());
    const { arena, shared } = stage;
    const each = isLong ? 40_000 : 1500;
    let position = (2 ** 32 - 4096) * 8;
    startRing(arena, position);
    for (const actor of stage.actors) actor.ask(TASK.produce, each);
    const next = stage.actors.map(() => 0);
    const deadline = Date.now() + (isLong ? 300_000 : 30_000);
    let frames = 0;
    let laps = 0;
    while (frames < each * next.length && Date.now() < deadline) {
      const wake = Atomics.load(arena.words, HEADER.journalWake);
      const run = consume(arena, position, 4096);
      if (run.words.length === 0) {
        Atomics.wait(arena.words, HEADER.journalWake, wake, 100);
        continue;
      }
      laps += (run.position - position) / 8 / RING_UNITS;
      ({ position } = run);
      const consumed = next.map(() => 0);
      for (let at = 0; at < run.words.length;) {
        const length = headerBytes(run.words[at]) / 4;
        if (headerKind(run.words[at]) !== FRAME_KIND.padding) {
          const producer = run.words[at + 1];
          const count = run.words[at + 2];
          if (count !== next[producer])
            throw new Error(`frame ${count} of ${producer}, expected ${next[producer]}`);
          if (length !== producedLength(producer, count)) throw new Error('a frame has another length');
          for (let word = 3; word < length; word++) {
            if (run.words[at + word] !== producedWord(producer, count, word))
              throw new Error('a frame is torn');
          }
          next[producer]++;
          consumed[producer] += length / 2;
          frames++;
        }
        at += length;
      }
      consumed.forEach((units, producer) => {
        Atomics.add(shared, CONSUMED + producer, units);
        Atomics.notify(shared, CONSUMED + producer);
      });
    }
    t.same(next, [each, each, each], 'every frame was seen');
    t.ok(laps > 5, `the ring went round ${laps.toFixed(1)} times`);
    t.equal(ringUsedUnits(arena), 0);
  },
);
