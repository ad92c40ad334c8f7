/** What the composition root gives the dispatcher. */
import type { FrontrowError } from '../core/assert.ts';
import type { Clock } from '../core/clock.ts';
import type { RateLimits } from '../core/rate-limit.ts';
import type { Arena } from '../memory/arena.ts';
import type { ThreadBase } from '../memory/threads.ts';
import type { HistoryReader } from './history-lane.ts';
import type { BatchPool } from './pool.ts';
import type { Scheduler } from './scheduler.ts';

/** A frame of a batch that lies in the ring: which command made it, and what, see BatchRequest.fact. */
export interface PublishedCommand {
  readonly commandIndex: number;
  readonly fact: number;
}

export interface DispatchObserver {
  /** From a request's arrival to its batch's leaving; once for each request that leaves. */
  admissionWait(ms: number): void;
  /** The journal stands still while somebody waits for it; then, that it moves again. */
  stalled?(isStalled: boolean): void;
}

export interface DispatcherOptions {
  readonly arena: Arena;
  readonly pool: BatchPool;
  readonly history: HistoryReader;
  readonly clock: Clock;
  /** Bytes that the journal may still take: what its segments and spares hold, less what a roll may waste. */
  readonly diskRoom: () => number;
  /** Gives back what a thread held that has exited: engine/repair.ts. */
  repair(dead: ThreadBase): 'done' | 'undecided';
  /** Frames of a batch in the ring from `firstUnit` on that are a command's success, in order. */
  publishedCommands(batchId: number, firstUnit: number): readonly PublishedCommand[];
  /** The process cannot go on: nothing more may be told, it must end. */
  fatal(error: FrontrowError): void;
  /** Off in tests alone, which then rest on the mutex. */
  readonly oneWritingBatchPerEvent?: boolean;
  /** The journal waits for a segment: its disk is full, and does answer. */
  awaitsRoom(): boolean;
  readonly scheduler?: Scheduler;
  /** Of each client, by the role it acts in. None if not given. */
  readonly rateLimit?: RateLimits;
  /** STALL_AFTER_MS if not given. */
  readonly stallAfterMs?: number;
  /** Told of what happens, for metrics and the log. */
  readonly observe?: DispatchObserver;
  /** From 0 to 1, for jitter. */
  readonly random?: () => number;
}
