/**
 * The order in which one side of a lane serves what waits in it: round-robin over clients, first in, first out within
 * one. Main thread.
 *
 * Deficit round robin (Shreedhar and Varghese, 1996) with a quantum of one turn. A request costs one turn when it is
 * taken; what it cost beyond that is known when it has returned, and charge() makes it a debt of so many turns. A client
 * is passed over until its debt is paid, a turn in each round. So there are debts and no savings: who goes empty takes
 * nothing along.
 *
 *   ring     A  B  C      clients whose turn comes: | still in this round | next round: served already, or new |
 *   debtors  D  E         clients with a debt, by the round in which it is paid; they may wait or not
 *
 * - Work is never kept waiting for a debt: when everybody who waits is in debt, rounds pass at once.
 * - A debt is at most DEBT_MAX turns, so nobody waits for more than so many rounds.
 * - Nobody is charged whom no other client waits behind, and when nothing waits any more all debts are forgotten.
 * - Memory: a record a waiting client, and for IDLE_DEBTORS_MAX others that are in debt.
 *
 * With one client it is an array; the ring is made when a second one comes.
 */
import { assert } from '../core/assert.ts';
import { FifoQueue } from './fifo-queue.ts';
import { MinHeap } from './min-heap.ts';

export interface Queued {
  /** Who is served. */
  readonly client: string;
}

/** A batch full of requests that take 17 places each; who takes more in a batch is forgiven the rest. */
export const DEBT_MAX = 1024;
/** Debts that are remembered of clients with nothing waiting. More are forgiven. */
const IDLE_DEBTORS_MAX = 1024;

class Client<T> {
  id: string;
  readonly items = new FifoQueue<T>();
  /** The first round in which it may be served. */
  dueRound = 0;
  /** In the heap, and not in the ring. */
  isDebtor = false;

  constructor(id: string) {
    this.id = id;
  }
}

interface Debt<T> {
  /** What dueRound was when it was put down; it may have grown. */
  readonly rank: number;
  readonly client: Client<T>;
}

export class FairQueue<T extends Queued> {
  /** The only client, as long as there is no ring. */
  #sole: Client<T> | null = null;
  #ring: ClientRing<T> | null = null;

  get size(): number {
    if (this.#ring !== null) return this.#ring.size;
    return this.#sole === null ? 0 : this.#sole.items.size;
  }

  /** Clients that wait. */
  get clientCount(): number {
    if (this.#ring !== null) return this.#ring.waitingCount;
    return this.#sole !== null && this.#sole.items.size > 0 ? 1 : 0;
  }

  /** Of how many clients that wait the oldest request is such; of those in debt, too. Looks at each: for a few clients. */
  countHeads(isSuch: (head: T) => boolean): number {
    if (this.#ring !== null) return this.#ring.countHeads(isSuch);
    const head = this.#sole?.items.peek();
    return head !== undefined && isSuch(head) ? 1 : 0;
  }

  push(item: T): void {
    if (this.#ring === null) {
      this.#sole ??= new Client(item.client);
      if (this.#sole.id === item.client || this.#sole.items.size === 0) {
        this.#sole.id = item.client;
        this.#sole.items.push(item);
        return;
      }
      this.#ring = new ClientRing(this.#sole);
      this.#sole = null;
    }
    this.#ring.push(item);
  }

  /** The item that shift() would take, if nothing is charged in between. */
  peek(): T | undefined {
    return this.#ring === null ? this.#sole?.items.peek() : this.#ring.peek();
  }

  shift(): T | undefined {
    if (this.#ring === null) return this.#shiftSole();
    const item = this.#ring.shift();
    if (this.#ring.size === 0) this.#ring = null;
    return item;
  }

  #shiftSole(): T | undefined {
    const sole = this.#sole;
    if (sole === null) return undefined;
    const item = sole.items.shift();
    // It has had its turn, should another client come before the next one.
    sole.dueRound = sole.items.size > 0 ? 1 : 0;
    return item;
  }

  /** The oldest request of the client that stands at `index` in the ring; undefined when there are not so many. */
  headOf(index: number): T | undefined {
    if (this.#ring !== null) return this.#ring.headOf(index);
    return index === 0 ? this.#sole?.items.peek() : undefined;
  }

  /** What a request of `client` cost, in turns beyond the one it was taken for. */
  charge(client: string, turns: number): void {
    assert(turns >= 0, 'a request costs one turn or more');
    if (turns === 0 || this.size === 0) return;
    if (this.#ring === null) {
      const sole = this.#sole!;
      if (sole.id === client) return;
      this.#ring = new ClientRing(sole);
      this.#sole = null;
    }
    this.#ring.charge(client, turns);
  }
}

class ClientRing<T extends Queued> {
  readonly #clients = new Map<string, Client<T>>();
  readonly #ring = new FifoQueue<Client<T>>();
  readonly #debtors = new MinHeap<Debt<T>>();
  #round = 0;
  /** Clients at the ring's head whose turn of this round is still to come. */
  #left = 0;
  size: number;
  /** Clients with something waiting. */
  waitingCount = 1;

  constructor(first: Client<T>) {
    this.size = first.items.size;
    this.#clients.set(first.id, first);
    this.#ring.push(first);
  }

  push(item: T): void {
    let client = this.#clients.get(item.client);
    if (client === undefined) {
      client = new Client<T>(item.client);
      this.#clients.set(client.id, client);
    }
    if (client.items.size === 0) {
      this.waitingCount++;
      // A debtor comes to the ring when its debt is paid.
      if (!client.isDebtor) this.#ring.push(client);
    }
    client.items.push(item);
    this.size++;
  }

  peek(): T | undefined {
    return this.size === 0 ? undefined : this.#head().items.peek();
  }

  shift(): T | undefined {
    if (this.size === 0) return undefined;
    const client = this.#head();
    const item = client.items.shift();
    client.dueRound = this.#round + 1;
    this.#ring.shift();
    this.#left--;
    this.size--;
    if (client.items.size > 0) {
      this.#ring.push(client);
    } else {
      this.waitingCount--;
      this.#clients.delete(client.id);
    }
    return item;
  }

  headOf(index: number): T | undefined {
    if (this.size > 0) this.#head();
    return this.#ring.at(index)?.items.peek();
  }

  countHeads(isSuch: (head: T) => boolean): number {
    let count = 0;
    for (const { items } of this.#clients.values()) {
      const head = items.peek();
      if (head !== undefined && isSuch(head)) count++;
    }
    return count;
  }

  charge(id: string, turns: number): void {
    let client = this.#clients.get(id);
    if (client === undefined) {
      if (this.#clients.size - this.waitingCount >= IDLE_DEBTORS_MAX) return;
      client = new Client<T>(id);
      client.dueRound = this.#round + 1;
      this.#clients.set(id, client);
    } else if (this.waitingCount === 1 && client.items.size > 0) {
      return;
    }
    const dueRound = Math.max(client.dueRound, this.#round) + turns;
    client.dueRound = Math.min(dueRound, this.#round + DEBT_MAX);
    // One that stands in the ring is taken out when its turn would come.
    if (client.items.size === 0 && !client.isDebtor) this.#owe(client);
  }

  /** The client whose turn it is; there must be one that waits. */
  #head(): Client<T> {
    for (;;) {
      if (this.#left === 0) this.#startRound();
      const client = this.#ring.peek()!;
      if (client.dueRound <= this.#round) return client;
      this.#ring.shift();
      this.#left--;
      this.#owe(client);
    }
  }

  #owe(client: Client<T>): void {
    client.isDebtor = true;
    this.#debtors.push({ rank: client.dueRound, client });
  }

  #startRound(): void {
    this.#round++;
    do {
      // Nobody stands before them: their debts are paid by nobody's losing anything.
      if (this.#ring.size === 0) this.#round = Math.max(this.#round, this.#debtors.peek()!.rank);
      for (let debt = this.#debtors.peek(); debt !== undefined; debt = this.#debtors.peek()) {
        if (debt.rank > this.#round) break;
        this.#debtors.pop();
        this.#pay(debt.client);
      }
    } while (this.#ring.size === 0);
    this.#left = this.#ring.size;
  }

  #pay(client: Client<T>): void {
    if (client.dueRound > this.#round) {
      this.#owe(client);
      return;
    }
    client.isDebtor = false;
    if (client.items.size > 0) this.#ring.push(client);
    else this.#clients.delete(client.id);
  }
}
