/**
 * The gate: replies wait here until the journal is durable up to everything they looked at. Main thread.
 * Invariant: nothing that passes reveals a change that a power cut could undo.
 */
import type { Pending } from './flight.ts';
import { MinHeap } from './min-heap.ts';
import type { SinkReply } from './sink.ts';

/** The answers of one batch. `rank` is the position that must be durable first. */
export interface GatedBatch {
  readonly rank: number;
  readonly pendings: readonly Pending[];
  readonly replies: readonly SinkReply[];
  /** What the batch may have changed: the event in a slot, or, in the registry's, those that its requests name. */
  readonly changed?: { readonly slot: number; readonly pendings: readonly Pending[] };
  /** Of a batch of reads: their event's. */
  readonly readSlot?: number;
  /** Called with the delivery. */
  readonly delivered?: () => void;
}

export class Gate {
  readonly #waiting = new MinHeap<GatedBatch>();
  readonly #deliver: (batch: GatedBatch) => void;
  #durable: number;

  constructor(durable: number, deliver: (batch: GatedBatch) => void) {
    this.#durable = durable;
    this.#deliver = deliver;
  }

  get durable(): number {
    return this.#durable;
  }

  get isWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  /** Delivers at once what is durable already. */
  hold(batch: GatedBatch): void {
    if (batch.rank <= this.#durable) this.#deliver(batch);
    else this.#waiting.push(batch);
  }

  onDurable(position: number): void {
    // Messages of the journal thread may come late: the position never goes back.
    if (position > this.#durable) this.#durable = position;
    for (let next = this.#waiting.peek(); next !== undefined; next = this.#waiting.peek()) {
      if (next.rank > this.#durable) return;
      this.#waiting.pop();
      this.#deliver(next);
    }
  }

  /** Empties the gate: the journal is lost, and what waits will never be durable for certain. */
  abandon(): GatedBatch[] {
    const abandoned: GatedBatch[] = [];
    for (let next = this.#waiting.pop(); next !== undefined; next = this.#waiting.pop()) abandoned.push(next);
    return abandoned;
  }
}
