/**
 * Commands whose worker died after it had published them: another worker answers from what they made. Their event is
 * blocked until then, and their frames stay in the ring. Main thread.
 */
import type { Arena } from '../memory/arena.ts';
import { ringHead, unitPosition } from '../memory/ring.ts';
import { APPLIED_UNANSWERED } from './answers.ts';
import { FifoQueue } from './fifo-queue.ts';
import type { AnswerJob } from './flight.ts';
import type { GatedBatch } from './gate.ts';
import type { Releasable } from './releasable.ts';

/** How often a batch of answers is tried. */
const ANSWER_TRIES_MAX = 2;

export interface AnswerJobsOptions {
  readonly arena: Arena;
  readonly releasable: Releasable;
  durable(): number;
  hold(batch: GatedBatch): void;
}

export class AnswerJobs {
  readonly #options: AnswerJobsOptions;
  readonly #waiting = new FifoQueue<AnswerJob>();

  constructor(options: AnswerJobsOptions) {
    this.#options = options;
  }

  /** Commands that wait. */
  get commandCount(): number {
    let count = 0;
    for (let index = 0; index < this.#waiting.size; index++)
      count += this.#waiting.at(index)?.pendings.length ?? 0;
    return count;
  }

  /** To be called before the flight lands: the frames that the answers are made of stay in the ring. */
  keep(job: AnswerJob): void {
    this.#options.releasable.add(job);
  }

  add(job: AnswerJob): void {
    job.lane.blocked++;
    this.#waiting.push(job);
  }

  /** The next to be tried. */
  next(): AnswerJob | undefined {
    const job = this.#waiting.shift();
    if (job !== undefined) job.tries++;
    return job;
  }

  /** The worker that was to answer is lost, too. */
  retry(job: AnswerJob): void {
    if (job.tries < ANSWER_TRIES_MAX) {
      this.#waiting.push(job);
      return;
    }
    const options = this.#options;
    // They are published, so they count; and they must be durable before even that is told.
    const rank = unitPosition(ringHead(options.arena), options.durable());
    this.end(job);
    options.hold({ rank, pendings: job.pendings, replies: job.pendings.map(() => APPLIED_UNANSWERED) });
  }

  end(job: AnswerJob): void {
    job.lane.blocked--;
    this.#options.releasable.delete(job);
  }

  /** Takes out everything that waits. */
  abandon(): AnswerJob[] {
    const abandoned: AnswerJob[] = [];
    for (let job = this.#waiting.shift(); job !== undefined; job = this.#waiting.shift()) abandoned.push(job);
    return abandoned;
  }
}
