/**
 * Repair of threads that died side by side: forced interleavings of the real code, in which one thread runs while others
 * stand still before or behind any of their calls of Atomics, and each may die there.
 */
import * as fc from 'fast-check';
import t from 'tap';
import { FRAME_KIND, headerBytes, headerKind, packHeader } from '../../src/core/frame.ts';
import { repairThread } from '../../src/engine/repair.ts';
import { createArena, eventBase, type Arena } from '../../src/memory/arena.ts';
import { EVENT, THREAD } from '../../src/memory/layout.ts';
import { releaseMutex, takeTicket } from '../../src/memory/mutex.ts';
import {
  endReservation,
  publishedUnits,
  publishFrame,
  reserveFrame,
  ringHead,
  startRing,
  unitWord,
} from '../../src/memory/ring.ts';
import { takeThreadSlot, type ThreadBase } from '../../src/memory/threads.ts';
import { isLong, MIB, smallLimits, testSeed } from './rig.ts';

class Died extends Error {}

type AtomicsCall = (array: Int32Array, ...values: number[]) => number;
const CALLS = ['load', 'store', 'compareExchange'] as const;

/** What happens before a call of Atomics, and behind it. */
const STEPS = [
  'go',
  'go',
  'go',
  'go',
  'other',
  'other',
  'other',
  'die',
  'repair',
  'repair',
  'elsewhere',
] as const;
type Step = (typeof STEPS)[number];

/**
 * Threads whose calls of Atomics are stopped at. `work` is what each does; a script says what happens at each stop, and
 * when it has come to its end everybody goes on.
 */
class Threads {
  readonly arena = createArena(smallLimits({ workers: 3 }));
  readonly #work: (thread: ThreadBase, index: number) => void;
  readonly #script: Step[];
  readonly #waiting: number[] = [];
  readonly slots: ThreadBase[] = [];
  readonly dead = new Set<number>();
  /** Died, and not repaired yet. */
  readonly #held = new Set<number>();
  /** Repairs that had to wait for a living thread. */
  undecided = 0;
  #isMain = false;
  /** What is done elsewhere meanwhile: where the script says so, and after each repair. */
  elsewhere: () => void = () => undefined;

  constructor(count: number, script: readonly Step[], work: (thread: ThreadBase, index: number) => void) {
    this.#work = work;
    this.#script = [...script];
    for (let index = 0; index < count; index++) {
      this.slots.push(takeThreadSlot(this.arena, index + 1));
      this.#waiting.push(index);
    }
  }

  /** Runs all of them, then repairs the dead ones. */
  run(): void {
    const table = Atomics as unknown as Record<string, AtomicsCall>;
    const originals = CALLS.map((name) => table[name]);
    CALLS.forEach((name, i) => {
      table[name] = (...values) => {
        this.#stop();
        const result = originals[i].call(Atomics, ...values);
        this.#stop();
        return result;
      };
    });
    try {
      while (this.#waiting.length > 0) this.#runNext();
    } finally {
      CALLS.forEach((name, i) => (table[name] = originals[i]));
    }
    this.#repair();
    if (this.#held.size > 0) throw new Error(`what ${[...this.#held].join()} held stays undecided`);
  }

  #stop(): void {
    if (this.#isMain) return;
    switch (this.#script.shift() ?? 'go') {
      case 'go':
        return;
      case 'other':
        this.#runNext();
        return;
      case 'die':
        throw new Died();
      case 'repair':
        this.#repair();
        this.#asMain(this.elsewhere);
        return;
      case 'elsewhere':
        this.#asMain(this.elsewhere);
    }
  }

  #runNext(): void {
    const index = this.#waiting.shift();
    if (index === undefined) return;
    try {
      this.#work(this.slots[index], index);
    } catch (error) {
      if (!(error instanceof Died)) throw error;
      this.dead.add(index);
      this.#held.add(index);
    }
  }

  /** Asks for each dead one until nothing more is decided. */
  #repair(): void {
    this.#asMain(() => {
      for (let isMoving = true; isMoving;) {
        isMoving = false;
        for (const index of this.#held) {
          if (repairThread(this.arena, this.slots[index]) === 'done') {
            this.#held.delete(index);
            isMoving = true;
          }
        }
      }
      this.undecided += this.#held.size;
    });
  }

  #asMain(action: () => void): void {
    this.#isMain = true;
    try {
      action();
    } finally {
      this.#isMain = false;
    }
  }
}

const SLOT = 1;
const script = fc.array(fc.constantFrom(...STEPS), { minLength: 60, maxLength: 60 });
const count = fc.integer({ min: 2, max: 6 });
const runs = isLong ? 20_000 : 300;

t.test('of threads that die while they take a ticket, each ticket is given back exactly once', async (t) => {
  const seed = testSeed();
  t.comment(`seed ${seed}`);
  let deaths = 0;
  let undecided = 0;
  const first = fc.constantFrom(0, 0x7fff_fffe, -2);
  const property = fc.property(first, count, script, (ticket, threadCount, steps) => {
    const served: number[] = [];
    const alive: { index: number; ticket: number }[] = [];
    const threads = new Threads(threadCount, steps, (thread, index) => {
      alive.push({ index, ticket: takeTicket(threads.arena, thread, SLOT) });
    });
    const { arena } = threads;
    const at = eventBase(arena, SLOT);
    Atomics.store(arena.words, at + EVENT.nextTicket, ticket);
    Atomics.store(arena.words, at + EVENT.servingTicket, ticket);
    const serving = (): number => arena.words[at + EVENT.servingTicket];
    // A living thread that has its ticket gives the mutex back.
    threads.elsewhere = () => {
      const owner = alive.findIndex((each) => each.ticket === serving());
      if (owner < 0) return;
      const [{ index }] = alive.splice(owner, 1);
      releaseMutex(arena, threads.slots[index]);
      served.push(index);
    };
    threads.run();
    for (let left = alive.length; left > 0; left--) threads.elsewhere();
    if (alive.length > 0) throw new Error(`${alive.length} living threads are never served`);
    if (served.length + threads.dead.size !== threadCount)
      throw new Error('a thread is neither served nor dead');
    if (serving() !== arena.words[at + EVENT.nextTicket]) throw new Error('the mutex is not free in the end');
    for (const index of threads.dead) {
      if (arena.words[threads.slots[index] + THREAD.threadId] !== 0) throw new Error('a slot is not free');
    }
    deaths += threads.dead.size;
    undecided += threads.undecided;
  });
  fc.assert(property, { seed, numRuns: runs });
  t.ok(deaths > runs && undecided > 0, `${deaths} deaths, ${undecided} repairs that had to wait`);
});

/** The journal thread: reads what is published without a gap, and each frame once. */
class Consumer {
  readonly #arena: Arena;
  readonly marks: number[] = [];
  #tail: number;

  constructor(arena: Arena, tail: number) {
    this.#arena = arena;
    this.#tail = tail;
  }

  consume(): void {
    const { words } = this.#arena;
    for (let left = publishedUnits(this.#arena, this.#tail, MIB); left > 0;) {
      const word = unitWord(this.#arena, this.#tail);
      const bytes = headerBytes(words[word]);
      if (headerKind(words[word]) !== FRAME_KIND.padding) {
        const mark = words[word + 1];
        if (words[word + bytes / 4 - 1] !== mark) throw new Error(`frame ${mark} is torn`);
        this.marks.push(mark);
      }
      this.#tail = (this.#tail + bytes / 8) | 0;
      left -= bytes / 8;
    }
  }

  get hasGap(): boolean {
    return this.#tail !== ringHead(this.#arena);
  }
}

t.test(
  'of threads that die while they take room in the ring, no gap stays and no frame is lost',
  async (t) => {
    const seed = testSeed();
    t.comment(`seed ${seed}`);
    let deaths = 0;
    let undecided = 0;
    const { ringUnits } = createArena(smallLimits({ workers: 3 })).geometry;
    const first = fc.constantFrom(0, 30, ringUnits - 30, ringUnits - 7, 2 ** 31 - 12, 2 ** 32 - 12);
    const lengths = fc.array(fc.constantFrom(5, 5, 5, 7, 10, 12, ringUnits / 8), {
      minLength: 6,
      maxLength: 6,
    });
    const property = fc.property(first, lengths, count, script, (unit, units, threadCount, steps) => {
      const published: number[] = [];
      const threads = new Threads(threadCount, steps, (thread, index) => {
        const { arena } = threads;
        const frame = reserveFrame(arena, thread, units[index]);
        const word = unitWord(arena, frame);
        arena.words[word + 1] = index + 1;
        arena.words[word + units[index] * 2 - 1] = index + 1;
        try {
          publishFrame(arena, frame, packHeader(FRAME_KIND.hold, units[index] * 2));
        } finally {
          // It may have died before the store, or behind it.
          if (arena.words[word] !== 0) published.push(index + 1);
        }
        endReservation(arena, thread);
      });
      startRing(threads.arena, unit * 8);
      const journal = new Consumer(threads.arena, unit | 0);
      threads.elsewhere = () => journal.consume();
      threads.run();
      journal.consume();
      if (journal.hasGap) throw new Error('the ring keeps a gap');
      const isSame =
        journal.marks.length === published.length && published.every((mark) => journal.marks.includes(mark));
      if (!isSame)
        throw new Error(`frames ${journal.marks.join()} are read, ${published.join()} were published`);
      deaths += threads.dead.size;
      undecided += threads.undecided;
    });
    fc.assert(property, { seed, numRuns: runs });
    t.ok(deaths > runs && undecided > 0, `${deaths} deaths, ${undecided} repairs that had to wait`);
  },
);
