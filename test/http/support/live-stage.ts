/**
 * Live updates without sockets: a hall whose changes are read as a worker would, a clock turned by hand, and peers that
 * parse what they are told and keep the states they know.
 */
import { CONTENT_TYPE } from '../../../src/core/batch.ts';
import type { BatchReply, BatchRequest } from '../../../src/core/batch.ts';
import { problemJson } from '../../../src/core/problems.ts';
import type { Operation } from '../../../src/core/operations.ts';
import type { Scheduler } from '../../../src/dispatch/scheduler.ts';
import type { RequestSink, ServiceState, SinkReply } from '../../../src/dispatch/sink.ts';
import { createHead } from '../../../src/http/head.ts';
import type { Admission, Exchange, Reply, ReplyStream, StreamListener } from '../../../src/http/listener.ts';
import { LiveUpdates } from '../../../src/http/live-updates.ts';
import type { LiveOptions } from '../../../src/http/live-updates.ts';
import { sinkReply, toldOf } from './fake-sink.ts';

export const LIFE = 'abcd1234';

export class ManualClock implements Scheduler {
  nowMs = 0;
  #timers: { atMs: number; callback: () => void }[] = [];

  setTimeout(callback: () => void, delayMs: number): unknown {
    const timer = { atMs: this.nowMs + delayMs, callback };
    this.#timers.push(timer);
    return timer;
  }

  clearTimeout(timer: unknown): void {
    this.#timers = this.#timers.filter((other) => other !== timer);
  }

  setImmediate(callback: () => void): void {
    this.setTimeout(callback, 0);
  }

  get timerCount(): number {
    return this.#timers.length;
  }

  advance(ms: number): void {
    const endMs = this.nowMs + ms;
    for (;;) {
      const due = this.#timers.filter(({ atMs }) => atMs <= endMs);
      if (due.length === 0) break;
      const next = due.reduce((first, timer) => (timer.atMs < first.atMs ? timer : first));
      this.clearTimeout(next);
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.callback();
    }
    this.nowMs = endMs;
  }
}

/** An event as a worker sees it: seats with their states, and the sequence of each one's last change. */
export class Hall {
  sequence = 0;
  state = 'open';
  readonly seats = new Map<string, { state: string; sequence: number }>();

  change(seat: string, state: string): void {
    this.seats.set(seat, { state, sequence: ++this.sequence });
  }

  read(query: string, role: string): BatchReply {
    if (this.state === 'archived' || (this.state === 'draft' && role === 'none'))
      return sinkReply(problemJson('event-not-found', 'r'), {
        status: 404,
        contentType: CONTENT_TYPE.problem,
      });
    const { sequence, state } = this;
    const after = query === '' ? sequence : Number(query.slice('after='.length));
    const head = { event: 'gala', sequence, state };
    if (after > sequence) return sinkReply(JSON.stringify({ ...head, reset: true }), { sequence });
    const changed = [...this.seats].filter(([, seat]) => seat.sequence > after);
    const seats = Object.fromEntries(changed.map(([id, seat]) => [id, seat.state]));
    const sold = [...this.seats.values()].filter((seat) => seat.state === 's').length;
    const sections = [{ id: 'stalls', available: 100 - sold, held: 0, sold, blocked: 0 }];
    return sinkReply(JSON.stringify({ ...head, seats, sections }), { sequence });
  }
}

/** Answers what it is asked when the test says so. */
export class HandSink implements RequestSink {
  readonly state: ServiceState = 'ready';
  readonly hall = new Hall();
  readonly asked: BatchRequest[] = [];
  refusal: SinkReply | null = null;
  /** A client that has asked too often, by calls of its own. */
  limited = '';
  changed: ((eventId: string) => void) | null = null;
  readonly #clock: ManualClock;
  #waiting: { request: BatchRequest; done: (reply: SinkReply) => void; isLimited: boolean }[] = [];

  constructor(clock: ManualClock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.nowMs;
  }

  eventIdOf(_operation: Operation, subject: string): string {
    return subject;
  }

  onChanged(listener: ((eventId: string) => void) | null): void {
    this.changed = listener;
  }

  whenDurable(callback: () => void): void {
    this.#clock.setImmediate(callback);
  }

  awaitTurn(): null {
    return null;
  }

  submit(operation: Operation, request: BatchRequest, done: (reply: SinkReply) => void): void {
    this.asked.push(request);
    const isLimited = !operation.internal && request.client === this.limited;
    this.#waiting.push({ request, done, isLimited });
  }

  /** The memory is looked at now; the answers arrive when the returned function is called. */
  look(): () => void {
    const limit: SinkReply = { kind: 'problem', code: 'rate-limited', extras: { retryAfterMs: 1 } };
    const looked = this.#waiting.map(({ request, done, isLimited }) => {
      const reply = this.refusal ?? (isLimited ? limit : null) ?? this.hall.read(request.query, request.role);
      return () => done(toldOf(reply, request));
    });
    this.#waiting = [];
    return () => looked.forEach((answer) => answer());
  }

  answer(): void {
    while (this.#waiting.length > 0) this.look()();
  }

  /** A change, told of as the dispatcher does. */
  change(seat: string, state: string): void {
    this.hall.change(seat, state);
    this.changed?.('gala');
  }
}

export interface Told {
  readonly event: string;
  readonly id: string;
  readonly data: {
    readonly event: string;
    readonly sequence?: number;
    readonly seats?: Record<string, string>;
  };
}

/** A subscriber's end of the line. */
export class Peer implements ReplyStream {
  reply: Reply | null = null;
  headers = '';
  listener: StreamListener | null = null;
  text = '';
  told: Told[] = [];
  lastId = '';
  /** What it knows of the seats. */
  readonly seats = new Map<string, string>();
  isReading = true;
  isOver = false;
  answered: [status: number, code: string][] = [];

  write(bytes: Uint8Array): boolean {
    if (this.isOver || (!this.isReading && this.text !== '')) return false;
    this.text += Buffer.from(bytes).toString();
    this.#take(Buffer.from(bytes).toString());
    return true;
  }

  end(bytes?: Uint8Array): void {
    if (bytes !== undefined) this.#take(Buffer.from(bytes).toString());
    this.isOver = true;
  }

  #take(text: string): void {
    for (const block of text.split('\n\n')) {
      const fields = new Map(
        block.split('\n').map((line) => [line.split(': ')[0], line.split(': ')[1] ?? '']),
      );
      this.lastId = fields.get('id') ?? this.lastId;
      if (!fields.has('data')) continue;
      const data = JSON.parse(block.slice(block.indexOf('data: ') + 6)) as Told['data'];
      this.told.push({ event: fields.get('event') ?? '', id: fields.get('id') ?? '', data });
      for (const [seat, state] of Object.entries(data.seats ?? {})) this.seats.set(seat, state);
    }
  }

  /** Reads again. */
  resume(): void {
    this.isReading = true;
    this.listener?.writable();
  }
}

export interface LiveStage {
  readonly clock: ManualClock;
  readonly sink: HandSink;
  readonly live: LiveUpdates;
  subscribe(more?: Partial<BatchRequest>, lastEventId?: string, method?: string): Peer;
  /** Some time passes, and whatever is asked meanwhile is answered. */
  pass(ms: number): void;
}

export function liveStage(options: Partial<LiveOptions> = {}): LiveStage {
  const clock = new ManualClock();
  const sink = new HandSink(clock);
  const live = new LiveUpdates({
    sink,
    scheduler: clock,
    incarnation: () => LIFE,
    connectionsMax: 10_000,
    random: () => 0.5,
    ...options,
  });
  const subscribe: LiveStage['subscribe'] = (more = {}, lastEventId, method = 'GET') => {
    const peer = new Peer();
    const head = createHead(method, '/v1/events/gala/changes', 1, { address: '', client: '' });
    if (lastEventId !== undefined) head.lastEventId = lastEventId;
    const exchange: Exchange<Admission> = {
      head,
      admission: { bodyBytesMax: 0, safe: false, refusal: null },
      body: null,
      receivedAtMs: clock.nowMs,
      reply: (reply) => (peer.reply = reply),
      stream(streamHead, listener) {
        peer.headers = streamHead.headers;
        peer.listener = listener;
        return method === 'HEAD' ? null : peer;
      },
    };
    const request: BatchRequest = {
      operation: 0,
      receivedAtMs: clock.nowMs,
      subject: 'gala',
      seat: '',
      query: '',
      idempotencyKey: '',
      ifNoneMatch: '',
      ifMatch: '',
      client: 'p:203.0.113.9',
      keyId: '',
      role: 'none',
      events: '',
      requestId: 'r1',
      octets: false,
      variesByKey: false,
      body: null,
      fact: 0,
      ...more,
    };
    live.open(exchange, request, (status, code) => peer.answered.push([status, code]));
    return peer;
  };
  const pass = (ms: number): void => {
    for (let at = 0; at < ms; at += 10) {
      sink.answer();
      clock.advance(10);
    }
    sink.answer();
  };
  return { clock, sink, live, subscribe, pass };
}
