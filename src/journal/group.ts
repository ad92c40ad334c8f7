/**
 * The group: frames that were written and synced together, and the unit that is either there or not.
 *
 *   word 0      magic
 *   word 1      crc32 of words 2–15 and the payload
 *   word 2      | flags:16 | kind:16 |
 *   word 3      segment number
 *   word 4–5    the segment's salt
 *   word 6–7    position of the first frame
 *   word 8      payload bytes
 *   word 9      crc of the group before, across segments: the chain
 *   word 10     boot epoch
 *   word 11–15  zero
 *   then the payload: whole frames as they stood in the ring
 *
 * A group starts on a block boundary, so that writing the next never touches a sector of this one, and so
 * that a reader can look for groups behind a bad one.
 */
import { crc32 } from 'node:zlib';
import { assert } from '../core/assert.ts';
import { high, low, wide } from '../core/frame.ts';
import { GROUP_HEADER_BYTES } from './layout.ts';
import type { Position } from './port.ts';
import type { SegmentHeader } from './segment-header.ts';

/** 'FRGR' */
const MAGIC = 0x52475246;
const HEADER_WORDS = GROUP_HEADER_BYTES / 4;

/** Stored on disk: never renumber, only add. `begin` opens an epoch, `end` says that a stop was clean. */
export const GROUP_KIND = { frames: 1, begin: 2, end: 3 } as const;
export type GroupKind = (typeof GROUP_KIND)[keyof typeof GROUP_KIND];

/**
 * Set when everything before this group was synced before it was written. Such a group behind a bad one
 * proves corruption; without durability a power cut may well keep a later group and lose an earlier one.
 */
export const GROUP_FLAG_AFTER_SYNC = 1;

export interface GroupFields {
  readonly kind: GroupKind;
  readonly flags: number;
  readonly position: Position;
  readonly previousCrc: number;
  readonly epoch: number;
}

/** A group as read: payload is words[startWord … endWord) of the reader's window, until the next read. */
export interface Group extends GroupFields {
  readonly offset: number;
  readonly crc: number;
  readonly payloadBytes: number;
  readonly words: Int32Array;
  readonly startWord: number;
  readonly endWord: number;
}

/** Fills `words` (16 of them) with the header of a group of `chunks`. Returns its crc. */
export function encodeGroupHeader(
  words: Int32Array,
  segment: SegmentHeader,
  fields: GroupFields,
  chunks: readonly Uint8Array[],
): number {
  let payloadBytes = 0;
  for (const chunk of chunks) payloadBytes += chunk.byteLength;
  assert(words.length === HEADER_WORDS, 'a group header has 16 words');
  assert(payloadBytes % 8 === 0, 'a group is whole frames, and those are whole 8-byte units');
  words.fill(0);
  words[0] = MAGIC;
  words[2] = (fields.flags << 16) | fields.kind;
  words[3] = segment.number;
  words[4] = segment.salt0;
  words[5] = segment.salt1;
  words[6] = low(fields.position);
  words[7] = high(fields.position);
  words[8] = payloadBytes;
  words[9] = fields.previousCrc;
  words[10] = fields.epoch;
  let crc = crc32(new Uint8Array(words.buffer, words.byteOffset + 8, GROUP_HEADER_BYTES - 8));
  for (const chunk of chunks) crc = crc32(chunk, crc);
  words[1] = crc;
  return crc;
}

/**
 * Payload bytes that a header claims, or -1 when there is no header of this segment at `start`. Proves
 * nothing.
 */
export function claimedPayloadBytes(words: Int32Array, start: number, segment: SegmentHeader): number {
  if (words[start] !== MAGIC) return -1;
  if (words[start + 3] >>> 0 !== segment.number) return -1;
  if (words[start + 4] !== segment.salt0 || words[start + 5] !== segment.salt1) return -1;
  const bytes = words[start + 8];
  return bytes >= 0 && bytes % 8 === 0 ? bytes : -1;
}

/**
 * Whether the header at word `start` says that everything before it was synced before it was written. It proves that
 * much without its payload: it fits one sector, which is whole or not there, and nothing else carries the segment's salt.
 */
export function isHeaderAfterSync(words: Int32Array, start: number, segment: SegmentHeader): boolean {
  if (claimedPayloadBytes(words, start, segment) < 0) return false;
  return ((words[start + 2] >>> 16) & GROUP_FLAG_AFTER_SYNC) !== 0;
}

/**
 * Reads the group whose header is at word `start`, all of it being in `words`; null when its crc is wrong.
 */
export function decodeGroup(words: Int32Array, start: number, offset: number): Group | null {
  const payloadBytes = words[start + 8];
  const bytes = new Uint8Array(
    words.buffer,
    words.byteOffset + start * 4 + 8,
    GROUP_HEADER_BYTES - 8 + payloadBytes,
  );
  const crc = words[start + 1] >>> 0;
  if (crc32(bytes) !== crc) return null;
  return {
    kind: (words[start + 2] & 0xffff) as GroupKind,
    flags: words[start + 2] >>> 16,
    position: wide(words, start + 6),
    previousCrc: words[start + 9] >>> 0,
    epoch: words[start + 10] >>> 0,
    offset,
    crc,
    payloadBytes,
    words,
    startWord: start + HEADER_WORDS,
    endWord: start + HEADER_WORDS + payloadBytes / 4,
  };
}
