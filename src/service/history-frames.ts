/**
 * Frames of one event from the journal's files, as the history server asks for them, and what it looks up there: the
 * names of an event that was archived, and has no definition in memory any more.
 */
import type { EventDefinition } from '../engine/definition.ts';
import { frameDefinition } from './history-render.ts';

/** A place between groups of the journal, see journal/history-reader.ts. */
export interface Cursor {
  readonly segment: number;
  readonly offset: number;
  readonly position: number;
}

interface FrameQuery {
  readonly slot: number;
  readonly generation: number;
  readonly afterSequence: number;
  readonly cursor?: Cursor;
  readonly upTo: number;
  readonly framesMax: number;
}

export type FramePage =
  | { readonly kind: 'page'; readonly lastSequence: number; readonly next: Cursor | null }
  | { readonly kind: 'trimmed'; readonly firstSequence: number | null }
  | { readonly kind: 'bad-cursor' }
  | { readonly kind: 'corrupt'; readonly file: string; readonly offset: number };

/** The journal's history reader, handed in: this layer knows no files. */
export type ReadFrames = (
  query: FrameQuery,
  visit: (words: Int32Array, frame: number, position: number) => void,
) => FramePage;

/** Frames in one page where most of them are passed over. */
export const FRAMES_MAX = 100_000;
const LOOK_BACK_FIRST = 64;
/** Of 16 MiB each: a second of reading. */
const PAGES_MAX = 64;

type EventOfFrames = Pick<FrameQuery, 'slot' | 'generation' | 'upTo'>;

/**
 * The definition that an archived event had last: of the newest frame that sets one. That of its being closed is most
 * often among its last, so it is looked for from the end on, four times as far each time. Null when it was trimmed, or
 * lies so far back that nobody should wait for it.
 */
export function lastDefinition(
  readFrames: ReadFrames,
  event: EventOfFrames,
  lastSequence: number,
): EventDefinition | null {
  const budget = { pages: PAGES_MAX };
  for (let back = LOOK_BACK_FIRST; ; back *= 4) {
    const after = Math.max(0, lastSequence - back);
    const { found, isAll } = definitionAfter(readFrames, event, after, budget);
    if (found !== null || isAll || after === 0) return found;
  }
}

/** The last definition behind a sequence, and whether there was no more to be looked at than that. */
function definitionAfter(
  readFrames: ReadFrames,
  event: EventOfFrames,
  after: number,
  budget: { pages: number },
): { readonly found: EventDefinition | null; readonly isAll: boolean } {
  let found: EventDefinition | null = null;
  let afterSequence = after;
  let cursor: Cursor | null = null;
  let isTrimmed = false;
  while (budget.pages-- > 0) {
    const page: FramePage = readFrames(
      { ...event, afterSequence, ...(cursor !== null && { cursor }), framesMax: FRAMES_MAX },
      (words, frame) => {
        found = frameDefinition(words, frame) ?? found;
      },
    );
    if (page.kind === 'trimmed' && page.firstSequence !== null && !isTrimmed) {
      // What is left begins later: all of that is looked at.
      isTrimmed = true;
      afterSequence = page.firstSequence - 1;
      cursor = null;
      continue;
    }
    if (page.kind !== 'page') return { found, isAll: true };
    if (page.next === null) return { found, isAll: isTrimmed };
    afterSequence = page.lastSequence;
    cursor = page.next;
  }
  return { found, isAll: true };
}
