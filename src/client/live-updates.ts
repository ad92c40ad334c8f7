/**
 * An event's live updates as an async iterator that outlives its connections: where one breaks off, the next goes on
 * with `Last-Event-ID`, so nothing is missed and nothing comes twice. What the server cannot make up for, it tells as
 * a `reset`.
 */
import { EventStreamParser } from './event-stream.ts';
import type { ServerSentEvent } from './event-stream.ts';
import { FrontrowProblem, FrontrowUnreachable } from './problem.ts';
import type { Call, CallOptions, Transport } from './transport.ts';
import type { LiveUpdate, SeatChanges } from './types.ts';

export interface LiveOptions extends CallOptions {
  /** Begin with what changed after this sequence; from now on if not given. */
  readonly after?: number | undefined;
  /** `id` of the last update that was seen; wins over `after`. */
  readonly lastEventId?: string | undefined;
  /** A connection that is silent for so long is given up, and a new one made; 45,000, which is three heartbeats. */
  readonly silenceMs?: number | undefined;
}

const SILENCE_MS = 45_000;
/** After the server ended a stream: one that restarts is not back at once. */
const PAUSE_MS = 500;
/** More patient than other calls: whoever watches a hall wants to go on watching after a restart. */
const PATIENCE = { attempts: 30, totalMs: 120_000 };

/** Ends when the event is archived or gone. Rejects as other calls do, once reconnecting has failed too often. */
export async function* liveUpdates(
  transport: Transport,
  event: string,
  options: LiveOptions,
): AsyncGenerator<LiveUpdate, void, undefined> {
  let lastEventId = options.lastEventId ?? '';
  let plan = transport.plan(options, PATIENCE);
  const caller = transport.signalOf(options);
  for (let isFirst = true; ; isFirst = false) {
    caller?.throwIfAborted();
    const stream = new LiveStream(transport, event, { ...options, signal: caller }, lastEventId);
    let failure: unknown;
    try {
      await stream.connect();
      // Nothing says where the connection before had got to: updates may have been missed.
      const isBlind = !isFirst && lastEventId === '' && options.after === undefined;
      if (isBlind) yield { type: 'reset', id: null, event };
      for await (const update of stream.updates()) {
        // It works: what went wrong before counts no longer.
        plan = transport.plan(options, PATIENCE);
        yield update;
      }
      failure = stream.broken(new Error('the server ended the live updates'));
    } catch (error) {
      if (!isFirst && isGone(error)) return;
      failure = error;
    } finally {
      stream.close();
    }
    lastEventId = stream.lastEventId;
    if (stream.hasEnded && (options.retry ?? transport.retry) === false) return;
    await plan.wait(failure, caller, stream.pauseMs);
  }
}

/** One connection. */
class LiveStream {
  readonly #transport: Transport;
  readonly #call: Call;
  readonly #parser: EventStreamParser;
  readonly #controller = new AbortController();
  readonly #caller: AbortSignal | undefined;
  readonly #silenceMs: number;
  #response: Response | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The server said that it was the end, or closed in order. */
  hasEnded = false;

  constructor(transport: Transport, event: string, options: LiveOptions, lastEventId: string) {
    this.#transport = transport;
    this.#parser = new EventStreamParser(lastEventId);
    this.#silenceMs = options.silenceMs ?? SILENCE_MS;
    this.#call = {
      method: 'GET',
      path: ['v1', 'events', event, 'changes'],
      query: { after: lastEventId === '' ? options.after : undefined },
      headers: {
        accept: 'text/event-stream',
        ...(lastEventId !== '' && { 'last-event-id': lastEventId }),
      },
      client: options.client,
    };
    this.#caller = options.signal;
    this.#caller?.addEventListener('abort', this.#abort, { once: true });
    if (this.#caller?.aborted === true) this.#abort();
  }

  get lastEventId(): string {
    return this.#parser.lastEventId;
  }

  /** The least to wait before the next connection. */
  get pauseMs(): number {
    return this.#parser.retryMs ?? (this.hasEnded ? PAUSE_MS : 0);
  }

  async connect(): Promise<void> {
    this.#listen();
    try {
      this.#response = await this.#transport.open(this.#call, this.#controller.signal);
    } catch (error) {
      throw this.#reason(error);
    }
  }

  async *updates(): AsyncGenerator<LiveUpdate, void, undefined> {
    const reader = this.#response?.body?.getReader();
    for (;;) {
      let chunk: Uint8Array | undefined;
      try {
        const read = (await reader?.read()) as { value?: Uint8Array } | undefined;
        chunk = read?.value;
      } catch (error) {
        throw this.#reason(error);
      }
      this.#listen();
      if (chunk === undefined) break;
      for (const event of this.#parser.push(chunk)) {
        if (event.event === 'end') {
          this.hasEnded = true;
          return;
        }
        const update = updateOf(event);
        if (update !== null) yield update;
      }
    }
    this.hasEnded = true;
  }

  broken(cause: unknown): Error {
    return this.#transport.unreachable(this.#call, cause);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#caller?.removeEventListener('abort', this.#abort);
    this.#controller.abort();
  }

  readonly #abort = (): void => this.#controller.abort(this.#caller?.reason);

  /** Starts to wait for the next sign of life. */
  #listen(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#controller.abort(new Silence(`nothing for ${this.#silenceMs} ms`));
    }, this.#silenceMs);
  }

  /** What to reject with: the caller's own reason, a problem, or that the connection broke. */
  #reason(error: unknown): unknown {
    if (this.#caller?.aborted === true) return this.#caller.reason;
    if (error instanceof FrontrowProblem || error instanceof FrontrowUnreachable) return error;
    const { signal } = this.#controller;
    return this.broken(signal.reason instanceof Silence ? signal.reason : error);
  }
}

class Silence extends Error {}

/** null for what this version does not know: it is left out, as the standard has it for unknown names. */
function updateOf({ event, data, lastEventId }: ServerSentEvent): LiveUpdate | null {
  if (event !== 'change' && event !== 'reset') return null;
  const id = lastEventId === '' ? null : lastEventId;
  // The server is trusted to keep its own contract, as with every reply.
  const body = JSON.parse(data) as Omit<SeatChanges, 'type' | 'id'>;
  return event === 'change' ? { type: 'change', id, ...body } : { type: 'reset', id, event: body.event };
}

function isGone(error: unknown): boolean {
  return error instanceof FrontrowProblem && error.code === 'event-not-found';
}
