/**
 * What `frontrow verify` checks, on a directory that nobody writes to.
 *
 *   every byte that counts (journal/offline.ts) + the journal applied to a throwaway arena + engine/audit.ts
 */
import { createHash } from 'node:crypto';
import { auditArena } from '../engine/audit.ts';
import { dumpArena } from '../engine/snapshot.ts';
import { FileDisk } from '../journal/file-disk.ts';
import { groupPlaces } from '../journal/group-places.ts';
import { FORMAT_VERSION, snapshotName } from '../journal/layout.ts';
import { readAll, verifyDirectory as verifyJournal } from '../journal/offline.ts';
import type { Position } from '../journal/port.ts';
import type { Arena } from '../memory/arena.ts';
import { noJournal, replayInto, type Memory, type ReplayFault } from './offline-replay.ts';
import type { VerifyFinding, VerifyReport } from './offline-types.ts';

export interface Verified {
  readonly report: VerifyReport;
  readonly incarnation: string;
  /** Position after the last frame. */
  readonly position: Position;
  /** What the journal leads to; whole when the report is ok. */
  readonly memory: Memory;
}

export function verifyAtRest(directory: string): Verified {
  const { memory, result: journal } = replayInto((sink) => verifyJournal(directory, sink));
  const { recovery } = journal;
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
  const isComparable = journal.history.firstPosition === 0 && journal.history.oldestFormat === FORMAT_VERSION;
  if (isWhole && recovery.snapshot !== null && isComparable) {
    const snapshot = snapshotName(recovery.snapshot.position);
    findings.push(...compareWithHistory(directory, snapshot, memory.arena));
  }
  const report: VerifyReport = {
    directory,
    ok: !findings.some((finding) => finding.fatal),
    frames: memory.frames,
    events: audit.events,
    claims: audit.claims,
    tornTailBytes: recovery.tornTail?.bytes ?? 0,
    tornTail: recovery.tornTail,
    findings,
  };
  return { report, incarnation: recovery.incarnation ?? '', position: recovery.position, memory };
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
  for (const { file, offset, start, end } of groupPlaces(new FileDisk(directory))) {
    if (start === position && end > start) return { file, offset };
  }
  return null;
}
