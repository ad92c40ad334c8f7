/**
 * Reads one segment file, group by group, through a window that is reused from segment to segment.
 *
 * Read-only and without an opinion: it says what is at an offset. What that means, end, torn tail or
 * corruption, is decided in journal-reader.ts.
 */
import { assert } from '../core/assert.ts';
import type { Disk, DiskFile } from './disk.ts';
import { decodeFooter } from './footer.ts';
import type { Footer } from './footer.ts';
import { claimedPayloadBytes, decodeGroup, isHeaderAfterSync } from './group.ts';
import type { Group } from './group.ts';
import { BLOCK_BYTES, footerOffset, GROUP_HEADER_BYTES, groupsEnd } from './layout.ts';
import { decodeSegmentHeader } from './segment-header.ts';
import type { HeaderOutcome, SegmentHeader } from './segment-header.ts';

const WINDOW_BYTES = 1 << 20;

/** A piece of a file in memory. Grows to the largest group seen; one is enough for a whole recovery. */
export class ReadWindow {
  #words = new Int32Array(WINDOW_BYTES / 4);
  #file: DiskFile | null = null;
  #offset = 0;
  #bytes = 0;

  get words(): Int32Array {
    return this.#words;
  }

  /** Word index at which `bytes` bytes of the file from `offset` stand; -1 when the file ends before. */
  load(file: DiskFile, offset: number, bytes: number): number {
    assert(offset % 4 === 0, 'what is read starts on a word');
    const isInside =
      this.#file === file && offset >= this.#offset && offset + bytes <= this.#offset + this.#bytes;
    if (!isInside) {
      if (bytes > this.#words.byteLength)
        this.#words = new Int32Array(Math.ceil(bytes / WINDOW_BYTES) * (WINDOW_BYTES / 4));
      this.#file = file;
      this.#offset = offset;
      this.#bytes = file.read(new Uint8Array(this.#words.buffer), offset);
      if (this.#bytes < bytes) return -1;
    }
    return (offset - this.#offset) / 4;
  }

  /** Forgets the bytes: another file may follow, or this one has been written to. */
  forget(): void {
    this.#file = null;
  }
}

export function readSegmentHeader(disk: Disk, name: string): HeaderOutcome {
  const file = disk.open(name, 'read');
  try {
    return readHeaderOf(file);
  } finally {
    file.close();
  }
}

export function readHeaderOf(file: DiskFile): HeaderOutcome {
  const block = new Uint8Array(BLOCK_BYTES);
  const count = file.read(block, 0);
  return decodeSegmentHeader(block.subarray(0, count), file.size());
}

export class SegmentReader {
  readonly file: DiskFile;
  readonly header: SegmentHeader;
  readonly #window: ReadWindow;
  readonly #end: number;

  constructor(file: DiskFile, header: SegmentHeader, window: ReadWindow) {
    this.file = file;
    this.header = header;
    this.#window = window;
    this.#end = groupsEnd(header);
    window.forget();
  }

  /** The group at `offset`; null when no valid one stands there. It holds until the next call. */
  groupAt(offset: number): Group | null {
    if (offset + GROUP_HEADER_BYTES > this.#end) return null;
    let start = this.#window.load(this.file, offset, GROUP_HEADER_BYTES);
    if (start < 0) return null;
    const payloadBytes = claimedPayloadBytes(this.#window.words, start, this.header);
    if (payloadBytes < 0 || offset + GROUP_HEADER_BYTES + payloadBytes > this.#end) return null;
    start = this.#window.load(this.file, offset, GROUP_HEADER_BYTES + payloadBytes);
    return start < 0 ? null : decodeGroup(this.#window.words, start, offset);
  }

  /**
   * Offset of a group's header behind `offset` that proves that the bytes at `offset` had been durable; else -1. The
   * rest of that group may be torn.
   */
  laterHeader(offset: number): number {
    for (let at = offset + BLOCK_BYTES; at < this.#end; at += BLOCK_BYTES) {
      const start = this.#window.load(this.file, at, GROUP_HEADER_BYTES);
      if (start < 0) break;
      if (isHeaderAfterSync(this.#window.words, start, this.header)) return at;
    }
    return -1;
  }

  /** Payload bytes that the header at `offset` claims, whether they are there or not; -1 when none can be read. */
  claimedAt(offset: number): number {
    const start = this.#window.load(this.file, offset, GROUP_HEADER_BYTES);
    return start < 0 ? -1 : claimedPayloadBytes(this.#window.words, start, this.header);
  }

  /** Offset after the last byte that is not zero in [offset, end of the groups), or `offset`. */
  tailEnd(offset: number): number {
    let end = offset;
    for (let at = offset; at < this.#end; at += BLOCK_BYTES) {
      const start = this.#window.load(this.file, at, BLOCK_BYTES);
      if (start < 0) break;
      const { words } = this.#window;
      for (let word = start + BLOCK_BYTES / 4 - 1; word >= start; word--) {
        if (words[word] !== 0) {
          end = at + (word - start + 1) * 4;
          break;
        }
      }
    }
    return end;
  }

  footer(): Footer | null {
    const offset = footerOffset(this.header);
    const region = new Uint8Array(this.header.segmentBytes - offset);
    const count = this.file.read(region, offset);
    return decodeFooter(region.subarray(0, count), this.header);
  }
}
