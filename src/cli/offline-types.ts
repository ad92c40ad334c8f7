/** What `inspect` and `verify` learn from a data directory that no server has open. Only types. */

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
  readonly findings: readonly VerifyFinding[];
}

/** Read-only. Reject with a FrontrowError: `directory-unusable`, `directory-in-use`, `data-corrupt`. */
export type InspectDirectory = (directory: string) => Promise<DirectorySummary>;
export type VerifyDirectory = (directory: string) => Promise<VerifyReport>;
