/**
 * A data directory without a server: what `frontrow inspect` and `frontrow verify` report. Read-only. A server that
 * has the directory is an error, and none can start in it meanwhile.
 *
 *   verify = every byte that counts (journal/offline.ts) + the journal applied to a throwaway arena + engine/audit.ts
 */
import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { AssertionError, FrontrowError } from '../core/assert.ts';
import { FRAME_KIND, headerBytes, headerKind } from '../core/frame.ts';
import { resolveLimits } from '../core/limits.ts';
import { auditArena } from '../engine/audit.ts';
import { parseDefinition } from '../engine/definition.ts';
import { readCounts } from '../engine/read.ts';
import { Replay } from '../engine/replay.ts';
import { dumpArena, loadArena } from '../engine/snapshot.ts';
import { lockForReading } from '../journal/directory-lock.ts';
import { FileDisk } from '../journal/file-disk.ts';
import {
  BLOCK_BYTES,
  FORMAT_VERSION,
  groupBytes,
  segmentName,
  segmentNumbers,
  snapshotName,
  snapshotPositions,
} from '../journal/layout.ts';
import { readAll, verifyDirectory as verifyJournal } from '../journal/offline.ts';
import type { FramesSink, Position } from '../journal/port.ts';
import { sentence } from '../journal/read-report.ts';
import { readSegmentHeader, ReadWindow, SegmentReader } from '../journal/segment-reader.ts';
import { createArena, loadWide, type Arena } from '../memory/arena.ts';
import { definitionBytes, viewEvent } from '../memory/event.ts';
import { EVENT } from '../memory/layout.ts';
import { eventSlots } from '../memory/registry.ts';
import type {
  DirectorySummary,
  EventFacts,
  InspectDirectory,
  SegmentSummary,
  SnapshotSummary,
  VerifyDirectory,
  VerifyFinding,
  VerifyReport,
} from './offline-types.ts';

const GIB = 1024 * 1024 * 1024;
/** Pages cost memory only when touched, so the first arena is as large as a server's by default. */
const ARENA_BYTES_MAX = 16 * GIB;
const EVENTS_MAX = 65_000;

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
    return verifyAtRest(directory);
  } finally {
    lock.release();
  }
};

function verifyAtRest(directory: string): VerifyReport {
  const { memory, result: journal } = replayInto((sink) => verifyJournal(directory, sink));
  const { recovery, history } = journal;
  if (recovery.incarnation === null && journal.problems.length === 0) throw noJournal(directory);
  const findings: VerifyFinding[] = [...journal.problems];
  if (memory.fault !== null) findings.push(faultFinding(directory, memory.fault));
  // Memory that was not filled to the end proves nothing.
  const isWhole = memory.fault === null && !findings.some((finding) => finding.fatal);
  const audit = isWhole ? auditArena(memory.arena) : { events: 0, claims: 0, findings: [] };
  for (const { code, message } of audit.findings) {
    findings.push({ code, file: null, offset: null, message, fatal: true });
  }
  // Memory of an older layout was moved when its snapshot was loaded, and replay fills it anew: same state, other places.
  const isComparable = history.firstPosition === 0 && history.oldestFormat === FORMAT_VERSION;
  if (isWhole && recovery.snapshot !== null && isComparable) {
    const snapshot = snapshotName(recovery.snapshot.position);
    findings.push(...compareWithHistory(directory, snapshot, memory.arena));
  }
  return {
    directory,
    ok: !findings.some((finding) => finding.fatal),
    frames: memory.frames,
    events: audit.events,
    claims: audit.claims,
    tornTailBytes: recovery.tornTail?.bytes ?? 0,
    findings,
  };
}

/** While nothing has been trimmed, the journal from its first frame must give the memory that the snapshot led to. */
function compareWithHistory(directory: string, snapshot: string, arena: Arena): VerifyFinding[] {
  const { memory } = replayInto((sink) => readAll(directory, false, sink));
  if (memory.fault === null && digestOf(memory.arena) === digestOf(arena)) return [];
  const message = 'the journal from its first frame on gives other memory than from this snapshot on';
  return [{ code: 'snapshot-differs', file: snapshot, offset: null, message, fatal: true }];
}

function digestOf(arena: Arena): string {
  const hash = createHash('sha256');
  for (const chunk of dumpArena(arena)) hash.update(chunk);
  return hash.digest('hex');
}

interface ReplayFault {
  readonly error: Error;
  /** Of the group whose frames could not be applied; null when it was the snapshot. */
  readonly position: Position | null;
}

interface Memory {
  readonly arena: Arena;
  readonly frames: number;
  readonly fault: ReplayFault | null;
}

/** Reads a journal into a throwaway arena: one as large as a server's by default, and larger until it fits. */
function replayInto<T>(read: (sink: FramesSink) => T): { memory: Memory; result: T } {
  for (let arenaBytes = GIB; ; arenaBytes *= 2) {
    const limits = resolveLimits({ workers: 1, ringBytes: 1024 * 1024, eventsMax: EVENTS_MAX, arenaBytes });
    const arena = createArena(limits);
    const replay = new Replay(arena);
    let fault: ReplayFault | null = null;
    // A frame that does not fit ends the replay, not the reading: what the files say is reported all the same.
    const attempt = (position: Position | null, act: () => void): void => {
      if (fault !== null) return;
      try {
        act();
      } catch (error) {
        if (!(error instanceof FrontrowError || error instanceof AssertionError)) throw error;
        fault = { error, position };
      }
    };
    const result = read({
      snapshot: (info, chunks) =>
        attempt(null, () => {
          loadArena(arena, chunks);
          replay.startFromMemory(info.lastTimeMs);
        }),
      frames: (words, start, end, position) =>
        attempt(position, () => replay.apply(words, start, end, position)),
    });
    if (isTooSmall(fault) && arenaBytes < ARENA_BYTES_MAX) continue;
    return { memory: { arena, frames: replay.frames, fault }, result };
  }
}

function isTooSmall(fault: ReplayFault | null): boolean {
  return fault !== null && fault.error instanceof FrontrowError && fault.error.code === 'arena-too-large';
}

function faultFinding(directory: string, fault: ReplayFault): VerifyFinding {
  const place = fault.position === null ? null : placeOf(directory, fault.position);
  return {
    code: 'replay-failed',
    file: place?.file ?? null,
    offset: place?.offset ?? null,
    message: fault.error.message,
    fatal: true,
  };
}

/** File and offset of the group that starts at a position. */
function placeOf(directory: string, position: Position): { file: string; offset: number } | null {
  for (const { file, offset, start, end } of groupsOf(new FileDisk(directory))) {
    if (start === position && end > start) return { file, offset };
  }
  return null;
}

interface GroupPlace {
  readonly file: string;
  readonly offset: number;
  readonly start: Position;
  readonly end: Position;
  readonly frames: number;
}

/** Every whole group of every segment whose header can be read. */
function* groupsOf(disk: FileDisk): Generator<GroupPlace> {
  const window = new ReadWindow();
  for (const number of segmentNumbers(disk.list())) {
    const file = segmentName(number);
    const outcome = readSegmentHeader(disk, file);
    if (!outcome.ok) continue;
    const opened = disk.open(file, 'read');
    try {
      const reader = new SegmentReader(opened, outcome.header, window);
      let offset = BLOCK_BYTES;
      for (let group = reader.groupAt(offset); group !== null; group = reader.groupAt(offset)) {
        const frames = countFrames(group.words, group.startWord, group.endWord);
        yield { file, offset, start: group.position, end: group.position + group.payloadBytes, frames };
        offset += groupBytes(group.payloadBytes);
      }
    } finally {
      opened.close();
    }
  }
}

/** Frames of a group that has been checked. Padding is none. */
function countFrames(words: Int32Array, start: number, end: number): number {
  let count = 0;
  for (let at = start; at < end; at += headerBytes(words[at]) / 4) {
    if (headerKind(words[at]) !== FRAME_KIND.padding) count++;
  }
  return count;
}

function segmentSummaries(directory: string): SegmentSummary[] {
  const disk = new FileDisk(directory);
  const sums = new Map<string, { groups: number; frames: number; end: Position }>();
  for (const { file, end, frames } of groupsOf(disk)) {
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

function eventFacts(arena: Arena): EventFacts[] {
  const events: EventFacts[] = [];
  for (const slot of eventSlots(arena)) {
    const view = viewEvent(arena, slot);
    const { id, name, state } = parseDefinition(definitionBytes(view));
    const total = { capacity: 0, available: 0, held: 0, sold: 0, blocked: 0 };
    for (const counts of readCounts(view)) {
      for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += counts[key];
    }
    events.push({ id, name, state, sequence: loadWide(view.words, view.base + EVENT.sequenceLow), ...total });
  }
  return events;
}

function noJournal(directory: string): FrontrowError {
  return new FrontrowError('directory-unusable', `${directory} holds no journal`);
}
