/**
 * Facts: what a frame says happened, as resulting values. The one place that knows where a fact stands in its
 * frame. Offsets count words from the frame's first; the header (8 words) is core/frame.ts's.
 *
 *   header │ facts of the kind │ customer, 6 words │ share, 4 words │ key, 10 words      (the last three where flagged)
 *
 * Section rows, the same in every kind:  | quantity:16, signed | section:16 | available | held | sold |  (values after)
 * Customer:  entry │ hash, 2 words │ tickets │ holds │ spare      Share:  number │ its count │ count of all │ spare
 * Key:  entry │ the entry's eight words │ spare
 */
import {
  FRAME_FLAG_CUSTOMER,
  FRAME_FLAG_KEY,
  FRAME_FLAG_SHARE,
  FRAME_KIND,
  headerBytes,
  headerKind,
  WORD_COMMAND,
  WORD_HEADER,
} from '../core/frame.ts';
import { unreachable } from '../core/assert.ts';
import { FACT_UNCHANGED } from '../core/batch.ts';
import { claimItems } from '../memory/claims.ts';
import { ITEM_WORDS } from '../memory/layout.ts';

export const SECTION_FACT_WORDS = 4;
export const KEY_FACT_WORDS = 10;
export const SHARE_FACT_WORDS = 4;
export const CUSTOMER_FACT_WORDS = 6;

/** define: a new event as version 1 of the journal wrote it; its pages are found anew when it is replayed. */
export const DEFINE = {
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

/** create: a new event. The frame's sequence is the event's first, 1. */
export const CREATE = {
  ...DEFINE,
  firstPage: 8,
  pageCount: 9,
  customerCapacity: 20,
  definitionRoom: 21,
  definition: 22,
} as const;

/** patch: an event's definition, state and size as they are from now on. */
export const PATCH = {
  version: 8,
  state: 9,
  firstPage: 10,
  pageCount: 11,
  sectionCount: 12,
  rowCount: 13,
  seatCount: 14,
  placeCount: 15,
  cellCount: 16,
  keyCapacity: 17,
  customerCapacity: 18,
  definitionRoom: 19,
  definitionBytes: 20,
  /** The extent that the event leaves, where it moves; else 0 pages. */
  retiredPage: 21,
  retiredCount: 22,
  definition: 24,
} as const;

export const ARCHIVE = {
  version: 8,
  retiredPage: 9,
  retiredCount: 10,
  summaryBytes: 11,
  summary: 12,
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
  /** See NOTE.bytes. */
  noteBytes: 17,
  sectionCount: 18,
  sections: 20,
} as const;

/** confirm, retake, release, expire, extend, cancel and withdraw: what became of a claim. */
export const SETTLE = {
  cell: 8,
  /** The claim's state after. */
  state: 9,
  random: 10, // three words: with slot, generation and cell they are the claim's id
  itemCount: 13,
  sectionCount: 14,
  /** confirm and retake: first cell of a new note + 1, 0 for none. */
  note: 15,
  /** See NOTE.bytes; of cancel and withdraw the bytes of the reason, which is kept in the frame alone. */
  noteBytes: 16,
  /** extend: the new deadline, two words. */
  expires: 18,
  /** cancel and withdraw: all cancelled tickets after, 128 bits, and those that this frame cancels. */
  cancelled: 18,
  newly: 22,
  sections: 26,
} as const;

/** change: other items for a hold. Behind the section rows: all items after, the items removed, the customer. */
export const CHANGE = {
  cell: 8,
  /** The claim's state word after. */
  state: 9,
  random: 10, // three words
  /** After: flags and customer's bytes. */
  sizes: 13,
  /** First cell of the new tail + 1. */
  tail: 14,
  sectionCount: 15,
  /** How many of the items after, the last ones, are new. */
  addedCount: 16,
  removedCount: 17,
  /** First cell of the tail that it had before + 1, 0 for none. */
  oldTail: 18,
  sections: 20,
} as const;

/** block and unblock. Behind the section rows: the seats, a word each, then the reason. */
export const BLOCK_FACT = {
  seatCount: 8,
  sectionCount: 9,
  reasonBytes: 10,
  sections: 12,
} as const;

/** remember: a key, and what the success under it was about: see frameFact(). */
export const REMEMBER = { fact: 8, words: 10 } as const;

export function isNewClaim(kind: number): boolean {
  return kind === FRAME_KIND.hold || kind === FRAME_KIND.order;
}

/** Whether a frame is about one claim. */
export function isAboutClaim(kind: number): boolean {
  switch (kind) {
    case FRAME_KIND.define:
    case FRAME_KIND.create:
    case FRAME_KIND.patch:
    case FRAME_KIND.archive:
    case FRAME_KIND.block:
    case FRAME_KIND.unblock:
    case FRAME_KIND.remember:
    case FRAME_KIND.padding:
      return false;
    default:
      return true;
  }
}

/** Where a frame's section rows begin, counted from the frame. */
export function sectionsOffset(kind: number): number {
  if (isNewClaim(kind)) return CLAIM_FACT.sections;
  if (kind === FRAME_KIND.change) return CHANGE.sections;
  return kind === FRAME_KIND.block || kind === FRAME_KIND.unblock ? BLOCK_FACT.sections : SETTLE.sections;
}

/** How many section rows a frame of a claim or a block has. */
export function sectionFactCount(words: Int32Array, frame: number, kind: number): number {
  if (isNewClaim(kind)) return words[frame + CLAIM_FACT.sectionCount];
  if (kind === FRAME_KIND.change) return words[frame + CHANGE.sectionCount];
  const isBlock = kind === FRAME_KIND.block || kind === FRAME_KIND.unblock;
  return words[frame + (isBlock ? BLOCK_FACT.sectionCount : SETTLE.sectionCount)];
}

function frameFlags(words: Int32Array, frame: number): number {
  return words[frame + WORD_COMMAND] >>> 16;
}

export function hasKey(words: Int32Array, frame: number): boolean {
  return (frameFlags(words, frame) & FRAME_FLAG_KEY) !== 0;
}

/** Word where a frame's key begins; the last words of the frame. */
export function keyOffset(words: Int32Array, frame: number): number {
  return headerBytes(words[frame + WORD_HEADER]) / 4 - KEY_FACT_WORDS;
}

/** Word where the counts of a key's share begin; 0 when the frame has none. */
export function shareOffset(words: Int32Array, frame: number): number {
  if ((frameFlags(words, frame) & FRAME_FLAG_SHARE) === 0) return 0;
  return keyOffset(words, frame) - SHARE_FACT_WORDS;
}

/** Word where the customer's counts begin; 0 when the frame has none. */
export function customerOffset(words: Int32Array, frame: number): number {
  const flags = frameFlags(words, frame);
  if ((flags & FRAME_FLAG_CUSTOMER) === 0) return 0;
  const key = (flags & FRAME_FLAG_KEY) === 0 ? 0 : KEY_FACT_WORDS;
  const share = (flags & FRAME_FLAG_SHARE) === 0 ? 0 : SHARE_FACT_WORDS;
  return headerBytes(words[frame + WORD_HEADER]) / 4 - key - share - CUSTOMER_FACT_WORDS;
}

/** First word of a frame's items: what it takes, or all items of the claim that it settles or changes. */
export function itemsOffset(words: Int32Array, frame: number): number {
  const kind = headerKind(words[frame + WORD_HEADER]);
  return sectionsOffset(kind) + sectionFactCount(words, frame, kind) * SECTION_FACT_WORDS;
}

export function itemsCount(words: Int32Array, frame: number): number {
  const kind = headerKind(words[frame + WORD_HEADER]);
  if (isNewClaim(kind)) return claimItems(words[frame + CLAIM_FACT.state]);
  return kind === FRAME_KIND.change
    ? claimItems(words[frame + CHANGE.state])
    : words[frame + SETTLE.itemCount];
}

/** First word of the items that a change removes; there are `CHANGE.removedCount`. */
export function removedOffset(words: Int32Array, frame: number): number {
  return itemsOffset(words, frame) + itemsCount(words, frame) * ITEM_WORDS;
}

/** First word behind a frame's items: the customer of a new or changed claim, the note of another. */
export function tailOffset(words: Int32Array, frame: number): number {
  const items = itemsOffset(words, frame) + itemsCount(words, frame) * ITEM_WORDS;
  const isChange = headerKind(words[frame + WORD_HEADER]) === FRAME_KIND.change;
  return isChange ? items + words[frame + CHANGE.removedCount] * ITEM_WORDS : items;
}

/** The customer of a hold, order or change frame: UTF-8, maybe empty. */
export function customerBytes(words: Int32Array, frame: number): Uint8Array {
  return textBytes(words, frame + tailOffset(words, frame), words[frame + CLAIM_FACT.sizes] & 0xff);
}

/** First word of the note's bytes. */
export function noteOffset(words: Int32Array, frame: number): number {
  const tail = tailOffset(words, frame);
  if (!isNewClaim(headerKind(words[frame + WORD_HEADER]))) return tail;
  return tail + (((words[frame + CLAIM_FACT.sizes] & 0xff) + 3) >>> 2);
}

/** Reference and metadata that a frame sets, or the reason of a cancellation as the first: UTF-8, empty for none. */
export function noteBytes(words: Int32Array, frame: number): { first: Uint8Array; second: Uint8Array } {
  const isNew = isNewClaim(headerKind(words[frame + WORD_HEADER]));
  const sizes = words[frame + (isNew ? CLAIM_FACT.noteBytes : SETTLE.noteBytes)];
  const all = textBytes(words, frame + noteOffset(words, frame), (sizes & 0xffff) + (sizes >>> 16));
  return { first: all.subarray(0, sizes & 0xffff), second: all.subarray(sizes & 0xffff) };
}

/** Seats of a block or unblock frame, and its reason. */
export function blockedSeats(words: Int32Array, frame: number): Int32Array {
  const start = frame + BLOCK_FACT.sections + words[frame + BLOCK_FACT.sectionCount] * SECTION_FACT_WORDS;
  return words.subarray(start, start + words[frame + BLOCK_FACT.seatCount]);
}

export function blockReason(words: Int32Array, frame: number): Uint8Array {
  const start = BLOCK_FACT.sections + words[frame + BLOCK_FACT.sectionCount] * SECTION_FACT_WORDS;
  return textBytes(
    words,
    frame + start + words[frame + BLOCK_FACT.seatCount],
    words[frame + BLOCK_FACT.reasonBytes],
  );
}

function textBytes(words: Int32Array, word: number, count: number): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset + word * 4, count);
}

/** The three random words of the claim that a frame is about: where they begin. The same in every kind. */
export const RANDOM_OFFSET = CLAIM_FACT.random;

/**
 * The claim that a frame is about, by its first cell; for one about the event itself its slot. Plus FACT_UNCHANGED where
 * nothing was changed: see BatchRequest.fact.
 */
export function frameFact(words: Int32Array, frame: number): number {
  const kind = headerKind(words[frame + WORD_HEADER]);
  switch (kind) {
    case FRAME_KIND.define:
    case FRAME_KIND.create:
    case FRAME_KIND.patch:
    case FRAME_KIND.archive:
    case FRAME_KIND.block:
    case FRAME_KIND.unblock:
      return words[frame + 1] & 0xffff;
    case FRAME_KIND.hold:
    case FRAME_KIND.order:
    case FRAME_KIND.confirm:
    case FRAME_KIND.release:
    case FRAME_KIND.expire:
    case FRAME_KIND.cancel:
    case FRAME_KIND.change:
    case FRAME_KIND.extend:
    case FRAME_KIND.retake:
    case FRAME_KIND.withdraw:
      return words[frame + 8];
    case FRAME_KIND.remember:
      return words[frame + REMEMBER.fact] + FACT_UNCHANGED;
    default:
      return unreachable(kind as never);
  }
}
