/**
 * Writes the files of a backup into an empty data directory, as another incarnation of the journal.
 *
 * The incarnation stands in the header of every segment and snapshot and nowhere else; each header has a checksum of
 * its own, and groups are chained by salt, position and the checksum of the group before, none of which a header's
 * incarnation enters. So the headers are written anew and everything behind them byte for byte.
 *
 * Every byte is written, zeros too: a hole would meet a full disk in the middle of a segment that the journal takes
 * for its own. Files get their names when all of them are durable, the last segment first and snapshots at the very
 * end: what a killed restore leaves does not start, unless it is whole.
 */
import { createHash } from 'node:crypto';
import { FrontrowError } from '../core/assert.ts';
import { checksumOf, type CopiedFile, type CopyOptions } from './backup.ts';
import { openIfThere, unlinkIfThere, writeWhole } from './disk.ts';
import type { Disk } from './disk.ts';
import { BLOCK_BYTES, PART_SUFFIX, segmentNumbers, snapshotPositions } from './layout.ts';
import { decodeSegmentHeader, encodeSegmentHeader } from './segment-header.ts';
import { replaceSnapshotIncarnation } from './snapshot.ts';

const COPY_BYTES = 1 << 20;

/** @throws FrontrowError `data-corrupt` for the first file that is missing or not as it was backed up */
export async function checkFiles(
  source: Disk,
  files: readonly CopiedFile[],
  options: CopyOptions,
): Promise<void> {
  const total = sumOf(files);
  let done = 0;
  for (const { name, bytes, sha256 } of files) {
    const file = openIfThere(source, name);
    if (file === null) throw damaged(name, 'it is missing');
    try {
      const size = file.size();
      if (size !== bytes) throw damaged(name, `it has ${size} bytes and had ${bytes}`);
      if (checksumOf(file) !== sha256) throw damaged(name, 'it does not match its checksum');
    } finally {
      file.close();
    }
    done += bytes;
    await options.onCopied?.(done, total);
  }
}

/** Durable when it resolves. When it rejects, what it wrote is gone again, as far as the disk lets it. */
export async function restoreFiles(
  source: Disk,
  target: Disk,
  files: readonly CopiedFile[],
  incarnation: string,
  options: CopyOptions,
): Promise<void> {
  const total = sumOf(files);
  let done = 0;
  try {
    for (const file of files) {
      const before = done;
      await restoreFile(source, target, file, incarnation, (at) => options.onCopied?.(before + at, total));
      done += file.bytes;
    }
    target.syncDirectory();
    for (const { name } of inNamingOrder(files)) target.rename(`${name}${PART_SUFFIX}`, name);
    target.syncDirectory();
  } catch (error) {
    removeFiles(target, files);
    throw error;
  }
}

/** Takes back what restoreFiles() wrote. */
export function removeFiles(target: Disk, files: readonly CopiedFile[]): void {
  // The first segments and the snapshots lead in: without them nothing starts.
  for (const { name } of inNamingOrder(files).reverse()) {
    unlinkIfThere(target, name);
    unlinkIfThere(target, `${name}${PART_SUFFIX}`);
  }
  target.syncDirectory();
}

function inNamingOrder(files: readonly CopiedFile[]): CopiedFile[] {
  const segments = files.filter(({ name }) => segmentNumbers([name]).length > 0);
  const snapshots = files.filter(({ name }) => snapshotPositions([name]).length > 0);
  return [...segments.toSorted((a, b) => (a.name < b.name ? 1 : -1)), ...snapshots];
}

async function restoreFile(
  source: Disk,
  target: Disk,
  { name, bytes, sha256 }: CopiedFile,
  incarnation: string,
  onCopied: (at: number) => Promise<void> | void | undefined,
): Promise<void> {
  const from = source.open(name, 'read');
  try {
    const part = target.open(`${name}${PART_SUFFIX}`, 'create');
    try {
      const hash = createHash('sha256');
      const buffer = new Uint8Array(COPY_BYTES);
      for (let at = 0; at < bytes; at += COPY_BYTES) {
        const piece = buffer.subarray(0, from.read(buffer, at));
        hash.update(piece);
        if (at === 0) replaceIncarnation(name, piece, bytes, incarnation);
        writeWhole(part, [piece], at);
        await onCopied(at + piece.byteLength);
      }
      // It was right a moment ago; a disk that says otherwise now is not to be trusted.
      if (hash.digest('hex') !== sha256) throw damaged(name, 'it changed while it was read');
      part.sync();
    } finally {
      part.close();
    }
  } finally {
    from.close();
  }
}

function replaceIncarnation(name: string, head: Uint8Array, fileBytes: number, incarnation: string): void {
  if (snapshotPositions([name]).length > 0) {
    replaceSnapshotIncarnation(head, incarnation);
    return;
  }
  const outcome = decodeSegmentHeader(head.subarray(0, BLOCK_BYTES), fileBytes);
  if (!outcome.ok) throw damaged(name, outcome.message);
  head.set(encodeSegmentHeader({ ...outcome.header, incarnation }));
}

function sumOf(files: readonly CopiedFile[]): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0);
}

function damaged(name: string, message: string): FrontrowError {
  return new FrontrowError('data-corrupt', `in the backup, ${name}: ${message}`);
}
