/**
 * Reads a journal directory without changing it: recovery, `verify`, `inspect`, backup and the snapshot
 * builder all stand on this. Problems are values with file and offset; what to do about them is the caller's.
 *
 * The rules (DESIGN.md §5):
 *   - start at the newest snapshot that is whole, else an older one, else position 0; the segments from there on
 *     must all be there, chained by position and by the crc of the group before;
 *   - in a segment with a successor every byte was durable, so anything wrong in it is corruption;
 *   - in the last segment, bad bytes with no group's header behind them are a torn tail, else corruption: a group is
 *     written after those before it are synced, so its header tells that they were, even if its own rest is torn;
 *   - a footer in the last segment says that a successor existed: it is missing, which is corruption.
 */
import { assert } from '../core/assert.ts';
import type { Disk, DiskFile } from './disk.ts';
import { FrameAudit } from './frame-audit.ts';
import { EventIndex } from './footer.ts';
import { GROUP_FLAG_AFTER_SYNC, GROUP_KIND } from './group.ts';
import type { Group } from './group.ts';
import {
  BLOCK_BYTES,
  footerOffset,
  FORMAT_VERSION,
  GROUP_HEADER_BYTES,
  groupBytes,
  segmentName,
  segmentNumbers,
  snapshotName,
  snapshotPositions,
} from './layout.ts';
import type { FramesSink, SnapshotInfo, TornTail } from './port.ts';
import type {
  OpenSegment,
  Problem,
  ProblemKind,
  ReadOptions,
  ReadReport,
  UnsealedSegment,
} from './read-report.ts';
import type { SegmentHeader } from './segment-header.ts';
import { readSegmentHeader, ReadWindow, SegmentReader } from './segment-reader.ts';
import { checkSnapshot, snapshotChunks, SnapshotReadError } from './snapshot.ts';

/** Reads a directory into `sink`. Stops at the first fatal problem, which is then the last one reported. */
export function readJournal(disk: Disk, options: ReadOptions, sink: FramesSink): ReadReport {
  return new JournalReader(disk, options, sink).read();
}

class FatalProblem extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.message);
    this.problem = problem;
  }
}

interface SegmentFile {
  readonly name: string;
  readonly number: number;
  readonly header: SegmentHeader | null;
  readonly problem: Problem | null;
}

class JournalReader {
  readonly #disk: Disk;
  readonly #options: ReadOptions;
  readonly #sink: FramesSink;
  readonly #audit = new FrameAudit();
  readonly #window = new ReadWindow();
  readonly #problems: Problem[] = [];
  readonly #filesRead: string[] = [];
  #snapshot: SnapshotInfo | null = null;
  #incarnation: string | null = null;
  #firstPosition = 0;
  #position = 0;
  #crc = 0;
  #groups = 0;
  #epoch = 0;
  #cleanEnd = false;
  #tornTail: TornTail | null = null;
  #last: OpenSegment | null = null;
  #oldestFormat = FORMAT_VERSION;
  readonly #unsealed: UnsealedSegment[] = [];

  constructor(disk: Disk, options: ReadOptions, sink: FramesSink) {
    this.#disk = disk;
    this.#options = options;
    this.#sink = sink;
  }

  read(): ReadReport {
    try {
      this.#readDirectory();
    } catch (error) {
      if (!(error instanceof FatalProblem)) throw error;
      this.#problems.push(error.problem);
    }
    return {
      incarnation: this.#incarnation,
      snapshot: this.#snapshot,
      firstPosition: this.#firstPosition,
      position: this.#position,
      groups: this.#groups,
      epoch: this.#epoch,
      cleanEnd: this.#cleanEnd,
      tornTail: this.#tornTail,
      problems: this.#problems,
      filesRead: this.#filesRead,
      last: this.#last,
      oldestFormat: this.#oldestFormat,
      unsealed: this.#unsealed,
    };
  }

  #readDirectory(): void {
    const names = this.#disk.list();
    const segments = segmentNumbers(names).map((number) => this.#loadHeader(number));
    const snapshotFile = this.#options.fromSnapshot ? this.#chooseSnapshot(names) : null;
    try {
      if (segments.length === 0) {
        if (this.#snapshot === null && this.#problems.length === 0) return;
        throw fatal('missing-segment', segmentName(1), 0, 'there are snapshots and no segments');
      }
      const start = this.#startIndex(segments);
      if (snapshotFile !== null) this.#handOverSnapshot(snapshotFile);
      this.#readSegments(segments, start);
    } finally {
      snapshotFile?.close();
    }
  }

  #loadHeader(number: number): SegmentFile {
    const name = segmentName(number);
    const outcome = readSegmentHeader(this.#disk, name);
    if (!outcome.ok) {
      const problem: Problem = {
        code: outcome.code,
        file: name,
        offset: 0,
        message: outcome.message,
        fatal: true,
      };
      // Of a newer format nothing can be told, not even whether it is needed.
      if (outcome.code === 'newer-format') throw new FatalProblem(problem);
      return { name, number, header: null, problem };
    }
    if (outcome.header.number !== number) {
      const message = `the header says that this is segment ${outcome.header.number}`;
      return { name, number, header: null, problem: fatal('bad-header', name, 0, message).problem };
    }
    return { name, number, header: outcome.header, problem: null };
  }

  /** Opens the newest snapshot that is whole; notes those that are not. */
  #chooseSnapshot(names: readonly string[]): DiskFile | null {
    for (const position of snapshotPositions(names).reverse()) {
      const name = snapshotName(position);
      const file = this.#disk.open(name, 'read');
      const outcome = checkSnapshot(file);
      if (outcome.ok && outcome.info.position === position) {
        this.#snapshot = outcome.info;
        this.#filesRead.push(name);
        return file;
      }
      file.close();
      if (!outcome.ok && outcome.code === 'newer-format') throw fatal(outcome.code, name, 0, outcome.message);
      const offset = outcome.ok ? 0 : outcome.offset;
      const message = outcome.ok ? 'the snapshot is of another position' : outcome.message;
      this.#problems.push({ code: 'bad-snapshot', file: name, offset, message, fatal: false });
    }
    return null;
  }

  /** Index of the segment to start in, and with it position, chain and incarnation. */
  #startIndex(segments: readonly SegmentFile[]): number {
    let start = -1;
    if (this.#options.fromSnapshot) {
      const from = this.#snapshot?.position ?? 0;
      segments.forEach((segment, index) => {
        if (segment.header !== null && segment.header.firstPosition <= from) start = index;
      });
      if (start < 0) {
        const first = segments[0];
        if (first.problem !== null) throw new FatalProblem(first.problem);
        const message = `no segment holds position ${from}, the first starts at ${first.header!.firstPosition}`;
        throw fatal('missing-segment', segmentName(first.number - 1), 0, message);
      }
    } else {
      start = 0;
      for (let index = 1; index < segments.length; index++) {
        if (segments[index].number === segments[index - 1].number + 1) continue;
        start = index;
        this.#problems.push({ ...missing(segments[index - 1].number + 1).problem, fatal: false });
      }
      if (segments[start].problem !== null) throw new FatalProblem(segments[start].problem!);
    }
    const header = segments[start].header!;
    this.#incarnation = this.#snapshot?.incarnation ?? header.incarnation;
    this.#position = header.firstPosition;
    this.#crc = header.previousCrc;
    this.#firstPosition = this.#snapshot?.position ?? header.firstPosition;
    return start;
  }

  #handOverSnapshot(file: DiskFile): void {
    assert(this.#snapshot !== null, 'a snapshot file is open only when one was chosen');
    try {
      this.#sink.snapshot(this.#snapshot, snapshotChunks(file));
    } catch (error) {
      // It was whole a moment ago.
      if (error instanceof SnapshotReadError)
        throw fatal('bad-snapshot', file.name, error.offset, error.message);
      throw error;
    }
  }

  #readSegments(segments: readonly SegmentFile[], start: number): void {
    for (let index = start; index < segments.length; index++) {
      const segment = segments[index];
      const next = segments[index + 1];
      if (segment.problem !== null) throw new FatalProblem(segment.problem);
      const header = segment.header!;
      this.#checkChain(header, segment.name);
      if (next !== undefined && next.number !== segment.number + 1) throw missing(segment.number + 1);
      if (next === undefined && this.#options.through === 'sealed') break;
      this.#filesRead.push(segment.name);
      const file = this.#disk.open(segment.name, 'read');
      try {
        const reader = new SegmentReader(file, header, this.#window);
        const open = this.#readGroups(reader);
        if (next === undefined) this.#endLast(reader, open);
        else this.#endSealed(reader, open, next);
      } finally {
        file.close();
      }
    }
    const snapshotPosition = this.#snapshot?.position ?? 0;
    if (this.#options.through === 'sealed') this.#position = Math.max(this.#position, snapshotPosition);
    if (this.#position < snapshotPosition) {
      const { name } = segments.at(-1)!;
      const message = `the journal ends at ${this.#position}, before its snapshot at ${snapshotPosition}`;
      throw fatal('missing-segment', name, this.#last?.end.offset ?? 0, message);
    }
  }

  #checkChain(header: SegmentHeader, name: string): void {
    this.#checkIncarnation(header, name);
    if (header.firstPosition !== this.#position || header.previousCrc !== this.#crc) {
      const message = `the segment follows ${header.firstPosition}, the one before ends at ${this.#position}`;
      throw fatal('broken-chain', name, 0, message);
    }
    this.#epoch = Math.max(this.#epoch, header.epoch);
    this.#oldestFormat = Math.min(this.#oldestFormat, header.format);
  }

  #checkIncarnation(header: SegmentHeader, name: string): void {
    if (header.incarnation !== this.#incarnation) {
      throw fatal('broken-chain', name, 0, `the segment is of another journal, ${header.incarnation}`);
    }
  }

  #readGroups(reader: SegmentReader): OpenSegment {
    const index = new EventIndex(reader.header.eventsMax);
    let offset = BLOCK_BYTES;
    let unprovenOffset = BLOCK_BYTES;
    for (;;) {
      const group = reader.groupAt(offset);
      if (group === null) break;
      if ((group.flags & GROUP_FLAG_AFTER_SYNC) !== 0) unprovenOffset = offset;
      this.#takeGroup(group, reader.file.name);
      index.note(group.words, group.startWord, group.endWord, offset);
      offset += groupBytes(group.payloadBytes);
    }
    const end = { position: this.#position, offset, crc: this.#crc };
    return { header: reader.header, end, index, unprovenOffset };
  }

  #takeGroup(group: Group, name: string): void {
    if (group.position !== this.#position || group.previousCrc !== this.#crc || group.epoch < this.#epoch) {
      const { position, epoch } = group;
      const message = `a group of position ${position}, epoch ${epoch} stands where ${this.#position} is due`;
      throw fatal('broken-chain', name, group.offset, message);
    }
    const fault = this.#audit.check(group.words, group.startWord, group.endWord);
    if (fault !== null) {
      const offset = group.offset + (fault.word - group.startWord) * 4;
      throw fatal(fault.code, name, offset, fault.message);
    }
    this.#position += group.payloadBytes;
    this.#crc = group.crc;
    this.#epoch = group.epoch;
    this.#cleanEnd = group.kind === GROUP_KIND.end;
    const snapshotPosition = this.#snapshot?.position ?? 0;
    if (group.kind !== GROUP_KIND.frames || this.#position <= snapshotPosition) return;
    if (group.position < snapshotPosition) {
      throw fatal('broken-chain', name, group.offset, `the snapshot at ${snapshotPosition} parts a group`);
    }
    this.#groups++;
    this.#sink.frames(group.words, group.startWord, group.endWord, group.position);
  }

  /** The successor's header tells where the groups must end; nothing after that point counts. */
  #endSealed(reader: SegmentReader, open: OpenSegment, next: SegmentFile): void {
    const { name } = reader.file;
    if (next.problem !== null) throw new FatalProblem(next.problem);
    const due = next.header!;
    this.#checkIncarnation(due, next.name);
    if (due.firstPosition !== open.end.position || due.previousCrc !== open.end.crc) {
      const { position } = open.end;
      const message = `a group is damaged or gone: ${position} is reached, ${due.firstPosition} is due`;
      throw fatal('bad-group', name, open.end.offset, message);
    }
    const footer = reader.footer();
    if (footer !== null && footer.end.crc === open.end.crc && footer.end.offset === open.end.offset) return;
    this.#unsealed.push({ header: reader.header, footer: open.index.encode(reader.header, open.end) });
    const message = 'the footer is missing or damaged; it can be made again';
    const offset = footerOffset(reader.header);
    this.#problems.push({ code: 'bad-footer', file: name, offset, message, fatal: false });
  }

  #endLast(reader: SegmentReader, open: OpenSegment): void {
    const { name } = reader.file;
    const { offset } = open.end;
    if (reader.laterHeader(offset) >= 0) {
      throw fatal('bad-group', name, offset, 'a group is damaged that was synced: another stands behind it');
    }
    const footer = reader.footer();
    if (footer !== null) {
      if (footer.end.crc !== open.end.crc) {
        throw fatal(
          'bad-group',
          name,
          offset,
          `the groups end early, the footer says at ${footer.end.offset}`,
        );
      }
      throw missing(reader.header.number + 1);
    }
    const tailEnd = reader.tailEnd(offset);
    if (tailEnd > offset) this.#tornTail = this.#describeTail(reader, offset, tailEnd - offset);
    this.#last = open;
  }

  /** The positions are those that the tail's header claims; without one, as many as its bytes may hold. */
  #describeTail(reader: SegmentReader, offset: number, bytes: number): TornTail {
    const claimed = reader.claimedAt(offset);
    const payloadBytes = claimed >= 0 ? claimed : Math.ceil(Math.max(0, bytes - GROUP_HEADER_BYTES) / 8) * 8;
    const from = this.#position;
    return { file: reader.file.name, offset, bytes, from, to: from + payloadBytes };
  }
}

function fatal(code: ProblemKind, file: string, offset: number, message: string): FatalProblem {
  return new FatalProblem({ code, file, offset, message, fatal: true });
}

function missing(number: number): FatalProblem {
  return fatal(
    'missing-segment',
    segmentName(number),
    0,
    'the segment is missing, and others prove that it was there',
  );
}
