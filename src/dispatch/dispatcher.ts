/**
 * The dispatcher: between the sockets and the workers. Main thread; never blocks, and reads no body.
 *
 *   submit → lane of its event → (once a turn, or as soon as a worker is free) batch → worker
 *          → replies → gate → done()
 *
 * Invariants:
 * - A request that was submitted is answered exactly once, and never within submit().
 * - No more than limits.queueMax are admitted and not answered; one more is refused with nothing changed.
 * - One writing batch per event is under way (see oneWritingBatchPerEvent); reads run beside it.
 * - A worker's reply leaves when the journal is durable up to everything the reply looked at.
 */
import { assert, type FrontrowError } from '../core/assert.ts';
import {
  BATCH_KIND,
  decodeReplies,
  decodeReplyHeader,
  encodeRequests,
  type BatchKind,
  type BatchRequest,
  type ReplyHeader,
} from '../core/batch.ts';
import type { Clock } from '../core/clock.ts';
import { BATCH_COMMANDS_MAX } from '../core/limits.ts';
import type { Operation } from '../core/operations.ts';
import type { Arena } from '../memory/arena.ts';
import { REGISTRY_SLOT } from '../memory/registry.ts';
import { loadDurable, ringHead, unitPosition } from '../memory/ring.ts';
import type { ThreadBase } from '../memory/threads.ts';
import { APPLIED_UNANSWERED, LOST, refusal, type OwnProblem } from './answers.ts';
import { Credit, NO_NEED, type Need } from './credit.ts';
import { Expiry } from './expiry.ts';
import { FifoQueue } from './fair-queue.ts';
import { drawsOnReserve, Pending, type AnswerJob, type Flight } from './flight.ts';
import { Gate, type GatedBatch } from './gate.ts';
import { HistoryLane, type HistoryReader } from './history-lane.ts';
import { Lanes, type Lane } from './lane.ts';
import { planWriting } from './plan.ts';
import type { BatchPool } from './pool.ts';
import { Releasable } from './releasable.ts';
import { slotOf } from './route.ts';
import { SYSTEM_SCHEDULER, type Scheduler } from './scheduler.ts';
import type { RequestSink, ServiceState, SinkReply } from './sink.ts';
import { Supervisor } from './supervisor.ts';

/** A frame of a batch that lies in the ring: which command made it, and what, see BatchRequest.fact. */
export interface PublishedCommand {
  readonly commandIndex: number;
  readonly fact: number;
}

export interface DispatcherOptions {
  readonly arena: Arena;
  readonly pool: BatchPool;
  readonly history: HistoryReader;
  readonly clock: Clock;
  /** Bytes that the journal may still take: what its segments and spares hold, less what a roll may waste. */
  readonly diskRoom: () => number;
  /** Gives back what a thread held that has exited: engine/repair.ts. */
  repair(dead: ThreadBase): 'done' | 'undecided';
  /** Frames of a batch in the ring from `firstUnit` on that are a command's success, in order. */
  publishedCommands(batchId: number, firstUnit: number): readonly PublishedCommand[];
  /** The process cannot go on: nothing more may be told, it must end. */
  fatal(error: FrontrowError): void;
  /** Off in tests alone, which then rest on the mutex. */
  readonly oneWritingBatchPerEvent?: boolean;
  readonly scheduler?: Scheduler;
  /** From 0 to 1, for jitter. */
  readonly random?: () => number;
}

/** Batch ids are positive in a signed word, which is how the arena keeps them; 0 means none. */
const BATCH_ID_MAX = 0x7fff_ffff;
/** A sweep that found nothing, or whose worker was lost, is not tried again before this. */
const SWEEP_PAUSE_MS = 1000;
/** How often a batch of answers is tried. */
const ANSWER_TRIES_MAX = 2;

export class Dispatcher implements RequestSink {
  readonly #options: DispatcherOptions;
  readonly #arena: Arena;
  readonly #pool: BatchPool;
  readonly #clock: Clock;
  readonly #scheduler: Scheduler;
  readonly #random: () => number;
  readonly #lanes: Lanes;
  readonly #credit: Credit;
  readonly #gate: Gate;
  readonly #expiry: Expiry;
  readonly #supervisor: Supervisor;
  readonly #releasable: Releasable;
  readonly #history: HistoryLane;
  /** Batches under way, those under repair included. */
  readonly #flights = new Set<Flight>();
  /** Go before everything else: their event is blocked. */
  readonly #answers = new FifoQueue<AnswerJob>();
  readonly #readsMax: number;
  readonly #drained: (() => void)[] = [];
  /** Own problems wait for the end of the turn: nothing is answered within submit(). */
  #refused: { done: (reply: SinkReply) => void; reply: SinkReply }[] = [];
  #phase: 'starting' | 'ready' | 'draining' | 'lost' = 'starting';
  #isFull = false;
  #admitted = 0;
  #reads = 0;
  #readsTurn = false;
  #flushing = false;
  #lastBatchId = 0;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#arena = options.arena;
    this.#pool = options.pool;
    this.#clock = options.clock;
    this.#scheduler = options.scheduler ?? SYSTEM_SCHEDULER;
    this.#random = options.random ?? Math.random;
    this.#lanes = new Lanes(options.oneWritingBatchPerEvent ?? true);
    this.#credit = new Credit(options.arena, options.diskRoom);
    this.#gate = new Gate(loadDurable(options.arena), (batch) => this.#deliver(batch));
    this.#expiry = new Expiry(this.#clock, this.#scheduler, (slot, atMs) => this.#sweepDue(slot, atMs));
    this.#releasable = new Releasable(options.arena);
    // One worker is kept for writing, unless it is the only one.
    this.#readsMax = Math.max(1, options.arena.limits.workers - 1);
    this.#supervisor = new Supervisor({
      arena: options.arena,
      pool: options.pool,
      clock: this.#clock,
      scheduler: this.#scheduler,
      repair: (dead) => options.repair(dead),
      fatal: (error) => options.fatal(error),
      hung: (flight) => this.#lose(flight),
      recovered: (flight) => this.#recovered(flight),
    });
    this.#history = new HistoryLane({
      reader: options.history,
      clock: this.#clock,
      nextBatchId: () => this.#nextBatchId(),
      answer: (rank, pendings, replies) => this.#gate.hold({ rank, pendings, replies }),
      failed: (pending) => this.#answer(pending, refusal('worker-lost', this.#random)),
    });
    this.#pool.listen({
      onIdle: () => this.#dispatch(),
      onExit: (threadId) => this.#supervisor.threadGone(threadId),
      onFatal: (error) => options.fatal(error),
    });
  }

  get state(): ServiceState {
    if (this.#phase === 'lost') return 'draining';
    return this.#phase === 'ready' && this.#isFull ? 'journal-full' : this.#phase;
  }

  /** Admitted and not answered yet. */
  get admitted(): number {
    return this.#admitted;
  }

  /** Lanes that exist: none once nothing is waiting or under way. */
  get laneCount(): number {
    return this.#lanes.count;
  }

  now(): number {
    return this.#clock.now();
  }

  /** Recovery is through: requests are taken from here. */
  ready(): void {
    assert(this.#phase === 'starting', 'a dispatcher becomes ready once');
    this.#phase = 'ready';
    this.#checkRoom();
    this.#dispatch();
  }

  /** A deadline that recovery found. Not swept before `notBeforeMs`: holds that ran out meanwhile get grace. */
  seed(slot: number, deadlineMs: number, notBeforeMs = 0): void {
    if (deadlineMs !== Infinity) this.#expiry.lower(slot, Math.max(deadlineMs, notBeforeMs));
  }

  submit(operation: Operation, request: BatchRequest, done: (reply: SinkReply) => void): void {
    const refused = this.#refusalOf(operation);
    if (refused !== null) {
      this.#refused.push({ done, reply: refusal(refused, this.#random) });
    } else {
      this.#admit(new Pending(operation, request, done));
    }
    if (this.#flushing) return;
    this.#flushing = true;
    this.#scheduler.setImmediate(() => this.#flush());
  }

  /** The journal thread says: everything before `position` is on disk, or ring space was given back. */
  onDurable(position: number): void {
    if (this.#phase === 'lost') return;
    this.#credit.onDurable(position);
    this.#gate.onDurable(position);
    this.#releasable.update();
    this.#checkRoom();
    this.#dispatch();
  }

  /** The journal has a new spare segment, or lost one. */
  onDiskRoom(): void {
    this.#checkRoom();
    this.#dispatch();
  }

  /** Refuses new requests; resolves once everything admitted is answered and no batch is under way. */
  drain(): Promise<void> {
    if (this.#phase !== 'lost') this.#phase = 'draining';
    this.#expiry.stop();
    for (const lane of this.#lanes.all()) {
      lane.sweepAtMs = Infinity;
      this.#lanes.settle(lane);
    }
    return new Promise((resolve) => {
      this.#drained.push(resolve);
      this.#checkDrained();
    });
  }

  /** The journal is lost: nothing that is not durable by now may be told, and nothing more may be changed. */
  journalLost(): void {
    if (this.#phase === 'lost') return;
    this.#phase = 'lost';
    this.#expiry.stop();
    this.#supervisor.stop();
    for (const flight of this.#flights) {
      flight.lost = true;
      this.#abandon(flight.pendings);
    }
    for (let job = this.#answers.shift(); job !== undefined; job = this.#answers.shift())
      this.#abandon(job.pendings);
    for (const batch of this.#gate.abandon()) this.#abandon(batch.pendings);
    this.#abandon(this.#history.abandon());
    for (const lane of this.#lanes.all()) {
      for (const queue of [lane.writes, lane.reads]) {
        for (let next = queue.shift(); next !== undefined; next = queue.shift())
          this.#refuse(next, 'draining');
      }
    }
    this.#flights.clear();
    this.#checkDrained();
  }

  // ── admission ──────────────────────────────────────────────────────────────────────────────────────────────

  #refusalOf(operation: Operation): OwnProblem | null {
    if (this.#phase === 'starting') return 'starting';
    if (this.#phase !== 'ready') return 'draining';
    if (this.#isFull) this.#checkRoom();
    if (this.#isFull && operation.lane === 'write' && !drawsOnReserve(operation)) return 'journal-full';
    return this.#admitted >= this.#arena.limits.queueMax ? 'overloaded' : null;
  }

  #admit(pending: Pending): void {
    this.#admitted++;
    const { operation, request } = pending;
    const slot = slotOf(this.#arena, operation, request.subject);
    if (operation.lane === 'history') {
      this.#history.add(pending, Math.max(slot, REGISTRY_SLOT));
      return;
    }
    // What is about nothing that exists changes nothing: some reader says so.
    const lane = this.#lanes.of(slot < 0 ? REGISTRY_SLOT : slot);
    if (operation.lane === 'write' && slot >= 0) lane.addWrite(pending);
    else lane.reads.push(pending);
    this.#lanes.settle(lane);
  }

  #flush(): void {
    this.#flushing = false;
    const refused = this.#refused;
    this.#refused = [];
    this.#checkRoom();
    this.#dispatch();
    for (const { done, reply } of refused) done(reply);
  }

  /** Looks at the disk again. Commands that wait are refused as soon as it is full; those that give back stay. */
  #checkRoom(): void {
    const wasFull = this.#isFull;
    this.#isFull = this.#credit.isDiskFull();
    if (!this.#isFull || wasFull) return;
    for (const lane of this.#lanes.all()) {
      for (let left = lane.writes.size; left > 0; left--) {
        const pending = lane.writes.shift()!;
        if (drawsOnReserve(pending.operation)) {
          lane.writes.push(pending);
        } else {
          lane.judge(pending);
          this.#refuse(pending, 'journal-full');
        }
      }
      this.#lanes.settle(lane);
    }
  }

  // ── answers ────────────────────────────────────────────────────────────────────────────────────────────────

  #answer(pending: Pending, reply: SinkReply): void {
    const { done } = pending;
    assert(done !== null, 'a request is answered once');
    pending.done = null;
    this.#admitted--;
    done(reply);
    if (this.#admitted === 0) this.#checkDrained();
  }

  #refuse(pending: Pending, code: OwnProblem): void {
    this.#answer(pending, refusal(code, this.#random));
  }

  #deliver(batch: GatedBatch): void {
    for (let i = 0; i < batch.pendings.length; i++) this.#answer(batch.pendings[i], batch.replies[i]);
  }

  /** Dispatched, and the journal is lost: a change may be on disk or not; a read has changed nothing. */
  #abandon(pendings: readonly Pending[]): void {
    for (const pending of pendings) {
      if (pending.done === null) continue;
      if (pending.operation.lane === 'write') this.#answer(pending, LOST);
      else this.#refuse(pending, 'draining');
    }
  }

  #checkDrained(): void {
    if (this.#admitted > 0 || this.#flights.size > 0 || this.#phase === 'ready') return;
    for (const resolve of this.#drained.splice(0)) resolve();
  }

  // ── batches out ────────────────────────────────────────────────────────────────────────────────────────────

  /** Gives every idle worker a batch. Reads and writes take turns, so that with one worker neither starves. */
  #dispatch(): void {
    if (this.#phase === 'starting' || this.#phase === 'lost') return;
    this.#history.pump();
    while (this.#pool.idle > 0) {
      if (this.#sendAnswers()) continue;
      const sent = this.#readsTurn
        ? this.#sendReads() || this.#sendWrites()
        : this.#sendWrites() || this.#sendReads();
      if (!sent) return;
    }
  }

  #sendAnswers(): boolean {
    const job = this.#answers.shift();
    if (job === undefined) return false;
    job.tries++;
    this.#send(BATCH_KIND.answer, job.lane, job.pendings, NO_NEED, job);
    return true;
  }

  #sendReads(): boolean {
    if (this.#reads >= this.#readsMax) return false;
    const lane = this.#lanes.nextReading();
    if (lane === undefined) return false;
    const pendings: Pending[] = [];
    while (pendings.length < BATCH_COMMANDS_MAX && lane.reads.size > 0) pendings.push(lane.reads.shift()!);
    this.#readsTurn = false;
    this.#reads++;
    lane.reading++;
    this.#send(BATCH_KIND.read, lane, pendings, NO_NEED, null);
    this.#lanes.settle(lane);
    return true;
  }

  #sendWrites(): boolean {
    const nowMs = this.#clock.now();
    let onlyReserve = false;
    for (let left = this.#lanes.writingCount; left > 0; left--) {
      const lane = this.#lanes.nextWriting();
      if (lane === undefined) break;
      const plan = planWriting(lane, this.#credit, onlyReserve, nowMs);
      if (plan.ok) {
        this.#readsTurn = true;
        this.#sendWriting(lane, plan.kind, plan.pendings, plan.need);
        this.#lanes.settle(lane);
        return true;
      }
      if (plan.reason === 'not-due') {
        this.#expiry.lower(lane.slot, lane.sweepAtMs);
        lane.sweepAtMs = Infinity;
      } else if (plan.reason === 'disk') {
        const pending = lane.writes.shift()!;
        lane.judge(pending);
        this.#refuse(pending, 'journal-full');
        left++;
      } else {
        onlyReserve = true;
      }
      this.#lanes.settle(lane);
    }
    // Waits for ring or disk: the journal thread is to give back what it can.
    if (onlyReserve) this.#releasable.press();
    return false;
  }

  #sendWriting(lane: Lane, kind: BatchKind, pendings: readonly Pending[], need: Need): void {
    const isSweep = kind === BATCH_KIND.expire;
    lane.lastWasSweep = isSweep;
    if (isSweep) lane.sweepAtMs = Infinity;
    lane.writing++;
    const flight = this.#send(kind, lane, pendings, need, null);
    if (!flight.overlapped) return;
    for (const other of this.#flights) if (other.lane === lane) other.overlapped = true;
  }

  #send(
    kind: BatchKind,
    lane: Lane,
    pendings: readonly Pending[],
    need: Need,
    job: AnswerJob | null,
  ): Flight {
    const nowMs = this.#clock.now();
    const batchId = this.#nextBatchId();
    const header = {
      batchId,
      eventSlot: lane.slot,
      kind,
      nowMs,
      expireBeforeMs: lane.expireBeforeMs(nowMs),
    };
    const requests: BatchRequest[] = [];
    for (let i = 0; i < pendings.length; i++) {
      const { request } = pendings[i];
      requests.push(job === null ? request : { ...request, fact: job.facts[i] });
    }
    this.#credit.hold(need);
    const firstUnit = ringHead(this.#arena);
    const isWriting = kind === BATCH_KIND.write || kind === BATCH_KIND.expire;
    const { threadId, replies } = this.#pool.run(encodeRequests(header, requests));
    const flight: Flight = {
      batchId,
      kind,
      lane,
      pendings,
      firstUnit,
      need,
      startedMs: nowMs,
      threadId,
      job,
      overlapped: lane.writing > (isWriting ? 1 : 0),
      lost: false,
    };
    this.#flights.add(flight);
    if (isWriting) this.#releasable.add(flight);
    this.#supervisor.watch(flight);
    replies.then(
      (batch) => this.#returned(flight, batch),
      () => this.#lose(flight),
    );
    return flight;
  }

  #nextBatchId(): number {
    this.#lastBatchId = this.#lastBatchId === BATCH_ID_MAX ? 1 : this.#lastBatchId + 1;
    return this.#lastBatchId;
  }

  // ── batches back ───────────────────────────────────────────────────────────────────────────────────────────

  #returned(flight: Flight, batch: ArrayBuffer): void {
    if (flight.lost || this.#phase === 'lost') return;
    let header: ReplyHeader;
    const replies: SinkReply[] = [];
    try {
      header = decodeReplyHeader(batch);
      for (const reply of decodeReplies(batch)) replies.push({ kind: 'reply', reply });
      assert(header.batchId === flight.batchId, 'a worker answers the batch it was given');
      assert(replies.length === flight.pendings.length, 'a worker answers every request of a batch');
    } catch {
      // A worker that answers like this is not to be trusted with another batch.
      this.#lose(flight);
      return;
    }
    this.#supervisor.unwatch(flight);
    this.#land(flight);
    // Readers and answers were not under the mutex, and know nothing of deadlines.
    if (flight.kind === BATCH_KIND.write || flight.kind === BATCH_KIND.expire) this.#reportDeadline(flight, header);
    if (flight.job !== null) this.#endJob(flight.job);
    this.#lanes.settle(flight.lane);
    this.#dispatch();
    this.#gate.hold({ rank: header.gate, pendings: flight.pendings, replies });
    if (this.#phase === 'draining') this.#checkDrained();
  }

  /** The batch is no longer under way: gives back its place and its credit. */
  #land(flight: Flight): void {
    const lane = flight.lane;
    this.#flights.delete(flight);
    if (flight.kind === BATCH_KIND.read) {
      this.#reads--;
      lane.reading--;
    } else if (flight.kind !== BATCH_KIND.answer) {
      lane.writing--;
      for (const pending of flight.pendings) lane.judge(pending);
      this.#credit.giveBack(flight.need);
      this.#credit.onDurable(this.#gate.durable);
      this.#releasable.delete(flight);
    }
  }

  #reportDeadline(flight: Flight, header: ReplyHeader): void {
    const lane = flight.lane;
    const nowMs = this.#clock.now();
    let nextMs = header.moreDue ? Math.min(nowMs, header.nextDeadlineMs) : header.nextDeadlineMs;
    // A sweep that got nowhere is not repeated at once, or it would be repeated for ever.
    const isStuck = flight.kind === BATCH_KIND.expire && header.expired === 0 && nextMs <= nowMs;
    if (isStuck) nextMs = nowMs + SWEEP_PAUSE_MS;
    if (lane.sweepAtMs !== Infinity) return;
    if (nextMs <= nowMs && this.#phase === 'ready') lane.sweepAtMs = nextMs;
    else if (flight.overlapped) this.#expiry.lower(lane.slot, nextMs);
    else this.#expiry.set(lane.slot, nextMs);
  }

  #sweepDue(slot: number, deadlineMs: number): void {
    const lane = this.#lanes.of(slot);
    lane.sweepAtMs = Math.min(lane.sweepAtMs, deadlineMs);
    this.#lanes.settle(lane);
    this.#dispatch();
  }

  // ── lost workers ───────────────────────────────────────────────────────────────────────────────────────────

  /** Its event writes nothing until repair is through; reads may go on, and wait for the mutex if they need it. */
  #lose(flight: Flight): void {
    if (flight.lost || this.#phase === 'lost') return;
    flight.lost = true;
    flight.lane.blocked++;
    this.#supervisor.lose(flight);
  }

  /** The thread is dead and what it held is given back. */
  #recovered(flight: Flight): void {
    if (this.#phase === 'lost') return;
    const lane = flight.lane;
    const job = flight.job ?? this.#jobFor(flight);
    // Before the flight lands: the frames that the answers are made of stay in the ring.
    if (job !== null) this.#releasable.add(job);
    this.#land(flight);
    lane.blocked--;
    if (flight.job !== null) {
      this.#retryJob(flight.job);
    } else if (job !== null) {
      lane.blocked++;
      this.#answers.push(job);
    }
    // Whether it added a deadline nobody told us. A sweep tells, but not in a circle with its own death.
    if (flight.kind !== BATCH_KIND.read) {
      this.#expiry.lower(
        lane.slot,
        this.#clock.now() + (flight.kind === BATCH_KIND.expire ? SWEEP_PAUSE_MS : 0),
      );
    }
    this.#releasable.update();
    this.#lanes.settle(lane);
    this.#dispatch();
    for (const pending of flight.pendings) {
      if (job === null || !job.pendings.includes(pending)) this.#refuse(pending, 'worker-lost');
    }
    this.#checkDrained();
  }

  /** The commands of a dead batch whose frames are in the ring; null when there are none. */
  #jobFor(flight: Flight): AnswerJob | null {
    if (flight.kind !== BATCH_KIND.write) return null;
    const published = this.#options.publishedCommands(flight.batchId, flight.firstUnit);
    if (published.length === 0) return null;
    const factOf = new Map<Pending, number>();
    for (const { commandIndex, fact } of published) {
      const pending = flight.pendings[commandIndex];
      assert(pending !== undefined, 'a published frame names a command of its batch');
      factOf.set(pending, fact);
    }
    const pendings = [...factOf.keys()];
    const facts = [...factOf.values()];
    return { lane: flight.lane, pendings, facts, firstUnit: flight.firstUnit, tries: 0 };
  }

  #retryJob(job: AnswerJob): void {
    if (job.tries < ANSWER_TRIES_MAX) {
      this.#answers.push(job);
      return;
    }
    // They are published, so they count; and they must be durable before even that is told.
    const rank = unitPosition(ringHead(this.#arena), this.#gate.durable);
    this.#endJob(job);
    this.#gate.hold({ rank, pendings: job.pendings, replies: job.pendings.map(() => APPLIED_UNANSWERED) });
  }

  #endJob(job: AnswerJob): void {
    job.lane.blocked--;
    this.#releasable.delete(job);
  }
}
