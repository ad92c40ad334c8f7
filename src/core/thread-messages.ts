/**
 * What the main thread and its threads hand each other, in one place. Batches are in batch.ts; the journal thread
 * tells durable positions as bare numbers, since it does so once per group.
 */
import type { FaultCode } from './assert.ts';
import type { Limits } from './limits.ts';

export interface JournalThreadData {
  readonly arena: SharedArrayBuffer;
  readonly limits: Limits;
  readonly directory: string;
  readonly durability: 'fsync' | 'none';
  /** Of a TimeHistogram that counts how long each group takes. */
  readonly syncTimes: SharedArrayBuffer;
}

/** What the journal thread says, in this order; `failed` may come at any time and is the last. */
export type JournalMessage =
  /** The directory is ours. */
  | { readonly kind: 'owned' }
  | {
      readonly kind: 'recovered';
      readonly incarnation: string;
      readonly position: number;
      readonly lastTimeMs: number;
      readonly frames: number;
      readonly tornTailBytes: number;
      readonly cleanEnd: boolean;
      readonly notes: readonly string[];
      readonly ms: number;
    }
  /** A segment is full and sealed, a spare was taken: another is to be made, and a snapshot may be due. */
  | { readonly kind: 'rolled' }
  /** Frames wait in the ring for a spare. Main calls wakeJournal() when there may be one. */
  | { readonly kind: 'awaits-segment' }
  /** The end mark is written and the directory given back. Frames of so many bytes found no room, and nobody was told of them. */
  | { readonly kind: 'ended'; readonly unwrittenBytes: number }
  | { readonly kind: 'failed'; readonly code: FaultCode; readonly message: string };

export interface WorkerThreadData {
  readonly arena: SharedArrayBuffer;
  readonly limits: Limits;
  readonly incarnation: string;
}

export interface HistoryThreadData extends WorkerThreadData {
  readonly directory: string;
}

export interface HistoryCall {
  readonly id: number;
  readonly batch: ArrayBuffer;
}

export interface HistoryAnswer {
  readonly id: number;
  /** null: it could not be answered, `error` says why. */
  readonly batch: ArrayBuffer | null;
  readonly error: string;
}

export interface SnapshotThreadData {
  readonly limits: Limits;
  readonly directory: string;
  readonly historyBytes: number;
}

export type SnapshotMessage =
  | {
      readonly kind: 'written';
      readonly position: number;
      readonly bytes: number;
      readonly deleted: number;
      readonly ms: number;
    }
  /** Nothing has been sealed since the last snapshot. */
  | { readonly kind: 'nothing-new'; readonly deleted: number }
  /** The disk has not the room for it, so it was not begun. */
  | {
      readonly kind: 'no-room';
      readonly neededBytes: number;
      readonly roomBytes: number;
      readonly deleted: number;
    }
  | { readonly kind: 'failed'; readonly message: string };

/** Name of the BroadcastChannel on which workers announce changed events, by slot. */
export function cacheChannelName(incarnation: string): string {
  return `frontrow-cache-${incarnation}`;
}
