/**
 * The journal as the rest of Frontrow sees it: a place that keeps groups of frames, in order, durably.
 *
 * Nothing above this port assumes a file. An append carries the owner's epoch underneath and may answer
 * `fenced`, so that a journal shared by several machines fits behind the same interface. The file journal
 * answers at once; a journal over a network may answer with a promise.
 *
 * Life of a journal: own → recover → append… → end → close. Each step happens once, in this order.
 */

/**
 * Byte offset in the endless stream of frames, padding frames included. Dense, a multiple of 8, below 2^53.
 */
export type Position = number;

/** What a snapshot stands for: the state after every frame before `position`. */
export interface SnapshotInfo {
  readonly position: Position;
  /** The journal's life, 32 hexadecimal digits. A restore starts a new one. */
  readonly incarnation: string;
  /** Time of the newest frame in it, for the clock's base. */
  readonly lastTimeMs: number;
  /** Bytes of content, chunk by chunk added up. When writing it is not looked at. */
  readonly bytes: number;
}

/** Takes what a journal holds, oldest first. */
export interface FramesSink {
  /** First and at most once: the newest valid snapshot. A chunk's bytes hold until the next is asked for. */
  snapshot(info: SnapshotInfo, chunks: Iterable<Uint8Array>): void;
  /**
   * All frames of one group: words[startWord … endWord), which starts at `position`. Valid during the call.
   */
  frames(words: Int32Array, startWord: number, endWord: number, position: Position): void;
}

/** Who holds the journal. */
export interface Owner {
  readonly pid: number;
  readonly host: string;
  /** When it was taken, ISO 8601. */
  readonly since: string;
}

/**
 * Bytes behind the last whole group that form no valid group, cut off and zeroed by a start. As a rule a last write that a crash
 * interrupted, which was never acknowledged. A last group that was damaged later looks the same.
 */
export interface TornTail {
  readonly file: string;
  readonly offset: number;
  readonly bytes: number;
  /** The positions that it held, as far as can be told. */
  readonly from: Position;
  readonly to: Position;
}

export interface Recovered {
  readonly incarnation: string;
  /** This boot's number: one more than the greatest in the journal. */
  readonly epoch: number;
  /** Where the next group goes. */
  readonly position: Position;
  readonly tornTail: TornTail | null;
  /** Whether the last owner stopped cleanly; true for a new journal. */
  readonly cleanEnd: boolean;
  /** Groups of frames read after the snapshot. */
  readonly groups: number;
  /** What was bad but could be done without, one sentence each: for the log. */
  readonly notes: readonly string[];
}

/**
 * `full`: no room, nothing changed, may be tried again. `fenced`: another owner has taken over, nothing
 * changed. `lost`: whether the group is kept is unknown; final, every later append answers the same.
 */
export type AppendOutcome =
  | { readonly ok: true }
  | { readonly ok: false; readonly reason: 'fenced' | 'full' | 'lost'; readonly cause?: unknown };

export interface Journal {
  /** Takes the journal for this process. Throws FrontrowError `directory-in-use`, naming the holder. */
  own(): Owner | Promise<Owner>;
  /**
   * Reads everything into the sink. Throws FrontrowError `data-corrupt` and changes nothing when it cannot.
   */
  recover(sink: FramesSink): Recovered | Promise<Recovered>;
  /**
   * Keeps ONE group; durable when it answers ok. `chunks` hold whole frames and follow each other in the
   * stream from `position`, which is where the last group ended. They may be views on shared memory.
   */
  append(position: Position, chunks: readonly Uint8Array[]): AppendOutcome | Promise<AppendOutcome>;
  /** Bytes, counted as groupBytes(), that further groups may take without a change of file. */
  room(): number;
  /** Says that nothing is missing after the last group. After it there are no appends. */
  end(): AppendOutcome | Promise<AppendOutcome>;
  /** Gives the journal back. Without end() it is as if the process had died. */
  close(): void | Promise<void>;
}
