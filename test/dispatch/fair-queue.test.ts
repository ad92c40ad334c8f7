import fc from 'fast-check';
import t from 'tap';
import { assert } from '../../src/core/assert.ts';
import { DEBT_MAX, FairQueue } from '../../src/dispatch/fair-queue.ts';

interface Item {
  readonly client: string;
  readonly number: number;
}

/** Takes `count` items and says whose they were. */
function served(queue: FairQueue<Item>, count: number): string {
  let clients = '';
  for (let i = 0; i < count; i++) clients += queue.shift()?.client ?? '-';
  return clients;
}

function fill(queue: FairQueue<Item>, client: string, count: number): void {
  for (let number = 0; number < count; number++) queue.push({ client, number });
}

t.test('clients take turns, however much each has waiting', (t) => {
  const queue = new FairQueue<Item>();
  fill(queue, 'a', 5);
  fill(queue, 'b', 2);
  fill(queue, 'c', 1);
  t.equal(queue.clientCount, 3);
  t.equal(queue.headOf(1)?.client, 'b');
  t.equal(queue.headOf(3), undefined);
  t.equal(served(queue, 9), 'abcabaaa-');
  t.equal(queue.clientCount, 0);
  t.end();
});

t.test('who took eight places has used eight turns', (t) => {
  const queue = new FairQueue<Item>();
  fill(queue, 'a', 20);
  fill(queue, 'b', 20);
  t.equal(served(queue, 2), 'ab');
  queue.charge('b', 7);
  t.equal(served(queue, 9), 'aaaaaaaab', 'a has had nine turns, b one of eight and the next');
  t.end();
});

t.test('a debt outlives an empty queue of its client, but not of everybody', (t) => {
  const queue = new FairQueue<Item>();
  fill(queue, 'a', 20);
  fill(queue, 'b', 1);
  t.equal(served(queue, 2), 'ab');
  queue.charge('b', 3);
  fill(queue, 'b', 2);
  t.equal(served(queue, 6), 'aaaaba');
  queue.charge('b', 100);
  while (queue.size > 0) queue.shift();
  fill(queue, 'b', 3);
  fill(queue, 'a', 3);
  t.equal(served(queue, 6), 'bababa', 'forgotten: nobody waited');
  t.end();
});

t.test('work is never kept waiting for a debt', (t) => {
  const queue = new FairQueue<Item>();
  fill(queue, 'a', 2);
  fill(queue, 'b', 2);
  queue.charge('a', 900);
  queue.charge('b', 1000);
  t.equal(served(queue, 4), 'aabb');
  t.end();
});

t.test('a client alone owes nobody anything', (t) => {
  const queue = new FairQueue<Item>();
  fill(queue, 'a', 5);
  served(queue, 2);
  queue.charge('a', 50);
  fill(queue, 'b', 2);
  t.equal(served(queue, 4), 'abab');
  t.end();
});

t.test('a debt is bounded, so its client is served in the end', (t) => {
  const queue = new FairQueue<Item>();
  fill(queue, 'a', DEBT_MAX * 2);
  fill(queue, 'b', 1);
  for (let i = 0; i < 100; i++) queue.charge('b', 1000);
  t.equal(served(queue, DEBT_MAX + 1).indexOf('b'), DEBT_MAX);
  t.end();
});

t.test('debts of clients that have gone are bounded in number, and gone when they are paid', (t) => {
  const queue = new FairQueue<Item>();
  fill(queue, 'a', 4000);
  // More than are remembered: the rest are forgiven.
  for (let i = 0; i < 3000; i++) queue.charge(`gone-${i}`, 5);
  fill(queue, 'gone-1', 1);
  fill(queue, 'gone-2999', 1);
  const order = Array.from({ length: 8 }, () => queue.shift()?.client);
  t.strictSame(order.indexOf('gone-2999'), 1, 'forgiven');
  t.ok(order.indexOf('gone-1') > 4, 'not forgiven');
  t.end();
});

/** The rule as a person would write it down: rounds, and a debt that shrinks by one with each. */
class Model {
  readonly waiting = new Map<string, number[]>();
  readonly debts = new Map<string, number>();
  /** Whose turn of this round is still to come. */
  left = new Set<string>();

  push({ client, number }: Item): void {
    const items = this.waiting.get(client);
    if (items === undefined) this.waiting.set(client, [number]);
    else items.push(number);
  }

  charge(client: string, turns: number): void {
    if (turns === 0 || this.waiting.size === 0) return;
    if (this.waiting.size === 1 && this.waiting.has(client)) return;
    const known = this.waiting.has(client) || this.debts.has(client);
    const debt = known ? Math.max(0, this.debts.get(client) ?? 0) : 1;
    this.debts.set(client, Math.min(DEBT_MAX, debt + turns));
    this.left.delete(client);
  }

  #startRound(): void {
    do {
      for (const [client, debt] of this.debts) {
        if (debt > 1) this.debts.set(client, debt - 1);
        else this.debts.delete(client);
      }
      for (const client of this.waiting.keys()) if (!this.debts.has(client)) this.left.add(client);
    } while (this.left.size === 0);
  }

  /** Whether `item` may be the next one. */
  take({ client, number }: Item): void {
    if (this.left.size === 0) this.#startRound();
    assert(this.left.delete(client), `${client} is served out of turn`);
    const items = this.waiting.get(client) ?? [];
    assert(items.shift() === number, `${client} is served out of order`);
    // Of this round, unless it is gone: who comes anew waits for the next one all the same.
    if (items.length > 0) this.debts.set(client, 1);
    else this.waiting.delete(client);
    if (this.waiting.size === 0) {
      this.debts.clear();
      this.left.clear();
    }
  }
}

type Step = readonly [kind: 'push' | 'take' | 'charge', client: number, amount: number];

t.test('whatever comes and is charged, the order is the one of the rule', (t) => {
  const client = fc.integer({ min: 0, max: 5 });
  const steps = fc.array(
    fc.oneof(
      {
        weight: 4,
        arbitrary: fc.tuple(fc.constant('push' as const), client, fc.integer({ min: 1, max: 4 })),
      },
      {
        weight: 6,
        arbitrary: fc.tuple(fc.constant('take' as const), client, fc.integer({ min: 1, max: 3 })),
      },
      {
        weight: 2,
        arbitrary: fc.tuple(fc.constant('charge' as const), client, fc.integer({ min: 0, max: 12 })),
      },
    ),
    { maxLength: 120 },
  );
  const property = fc.property(steps, (all: readonly Step[]) => {
    const queue = new FairQueue<Item>();
    const model = new Model();
    let number = 0;
    let size = 0;
    const take = (): void => {
      const peeked = queue.peek();
      const item = queue.shift();
      assert(item !== undefined && item === peeked, 'shift() takes what peek() shows');
      model.take(item);
      size--;
    };
    for (const [kind, index, amount] of all) {
      for (let i = 0; i < amount; i++) {
        const item = { client: `c${index}`, number: number++ };
        if (kind === 'push') {
          queue.push(item);
          model.push(item);
          size++;
        } else if (kind === 'take' && size > 0) take();
      }
      if (kind === 'charge') {
        queue.charge(`c${index}`, amount);
        model.charge(`c${index}`, amount);
      }
      assert(queue.size === size, 'size');
      assert(queue.clientCount === model.waiting.size, 'clients');
    }
    while (size > 0) take();
    assert(queue.shift() === undefined && queue.peek() === undefined, 'it is empty');
  });
  t.doesNotThrow(() => fc.assert(property, { numRuns: process.env['FRONTROW_LONG'] === '1' ? 5000 : 500 }));
  t.end();
});
