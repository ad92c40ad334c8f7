/**
 * Trying again: when it is safe, how long to wait, and when to stop.
 *
 * Safe are reads, and changes under an idempotency key: the server does those once however often they arrive, and every
 * attempt of one call carries the same key. That is also why `outcome-unknown` is tried again: the next answer under
 * the same key says what became of it.
 */
import { FrontrowProblem, FrontrowUnreachable } from './problem.ts';
import type { ProblemCode } from './problem.ts';

export interface RetryOptions {
  /** The first one included; 5 if not given. */
  readonly attempts?: number | undefined;
  /** From the first attempt to the start of the last, waiting included; 30,000 if not given. */
  readonly totalMs?: number | undefined;
}

/** What trying again takes from outside. Tests give their own. */
export interface RetryClock {
  /** Resolves after `ms`; rejects with the signal's reason as soon as it is aborted. */
  readonly sleep: (ms: number, signal: AbortSignal | undefined) => Promise<void>;
  /** 0 to 1, as Math.random. */
  readonly random: () => number;
  /** Milliseconds that only grow. */
  readonly now: () => number;
}

const ATTEMPTS = 5;
const TOTAL_MS = 30_000;
const BACKOFF_MS = 100;
const BACKOFF_MAX_MS = 5000;

export const systemRetryClock: RetryClock = { sleep, random: Math.random, now: () => performance.now() };

/**
 * Counts the attempts of one call. `wait` resolves when the next attempt is due, and rejects with `error` when there
 * is none.
 */
export class RetryPlan {
  readonly #clock: RetryClock;
  readonly #attempts: number;
  readonly #deadline: number;
  #failed = 0;

  constructor(options: RetryOptions | false, clock: RetryClock) {
    this.#clock = clock;
    this.#attempts = options === false ? 1 : (options.attempts ?? ATTEMPTS);
    this.#deadline = clock.now() + (options === false ? 0 : (options.totalMs ?? TOTAL_MS));
  }

  async wait(error: unknown, signal: AbortSignal | undefined, leastMs = 0): Promise<void> {
    this.#failed++;
    if (this.#failed >= this.#attempts || !isWorthRepeating(error)) throw error;
    const told = error instanceof FrontrowProblem ? error.retryAfterMs : null;
    // Full jitter: clients that failed together do not come back together.
    const backoff = this.#clock.random() * Math.min(BACKOFF_MAX_MS, BACKOFF_MS * 2 ** (this.#failed - 1));
    const ms = Math.max(told ?? backoff, leastMs);
    if (this.#clock.now() + ms > this.#deadline) throw error;
    await this.#clock.sleep(ms, signal);
  }
}

/** 429 and 503 say that nothing was done; 502 and 504 are a proxy's words for "no answer". */
const PASSING = new Set([429, 502, 503, 504]);

function isWorthRepeating(error: unknown): boolean {
  if (error instanceof FrontrowUnreachable) return true;
  if (!(error instanceof FrontrowProblem)) return false;
  return PASSING.has(error.status) || error.code === ('outcome-unknown' satisfies ProblemCode);
}

/**
 * Whether a refusal proves that no earlier attempt succeeded either: these are decided after the idempotency key was
 * looked up. A refusal for load or rights looked at no key, so its "not applied" speaks of itself alone.
 */
export function isConclusive(status: number): boolean {
  return status === 409 || status === 412 || status === 422;
}

/** Retry-After in milliseconds: seconds or an HTTP date (RFC 9110 §10.2.3); null when it is neither. */
export function retryAfterMs(header: string | null, nowMs: number): number | null {
  if (header === null) return null;
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? null : Math.max(0, date - nowMs);
}

function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(signal.reason as Error);
      return;
    }
    const abort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', abort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', abort, { once: true });
  });
}
