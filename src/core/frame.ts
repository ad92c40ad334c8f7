/**
 * The frame: one record of the journal, and the unit in which memory changes. This header is written by the
 * engine into the ring, read by the journal thread, by recovery, by repair and by history.
 *
 * A frame is a whole number of 8-byte units of little-endian 32-bit words:
 *
 *   word 0  | kind:8 | length in words:24 |   written last; 0 means "not published yet"
 *   word 1  | generation:16 | event slot:16 |
 *   word 2  sequence, low 32 bits     word 3  sequence, high 21 bits
 *   word 4  time in ms, low 32 bits   word 5  time, high 21 bits
 *   word 6  batch id (repair finds a dead worker's frames by it; means nothing after a restart)
 *   word 7  | flags:16 | index of the command in its batch:16 |
 *   word 8… facts of the kind (src/engine/facts.ts)
 *
 * A position is a byte offset in the endless stream of frames; it never wraps and is below 2^53.
 */
import { endianness } from 'node:os';
import { assert } from './assert.ts';

assert(endianness() === 'LE', 'Frontrow keeps frames little-endian and runs on little-endian machines only');

export const FRAME_HEADER_WORDS = 8;

/** Kinds are stored on disk: never renumber, only add. */
export const FRAME_KIND = {
  padding: 1,
  define: 2,
  hold: 3,
  order: 4,
  confirm: 5,
  release: 6,
  expire: 7,
  cancel: 8,
  /** A new event; `define` is how version 1 of the journal wrote it. */
  create: 9,
  /** An event's definition, state or size as changed. */
  patch: 10,
  archive: 11,
  change: 12,
  extend: 13,
  retake: 14,
  /** cancel, with the places going off sale. */
  withdraw: 15,
  block: 16,
  unblock: 17,
  /** The key of a success that changed nothing. It takes no sequence: it carries the last one. */
  remember: 18,
} as const;
export type FrameKind = (typeof FRAME_KIND)[keyof typeof FRAME_KIND];

/** Set when the frame ends with an idempotency key entry (8 words). */
export const FRAME_FLAG_KEY = 1;
/** Set with FRAME_FLAG_KEY when the counts of the client's share stand before the key (4 words). */
export const FRAME_FLAG_SHARE = 2;
/** Set when what the customer then has stands before share and key (6 words). */
export const FRAME_FLAG_CUSTOMER = 4;

export const WORD_HEADER = 0;
export const WORD_EVENT = 1;
export const WORD_SEQUENCE = 2;
export const WORD_TIME = 4;
export const WORD_BATCH = 6;
export const WORD_COMMAND = 7;

const TWO_32 = 0x1_0000_0000;

export function packHeader(kind: number, lengthWords: number): number {
  return (kind << 24) | lengthWords | 0;
}

export function headerKind(header: number): number {
  return header >>> 24;
}

export function headerBytes(header: number): number {
  return (header & 0xff_ffff) * 4;
}

/** Whether a frame is a change of its event, the next in sequence; padding is none, nor is a key alone. */
export function takesSequence(header: number): boolean {
  const kind = headerKind(header);
  return kind !== FRAME_KIND.padding && kind !== FRAME_KIND.remember;
}

/** A 53-bit number from two words of an Int32Array, low word first. */
export function wide(words: Int32Array, index: number): number {
  return (words[index] >>> 0) + (words[index + 1] >>> 0) * TWO_32;
}

/** Low word of a 53-bit number. */
export function low(value: number): number {
  return value | 0;
}

/** High word of a 53-bit number, which is not negative. */
export function high(value: number): number {
  return (value / TWO_32) | 0;
}

export function frameSlot(words: Int32Array, frame: number): number {
  return words[frame + WORD_EVENT] & 0xffff;
}
