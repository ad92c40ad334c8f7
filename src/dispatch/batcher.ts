/**
 * The batcher: from the lanes to the workers and back. Main thread.
 *
 *   lanes → plan → credit → worker → landed → deadlines, releasable ring, replies to the gate
 *                              ↓ lost
 *                         supervisor → recovered → answers from what was published
 *
 * A batch is in `flights` from dispatch until it has landed; one that is lost lands when its event is repaired. One that
 * writes is in `unserved`, too, until its worker is through with it: from then on the event's next batch may leave, though
 * the replies of this one are still on their way.
 */
import { BATCH_KIND, type BatchKind } from '../core/batch.ts';
import type { Clock } from '../core/clock.ts';
import type { ReplyMessage } from '../core/reply-codec.ts';
import { encodeBatch, type EncodedRequest } from '../core/request-codec.ts';
import type { Arena } from '../memory/arena.ts';
import { REGISTRY_SLOT } from '../memory/registry.ts';
import { ringHead, unitPosition } from '../memory/ring.ts';
import { AnswerJobs } from './answer-jobs.ts';
import type { OwnProblem } from './answers.ts';
import { Credit, NO_NEED, type Need } from './credit.ts';
import { countSame, drawsOnReserve, type AnswerJob, type Flight, type Pending } from './flight.ts';
import type { GatedBatch } from './gate.ts';
import { answersFor, readLanding } from './landing.ts';
import { Lanes, type Lane } from './lane.ts';
import type { DispatcherOptions } from './options.ts';
import { isOfFew, planWriting } from './plan.ts';
import type { BatchPool } from './pool.ts';
import { Reclaim } from './reclaim.ts';
import { Releasable } from './releasable.ts';
import { takeReads } from './same-reads.ts';
import type { Scheduler } from './scheduler.ts';
import type { Totals } from './statistics.ts';
import { Supervisor } from './supervisor.ts';
import { Sweeps } from './sweeps.ts';
import { Unserved } from './unserved.ts';

/** What the batcher tells the dispatcher. */
export interface BatcherHost {
  /** The journal is durable up to here. */
  durable(): number;
  /** Clients that have something admitted. */
  clientCount(): number;
  /** Answers of a batch, for the gate. */
  hold(batch: GatedBatch): void;
  refuse(pending: Pending, code: OwnProblem): void;
  /** A batch is no longer under way. */
  landed(): void;
  /** A request leaves in a batch. */
  sent(pending: Pending, nowMs: number): void;
  /** Not while the journal stands still, nor before it has caught up. */
  mayExpire(): boolean;
  /** The history thread's batch, which reads the arena, too. */
  historyUnderWay(): object | null;
}

/** Batch ids are positive in a signed word, which is how the arena keeps them; 0 means none. */
const BATCH_ID_MAX = 0x7fff_ffff;
function isRegistryBatch({ kind, lane }: Flight): boolean {
  return kind === BATCH_KIND.write && lane.slot === REGISTRY_SLOT;
}

export class Batcher {
  readonly #host: BatcherHost;
  readonly #options: DispatcherOptions;
  readonly #arena: Arena;
  readonly #pool: BatchPool;
  readonly #clock: Clock;
  readonly #lanes: Lanes;
  readonly #credit: Credit;
  readonly #sweeps: Sweeps;
  readonly #supervisor: Supervisor;
  readonly #releasable: Releasable;
  readonly #reclaim: Reclaim;
  readonly #totals: Totals;
  readonly #flights = new Set<Flight>();
  readonly #unserved: Unserved;
  /** Go before everything else: their event is blocked. */
  readonly #answers: AnswerJobs;
  readonly #readsMax: number;
  #reads = 0;
  #readsTurn = false;
  #lastBatchId = 0;
  /** Until it is started, and again once the journal is lost. */
  #stopped = true;

  constructor(options: DispatcherOptions, scheduler: Scheduler, totals: Totals, host: BatcherHost) {
    this.#host = host;
    this.#totals = totals;
    this.#options = options;
    this.#arena = options.arena;
    this.#pool = options.pool;
    this.#clock = options.clock;
    this.#lanes = new Lanes(options.oneWritingBatchPerEvent ?? true);
    this.#unserved = new Unserved(this.#lanes);
    this.#reclaim = new Reclaim((isHeld) => this.#lanes.holdRegistry(isHeld));
    this.#credit = new Credit(options.arena, options.diskRoom);
    this.#sweeps = new Sweeps({
      clock: this.#clock,
      scheduler,
      lanes: this.#lanes,
      wanted: () => this.dispatch(),
    });
    this.#releasable = new Releasable(options.arena);
    this.#answers = new AnswerJobs({
      arena: options.arena,
      releasable: this.#releasable,
      durable: () => host.durable(),
      hold: (batch) => host.hold(batch),
    });
    // One worker is kept for writing, unless it is the only one.
    this.#readsMax = Math.max(1, options.arena.limits.workers - 1);
    this.#supervisor = new Supervisor({
      arena: options.arena,
      pool: options.pool,
      clock: this.#clock,
      scheduler,
      repair: (dead) => options.repair(dead),
      fatal: (error) => options.fatal(error),
      hung: (flight) => this.#lose(flight),
      recovered: (flight) => this.#recovered(flight),
    });
    this.#pool.listen({
      onIdle: () => this.dispatch(),
      onExit: (threadId) => this.#supervisor.threadGone(threadId),
      onFatal: (error) => options.fatal(error),
    });
  }

  get laneCount(): number {
    return this.#lanes.count;
  }

  get flightCount(): number {
    return this.#flights.size;
  }

  /** Requests that wait. Counted when asked. */
  get queued(): number {
    let queued = 0;
    for (const { writes, reads } of this.#lanes.all()) queued += writes.size + reads.size;
    return queued;
  }

  /** Requests in batches under way, and of lost ones that are not answered yet. */
  get inFlight(): number {
    let inFlight = this.#answers.commandCount;
    for (const { pendings } of this.#flights) inFlight += countSame(pendings);
    return inFlight;
  }

  start(): void {
    this.#stopped = false;
    this.dispatch();
  }

  addWrite(slot: number, pending: Pending): void {
    const lane = this.#lanes.of(slot);
    lane.addWrite(pending);
    this.#lanes.settle(lane);
  }

  addRead(slot: number, pending: Pending): void {
    const lane = this.#lanes.of(slot);
    lane.reads.push(pending);
    this.#lanes.settle(lane);
  }

  /** See Lanes. */
  awaitTurn(slot: number, receivedAtMs: number): () => boolean {
    return this.#lanes.awaitTurn(slot, receivedAtMs);
  }

  /** A deadline that recovery found. */
  seed(slot: number, deadlineMs: number): void {
    this.#sweeps.seed(slot, deadlineMs);
  }

  /** The journal is durable up to `position`, or has given ring space back. */
  onDurable(position: number): void {
    this.#credit.onDurable(position);
    this.#releasable.update();
  }

  /** Whether the disk has no room for one more command. */
  isDiskFull(): boolean {
    return this.#credit.isDiskFull();
  }

  /** Refuses the commands that wait, but for those that give places back. */
  refuseWaiting(): void {
    for (const lane of this.#lanes.all()) {
      for (let left = lane.writes.size; left > 0; left--) {
        const pending = lane.writes.shift()!;
        if (drawsOnReserve(pending.operation)) {
          lane.writes.push(pending);
        } else {
          lane.judge(pending);
          this.#host.refuse(pending, 'journal-full');
        }
      }
      this.#lanes.settle(lane);
    }
  }

  /** Whoever stops does not wait for holds to run out. */
  stopSweeps(): void {
    this.#sweeps.stop();
  }

  /**
   * Ends it: nothing leaves any more, and nothing that comes back is looked at. Requests of batches under way go to
   * `dispatched`, those that wait to `waiting`.
   */
  abandon(dispatched: (pending: Pending) => void, waiting: (pending: Pending) => void): void {
    this.#stopped = true;
    this.stopSweeps();
    this.#supervisor.stop();
    for (const { pendings } of this.#flights) pendings.forEach(dispatched);
    this.#flights.clear();
    this.#unserved.clear();
    for (const { pendings } of this.#answers.abandon()) pendings.forEach(dispatched);
    for (const lane of this.#lanes.all()) {
      for (const queue of [lane.writes, lane.reads]) {
        for (let next = queue.shift(); next !== undefined; next = queue.shift()) waiting(next);
      }
    }
  }

  /**
   * Gives every idle worker a batch. Reads and writes take turns, so that with one worker neither starves.
   * @param mayRefuse whether requests that can never leave are answered now
   */
  dispatch(mayRefuse = true): void {
    if (this.#stopped) return;
    while (this.#pool.idle > 0) {
      if (this.#sendAnswers()) continue;
      const sent = this.#readsTurn
        ? this.#sendReads() || this.#sendWrites(mayRefuse)
        : this.#sendWrites(mayRefuse) || this.#sendReads();
      if (!sent) return;
    }
  }

  /**
   * In the middle of other work: gives workers that are through with a batch their next one. Their replies wait behind
   * that work, and the workers would, too. Answers nobody. Not where few clients share: who has little under way has its
   * next request still unread then, and would wait for one batch more each time.
   */
  handOver(): void {
    if (isOfFew(this.#host.clientCount())) return;
    if (this.#unserved.takeServed()) this.dispatch(false);
  }

  #sendAnswers(): boolean {
    const job = this.#answers.next();
    if (job === undefined) return false;
    this.#send(BATCH_KIND.answer, job.lane, job.pendings, NO_NEED, job);
    return true;
  }

  #sendReads(): boolean {
    if (this.#reads >= this.#readsMax) return false;
    const lane = this.#lanes.nextReading();
    if (lane === undefined) return false;
    this.#lanes.read(lane);
    const pendings = takeReads(lane.reads);
    this.#readsTurn = false;
    this.#reads++;
    lane.reading++;
    this.#send(BATCH_KIND.read, lane, pendings, NO_NEED, null);
    this.#lanes.settle(lane);
    return true;
  }

  #sendWrites(mayRefuse: boolean): boolean {
    const nowMs = this.#clock.now();
    // A hold does not run out while the reply before its confirm waits for the disk, however long that takes.
    const sweepsMs = this.#host.mayExpire() ? nowMs : -Infinity;
    let onlyReserve = false;
    for (let left = this.#lanes.writingCount; left > 0; left--) {
      const lane = this.#lanes.nextWriting();
      if (lane === undefined) break;
      const plan = planWriting(lane, this.#credit, onlyReserve, sweepsMs);
      if (plan.ok) {
        this.#readsTurn = true;
        this.#lanes.wrote(lane);
        this.#sendWriting(lane, plan.kind, plan.pendings, plan.need);
        this.#lanes.settle(lane);
        return true;
      }
      if (plan.reason === 'not-due') {
        this.#sweeps.postpone(lane, nowMs);
      } else if (plan.reason === 'disk') {
        if (!mayRefuse) {
          this.#lanes.settle(lane);
          return false;
        }
        const pending = lane.writes.shift()!;
        lane.judge(pending);
        this.#host.refuse(pending, 'journal-full');
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
    const flight = this.#send(kind, lane, pendings, need, null);
    // One that was served by another thread may land after this one, and say then what was true before it.
    for (const other of this.#flights) {
      if (other.lane !== lane) continue;
      if (flight.overlapped || other.threadId !== flight.threadId) other.overlapped = true;
    }
  }

  #send(
    kind: BatchKind,
    lane: Lane,
    pendings: readonly Pending[],
    need: Need,
    job: AnswerJob | null,
  ): Flight {
    const nowMs = this.#clock.now();
    const batchId = this.nextBatchId();
    const header = {
      batchId,
      eventSlot: lane.slot,
      kind,
      nowMs,
      expireBeforeMs: lane.expireBeforeMs(nowMs),
      reclaim: lane.slot === REGISTRY_SLOT && kind === BATCH_KIND.write && this.#reclaim.depart(),
    };
    this.#totals.batch(kind);
    const requests: EncodedRequest[] = [];
    for (let i = 0; i < pendings.length; i++) {
      requests.push(pendings[i].request);
      if (job !== null) continue;
      this.#host.sent(pendings[i], nowMs);
      for (const other of pendings[i].read?.same ?? []) this.#host.sent(other, nowMs);
    }
    this.#credit.hold(need);
    const firstUnit = ringHead(this.#arena);
    const isWriting = kind === BATCH_KIND.write || kind === BATCH_KIND.expire;
    const { threadId, replies, isServed } = this.#pool.run(
      encodeBatch(header, requests, job === null ? null : job.facts),
    );
    const flight: Flight = {
      batchId,
      kind,
      lane,
      pendings,
      firstUnit,
      need,
      startedMs: nowMs,
      threadId,
      isServed,
      job,
      overlapped: lane.writing > 0,
      served: false,
      lost: false,
    };
    this.#flights.add(flight);
    if (isWriting) {
      this.#releasable.add(flight);
      this.#unserved.add(flight);
    }
    this.#supervisor.watch(flight);
    replies.then(
      (batch) => this.#returned(flight, batch),
      () => this.#lose(flight),
    );
    return flight;
  }

  nextBatchId(): number {
    this.#lastBatchId = this.#lastBatchId === BATCH_ID_MAX ? 1 : this.#lastBatchId + 1;
    return this.#lastBatchId;
  }

  #returned(flight: Flight, batch: ArrayBuffer): void {
    if (flight.lost || this.#stopped) return;
    const landing = readLanding(flight, batch);
    if (landing === null) {
      // A worker that answers like this is not to be trusted with another batch.
      this.#lose(flight);
      return;
    }
    const { header, replies } = landing;
    this.#supervisor.unwatch(flight);
    this.#land(flight);
    // Readers and answers were not under the mutex, and know nothing of deadlines.
    if (flight.kind === BATCH_KIND.write || flight.kind === BATCH_KIND.expire)
      this.#sweeps.report(flight, header);
    if (flight.job !== null) this.#answers.end(flight.job);
    if (flight.kind === BATCH_KIND.write) this.#charge(flight, replies);
    if (header.retired === true && isRegistryBatch(flight)) this.#retired();
    this.#lanes.settle(flight.lane);
    this.dispatch();
    const isWriting = flight.kind === BATCH_KIND.write || flight.kind === BATCH_KIND.expire;
    const changed = isWriting ? { slot: flight.lane.slot, pendings: flight.pendings } : undefined;
    this.#host.hold({
      rank: header.gate,
      pendings: flight.pendings,
      replies,
      ...(changed !== undefined && { changed }),
      ...(flight.kind === BATCH_KIND.read && { readSlot: flight.lane.slot }),
    });
    this.#host.landed();
  }

  /** The batch is no longer under way: gives back its place and its credit. */
  #land(flight: Flight): void {
    const lane = flight.lane;
    this.#flights.delete(flight);
    this.#reclaim.landed(flight);
    if (flight.kind === BATCH_KIND.read) {
      this.#reads--;
      lane.reading--;
    } else if (flight.kind !== BATCH_KIND.answer) {
      this.#unserved.landed(flight);
      for (const pending of flight.pendings) lane.judge(pending);
      this.#credit.giveBack(flight.need);
      this.#credit.onDurable(this.#host.durable());
      this.#releasable.delete(flight);
    }
  }

  /** Who took eight places has used eight turns. */
  #charge({ lane, pendings }: Flight, replies: readonly ReplyMessage[]): void {
    for (let i = 0; i < replies.length; i++) {
      const { cost } = replies[i];
      if (cost > 1) lane.writes.charge(pendings[i].client, cost - 1);
    }
  }

  /** Memory was given back: no registry batch leaves until everybody who could look at it has come back. */
  #retired(): void {
    const history = this.#host.historyUnderWay();
    this.#reclaim.retired(history === null ? this.#flights : [...this.#flights, history]);
  }

  /** The history thread has nothing of this batch any more. */
  historyLanded(batch: object): void {
    this.#reclaim.landed(batch);
    this.dispatch();
  }

  /** Its event writes nothing until repair is through; reads may go on, and wait for the mutex if they need it. */
  #lose(flight: Flight): void {
    if (flight.lost || this.#stopped) return;
    flight.lost = true;
    this.#totals.workerLosses++;
    flight.lane.blocked++;
    this.#supervisor.lose(flight);
  }

  /** The thread is dead and what it held is given back. */
  #recovered(flight: Flight): void {
    if (this.#stopped) return;
    const lane = flight.lane;
    const job = flight.job ?? this.#publishedOf(flight);
    if (job !== null) this.#answers.keep(job);
    this.#land(flight);
    // What it had retired, nobody can say.
    if (isRegistryBatch(flight)) this.#retired();
    lane.blocked--;
    if (flight.job !== null) this.#answers.retry(flight.job);
    else if (job !== null) this.#answers.add(job);
    this.#sweeps.lost(flight);
    this.#releasable.update();
    this.#lanes.settle(lane);
    this.dispatch();
    // What it may have published is durable once the ring is, up to here.
    const published = unitPosition(ringHead(this.#arena), this.#host.durable());
    const changed = { slot: lane.slot, pendings: flight.pendings };
    this.#host.hold({ rank: published, pendings: [], replies: [], changed });
    for (const pending of flight.pendings) {
      if (job === null || !job.pendings.includes(pending)) this.#host.refuse(pending, 'worker-lost');
    }
    this.#host.landed();
  }

  #publishedOf(flight: Flight): AnswerJob | null {
    if (flight.kind !== BATCH_KIND.write) return null;
    return answersFor(flight, this.#options.publishedCommands(flight.batchId, flight.firstUnit));
  }
}
