/**
 * Replies to reads that are still true as far as anybody can know, kept on the main thread: nobody is asked again for
 * them. Main thread; looks at the arena without a lock.
 *
 *   kept with a batch's answers, when they are durable and leave; true until a later change of the event is durable
 *
 * That is: while the event's guard is what it was, nothing has changed; and while the journal is not durable beyond where
 * it was then, what has changed since is not durable, so it has not been told to anybody and may not be. Frames become
 * durable in order: one that was not published when the guard was looked at lies behind all that was durable by then.
 * So an event under load is asked for once for each time that its changes become durable, not once for each change.
 *
 * Bounds: EVENTS_MAX events, REPLIES_MAX replies of each, and BYTES_MAX of all replies.
 */
import { AVAILABILITY, SEATS, type Operation } from '../core/operations.ts';
import { SharedReply } from '../core/shared-reply.ts';
import type { Arena } from '../memory/arena.ts';
import { loadSequence, readGuard } from '../memory/guard.ts';
import type { Pending } from './flight.ts';
import type { SinkReply } from './sink.ts';

const EVENTS_MAX = 256;
const REPLIES_MAX = 16;
const BYTES_MAX = 32 * 1024 * 1024;

interface ReadyReply {
  readonly shared: SharedReply;
  /** While the event's guard has this value it is at the reply's sequence. NaN: it is beyond that already. */
  readonly guard: number;
  /** No change after the reply's sequence lies below this position of the journal, or at it. */
  until: number;
}

/** By readName(), which names the event; those of one event together. */
type ReadyEvent = Map<string, ReadyReply>;

export class ReadyReads {
  readonly #arena: Arena;
  /** By slot, in the order in which they were last kept for. */
  readonly #events = new Map<number, ReadyEvent>();
  #bytes = 0;

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  /**
   * The answer to a read that was received before this call; null where a worker has to be asked. Replies leave up to
   * `durable`.
   */
  find(slot: number, name: string, durable: number): SharedReply | null {
    const event = this.#events.get(slot);
    const ready = event?.get(name);
    if (event === undefined || ready === undefined) return null;
    // Pairs with the add in openGuard().
    if (readGuard(this.#arena, slot) === ready.guard) ready.until = Math.max(ready.until, durable);
    if (durable <= ready.until) return ready.shared;
    this.#drop(event, name, ready);
    return null;
  }

  /** Keeps the answers of a batch of one event that leaves now: what it looked at ends at `rank` in the journal. */
  keep(
    slot: number,
    rank: number,
    durable: number,
    reads: readonly Pending[],
    answers: readonly SinkReply[],
  ): void {
    const sequences = reads.map(({ operation }, i) => sequenceOf(operation, answers[i]));
    // Of one sequence: then that ends at `rank`. Else which of them does is not told.
    const isOne = sequences.every((sequence) => sequence >= 0 && sequence === sequences[0]);
    for (let i = 0; i < reads.length; i++) {
      if (sequences[i] < 0) continue;
      const guard = this.#guardAt(slot, sequences[i]);
      const until = Number.isNaN(guard) ? (isOne ? rank : -1) : durable;
      const answer = answers[i];
      const { read } = reads[i];
      if (until < durable || read === null || answer.kind === 'problem') continue;
      this.#put(slot, read.name, { shared: new SharedReply(answer), guard, until });
    }
  }

  /**
   * The guard's value while the event is at a sequence; NaN when it is beyond it, or about to be. The guard first: what
   * changes from there on does so behind all that is durable by now.
   */
  #guardAt(slot: number, sequence: number): number {
    // Pairs with the changes in openGuard() and closeGuard().
    const guard = readGuard(this.#arena, slot);
    const isThere = (guard & 1) === 0 && loadSequence(this.#arena, slot) === sequence;
    return isThere ? guard : NaN;
  }

  #put(slot: number, name: string, ready: ReadyReply): void {
    const event: ReadyEvent = this.#events.get(slot) ?? new Map<string, ReadyReply>();
    const before = event.get(name);
    if (before !== undefined) this.#drop(event, name, before);
    // Most are not true any more: each of them would be dropped when it is asked for.
    else if (event.size >= REPLIES_MAX) this.#clear(event);
    event.set(name, ready);
    this.#bytes += ready.shared.bytes;
    this.#events.delete(slot);
    this.#events.set(slot, event);
    for (const [oldest, each] of this.#events) {
      if (this.#bytes <= BYTES_MAX && this.#events.size <= EVENTS_MAX) return;
      this.#clear(each);
      this.#events.delete(oldest);
    }
  }

  #drop(event: ReadyEvent, name: string, { shared }: ReadyReply): void {
    event.delete(name);
    this.#bytes -= shared.bytes;
  }

  #clear(event: ReadyEvent): void {
    for (const { shared } of event.values()) this.#bytes -= shared.bytes;
    event.clear();
  }
}

/** The event's sequence that an answer shows; -1 for none, and for one that shows more than that, or less. */
function sequenceOf(operation: Operation, answer: SinkReply): number {
  if ((operation !== AVAILABILITY && operation !== SEATS) || answer.kind === 'problem') return -1;
  return answer.sequence;
}
