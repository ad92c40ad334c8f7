/**
 * Copies a journal into another directory while its server goes on: a prefix of the journal, so each event at one
 * sequence, and every frame that was durable when the copying began.
 *
 * It takes no lock and changes nothing at the source. What makes that right beside a writer:
 *   - a file with a name never changes but in three ways: the last segment grows, a segment gets its footer when it
 *     has a successor, and trim deletes from the oldest up;
 *   - so the set is taken from one listing, and when a file of it has gone meanwhile the directory is listed again;
 *     what was copied before stays good, and what is listed no longer is dropped;
 *   - of the last segment the whole groups at its start are taken, by their checksums, and nothing behind them. A
 *     group that is being written is bad bytes with no later group's header behind; when one stands there, it has
 *     been written since or is damaged, which a second look tells;
 *   - footers are derived, so one that was not there yet is made from the groups.
 *
 * The copy is a data directory of its own, with holes in place of zeros. Thread: none of the server's.
 */
import { createHash } from 'node:crypto';
import { FrontrowError } from '../core/assert.ts';
import { openIfThere, sizeIfThere, unlinkIfThere, writeWhole } from './disk.ts';
import type { Disk, DiskFile } from './disk.ts';

import {
  BLOCK_BYTES,
  footerOffset,
  groupBytes,
  segmentName,
  segmentNumbers,
  snapshotName,
  snapshotPositions,
} from './layout.ts';
import { readJournal } from './journal-reader.ts';
import { sentence } from './read-report.ts';
import { readHeaderOf, ReadWindow, SegmentReader } from './segment-reader.ts';

/** Read at a time, and synced a few times as often: a burst of dirty pages would hold up the server's own syncs. */
const COPY_BYTES = 1 << 20;
const SYNC_BYTES = 16 << 20;
/** Trim deletes whenever a snapshot is made, which takes longer than copying what is left. */
const LISTINGS_MAX = 50;

export interface CopyOptions {
  /** Awaited after each piece: shows progress, waits, throws when somebody has had enough. */
  readonly onCopied?: (copiedBytes: number, totalBytes: number) => Promise<void> | void;
}

export interface CopiedFile {
  readonly name: string;
  readonly bytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

/**
 * Copies into an empty target and syncs the files; the names there are synced too.
 * @throws FrontrowError `data-corrupt` with file and offset, `directory-unusable` when there is nothing to copy or
 *   the set would not hold still
 */
export async function copyJournal(source: Disk, target: Disk, options: CopyOptions): Promise<CopiedFile[]> {
  const copied = new Map<string, CopiedFile>();
  for (let listing = 0; listing < LISTINGS_MAX; listing++) {
    const names = journalFiles(source.list());
    if (names === null) continue;
    for (const name of copied.keys()) {
      if (names.includes(name)) continue;
      target.unlink(name);
      copied.delete(name);
    }
    if (await copyMissing(names, source, target, copied, options)) {
      finish(target, copied);
      return names.map((name) => copied.get(name)).filter((file) => file !== undefined);
    }
  }
  throw new FrontrowError(
    'directory-unusable',
    'the journal files changed too fast, or segments are missing',
  );
}

/** Snapshots, then segments, the last of which is being written. Null when a segment is missing between others. */
function journalFiles(names: readonly string[]): string[] | null {
  const numbers = segmentNumbers(names);
  if (numbers.length === 0) throw new FrontrowError('directory-unusable', 'the directory holds no journal');
  // A listing beside trim or a roll may miss a name; a whole row has no holes.
  if (numbers.some((number, index) => number !== numbers[0] + index)) return null;
  return [...snapshotPositions(names).map(snapshotName), ...numbers.map(segmentName)];
}

/** Copies what is not there yet. False when a file has gone. */
async function copyMissing(
  names: readonly string[],
  source: Disk,
  target: Disk,
  copied: Map<string, CopiedFile>,
  options: CopyOptions,
): Promise<boolean> {
  let total = 0;
  let done = 0;
  for (const name of names) total += sizeIfThere(source, name);
  for (const [index, name] of names.entries()) {
    const known = copied.get(name);
    if (known !== undefined) {
      done += known.bytes;
      continue;
    }
    const file = openIfThere(source, name);
    if (file === null) return false;
    try {
      const bytes = file.size();
      const end = index === names.length - 1 ? endOfGroups(file) : bytes;
      const sha256 = await copyFile(file, end, target, (at) => options.onCopied?.(done + at, total));
      copied.set(name, { name, bytes, sha256 });
      done += bytes;
    } finally {
      file.close();
    }
  }
  return true;
}

/** Where the whole groups at the start of the segment being written end. */
function endOfGroups(file: DiskFile): number {
  const outcome = readHeaderOf(file);
  if (!outcome.ok) throw damaged(file.name, 0, outcome.message, outcome.code);
  const window = new ReadWindow();
  const reader = new SegmentReader(file, outcome.header, window);
  let offset = BLOCK_BYTES;
  for (;;) {
    for (let group = reader.groupAt(offset); group !== null; group = reader.groupAt(offset)) {
      offset += groupBytes(group.payloadBytes);
    }
    if (reader.laterHeader(offset) < 0) return offset;
    // The one behind is written after a sync of this one, so by now all of this is there to read.
    window.forget();
    if (reader.groupAt(offset) === null) {
      throw damaged(
        file.name,
        offset,
        'a group is damaged that was synced: another stands behind it',
        'bad-group',
      );
    }
  }
}

/** Copies [0, end) and leaves the rest of the file's size empty. Resolves with the checksum of the whole. */
async function copyFile(
  file: DiskFile,
  end: number,
  target: Disk,
  onCopied: (at: number) => Promise<void> | void | undefined,
): Promise<string> {
  unlinkIfThere(target, file.name);
  const copy = target.open(file.name, 'create');
  try {
    const size = file.size();
    const hash = createHash('sha256');
    const buffer = new Uint8Array(COPY_BYTES);
    for (let at = 0; at < size; at += COPY_BYTES) {
      const bytes = Math.min(COPY_BYTES, size - at);
      const piece = buffer.subarray(0, bytes);
      const taken = Math.max(0, Math.min(bytes, end - at));
      if (taken > 0 && file.read(piece.subarray(0, taken), at) < taken) {
        throw damaged(file.name, at, 'the file is shorter than it was', 'bad-group');
      }
      piece.fill(0, taken);
      hash.update(piece);
      if (taken > 0) writeWhole(copy, [piece.subarray(0, taken)], at);
      if (at % SYNC_BYTES === 0) copy.sync();
      await onCopied(at + bytes);
    }
    // The last byte makes the size; what lies between is a hole.
    if (end < size) writeWhole(copy, [new Uint8Array(1)], size - 1);
    copy.sync();
    return hash.digest('hex');
  } finally {
    copy.close();
  }
}

/** Reads the copy as a start would, and makes the footers that the source had not written yet. */
function finish(target: Disk, copied: Map<string, CopiedFile>): void {
  const report = readJournal(target, { fromSnapshot: false, through: 'all' }, { snapshot() {}, frames() {} });
  const fatal = report.problems.find((problem) => problem.fatal);
  if (fatal !== undefined) throw new FrontrowError('data-corrupt', `in the source, ${sentence(fatal)}`);
  for (const { header, footer } of report.unsealed) {
    const name = segmentName(header.number);
    const file = target.open(name, 'write');
    try {
      const offset = footerOffset(header);
      const whole = new Uint8Array(header.segmentBytes - offset);
      whole.set(footer);
      writeWhole(file, [whole], offset);
      file.sync();
      copied.set(name, { name, bytes: file.size(), sha256: checksumOf(file) });
    } finally {
      file.close();
    }
  }
  target.syncDirectory();
}

/** sha256 of a file's content, hexadecimal. */
export function checksumOf(file: DiskFile): string {
  const hash = createHash('sha256');
  const buffer = new Uint8Array(COPY_BYTES);
  for (let at = 0; ; at += COPY_BYTES) {
    const count = file.read(buffer, at);
    hash.update(buffer.subarray(0, count));
    if (count < COPY_BYTES) return hash.digest('hex');
  }
}

function damaged(file: string, offset: number, message: string, code: string): FrontrowError {
  const text = `in the source, ${file} at offset ${offset}: ${message}`;
  return new FrontrowError(code === 'newer-format' ? 'directory-unusable' : 'data-corrupt', text);
}
