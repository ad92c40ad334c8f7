/**
 * Facts: what a frame says happened, as resulting values. The one place that knows where a fact stands in its
 * frame. Offsets count words from the frame's first; the header (8 words) is core/frame.ts's.
 *
 * Section rows, the same in every kind:  | quantity:16 | section:16 | available | held | sold |   (values after)
 * A key, where FRAME_FLAG_KEY is set, ends the frame:  entry, then the entry's eight words, then one spare word.
 */
import {
  FRAME_FLAG_KEY,
  FRAME_KIND,
  headerBytes,
  headerKind,
  WORD_COMMAND,
  WORD_HEADER,
} from '../core/frame.ts';
import { unreachable } from '../core/assert.ts';
import { claimItems } from '../memory/claims.ts';
import { ITEM_WORDS } from '../memory/layout.ts';

export const SECTION_FACT_WORDS = 4;
export const KEY_FACT_WORDS = 10;

/** define: a new event. The frame's sequence is the event's first, 1. */
export const DEFINE = {
  firstPage: 8,
  pageCount: 9,
  sectionCount: 10,
  rowCount: 11,
  seatCount: 12,
  placeCount: 13,
  cellCount: 14,
  keyCapacity: 15,
  state: 16,
  definitionBytes: 17,
  registrySequence: 18, // two words
  definition: 20,
} as const;

/** hold and order: a new claim. */
export const CLAIM_FACT = {
  cell: 8,
  /** The claim's state word: | tickets | items | cells | state |. */
  state: 9,
  random: 10, // three words
  sizes: 13,
  expires: 14, // two words
  /** First cell of the note + 1, 0 for none; follows the claim's cells. */
  note: 16,
  noteBytes: 17,
  sectionCount: 18,
  sections: 20,
} as const;

/** confirm, release, expire and cancel: what became of a claim. */
export const SETTLE = {
  cell: 8,
  /** The claim's state after. */
  state: 9,
  random: 10, // three words: with slot, generation and cell they are the claim's id
  itemCount: 13,
  sectionCount: 14,
  /** confirm: first cell of a new note + 1, 0 for none. */
  note: 15,
  noteBytes: 16,
  /** cancel: all cancelled tickets after, 128 bits, and those that this frame cancels. */
  cancelled: 18,
  newly: 22,
  sections: 26,
} as const;

function isNewClaim(kind: number): boolean {
  return kind === FRAME_KIND.hold || kind === FRAME_KIND.order;
}

/** Where a frame's section rows begin, counted from the frame. */
export function sectionsOffset(kind: number): number {
  return isNewClaim(kind) ? CLAIM_FACT.sections : SETTLE.sections;
}

/** How many section rows a frame has. */
export function sectionFactCount(words: Int32Array, frame: number, kind: number): number {
  return words[frame + (isNewClaim(kind) ? CLAIM_FACT.sectionCount : SETTLE.sectionCount)];
}

export function hasKey(words: Int32Array, frame: number): boolean {
  return ((words[frame + WORD_COMMAND] >>> 16) & FRAME_FLAG_KEY) !== 0;
}

/** Word where a frame's key begins; the last words of the frame. */
export function keyOffset(words: Int32Array, frame: number): number {
  return headerBytes(words[frame + WORD_HEADER]) / 4 - KEY_FACT_WORDS;
}

/** First word of a frame's items: what it takes, or all items of the claim that it settles. */
export function itemsOffset(words: Int32Array, frame: number): number {
  const kind = headerKind(words[frame + WORD_HEADER]);
  return sectionsOffset(kind) + sectionFactCount(words, frame, kind) * SECTION_FACT_WORDS;
}

export function itemsCount(words: Int32Array, frame: number): number {
  const kind = headerKind(words[frame + WORD_HEADER]);
  return isNewClaim(kind) ? claimItems(words[frame + CLAIM_FACT.state]) : words[frame + SETTLE.itemCount];
}

/** First word behind a frame's items: the customer of a new claim, the note of another. */
function tailOffset(words: Int32Array, frame: number): number {
  return itemsOffset(words, frame) + itemsCount(words, frame) * ITEM_WORDS;
}

/** The customer of a hold or order frame: UTF-8, maybe empty. */
export function customerBytes(words: Int32Array, frame: number): Uint8Array {
  return textBytes(words, frame + tailOffset(words, frame), words[frame + CLAIM_FACT.sizes] & 0xff);
}

/** First word of the note's bytes. */
export function noteOffset(words: Int32Array, frame: number): number {
  const tail = tailOffset(words, frame);
  if (!isNewClaim(headerKind(words[frame + WORD_HEADER]))) return tail;
  return tail + (((words[frame + CLAIM_FACT.sizes] & 0xff) + 3) >>> 2);
}

/** The note that a frame sets: UTF-8, empty for none. */
export function noteBytes(words: Int32Array, frame: number): Uint8Array {
  const isNew = isNewClaim(headerKind(words[frame + WORD_HEADER]));
  const count = words[frame + (isNew ? CLAIM_FACT.noteBytes : SETTLE.noteBytes)];
  return textBytes(words, frame + noteOffset(words, frame), count);
}

function textBytes(words: Int32Array, word: number, count: number): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset + word * 4, count);
}

/** The three random words of the claim that a frame is about: where they begin. */
export function randomOffset(kind: number): number {
  return isNewClaim(kind) ? CLAIM_FACT.random : SETTLE.random;
}

/** The claim that a frame is about, by its first cell; for a definition its event's slot. */
export function frameFact(words: Int32Array, frame: number): number {
  const kind = headerKind(words[frame + WORD_HEADER]);
  switch (kind) {
    case FRAME_KIND.define:
      return words[frame + 1] & 0xffff;
    case FRAME_KIND.hold:
    case FRAME_KIND.order:
    case FRAME_KIND.confirm:
    case FRAME_KIND.release:
    case FRAME_KIND.expire:
    case FRAME_KIND.cancel:
      return words[frame + 8];
    default:
      return unreachable(kind as never);
  }
}
