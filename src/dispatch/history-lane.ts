/**
 * The history lane: one batch at a time to the history thread, of one event each, round-robin over clients. Main thread.
 */
import { assert } from '../core/assert.ts';
import { BATCH_KIND } from '../core/batch.ts';
import type { Clock } from '../core/clock.ts';
import { decodeReplies, decodeReplyHeader } from '../core/reply-codec.ts';
import { encodeBatch } from '../core/request-codec.ts';
import { FairQueue } from './fair-queue.ts';
import type { Pending } from './flight.ts';
import type { SinkReply } from './sink.ts';

/** The thread that reads sealed segments. A batch is transferred to it; it rejects when it cannot answer. */
export interface HistoryReader {
  run(batch: ArrayBuffer): Promise<ArrayBuffer>;
}

/** A page may scan megabytes: few in one batch, so that the next client's is not far. */
const HISTORY_BATCH_MAX = 8;

export interface HistoryLaneOptions {
  readonly reader: HistoryReader;
  readonly clock: Clock;
  nextBatchId(): number;
  answer(gate: number, pendings: readonly Pending[], replies: readonly SinkReply[]): void;
  failed(pending: Pending): void;
  sent(pending: Pending, nowMs: number): void;
  /** A batch is no longer under way. */
  landed(batch: object): void;
}

interface Waiting {
  readonly client: string;
  readonly pending: Pending;
  readonly slot: number;
}

export class HistoryLane {
  readonly #options: HistoryLaneOptions;
  readonly #queue = new FairQueue<Waiting>();
  #underWay: readonly Pending[] | null = null;

  constructor(options: HistoryLaneOptions) {
    this.#options = options;
  }

  add(pending: Pending, slot: number): void {
    this.#queue.push({ client: pending.client, pending, slot });
  }

  get queued(): number {
    return this.#queue.size;
  }

  /** The batch that is under way; it reads the arena, too. */
  get underWay(): readonly Pending[] | null {
    return this.#underWay;
  }

  /** Sends the next batch if none is under way. */
  pump(): void {
    const head = this.#queue.peek();
    if (this.#underWay !== null || head === undefined) return;
    const pendings: Pending[] = [];
    while (pendings.length < HISTORY_BATCH_MAX && this.#queue.peek()?.slot === head.slot) {
      pendings.push(this.#queue.shift()!.pending);
    }
    const nowMs = this.#options.clock.now();
    const batchId = this.#options.nextBatchId();
    const header = { batchId, eventSlot: head.slot, kind: BATCH_KIND.read, nowMs, expireBeforeMs: nowMs };
    const batch = encodeBatch(
      header,
      pendings.map((pending) => pending.request),
    );
    this.#underWay = pendings;
    for (const pending of pendings) this.#options.sent(pending, nowMs);
    this.#options.reader.run(batch).then(
      (replies) => this.#returned(pendings, replies),
      () => this.#failed(pendings),
    );
  }

  /** Takes out everything, under way or not: the journal is lost. */
  abandon(): Pending[] {
    const abandoned = [...(this.#underWay ?? [])];
    this.#underWay = null;
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift())
      abandoned.push(next.pending);
    return abandoned;
  }

  #returned(pendings: readonly Pending[], batch: ArrayBuffer): void {
    if (this.#underWay !== pendings) return;
    const { gate } = decodeReplyHeader(batch);
    const replies = decodeReplies(batch);
    assert(replies.length === pendings.length, 'the history thread answers every request of a batch');
    this.#underWay = null;
    this.pump();
    this.#options.landed(pendings);
    this.#options.answer(gate, pendings, replies);
  }

  #failed(pendings: readonly Pending[]): void {
    if (this.#underWay !== pendings) return;
    this.#underWay = null;
    for (const pending of pendings) this.#options.failed(pending);
    this.pump();
    this.#options.landed(pendings);
  }
}
