/** What HTTP sees while the server is still recovering: a sink that is starting, until it becomes the dispatcher. Main thread. */
import type { BatchRequest } from '../core/batch.ts';
import type { Operation } from '../core/operations.ts';
import type { RequestSink, ServiceState, SinkReply } from './sink.ts';

export class LateSink implements RequestSink {
  sink: RequestSink | null = null;
  #changed: ((eventId: string) => void) | null = null;

  get state(): ServiceState {
    return this.sink?.state ?? 'starting';
  }

  now(): number {
    return this.sink?.now() ?? Date.now();
  }

  eventIdOf(operation: Operation, subject: string): string {
    return this.sink?.eventIdOf(operation, subject) ?? '';
  }

  onChanged(listener: ((eventId: string) => void) | null): void {
    this.#changed = listener;
    this.sink?.onChanged(listener);
  }

  /** Recovery is through. */
  become(sink: RequestSink): void {
    this.sink = sink;
    sink.onChanged(this.#changed);
  }

  whenDurable(callback: () => void): void {
    if (this.sink !== null) this.sink.whenDurable(callback);
    else setImmediate(callback);
  }

  awaitTurn(operation: Operation, subject: string, receivedAtMs: number): (() => void) | null {
    return this.sink?.awaitTurn(operation, subject, receivedAtMs) ?? null;
  }

  submit(operation: Operation, request: BatchRequest, done: (reply: SinkReply) => void): void {
    if (this.sink !== null) this.sink.submit(operation, request, done);
    else setImmediate(() => done({ kind: 'problem', code: 'starting', extras: { applied: false } }));
  }
}
