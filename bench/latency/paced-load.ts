/**
 * The book-keeping of an open loop: which request is due, which connection takes it, and how long it took. It
 * knows neither sockets nor timers, so a test can turn its clock by hand.
 *
 * Invariants:
 *   - a request's time begins when it is due, whatever the server or this process are doing then. So a server
 *     that stands still is charged with everybody who would have come meanwhile, not with the few who were
 *     there ("coordinated omission", Gil Tene, How NOT to Measure Latency);
 *   - a connection has one request under way at most; when all have one, what is due waits here, on the
 *     server's account;
 *   - what is late because this process did not look in time is on its own account: `lateness`.
 */
import { assert } from '../../src/core/assert.ts';
import type { Arrivals } from './arrivals.ts';
import { Micros } from './micros.ts';

export interface PacedLoadOptions {
  /** Requests of the whole run, unless it is finished earlier. */
  readonly count: number;
  readonly connections: number;
  readonly arrivals: Arrivals;
  /** ms since the beginning of the run. */
  readonly now: () => number;
  /** Sends the next request over a connection. */
  readonly send: (connection: number) => void;
}

export class PacedLoad {
  /** From when a request was due to its reply: what a buyer sees. */
  readonly latency = new Micros();
  /** From when it was sent: what a closed loop would have seen. */
  readonly service = new Micros();
  /** From when it was due and a connection was free, until it was sent. */
  readonly lateness = new Micros();
  readonly #options: PacedLoadOptions;
  /** Connections without a request, the one that has rested longest first: a ring, `#freeCount` long. */
  readonly #free: Int32Array;
  #freeFirst = 0;
  #freeCount: number;
  /** Of each connection: since when it has none, and of its request when it was due and when it was sent. */
  readonly #freeSinceMs: Float64Array;
  readonly #dueMs: Float64Array;
  readonly #sentMs: Float64Array;
  readonly #underWay: Uint8Array;
  #count: number;
  #nextMs: number;
  #sent = 0;
  #ended = 0;
  #waited = 0;

  constructor(options: PacedLoadOptions) {
    const { connections, count, arrivals } = options;
    this.#options = options;
    this.#count = count;
    this.#free = Int32Array.from({ length: connections }, (_, index) => index);
    this.#freeCount = connections;
    this.#freeSinceMs = new Float64Array(connections);
    this.#dueMs = new Float64Array(connections);
    this.#sentMs = new Float64Array(connections);
    this.#underWay = new Uint8Array(connections);
    this.#nextMs = arrivals.next();
  }

  /** All were sent, and nobody waits for a reply any more. */
  get isOver(): boolean {
    return this.#sent === this.#count && this.#ended === this.#sent;
  }

  /** Requests that found every connection busy. */
  get waited(): number {
    return this.#waited;
  }

  /** Sends what is due, as far as there are connections. To be called as often as possible. */
  pump(): void {
    const { arrivals, now, send } = this.#options;
    while (this.#sent < this.#count && this.#freeCount > 0) {
      const nowMs = now();
      const dueMs = this.#nextMs;
      if (dueMs > nowMs) return;
      const connection = this.#takeFree();
      const freeMs = this.#freeSinceMs[connection];
      if (freeMs > dueMs) this.#waited++;
      this.lateness.record(nowMs - Math.max(dueMs, freeMs));
      this.#dueMs[connection] = dueMs;
      this.#sentMs[connection] = nowMs;
      this.#underWay[connection] = 1;
      this.#nextMs = arrivals.next();
      this.#sent++;
      send(connection);
    }
  }

  /** Nothing more is sent. What is under way is waited for. */
  finish(): void {
    this.#count = this.#sent;
  }

  /** The whole reply to a connection's request is there. */
  replied(connection: number): void {
    assert(this.#underWay[connection] === 1, 'a reply belongs to a request');
    const nowMs = this.#options.now();
    this.latency.record(nowMs - this.#dueMs[connection]);
    this.service.record(nowMs - this.#sentMs[connection]);
    this.#underWay[connection] = 0;
    this.#ended++;
    const { length } = this.#free;
    this.#free[(this.#freeFirst + this.#freeCount) % length] = connection;
    this.#freeCount++;
    this.#freeSinceMs[connection] = nowMs;
    this.pump();
  }

  #takeFree(): number {
    const connection = this.#free[this.#freeFirst];
    this.#freeFirst = (this.#freeFirst + 1) % this.#free.length;
    this.#freeCount--;
    return connection;
  }
}
