/**
 * Deletes what is no longer needed. The rule:
 *
 *   - the two newest snapshots stay, older ones go;
 *   - a sealed segment may go when it lies wholly before the OLDER of the two, so that one bad snapshot can
 *     be recovered from; with a single snapshot nothing goes, position 0 being the fall-back;
 *   - of those, the newest `historyBytes` stay, so that history remains readable;
 *   - the last segment, and any with a damaged header, never goes.
 *
 * Deletion goes from the oldest up with the directory synced after each file, so that a crash leaves a row
 * without holes. Thread: the snapshot thread, before and after writeSnapshot(). Readers that have a deleted file open
 * read on.
 */
import type { Disk } from './disk.ts';
import { BAD_SUFFIX, segmentName, segmentNumbers, snapshotName, snapshotPositions } from './layout.ts';
import type { Position } from './port.ts';
import { readSegmentHeader } from './segment-reader.ts';
import type { SegmentHeader } from './segment-header.ts';

const SNAPSHOTS_KEPT = 2;

export interface TrimOptions {
  /** Bytes of segments that recovery does not need and history keeps. */
  readonly historyBytes: number;
}

export interface TrimReport {
  readonly deleted: readonly string[];
  /** Position of the oldest frame still there. */
  readonly firstPosition: Position;
}

export function trim(disk: Disk, options: TrimOptions): TrimReport {
  const deleted: string[] = [];
  const names = disk.list();
  const snapshots = snapshotPositions(names);
  const kept = snapshots.slice(-SNAPSHOTS_KEPT);
  for (const position of snapshots.slice(0, -SNAPSHOTS_KEPT)) {
    disk.unlink(snapshotName(position));
    deleted.push(snapshotName(position));
  }
  if (kept.length === SNAPSHOTS_KEPT) {
    for (const name of names.filter((each) => each.endsWith(BAD_SUFFIX))) {
      disk.unlink(name);
      deleted.push(name);
    }
  }
  if (deleted.length > 0) disk.syncDirectory();

  const neededFrom = kept.length < SNAPSHOTS_KEPT ? 0 : kept[0];
  const headers: SegmentHeader[] = [];
  for (const number of segmentNumbers(names)) {
    const outcome = readSegmentHeader(disk, segmentName(number));
    if (!outcome.ok) break;
    headers.push(outcome.header);
  }
  // A segment ends where its successor starts, so the last one is never among these.
  const past = headers.filter((_, index) => {
    const next = headers[index + 1];
    return next !== undefined && next.firstPosition <= neededFrom;
  });
  let goes = past.length;
  let historyBytes = 0;
  while (goes > 0 && historyBytes + past[goes - 1].segmentBytes <= options.historyBytes) {
    goes--;
    historyBytes += past[goes].segmentBytes;
  }
  for (const header of past.slice(0, goes)) {
    disk.unlink(segmentName(header.number));
    disk.syncDirectory();
    deleted.push(segmentName(header.number));
  }
  return { deleted, firstPosition: headers[goes]?.firstPosition ?? 0 };
}
