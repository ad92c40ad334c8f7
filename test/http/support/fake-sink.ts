/** A RequestSink that keeps what it is given. It answers on the next turn of the loop, with `answer` or by hand. */
import { CONTENT_TYPE } from '../../../src/core/batch.ts';
import type { BatchReply, BatchRequest } from '../../../src/core/batch.ts';
import type { Operation } from '../../../src/core/operations.ts';
import type { RequestSink, ServiceState, SinkReply } from '../../../src/dispatch/sink.ts';
import { messageOf } from '../../support/batches.ts';

export interface Submitted {
  readonly operation: Operation;
  readonly request: BatchRequest;
}

export function sinkReply(text: string, more: Partial<BatchReply> = {}): BatchReply {
  return {
    status: 200,
    contentType: CONTENT_TYPE.json,
    replayed: false,
    isPublic: false,
    sequence: -1,
    etag: '',
    location: '',
    retryAfterMs: 0,
    body: text,
    ...more,
  };
}

/** What main is told of an answer, a worker's being bytes by then. */
export function toldOf(answer: SinkReply | BatchReply, request: BatchRequest): SinkReply {
  return 'kind' in answer ? answer : messageOf(answer, request);
}

export class FakeSink implements RequestSink {
  state: ServiceState = 'ready';
  readonly submitted: Submitted[] = [];
  answer: (submitted: Submitted) => SinkReply | BatchReply = () => sinkReply('{}');
  /** Set to throw from submit(). */
  fault: Error | null = null;
  #nowMs = 1000;

  now(): number {
    return this.#nowMs++;
  }

  /** Events of requests: by subject. */
  readonly events = new Map<string, string>();
  changed: ((eventId: string) => void) | null = null;

  eventIdOf(operation: Operation, subject: string): string {
    return this.events.get(subject) ?? (operation.subject === 'event' ? subject : '');
  }

  onChanged(listener: ((eventId: string) => void) | null): void {
    this.changed = listener;
  }

  whenDurable(callback: () => void): void {
    setImmediate(callback);
  }

  awaitTurn(): null {
    return null;
  }

  submit(operation: Operation, request: BatchRequest, done: (reply: SinkReply) => void): void {
    if (this.fault !== null) throw this.fault;
    const submitted = { operation, request };
    this.submitted.push(submitted);
    setImmediate(() => {
      done(toldOf(this.answer(submitted), request));
    });
  }
}
