/**
 * The journal in segments, over a Disk. FileJournal and MemoryJournal are this class on two disks.
 *
 * Thread: own, recover, append, end and close belong to the journal thread, which sleeps in Atomics.wait
 * between groups; everything is synchronous.
 *
 * Invariants:
 *   - a group is written when everything before it is synced, in blocks that hold nothing else;
 *   - a segment has its name only when its header is durable, and its predecessor's footer comes after that;
 *   - a start writes nothing new: its begin mark waits for the first group, so a full disk does not keep it from reading;
 *   - one block of the open segment is left for the end mark, so a full disk does not keep it from a clean end;
 *   - after a failed or short write or sync nothing more is acknowledged: what the disk holds is unknown,
 *     and a second fsync may say yes to pages that the first one dropped (fsync(2), "Errors").
 */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { assert, FrontrowError } from '../core/assert.ts';
import { writeWhole, writeZeros } from './disk.ts';
import type { Disk, DiskFile, DiskLock } from './disk.ts';
import { FrameAudit } from './frame-audit.ts';
import { encodeGroupHeader, GROUP_FLAG_AFTER_SYNC, GROUP_KIND } from './group.ts';
import type { GroupKind } from './group.ts';
import { readJournal } from './journal-reader.ts';
import { sentence, tailSentence } from './read-report.ts';
import type { OpenSegment, ReadReport } from './read-report.ts';
import {
  BAD_SUFFIX,
  BLOCK_BYTES,
  checkShape,
  EVENTS_MAX_DEFAULT,
  footerOffset,
  FORMAT_VERSION,
  GROUP_HEADER_BYTES,
  groupBytes,
  groupsEnd,
  PART_SUFFIX,
  segmentNumbers,
  SEGMENT_BYTES_DEFAULT,
  segmentCapacity,
  segmentName,
} from './layout.ts';
import type { SegmentShape } from './layout.ts';
import type { AppendOutcome, FramesSink, Journal, Owner, Position, Recovered } from './port.ts';
import { NoRoomError, SegmentMaker } from './segment-maker.ts';
import type { ActiveSegment } from './segment-maker.ts';
import type { SegmentHeader } from './segment-header.ts';
import { removeSnapshotParts } from './snapshot.ts';

export interface SegmentJournalOptions {
  readonly segmentBytes?: number;
  /** Events that a footer can name. */
  readonly eventsMax?: number;
  /**
   * `none` skips the sync of a group: a power cut may take back what was acknowledged; a killed process does
   * not.
   */
  readonly durability?: 'sync' | 'none';
  /**
   * Somebody else makes spares (segment-supply.ts): where there is none, append() answers `full` at once. Without a
   * supply the journal fills a file itself. The first segment of a new journal it fills in any case.
   */
  readonly hasSupply?: boolean;
  /** Random bytes for incarnation and salts; tests give a seeded one. */
  readonly random?: (bytes: number) => Uint8Array;
}

/** Counters since the journal was opened. */
export interface JournalStats {
  readonly groups: number;
  readonly payloadBytes: number;
  readonly rolls: number;
}

const OK: AppendOutcome = { ok: true };

/**
 * Writes the unproven groups again, byte for byte. When the last owner's sync failed, the kernel may have
 * kept their pages, called them clean and never written them: a sync alone would then do nothing (fsync(2),
 * "Errors").
 */
function rewrite(file: DiskFile, last: OpenSegment): void {
  const bytes = new Uint8Array(last.end.offset - last.unprovenOffset);
  const count = file.read(bytes, last.unprovenOffset);
  assert(count === bytes.byteLength, 'what was read can be read again');
  if (count > 0) writeWhole(file, [bytes], last.unprovenOffset);
}

/**
 * Nothing is added to a segment of an older format: an older Frontrow would misread it. It refuses the successor by its
 * header, and so the whole directory.
 */
function isWritable(header: SegmentHeader): boolean {
  return header.format === FORMAT_VERSION;
}

export class SegmentJournal implements Journal {
  readonly disk: Disk;
  readonly #shape: SegmentShape;
  readonly #maker: SegmentMaker;
  readonly #durability: 'sync' | 'none';
  readonly #hasSupply: boolean;
  readonly #random: (bytes: number) => Uint8Array;
  readonly #audit = new FrameAudit();
  readonly #groupWords = new Int32Array(GROUP_HEADER_BYTES / 4);
  readonly #groupBytes = new Uint8Array(this.#groupWords.buffer);
  #lock: DiskLock | null = null;
  #active: ActiveSegment | null = null;
  #incarnation = '';
  #epoch = 0;
  #position: Position = 0;
  #previousCrc = 0;
  #lost: AppendOutcome | null = null;
  /** The begin mark is written. */
  #hasBegun = false;
  /** The last group is an end mark. */
  #isMarkedClean = false;
  #ended = false;
  #groups = 0;
  #payloadBytes = 0;
  #rolls = 0;

  constructor(disk: Disk, options: SegmentJournalOptions = {}) {
    this.disk = disk;
    this.#shape = {
      segmentBytes: options.segmentBytes ?? SEGMENT_BYTES_DEFAULT,
      eventsMax: options.eventsMax ?? EVENTS_MAX_DEFAULT,
    };
    checkShape(this.#shape);
    this.#durability = options.durability ?? 'sync';
    this.#hasSupply = options.hasSupply ?? false;
    this.#random = options.random ?? randomBytes;
    this.#maker = new SegmentMaker(disk, this.#shape, this.#random);
  }

  get stats(): JournalStats {
    return {
      groups: this.#groups,
      payloadBytes: this.#payloadBytes,
      rolls: this.#rolls,
    };
  }

  own(): Owner {
    assert(this.#lock === null, 'a journal is taken once');
    const owner: Owner = { pid: process.pid, host: hostname(), since: new Date().toISOString() };
    this.#lock = this.disk.lock(owner);
    return owner;
  }

  /**
   * Throws FrontrowError `data-corrupt` (the message names file and offset) or `directory-unusable` (newer
   * format, a disk that does not read). Nothing is changed before everything has been read and found good.
   */
  recover(sink: FramesSink): Recovered {
    assert(this.#lock !== null, 'a journal is taken before it is read');
    assert(this.#active === null, 'a journal is recovered once');
    this.#refuseHalfRestored();
    const report = readJournal(this.disk, { fromSnapshot: true, through: 'all' }, sink);
    const problem = report.problems.find((each) => each.fatal);
    if (problem !== undefined) {
      const code = problem.code === 'newer-format' ? 'directory-unusable' : 'data-corrupt';
      throw new FrontrowError(
        code,
        [problem, ...report.problems.filter((each) => !each.fatal)].map(sentence).join('; '),
      );
    }
    this.#epoch = report.epoch + 1;
    this.#position = report.position;
    this.#repair(report);
    this.#openLast(report);
    this.#isMarkedClean = report.cleanEnd;
    return {
      incarnation: this.#incarnation,
      epoch: this.#epoch,
      position: this.#position,
      tornTail: report.tornTail,
      cleanEnd: report.incarnation === null || report.cleanEnd,
      groups: report.groups,
      notes: [
        ...report.problems.map(sentence),
        ...(report.tornTail === null ? [] : [tailSentence(report.tornTail, 'was cut')]),
      ],
    };
  }

  /** A restore names its files at the very end: one without its name is of a restore that did not get there. */
  #refuseHalfRestored(): void {
    const left = this.disk.list().find((name) => {
      return name.endsWith(PART_SUFFIX) && segmentNumbers([name.slice(0, -PART_SUFFIX.length)]).length > 0;
    });
    if (left === undefined) return;
    throw new FrontrowError(
      'directory-unusable',
      `the directory holds ${left}, which a restore that was not finished has left: empty it and restore again`,
    );
  }

  /** Makes what was read durable, and finishes what a crash left half done. Every step may be repeated. */
  #repair(report: ReadReport): void {
    for (const name of report.filesRead) {
      this.#withFile(name, (file) => {
        if (report.tornTail?.file === name) {
          const { offset, bytes } = report.tornTail;
          writeZeros(file, offset, offset + bytes);
        }
        if (report.last !== null && segmentName(report.last.header.number) === name)
          rewrite(file, report.last);
        for (const { header, footer } of report.unsealed) {
          if (segmentName(header.number) === name) writeWhole(file, [footer], footerOffset(header));
        }
        file.sync();
      });
    }
    removeSnapshotParts(this.disk);
    // Put aside, so that trim never counts on it; trim also deletes it when it is no longer of interest.
    for (const problem of report.problems) {
      if (problem.code === 'bad-snapshot') this.disk.rename(problem.file, `${problem.file}${BAD_SUFFIX}`);
    }
    this.disk.syncDirectory();
  }

  #withFile(name: string, act: (file: DiskFile) => void): void {
    const file = this.disk.open(name, 'write');
    try {
      act(file);
    } finally {
      file.close();
    }
  }

  #openLast(report: ReadReport): void {
    if (report.last === null) {
      assert(report.incarnation === null, 'a journal with segments has a last one');
      this.#incarnation = Buffer.from(this.#random(16)).toString('hex');
      try {
        this.#active = this.#startSegment(1, true);
      } catch (error) {
        if (!(error instanceof NoRoomError)) throw error;
        const message = 'the disk has no room for the first segment of a journal';
        throw new FrontrowError('directory-unusable', message, { cause: error });
      }
      return;
    }
    const { header, end, index } = report.last;
    this.#incarnation = header.incarnation;
    this.#previousCrc = end.crc;
    const file = this.disk.open(segmentName(header.number), 'write');
    this.#active = { file, header, index, offset: end.offset };
  }

  room(): number {
    const active = this.#active;
    if (active === null || !isWritable(active.header)) return 0;
    const marks = this.#hasBegun ? 1 : 2;
    return Math.max(0, groupsEnd(active.header) - marks * BLOCK_BYTES - active.offset);
  }

  append(position: Position, chunks: readonly Uint8Array[]): AppendOutcome {
    if (this.#lost !== null) return this.#lost;
    assert(this.#active !== null, 'a journal is recovered before it is appended to');
    assert(!this.#ended, 'nothing is appended after the end mark');
    assert(position === this.#position, 'groups follow each other without a gap');
    let payloadBytes = 0;
    for (const chunk of chunks) payloadBytes += chunk.byteLength;
    assert(payloadBytes > 0, 'a group holds frames');
    const bytesMax = segmentCapacity(this.#shape) - BLOCK_BYTES;
    assert(groupBytes(payloadBytes) <= bytesMax, 'a group fits into a segment, with a begin mark before it');
    try {
      if (groupBytes(payloadBytes) > this.room()) {
        const full = this.#roll();
        if (full !== null) return full;
      }
      const active = this.#active;
      if (!this.#hasBegun) this.#writeMark(GROUP_KIND.begin);
      this.#hasBegun = true;
      for (const chunk of chunks) this.#noteFrames(chunk, active);
      this.#writeGroup(active, GROUP_KIND.frames, chunks, payloadBytes);
      this.#groups++;
      this.#payloadBytes += payloadBytes;
      return OK;
    } catch (error) {
      return this.#loseTo(error);
    }
  }

  #noteFrames(chunk: Uint8Array, active: ActiveSegment): void {
    assert(chunk.byteOffset % 8 === 0, 'a chunk starts on a frame');
    const words = new Int32Array(chunk.buffer, chunk.byteOffset, chunk.byteLength / 4);
    const fault = this.#audit.check(words, 0, words.length);
    assert(fault === null, `frames are whole and in sequence: ${fault?.message ?? ''}`);
    active.index.note(words, 0, words.length, active.offset);
  }

  #writeGroup(
    active: ActiveSegment,
    kind: GroupKind,
    chunks: readonly Uint8Array[],
    payloadBytes: number,
  ): void {
    const isAfterSync = this.#durability === 'sync' || kind !== GROUP_KIND.frames;
    const flags = isAfterSync ? GROUP_FLAG_AFTER_SYNC : 0;
    const fields = {
      kind,
      flags,
      position: this.#position,
      previousCrc: this.#previousCrc,
      epoch: this.#epoch,
    };
    const crc = encodeGroupHeader(this.#groupWords, active.header, fields, chunks);
    writeWhole(active.file, [this.#groupBytes, ...chunks], active.offset);
    if (isAfterSync) active.file.sync();
    active.offset += groupBytes(payloadBytes);
    this.#position += payloadBytes;
    this.#previousCrc = crc;
    this.#isMarkedClean = kind === GROUP_KIND.end;
  }

  /** A group without frames. Its block was left free for it: see room(). */
  #writeMark(kind: typeof GROUP_KIND.begin | typeof GROUP_KIND.end): void {
    assert(this.#active !== null, 'marks go into an open segment');
    assert(this.#active.offset + BLOCK_BYTES <= groupsEnd(this.#active.header), 'a block is left for a mark');
    // Without durability the groups before are in the page cache only, and this mark claims that they are
    // kept.
    if (this.#durability === 'none') this.#active.file.sync();
    this.#writeGroup(this.#active, kind, [], 0);
  }

  /**
   * Moves on to the next segment: name first, footer second (layout.ts says why). Null when done, an outcome
   * when there is no room for one, which leaves everything as it was. Other failures are thrown and final.
   */
  #roll(): AppendOutcome | null {
    const old = this.#active;
    assert(old !== null, 'only an open segment is left');
    // The successor's header will claim that every group before it is durable.
    if (this.#durability === 'none') old.file.sync();
    let next: ActiveSegment;
    try {
      next = this.#startSegment(old.header.number + 1, !this.#hasSupply);
    } catch (error) {
      if (error instanceof NoRoomError) return { ok: false, reason: 'full', cause: error };
      throw error;
    }
    this.#active = next;
    const end = { position: this.#position, offset: old.offset, crc: this.#previousCrc };
    writeWhole(old.file, [old.index.encode(old.header, end)], footerOffset(old.header));
    old.file.sync();
    old.file.close();
    this.#rolls++;
    return null;
  }

  #startSegment(number: number, mayFill: boolean): ActiveSegment {
    return this.#maker.start(
      {
        number,
        firstPosition: this.#position,
        previousCrc: this.#previousCrc,
        epoch: this.#epoch,
        incarnation: this.#incarnation,
      },
      mayFill,
    );
  }

  end(): AppendOutcome {
    if (this.#lost !== null) return this.#lost;
    assert(this.#active !== null, 'a journal is recovered before it ends');
    assert(!this.#ended, 'a journal ends once');
    this.#ended = true;
    // Where nothing was written, an end mark may be there already, or the segment be an older Frontrow's.
    if (this.#isMarkedClean || !isWritable(this.#active.header)) return OK;
    try {
      this.#writeMark(GROUP_KIND.end);
      return OK;
    } catch (error) {
      return this.#loseTo(error);
    }
  }

  close(): void {
    this.#active?.file.close();
    this.#lock?.release();
    this.#lock = null;
    this.#lost ??= { ok: false, reason: 'lost', cause: new Error('the journal is closed') };
  }

  #loseTo(error: unknown): AppendOutcome {
    this.#lost = { ok: false, reason: 'lost', cause: error };
    return this.#lost;
  }
}
