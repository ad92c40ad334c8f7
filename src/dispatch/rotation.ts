/**
 * Whose turn it is among lanes: rounds in which each lane gets one batch at most, and each client stands for one lane
 * at most. Main thread.
 *
 *   round:  now ─▶ a client of the lane has not stood for one in this round ─▶ a batch; again in the next round
 *                ─▶ none, and it is one client's lane ─▶ parked with it: one comes back with each round
 *                ─▶ none, of several                  ─▶ passed: among the first of the next round
 *
 * So an event waits for one batch of each other event at most, and a client that floods a thousand events gets no more
 * of the workers than one that wants a single event. A lane that is new, or is back from a batch, joins the next round; a
 * round ends as soon as nobody is left in it, so no worker idles. Parking makes a step cost the same however many
 * lanes a client has.
 */
import type { Account } from './account.ts';
import { FairQueue } from './fair-queue.ts';
import { FifoQueue } from './fifo-queue.ts';
import type { Pending } from './flight.ts';
import type { Lane } from './lane.ts';

/** Clients of a lane that are asked whether they stand for it. */
const ASKED_MAX = 8;

/** One side of a lane, and its place in that side's rotation: none, in a round, or parked. */
export class LaneQueue extends FairQueue<Pending> {
  readonly lane: Lane;
  isInRound = false;
  parkedWith: Account | null = null;
  /** Who stands for it, once next() has named it; null when it needs nobody. */
  standing: Account | null = null;

  constructor(lane: Lane) {
    super();
    this.lane = lane;
  }
}

export interface RotationRules {
  /** Whether the lane wants a batch, and may have one. */
  mayGo(lane: Lane): boolean;
  /** Whether it wants one that is for nobody: a sweep. */
  isForNobody(lane: Lane): boolean;
  /** The lane had its turn and could not use it. */
  dropped(lane: Lane): void;
}

export class Rotation {
  /** Which of an account's rounds is this rotation's. */
  readonly #side: 0 | 1;
  readonly #rules: RotationRules;
  #passedBefore = new FifoQueue<LaneQueue>();
  #now = new FifoQueue<LaneQueue>();
  #passed = new FifoQueue<LaneQueue>();
  #later = new FifoQueue<LaneQueue>();
  /** A Set keeps the order in which they were parked. */
  readonly #parked = new Map<Account, Set<LaneQueue>>();
  #round = 0;

  constructor(side: 'write' | 'read', rules: RotationRules) {
    this.#side = side === 'write' ? 0 : 1;
    this.#rules = rules;
  }

  /** Lanes that may be named before one is named twice. */
  get size(): number {
    const standing = this.#passedBefore.size + this.#now.size + this.#passed.size + this.#later.size;
    return standing + this.#parked.size;
  }

  /** Gives a lane its place if it has none, and takes it out of the park when it is no longer one client's. */
  add(queue: LaneQueue): void {
    if (queue.parkedWith !== null) {
      if (queue.clientCount === 1 && !this.#rules.isForNobody(queue.lane)) return;
      this.unpark(queue);
    }
    if (queue.isInRound) return;
    queue.isInRound = true;
    this.#later.push(queue);
  }

  unpark(queue: LaneQueue): void {
    const account = queue.parkedWith;
    if (account === null) return;
    queue.parkedWith = null;
    const parked = this.#parked.get(account);
    parked?.delete(queue);
    if (parked?.size === 0) this.#parked.delete(account);
  }

  /** Takes the next lane out of its round: add() puts it back behind the others. */
  next(): LaneQueue | undefined {
    for (;;) {
      const queue = this.#passedBefore.shift() ?? this.#now.shift();
      if (queue === undefined) {
        if (!this.#startRound()) return undefined;
        continue;
      }
      queue.isInRound = false;
      if (!this.#rules.mayGo(queue.lane)) {
        this.#rules.dropped(queue.lane);
        continue;
      }
      const standing = this.#rules.isForNobody(queue.lane) ? null : this.#standsFor(queue);
      if (standing !== undefined) {
        queue.standing = standing;
        return queue;
      }
      this.#pass(queue);
    }
  }

  /** The lane that next() named got a batch. */
  went(queue: LaneQueue): void {
    if (queue.standing !== null) queue.standing.rounds[this.#side] = this.#round;
    queue.standing = null;
  }

  #standsFor(queue: LaneQueue): Account | undefined {
    for (let index = 0; index < ASKED_MAX; index++) {
      const account = queue.headOf(index)?.account;
      if (account === undefined || account.rounds[this.#side] !== this.#round) return account;
    }
    return undefined;
  }

  #pass(queue: LaneQueue): void {
    const head = queue.headOf(0);
    if (queue.clientCount === 1 && head !== undefined) {
      const { account } = head;
      queue.parkedWith = account;
      const parked = this.#parked.get(account);
      if (parked === undefined) this.#parked.set(account, new Set([queue]));
      else parked.add(queue);
      return;
    }
    queue.isInRound = true;
    this.#passed.push(queue);
  }

  #startRound(): boolean {
    if (this.#passed.size + this.#later.size + this.#parked.size === 0) return false;
    this.#round++;
    [this.#passedBefore, this.#passed] = [this.#passed, this.#passedBefore];
    [this.#now, this.#later] = [this.#later, this.#now];
    for (const parked of this.#parked.values()) {
      const [first] = parked;
      this.unpark(first);
      first.isInRound = true;
      this.#passedBefore.push(first);
    }
    return true;
  }
}
