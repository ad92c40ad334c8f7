/**
 * The dispatcher: between the sockets and the workers. Main thread; never blocks, and reads no body.
 *
 *   submit → lane of its event → (once a turn, or as soon as a worker is free) batch → worker
 *          → replies → gate → done()
 *
 * This file admits and answers; batcher.ts sends batches and takes them back.
 *
 * Invariants:
 * - A request that was submitted is answered exactly once, and never within submit().
 * - No more than limits.queueMax, and QUEUE_BYTES_MAX of bodies, are admitted and not answered, and no client has more of
 *   that than its part (account.ts). One more is refused with nothing changed, and told when to come back (drain.ts).
 * - One writing batch per event is under way (see oneWritingBatchPerEvent); reads run beside it.
 * - While the journal stands still no change is taken (stall-watch.ts); what was admitted before waits for it.
 * - A worker's reply leaves when the journal is durable up to everything the reply looked at.
 */
import { assert } from '../core/assert.ts';
import type { BatchRequest } from '../core/batch.ts';
import type { Clock } from '../core/clock.ts';
import { STALL_AFTER_MS } from '../core/limits.ts';
import { isMutation, type Operation } from '../core/operations.ts';
import { RequestStore } from '../core/request-codec.ts';
import { SharedReply } from '../core/shared-reply.ts';
import type { Arena } from '../memory/arena.ts';
import { eventId, REGISTRY_SLOT } from '../memory/registry.ts';
import { headPosition, loadDurable } from '../memory/ring.ts';
import { Accounts, type Account } from './account.ts';
import { LOST, refusal, type OwnProblem } from './answers.ts';
import { Batcher } from './batcher.ts';
import { Drain } from './drain.ts';
import { countSame, drawsOnReserve, Pending } from './flight.ts';
import { Gate, type GatedBatch } from './gate.ts';
import { HistoryLane } from './history-lane.ts';
import type { DispatcherOptions, DispatchObserver } from './options.ts';
import { ReadyReads } from './ready-reads.ts';
import { slotOf } from './route.ts';
import { readName } from './same-reads.ts';
import { SYSTEM_SCHEDULER, type Scheduler } from './scheduler.ts';
import type { RequestSink, ServiceState, SinkReply } from './sink.ts';
import { StallWatch } from './stall-watch.ts';
import { Totals, type DispatchStatistics } from './statistics.ts';
import { TokenBuckets } from './token-buckets.ts';

const STALLED_RETRY_MS = 1000;

export class Dispatcher implements RequestSink {
  readonly #arena: Arena;
  readonly #clock: Clock;
  readonly #scheduler: Scheduler;
  readonly #random: () => number;
  readonly #gate: Gate;
  readonly #batcher: Batcher;
  readonly #history: HistoryLane;
  readonly #drained: (() => void)[] = [];
  /** Problems of our own and replies that are there wait for the end of the turn: nothing is answered within submit(). */
  #early: { done: (reply: SinkReply) => void; reply: SinkReply }[] = [];
  #phase: 'starting' | 'ready' | 'draining' | 'lost' = 'starting';
  #isFull = false;
  readonly #accounts: Accounts;
  /** Requests that wait. */
  readonly #store = new RequestStore();
  readonly #drain: Drain;
  readonly #buckets: TokenBuckets | null;
  readonly #totals = new Totals();
  readonly #readyReads: ReadyReads;
  readonly #observe: DispatchObserver | null;
  readonly #stall: StallWatch;
  /** No hold expires before the journal is durable up to here: what it had to catch up with when it moved again. */
  #expireFrom = 0;
  #flushing = false;
  #changed: ((eventId: string) => void) | null = null;

  constructor(options: DispatcherOptions) {
    this.#arena = options.arena;
    this.#clock = options.clock;
    this.#scheduler = options.scheduler ?? SYSTEM_SCHEDULER;
    this.#random = options.random ?? Math.random;
    this.#readyReads = new ReadyReads(options.arena);
    this.#accounts = new Accounts(options.arena.limits.queueMax);
    this.#drain = new Drain(this.#clock.now());
    this.#drain.pause(this.#clock.now());
    this.#buckets = options.rateLimit === undefined ? null : new TokenBuckets(options.rateLimit);
    this.#observe = options.observe ?? null;
    this.#gate = new Gate(loadDurable(options.arena), (batch) => this.#deliver(batch));
    this.#stall = new StallWatch({
      scheduler: this.#scheduler,
      stallAfterMs: options.stallAfterMs ?? STALL_AFTER_MS,
      isWaiting: () => this.#gate.isWaiting && !options.awaitsRoom(),
      changed: (isStalled) => this.#stallChanged(isStalled),
    });
    const sent = (pending: Pending, nowMs: number): void => this.#sent(pending, nowMs);
    this.#batcher = new Batcher(options, this.#scheduler, this.#totals, {
      durable: () => this.#gate.durable,
      clientCount: () => this.#accounts.count,
      hold: (batch) => this.#gate.hold(batch),
      refuse: (pending, code) => this.#refuse(pending, code),
      landed: () => this.#checkDrained(),
      sent,
      mayExpire: () => !this.#stall.isStalled && this.#gate.durable >= this.#expireFrom,
      historyUnderWay: () => this.#history.underWay,
    });
    this.#history = new HistoryLane({
      reader: options.history,
      clock: this.#clock,
      nextBatchId: () => {
        this.#totals.history++;
        return this.#batcher.nextBatchId();
      },
      answer: (rank, pendings, replies) => this.#gate.hold({ rank, pendings, replies }),
      failed: (pending) => this.#refuse(pending, 'worker-lost'),
      sent,
      landed: (batch) => this.#batcher.historyLanded(batch),
    });
  }

  get state(): ServiceState {
    if (this.#phase === 'lost') return 'draining';
    if (this.#phase !== 'ready') return this.#phase;
    if (this.#stall.isStalled) return 'journal-stalled';
    return this.#isFull ? 'journal-full' : 'ready';
  }

  /** Admitted and not answered yet. */
  get admitted(): number {
    return this.#accounts.admitted;
  }

  /** Lanes that exist: none once nothing is waiting or under way. */
  get laneCount(): number {
    return this.#batcher.laneCount;
  }

  /** What is going on, and what has been counted since the start. Walks through lanes: not for every request. */
  statistics(): DispatchStatistics {
    return {
      queued: this.#batcher.queued + this.#history.queued,
      inFlight: this.#batcher.inFlight + (this.#history.underWay?.length ?? 0),
      admitted: this.#accounts.admitted,
      admittedBytes: this.#accounts.admittedBytes,
      clients: this.#accounts.count,
      isStalled: this.#stall.isStalled,
      admittedTotal: this.#totals.admitted,
      readyTotal: this.#totals.ready,
      sharedTotal: this.#totals.shared,
      refusedTotal: { ...this.#totals.refused },
      batchesTotal: this.#totals.batches,
      workerLossesTotal: this.#totals.workerLosses,
    };
  }

  now(): number {
    return this.#clock.now();
  }

  eventIdOf(operation: Operation, subject: string): string {
    const slot = slotOf(this.#arena, operation, subject);
    return slot <= REGISTRY_SLOT ? '' : eventId(this.#arena, slot);
  }

  /** Recovery is through: requests are taken from here. */
  ready(): void {
    assert(this.#phase === 'starting', 'a dispatcher becomes ready once');
    this.#phase = 'ready';
    // What recovery has read is durable.
    this.#gate.onDurable(loadDurable(this.#arena));
    this.#checkRoom();
    this.#batcher.start();
    this.#stall.start();
  }

  /** A deadline that recovery found. Not swept before `notBeforeMs`: holds that ran out meanwhile get grace. */
  seed(slot: number, deadlineMs: number, notBeforeMs = 0): void {
    if (deadlineMs !== Infinity) this.#batcher.seed(slot, Math.max(deadlineMs, notBeforeMs));
  }

  onChanged(listener: ((eventId: string) => void) | null): void {
    this.#changed = listener;
  }

  whenDurable(callback: () => void): void {
    const rank = headPosition(this.#arena);
    this.#scheduler.setImmediate(() => {
      if (this.#phase !== 'lost') this.#gate.hold({ rank, pendings: [], replies: [], delivered: callback });
    });
  }

  awaitTurn(operation: Operation, subject: string, receivedAtMs: number): (() => void) | null {
    if (operation.lane !== 'write' || this.#phase !== 'ready') return null;
    const slot = slotOf(this.#arena, operation, subject);
    if (slot <= REGISTRY_SLOT) return null;
    const end = this.#batcher.awaitTurn(slot, receivedAtMs);
    return () => {
      if (end()) this.#flushSoon();
    };
  }

  submit(operation: Operation, request: BatchRequest, done: (reply: SinkReply) => void): void {
    const account = this.#accounts.find(request.client);
    const reply = this.#refusalOf(operation, request, account);
    if (reply !== null) this.#early.push({ done, reply });
    else this.#admit(operation, request, account, done);
    // Not before it is in its lane: a sweep that leaves now must know of it.
    this.#batcher.handOver();
    this.#flushSoon();
  }

  /** The journal thread says: everything before `position` is on disk, or ring space was given back. */
  onDurable(position: number): void {
    if (this.#phase === 'lost') return;
    // First: answers that leave bring requests that wait behind them.
    this.#stall.moved(position);
    this.#gate.onDurable(position);
    this.#batcher.onDurable(position);
    this.onDiskRoom();
  }

  /** The journal has a new spare segment, or lost one. */
  onDiskRoom(): void {
    if (this.#phase === 'lost') return;
    this.#checkRoom();
    this.#batcher.dispatch();
  }

  /** Refuses new requests; resolves once everything admitted is answered and no batch is under way. */
  drain(): Promise<void> {
    if (this.#phase !== 'lost') this.#phase = 'draining';
    this.#batcher.stopSweeps();
    this.#stall.stop();
    return new Promise((resolve) => {
      this.#drained.push(resolve);
      this.#checkDrained();
    });
  }

  /** The journal is lost: nothing that is not durable by now may be told, and nothing more may be changed. */
  journalLost(): void {
    if (this.#phase === 'lost') return;
    this.#phase = 'lost';
    this.#stall.stop();
    const unknown = (pending: Pending): void => this.#abandon(pending);
    this.#batcher.abandon(unknown, (pending) => this.#refuse(pending, 'draining'));
    for (const batch of this.#gate.abandon()) batch.pendings.forEach(unknown);
    this.#history.abandon().forEach(unknown);
    this.#checkDrained();
  }

  #refusalOf(
    operation: Operation,
    { client, role }: BatchRequest,
    account: Account | null,
  ): SinkReply | null {
    if (this.#phase === 'starting') return this.#refusal('starting');
    if (this.#phase !== 'ready') return this.#refusal('draining');
    if (this.#buckets !== null && !operation.internal) {
      const waitMs = this.#buckets.waitMs(role, client, this.#clock.now());
      if (waitMs > 0) return this.#refusal('rate-limited', waitMs);
    }
    if (this.#stall.isStalled && isMutation(operation)) return this.#stalled();
    if (this.#isFull) this.#checkRoom();
    if (this.#isFull && isMutation(operation) && !drawsOnReserve(operation))
      return this.#refusal('journal-full');
    if (this.#accounts.isFull()) return this.#overloaded(this.#drain, this.#accounts.admitted);
    if (account === null || !this.#accounts.isSpent(account)) return null;
    // One that has just come has no pace of its own yet: an equal part of everybody's.
    const guessPerMs = this.#drain.perMs(this.#clock.now()) / this.#accounts.count;
    return this.#overloaded(account.drain, account.admitted, guessPerMs);
  }

  /** `waiting` are before it: everybody's when the queue is full, its client's when that has had its part. */
  #overloaded(drain: Drain, waiting: number, guessPerMs = 0): SinkReply {
    const waitMs = drain.adviseMs(this.#clock.now(), waiting, this.#random(), guessPerMs);
    return this.#refusal('overloaded', waitMs);
  }

  /** Worth asking again about once a second: a disk that has not answered for long may not for a while. */
  #stalled(): SinkReply {
    return this.#refusal('journal-stalled', STALLED_RETRY_MS + Math.floor(this.#random() * STALLED_RETRY_MS));
  }

  #refusal(code: OwnProblem, waitMs: number | null = null): SinkReply {
    this.#totals.refused[code]++;
    return refusal(code, this.#random, waitMs);
  }

  #admit(
    operation: Operation,
    request: BatchRequest,
    known: Account | null,
    done: (reply: SinkReply) => void,
  ): void {
    if (this.#buckets !== null && !operation.internal)
      this.#buckets.take(request.role, request.client, this.#clock.now());
    const found = slotOf(this.#arena, operation, request.subject);
    const name = readName(operation, request);
    const ready = name === '' ? null : this.#readyReads.find(found, name, this.#gate.durable);
    if (ready !== null) {
      this.#totals.ready++;
      this.#early.push({ done, reply: ready.for(request.requestId) });
      return;
    }
    const nowMs = request.receivedAtMs;
    if (this.#accounts.admitted === 0) this.#drain.resume(nowMs);
    this.#totals.admitted++;
    const account = known ?? this.#accounts.open(request.client, nowMs);
    const read = name === '' ? null : { name, requestId: request.requestId, same: null };
    const pending = new Pending(operation, request, this.#store.add(request), account, done, read);
    this.#accounts.add(account, pending.bodyBytes);
    const slot = operation.lane === 'registry' ? REGISTRY_SLOT : Math.max(found, REGISTRY_SLOT);
    if (operation.lane === 'history') this.#history.add(pending, slot);
    // What is about nothing that exists changes nothing: some reader says so.
    else if (operation.lane === 'read' || found < 0) this.#batcher.addRead(slot, pending);
    else this.#batcher.addWrite(slot, pending);
  }

  #stallChanged(isStalled: boolean): void {
    // Answers that wait for later groups have requests behind them on their connections, which came in time.
    if (!isStalled) this.#expireFrom = headPosition(this.#arena);
    this.#observe?.stalled?.(isStalled);
  }

  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    this.#scheduler.setImmediate(() => this.#flush());
  }

  #flush(): void {
    this.#flushing = false;
    const early = this.#early;
    this.#early = [];
    if (this.#phase !== 'lost') {
      this.#history.pump();
      this.onDiskRoom();
    }
    for (const { done, reply } of early) done(reply);
  }

  /** Looks at the disk again. Commands that wait are refused as soon as it is full. */
  #checkRoom(): void {
    const wasFull = this.#isFull;
    this.#isFull = this.#batcher.isDiskFull();
    if (this.#isFull && !wasFull) this.#batcher.refuseWaiting();
  }

  #sent(pending: Pending, nowMs: number): void {
    this.#observe?.admissionWait(nowMs - pending.rank);
  }

  #answer(pending: Pending, reply: SinkReply, nowMs: number): void {
    const { done, account } = pending;
    assert(done !== null, 'a request is answered once');
    pending.done = null;
    account.drain.answered(1, nowMs);
    this.#accounts.remove(account, pending.bodyBytes);
    if (this.#accounts.admitted === 0) this.#drain.pause(nowMs);
    done(reply);
    if (this.#accounts.admitted === 0) this.#checkDrained();
  }

  #refuse(pending: Pending, code: OwnProblem): void {
    const nowMs = this.#clock.now();
    const same = pending.read?.same ?? null;
    this.#drain.answered(1, nowMs);
    this.#answer(pending, this.#refusal(code), nowMs);
    // Each with a time of its own to come back.
    if (same !== null) for (const other of same) this.#refuse(other, code);
  }

  #deliver(batch: GatedBatch): void {
    const nowMs = this.#clock.now();
    const { rank, pendings, replies, readSlot = REGISTRY_SLOT } = batch;
    this.#drain.answered(countSame(pendings), nowMs);
    if (readSlot !== REGISTRY_SLOT)
      this.#readyReads.keep(readSlot, rank, this.#gate.durable, pendings, replies);
    for (let i = 0; i < pendings.length; i++) {
      this.#batcher.handOver();
      this.#answer(pendings[i], replies[i], nowMs);
      const same = pendings[i].read?.same ?? null;
      if (same !== null) this.#answerSame(same, replies[i], nowMs);
    }
    if (this.#changed !== null && batch.changed !== undefined) this.#tellChanged(batch.changed);
    batch.delivered?.();
  }

  #answerSame(same: readonly Pending[], reply: SinkReply, nowMs: number): void {
    this.#totals.shared += same.length;
    const shared = reply.kind === 'problem' ? null : new SharedReply(reply);
    for (const other of same) {
      const requestId = other.read?.requestId ?? '';
      this.#answer(other, shared === null ? reply : shared.for(requestId), nowMs);
    }
  }

  /** A batch of the registry's lane is about the events that its requests name. */
  #tellChanged({ slot, pendings }: NonNullable<GatedBatch['changed']>): void {
    const tell = this.#changed!;
    if (slot !== REGISTRY_SLOT) tell(eventId(this.#arena, slot));
    else for (const { subject } of pendings) if (subject !== '') tell(subject);
  }

  /** Dispatched, and the journal is lost: a change may be on disk or not; a read has changed nothing. */
  #abandon(pending: Pending): void {
    if (pending.done === null) return;
    if (isMutation(pending.operation)) this.#answer(pending, LOST, this.#clock.now());
    else this.#refuse(pending, 'draining');
  }

  #checkDrained(): void {
    if (this.#accounts.admitted > 0 || this.#batcher.flightCount > 0 || this.#phase === 'ready') return;
    for (const resolve of this.#drained.splice(0)) resolve();
  }
}
