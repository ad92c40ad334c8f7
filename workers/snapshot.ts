/**
 * Builds one snapshot and ends: the newest one and the segments sealed since are replayed into a throwaway arena,
 * which is written out if the disk has room for it. Segments that nothing needs any more are deleted before and after.
 * It never looks at live memory.
 */
import { performance } from 'node:perf_hooks';
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../src/core/assert.ts';
import type { SnapshotMessage, SnapshotThreadData } from '../src/core/thread-messages.ts';
import { Replay } from '../src/engine/replay.ts';
import { dumpArena, dumpBytes, loadArena } from '../src/engine/snapshot.ts';
import { FileDisk } from '../src/journal/file-disk.ts';
import { readSealed } from '../src/journal/offline.ts';
import {
  removeSnapshotParts,
  snapshotFileBytes,
  snapshotRoom,
  writeSnapshot,
} from '../src/journal/snapshot.ts';
import { trim } from '../src/journal/trim.ts';
import { createArena } from '../src/memory/arena.ts';

assert(parentPort !== null, 'snapshots are built on a thread of their own');
const main = parentPort;

function build(data: SnapshotThreadData): SnapshotMessage {
  const started = performance.now();
  const disk = new FileDisk(data.directory);
  removeSnapshotParts(disk);
  const trimNow = (): number => trim(disk, { historyBytes: data.historyBytes }).deleted.length;
  // What may go without a new snapshot goes first: on a full disk that may be what a new one needs.
  let deleted = trimNow();
  const arena = createArena(data.limits);
  const replay = new Replay(arena);
  let from = -1;
  const report = readSealed(data.directory, true, {
    snapshot: (info, chunks) => {
      from = info.position;
      loadArena(arena, chunks);
      replay.startFromMemory(info.lastTimeMs);
    },
    frames: (words, start, end, position) => replay.apply(words, start, end, position),
  });
  const fatal = report.problems.find((problem) => problem.fatal);
  if (fatal !== undefined)
    return { kind: 'failed', message: `${fatal.file} at ${fatal.offset}: ${fatal.message}` };
  if (report.position <= Math.max(from, 0)) return { kind: 'nothing-new', deleted };
  const neededBytes = snapshotFileBytes(dumpBytes(arena));
  const roomBytes = snapshotRoom(disk, data.limits.segmentBytes);
  if (neededBytes > roomBytes) return { kind: 'no-room', neededBytes, roomBytes, deleted };
  const info = {
    position: report.position,
    incarnation: report.incarnation ?? '',
    lastTimeMs: replay.lastTimeMs,
    bytes: 0,
  };
  const written = writeSnapshot(disk, info, dumpArena(arena));
  deleted += trimNow();
  return {
    kind: 'written',
    position: info.position,
    bytes: written.bytes,
    deleted,
    ms: performance.now() - started,
  };
}

let message: SnapshotMessage;
try {
  message = build(workerData as SnapshotThreadData);
} catch (error) {
  message = { kind: 'failed', message: error instanceof Error ? error.message : String(error) };
}
main.postMessage(message);
