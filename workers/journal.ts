/**
 * The journal thread: owns the files. Recovers memory from them, then turns what workers publish in the ring into
 * groups, one write and one sync each, and tells main how far the journal is durable.
 *
 * It sleeps on an arena word and never runs its event loop in between, so everything here is synchronous, or is
 * awaited at once. It takes no mutex, so nobody can block it.
 */
import { performance } from 'node:perf_hooks';
import { parentPort, workerData } from 'node:worker_threads';
import { assert, FrontrowError } from '../src/core/assert.ts';
import type { JournalMessage, JournalThreadData } from '../src/core/thread-messages.ts';
import { TimeHistogram } from '../src/core/time-histogram.ts';
import { loadArena } from '../src/engine/snapshot.ts';
import { Replay } from '../src/engine/replay.ts';
import { FileJournal } from '../src/journal/file-journal.ts';
import { BLOCK_BYTES, GROUP_HEADER_BYTES, groupBytes } from '../src/journal/layout.ts';
import type { Journal } from '../src/journal/port.ts';
import { attachArena, type Arena } from '../src/memory/arena.ts';
import { HEADER } from '../src/memory/layout.ts';
import {
  headPosition,
  positionUnit,
  publishedUnits,
  releaseRing,
  ringChunks,
  startRing,
  storeDurable,
} from '../src/memory/ring.ts';

/** A group is bounded so that its replies do not wait for megabytes of others, and a roll wastes a quarter at most. */
const GROUP_BYTES_MAX = 4 * 1024 * 1024;
/** Main wakes a journal that awaits a segment; by itself it looks this often, as somebody may have put a spare there. */
const AWAIT_SEGMENT_MS = 1000;

assert(parentPort !== null, 'the journal runs on a thread of its own');
const main = parentPort;

function tell(message: JournalMessage | number): void {
  main.postMessage(message);
}

function recover(arena: Arena, journal: FileJournal): number {
  const started = performance.now();
  const replay = new Replay(arena);
  const recovered = journal.recover({
    snapshot: (info, chunks) => {
      loadArena(arena, chunks);
      replay.startFromMemory(info.lastTimeMs);
    },
    frames: (words, start, end, position) => replay.apply(words, start, end, position),
  });
  startRing(arena, recovered.position);
  storeRoom(arena, journal);
  tell({
    kind: 'recovered',
    incarnation: recovered.incarnation,
    position: recovered.position,
    lastTimeMs: replay.lastTimeMs,
    frames: replay.frames,
    tornTailBytes: recovered.tornTail?.bytes ?? 0,
    cleanEnd: recovered.cleanEnd,
    notes: recovered.notes,
    ms: performance.now() - started,
  });
  return recovered.position;
}

/** Tells main's credit what the open segment may still take. */
function storeRoom(arena: Arena, journal: FileJournal): void {
  const { words } = arena;
  // In this order: main reads the blocks first. So it never counts a spare that has become the segment of these blocks.
  Atomics.store(words, HEADER.sparesTaken, journal.stats.rolls);
  Atomics.store(words, HEADER.segmentBlocks, Math.floor(journal.room() / BLOCK_BYTES));
}

function lost(message: string, cause: unknown): FrontrowError {
  return new FrontrowError('journal-lost', message, { cause });
}

/**
 * Writes a group of `units`, or of as many as the open segment still holds when there is no other one.
 * @returns the units that are durable now; 0 when not one more frame has room
 */
async function writeGroup(arena: Arena, journal: Journal, position: number, units: number): Promise<number> {
  const tail = positionUnit(position);
  const append = async (count: number): Promise<boolean> => {
    const outcome = await journal.append(position, ringChunks(arena, tail, count));
    if (outcome.ok) return true;
    if (outcome.reason === 'full') return false;
    throw lost(`the journal took no group at position ${position}: ${outcome.reason}`, outcome.cause);
  };
  if (await append(units)) return units;
  const room = journal.room();
  const fewer = publishedUnits(arena, tail, Math.floor((room - GROUP_HEADER_BYTES) / 8));
  return groupBytes(fewer * 8) <= room && (await append(fewer)) ? fewer : 0;
}

/** Writes groups until it is told to stop and the ring is empty, or nothing more of it has room. Returns how far it got. */
async function run(
  arena: Arena,
  journal: FileJournal,
  syncTimes: TimeHistogram,
  start: number,
): Promise<number> {
  const { words } = arena;
  // A journal over a network answers with a promise; this loop is written for both.
  const port: Journal = journal;
  let position = start;
  let { rolls } = journal.stats;
  const groupUnitsMax = Math.floor(Math.min(GROUP_BYTES_MAX, arena.limits.segmentBytes / 4) / 8);
  for (;;) {
    // Read before the ring: a frame published after the look below changes it, and the wait returns at once.
    const wake = Atomics.load(words, HEADER.journalWake);
    const isStopping = Atomics.load(words, HEADER.journalStop) !== 0;
    const tail = positionUnit(position);
    const units = publishedUnits(arena, tail, groupUnitsMax);
    if (units === 0) {
      if (releaseRing(arena, tail)) tell(position);
      if (isStopping) return position;
      // Pairs with the add and notify in wakeJournal().
      Atomics.wait(words, HEADER.journalWake, wake);
      continue;
    }
    const startedMs = performance.now();
    const written = await writeGroup(arena, port, position, units);
    if (written === 0) {
      // What is not durable was told to nobody.
      if (isStopping) return position;
      // Pairs with the load in the server's count of room: nothing more is admitted while frames wait here.
      if (Atomics.exchange(words, HEADER.awaitsSegment, 1) === 0) tell({ kind: 'awaits-segment' });
      // Pairs with the add and notify in wakeJournal().
      Atomics.wait(words, HEADER.journalWake, wake, AWAIT_SEGMENT_MS);
      continue;
    }
    syncTimes.observe((performance.now() - startedMs) / 1000);
    position += written * 8;
    storeDurable(arena, position);
    storeRoom(arena, journal);
    Atomics.store(words, HEADER.awaitsSegment, 0);
    Atomics.add(words, HEADER.journalGroups, 1);
    releaseRing(arena, positionUnit(position));
    tell(position);
    const { stats } = journal;
    if (stats.rolls !== rolls) {
      tell({ kind: 'rolled' });
      rolls = stats.rolls;
    }
  }
}

async function serve(data: JournalThreadData): Promise<void> {
  const arena = attachArena(data.arena, data.limits);
  const journal = new FileJournal(data.directory, {
    segmentBytes: data.limits.segmentBytes,
    eventsMax: data.limits.eventsMax,
    durability: data.durability === 'fsync' ? 'sync' : 'none',
    hasSupply: true,
  });
  journal.own();
  tell({ kind: 'owned' });
  const position = await run(arena, journal, new TimeHistogram(data.syncTimes), recover(arena, journal));
  const end = journal.end();
  journal.close();
  if (!end.ok) throw lost('the end mark could not be written; what was acknowledged is kept', end.cause);
  tell({ kind: 'ended', unwrittenBytes: headPosition(arena) - position });
}

try {
  await serve(workerData as JournalThreadData);
} catch (error) {
  const code = error instanceof FrontrowError ? error.code : 'journal-lost';
  const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : '';
  tell({ kind: 'failed', code, message: error instanceof Error ? error.message + cause : String(error) });
}
