/**
 * Token buckets: how often a client may ask, by the role it acts in. Main thread; the time is the caller's.
 *
 * A bucket fills by perSecond up to burst, and a request takes one token. It is kept as one number, the time at which it
 * will be full again (the generic cell rate algorithm, ITU-T I.371), so one that is full by now says nothing and need
 * not be kept. The table is in the order of last use: the oldest are looked at with each new client, and go when they
 * are full. At BUCKETS_MAX the oldest goes as it is; that gives a client back less than so many others use up meanwhile.
 */
import type { RateLimit, RateLimits } from '../core/rate-limit.ts';
import type { Role } from '../core/roles.ts';

/** Buckets of one role. */
const BUCKETS_MAX = 65_536;
/** Old buckets that are looked at with each new one: more than one, or the table would never shrink. */
const LOOKS = 2;

class RoleBuckets {
  readonly #tokenMs: number;
  readonly #burstMs: number;
  readonly #max: number;
  /** When the bucket of each client will be full, ms. */
  readonly #fullAtMs = new Map<string, number>();

  constructor({ perSecond, burst }: RateLimit, max: number) {
    this.#tokenMs = 1000 / perSecond;
    this.#burstMs = this.#tokenMs * burst;
    this.#max = max;
  }

  get count(): number {
    return this.#fullAtMs.size;
  }

  waitMs(client: string, nowMs: number): number {
    const fullAtMs = this.#fullAtMs.get(client);
    if (fullAtMs === undefined) return 0;
    // Rounded only so far that a clock's fractions do not cost a client a token.
    const waitMs = fullAtMs + this.#tokenMs - this.#burstMs - nowMs;
    return waitMs <= 1e-6 ? 0 : Math.ceil(waitMs);
  }

  take(client: string, nowMs: number): void {
    const fullAtMs = this.#fullAtMs.get(client);
    if (fullAtMs === undefined) this.#makeRoom(nowMs);
    else this.#fullAtMs.delete(client);
    this.#fullAtMs.set(client, Math.max(fullAtMs ?? 0, nowMs) + this.#tokenMs);
  }

  #makeRoom(nowMs: number): void {
    let looks = 0;
    for (const [client, fullAtMs] of this.#fullAtMs) {
      if (looks++ === LOOKS) break;
      if (fullAtMs <= nowMs || this.#fullAtMs.size >= this.#max) this.#fullAtMs.delete(client);
    }
  }
}

export class TokenBuckets {
  readonly #roles = new Map<Role, RoleBuckets>();

  constructor(limits: RateLimits, bucketsMax = BUCKETS_MAX) {
    for (const [role, limit] of Object.entries(limits)) {
      if (limit !== undefined) this.#roles.set(role as Role, new RoleBuckets(limit, bucketsMax));
    }
  }

  /** Buckets that are kept. */
  get count(): number {
    let count = 0;
    for (const buckets of this.#roles.values()) count += buckets.count;
    return count;
  }

  /** Whole ms until there is a token; 0 when there is one. */
  waitMs(role: Role, client: string, nowMs: number): number {
    return this.#roles.get(role)?.waitMs(client, nowMs) ?? 0;
  }

  /** Takes the token that waitMs() said was there. */
  take(role: Role, client: string, nowMs: number): void {
    this.#roles.get(role)?.take(client, nowMs);
  }
}
