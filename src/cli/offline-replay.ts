/** A data directory's journal in a throwaway arena, and what the events in it look like. Read-only. */
import { AssertionError, FrontrowError } from '../core/assert.ts';
import { resolveLimits } from '../core/limits.ts';
import { parseDefinition } from '../engine/definition.ts';
import { readCounts } from '../engine/read.ts';
import { Replay } from '../engine/replay.ts';
import { loadArena } from '../engine/snapshot.ts';
import type { FramesSink, Position } from '../journal/port.ts';
import { createArena, eventBase, loadWide, type Arena } from '../memory/arena.ts';
import { definitionBytes, viewEvent } from '../memory/event.ts';
import { EVENT } from '../memory/layout.ts';
import { archiveSummary, eventSlots, isLive } from '../memory/registry.ts';
import type { EventFacts } from './offline-types.ts';

const GIB = 1024 * 1024 * 1024;
/** Pages cost memory only when touched, so the first arena is as large as a server's by default. */
const ARENA_BYTES_MAX = 16 * GIB;
const EVENTS_MAX = 65_000;

export interface ReplayFault {
  readonly error: Error;
  /** Of the group whose frames could not be applied; null when it was the snapshot. */
  readonly position: Position | null;
}

export interface Memory {
  readonly arena: Arena;
  readonly frames: number;
  readonly fault: ReplayFault | null;
}

/** Reads a journal into a throwaway arena: one as large as a server's by default, and larger until it fits. */
export function replayInto<T>(read: (sink: FramesSink) => T): { memory: Memory; result: T } {
  for (let arenaBytes = GIB; ; arenaBytes *= 2) {
    const limits = resolveLimits({ workers: 1, ringBytes: 1024 * 1024, eventsMax: EVENTS_MAX, arenaBytes });
    const arena = createArena(limits);
    const replay = new Replay(arena);
    let fault: ReplayFault | null = null;
    // A frame that does not fit ends the replay, not the reading: what the files say is reported all the same.
    const attempt = (position: Position | null, act: () => void): void => {
      if (fault !== null) return;
      try {
        act();
      } catch (error) {
        if (!(error instanceof FrontrowError || error instanceof AssertionError)) throw error;
        fault = { error, position };
      }
    };
    const result = read({
      snapshot: (info, chunks) =>
        attempt(null, () => {
          loadArena(arena, chunks);
          replay.startFromMemory(info.lastTimeMs);
        }),
      frames: (words, start, end, position) =>
        attempt(position, () => replay.apply(words, start, end, position)),
    });
    if (isTooSmall(fault) && arenaBytes < ARENA_BYTES_MAX) continue;
    return { memory: { arena, frames: replay.frames, fault }, result };
  }
}

function isTooSmall(fault: ReplayFault | null): boolean {
  return fault !== null && fault.error instanceof FrontrowError && fault.error.code === 'arena-too-large';
}

export function eventFacts(arena: Arena): EventFacts[] {
  const events: EventFacts[] = [];
  for (const slot of eventSlots(arena)) {
    const base = eventBase(arena, slot);
    const sequence = loadWide(arena.words, base + EVENT.sequenceLow);
    const changedAt = new Date(loadWide(arena.words, base + EVENT.lastTimeLow)).toISOString();
    const total = { capacity: 0, available: 0, held: 0, sold: 0, blocked: 0 };
    if (!isLive(arena, slot)) {
      const { id, name, state, capacity, sold } = readSummary(arena, slot);
      events.push({ id, name, state, sequence, changedAt, ...total, capacity, sold });
      continue;
    }
    const view = viewEvent(arena, slot);
    const { id, name, state } = parseDefinition(definitionBytes(view));
    for (const counts of readCounts(view)) {
      for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += counts[key];
    }
    events.push({ id, name, state, sequence, changedAt, ...total });
  }
  return events;
}

/** What is left of an archived event, as the service wrote it. */
function readSummary(
  arena: Arena,
  slot: number,
): Pick<EventFacts, 'id' | 'name' | 'state' | 'capacity' | 'sold'> {
  const text = Buffer.from(archiveSummary(arena, slot)).toString();
  return JSON.parse(text) as Pick<EventFacts, 'id' | 'name' | 'state' | 'capacity' | 'sold'>;
}

export function noJournal(directory: string): FrontrowError {
  return new FrontrowError('directory-unusable', `${directory} holds no journal`);
}
