/**
 * The FIFO mutex of an event: a ticket lock whose waiters sleep on words of their own.
 *
 * Workers only: it blocks in Atomics.wait. Invariants:
 * - nextTicket − servingTicket is the number of tickets out; tickets wrap and are compared by equality only.
 * - A thread writes (event, ticket, intent) into its slot *before* the compare-and-swap that takes the ticket, and
 *   `taken` after it; so from all slots the supervisor can tell which tickets a dead thread has.
 * - Whoever moves servingTicket wakes the slot that shows the new ticket; a ticket whose thread is dead is marked
 *   `abandoned` and passed over by whoever comes to serve it.
 *
 * The catch: a wake-up is sent to a slot that shows the ticket, taken or only intended. A spurious one costs a
 * loop; a missed one cannot be, since a waiter reads its wake word before it looks at servingTicket.
 */
import { assert } from '../core/assert.ts';
import { eventBase, type Arena } from './arena.ts';
import { EVENT, LOCK_PHASE, THREAD } from './layout.ts';
import { hasExited, threadBase, type ThreadBase } from './threads.ts';

/** Every failed try means that another thread got a ticket, so this many in a row means broken memory. */
const TICKET_TRIES_MAX = 1_000_000;

/** Takes a ticket without waiting for it. Split from acquire() so that tests can force interleavings. */
export function takeTicket(arena: Arena, thread: ThreadBase, slot: number): number {
  const { words } = arena;
  const base = eventBase(arena, slot);
  assert(
    Atomics.load(words, thread + THREAD.lockPhase) === LOCK_PHASE.none,
    'a thread holds one mutex at most',
  );
  Atomics.store(words, thread + THREAD.lockEvent, slot + 1);
  for (let tries = 0; tries < TICKET_TRIES_MAX; tries++) {
    const ticket = Atomics.load(words, base + EVENT.nextTicket);
    Atomics.store(words, thread + THREAD.lockTicket, ticket);
    Atomics.store(words, thread + THREAD.lockPhase, LOCK_PHASE.intent);
    // Takes the ticket; pairs with itself in other threads, and with the supervisor's look at nextTicket.
    if (Atomics.compareExchange(words, base + EVENT.nextTicket, ticket, (ticket + 1) | 0) === ticket) {
      Atomics.store(words, thread + THREAD.lockPhase, LOCK_PHASE.taken);
      return ticket;
    }
  }
  assert(false, 'a ticket is taken in a bounded number of tries');
}

/** Sleeps until the ticket is served. */
export function awaitTicket(arena: Arena, thread: ThreadBase, slot: number, ticket: number): void {
  const { words } = arena;
  const base = eventBase(arena, slot);
  for (;;) {
    // Read before servingTicket: a release in between changes it, and the wait below returns at once.
    const wake = Atomics.load(words, thread + THREAD.wake);
    // Acquires; pairs with the store in serve().
    if (Atomics.load(words, base + EVENT.servingTicket) === ticket) return;
    Atomics.wait(words, thread + THREAD.wake, wake);
  }
}

export function acquireMutex(arena: Arena, thread: ThreadBase, slot: number): void {
  const ticket = takeTicket(arena, thread, slot);
  awaitTicket(arena, thread, slot, ticket);
}

export function releaseMutex(arena: Arena, thread: ThreadBase): void {
  const { words } = arena;
  const slot = Atomics.load(words, thread + THREAD.lockEvent) - 1;
  const ticket = Atomics.load(words, thread + THREAD.lockTicket);
  const base = eventBase(arena, slot);
  assert(Atomics.load(words, thread + THREAD.lockPhase) === LOCK_PHASE.taken, 'a released mutex was taken');
  assert(Atomics.load(words, base + EVENT.servingTicket) === ticket, 'only the owner releases a mutex');
  serve(arena, slot, ticket);
  // Last: a thread that dies above still shows the event, so that the supervisor wakes who is served now.
  Atomics.store(words, thread + THREAD.lockPhase, LOCK_PHASE.none);
}

/** Passes the mutex on from `ticket` to the next ticket that has a living thread. Never waits: main may call it. */
function serve(arena: Arena, slot: number, ticket: number): void {
  const { words } = arena;
  const base = eventBase(arena, slot);
  let served = ticket;
  for (let passed = 0; passed <= arena.geometry.threadsMax; passed++) {
    const next = (served + 1) | 0;
    // Releases; pairs with the load in awaitTicket(). Compare-and-swap, since the supervisor may pass the same
    // abandoned ticket over at the same time, and only one of the two may go on.
    if (Atomics.compareExchange(words, base + EVENT.servingTicket, served, next) !== served) return;
    if (passed > 0) clearAbandoned(arena, slot, served);
    if (!wakeTicket(arena, slot, next)) return;
    served = next;
  }
  assert(false, 'no more tickets are abandoned than there are threads');
}

/** Wakes the thread that shows this ticket; true when the ticket is abandoned and is to be passed over. */
function wakeTicket(arena: Arena, slot: number, ticket: number): boolean {
  const { words, geometry } = arena;
  let abandoned = false;
  for (let index = 0; index < geometry.threadsMax; index++) {
    const thread = threadBase(arena, index);
    const phase = phaseAt(arena, thread, slot, ticket);
    if (phase === LOCK_PHASE.abandoned) abandoned = true;
    if (phase !== LOCK_PHASE.intent && phase !== LOCK_PHASE.taken) continue;
    // Pairs with the load and the wait in awaitTicket().
    Atomics.add(words, thread + THREAD.wake, 1);
    Atomics.notify(words, thread + THREAD.wake);
  }
  return abandoned;
}

/** Frees the slots of dead waiters whose ticket was passed over. */
function clearAbandoned(arena: Arena, slot: number, ticket: number): void {
  const { words, geometry } = arena;
  for (let index = 0; index < geometry.threadsMax; index++) {
    const thread = threadBase(arena, index);
    if (phaseAt(arena, thread, slot, ticket) !== LOCK_PHASE.abandoned) continue;
    // Two threads may come to free it, and once it is free another may take it: only one of the two frees it.
    const phase = thread + THREAD.lockPhase;
    if (
      Atomics.compareExchange(words, phase, LOCK_PHASE.abandoned, LOCK_PHASE.none) !== LOCK_PHASE.abandoned
    ) {
      continue;
    }
    // Pairs with the compare-and-swap in takeThreadSlot().
    Atomics.store(words, thread + THREAD.threadId, 0);
  }
}

/** The phase in which a thread shows this ticket of this event; none when it shows another. */
function phaseAt(arena: Arena, thread: ThreadBase, slot: number, ticket: number): number {
  const { words } = arena;
  if (!showsTicket(words, thread, slot, ticket)) return LOCK_PHASE.none;
  const phase = Atomics.load(words, thread + THREAD.lockPhase);
  // Looked at again: it may have gone on to another ticket, and the phase be of that one.
  return showsTicket(words, thread, slot, ticket) ? phase : LOCK_PHASE.none;
}

function showsTicket(words: Int32Array, thread: ThreadBase, slot: number, ticket: number): boolean {
  return (
    Atomics.load(words, thread + THREAD.lockEvent) === slot + 1 &&
    Atomics.load(words, thread + THREAD.lockTicket) === ticket
  );
}

/** What a dead thread has to do with a mutex, as told from all slots. */
export type DeadLock =
  | { readonly kind: 'none' }
  /** It owns the mutex of `slot`: repair the event, then passOnDeadMutex(). */
  | { readonly kind: 'owner'; readonly slot: number }
  /** It waits for it: abandonDeadTicket(). */
  | { readonly kind: 'waiter'; readonly slot: number }
  /** It died while it passed the mutex on: nudgeMutex(). */
  | { readonly kind: 'released'; readonly slot: number }
  /** A thread that has not exited is between intending the same ticket and taking it: ask again. */
  | { readonly kind: 'undecided'; readonly slot: number };

/**
 * Tells what a thread that has exited holds. Changes nothing. Main thread.
 *
 * A ticket that is given out has one taker. From before it takes the ticket until it has passed the mutex on, the taker
 * shows the ticket: as an intent, then as taken. So when no other thread shows the ticket as taken or abandoned, it was
 * not served and passed on, and each thread that intends it has exited, the taker is one of those. None of them got any
 * further than the others, so it does not matter which: the one asked first has it, and what follows (its ticket is
 * abandoned, or the mutex passes on) takes it from the others.
 */
export function inspectDeadLock(arena: Arena, dead: ThreadBase): DeadLock {
  const { words } = arena;
  const phase = Atomics.load(words, dead + THREAD.lockPhase);
  if (phase === LOCK_PHASE.none || phase === LOCK_PHASE.abandoned) return { kind: 'none' };
  const slot = Atomics.load(words, dead + THREAD.lockEvent) - 1;
  const base = eventBase(arena, slot);
  const ticket = Atomics.load(words, dead + THREAD.lockTicket);
  // Tickets given out are looked at before the rivals, and served ones after: so the one that took this ticket shows
  // it in between, or has released it and is seen to have been served.
  const isGiven = ((Atomics.load(words, base + EVENT.nextTicket) - ticket) | 0) > 0;
  if (phase === LOCK_PHASE.intent && !isGiven) return { kind: 'none' };
  const rival = phase === LOCK_PHASE.intent ? rivalPhase(arena, dead, slot, ticket) : LOCK_PHASE.none;
  const ahead = (ticket - Atomics.load(words, base + EVENT.servingTicket)) | 0;
  if (phase === LOCK_PHASE.taken && ahead < 0) return { kind: 'released', slot };
  // Served and passed already: then it was another thread's.
  if (ahead < 0 || rival === LOCK_PHASE.taken || rival === LOCK_PHASE.abandoned) return { kind: 'none' };
  if (rival === LOCK_PHASE.intent) return { kind: 'undecided', slot };
  return ahead === 0 ? { kind: 'owner', slot } : { kind: 'waiter', slot };
}

/** The furthest that another thread shows to have come with a ticket. Intents of those that have exited do not count. */
function rivalPhase(arena: Arena, dead: ThreadBase, slot: number, ticket: number): number {
  let furthest: number = LOCK_PHASE.none;
  for (let index = 0; index < arena.geometry.threadsMax; index++) {
    const thread = threadBase(arena, index);
    const phase = thread === dead ? LOCK_PHASE.none : phaseAt(arena, thread, slot, ticket);
    if (phase > furthest && (phase > LOCK_PHASE.intent || !hasExited(arena, thread))) furthest = phase;
  }
  return furthest;
}

/** Releases the mutex that a dead thread owned. Its event must be repaired by now. */
export function passOnDeadMutex(arena: Arena, dead: ThreadBase): void {
  const { words } = arena;
  const slot = Atomics.load(words, dead + THREAD.lockEvent) - 1;
  const ticket = Atomics.load(words, dead + THREAD.lockTicket);
  Atomics.store(words, dead + THREAD.lockPhase, LOCK_PHASE.none);
  serve(arena, slot, ticket);
}

/**
 * Marks the ticket of a dead waiter to be passed over, by others or, if it came up meanwhile, right now. The
 * thread's slot is free once it was: everything else it held must have been given back before.
 */
export function abandonDeadTicket(arena: Arena, dead: ThreadBase): void {
  const { words } = arena;
  const slot = Atomics.load(words, dead + THREAD.lockEvent) - 1;
  const ticket = Atomics.load(words, dead + THREAD.lockTicket);
  // Pairs with the look at phases in wakeTicket().
  Atomics.store(words, dead + THREAD.lockPhase, LOCK_PHASE.abandoned);
  nudgeMutex(arena, slot, ticket);
}

/** Wakes whoever is served now, and passes over an abandoned ticket that is. Harmless when nobody waits. */
export function nudgeMutex(arena: Arena, slot: number, onlyTicket?: number): void {
  const serving = Atomics.load(arena.words, eventBase(arena, slot) + EVENT.servingTicket);
  if (onlyTicket !== undefined && serving !== onlyTicket) return;
  if (!wakeTicket(arena, slot, serving)) return;
  serve(arena, slot, serving);
  clearAbandoned(arena, slot, serving);
}

export function forgetDeadLock(arena: Arena, dead: ThreadBase): void {
  Atomics.store(arena.words, dead + THREAD.lockPhase, LOCK_PHASE.none);
}
