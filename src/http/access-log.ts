/**
 * What the log says of requests. Main thread. Debug: a line for each. Error: what broke inside. Warn: that requests are
 * turned away for load or room, once a second at most however many there are. Never a key, never what a body says; who
 * the client is only as a hash with a salt of this process, so that lines of one client can be told to belong together.
 */
import { createHash, randomBytes } from 'node:crypto';

/** The part of a pino logger that is used here. */
export interface HttpLogger {
  isLevelEnabled(level: string): boolean;
  error(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  debug(fields: object, message: string): void;
}

/** What became of one request. */
export interface Answered {
  readonly method: string;
  /** An operation's name, `healthz`, `readyz` or a page's path; empty if it came to none. */
  readonly route: string;
  readonly status: number;
  /** The problem's code; empty where it is none. */
  readonly code: string;
  /** From its head to its reply. */
  readonly ms: number;
}

export interface AccessFields extends Answered {
  readonly requestId: string;
  readonly event: string;
  /** -1 for none. */
  readonly sequence: number;
  readonly keyId: string;
  readonly client: string;
}

/** Runs the callback later, and keeps no process alive for it. */
export type Schedule = (callback: () => void, ms: number) => void;

const SUMMARY_MS = 1000;
const HASH_CHARS = 12;
/** Refusals that an operator can do something about. */
const FOR_LOAD: ReadonlySet<string> = new Set([
  'overloaded',
  'rate-limited',
  'worker-lost',
  'journal-full',
  'journal-stalled',
  'capacity-exhausted',
]);

export class AccessLog {
  readonly #logger: HttpLogger | null;
  readonly #schedule: Schedule;
  readonly #salt = randomBytes(16);
  /** Every request gets a line. Looked up once: it costs nothing while it is off. */
  readonly logsAll: boolean;
  #refused = new Map<string, number>();
  #isQuiet = false;

  constructor(logger: HttpLogger | null, schedule: Schedule = later) {
    this.#logger = logger;
    this.#schedule = schedule;
    this.logsAll = logger !== null && logger.isLevelEnabled('debug');
  }

  request(fields: AccessFields): void {
    const { method, route, status, code, ms, requestId, event, sequence, keyId, client } = fields;
    this.#logger?.debug(
      {
        method,
        ...(route !== '' && { route }),
        status,
        ...(code !== '' && { code }),
        ms: Math.round(ms * 100) / 100,
        requestId,
        ...(event !== '' && { event }),
        ...(sequence >= 0 && { sequence }),
        ...(keyId !== '' && { key: keyId }),
        ...(client !== '' && { client: this.#hash(client) }),
      },
      'request',
    );
  }

  /** Of every refusal and fault. */
  problem(code: string, status: number, route: string, requestId: string): void {
    if (status === 500) this.#logger?.error({ route, code, requestId }, 'a request failed');
    if (FOR_LOAD.has(code)) this.#refusedForLoad(code);
  }

  fault(error: unknown, route: string, requestId: string, message: string): void {
    this.#logger?.error({ err: error, requestId, route }, message);
  }

  /** The first one is told at once, those of the second after it together. */
  #refusedForLoad(code: string): void {
    this.#refused.set(code, (this.#refused.get(code) ?? 0) + 1);
    if (!this.#isQuiet) this.#summary();
  }

  #summary(): void {
    this.#isQuiet = this.#refused.size > 0;
    if (!this.#isQuiet) return;
    this.#logger?.warn({ refused: Object.fromEntries(this.#refused) }, 'requests are turned away');
    this.#refused = new Map();
    this.#schedule(() => this.#summary(), SUMMARY_MS);
  }

  #hash(client: string): string {
    return createHash('sha256').update(this.#salt).update(client).digest('hex').slice(0, HASH_CHARS);
  }
}

function later(callback: () => void, ms: number): void {
  setTimeout(callback, ms).unref();
}
