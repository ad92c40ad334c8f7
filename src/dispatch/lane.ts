/**
 * Lanes: what waits for one event. Main thread.
 *
 *   event slot ─ writes  ──┐   rotation of writing lanes ──┐
 *              ├ sweep   ──┘                               ├─ one batch to an idle worker
 *              ├ reads   ──── rotation of reading lanes  ──┘
 *              └ arrivals: on their connections still; deadlines wait for them, too
 *
 * A lane exists while something waits or is under way in it, so many events leave nothing behind. It stands in a
 * rotation once at most, and a lane that may not write now (a writing batch under way, a repair) stands in none.
 */
import { assert } from '../core/assert.ts';
import { TURN_WAIT_MS_MAX } from '../core/limits.ts';
import { REGISTRY_SLOT } from '../memory/registry.ts';
import type { Pending } from './flight.ts';
import { MinHeap } from './min-heap.ts';
import { LaneQueue, Rotation } from './rotation.ts';

/** A request that was fully received, and waits for its turn on its connection. */
interface Arrival {
  readonly receivedAtMs: number;
}

export class Lane {
  readonly slot: number;
  readonly writes: LaneQueue = new LaneQueue(this);
  readonly reads: LaneQueue = new LaneQueue(this);
  /** Batches under way. */
  writing = 0;
  reading = 0;
  /** Writing batches whose worker is through with them, and whose replies are on their way. */
  served = 0;
  /** Lost batches whose event is not repaired, or whose commands are not answered yet. */
  blocked = 0;
  /** Holds are due that were before this time, ms; Infinity when no sweep is wanted. */
  sweepAtMs = Infinity;
  /** The sweep waits for an arrival: there is no use in looking at it before that has come, or its time is over. */
  sweepWaits = false;
  /** The last writing batch was a sweep: commands that wait come next. */
  lastWasSweep = false;
  readonly #oldest = new MinHeap<Pending>();
  #unjudged = 0;
  /** In the order in which they were received. Most lanes never have one. */
  #arrivals: Set<Arrival> | null = null;

  constructor(slot: number) {
    this.slot = slot;
  }

  get hasArrivals(): boolean {
    return this.#arrivals !== null && this.#arrivals.size > 0;
  }

  /** To be called when a request was received, and not later: arrivals are in order. */
  addArrival(arrival: Arrival): void {
    this.#arrivals ??= new Set();
    this.#arrivals.add(arrival);
  }

  /** It was admitted, or will not be. */
  removeArrival(arrival: Arrival): void {
    const isThere = this.#arrivals?.delete(arrival) === true;
    assert(isThere, 'a request waits for its turn once');
  }

  addWrite(pending: Pending): void {
    this.writes.push(pending);
    this.#oldest.push(pending);
    this.#unjudged++;
  }

  /** Must be called once for each request that addWrite() took. */
  judge(pending: Pending): void {
    assert(!pending.judged, 'a request is judged once');
    pending.judged = true;
    this.#unjudged--;
    if (this.#unjudged === 0) this.#oldest.clear();
  }

  /**
   * Only deadlines before this may expire: when the oldest command that is not judged yet was received, else
   * now. A command that came in time does not lose to our own queue. Source: DESIGN.md §4, Deadlines.
   */
  expireBeforeMs(nowMs: number): number {
    while (this.#oldest.peek()?.judged === true) this.#oldest.pop();
    return Math.min(nowMs, this.#oldest.peek()?.rank ?? nowMs, this.#firstArrivalMs(nowMs));
  }

  #firstArrivalMs(nowMs: number): number {
    if (this.#arrivals === null) return nowMs;
    for (const { receivedAtMs } of this.#arrivals) return Math.max(receivedAtMs, nowMs - TURN_WAIT_MS_MAX);
    return nowMs;
  }

  /** Whether an arrival alone would keep a sweep that is due. */
  isKeptByArrival(nowMs: number): boolean {
    return this.#firstArrivalMs(nowMs) < this.sweepAtMs;
  }

  get wantsSweep(): boolean {
    return this.sweepAtMs !== Infinity && !this.sweepWaits;
  }

  get isWanted(): boolean {
    return this.writes.size > 0 || this.wantsSweep;
  }

  get isEmpty(): boolean {
    const underWay = this.writing + this.served + this.reading + this.blocked;
    return underWay === 0 && this.reads.size === 0 && !this.isWanted && !this.hasArrivals;
  }
}

/** All lanes, and the two rotations. */
export class Lanes {
  readonly #lanes = new Map<number, Lane>();
  readonly #writing: Rotation;
  readonly #reading: Rotation;
  readonly #oneWritingBatchPerEvent: boolean;
  /** No registry batch may leave, see reclaim.ts. */
  #isRegistryHeld = false;

  constructor(oneWritingBatchPerEvent: boolean) {
    this.#oneWritingBatchPerEvent = oneWritingBatchPerEvent;
    const dropped = (lane: Lane): void => this.settle(lane);
    this.#writing = new Rotation('write', {
      mayGo: (lane) => this.#mayWrite(lane),
      isForNobody: (lane) => lane.wantsSweep,
      dropped,
    });
    this.#reading = new Rotation('read', {
      mayGo: (lane) => lane.reads.size > 0,
      isForNobody: () => false,
      dropped,
    });
  }

  get count(): number {
    return this.#lanes.size;
  }

  get writingCount(): number {
    return this.#writing.size;
  }

  all(): IterableIterator<Lane> {
    return this.#lanes.values();
  }

  /** The lane of an event slot; made when there is none. Whoever makes one puts something into it. */
  of(slot: number): Lane {
    let lane = this.#lanes.get(slot);
    if (lane === undefined) {
      lane = new Lane(slot);
      this.#lanes.set(slot, lane);
    }
    return lane;
  }

  /**
   * A request about the event waits for its turn on its connection.
   * @returns to be called once, when it was admitted or will not be: whether the event wants a sweep
   */
  awaitTurn(slot: number, receivedAtMs: number): () => boolean {
    const arrival = { receivedAtMs };
    const lane = this.of(slot);
    lane.addArrival(arrival);
    return () => {
      lane.removeArrival(arrival);
      lane.sweepWaits = false;
      this.settle(lane);
      return lane.wantsSweep;
    };
  }

  holdRegistry(isHeld: boolean): void {
    this.#isRegistryHeld = isHeld;
    const lane = this.#lanes.get(REGISTRY_SLOT);
    if (lane !== undefined) this.settle(lane);
  }

  /** To be called whenever something of a lane changed: gives it its place in the rotations, or takes it away. */
  settle(lane: Lane): void {
    const { writes, reads } = lane;
    if (this.#mayWrite(lane)) this.#writing.add(writes);
    else this.#writing.unpark(writes);
    if (reads.size > 0) this.#reading.add(reads);
    else this.#reading.unpark(reads);
    // One that still stands in a round is taken away when its turn comes.
    if (lane.isEmpty && !writes.isInRound && !reads.isInRound) this.#lanes.delete(lane.slot);
  }

  /** The next lane that may write, out of its rotation: settle() puts it back behind the others. */
  nextWriting(): Lane | undefined {
    return this.#writing.next()?.lane;
  }

  nextReading(): Lane | undefined {
    return this.#reading.next()?.lane;
  }

  /** The lane that nextWriting() named got its batch. */
  wrote(lane: Lane): void {
    this.#writing.went(lane.writes);
  }

  /** Likewise of nextReading(). */
  read(lane: Lane): void {
    this.#reading.went(lane.reads);
  }

  #mayWrite(lane: Lane): boolean {
    if (lane.blocked > 0 || !lane.isWanted) return false;
    // Slot 0 is the registry: one batch at a time, whatever the switch says.
    if (lane.slot === REGISTRY_SLOT) return lane.writing === 0 && !this.#isRegistryHeld;
    return lane.writing === 0 || !this.#oneWritingBatchPerEvent;
  }
}
