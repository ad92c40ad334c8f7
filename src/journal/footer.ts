/**
 * The footer of a sealed segment: where the first change of each event is in it, so that history jumps instead of
 * scanning. A key alone is no change.
 *
 *   word 0      magic
 *   word 1      crc32 from word 2 to the end of the entries
 *   word 2      segment number
 *   word 3–4    the segment's salt
 *   word 5      entries
 *   word 6      1 when every event that changes in the segment has an entry, 0 when there were more than fit
 *   word 7      crc of the last group
 *   word 8–9    position after the last frame
 *   word 10     offset after the last group
 *   word 11–15  zero
 *   entries     | generation:16 | slot:16 |, offset of the group, first sequence low, high
 *
 * It can be made again from the groups, so a bad one costs speed and a note, never a start.
 */
import { crc32 } from 'node:zlib';
import {
  headerBytes,
  high,
  low,
  takesSequence,
  wide,
  WORD_EVENT,
  WORD_HEADER,
  WORD_SEQUENCE,
} from '../core/frame.ts';
import { FOOTER_ENTRY_BYTES, FOOTER_HEADER_BYTES } from './layout.ts';
import type { Position } from './port.ts';
import type { SegmentHeader } from './segment-header.ts';

/** 'FRFT' */
const MAGIC = 0x54465246;
const ENTRY_WORDS = FOOTER_ENTRY_BYTES / 4;
const HEADER_WORDS = FOOTER_HEADER_BYTES / 4;

/** Where the first change of an event is in a segment. */
export interface EventEntry {
  readonly offset: number;
  readonly sequence: number;
}

export interface SegmentEnd {
  readonly position: Position;
  readonly offset: number;
  readonly crc: number;
}

export interface Footer {
  readonly end: SegmentEnd;
  /** Whether an event without an entry has certainly no change in the segment. */
  readonly complete: boolean;
  /** By event word: generation and slot. */
  readonly events: ReadonlyMap<number, EventEntry>;
}

export function eventWord(slot: number, generation: number): number {
  return (generation << 16) | slot;
}

/** Gathers the footer's entries while a segment is written or read. */
export class EventIndex {
  readonly #eventsMax: number;
  readonly #entries = new Map<number, EventEntry>();
  #complete = true;

  constructor(eventsMax: number) {
    this.#eventsMax = eventsMax;
  }

  /** Notes the frames of the group at `offset`, which have passed the audit. */
  note(words: Int32Array, start: number, end: number, offset: number): void {
    let noted = -1;
    let isFirst = true;
    for (let at = start; at < end; at += headerBytes(words[at + WORD_HEADER]) / 4) {
      if (!takesSequence(words[at + WORD_HEADER])) continue;
      const event = words[at + WORD_EVENT];
      // Runs of one event are the rule, and a map lookup a frame would cost more than the rest of the walk.
      if (event === noted && !isFirst) continue;
      isFirst = false;
      noted = event;
      if (this.#entries.has(event)) continue;
      if (this.#entries.size === this.#eventsMax) {
        this.#complete = false;
        continue;
      }
      this.#entries.set(event, { offset, sequence: wide(words, at + WORD_SEQUENCE) });
    }
  }

  encode(segment: SegmentHeader, end: SegmentEnd): Uint8Array {
    const words = new Int32Array(HEADER_WORDS + this.#entries.size * ENTRY_WORDS);
    const bytes = new Uint8Array(words.buffer);
    words[0] = MAGIC;
    words[2] = segment.number;
    words[3] = segment.salt0;
    words[4] = segment.salt1;
    words[5] = this.#entries.size;
    words[6] = this.#complete ? 1 : 0;
    words[7] = end.crc;
    words[8] = low(end.position);
    words[9] = high(end.position);
    words[10] = end.offset;
    let at = HEADER_WORDS;
    for (const [event, entry] of this.#entries) {
      words[at] = event;
      words[at + 1] = entry.offset;
      words[at + 2] = low(entry.sequence);
      words[at + 3] = high(entry.sequence);
      at += ENTRY_WORDS;
    }
    words[1] = crc32(bytes.subarray(8));
    return bytes;
  }
}

/** Reads the footer region back; null when there is no valid footer of this segment. */
export function decodeFooter(region: Uint8Array, segment: SegmentHeader): Footer | null {
  const words = new Int32Array(region.buffer, region.byteOffset, Math.floor(region.byteLength / 4));
  if (words.length < HEADER_WORDS || words[0] !== MAGIC) return null;
  if (words[2] >>> 0 !== segment.number || words[3] !== segment.salt0 || words[4] !== segment.salt1)
    return null;
  const count = words[5];
  const endWord = HEADER_WORDS + count * ENTRY_WORDS;
  if (count < 0 || endWord > words.length) return null;
  if (crc32(region.subarray(8, endWord * 4)) !== words[1] >>> 0) return null;
  const events = new Map<number, EventEntry>();
  for (let at = HEADER_WORDS; at < endWord; at += ENTRY_WORDS) {
    events.set(words[at], { offset: words[at + 1], sequence: wide(words, at + 2) });
  }
  return {
    end: { position: wide(words, 8), offset: words[10], crc: words[7] >>> 0 },
    complete: words[6] === 1,
    events,
  };
}
