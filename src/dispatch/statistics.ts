/** What the dispatcher counts, for metrics and for people who wonder. Main thread. */
import { BATCH_KIND, type BatchKind } from '../core/batch.ts';
import type { OwnProblem } from './answers.ts';

export interface DispatchStatistics {
  /** Requests that wait for a batch. */
  readonly queued: number;
  /** Requests in batches that are under way, or under repair. */
  readonly inFlight: number;
  /** Admitted and not answered: queued, in flight, or waiting until their answer is durable. */
  readonly admitted: number;
  readonly admittedBytes: number;
  /** Clients that have something admitted. */
  readonly clients: number;
  /** The journal does not move, and somebody waits for it. */
  readonly isStalled: boolean;
  /** Since the start, all of these. */
  readonly admittedTotal: number;
  /** Reads answered with a reply that was there: not admitted, and no worker was asked. */
  readonly readyTotal: number;
  /** Reads answered with the reply to another that was in the same batch. */
  readonly sharedTotal: number;
  readonly refusedTotal: Readonly<Record<OwnProblem, number>>;
  readonly batchesTotal: Readonly<Record<keyof typeof BATCH_KIND | 'history', number>>;
  /** Batches whose worker died, threw or hung. */
  readonly workerLossesTotal: number;
}

/** The counters that only grow. */
export class Totals {
  admitted = 0;
  ready = 0;
  shared = 0;
  workerLosses = 0;
  readonly refused: Record<OwnProblem, number> = {
    overloaded: 0,
    'rate-limited': 0,
    'worker-lost': 0,
    starting: 0,
    draining: 0,
    'journal-full': 0,
    'journal-stalled': 0,
  };
  history = 0;
  /** By kind. */
  readonly #batches = new Float64Array(Math.max(...Object.values(BATCH_KIND)) + 1);

  batch(kind: BatchKind): void {
    this.#batches[kind]++;
  }

  get batches(): DispatchStatistics['batchesTotal'] {
    const of = this.#batches;
    const { write, read, expire, answer } = BATCH_KIND;
    return {
      write: of[write],
      read: of[read],
      expire: of[expire],
      answer: of[answer],
      history: this.history,
    };
  }
}
