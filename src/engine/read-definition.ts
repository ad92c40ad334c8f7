/**
 * An event's definition for a thread that has no thread slot, and so can take no mutex: the history thread.
 */
import { FrontrowError } from '../core/assert.ts';
import { eventBase, type Arena } from '../memory/arena.ts';
import { eventShape, eventSizes, viewAt } from '../memory/event.ts';
import { loadSequence, readGuard, settleLoads } from '../memory/guard.ts';
import { EVENT, EVENT_STATE } from '../memory/layout.ts';
import { eventGeneration, eventState } from '../memory/registry.ts';

export interface DefinitionCopy {
  readonly state: number;
  readonly generation: number;
  readonly version: number;
  readonly sequence: number;
  /** JSON; null when the event is archived, and has none any more. */
  readonly bytes: Uint8Array | null;
}

/** A repair takes 50 ms. */
const WAIT_MS = 1;
const WAITS_MAX = 5000;
const nobody = new Int32Array(new SharedArrayBuffer(4));

/** The guard's value once it is even. Never on the main thread. */
function evenGuard(arena: Arena, slot: number): number {
  for (let waits = 0; waits < WAITS_MAX; waits++) {
    // Pairs with the changes in openGuard() and closeGuard().
    const guard = readGuard(arena, slot);
    if ((guard & 1) === 0) return guard;
    Atomics.wait(nobody, 0, 0, WAIT_MS);
  }
  throw new FrontrowError('memory-fault', `event slot ${slot} has been changing for seconds`);
}

/**
 * Copies a definition. Nearly all changes leave it alone: so it is enough that the version is the same at one even
 * moment before the copying and at one after, and a busy event does not keep us from ever getting through.
 */
export function readDefinition(arena: Arena, slot: number): DefinitionCopy {
  for (;;) {
    const guard = evenGuard(arena, slot);
    const seen = copyOnce(arena, slot);
    settleLoads(arena, slot);
    const isSlotStill = readGuard(arena, slot) === guard;
    evenGuard(arena, slot);
    const base = eventBase(arena, slot);
    // Until it is archived an event changes its version with each patch, and afterwards never.
    const isSameVersion =
      eventGeneration(arena, slot) === seen.generation &&
      Atomics.load(arena.words, base + EVENT.version) === seen.version;
    if (isSlotStill || (isSameVersion && seen.bytes !== null)) return seen;
  }
}

function copyOnce(arena: Arena, slot: number): DefinitionCopy {
  const base = eventBase(arena, slot);
  const state = eventState(arena, slot);
  const generation = eventGeneration(arena, slot);
  const version = Atomics.load(arena.words, base + EVENT.version);
  const sequence = loadSequence(arena, slot);
  const copy = { state, generation, version, sequence };
  if (state === EVENT_STATE.free || state === EVENT_STATE.archived) return { ...copy, bytes: null };
  const firstPage = Atomics.load(arena.words, base + EVENT.firstPage);
  const { view } = viewAt(arena, slot, eventShape(arena, slot), eventSizes(arena, slot), firstPage);
  const byte = view.definition * 4;
  const bytes = arena.bytes.slice(byte, byte + Atomics.load(arena.words, base + EVENT.definitionBytes));
  return { ...copy, bytes };
}
