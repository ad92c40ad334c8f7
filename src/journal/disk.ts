/**
 * A directory of files, as little of one as the journal needs. All format and recovery code works on this
 * interface, so that the code which is fuzzed on the simulated disk is the code that runs on the real one.
 *
 * Synchronous: the journal thread sleeps in Atomics.wait and never turns its event loop.
 * Names are plain file names in the one directory. Failures are thrown as they come (`code` 'ENOSPC', …).
 */
import type { StatsFs } from 'node:fs';
import type { Owner } from './port.ts';

export interface DiskFile {
  readonly name: string;
  size(): number;
  /** Fills `into` from `offset`; fewer bytes only at the end of the file. */
  read(into: Uint8Array, offset: number): number;
  /**
   * One positional gathering write. Returns the bytes written: fewer than given is for the caller to judge.
   */
  write(chunks: readonly Uint8Array[], offset: number): number;
  /** Makes the data written so far survive a power cut. */
  sync(): void;
  close(): void;
}

/** `read` and `write` need the file to be there; `create` needs it not to be. */
export type OpenMode = 'read' | 'write' | 'create';

export interface DiskLock {
  release(): void;
}

export interface Disk {
  list(): string[];
  open(name: string, mode: OpenMode): DiskFile;
  /** Atomic; replaces what had the name. Kept only after syncDirectory(). */
  rename(from: string, to: string): void;
  unlink(name: string): void;
  syncDirectory(): void;
  /** Bytes that new files may take. */
  free(): number;
  /** One holder a directory. Throws FrontrowError `directory-in-use`, naming the holder. */
  lock(owner: Owner): DiskLock;
}

/** The `code` of a system error, '' for anything else. */
export function errorCode(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return '';
}

/** Codes of a full disk or an exhausted quota. Source: open(2), write(2), rename(2). */
const FULL_CODES = new Set(['ENOSPC', 'EDQUOT']);

export function isDiskFull(error: unknown): boolean {
  return FULL_CODES.has(errorCode(error));
}

/** What statfs(2) says a user may still write; a file system that does not say has no limit that we know. */
export function freeBytes(stats: StatsFs): number {
  return stats.blocks === 0 ? Infinity : stats.bavail * stats.bsize;
}

/** The process or the machine has as many files open as it may: connections take descriptors, too. */
export function isOutOfDescriptors(error: unknown): boolean {
  return ['EMFILE', 'ENFILE'].includes(errorCode(error));
}

/** Opens to read; null when there is no such file (any more). */
export function openIfThere(disk: Disk, name: string): DiskFile | null {
  return ifThere(() => disk.open(name, 'read'));
}

/** Bytes of a file; 0 when there is no such file (any more). */
export function sizeIfThere(disk: Disk, name: string): number {
  const file = openIfThere(disk, name);
  if (file === null) return 0;
  try {
    return file.size();
  } finally {
    file.close();
  }
}

/** Opens to write; null when there is no such file (any more). */
export function openToWriteIfThere(disk: Disk, name: string): DiskFile | null {
  return ifThere(() => disk.open(name, 'write'));
}

export function unlinkIfThere(disk: Disk, name: string): void {
  ifThere(() => disk.unlink(name));
}

function ifThere<T>(act: () => T): T | null {
  try {
    return act();
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null;
    throw error;
  }
}

/** A disk that took less than it was given, which on preallocated space means that it is failing. */
export class ShortWriteError extends Error {
  override readonly name = 'ShortWriteError';
}

/** Writes all of it or throws. */
export function writeWhole(file: DiskFile, chunks: readonly Uint8Array[], offset: number): void {
  let bytes = 0;
  for (const chunk of chunks) bytes += chunk.byteLength;
  const written = file.write(chunks, offset);
  if (written !== bytes) {
    throw new ShortWriteError(`${file.name}: ${written} of ${bytes} bytes written at offset ${offset}`);
  }
}

const ZEROS = new Uint8Array(1 << 20);

/** Writes zeros into [offset, end). */
export function writeZeros(file: DiskFile, offset: number, end: number): void {
  for (let at = offset; at < end; at += ZEROS.byteLength) {
    writeWhole(file, [ZEROS.subarray(0, Math.min(ZEROS.byteLength, end - at))], at);
  }
}
