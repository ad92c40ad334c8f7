/** The FIFO mutex on real threads: order, wrapping tickets, and what the dead leave behind. */
import t from 'tap';
import { createArena, eventBase, type Arena } from '../../src/memory/arena.ts';
import { EVENT, LOCK_PHASE, THREAD } from '../../src/memory/layout.ts';
import {
  abandonDeadTicket,
  acquireMutex,
  forgetDeadLock,
  inspectDeadLock,
  nudgeMutex,
  passOnDeadMutex,
  releaseMutex,
  takeTicket,
} from '../../src/memory/mutex.ts';
import {
  findThreadSlot,
  freeThreadSlot,
  hasExited,
  markExited,
  takeThreadSlot,
  threadBase,
  type ThreadBase,
} from '../../src/memory/threads.ts';
import { smallLimits } from '../engine/rig.ts';
import { Stage } from './actors.ts';
import { COUNTER, TASK } from './fixtures/actor-words.ts';

/** Just below the wraps of signed and unsigned 32-bit numbers, and the beginning. */
const FIRST_TICKETS = [0, 0x7fff_fffe, -2] as const;
const SLOT = 1;

function startTickets(arena: Arena, ticket: number): void {
  const base = eventBase(arena, SLOT);
  Atomics.store(arena.words, base + EVENT.nextTicket, ticket);
  Atomics.store(arena.words, base + EVENT.servingTicket, ticket);
}

function tickets(arena: Arena): { next: number; serving: number } {
  const base = eventBase(arena, SLOT);
  return { next: arena.words[base + EVENT.nextTicket], serving: arena.words[base + EVENT.servingTicket] };
}

function isFree(arena: Arena): boolean {
  const { next, serving } = tickets(arena);
  return next === serving;
}

for (const first of FIRST_TICKETS) {
  t.test(`from ticket ${first} on, threads enter in the order of their tickets`, async (t) => {
    const stage = new Stage(4);
    t.teardown(() => stage.end());
    const [owner, ...others] = stage.actors;
    startTickets(stage.arena, first);
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 2, 0],
    ]) {
      stage.clearLog();
      owner.do(TASK.ticket);
      owner.do(TASK.enter);
      const entering = order.map((i) => others[i]);
      for (const actor of entering) actor.do(TASK.ticket);
      // They go to sleep in the opposite order, which must not matter.
      for (const actor of [...entering].reverse()) actor.ask(TASK.pass);
      t.same(stage.log, [owner.index], 'nobody enters before the owner releases');
      owner.do(TASK.release);
      for (const actor of entering) actor.finish();
      t.same(stage.log, [owner.index, ...entering.map((actor) => actor.index)], 'first come, first served');
      t.ok(isFree(stage.arena), 'the mutex is free in the end');
    }
  });

  t.test(`from ticket ${first} on, dead waiters are passed over and a dead owner is relieved`, async (t) => {
    const stage = new Stage(5);
    t.teardown(() => stage.end());
    const [owner, one, two, three, last] = stage.actors;
    startTickets(stage.arena, first);
    owner.do(TASK.ticket);
    owner.do(TASK.enter);
    for (const actor of [one, two, three, last]) {
      actor.do(TASK.ticket);
      actor.ask(TASK.pass);
    }
    // Three in a row die asleep; one is found only after its ticket has come up.
    await Promise.all([one.kill(), two.kill(), three.kill()]);
    for (const dead of [two, three]) {
      const { slot } = dead;
      t.same(inspectDeadLock(stage.arena, slot), { kind: 'waiter', slot: SLOT });
      abandonDeadTicket(stage.arena, slot);
      t.same(
        inspectDeadLock(stage.arena, slot),
        { kind: 'none' },
        'an abandoned ticket is nobody’s any more',
      );
      t.equal(
        findThreadSlot(stage.arena, dead.threadId),
        slot,
        'its slot is kept until the ticket is passed over',
      );
    }
    const oneSlot = one.slot;
    await owner.kill();
    const ownerSlot = owner.slot;
    t.same(inspectDeadLock(stage.arena, ownerSlot), { kind: 'owner', slot: SLOT });
    passOnDeadMutex(stage.arena, ownerSlot);
    t.same(
      inspectDeadLock(stage.arena, oneSlot),
      { kind: 'owner', slot: SLOT },
      'it died asleep and is served now',
    );
    passOnDeadMutex(stage.arena, oneSlot);
    last.finish();
    t.same(stage.log, [owner.index, last.index], 'the living one enters');
    for (const dead of [two, three])
      t.equal(findThreadSlot(stage.arena, dead.threadId), null, 'slots are free again');
    t.ok(isFree(stage.arena));
  });
}

t.test('a waiter that is abandoned when its ticket is up already is passed over at once', async (t) => {
  const stage = new Stage(3);
  t.teardown(() => stage.end());
  const [owner, dead, next] = stage.actors;
  owner.do(TASK.ticket);
  owner.do(TASK.enter);
  dead.do(TASK.ticket);
  next.do(TASK.ticket);
  next.ask(TASK.pass);
  await dead.kill();
  const { slot } = dead;
  t.same(inspectDeadLock(stage.arena, slot), { kind: 'waiter', slot: SLOT });
  // Between the look and what follows from it, the owner releases.
  owner.do(TASK.release);
  t.notOk(next.isDone);
  abandonDeadTicket(stage.arena, slot);
  next.finish();
  t.same(stage.log, [owner.index, next.index]);
  t.equal(findThreadSlot(stage.arena, dead.threadId), null, 'its slot is free');
  t.ok(isFree(stage.arena));
});

t.test(
  'a thread that died after it moved the mutex on and before it woke the next is made good',
  async (t) => {
    const stage = new Stage(2);
    t.teardown(() => stage.end());
    const [owner, next] = stage.actors;
    owner.do(TASK.ticket);
    owner.do(TASK.enter);
    next.do(TASK.ticket);
    next.ask(TASK.pass);
    await owner.kill();
    const { slot } = owner;
    // The first step of its release, by hand, and no wake-up.
    const base = eventBase(stage.arena, SLOT);
    Atomics.add(stage.arena.words, base + EVENT.servingTicket, 1);
    t.same(inspectDeadLock(stage.arena, slot), { kind: 'released', slot: SLOT });
    forgetDeadLock(stage.arena, slot);
    nudgeMutex(stage.arena, SLOT);
    next.finish();
    t.same(stage.log, [owner.index, next.index]);
    t.ok(isFree(stage.arena));
  },
);

/** A slot as a thread would have left it. */
function leave(arena: Arena, thread: ThreadBase, ticket: number, phase: number): void {
  arena.words[thread + THREAD.lockEvent] = SLOT + 1;
  arena.words[thread + THREAD.lockTicket] = ticket;
  arena.words[thread + THREAD.lockPhase] = phase;
}

for (const first of FIRST_TICKETS) {
  t.test(
    `from ticket ${first} on, one that died while it took a ticket is told by what all slots show`,
    async (t) => {
      const arena = createArena(smallLimits());
      const dead = takeThreadSlot(arena, 1);
      const rival = takeThreadSlot(arena, 2);
      const { words } = arena;
      const base = eventBase(arena, SLOT);
      const wrap = (ticket: number): number => ticket | 0;
      startTickets(arena, first);

      leave(arena, dead, first, LOCK_PHASE.intent);
      t.same(inspectDeadLock(arena, dead), { kind: 'none' }, 'it meant to, and had not');
      Atomics.store(words, base + EVENT.nextTicket, wrap(first + 1));
      t.same(inspectDeadLock(arena, dead), { kind: 'owner', slot: SLOT }, 'nobody else can have taken it');
      leave(arena, rival, first, LOCK_PHASE.intent);
      t.same(inspectDeadLock(arena, dead), { kind: 'undecided', slot: SLOT }, 'one of the two has');
      leave(arena, rival, first, LOCK_PHASE.taken);
      t.same(inspectDeadLock(arena, dead), { kind: 'none' }, 'the other has');
      leave(arena, rival, first, LOCK_PHASE.abandoned);
      t.same(inspectDeadLock(arena, dead), { kind: 'none' }, 'the other had, and is dead as well');
      leave(arena, rival, wrap(first + 1), LOCK_PHASE.intent);
      t.same(inspectDeadLock(arena, dead), { kind: 'owner', slot: SLOT }, 'the other went on to the next');
      Atomics.store(words, base + EVENT.servingTicket, wrap(first + 1));
      t.same(inspectDeadLock(arena, dead), { kind: 'none' }, 'it was served and passed: it was another’s');

      startTickets(arena, first);
      leave(arena, rival, first, LOCK_PHASE.taken);
      leave(arena, dead, wrap(first + 1), LOCK_PHASE.intent);
      Atomics.store(words, base + EVENT.nextTicket, wrap(first + 2));
      t.same(inspectDeadLock(arena, dead), { kind: 'waiter', slot: SLOT });
      abandonDeadTicket(arena, dead);
      releaseMutex(arena, rival);
      t.ok(isFree(arena), 'its ticket is passed over');
      t.equal(words[dead + THREAD.threadId], 0, 'its slot is free');
    },
  );
}

for (const first of FIRST_TICKETS) {
  t.test(`from ticket ${first} on, one of several that died while they took a ticket has it`, async (t) => {
    const arena = createArena(smallLimits());
    const { words } = arena;
    const dead = [1, 2, 3].map((id) => takeThreadSlot(arena, id));
    const living = takeThreadSlot(arena, 4);
    startTickets(arena, first);
    for (const thread of [...dead, living]) leave(arena, thread, first, LOCK_PHASE.intent);
    Atomics.store(words, eventBase(arena, SLOT) + EVENT.nextTicket, (first + 1) | 0);
    markExited(arena, dead[0]);
    markExited(arena, dead[1]);
    t.same(inspectDeadLock(arena, dead[0]), { kind: 'undecided', slot: SLOT }, 'the living one may have it');
    leave(arena, living, (first + 1) | 0, LOCK_PHASE.intent);
    t.same(inspectDeadLock(arena, dead[0]), { kind: 'undecided', slot: SLOT }, 'the third is ending');
    markExited(arena, dead[2]);
    t.same(inspectDeadLock(arena, dead[1]), { kind: 'owner', slot: SLOT }, 'the one that is asked has it');
    passOnDeadMutex(arena, dead[1]);
    t.same(inspectDeadLock(arena, dead[0]), { kind: 'none' }, 'then no other has');
    t.same(inspectDeadLock(arena, dead[2]), { kind: 'none' });
    t.ok(isFree(arena), 'the ticket was passed over once');

    const owner = takeThreadSlot(arena, 5);
    acquireMutex(arena, owner, SLOT);
    const second = (first + 2) | 0;
    for (const thread of dead) leave(arena, thread, second, LOCK_PHASE.intent);
    Atomics.store(words, eventBase(arena, SLOT) + EVENT.nextTicket, (second + 1) | 0);
    t.same(inspectDeadLock(arena, dead[2]), { kind: 'waiter', slot: SLOT });
    abandonDeadTicket(arena, dead[2]);
    t.same(inspectDeadLock(arena, dead[0]), { kind: 'none' }, 'one of them waits');
    releaseMutex(arena, owner);
    t.same(inspectDeadLock(arena, dead[1]), { kind: 'none' }, 'and has been passed over');
    t.ok(isFree(arena));
  });
}

t.test('a thread that takes the slot of a dead one is not taken for dead', async (t) => {
  const arena = createArena(smallLimits());
  const dead = takeThreadSlot(arena, 1);
  markExited(arena, dead);
  freeThreadSlot(arena, dead);
  const successor = takeThreadSlot(arena, 2);
  t.equal(successor, dead);
  t.notOk(hasExited(arena, successor));
});

t.test('a slot that goes on to another ticket while it is looked at is not mistaken', async (t) => {
  const arena = createArena(smallLimits());
  const dead = takeThreadSlot(arena, 1);
  const rival = takeThreadSlot(arena, 2);
  startTickets(arena, 5);
  Atomics.store(arena.words, eventBase(arena, SLOT) + EVENT.nextTicket, 7);
  leave(arena, dead, 5, LOCK_PHASE.intent);
  leave(arena, rival, 5, LOCK_PHASE.intent);
  // Between the loads of the rival's ticket and of its phase the rival fails for 5 and takes 6.
  const load = Atomics.load;
  t.teardown(() => Object.assign(Atomics, { load }));
  Object.assign(Atomics, {
    load: (words: Int32Array, index: number) => {
      const value = load(words, index);
      if (index === rival + THREAD.lockTicket && value === 5) leave(arena, rival, 6, LOCK_PHASE.taken);
      return value;
    },
  });
  t.same(inspectDeadLock(arena, dead), { kind: 'owner', slot: SLOT }, 'ticket 5 is the dead one’s');
});

t.test('a rival that releases while the dead is looked at is not missed', async (t) => {
  const arena = createArena(smallLimits());
  const dead = takeThreadSlot(arena, 1);
  const rival = takeThreadSlot(arena, 2);
  startTickets(arena, 5);
  acquireMutex(arena, rival, SLOT);
  leave(arena, dead, 5, LOCK_PHASE.intent);
  const load = Atomics.load;
  let isReleased = false;
  const { words } = arena;
  Object.assign(Atomics, {
    load: (array: Int32Array, index: number) => {
      const value = load(array, index);
      if (index === rival + THREAD.lockEvent && !isReleased) {
        isReleased = true;
        releaseMutex(arena, rival);
      }
      return value;
    },
  });
  t.teardown(() => Object.assign(Atomics, { load }));
  t.same(inspectDeadLock(arena, dead), { kind: 'none' }, 'ticket 5 was the rival’s');
  t.equal(words[rival + THREAD.lockPhase], LOCK_PHASE.none);
});

t.test('a thread holds one mutex at most, and only the owner releases', async (t) => {
  const arena = createArena(smallLimits());
  const one = takeThreadSlot(arena, 1);
  const two = takeThreadSlot(arena, 2);
  acquireMutex(arena, one, SLOT);
  t.throws(() => takeTicket(arena, one, 2), /one mutex at most/);
  takeTicket(arena, two, SLOT);
  t.throws(() => releaseMutex(arena, two), /only the owner/);
  releaseMutex(arena, one);
  t.equal(tickets(arena).serving, 1);
});

t.test('there are as many thread slots as the layout says, and running out is a bug', async (t) => {
  const arena = createArena(smallLimits());
  for (let i = 0; i < arena.geometry.threadsMax; i++)
    t.equal(takeThreadSlot(arena, i + 1), threadBase(arena, i));
  t.throws(() => takeThreadSlot(arena, 99), /free thread slot/);
});

t.test('four threads count one by one under the mutex, and no count is lost', async (t) => {
  const stage = new Stage(4);
  t.teardown(() => stage.end());
  const each = 5000;
  startTickets(stage.arena, 0x7fff_ffff - 100);
  for (const actor of stage.actors) actor.ask(TASK.count, each);
  for (const actor of stage.actors) actor.finish();
  t.equal(stage.shared[COUNTER], 4 * each);
  t.ok(isFree(stage.arena));
});
