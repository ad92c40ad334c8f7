/** What `inspect` and `verify` learn from a data directory that no server has open. Only types. */
import type { TornTail } from '../journal/port.ts';

export interface SegmentSummary {
  readonly file: string;
  readonly bytes: number;
  readonly firstPosition: number;
  /** Position after the last whole group. */
  readonly endPosition: number;
  readonly groups: number;
  readonly frames: number;
}

export interface SnapshotSummary {
  readonly file: string;
  readonly bytes: number;
  readonly position: number;
}

export interface EventFacts {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly sequence: number;
  /** When it last changed, RFC 3339. */
  readonly changedAt: string;
  readonly capacity: number;
  readonly available: number;
  readonly held: number;
  readonly sold: number;
  readonly blocked: number;
}

export interface DirectorySummary {
  readonly directory: string;
  readonly incarnation: string;
  readonly formatVersion: number;
  /** The journal ends with an end mark. */
  readonly cleanStop: boolean;
  /** Bytes after the last whole group that are no group: a start would cut them. */
  readonly tornTailBytes: number;
  readonly tornTail: TornTail | null;
  readonly snapshots: readonly SnapshotSummary[];
  readonly segments: readonly SegmentSummary[];
  readonly events: readonly EventFacts[];
}

export interface VerifyFinding {
  /** The journal's own kinds, such as `bad-group`; and `counts-wrong`, `seat-twice` of what was replayed. */
  readonly code: string;
  readonly file: string | null;
  readonly offset: number | null;
  readonly message: string;
  /** What was acknowledged cannot be read without guessing; a start would refuse. */
  readonly fatal: boolean;
}

export interface VerifyReport {
  readonly directory: string;
  /** No fatal findings. */
  readonly ok: boolean;
  readonly frames: number;
  readonly events: number;
  readonly claims: number;
  /** What a crash leaves behind and a start cuts; no finding. */
  readonly tornTailBytes: number;
  /** Where it is and which positions it held: a last group that was damaged later looks the same. */
  readonly tornTail: TornTail | null;
  readonly findings: readonly VerifyFinding[];
}

/** Read-only. Reject with a FrontrowError: `directory-unusable`, `directory-in-use`, `data-corrupt`. */
export type InspectDirectory = (directory: string) => Promise<DirectorySummary>;
export type VerifyDirectory = (directory: string) => Promise<VerifyReport>;

/** What a backup holds, or what was restored from one. */
export interface BackupReport {
  readonly directory: string;
  /** Of the source; after a restore, the new one. */
  readonly incarnation: string;
  readonly takenAt: string;
  /** Position after the last frame. */
  readonly position: number;
  readonly files: number;
  readonly bytes: number;
  readonly claims: number;
  readonly events: readonly {
    readonly id: string;
    readonly state: string;
    readonly sequence: number;
    readonly changedAt: string;
  }[];
}

export interface CopyControl {
  readonly onProgress?: (copiedBytes: number, totalBytes: number) => void;
  /** Ends it; nothing is kept. */
  readonly signal?: AbortSignal;
  /** 0: as fast as it goes. */
  readonly mibPerSecond: number;
}

/** Reject with a FrontrowError: `bad-option` for directories that will not do, `data-corrupt`, `directory-unusable`. */
export type Backup = (data: string, to: string, control: CopyControl) => Promise<BackupReport>;
export type Restore = (from: string, data: string, control: CopyControl) => Promise<BackupReport>;
