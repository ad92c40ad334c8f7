/**
 * What a backup says about itself, in `backup.json` beside its files: JSON of one exact form, so that any changed
 * byte shows. Its last member is the checksum of the rest.
 */
import { createHash } from 'node:crypto';
import { FrontrowError } from '../core/assert.ts';
import type { CopiedFile } from './backup.ts';
import { writeWhole } from './disk.ts';
import type { Disk } from './disk.ts';
import { FORMAT_VERSION, segmentNumbers, snapshotPositions } from './layout.ts';
import type { Position } from './port.ts';

export const MANIFEST_NAME = 'backup.json';
const KIND = 'frontrow-backup';
const MANIFEST_VERSION = 1;

/** An event as the backup has it. */
export interface BackedUpEvent {
  readonly id: string;
  readonly state: string;
  readonly sequence: number;
  /** RFC 3339. */
  readonly changedAt: string;
}

export interface BackupManifest {
  readonly kind: typeof KIND;
  readonly version: typeof MANIFEST_VERSION;
  /** Version of the journal's files when the backup was made. */
  readonly format: number;
  /** Of the source. A restore makes a new one. */
  readonly incarnation: string;
  readonly takenAt: string;
  /** Position after the last frame in it. */
  readonly position: Position;
  readonly events: readonly BackedUpEvent[];
  readonly files: readonly CopiedFile[];
}

export function makeManifest(
  facts: Pick<BackupManifest, 'incarnation' | 'takenAt' | 'position' | 'events' | 'files'>,
): BackupManifest {
  const { incarnation, takenAt, position, events, files } = facts;
  return {
    kind: KIND,
    version: MANIFEST_VERSION,
    format: FORMAT_VERSION,
    incarnation,
    takenAt,
    position,
    events,
    files,
  };
}

export function encodeManifest(manifest: BackupManifest): string {
  const sha256 = createHash('sha256').update(JSON.stringify(manifest)).digest('hex');
  return `${JSON.stringify({ ...manifest, sha256 }, null, 2)}\n`;
}

/** Durable when it returns, but for its name. Throws when the disk takes less than all of it. */
export function writeManifest(disk: Disk, manifest: BackupManifest): void {
  const file = disk.open(MANIFEST_NAME, 'create');
  try {
    writeWhole(file, [Buffer.from(encodeManifest(manifest))], 0);
    file.sync();
  } finally {
    file.close();
  }
}

/** @throws FrontrowError `data-corrupt` when a byte is not as it was written, `directory-unusable` when newer */
export function decodeManifest(text: string): BackupManifest {
  const parsed = parseObject(text);
  if (parsed === null || parsed['kind'] !== KIND) throw corrupt('it is not the manifest of a backup');
  const { sha256: _, ...rest } = parsed;
  const manifest = rest as unknown as BackupManifest;
  if (encodeManifest(manifest) !== text) throw corrupt('it does not match its checksum');
  if (manifest.version !== MANIFEST_VERSION || manifest.format > FORMAT_VERSION) {
    throw new FrontrowError(
      'directory-unusable',
      `${MANIFEST_NAME}: the backup is of version ${manifest.version}, journal format ${manifest.format}, and this ` +
        `version of Frontrow reads version ${MANIFEST_VERSION} and formats up to ${FORMAT_VERSION}: upgrade Frontrow`,
    );
  }
  for (const { name } of manifest.files) {
    const isOurs = segmentNumbers([name]).length + snapshotPositions([name]).length === 1;
    if (!isOurs) throw corrupt(`it names a file ${JSON.stringify(name)}`);
  }
  return manifest;
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function corrupt(message: string): FrontrowError {
  return new FrontrowError('data-corrupt', `${MANIFEST_NAME}: ${message}`);
}
