/**
 * When a run that waits for the journal may end. The pacer looks into the data directory itself: groups a
 * second cannot be foretold well enough to say beforehand how long some segments take.
 */
import { readdirSync } from 'node:fs';
import { segmentNumbers, snapshotPositions } from '../../src/journal/layout.ts';

export interface Awaited {
  readonly directory: string;
  /** Segments that are to be filled. */
  readonly rolls: number;
  /** Whether a snapshot is to be finished. */
  readonly snapshot: boolean;
  /** The run lasts as long, whatever has happened. */
  readonly secondsMin: number;
}

/** What comes after a roll is part of it: a spare for the next one is zeroed and synced. */
const AFTER_MS = 1000;

/** What names in a data directory say. */
interface Progress {
  /** The segment that is being written; 0 for none. */
  readonly segment: number;
  /** Position of the newest snapshot; -1 for none. */
  readonly snapshot: number;
}

export function progressOf(names: readonly string[]): Progress {
  return { segment: segmentNumbers(names).at(-1) ?? 0, snapshot: snapshotPositions(names).at(-1) ?? -1 };
}

export class Until {
  readonly #awaited: Awaited;
  readonly #list: (directory: string) => string[];
  readonly #first: Progress;
  #happenedMs = Infinity;

  constructor(
    awaited: Awaited,
    list: (directory: string) => string[] = (directory) => readdirSync(directory),
  ) {
    this.#awaited = awaited;
    this.#list = list;
    this.#first = progressOf(list(awaited.directory));
  }

  /** To be asked now and then. @param nowMs since the beginning of the run */
  isOver(nowMs: number): boolean {
    const { directory, rolls, snapshot, secondsMin } = this.#awaited;
    if (this.#happenedMs === Infinity) {
      const now = progressOf(this.#list(directory));
      const isThere = now.segment - this.#first.segment >= rolls;
      if (isThere && (!snapshot || now.snapshot > this.#first.snapshot)) this.#happenedMs = nowMs;
    }
    return nowMs >= this.#happenedMs + AFTER_MS && nowMs >= secondsMin * 1000;
  }
}
