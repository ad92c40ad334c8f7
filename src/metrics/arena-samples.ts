/**
 * How full shared memory is, as of now: hints for an operator, read without a lock and without looking into any event.
 * Main thread. What is seen may not be durable yet: whoever tells it waits, see metrics.ts.
 */
import type { Arena } from '../memory/arena.ts';
import { EVENT_STATE } from '../memory/layout.ts';
import { eventSlots, eventState } from '../memory/registry.ts';
import { ringUsedUnits } from '../memory/ring.ts';

export interface ArenaSample {
  /** Parts that are used, from 0 to 1. */
  readonly used: { readonly heap: number; readonly ring: number; readonly events: number };
  /** Events by state. */
  readonly events: Readonly<Record<string, number>>;
}

const STATE_NAMES = ['draft', 'open', 'paused', 'closed', 'archived'] as const;

export function sampleArena(arena: Arena): ArenaSample {
  const { geometry, limits } = arena;
  const events: Record<string, number> = {};
  for (const name of STATE_NAMES) events[name] = 0;
  let slots = 0;
  for (const slot of eventSlots(arena)) {
    const state = eventState(arena, slot);
    const name = STATE_NAMES.find((candidate) => EVENT_STATE[candidate] === state);
    if (name !== undefined) events[name]++;
    slots++;
  }
  return {
    used: {
      heap: takenPages(arena) / geometry.heapPages,
      ring: ringUsedUnits(arena) / geometry.ringUnits,
      events: slots / limits.eventsMax,
    },
    events,
  };
}

function takenPages({ words, geometry }: Arena): number {
  let taken = 0;
  for (let page = 0; page < geometry.heapPages; page += 32) {
    // Pairs with nothing: it may change the moment after.
    let word = Atomics.load(words, geometry.pageBitmap + (page >>> 5));
    for (; word !== 0; word &= word - 1) taken++;
  }
  return taken;
}
