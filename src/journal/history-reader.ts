/**
 * Reads the changes of one event from the files: sealed segments through their footers, the one being written
 * up to the durable position. Why files and not the ring: docs/decisions/011-history-reads-files.md.
 *
 * Thread: any but the main and the journal thread (synchronous reads); read-only beside writer and trim. A
 * segment is opened before anything is concluded from it being there, and an open file outlives its deletion;
 * a segment that goes between listing and opening is as good as trimmed before, and the search starts again.
 */
import { assert } from '../core/assert.ts';
import { headerBytes, takesSequence, wide, WORD_EVENT, WORD_HEADER, WORD_SEQUENCE } from '../core/frame.ts';
import { openIfThere } from './disk.ts';
import type { Disk, DiskFile } from './disk.ts';
import { eventWord } from './footer.ts';
import type { Footer } from './footer.ts';
import type { Group } from './group.ts';
import { BLOCK_BYTES, groupBytes, segmentName, segmentNumbers } from './layout.ts';
import type { Position } from './port.ts';
import type { SegmentHeader } from './segment-header.ts';
import { readHeaderOf, ReadWindow, SegmentReader } from './segment-reader.ts';

/**
 * A place between groups. Stable for the life of the directory, so that a client may carry it between pages.
 */
export interface HistoryCursor {
  readonly segment: number;
  readonly offset: number;
  readonly position: Position;
}

export interface HistoryQuery {
  readonly slot: number;
  readonly generation: number;
  /** The first frame visited is of the sequence after this. */
  readonly afterSequence: number;
  /**
   * Where the page before said to go on, with its lastSequence as afterSequence; left out: the footers tell.
   */
  readonly cursor?: HistoryCursor;
  /** The durable position: what lies behind it is not looked at. */
  readonly upTo: Position;
  /** Bytes of groups to read before the page ends, 16 MiB if not given. At least one group is read. */
  readonly scanBytesMax?: number;
  readonly framesMax: number;
}

/** Called for each frame in order; words[frameWord] is its first word, valid during the call. */
export type FrameVisitor = (words: Int32Array, frameWord: number, position: Position) => void;

/**
 * `page`: `next` is null when `upTo` was reached. A last page without frames, though the event's sequence is
 * past afterSequence, means that all frames of the event were trimmed.
 * `trimmed`: the frame after afterSequence is gone; `firstSequence` is the oldest there, null when not known.
 * `bad-cursor`: no group ever ended there; clients make such cursors, disks do not.
 * `corrupt`: durable groups cannot be read.
 */
export type HistoryPage =
  | {
      readonly kind: 'page';
      readonly frames: number;
      /** Sequence of the last frame visited, else `afterSequence`. */
      readonly lastSequence: number;
      readonly next: HistoryCursor | null;
    }
  | { readonly kind: 'trimmed'; readonly firstSequence: number | null }
  | { readonly kind: 'bad-cursor' }
  | { readonly kind: 'corrupt'; readonly file: string; readonly offset: number };

const SCAN_BYTES_MAX_DEFAULT = 16 << 20;
const FOOTERS_CACHED = 64;
/** Trim deletes one file at a time, so a few starts are plenty. */
const RESTARTS_MAX = 16;

interface KnownSegment {
  readonly header: SegmentHeader;
  /** Null for the segment being written and for one whose footer is damaged. */
  readonly footer: Footer | null;
}

interface StartPoint {
  readonly segment: number;
  readonly offset: number;
  readonly position: Position;
}

/** Keeps the footers of sealed segments, which never change, from page to page. */
export class HistoryReader {
  readonly #disk: Disk;
  readonly #window = new ReadWindow();
  readonly #known = new Map<number, KnownSegment>();

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  read(query: HistoryQuery, visit: FrameVisitor): HistoryPage {
    for (let restart = 0; restart < RESTARTS_MAX; restart++) {
      const start = query.cursor ?? this.#findStart(query);
      if (start === null) return { kind: 'page', frames: 0, lastSequence: query.afterSequence, next: null };
      if ('kind' in start) return start;
      if (start.offset % BLOCK_BYTES !== 0 || start.offset < BLOCK_BYTES) return { kind: 'bad-cursor' };
      const page = this.#scan(start, query, visit);
      if (page !== null) return page;
      if (query.cursor !== undefined) break;
    }
    return { kind: 'trimmed', firstSequence: null };
  }

  /**
   * The newest group known to stand at or before the first frame wanted; null when no segment may hold the
   * event.
   */
  #findStart(query: HistoryQuery): StartPoint | HistoryPage | null {
    const event = eventWord(query.slot, query.generation);
    let start: StartPoint | null = null;
    for (const segment of segmentNumbers(this.#disk.list())) {
      const known = this.#know(segment);
      if (known === null) continue;
      const position = known.header.firstPosition;
      if (position >= query.upTo) break;
      const offset = startOffset(known.footer, event);
      if (offset === null) continue;
      const entry = known.footer?.events.get(event);
      if (entry === undefined) {
        // It may hold the event: a place to start only when no better one came before.
        start ??= { segment, offset, position };
      } else if (entry.sequence <= query.afterSequence + 1) {
        start = { segment, offset: entry.offset, position };
      } else if (start === null) {
        return { kind: 'trimmed', firstSequence: entry.sequence };
      } else {
        break;
      }
    }
    return start;
  }

  /** Header and footer of a segment; null when it is gone. */
  #know(segment: number): KnownSegment | null {
    const cached = this.#known.get(segment);
    if (cached !== undefined) return cached;
    const file = openIfThere(this.#disk, segmentName(segment));
    if (file === null) return null;
    try {
      const outcome = readHeaderOf(file);
      if (!outcome.ok) return null;
      const footer = new SegmentReader(file, outcome.header, this.#window).footer();
      const known = { header: outcome.header, footer };
      if (footer !== null) {
        const oldest = this.#known.size === FOOTERS_CACHED ? this.#known.keys().next().value : undefined;
        if (oldest !== undefined) this.#known.delete(oldest);
        this.#known.set(segment, known);
      }
      return known;
    } finally {
      file.close();
    }
  }

  /** Reads groups from `start` on. Null when that segment was trimmed before it could be opened. */
  #scan(start: StartPoint, query: HistoryQuery, visit: FrameVisitor): HistoryPage | null {
    const page = new PageScan(query, visit, start);
    for (;;) {
      const { segment } = page;
      const file = openIfThere(this.#disk, segmentName(segment));
      if (file === null) {
        this.#known.delete(segment);
        if (segment === start.segment) return null;
        const isTrimmed = segmentNumbers(this.#disk.list()).some((number) => number > segment);
        if (isTrimmed) return { kind: 'trimmed', firstSequence: null };
        return { kind: 'corrupt', file: segmentName(segment), offset: 0 };
      }
      try {
        const result = page.readSegment(file, this.#window);
        if (result !== null) return result;
      } finally {
        file.close();
      }
    }
  }
}

/** Where to look for an event in a segment; null when it certainly has no change there. */
function startOffset(footer: Footer | null, event: number): number | null {
  if (footer === null) return BLOCK_BYTES;
  return footer.events.get(event)?.offset ?? (footer.complete ? null : BLOCK_BYTES);
}

/** One page being read. */
class PageScan {
  readonly #query: HistoryQuery;
  readonly #visit: FrameVisitor;
  readonly #event: number;
  readonly #scanBytesMax: number;
  readonly #startSegment: number;
  #scannedBytes = 0;
  #frames = 0;
  #lastSequence: number;
  #isFound = false;
  #offset: number;
  /** Position at `#offset`, or before it while the first group is still to be read. */
  #position: Position;
  segment: number;

  constructor(query: HistoryQuery, visit: FrameVisitor, start: StartPoint) {
    assert(query.framesMax > 0, 'a page has room for a frame');
    this.#query = query;
    this.#visit = visit;
    this.#event = eventWord(query.slot, query.generation);
    this.#scanBytesMax = query.scanBytesMax ?? SCAN_BYTES_MAX_DEFAULT;
    this.#lastSequence = query.afterSequence;
    this.#startSegment = start.segment;
    this.segment = start.segment;
    this.#offset = start.offset;
    this.#position = start.position;
  }

  /** Reads the rest of the segment. Null when the page goes on in the next one. */
  readSegment(file: DiskFile, window: ReadWindow): HistoryPage | null {
    const { upTo, cursor } = this.#query;
    const outcome = readHeaderOf(file);
    if (!outcome.ok) return { kind: 'corrupt', file: file.name, offset: 0 };
    const reader = new SegmentReader(file, outcome.header, window);
    const footer = reader.footer();
    if (this.segment !== this.#startSegment && !this.#enter(outcome.header, footer)) {
      return { kind: 'corrupt', file: file.name, offset: 0 };
    }
    let isAtCursor = cursor !== undefined && this.segment === this.#startSegment;
    while (this.#position < upTo) {
      const group = reader.groupAt(this.#offset);
      const isEnd = group === null && (footer === null || footer.end.offset === this.#offset);
      if (isAtCursor && (group === null ? !isEnd : group.position !== this.#position))
        return { kind: 'bad-cursor' };
      if (group === null) {
        if (!isEnd) return { kind: 'corrupt', file: file.name, offset: this.#offset };
        this.segment++;
        return null;
      }
      isAtCursor = false;
      this.#position = group.position;
      if (group.position >= upTo) break;
      const page = this.#takeGroup(group);
      if (page !== null) return page;
      this.#offset += groupBytes(group.payloadBytes);
      this.#position += group.payloadBytes;
      this.#scannedBytes += groupBytes(group.payloadBytes);
      if (this.#scannedBytes >= this.#scanBytesMax && this.#position < upTo) return this.#page(true);
    }
    return this.#page(false);
  }

  /**
   * Goes on in the next segment, past what its footer says is of no interest. False when it does not follow.
   */
  #enter(header: SegmentHeader, footer: Footer | null): boolean {
    if (header.firstPosition < this.#position) return false;
    const offset = startOffset(footer, this.#event);
    this.#position = header.firstPosition;
    this.#offset = offset ?? BLOCK_BYTES;
    if (offset === null && footer !== null) {
      this.#position = footer.end.position;
      this.#offset = footer.end.offset;
    }
    return true;
  }

  /** Null when all of the group was taken. */
  #takeGroup(group: Group): HistoryPage | null {
    const { words } = group;
    for (let at = group.startWord; at < group.endWord; at += headerBytes(words[at + WORD_HEADER]) / 4) {
      if (!takesSequence(words[at + WORD_HEADER])) continue;
      if (words[at + WORD_EVENT] !== this.#event) continue;
      const sequence = wide(words, at + WORD_SEQUENCE);
      if (sequence > this.#query.afterSequence) {
        if (!this.#isFound && sequence !== this.#query.afterSequence + 1) {
          return { kind: 'trimmed', firstSequence: sequence };
        }
        if (this.#frames === this.#query.framesMax) return this.#page(true);
        this.#visit(words, at, group.position + (at - group.startWord) * 4);
        this.#frames++;
        this.#lastSequence = sequence;
      }
      this.#isFound = true;
    }
    return null;
  }

  #page(goesOn: boolean): HistoryPage {
    const next = goesOn ? { segment: this.segment, offset: this.#offset, position: this.#position } : null;
    return { kind: 'page', frames: this.#frames, lastSequence: this.#lastSequence, next };
  }
}
