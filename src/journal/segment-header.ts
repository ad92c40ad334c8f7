/**
 * The first block of a segment: what it is, where in the stream it starts and what its groups must prove.
 *
 *   word 0      magic            the first three words mean the same in every format version
 *   word 1      crc32 of the block from word 2 on
 *   word 2      format version
 *   word 3      segment number, from 1
 *   word 4–5    position of its first frame
 *   word 6      crc of the last group before it
 *   word 7      boot epoch that made it
 *   word 8–11   incarnation
 *   word 12–13  salt: random, in every group of this segment, told to nobody
 *   word 14     segment bytes
 *   word 15     events that the footer can name
 *   word 16…    zero
 *
 * A segment gets its name when this block is on disk, so a named segment with a bad header is corruption.
 * The salt keeps a stray group of another file, or bytes that a client made up, from passing as one of ours.
 */
import { crc32 } from 'node:zlib';
import { high, low, wide } from '../core/frame.ts';
import { BLOCK_BYTES, isReadableFormat, unreadableFormat } from './layout.ts';
import type { SegmentShape } from './layout.ts';
import type { Position } from './port.ts';

/** 'FRSG' */
const MAGIC = 0x47535246;

export interface SegmentHeader extends SegmentShape {
  /** Version that all of the segment is written in. */
  readonly format: number;
  readonly number: number;
  readonly firstPosition: Position;
  /** Unsigned. */
  readonly previousCrc: number;
  readonly epoch: number;
  readonly incarnation: string;
  readonly salt0: number;
  readonly salt1: number;
}

export function encodeSegmentHeader(header: SegmentHeader): Uint8Array {
  const words = new Int32Array(BLOCK_BYTES / 4);
  const bytes = new Uint8Array(words.buffer);
  words[0] = MAGIC;
  words[2] = header.format;
  words[3] = header.number;
  words[4] = low(header.firstPosition);
  words[5] = high(header.firstPosition);
  words[6] = header.previousCrc;
  words[7] = header.epoch;
  bytes.set(Buffer.from(header.incarnation, 'hex'), 32);
  words[12] = header.salt0;
  words[13] = header.salt1;
  words[14] = header.segmentBytes;
  words[15] = header.eventsMax;
  words[1] = crc32(bytes.subarray(8));
  return bytes;
}

export type HeaderOutcome =
  | { readonly ok: true; readonly header: SegmentHeader }
  | { readonly ok: false; readonly code: 'bad-header' | 'newer-format'; readonly message: string };

/** Reads a header block back. `fileBytes` must be what the header says. */
export function decodeSegmentHeader(block: Uint8Array, fileBytes: number): HeaderOutcome {
  if (block.byteLength !== BLOCK_BYTES) return bad(`the file has ${fileBytes} bytes, too few for a header`);
  const bytes = block.slice();
  const words = new Int32Array(bytes.buffer);
  if (words[0] !== MAGIC) return bad('this is not a journal segment');
  if (words[1] >>> 0 !== crc32(bytes.subarray(8))) return bad('the header does not match its checksum');
  const format = words[2] >>> 0;
  if (!isReadableFormat(format)) {
    return { ok: false, code: 'newer-format', message: unreadableFormat(format) };
  }
  const header: SegmentHeader = {
    format,
    number: words[3] >>> 0,
    firstPosition: wide(words, 4),
    previousCrc: words[6] >>> 0,
    epoch: words[7] >>> 0,
    incarnation: Buffer.from(bytes.buffer, 32, 16).toString('hex'),
    salt0: words[12],
    salt1: words[13],
    segmentBytes: words[14],
    eventsMax: words[15],
  };
  if (header.segmentBytes !== fileBytes) {
    return bad(`the file has ${fileBytes} bytes and its header says ${header.segmentBytes}`);
  }
  return { ok: true, header };
}

function bad(message: string): HeaderOutcome {
  return { ok: false, code: 'bad-header', message };
}
