/**
 * The snapshot container: somebody's chunks, with proof that all of them are there. What they mean is the
 * engine's.
 *
 *   header  16 words: magic, crc32 of words 2–15, format, 0, position (2), last time in ms (2),
 *           incarnation (4), zero
 *   chunk   4 words: magic, crc32 of the bytes, byte count, chunk index; then the bytes, then zeros to 16 bytes
 *   end     16 words: magic, crc32 of words 2–15, format, chunk count, position (2), bytes (2),
 *           crc32 over all chunk headers, zero
 *
 * Written under a temporary name, synced, renamed, directory synced: a file with a snapshot's name was whole
 * once. Streamed both ways: one chunk is in memory at a time.
 */
import { crc32 } from 'node:zlib';
import { assert } from '../core/assert.ts';
import { high, low, wide } from '../core/frame.ts';
import { sizeIfThere, unlinkIfThere, writeWhole } from './disk.ts';
import type { Disk, DiskFile } from './disk.ts';
import {
  FORMAT_VERSION,
  isReadableFormat,
  isSnapshotPart,
  isSparePart,
  PART_SUFFIX,
  snapshotName,
  SPARE_COUNT_DEFAULT,
  spareNumbers,
  unreadableFormat,
} from './layout.ts';
import type { SnapshotInfo } from './port.ts';

/** 'FRSN', 'FRSC', 'FRSE' */
const MAGIC_HEADER = 0x4e535246;
const MAGIC_CHUNK = 0x43535246;
const MAGIC_END = 0x45535246;
const FRAME_BYTES = 64;
const CHUNK_HEADER_BYTES = 16;
const ALIGN_BYTES = 16;
/** Written and synced at once: a sync of the journal that meets a large one waits for all of it. */
const PIECE_BYTES = 1 << 20;

/** The largest chunk: a reader holds one in memory. */
const SNAPSHOT_CHUNK_BYTES_MAX = 64 << 20;

export type SnapshotOutcome =
  | { readonly ok: true; readonly info: SnapshotInfo }
  | {
      readonly ok: false;
      readonly code: 'bad-snapshot' | 'newer-format';
      readonly offset: number;
      readonly message: string;
    };

/** A snapshot's chunk did not match its checksum while it was being read out. */
export class SnapshotReadError extends Error {
  override readonly name = 'SnapshotReadError';
  readonly offset: number;

  constructor(offset: number, message: string) {
    super(message);
    this.offset = offset;
  }
}

/**
 * The most that a snapshot of `contentBytes` takes on disk. Chunk headers and padding are a few bytes for each of its
 * megabytes; what the file system adds is a little more.
 */
export function snapshotFileBytes(contentBytes: number): number {
  return contentBytes + Math.ceil(contentBytes / 1024) + (64 << 10);
}

/**
 * What a snapshot may take: the free room, less that of the spares that the supply has yet to make. Of those, only as many
 * count as can be made: with less room than a segment takes, a snapshot, after which old segments go, is the way to more.
 */
export function snapshotRoom(disk: Disk, segmentBytes: number): number {
  const names = disk.list();
  const free = disk.free();
  const begun = names.filter(isSparePart).reduce((sum, name) => sum + sizeIfThere(disk, name), 0);
  const missing = Math.max(0, SPARE_COUNT_DEFAULT - spareNumbers(names).length);
  const due = Math.min(missing, Math.floor((free + begun) / segmentBytes));
  return Math.min(free, free + begun - due * segmentBytes);
}

/** Deletes what attempts that did not get to their end have left, this process's or another's. */
export function removeSnapshotParts(disk: Disk): void {
  for (const name of disk.list().filter(isSnapshotPart)) unlinkIfThere(disk, name);
}

/**
 * Writes a snapshot and gives it its name. Durable when it returns; throws what the disk throws, and then no snapshot has
 * changed and nothing is left of this one. Chunks of at most SNAPSHOT_CHUNK_BYTES_MAX; each is used before the next is
 * asked for.
 */
export function writeSnapshot(disk: Disk, info: SnapshotInfo, chunks: Iterable<Uint8Array>): SnapshotInfo {
  const name = snapshotName(info.position);
  const part = `${name}${PART_SUFFIX}`;
  unlinkIfThere(disk, part);
  try {
    const bytes = writePart(disk, part, info, chunks);
    disk.rename(part, name);
    disk.syncDirectory();
    return { ...info, bytes };
  } catch (error) {
    try {
      unlinkIfThere(disk, part);
    } catch {
      // The next attempt takes it away; the first error says why there is no snapshot.
    }
    throw error;
  }
}

function writePart(disk: Disk, part: string, info: SnapshotInfo, chunks: Iterable<Uint8Array>): number {
  const file = disk.open(part, 'create');
  let bytes = 0;
  try {
    let offset = FRAME_BYTES;
    let count = 0;
    let crcs = 0;
    let unsynced = 0;
    writeWhole(file, [encodeHeader(info)], 0);
    for (const chunk of chunks) {
      assert(chunk.byteLength <= SNAPSHOT_CHUNK_BYTES_MAX, 'a snapshot chunk has a limit');
      const head = new Int32Array(CHUNK_HEADER_BYTES / 4);
      head[0] = MAGIC_CHUNK;
      head[1] = crc32(chunk);
      head[2] = chunk.byteLength;
      head[3] = count;
      const headBytes = new Uint8Array(head.buffer);
      crcs = crc32(headBytes, crcs);
      const padding = new Uint8Array(alignChunk(chunk.byteLength) - chunk.byteLength);
      for (const piece of [headBytes, ...piecesOf(chunk), padding]) {
        if (piece.byteLength === 0) continue;
        writeWhole(file, [piece], offset);
        offset += piece.byteLength;
        unsynced += piece.byteLength;
        if (unsynced < PIECE_BYTES) continue;
        file.sync();
        unsynced = 0;
      }
      bytes += chunk.byteLength;
      count++;
    }
    writeWhole(file, [encodeEnd(info, count, bytes, crcs)], offset);
    file.sync();
    return bytes;
  } finally {
    file.close();
  }
}

function* piecesOf(chunk: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < chunk.byteLength; at += PIECE_BYTES) yield chunk.subarray(at, at + PIECE_BYTES);
}

function encodeHeader(info: SnapshotInfo): Uint8Array {
  const words = new Int32Array(FRAME_BYTES / 4);
  const bytes = new Uint8Array(words.buffer);
  words[0] = MAGIC_HEADER;
  words[2] = FORMAT_VERSION;
  words[4] = low(info.position);
  words[5] = high(info.position);
  words[6] = low(info.lastTimeMs);
  words[7] = high(info.lastTimeMs);
  bytes.set(Buffer.from(info.incarnation, 'hex'), 32);
  words[1] = crc32(bytes.subarray(8));
  return bytes;
}

function encodeEnd(info: SnapshotInfo, count: number, contentBytes: number, crcs: number): Uint8Array {
  const words = new Int32Array(FRAME_BYTES / 4);
  const bytes = new Uint8Array(words.buffer);
  words[0] = MAGIC_END;
  words[2] = FORMAT_VERSION;
  words[3] = count;
  words[4] = low(info.position);
  words[5] = high(info.position);
  words[6] = low(contentBytes);
  words[7] = high(contentBytes);
  words[8] = crcs;
  words[1] = crc32(bytes.subarray(8));
  return bytes;
}

/** Reads the whole file and says whether every chunk and the end mark are there. */
export function checkSnapshot(file: DiskFile): SnapshotOutcome {
  const outcome = readHeader(file);
  if (!outcome.ok) return outcome;
  const { info } = outcome;
  try {
    let bytes = 0;
    for (const chunk of snapshotChunks(file)) bytes += chunk.byteLength;
    return { ok: true, info: { ...info, bytes } };
  } catch (error) {
    if (error instanceof SnapshotReadError)
      return { ok: false, code: 'bad-snapshot', offset: error.offset, message: error.message };
    throw error;
  }
}

function readHeader(file: DiskFile): SnapshotOutcome {
  const words = new Int32Array(FRAME_BYTES / 4);
  const bytes = new Uint8Array(words.buffer);
  const isWhole = file.read(bytes, 0) === FRAME_BYTES && words[0] === MAGIC_HEADER;
  if (!isWhole || crc32(bytes.subarray(8)) !== words[1] >>> 0) {
    return { ok: false, code: 'bad-snapshot', offset: 0, message: 'the snapshot header is not valid' };
  }
  if (!isReadableFormat(words[2])) {
    return { ok: false, code: 'newer-format', offset: 0, message: unreadableFormat(words[2]) };
  }
  const incarnation = Buffer.from(words.buffer, 32, 16).toString('hex');
  return {
    ok: true,
    info: { position: wide(words, 4), lastTimeMs: wide(words, 6), incarnation, bytes: 0 },
  };
}

/** Gives a snapshot another incarnation: `head` is at least its first SNAPSHOT_HEADER_BYTES, changed in place. */
export function replaceSnapshotIncarnation(head: Uint8Array, incarnation: string): void {
  const words = new Int32Array(head.buffer, head.byteOffset, FRAME_BYTES / 4);
  assert(words[0] === MAGIC_HEADER, 'a snapshot starts with its header');
  head.set(Buffer.from(incarnation, 'hex'), 32);
  words[1] = crc32(head.subarray(8, FRAME_BYTES));
}

/**
 * The chunks in order, each until the next is asked for. Throws SnapshotReadError where they stop being
 * valid.
 */
export function* snapshotChunks(file: DiskFile): Generator<Uint8Array> {
  const frame = new Int32Array(FRAME_BYTES / 4);
  const frameBytes = new Uint8Array(frame.buffer);
  let buffer = new Uint8Array(1 << 16);
  let offset = FRAME_BYTES;
  let count = 0;
  let crcs = 0;
  for (;;) {
    if (file.read(frameBytes.subarray(0, CHUNK_HEADER_BYTES), offset) < CHUNK_HEADER_BYTES) {
      throw new SnapshotReadError(offset, 'the snapshot has no end mark');
    }
    if (frame[0] === MAGIC_END) break;
    const bytes = frame[2];
    if (frame[0] !== MAGIC_CHUNK || frame[3] !== count || bytes < 0 || bytes > SNAPSHOT_CHUNK_BYTES_MAX) {
      throw new SnapshotReadError(offset, 'a chunk header of the snapshot is not valid');
    }
    if (bytes > buffer.byteLength) buffer = new Uint8Array(bytes);
    const chunk = buffer.subarray(0, bytes);
    const read = file.read(chunk, offset + CHUNK_HEADER_BYTES);
    if (read < bytes || crc32(chunk) !== frame[1] >>> 0) {
      throw new SnapshotReadError(offset, 'a chunk of the snapshot does not match its checksum');
    }
    crcs = crc32(frameBytes.subarray(0, CHUNK_HEADER_BYTES), crcs);
    count++;
    offset += CHUNK_HEADER_BYTES + alignChunk(bytes);
    yield chunk;
  }
  const isWhole =
    file.read(frameBytes, offset) === FRAME_BYTES &&
    crc32(frameBytes.subarray(8)) === frame[1] >>> 0 &&
    frame[3] === count &&
    frame[8] >>> 0 === crcs;
  if (!isWhole) throw new SnapshotReadError(offset, 'the end mark of the snapshot is not valid');
}

function alignChunk(bytes: number): number {
  return Math.ceil(bytes / ALIGN_BYTES) * ALIGN_BYTES;
}
