/**
 * A data directory without a server: what `frontrow inspect` and `frontrow verify` report. Read-only. A server that
 * has the directory is an error, and none can start in it meanwhile.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { FrontrowError } from '../core/assert.ts';
import { lockForReading } from '../journal/directory-lock.ts';
import { FileDisk } from '../journal/file-disk.ts';
import { groupPlaces } from '../journal/group-places.ts';
import {
  FORMAT_VERSION,
  segmentName,
  segmentNumbers,
  snapshotName,
  snapshotPositions,
} from '../journal/layout.ts';
import { readAll } from '../journal/offline.ts';
import type { Position } from '../journal/port.ts';
import { sentence } from '../journal/read-report.ts';
import { readSegmentHeader } from '../journal/segment-reader.ts';
import { eventFacts, noJournal, replayInto } from './offline-replay.ts';
import type {
  DirectorySummary,
  InspectDirectory,
  SegmentSummary,
  SnapshotSummary,
  VerifyDirectory,
} from './offline-types.ts';
import { verifyAtRest } from './offline-verify.ts';

export const inspectDirectory: InspectDirectory = async (directory) => {
  const lock = lockForReading(directory);
  try {
    const { memory, result: report } = replayInto((sink) => readAll(directory, true, sink));
    const fatal = report.problems.find((problem) => problem.fatal);
    if (fatal !== undefined) {
      const code = fatal.code === 'newer-format' ? 'directory-unusable' : 'data-corrupt';
      throw new FrontrowError(code, sentence(fatal));
    }
    if (report.incarnation === null) throw noJournal(directory);
    if (memory.fault !== null) throw memory.fault.error;
    return {
      directory,
      incarnation: report.incarnation,
      formatVersion: report.last?.header.format ?? FORMAT_VERSION,
      cleanStop: report.cleanEnd,
      tornTailBytes: report.tornTail?.bytes ?? 0,
      tornTail: report.tornTail,
      snapshots: snapshotSummaries(directory),
      segments: segmentSummaries(directory),
      events: eventFacts(memory.arena),
    } satisfies DirectorySummary;
  } finally {
    lock.release();
  }
};

export const verifyDirectory: VerifyDirectory = async (directory) => {
  const lock = lockForReading(directory);
  try {
    return verifyAtRest(directory).report;
  } finally {
    lock.release();
  }
};

function segmentSummaries(directory: string): SegmentSummary[] {
  const disk = new FileDisk(directory);
  const sums = new Map<string, { groups: number; frames: number; end: Position }>();
  for (const { file, end, frames } of groupPlaces(disk)) {
    const sum = sums.get(file) ?? { groups: 0, frames: 0, end };
    sums.set(file, { groups: sum.groups + 1, frames: sum.frames + frames, end });
  }
  const summaries: SegmentSummary[] = [];
  for (const number of segmentNumbers(disk.list())) {
    const file = segmentName(number);
    const outcome = readSegmentHeader(disk, file);
    if (!outcome.ok) continue;
    const { firstPosition, segmentBytes } = outcome.header;
    const { groups, frames, end } = sums.get(file) ?? { groups: 0, frames: 0, end: firstPosition };
    summaries.push({ file, bytes: segmentBytes, firstPosition, endPosition: end, groups, frames });
  }
  return summaries;
}

function snapshotSummaries(directory: string): SnapshotSummary[] {
  return snapshotPositions(new FileDisk(directory).list()).map((position) => {
    const file = snapshotName(position);
    return { file, bytes: statSync(join(directory, file)).size, position };
  });
}
