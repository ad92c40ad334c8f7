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
import { assert, unreachable } from '../core/assert.ts';
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

export const CONFIRM = { cell: 8, note: 9, noteBytes: 10, sectionCount: 11, sections: 12 } as const;

/** release and expire. */
export const END = { cell: 8, state: 9, sectionCount: 10, sections: 12 } as const;

export const CANCEL = {
  cell: 8,
  /** State after: confirmed while a ticket is left, else cancelled. */
  state: 9,
  /** All cancelled tickets after, 128 bits. */
  cancelled: 10,
  /** The tickets that this frame cancels, 128 bits. */
  newly: 14,
  sectionCount: 18,
  sections: 20,
} as const;

/** Where a frame's section rows begin, counted from the frame. */
export function sectionsOffset(kind: number): number {
  switch (kind) {
    case FRAME_KIND.hold:
    case FRAME_KIND.order:
      return CLAIM_FACT.sections;
    case FRAME_KIND.confirm:
      return CONFIRM.sections;
    case FRAME_KIND.release:
    case FRAME_KIND.expire:
      return END.sections;
    case FRAME_KIND.cancel:
      return CANCEL.sections;
    default:
      assert(false, 'only frames of claims have section rows');
  }
}

/** How many section rows a frame has. */
export function sectionFactCount(words: Int32Array, frame: number, kind: number): number {
  switch (kind) {
    case FRAME_KIND.hold:
    case FRAME_KIND.order:
      return words[frame + CLAIM_FACT.sectionCount]!;
    case FRAME_KIND.confirm:
      return words[frame + CONFIRM.sectionCount]!;
    case FRAME_KIND.release:
    case FRAME_KIND.expire:
      return words[frame + END.sectionCount]!;
    case FRAME_KIND.cancel:
      return words[frame + CANCEL.sectionCount]!;
    default:
      assert(false, 'only frames of claims have section rows');
  }
}

export function hasKey(words: Int32Array, frame: number): boolean {
  return ((words[frame + WORD_COMMAND]! >>> 16) & FRAME_FLAG_KEY) !== 0;
}

/** Word where a frame's key begins; the last words of the frame. */
export function keyOffset(words: Int32Array, frame: number): number {
  return headerBytes(words[frame + WORD_HEADER]!) / 4 - KEY_FACT_WORDS;
}

/** Items of a hold or order frame: first word and count. */
export function itemsOffset(words: Int32Array, frame: number): number {
  return CLAIM_FACT.sections + words[frame + CLAIM_FACT.sectionCount]! * SECTION_FACT_WORDS;
}

export function itemsCount(words: Int32Array, frame: number): number {
  return claimItems(words[frame + CLAIM_FACT.state]!);
}

/** First word of the customer of a hold or order frame. */
export function customerOffset(words: Int32Array, frame: number): number {
  return itemsOffset(words, frame) + itemsCount(words, frame) * ITEM_WORDS;
}

/** First word of the note's bytes of a hold, order or confirm frame. */
export function noteOffset(words: Int32Array, frame: number): number {
  const kind = headerKind(words[frame + WORD_HEADER]!);
  if (kind === FRAME_KIND.confirm) {
    return CONFIRM.sections + words[frame + CONFIRM.sectionCount]! * SECTION_FACT_WORDS;
  }
  const customerBytes = words[frame + CLAIM_FACT.sizes]! & 0xff;
  return customerOffset(words, frame) + ((customerBytes + 3) >>> 2);
}

/** The claim that a frame is about, by its first cell; for a definition its event's slot. */
export function frameFact(words: Int32Array, frame: number): number {
  const kind = headerKind(words[frame + WORD_HEADER]!);
  switch (kind) {
    case FRAME_KIND.define:
      return words[frame + 1]! & 0xffff;
    case FRAME_KIND.hold:
    case FRAME_KIND.order:
    case FRAME_KIND.confirm:
    case FRAME_KIND.release:
    case FRAME_KIND.expire:
    case FRAME_KIND.cancel:
      return words[frame + 8]!;
    default:
      return unreachable(kind as never);
  }
}
