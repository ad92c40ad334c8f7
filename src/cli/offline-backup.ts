/**
 * `frontrow backup` and `frontrow restore`: directories, names and locks around journal/backup.ts and restore.ts, and
 * the proof that what was written can be read.
 */
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join, resolve, sep } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { FrontrowError } from '../core/assert.ts';
import { copyJournal } from '../journal/backup.ts';
import type { CopyOptions } from '../journal/backup.ts';
import { decodeManifest, makeManifest, MANIFEST_NAME, writeManifest } from '../journal/backup-manifest.ts';
import type { BackedUpEvent, BackupManifest } from '../journal/backup-manifest.ts';
import { FileDisk } from '../journal/file-disk.ts';
import { checkFiles, removeFiles, restoreFiles } from '../journal/restore.ts';
import { eventFacts } from './offline-replay.ts';
import type { Backup, BackupReport, CopyControl, EventFacts, Restore } from './offline-types.ts';
import { verifyAtRest, type Verified } from './offline-verify.ts';

/** What a fresh file system has in it by itself. */
const NOT_OURS = new Set(['lost+found']);

export const backupDirectory: Backup = async (data, to, control) => {
  const source = new FileDisk(data);
  const target = resolve(to);
  refuseInside(resolve(data), target, '--to');
  if (contentsOf(target).length > 0) throw new FrontrowError('bad-option', `--to ${to} is not empty`);
  const part = `${target}.part`;
  fs.mkdirSync(part, { recursive: true, mode: 0o700 });
  const disk = new FileDisk(part);
  // Of a backup that was killed; one that still runs has the lock.
  const lock = disk.lock(ownerNow());
  try {
    for (const name of disk.list()) if (!name.startsWith('lock')) disk.unlink(name);
    const started = new Date();
    const files = await copyJournal(source, disk, { onCopied: pacer(control) });
    const { manifest, verified } = describe(part, started, files);
    writeManifest(disk, manifest);
    const { claims } = verified.report;
    lock.release();
    for (const name of disk.list()) if (name.startsWith('lock')) disk.unlink(name);
    disk.syncDirectory();
    moveInto(part, target);
    return reportOf(target, manifest, claims);
  } catch (error) {
    lock.release();
    fs.rmSync(part, { recursive: true, force: true });
    throw error;
  }
};

export const restoreDirectory: Restore = async (from, data, control) => {
  const source = new FileDisk(from);
  const manifest = decodeManifest(readManifest(from));
  const target = resolve(data);
  refuseInside(resolve(from), target, '--data');
  const contents = contentsOf(target);
  if (contents.length > 0) {
    const some = contents.slice(0, 3).join(', ');
    throw new FrontrowError(
      'bad-option',
      `--data ${data} is not empty (${some}): a restore writes a new directory`,
    );
  }
  await checkFiles(source, manifest.files, { onCopied: pacer({ ...control, mibPerSecond: 0 }) });
  const disk = new FileDisk(target, { create: true });
  const lock = disk.lock(ownerNow());
  try {
    const incarnation = randomBytes(16).toString('hex');
    await restoreFiles(source, disk, manifest.files, incarnation, { onCopied: pacer(control) });
    syncDirectory(dirname(target));
    const verified = verifyOrThrow(target);
    const events = eventFacts(verified.memory.arena);
    if (
      verified.incarnation !== incarnation ||
      verified.position !== manifest.position ||
      !isSame(events, manifest)
    ) {
      removeFiles(disk, manifest.files);
      throw new FrontrowError(
        'data-corrupt',
        'what was restored is not what the manifest says; it was removed',
      );
    }
    return reportOf(target, { ...manifest, incarnation }, verified.report.claims);
  } finally {
    lock.release();
  }
};

function ownerNow(): Parameters<FileDisk['lock']>[0] {
  return { pid: process.pid, host: hostname(), since: new Date().toISOString() };
}

/** A backup inside of what it is of would be backed up with it by whoever copies the directory. */
function refuseInside(outer: string, inner: string, option: string): void {
  if (inner === outer || inner.startsWith(outer + sep)) {
    throw new FrontrowError('bad-option', `${option} ${inner} lies inside ${outer}`);
  }
}

function contentsOf(directory: string): string[] {
  try {
    return fs.readdirSync(directory).filter((name) => !NOT_OURS.has(name));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return [];
    throw new FrontrowError('directory-unusable', `${directory}: ${code}`, { cause: error });
  }
}

/** Shows how far it is, ends when the person has had enough, and keeps to a rate. */
function pacer({ onProgress, signal, mibPerSecond }: CopyControl): NonNullable<CopyOptions['onCopied']> {
  const startedMs = performance.now();
  return async (copied, total) => {
    onProgress?.(copied, total);
    const dueMs = mibPerSecond > 0 ? (copied / (mibPerSecond << 20)) * 1000 : 0;
    const aheadMs = dueMs - (performance.now() - startedMs);
    // At least one turn of the event loop, for the signal to come through.
    await delay(Math.max(0, aheadMs), undefined, { ref: true });
    if (signal?.aborted === true) throw new FrontrowError('bad-option', 'interrupted; nothing was kept');
  };
}

/** Reads the copy as `verify` does and says what is in it. */
function describe(
  directory: string,
  takenAt: Date,
  files: BackupManifest['files'],
): { manifest: BackupManifest; verified: Verified } {
  const verified = verifyOrThrow(directory);
  const { incarnation, position, memory } = verified;
  const events = eventFacts(memory.arena).map(({ id, state, sequence, changedAt }): BackedUpEvent => ({
    id,
    state,
    sequence,
    changedAt,
  }));
  return {
    manifest: makeManifest({ incarnation, takenAt: takenAt.toISOString(), position, events, files }),
    verified,
  };
}

function verifyOrThrow(directory: string): Verified {
  const verified = verifyAtRest(directory);
  const fatal = verified.report.findings.find((finding) => finding.fatal);
  if (fatal === undefined) return verified;
  const place = fatal.file === null ? '' : `${fatal.file} at offset ${fatal.offset ?? 0}: `;
  throw new FrontrowError('data-corrupt', `${place}${fatal.message} (${fatal.code})`);
}

function readManifest(directory: string): string {
  try {
    return fs.readFileSync(join(directory, MANIFEST_NAME), 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new FrontrowError('directory-unusable', `${directory} is no backup: ${MANIFEST_NAME}: ${code}`, {
      cause,
    });
  }
}

/** The name promises a whole backup. An empty directory of that name is replaced. */
function moveInto(part: string, target: string): void {
  try {
    fs.renameSync(part, target);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new FrontrowError(
      'directory-unusable',
      `${target} cannot be made (${code}); where it is a mount point, name a directory in it`,
      { cause },
    );
  }
  syncDirectory(dirname(target));
}

function syncDirectory(directory: string): void {
  const descriptor = fs.openSync(directory, 'r');
  try {
    fs.fsyncSync(descriptor);
  } finally {
    fs.closeSync(descriptor);
  }
}

function isSame(events: readonly EventFacts[], manifest: BackupManifest): boolean {
  const known = new Map(manifest.events.map((event) => [event.id, event.sequence]));
  return events.length === known.size && events.every(({ id, sequence }) => known.get(id) === sequence);
}

function reportOf(directory: string, manifest: BackupManifest, claims: number): BackupReport {
  const { incarnation, takenAt, position, events, files } = manifest;
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  return { directory, incarnation, takenAt, position, files: files.length, bytes, claims, events };
}
