import fc from 'fast-check';
import t from 'tap';
import { assert } from '../../src/core/assert.ts';
import { TokenBuckets } from '../../src/dispatch/token-buckets.ts';

const SALES = { sales: { perSecond: 10, burst: 3 } };

function tryTake(buckets: TokenBuckets, nowMs: number, client = 'a'): boolean {
  if (buckets.waitMs('sales', client, nowMs) > 0) return false;
  buckets.take('sales', client, nowMs);
  return true;
}

t.test('after a burst a token comes at the rate, and the wait that is told is exact', (t) => {
  const buckets = new TokenBuckets(SALES);
  t.strictSame(
    [1, 2, 3, 4].map(() => tryTake(buckets, 1000)),
    [true, true, true, false],
  );
  t.equal(buckets.waitMs('sales', 'a', 1000), 100);
  t.equal(buckets.waitMs('sales', 'a', 1040), 60);
  t.notOk(tryTake(buckets, 1099));
  t.ok(tryTake(buckets, 1100));
  t.notOk(tryTake(buckets, 1100));
  t.ok(tryTake(buckets, 1100, 'b'), 'each client has its own');
  t.equal(buckets.waitMs('admin', 'a', 1100), 0, 'a role without a limit');
  t.end();
});

t.test('full buckets are not kept, and there are never more than the bound', (t) => {
  const buckets = new TokenBuckets(SALES, 100);
  for (let i = 0; i < 1000; i++) tryTake(buckets, 1000, `client-${i}`);
  t.equal(buckets.count, 100);
  // Two old ones are looked at with each that is new.
  for (let i = 0; i < 100; i++) tryTake(buckets, 5000, `later-${i}`);
  t.equal(buckets.count, 100);
  for (let i = 0; i < 3; i++) tryTake(buckets, 10_000 + i * 1000, `last-${i}`);
  t.ok(buckets.count < 100, `${buckets.count} are left`);
  t.end();
});

t.test('no client ever gets more than its burst and its rate, nor less when it waits as told', (t) => {
  const limit = fc.record({
    perSecond: fc.integer({ min: 1, max: 2000 }),
    burst: fc.integer({ min: 1, max: 20 }),
  });
  const property = fc.property(limit, fc.array(fc.integer({ min: 0, max: 50 })), (sales, pauses) => {
    const buckets = new TokenBuckets({ sales });
    const start = 1_000_000;
    let nowMs = start;
    let taken = 0;
    for (const pause of pauses) {
      nowMs += pause;
      if (tryTake(buckets, nowMs)) taken++;
      const bound = sales.burst + ((nowMs - start) * sales.perSecond) / 1000 + 0.001;
      assert(taken <= bound, `${taken} taken in ${nowMs - start} ms`);
      const waitMs = buckets.waitMs('sales', 'a', nowMs);
      if (waitMs > 0) {
        assert(buckets.waitMs('sales', 'a', nowMs + waitMs) === 0, 'the wait was enough');
        assert(buckets.waitMs('sales', 'a', nowMs + waitMs - 1) > 0, 'the wait was not too long');
      }
    }
  });
  t.doesNotThrow(() => fc.assert(property, { numRuns: 200 }));
  t.end();
});
