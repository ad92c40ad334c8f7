/**
 * How the journal lies in its directory. The only file that knows names, block size and where in a segment
 * what stands; the codecs beside it know the words inside.
 *
 *   lock                              who holds the directory (directory-lock.ts)
 *   segment-0000000001.journal …      groups of frames; the last one is being written, those before are sealed
 *   snapshot-<position>.snapshot      state before that position
 *   spare-000001.zero                 a zero-filled, synced file that becomes the next segment
 *   *.part                            being made; worth nothing after a crash
 *   snapshot-….snapshot.bad           found damaged and put aside, until two good ones are there
 *
 *   segment:  | header 4 KiB | groups, each from a 4 KiB boundary … | free | end mark 4 KiB | footer |
 *
 * A segment is sealed when its successor exists: the successor gets its name before the footer is written and
 * before any group goes into it. So a footer without a successor means that a file is missing.
 */
import { assert } from '../core/assert.ts';

/**
 * Sectors of one group are never touched while another is written: both 512 and 4096 byte sectors divide it.
 */
export const BLOCK_BYTES = 4096;
/**
 * One number for all that the files mean: segments, groups, kinds of frames, snapshots and the memory layout in
 * them. What is written is of this version; what is read may be older (docs/decisions/014-format-versions.md).
 *
 *   1  issue 2
 *   2  frame kinds 9 to 18, memory layout 2
 */
export const FORMAT_VERSION = 2;
export const FORMAT_VERSION_OLDEST = 1;
export const GROUP_HEADER_BYTES = 64;
export const FOOTER_HEADER_BYTES = 64;
export const FOOTER_ENTRY_BYTES = 16;

export const SEGMENT_BYTES_DEFAULT = 64 << 20;
/** Spares that are kept ready. */
export const SPARE_COUNT_DEFAULT = 2;
/** Offsets inside a segment fit 31 bits. */
const SEGMENT_BYTES_MAX = 1 << 30;
/** Events that a footer can name. One more only makes history scan where it could have jumped. */
export const EVENTS_MAX_DEFAULT = 4096;
/** Generation and slot are 16 bits each, and a footer of more than 1 MiB would not be worth it. */
const EVENTS_MAX = 1 << 16;

export interface SegmentShape {
  readonly segmentBytes: number;
  readonly eventsMax: number;
}

export function checkShape(shape: SegmentShape): void {
  const { segmentBytes, eventsMax } = shape;
  assert(Number.isInteger(eventsMax) && eventsMax >= 1 && eventsMax <= EVENTS_MAX, 'eventsMax is 1 to 65536');
  assert(Number.isInteger(segmentBytes) && segmentBytes % BLOCK_BYTES === 0, 'a segment is whole blocks');
  assert(segmentBytes <= SEGMENT_BYTES_MAX, 'a segment is 1 GiB at most');
  assert(segmentCapacity(shape) >= 2 * BLOCK_BYTES, 'a segment has room for groups beside header and footer');
}

/** Why a file of that format is not read. */
export function unreadableFormat(format: number): string {
  return (
    `written in format ${format}, and this version of Frontrow reads formats ${FORMAT_VERSION_OLDEST} to ` +
    `${FORMAT_VERSION}: upgrade Frontrow; nothing was changed`
  );
}

export function isReadableFormat(format: number): boolean {
  return format >= FORMAT_VERSION_OLDEST && format <= FORMAT_VERSION;
}

function alignBlock(bytes: number): number {
  return Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES;
}

/** What a group of `payloadBytes` takes of room(): its header, rounded up to whole blocks. */
export function groupBytes(payloadBytes: number): number {
  return alignBlock(GROUP_HEADER_BYTES + payloadBytes);
}

export function footerOffset(shape: SegmentShape): number {
  return shape.segmentBytes - alignBlock(FOOTER_HEADER_BYTES + shape.eventsMax * FOOTER_ENTRY_BYTES);
}

/** Groups lie in [BLOCK_BYTES, groupsEnd), the end mark included. */
export function groupsEnd(shape: SegmentShape): number {
  return footerOffset(shape);
}

/**
 * room() of a fresh segment. One block stays free, so that the end mark of a clean stop never needs a new
 * file.
 */
export function segmentCapacity(shape: SegmentShape): number {
  return groupsEnd(shape) - BLOCK_BYTES - BLOCK_BYTES;
}

/**
 * What a spare adds to the room for groups of at most a quarter of a segment, whatever their order: a roll leaves less
 * than one such group of the segment before unused.
 */
export function spareRoom(shape: SegmentShape): number {
  return segmentCapacity(shape) - groupBytes(Math.floor(shape.segmentBytes / 4));
}

export const PART_SUFFIX = '.part';
/** A snapshot that recovery found damaged and did without. */
export const BAD_SUFFIX = '.bad';
/** The file that the journal thread makes itself when no spare is ready. */
export const SPARE_NOW = `spare-now${PART_SUFFIX}`;
const SPARE = /^spare-(\d{6,})\.zero$/;
const SEGMENT = /^segment-(\d{10,})\.journal$/;
const SNAPSHOT = /^snapshot-(\d{16})\.snapshot$/;

/** A spare that is being made, or was left unfinished. */
export function isSparePart(name: string): boolean {
  if (name === SPARE_NOW) return true;
  return name.endsWith(PART_SUFFIX) && SPARE.test(name.slice(0, -PART_SUFFIX.length));
}

/** Likewise of a snapshot. */
export function isSnapshotPart(name: string): boolean {
  return name.endsWith(PART_SUFFIX) && SNAPSHOT.test(name.slice(0, -PART_SUFFIX.length));
}

export function segmentName(number: number): string {
  return `segment-${String(number).padStart(10, '0')}.journal`;
}

export function snapshotName(position: number): string {
  return `snapshot-${String(position).padStart(16, '0')}.snapshot`;
}

export function spareName(number: number): string {
  return `spare-${String(number).padStart(6, '0')}.zero`;
}

function numbersOf(names: readonly string[], pattern: RegExp): number[] {
  const numbers: number[] = [];
  for (const name of names) {
    const match = pattern.exec(name);
    if (match !== null) numbers.push(Number(match[1]));
  }
  return numbers.sort((a, b) => a - b);
}

/** Numbers of the segments among `names`, ascending. */
export function segmentNumbers(names: readonly string[]): number[] {
  return numbersOf(names, SEGMENT);
}

/** Positions of the snapshots among `names`, ascending. */
export function snapshotPositions(names: readonly string[]): number[] {
  return numbersOf(names, SNAPSHOT);
}

/** Numbers of the ready spares among `names`, ascending. */
export function spareNumbers(names: readonly string[]): number[] {
  return numbersOf(names, SPARE);
}
