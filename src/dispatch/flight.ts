/**
 * The two records of the dispatcher: a request that waits for its answer, and a batch that is under way.
 * Main thread; neither crosses to another.
 */
import type { BatchKind, BatchRequest } from '../core/batch.ts';
import { CANCEL_ORDER, RELEASE_HOLD, UNBLOCK, type Operation } from '../core/operations.ts';
import type { EncodedRequest } from '../core/request-codec.ts';
import type { Account } from './account.ts';
import type { Need } from './credit.ts';
import type { Lane } from './lane.ts';
import type { SinkReply } from './sink.ts';

/** A read whose answer is one to others, too: see same-reads.ts. */
export interface SharedRead {
  /** Reads of the same name get the same answer. */
  readonly name: string;
  readonly requestId: string;
  /** Those that are answered with it. */
  same: Pending[] | null;
}

/** An admitted request, from submit() to its one answer. */
export class Pending {
  readonly operation: Operation;
  /** All that a worker is told of it. */
  readonly request: EncodedRequest;
  readonly subject: string;
  readonly bodyBytes: number;
  readonly account: Account;
  /** When it was received, ms: the heap of a lane's oldest request ranks by it. */
  readonly rank: number;
  /** Null once it was called: a request is answered exactly once. */
  done: ((reply: SinkReply) => void) | null;
  readonly read: SharedRead | null;
  /** A worker has judged it, or nobody will: its lane's deadlines need not wait for it any more. */
  judged = false;

  constructor(
    operation: Operation,
    { subject, body, receivedAtMs }: BatchRequest,
    request: EncodedRequest,
    account: Account,
    done: (reply: SinkReply) => void,
    read: SharedRead | null = null,
  ) {
    this.operation = operation;
    this.request = request;
    this.subject = subject;
    this.bodyBytes = body === null ? 0 : body.byteLength;
    this.account = account;
    this.rank = receivedAtMs;
    this.done = done;
    this.read = read;
  }

  /** Whom the fair queue serves. */
  get client(): string {
    return this.account.client;
  }
}

/** Giving places back must be possible when there is hardly room to write it down. */
export function drawsOnReserve(operation: Operation): boolean {
  return operation === RELEASE_HOLD || operation === CANCEL_ORDER || operation === UNBLOCK;
}

/** Commands whose frames were published by a worker that died before it could answer: to be answered from them. */
export interface AnswerJob {
  readonly lane: Lane;
  readonly pendings: readonly Pending[];
  /** What each command made or changed, see BatchRequest.fact. */
  readonly facts: readonly number[];
  /** Where the dead batch began: its frames stay in the ring until the answers are through. */
  readonly firstUnit: number;
  tries: number;
}

/** How many requests are answered with these. */
export function countSame(pendings: readonly Pending[]): number {
  let count = pendings.length;
  for (const { read } of pendings) count += read?.same?.length ?? 0;
  return count;
}

/** A batch: from dispatch until its replies are with the gate, its worker's death and the repair in between included. */
export interface Flight {
  readonly batchId: number;
  readonly kind: BatchKind;
  readonly lane: Lane;
  readonly pendings: readonly Pending[];
  /** Head of the ring just before dispatch: its frames begin here or later. */
  readonly firstUnit: number;
  /** What credit.ts set aside for it. */
  readonly need: Need;
  readonly startedMs: number;
  readonly threadId: number;
  readonly isServed: () => boolean;
  /** For BATCH_KIND.answer. */
  readonly job: AnswerJob | null;
  /** Another writing batch of the event was under way at the same time. */
  overlapped: boolean;
  /** Its worker is through with it, and was seen to be before its replies were here. */
  served: boolean;
  /** Its worker is given up: what still comes of it is not looked at. */
  lost: boolean;
}
