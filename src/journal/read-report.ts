/**
 * What reading a journal directory says: shared by the reader, recovery, `verify` and the snapshot builder.
 */
import type { EventIndex, SegmentEnd } from './footer.ts';
import type { Position, SnapshotInfo, TornTail } from './port.ts';
import type { SegmentHeader } from './segment-header.ts';

export type ProblemKind =
  | 'bad-header'
  | 'newer-format'
  | 'missing-segment'
  | 'bad-group'
  | 'broken-chain'
  | 'bad-frame'
  | 'sequence-gap'
  | 'bad-snapshot'
  | 'bad-footer';

/**
 * Something that is not as it was written. `fatal`: what was acknowledged cannot be read without guessing.
 */
export interface Problem {
  readonly code: ProblemKind;
  readonly file: string;
  readonly offset: number;
  readonly message: string;
  readonly fatal: boolean;
}

export interface ReadOptions {
  /** Start at the newest valid snapshot, as recovery does; false: at the oldest segment kept, without one. */
  readonly fromSnapshot: boolean;
  /** `sealed` may run beside the writer; `all` needs the directory to be at rest. */
  readonly through: 'sealed' | 'all';
}

/** The segment that appends go on in. */
export interface OpenSegment {
  readonly header: SegmentHeader;
  readonly end: SegmentEnd;
  readonly index: EventIndex;
  /**
   * Groups from here on may be in the page cache only: the last group that was written after a sync proves
   * those before it, and nothing proves itself.
   */
  readonly unprovenOffset: number;
}

export interface ReadReport {
  /** Null when the directory holds no journal. */
  readonly incarnation: string | null;
  readonly snapshot: SnapshotInfo | null;
  /** Where reading started and ended. */
  readonly firstPosition: Position;
  readonly position: Position;
  /** Groups handed to the sink. */
  readonly groups: number;
  readonly epoch: number;
  readonly cleanEnd: boolean;
  readonly tornTail: TornTail | null;
  readonly problems: readonly Problem[];
  /** Every file whose content the result rests on. */
  readonly filesRead: readonly string[];
  readonly last: OpenSegment | null;
  /** Of the segments read; the current version when there are none. */
  readonly oldestFormat: number;
  /**
   * Segments whose footer is to be written (again): a crash may come between a successor's name and the
   * footer.
   */
  readonly unsealed: readonly UnsealedSegment[];
}

export interface UnsealedSegment {
  readonly header: SegmentHeader;
  readonly footer: Uint8Array;
}

/** A torn tail for a log or a report: `act` says what becomes of it. */
export function tailSentence(
  { file, offset, bytes, from, to }: TornTail,
  act: 'was cut' | 'is to be cut',
): string {
  return (
    `${file} at offset ${offset}: a torn tail of ${bytes} bytes, positions ${from} to ${to}, ${act}; either a crash ` +
    'interrupted its write, and nothing of it was acknowledged, or it was damaged later'
  );
}

/** A problem for a log or an error message. */
export function sentence(problem: Problem): string {
  return `${problem.file} at offset ${problem.offset}: ${problem.message} (${problem.code})`;
}
