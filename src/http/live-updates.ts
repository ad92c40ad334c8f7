/**
 * Live updates: who follows which event, and what they are told. Main thread.
 *
 *   sink.onChanged ─▶ topic is dirty ─▶ one READ_CHANGES at most every 100 ms ─▶ one message ─▶ all its subscribers
 *   a new subscriber, or one that has fallen behind ─▶ a READ_CHANGES of its own ─▶ joins the others
 *
 * A message tells states, not steps, so telling a place again is harmless and leaving one out is not. Invariants:
 * - `topic.told` is the sequence up to which the topic's messages go. Who is `live` knows at least that much.
 * - Who is `catching` up keeps the messages that are made meanwhile. A read that is asked for later sees at least what
 *   an earlier one saw, so its own read and those messages leave no gap.
 * - Who does not read is `behind`: nothing is kept for it, and it catches up once it reads again.
 * Nothing is told before it is durable, since what a read saw comes through the sink.
 */
import type { BatchRequest } from '../core/batch.ts';
import {
  LIVE_CONNECTIONS_SHARE,
  LIVE_HEARTBEAT_MS,
  LIVE_INTERVAL_MS,
  LIVE_READS_MAX,
  LIVE_STREAMS_MAX,
  LIVE_STREAMS_PER_CLIENT_MAX,
} from '../core/limits.ts';
import { READ_CHANGES } from '../core/operations.ts';
import type { Operation } from '../core/operations.ts';
import type { ProblemCode, ProblemExtras } from '../core/problems.ts';
import type { Scheduler } from '../dispatch/scheduler.ts';
import type { RequestSink, SinkReply } from '../dispatch/sink.ts';
import type { Admission, Exchange } from './listener.ts';
import { HEARTBEAT, isGoneEvent, parseStart, readingOf } from './live-messages.ts';
import type { LiveMessage } from './live-messages.ts';
import { Subscriber } from './live-subscriber.ts';
import type { Answered } from './live-subscriber.ts';
import { problemReply } from './reply.ts';
import type { Streams } from './service.ts';

export interface LiveOptions {
  readonly sink: RequestSink;
  readonly scheduler: Scheduler;
  /** The first characters of the journal's incarnation, as in ETags. Known by the time the sink takes requests. */
  readonly incarnation: () => string;
  readonly connectionsMax: number;
  /** From 0 to 1, for jitter. */
  readonly random?: () => number;
  readonly perClientMax?: number;
}

export interface LiveCounts {
  /** Streams that are open. */
  readonly streams: number;
  /** Events that somebody follows. */
  readonly events: number;
  /** Reads asked for, and messages written, since the start. */
  readonly reads: number;
  readonly messages: number;
  /** Streams that ended since their peer did not keep up or went. */
  readonly gone: number;
}

/** One event that somebody follows. */
export class Topic {
  readonly eventId: string;
  readonly subscribers = new Set<Subscriber>();
  /** -1 until the first subscriber has read. */
  told = -1;
  isDirty = false;
  isReading = false;
  timer: unknown = null;
  /** When the next read may be asked for. */
  nextMs = 0;

  constructor(eventId: string) {
    this.eventId = eventId;
  }
}

/** One read for all that wait for the same. */
interface CatchUp {
  readonly operation: Operation;
  /** That of the first. */
  readonly request: BatchRequest;
  readonly waiting: Subscriber[];
}

/** The read of a call that has just come: unlike those that the server makes by itself, it counts against rate limits. */
const OPENING_READ: Operation = { ...READ_CHANGES, internal: false };
/** After a read that was refused. */
const RETRY_MS = 1000;

export class LiveUpdates implements Streams {
  readonly #options: LiveOptions;
  readonly #random: () => number;
  readonly #topics = new Map<string, Topic>();
  readonly #perClient = new Map<string, number>();
  /** Asked for and not under way yet, by what they ask for. First come, first served. */
  readonly #catchUps = new Map<string, CatchUp>();
  /** Under way. One that is asked for again waits: it has to see what happened meanwhile. */
  readonly #catching = new Set<string>();
  #streams = 0;
  #heartbeat: unknown = null;
  #reads = 0;
  #messages = 0;
  #gone = 0;

  constructor(options: LiveOptions) {
    this.#options = options;
    this.#random = options.random ?? Math.random;
  }

  counts(): LiveCounts {
    return {
      streams: this.#streams,
      events: this.#topics.size,
      reads: this.#reads,
      messages: this.#messages,
      gone: this.#gone,
    };
  }

  /**
   * Answers an exchange: with a stream, or with the problem that keeps it from becoming one.
   * @param answered called once, when it is known how the reply begins
   */
  open(exchange: Exchange<Admission>, request: BatchRequest, answered: Answered): void {
    const refuse = (code: ProblemCode, extras: ProblemExtras): void => {
      const reply = problemReply(code, request.requestId, extras);
      exchange.reply(reply);
      answered(reply.status, code);
    };
    const start = parseStart(request.query, exchange.head.lastEventId, this.incarnation);
    if (start.kind === 'refused')
      return refuse('invalid-request', { detail: start.error.detail, errors: [start.error] });
    const overload = this.#overload(request.client);
    if (overload !== null) return refuse('overloaded', overload);
    const topic = this.#topic(request.subject);
    const subscriber = new Subscriber(this, topic, exchange, request, start, answered);
    topic.subscribers.add(subscriber);
    this.#streams++;
    this.#perClient.set(request.client, (this.#perClient.get(request.client) ?? 0) + 1);
    this.#heartbeat ??= this.#options.scheduler.setTimeout(() => this.#beat(), LIVE_HEARTBEAT_MS);
    this.catchUp(subscriber);
  }

  #overload(client: string): ProblemExtras | null {
    const streamsMax = Math.min(
      LIVE_STREAMS_MAX,
      Math.max(1, Math.floor(this.#options.connectionsMax * LIVE_CONNECTIONS_SHARE)),
    );
    const perClientMax = this.#options.perClientMax ?? LIVE_STREAMS_PER_CLIENT_MAX;
    const isFull = this.#streams >= streamsMax;
    if (!isFull && (this.#perClient.get(client) ?? 0) < perClientMax) return null;
    const limit = isFull ? streamsMax : perClientMax;
    const whose = isFull ? 'Live updates are' : 'This client has live updates';
    const retryAfterMs = RETRY_MS + Math.floor(this.#random() * RETRY_MS);
    return { detail: `${whose} open ${limit} times, the most there may be`, limit, retryAfterMs };
  }

  #topic(eventId: string): Topic {
    const known = this.#topics.get(eventId);
    if (known !== undefined) return known;
    // The dispatcher is spared the telling while nobody listens.
    if (this.#topics.size === 0) this.#options.sink.onChanged((id) => this.#changed(id));
    const topic = new Topic(eventId);
    this.#topics.set(eventId, topic);
    return topic;
  }

  /** A subscriber is through, however it went. */
  remove(subscriber: Subscriber, isGone: boolean): void {
    const { topic, request } = subscriber;
    if (!topic.subscribers.delete(subscriber)) return;
    this.#streams--;
    if (isGone) this.#gone++;
    const left = (this.#perClient.get(request.client) ?? 0) - 1;
    if (left > 0) this.#perClient.set(request.client, left);
    else this.#perClient.delete(request.client);
    if (topic.subscribers.size > 0) return;
    this.#options.scheduler.clearTimeout(topic.timer);
    this.#topics.delete(topic.eventId);
    if (this.#topics.size > 0) return;
    this.#options.sink.onChanged(null);
    this.#options.scheduler.clearTimeout(this.#heartbeat);
    this.#heartbeat = null;
  }

  get incarnation(): string {
    return this.#options.incarnation();
  }

  get random(): () => number {
    return this.#random;
  }

  countMessage(): void {
    this.#messages++;
  }

  #beat(): void {
    this.#heartbeat = this.#options.scheduler.setTimeout(() => this.#beat(), LIVE_HEARTBEAT_MS);
    for (const { subscribers } of this.#topics.values())
      for (const { stream } of subscribers) stream?.write(HEARTBEAT);
  }

  /** Has a subscriber read on from where it is, with others that are in the same place. */
  catchUp(subscriber: Subscriber): void {
    const { eventId } = subscriber.topic;
    const query = subscriber.sequence < 0 ? '' : `after=${subscriber.sequence}`;
    const operation = subscriber.stream === null ? OPENING_READ : READ_CHANGES;
    const key = `${eventId} ${subscriber.request.role} ${operation.internal} ${query}`;
    const queued = this.#catchUps.get(key);
    if (queued === undefined) {
      const request = { ...subscriber.request, operation: READ_CHANGES.code, query };
      this.#catchUps.set(key, { operation, request, waiting: [subscriber] });
    } else {
      queued.waiting.push(subscriber);
    }
    this.#pump();
  }

  /** Again, but later: there was no room for the read. */
  catchUpLater(subscriber: Subscriber): void {
    const delayMs = RETRY_MS + Math.floor(this.#random() * RETRY_MS);
    this.#options.scheduler.setTimeout(() => subscriber.writable(), delayMs);
  }

  #pump(): void {
    for (const [key, { operation, request, waiting }] of this.#catchUps) {
      if (this.#catching.size >= LIVE_READS_MAX) return;
      if (this.#catching.has(key)) continue;
      this.#catchUps.delete(key);
      if (waiting.every(({ isOver }) => isOver)) continue;
      this.#catching.add(key);
      this.#reads++;
      this.#options.sink.submit(operation, request, (reply) => {
        this.#catching.delete(key);
        this.#caughtUp(waiting, reply);
        this.#pump();
      });
    }
  }

  #caughtUp(waiting: readonly Subscriber[], reply: SinkReply): void {
    // That is the first one's own affair: the others ask for themselves.
    const isFirsts = reply.kind === 'problem' && reply.code === 'rate-limited';
    waiting.forEach((subscriber, index) => {
      if (subscriber.isOver) return;
      if (isFirsts && index > 0) this.catchUp(subscriber);
      else subscriber.caughtUp(reply);
    });
  }

  /** A subscriber's read is the first of its topic, or it is one more that waits for what comes. */
  joined({ topic, sequence }: Subscriber): void {
    if (topic.told < 0) topic.told = sequence;
    this.#schedule(topic);
  }

  #changed(eventId: string): void {
    const topic = this.#topics.get(eventId);
    if (topic === undefined) return;
    topic.isDirty = true;
    this.#schedule(topic);
  }

  #schedule(topic: Topic): void {
    if (!topic.isDirty || topic.told < 0 || topic.isReading || topic.timer !== null) return;
    const delayMs = topic.nextMs - this.#options.sink.now();
    if (delayMs <= 0) return this.#read(topic);
    topic.timer = this.#options.scheduler.setTimeout(() => {
      topic.timer = null;
      this.#read(topic);
    }, delayMs);
  }

  #read(topic: Topic): void {
    topic.isDirty = false;
    topic.isReading = true;
    topic.nextMs = this.#options.sink.now() + LIVE_INTERVAL_MS;
    this.#reads++;
    const request = sharedRead(topic, this.#options.sink.now());
    this.#options.sink.submit(READ_CHANGES, request, (reply) => {
      topic.isReading = false;
      if (topic.subscribers.size > 0) this.#tell(topic, reply);
    });
  }

  #tell(topic: Topic, reply: SinkReply): void {
    if (isGoneEvent(reply)) {
      for (const subscriber of topic.subscribers) subscriber.eventIsGone();
      return;
    }
    if (reply.kind === 'problem' || reply.status !== 200) {
      topic.isDirty = true;
      topic.nextMs = this.#options.sink.now() + RETRY_MS;
    } else {
      const reading = readingOf(reply, this.incarnation);
      const message: LiveMessage = { from: topic.told, to: reading.sequence, bytes: reading.bytes };
      for (const subscriber of topic.subscribers) subscriber.tell(message, reading.state);
      topic.told = Math.max(topic.told, message.to);
    }
    this.#schedule(topic);
  }
}

/** On behalf of all; each of them may see what it says, or is told the end. */
function sharedRead(topic: Topic, nowMs: number): BatchRequest {
  return {
    operation: READ_CHANGES.code,
    receivedAtMs: nowMs,
    subject: topic.eventId,
    seat: '',
    query: `after=${topic.told}`,
    idempotencyKey: '',
    ifNoneMatch: '',
    ifMatch: '',
    client: `live:${topic.eventId}`,
    keyId: '',
    role: 'admin',
    events: '*',
    requestId: 'live',
    octets: false,
    variesByKey: false,
    body: null,
    fact: 0,
  };
}
