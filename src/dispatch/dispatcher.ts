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
 * - No more than limits.queueMax, and QUEUE_BYTES_MAX of bodies, are admitted and not answered; one more is refused with nothing changed.
 * - One writing batch per event is under way (see oneWritingBatchPerEvent); reads run beside it.
 * - A worker's reply leaves when the journal is durable up to everything the reply looked at.
 */
import { assert } from '../core/assert.ts';
import type { BatchRequest } from '../core/batch.ts';
import type { Clock } from '../core/clock.ts';
import { QUEUE_BYTES_MAX } from '../core/limits.ts';
import { isMutation, type Operation } from '../core/operations.ts';
import type { Arena } from '../memory/arena.ts';
import { eventId, REGISTRY_SLOT } from '../memory/registry.ts';
import { headPosition, loadDurable } from '../memory/ring.ts';
import { LOST, refusal, type OwnProblem } from './answers.ts';
import { Batcher } from './batcher.ts';
import { drawsOnReserve, Pending } from './flight.ts';
import { Gate, type GatedBatch } from './gate.ts';
import { HistoryLane } from './history-lane.ts';
import type { DispatcherOptions } from './options.ts';
import { slotOf } from './route.ts';
import { SYSTEM_SCHEDULER, type Scheduler } from './scheduler.ts';
import type { RequestSink, ServiceState, SinkReply } from './sink.ts';

export class Dispatcher implements RequestSink {
  readonly #arena: Arena;
  readonly #clock: Clock;
  readonly #scheduler: Scheduler;
  readonly #random: () => number;
  readonly #gate: Gate;
  readonly #batcher: Batcher;
  readonly #history: HistoryLane;
  readonly #drained: (() => void)[] = [];
  /** Own problems wait for the end of the turn: nothing is answered within submit(). */
  #refused: { done: (reply: SinkReply) => void; reply: SinkReply }[] = [];
  #phase: 'starting' | 'ready' | 'draining' | 'lost' = 'starting';
  #isFull = false;
  #admitted = 0;
  /** Their bodies. */
  #admittedBytes = 0;
  #flushing = false;
  #changed: ((eventId: string) => void) | null = null;

  constructor(options: DispatcherOptions) {
    this.#arena = options.arena;
    this.#clock = options.clock;
    this.#scheduler = options.scheduler ?? SYSTEM_SCHEDULER;
    this.#random = options.random ?? Math.random;
    this.#gate = new Gate(loadDurable(options.arena), (batch) => this.#deliver(batch));
    this.#batcher = new Batcher(options, this.#scheduler, {
      durable: () => this.#gate.durable,
      hold: (batch) => this.#gate.hold(batch),
      refuse: (pending, code) => this.#refuse(pending, code),
      landed: () => this.#checkDrained(),
    });
    this.#history = new HistoryLane({
      reader: options.history,
      clock: this.#clock,
      nextBatchId: () => this.#batcher.nextBatchId(),
      answer: (rank, pendings, replies) => this.#gate.hold({ rank, pendings, replies }),
      failed: (pending) => this.#refuse(pending, 'worker-lost'),
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
    return this.#batcher.laneCount;
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
      if (this.#phase !== 'lost') this.#gate.hold({ rank, pendings: [], replies: [], then: callback });
    });
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
    return new Promise((resolve) => {
      this.#drained.push(resolve);
      this.#checkDrained();
    });
  }

  /** The journal is lost: nothing that is not durable by now may be told, and nothing more may be changed. */
  journalLost(): void {
    if (this.#phase === 'lost') return;
    this.#phase = 'lost';
    const unknown = (pending: Pending): void => this.#abandon(pending);
    this.#batcher.abandon(unknown, (pending) => this.#refuse(pending, 'draining'));
    for (const batch of this.#gate.abandon()) batch.pendings.forEach(unknown);
    this.#history.abandon().forEach(unknown);
    this.#checkDrained();
  }

  #refusalOf(operation: Operation): OwnProblem | null {
    if (this.#phase === 'starting') return 'starting';
    if (this.#phase !== 'ready') return 'draining';
    if (this.#isFull) this.#checkRoom();
    if (this.#isFull && isMutation(operation) && !drawsOnReserve(operation)) return 'journal-full';
    const isOver = this.#admitted >= this.#arena.limits.queueMax || this.#admittedBytes >= QUEUE_BYTES_MAX;
    return isOver ? 'overloaded' : null;
  }

  #admit(pending: Pending): void {
    const { operation, request } = pending;
    this.#admitted++;
    this.#admittedBytes += request.body?.byteLength ?? 0;
    const found = slotOf(this.#arena, operation, request.subject);
    const slot = operation.lane === 'registry' ? REGISTRY_SLOT : Math.max(found, REGISTRY_SLOT);
    if (operation.lane === 'history') this.#history.add(pending, slot);
    // What is about nothing that exists changes nothing: some reader says so.
    else if (operation.lane === 'read' || found < 0) this.#batcher.addRead(slot, pending);
    else this.#batcher.addWrite(slot, pending);
  }

  #flush(): void {
    this.#flushing = false;
    const refused = this.#refused;
    this.#refused = [];
    if (this.#phase !== 'lost') {
      this.#history.pump();
      this.onDiskRoom();
    }
    for (const { done, reply } of refused) done(reply);
  }

  /** Looks at the disk again. Commands that wait are refused as soon as it is full. */
  #checkRoom(): void {
    const wasFull = this.#isFull;
    this.#isFull = this.#batcher.isDiskFull();
    if (this.#isFull && !wasFull) this.#batcher.refuseWaiting();
  }

  #answer(pending: Pending, reply: SinkReply): void {
    const { done } = pending;
    assert(done !== null, 'a request is answered once');
    pending.done = null;
    this.#admitted--;
    this.#admittedBytes -= pending.request.body?.byteLength ?? 0;
    done(reply);
    if (this.#admitted === 0) this.#checkDrained();
  }

  #refuse(pending: Pending, code: OwnProblem): void {
    this.#answer(pending, refusal(code, this.#random));
  }

  #deliver(batch: GatedBatch): void {
    for (let i = 0; i < batch.pendings.length; i++) this.#answer(batch.pendings[i], batch.replies[i]);
    if (this.#changed !== null && batch.changed !== undefined) this.#tellChanged(batch, batch.changed);
    batch.then?.();
  }

  /** A batch of the registry's lane is about the events that its requests name. */
  #tellChanged(batch: GatedBatch, slot: number): void {
    const tell = this.#changed!;
    if (slot !== REGISTRY_SLOT) tell(eventId(this.#arena, slot));
    else for (const { request } of batch.pendings) if (request.subject !== '') tell(request.subject);
  }

  /** Dispatched, and the journal is lost: a change may be on disk or not; a read has changed nothing. */
  #abandon(pending: Pending): void {
    if (pending.done === null) return;
    if (isMutation(pending.operation)) this.#answer(pending, LOST);
    else this.#refuse(pending, 'draining');
  }

  #checkDrained(): void {
    if (this.#admitted > 0 || this.#batcher.flightCount > 0 || this.#phase === 'ready') return;
    for (const resolve of this.#drained.splice(0)) resolve();
  }
}
