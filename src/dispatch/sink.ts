/**
 * What the HTTP layer sees of the dispatcher: one call to hand a request over, one callback to get its reply.
 * Main thread only. The callback runs exactly once, never before what the reply says is durable, and never
 * within submit() itself.
 */
import type { BatchRequest } from '../core/batch.ts';
import type { Operation } from '../core/operations.ts';
import type { ProblemCode, ProblemExtras } from '../core/problems.ts';
import type { ReplyMessage } from '../core/reply-codec.ts';

export type ServiceState = 'starting' | 'ready' | 'journal-full' | 'journal-stalled' | 'draining';

/** Either what a worker answered, whole, or a refusal of the dispatcher's own (overloaded, worker-lost, …). */
export type SinkReply =
  ReplyMessage | { readonly kind: 'problem'; readonly code: ProblemCode; readonly extras: ProblemExtras };

export interface RequestSink {
  readonly state: ServiceState;
  /** Milliseconds on the one clock; stamp `receivedAtMs` with it once a request is fully received. */
  now(): number;
  /** Id of the event that a request is about; empty when there is none such, or when it names none. */
  eventIdOf(operation: Operation, subject: string): string;
  /**
   * Tells of events that may have changed, by id, once what has changed is durable; never less often than they do.
   * One listener; null for none.
   */
  onChanged(listener: ((eventId: string) => void) | null): void;
  /** Calls back once all that memory shows now is durable; never within this call. Not at all once the journal is lost. */
  whenDurable(callback: () => void): void;
  /**
   * A request has just been fully received, and waits for its turn on its connection: a hold that it names does not expire
   * meanwhile.
   * @returns to be called once, when it was submitted or will not be; null if no hold depends on the request
   */
  awaitTurn(operation: Operation, subject: string, receivedAtMs: number): (() => void) | null;
  /** Copies all that it needs of the request: nothing of it is kept, the body neither. */
  submit(operation: Operation, request: BatchRequest, done: (reply: SinkReply) => void): void;
}
