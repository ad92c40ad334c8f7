/**
 * Clients that have something admitted: how much each has, and what it may have. Main thread.
 *
 * A client may have what is still free, and always a little: dynamic thresholds (Choudhury and Hahne, 1998) with a
 * factor of one. So one client alone gets half of the queue, n that all want more a share of 1 / (n + 1) each, and a
 * last share stays free for whoever comes. An account is there as long as its client has something admitted.
 */
import { assert } from '../core/assert.ts';
import { CLIENT_QUEUE_BYTES_MIN, CLIENT_QUEUE_MIN, QUEUE_BYTES_MAX } from '../core/limits.ts';
import { Drain } from './drain.ts';

export class Account {
  readonly client: string;
  /** Admitted and not answered. */
  admitted = 0;
  admittedBytes = 0;
  /** How fast its own requests are answered. */
  readonly drain: Drain;
  /** The last round of each rotation in which a lane had its turn for this client's sake. */
  readonly rounds: [write: number, read: number] = [-1, -1];

  constructor(client: string, nowMs: number) {
    this.client = client;
    this.drain = new Drain(nowMs);
  }
}

export class Accounts {
  readonly #accounts = new Map<string, Account>();
  readonly #queueMax: number;
  /** All clients'. */
  admitted = 0;
  admittedBytes = 0;

  constructor(queueMax: number) {
    this.#queueMax = queueMax;
  }

  get count(): number {
    return this.#accounts.size;
  }

  /** Null when `client` has nothing admitted. */
  find(client: string): Account | null {
    return this.#accounts.get(client) ?? null;
  }

  /** Whether nobody may add anything. */
  isFull(): boolean {
    return this.admitted >= this.#queueMax || this.admittedBytes >= QUEUE_BYTES_MAX;
  }

  /** Whether a client has had its part. A body may take it over the bound in bytes, by itself at most. */
  isSpent({ admitted, admittedBytes }: Account): boolean {
    const free = this.#queueMax - this.admitted;
    if (admitted >= Math.max(CLIENT_QUEUE_MIN, free)) return true;
    return admittedBytes >= Math.max(CLIENT_QUEUE_BYTES_MIN, QUEUE_BYTES_MAX - this.admittedBytes);
  }

  /** For a client that has none; something is to be added at once. */
  open(client: string, nowMs: number): Account {
    const account = new Account(client, nowMs);
    this.#accounts.set(client, account);
    return account;
  }

  add(account: Account, bytes: number): void {
    account.admitted++;
    account.admittedBytes += bytes;
    this.admitted++;
    this.admittedBytes += bytes;
  }

  remove(account: Account, bytes: number): void {
    account.admitted--;
    account.admittedBytes -= bytes;
    this.admitted--;
    this.admittedBytes -= bytes;
    assert(account.admitted >= 0, 'what is answered was admitted');
    if (account.admitted === 0) this.#accounts.delete(account.client);
  }
}
