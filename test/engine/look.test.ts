/** The doors to an event's memory: what a look does to the guard, and to the gate of the batch. */
import t from 'tap';
import { inWindow, lookAt, raiseGate, underMutex } from '../../src/engine/look.ts';
import { createArena, eventBase } from '../../src/memory/arena.ts';
import { closeGuard, openGuard } from '../../src/memory/guard.ts';
import { EVENT } from '../../src/memory/layout.ts';
import { startRing } from '../../src/memory/ring.ts';
import { takeThreadSlot } from '../../src/memory/threads.ts';
import { newContext, smallLimits } from './rig.ts';

const SLOT = 1;

function contextOf(): ReturnType<typeof newContext> {
  const arena = createArena(smallLimits());
  startRing(arena, 0);
  return newContext(arena, takeThreadSlot(arena, 1));
}

/** A change that leaves the event at `position`. */
function change(context: ReturnType<typeof newContext>, sequence: number, position: number): void {
  openGuard(context.arena, SLOT, 0);
  closeGuard(context.arena, SLOT, sequence, position);
}

/** Calls `act`; which Atomics it calls on the guard's word, in order, with what `act` itself notes. */
function seenAt(word: number, act: (note: (name: string) => void) => void): string[] {
  const seen: string[] = [];
  const { load, add } = Atomics;
  Atomics.load = ((array: Int32Array, index: number) => {
    if (index === word) seen.push('load');
    return load(array, index);
  }) as typeof load;
  Atomics.add = ((array: Int32Array, index: number, value: number) => {
    if (index === word) seen.push(`add ${value}`);
    return add(array, index, value);
  }) as typeof add;
  try {
    act((name) => void seen.push(name));
  } finally {
    Object.assign(Atomics, { load, add });
  }
  return seen;
}

t.test(
  'a window is closed by a read-modify-write of the guard before the guard is looked at again',
  async (t) => {
    const context = contextOf();
    const word = eventBase(context.arena, SLOT) + EVENT.guard;
    // On x86 loads are not done late, so no race would show a missing one: the order of the calls is what is proven.
    const seen = seenAt(word, (note) => inWindow(context, SLOT, () => note('the loads')));
    t.same(seen, ['load', 'the loads', 'add 0', 'load']);
  },
);

t.test('the gate is the highest position of all events looked at, at the last look', async (t) => {
  const context = contextOf();
  change(context, 1, 4096);
  t.equal(context.gate, 0);
  lookAt(context, SLOT);
  t.equal(context.gate, 4096);
  change(context, 2, 8192);
  t.equal(context.gate, 4096, 'what came after is not shown');
  underMutex(context, SLOT, () => null);
  t.equal(context.gate, 8192);
  lookAt(context, 2);
  raiseGate(context, 100);
  t.equal(context.gate, 8192, 'it never falls');
});

t.test('a window in which the event changed counts with what it has changed to', async (t) => {
  const context = contextOf();
  change(context, 1, 4096);
  let looks = 0;
  inWindow(context, SLOT, () => {
    if (looks++ === 0) change(context, 2, 8192);
  });
  t.equal(looks, 2, 'the first is not taken');
  t.equal(context.gate, 8192);
});

t.test('an event that changes with every look is looked at under its mutex', async (t) => {
  const context = contextOf();
  const { words } = context.arena;
  const base = eventBase(context.arena, SLOT);
  let looks = 0;
  inWindow(context, SLOT, () => {
    looks++;
    const isHeld = words[base + EVENT.nextTicket] !== words[base + EVENT.servingTicket];
    if (!isHeld) change(context, looks, looks * 4096);
    return isHeld;
  });
  t.equal(looks, 5);
  t.equal(context.gate, 4 * 4096);
});
