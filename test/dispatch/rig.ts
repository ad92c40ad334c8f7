/**
 * A dispatcher on a real arena with workers, a clock and timers that a test turns by hand. A fake worker does
 * nothing until the test answers for it; what it publishes moves the ring's head as real frames would.
 */
import { assert } from '../../src/core/assert.ts';
import {
  CONTENT_TYPE,
  type BatchHeader,
  type BatchReply,
  type BatchRequest,
  type ReplyHeader,
} from '../../src/core/batch.ts';
import { FRAME_KIND, packHeader } from '../../src/core/frame.ts';
import { ManualClock } from '../../src/core/clock.ts';
import { resolveLimits, type Limits } from '../../src/core/limits.ts';
import { CREATE_HOLD, type Operation } from '../../src/core/operations.ts';
import { encodeReplies } from '../../src/core/reply-codec.ts';
import { decodeRequestHeader, decodeRequests } from '../../src/core/request-codec.ts';
import { Dispatcher } from '../../src/dispatch/dispatcher.ts';
import type { DispatcherOptions, PublishedCommand } from '../../src/dispatch/options.ts';
import type { BatchPool, PoolListener, RunningBatch } from '../../src/dispatch/pool.ts';
import type { Scheduler } from '../../src/dispatch/scheduler.ts';
import type { SinkReply } from '../../src/dispatch/sink.ts';
import { createArena, eventBase, type Arena } from '../../src/memory/arena.ts';
import { EVENT, EVENT_STATE } from '../../src/memory/layout.ts';
import { insertEvent, writeEventId } from '../../src/memory/registry.ts';
import {
  endReservation,
  positionUnit,
  publishFrame,
  releaseRing,
  reserveFrame,
  ringHead,
  startRing,
  storeDurable,
  unitPosition,
} from '../../src/memory/ring.ts';
import { takeThreadSlot, threadBase } from '../../src/memory/threads.ts';

const START_MS = 1_000_000;

/** Timers and turns that come when the test says so. */
export class FakeScheduler implements Scheduler {
  readonly #clock: ManualClock;
  #timers: { atMs: number; callback: () => void }[] = [];
  #immediates: (() => void)[] = [];

  constructor(clock: ManualClock) {
    this.#clock = clock;
  }

  get timerCount(): number {
    return this.#timers.length;
  }

  get immediateCount(): number {
    return this.#immediates.length;
  }

  setTimeout(callback: () => void, delayMs: number): unknown {
    const timer = { atMs: this.#clock.now() + delayMs, callback };
    this.#timers.push(timer);
    return timer;
  }

  clearTimeout(timer: unknown): void {
    this.#timers = this.#timers.filter((other) => other !== timer);
  }

  setImmediate(callback: () => void): void {
    this.#immediates.push(callback);
  }

  turn(): void {
    for (const callback of this.#immediates.splice(0)) callback();
  }

  fire(): void {
    const due = this.#timers.filter((timer) => timer.atMs <= this.#clock.now());
    this.#timers = this.#timers.filter((timer) => timer.atMs > this.#clock.now());
    for (const timer of due) timer.callback();
  }
}

/** A batch that a fake worker has. */
export interface FakeBatch {
  readonly threadId: number;
  readonly header: BatchHeader & { readonly count: number };
  readonly requests: BatchRequest[];
  /** The worker is through with it, and may get another; its replies are on their way. */
  readonly serve: () => void;
  readonly isServed: () => boolean;
  readonly resolve: (replies: ArrayBuffer) => void;
  readonly reject: (error: Error) => void;
}

export class FakePool implements BatchPool {
  readonly batches: FakeBatch[] = [];
  readonly killed: number[] = [];
  exits = true;
  #free: number[] = [];
  #nextThread: number;
  #listener: PoolListener | null = null;

  constructor(workers: number) {
    for (let threadId = 1; threadId <= workers; threadId++) this.#free.push(threadId);
    this.#nextThread = workers + 1;
  }

  get idle(): number {
    return this.#free.length;
  }

  listen(listener: PoolListener): void {
    this.#listener = listener;
  }

  run(batch: ArrayBuffer): RunningBatch {
    const threadId = this.#free.shift();
    assert(threadId !== undefined, 'a batch is handed to an idle thread');
    let served = false;
    const isServed = (): boolean => served;
    const replies = new Promise<ArrayBuffer>((resolve, reject) => {
      this.batches.push({
        threadId,
        isServed,
        serve: () => {
          served = true;
          this.#free.push(threadId);
        },
        header: decodeRequestHeader(batch),
        requests: decodeRequests(batch),
        resolve: (answer) => {
          if (!served) this.#free.push(threadId);
          resolve(answer);
        },
        reject,
      });
    });
    return { threadId, replies, isServed };
  }

  /** Its successor is ready at once. */
  async kill(threadId: number): Promise<void> {
    this.killed.push(threadId);
    if (!this.exits) await new Promise(() => {});
    this.#free = this.#free.filter((other) => other !== threadId);
    this.#free.push(this.#nextThread++);
    queueMicrotask(() => this.#listener?.onIdle());
  }

  /** A thread without a batch ends. */
  end(threadId: number): void {
    this.#free = this.#free.filter((other) => other !== threadId);
    this.#listener?.onExit(threadId);
  }

  /** Takes the batch out of those under way. */
  take(index = 0): FakeBatch {
    const [batch] = this.batches.splice(index, 1);
    assert(batch !== undefined, 'a worker has a batch');
    return batch;
  }
}

export interface Answer {
  readonly label: string;
  readonly reply: SinkReply;
}

export function labelReply(label: string): BatchReply {
  return {
    status: 200,
    contentType: CONTENT_TYPE.json,
    replayed: false,
    isPublic: false,
    sequence: -1,
    etag: '',
    location: '',
    retryAfterMs: 0,
    body: Buffer.from(label),
  };
}

export class Rig {
  readonly arena: Arena;
  readonly clock = new ManualClock(START_MS);
  readonly scheduler = new FakeScheduler(this.clock);
  readonly pool: FakePool;
  readonly dispatcher: Dispatcher;
  readonly answers: Answer[] = [];
  readonly fatal: Error[] = [];
  readonly repaired: number[] = [];
  published: PublishedCommand[] = [];
  /** Of single batches. */
  readonly publishedOf = new Map<number, PublishedCommand[]>();
  repairAnswers: ('done' | 'undecided')[] = [];
  diskRoom = 1024 * 1024 * 1024;
  awaitsRoom = false;
  history: { batch: ArrayBuffer; resolve: (replies: ArrayBuffer) => void; reject: (error: Error) => void }[] =
    [];
  #label = 0;
  readonly #answered = new Set<string>();
  readonly #clients = new Map<string, string>();

  constructor(limits: Partial<Limits> = {}, options: Partial<DispatcherOptions> = {}) {
    const workers = limits.workers ?? 2;
    this.arena = createArena(
      resolveLimits({ workers, arenaBytes: 16 << 20, ringBytes: 1 << 20, eventsMax: 64, ...limits }),
    );
    startRing(this.arena, 0);
    for (let threadId = 1; threadId <= workers; threadId++) takeThreadSlot(this.arena, threadId);
    this.pool = new FakePool(workers);
    this.dispatcher = new Dispatcher({
      arena: this.arena,
      pool: this.pool,
      clock: this.clock,
      scheduler: this.scheduler,
      random: () => 0.5,
      history: {
        run: (batch) =>
          new Promise((resolve, reject) => {
            this.history.push({ batch, resolve, reject });
          }),
      },
      diskRoom: () => this.diskRoom,
      awaitsRoom: () => this.awaitsRoom,
      repair: (dead) => {
        this.repaired.push(dead);
        return this.repairAnswers.shift() ?? 'done';
      },
      publishedCommands: (batchId) => this.publishedOf.get(batchId) ?? this.published,
      fatal: (error) => this.fatal.push(error),
      ...options,
    });
  }

  /** An event that requests can be about. */
  addEvent(slot: number): string {
    const id = `event-${slot}`;
    this.arena.words[eventBase(this.arena, slot) + EVENT.state] = EVENT_STATE.open;
    this.arena.words[eventBase(this.arena, slot) + EVENT.generation] = 1;
    writeEventId(this.arena, slot, id);
    insertEvent(this.arena, slot);
    return id;
  }

  request(subject: string, operation: Operation, fields: Partial<BatchRequest> = {}): BatchRequest {
    return {
      operation: operation.code,
      receivedAtMs: this.clock.now(),
      subject,
      seat: '',
      query: '',
      idempotencyKey: '',
      ifNoneMatch: '',
      ifMatch: '',
      keyId: '',
      role: 'admin',
      events: '*',
      client: 'c',
      requestId: '',
      octets: false,
      variesByKey: false,
      body: null,
      fact: 0,
      ...fields,
    };
  }

  /** Submits a request; its label comes back as its reply's body, and in `answers`. */
  submit(subject: string, operation: Operation = CREATE_HOLD, fields: Partial<BatchRequest> = {}): string {
    const label = `r${this.#label++}`;
    const request = this.request(subject, operation, { requestId: label, ...fields });
    this.#clients.set(label, request.client);
    let within = true;
    this.dispatcher.submit(operation, request, (reply) => {
      assert(!within, 'nothing is answered within submit()');
      assert(!this.#answered.has(label), 'a request is answered once');
      this.#answered.add(label);
      this.answers.push({ label, reply });
    });
    within = false;
    return label;
  }

  /** Publishes a frame of `units` as a worker would; returns the position where it ends. */
  publish(units: number): number {
    const thread = threadBase(this.arena, 0);
    const unit = reserveFrame(this.arena, thread, units);
    this.fill(unit, units);
    endReservation(this.arena, thread);
    return this.headPosition();
  }

  /** Publishes a frame into room that was taken before. */
  fill(unit: number, units: number): void {
    publishFrame(this.arena, unit, packHeader(FRAME_KIND.hold, units * 2));
  }

  headPosition(): number {
    return unitPosition(ringHead(this.arena), this.#durable);
  }

  #durable = 0;

  /** What the journal thread does: sync up to the head, release, tell main. */
  sync(position = this.headPosition()): void {
    this.#durable = position;
    storeDurable(this.arena, position);
    releaseRing(this.arena, positionUnit(position));
    this.dispatcher.onDurable(position);
  }

  /** The worker answers every request of a batch with its label, or with a body that is given. */
  async answer(
    batch: FakeBatch,
    header: Partial<ReplyHeader> = {},
    cost: (request: BatchRequest) => number = () => 1,
    body?: string,
  ): Promise<void> {
    const replies = batch.requests.map((request) => ({
      ...labelReply(body ?? request.requestId),
      cost: cost(request),
    }));
    batch.resolve(
      encodeReplies(
        {
          batchId: batch.header.batchId,
          gate: 0,
          nextDeadlineMs: Infinity,
          expired: 0,
          moreDue: false,
          ...header,
        },
        batch.requests,
        replies,
      ),
    );
    await settle();
  }

  /** The history thread answers the batch that it has. */
  async answerHistory(): Promise<void> {
    const next = this.history.shift();
    assert(next !== undefined, 'the history thread has a batch');
    const header = { batchId: 1, gate: 0, nextDeadlineMs: Infinity, expired: 0, moreDue: false };
    const requests = decodeRequests(next.batch);
    const replies = requests.map((request) => labelReply(request.requestId));
    next.resolve(encodeReplies(header, requests, replies));
    await settle();
  }

  /** Client of each request that was answered, in order. */
  answeredClients(): string[] {
    return this.answers.map(({ label }) => this.#clients.get(label) ?? '');
  }

  labelsOf(batch: FakeBatch): string[] {
    return batch.requests.map((request) => request.requestId);
  }

  answered(): string[] {
    return this.answers.map((answer) => answer.label);
  }

  codeOf(label: string): string {
    const found = this.answers.find((answer) => answer.label === label);
    if (found === undefined) return 'none';
    return found.reply.kind === 'reply' ? 'reply' : found.reply.code;
  }
}

/** Lets promises that are due run. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}
