/** Shares of keys, entries of customers, sums of money and deadlines after a restart: at their edges. */
import t from 'tap';
import { auditArena } from '../../src/engine/audit.ts';
import { block, type BlockOutcome } from '../../src/engine/block.ts';
import { change } from '../../src/engine/change.ts';
import type { Outcome } from '../../src/engine/command.ts';
import { take } from '../../src/engine/hold.ts';
import { decodeClaim, readClaim } from '../../src/engine/read.ts';
import { confirm, extend, release, sweep } from '../../src/engine/settle.ts';
import { setReadyTime } from '../../src/memory/deadlines.ts';
import type { EventView } from '../../src/memory/event.ts';
import { keyLimit, keyReserve } from '../../src/memory/keys.ts';
import { claimOf, HALL, R1, R2, seats, taking, text, wordsOf } from './hall.ts';
import { EngineRig, eventOf, keyOf, MIB, refOf, RULES, smallLimits, START_MS, wantPlaces } from './rig.ts';

const HOUR_MS = 3600 * 1000;

/** Blocks and unblocks a seat, under a key of a share's own. */
function keyed(rig: EngineRig, view: EventView, share: number, number: number): BlockOutcome {
  const kind = number % 2 === 0 ? 'block' : 'unblock';
  const key = { ...keyOf(`${share} ${number}`, kind), share };
  const outcome = rig.run(view, (context) =>
    block(context, view, { kind, seats: [share], places: [], reason: text(''), key }),
  );
  rig.journal.drain();
  return outcome;
}

/** Keys of a share until it is refused, `countMax` at most. */
function fill(rig: EngineRig, view: EventView, share: number, from: number, countMax = 10_000): number {
  for (let made = 0; made < countMax; made++) {
    if (!keyed(rig, view, share, from + made).ok) return made;
  }
  return countMax;
}

t.test(
  'a client that makes as many keys as it can leaves others room, and gets its own back in a day',
  (t) => {
    const rig = new EngineRig(smallLimits());
    const view = rig.event(HALL);
    const limit = keyLimit(view) - keyReserve(view);
    const made = fill(rig, view, 1, 0);
    t.equal(made, Math.ceil((limit * 4) / 5), 'four fifths, and no more');
    for (let share = 2; share < 12; share++) {
      t.equal(fill(rig, view, share, 0, 4), 4, `client ${share} finds room`);
    }
    rig.context.nowMs = START_MS + 23 * HOUR_MS;
    t.match(keyed(rig, view, 1, 20_000), { ok: false, code: 'capacity-exhausted' });
    rig.context.nowMs = START_MS + 29 * HOUR_MS;
    // Its seat is blocked when it made an odd number: the next one unblocks it.
    t.equal(fill(rig, view, 1, 30_000 + (made % 2)), made, 'the same client may have as many again');
    for (let day = 2; day < 9; day++) {
      rig.context.nowMs = START_MS + day * 29 * HOUR_MS;
      t.equal(fill(rig, view, day, 0, 100), 100, 'day by day');
    }
    rig.context.nowMs = START_MS + 400 * 24 * HOUR_MS;
    t.equal(fill(rig, view, 1, 50_000), made, 'and after a year');
    t.end();
  },
);

t.test('what one client makes hour by hour is never more than its part', (t) => {
  const rig = new EngineRig(smallLimits());
  const view = rig.event(HALL);
  const made: number[] = [];
  for (let hour = 0; hour < 60; hour++) {
    rig.context.nowMs = START_MS + hour * HOUR_MS;
    made.push(fill(rig, view, 1, hour * 1000, 40));
    const ofDay = made.slice(-24).reduce((sum, count) => sum + count, 0);
    if (ofDay > ((keyLimit(view) - keyReserve(view)) * 4) / 5 + 1)
      t.fail(`${ofDay} keys of a day in hour ${hour}`);
    t.match(keyed(rig, view, 2, hour), { ok: true }, `another client finds room in hour ${hour}`);
  }
  t.end();
});

t.test('a key of a block tells how many places it changed, whatever they are now', (t) => {
  const rig = new EngineRig(smallLimits());
  const view = rig.event(HALL);
  const run = (kind: 'block' | 'unblock', body: string, key: string | null): BlockOutcome =>
    rig.run(view, (context) => {
      const command = { kind, seats: [1, 2, 3], places: [{ section: 0, quantity: 7 }], reason: text('') };
      return block(context, view, { ...command, key: key === null ? null : keyOf(key, body) });
    });
  t.match(run('block', 'x', 'a'), { ok: true, changed: 10, replayed: false });
  t.match(run('unblock', 'x', null), { ok: true, changed: 10 });
  t.match(run('block', 'x', 'a'), { ok: true, changed: 10, replayed: true }, 'and blocks nothing again');
  t.match(run('block', 'y', 'a'), { ok: false, code: 'idempotency-mismatch' });
  t.match(run('unblock', 'x', null), { ok: false, code: 'not-enough-available', available: 0 });
  t.end();
});

t.test('entries of customers that have nothing left are used again, and counts stay exact', (t) => {
  const rig = new EngineRig(smallLimits());
  const view = rig.event(HALL);
  const rules = { ...RULES, ticketsPerCustomer: 2, holdsPerCustomer: 1 };
  const orders = new Set<number>();
  for (let i = 0; i < view.customerCapacity * 4; i++) {
    const random = wordsOf(i + 1, 1, 1);
    const customer = text(`customer ${i}`);
    const outcome = rig.run(view, (context) =>
      take(context, view, taking('hold', random, [wantPlaces(0, 1, false, 5)], { customer, rules })),
    );
    if (!outcome.ok) throw new Error(`customer ${i} is refused: ${outcome.code}`);
    const settled = { ref: refOf(view, outcome.cell, random), receivedAtMs: START_MS, rules, key: null };
    rig.run(view, (context) =>
      i % 60 === 0
        ? confirm(context, view, { ...settled, note: null, retake: false })
        : release(context, view, settled),
    );
    if (i % 60 === 0) orders.add(i);
    rig.journal.drain();
  }
  for (const i of orders) {
    const items = [wantPlaces(0, 2, false, 5)];
    const command = taking('order', wordsOf(9, 9, i), items, { customer: text(`customer ${i}`), rules });
    const outcome = rig.run(view, (context) => take(context, view, command));
    t.match(outcome, { code: 'customer-limit', held: 1, requested: 2, limit: 2 });
  }
  t.same(auditArena(rig.arena).findings, []);
  t.end();
});

t.test('every place may have a customer of its own, however little room the operator gives claims', (t) => {
  const places = 3000;
  const rig = new EngineRig(smallLimits({ claimBytesPerPlace: 128, arenaBytes: 16 * MIB }));
  const view = rig.event(
    eventOf('crowd', [{ id: 'a', name: 'A', kind: 'general', capacity: places, price: null }]),
  );
  const refused: number[] = [];
  for (let i = 0; i < places; i++) {
    const command = taking('order', wordsOf(i, 1, 1), [wantPlaces(0, 1)], { customer: text(`c${i}`) });
    const outcome = rig.run(view, (context) => take(context, view, command));
    if (!outcome.ok) refused.push(i);
    rig.journal.drain();
  }
  t.same(refused, []);
  t.same(auditArena(rig.arena).findings, []);
  t.end();
});

t.test('a total beyond 32 bits is exact', (t) => {
  const rig = new EngineRig(smallLimits());
  const price = 2_000_000_000;
  const view = rig.event(eventOf('dear', [{ id: 'a', name: 'A', kind: 'general', capacity: 250, price }]));
  const items = [wantPlaces(0, 100, false, price)];
  const takeFor = (expectTotal: number): Outcome =>
    rig.run(view, (context) => take(context, view, taking('hold', R1, items, { expectTotal })));
  t.match(takeFor(2e11 - 1), { code: 'price-changed', requested: 2e11 - 1, total: 2e11 });
  t.match(takeFor(2e11 % 2 ** 32), { code: 'price-changed', total: 2e11 });
  const outcome = takeFor(2e11);
  t.match(outcome, { ok: true });
  const changeFor = (expectTotal: number): Outcome =>
    rig.run(view, (context) =>
      change(context, view, {
        ref: claimOf(view, R1),
        receivedAtMs: START_MS,
        add: [wantPlaces(0, 60, false, price - 1)],
        remove: [{ kind: 'places', section: 0, quantity: 60, type: -1 }],
        expectTotal,
        rules: RULES,
        key: null,
      }),
    );
  t.match(changeFor(2e11), { code: 'price-changed', total: 2e11 - 60 });
  t.match(changeFor(2e11 - 60), { ok: true });
  const copy = readClaim(view, claimOf(view, R1).cell);
  t.match(copy === null ? null : decodeClaim(copy).items, [
    { quantity: 40, price },
    { quantity: 60, price: price - 1 },
  ]);
  t.end();
});

t.test('a hold that ran out while the server was down is extended from its grace on', (t) => {
  const rig = new EngineRig(smallLimits());
  const view = rig.event(HALL);
  for (const [random, seat] of [
    [R1, 1],
    [R2, 2],
  ] as const)
    rig.run(view, (context) => take(context, view, taking('hold', random, seats(seat))));
  // Down for an hour: both have until 30 seconds after the server is ready.
  const readyMs = START_MS + HOUR_MS;
  setReadyTime(rig.arena, readyMs);
  rig.context.nowMs = readyMs + 10_000;
  const extendR1 = (durationMs: number, maxHoldMs: number): Outcome =>
    rig.run(view, (context) =>
      extend(context, view, {
        ref: claimOf(view, R1),
        receivedAtMs: readyMs + 10_000,
        durationMs,
        rules: { ...RULES, maxHoldMs },
        key: null,
      }),
    );
  t.match(extendR1(10_000, HOUR_MS * 9), { ok: true, changed: false }, 'never shorter than its grace');
  t.match(extendR1(600_000, 1_800_000), { code: 'extend-limit' }, 'its most is over');
  t.match(extendR1(600_000, HOUR_MS * 9), { ok: true, changed: true });
  t.equal(readClaim(view, claimOf(view, R1).cell)?.deadlineMs, readyMs + 610_000);
  rig.context.nowMs = readyMs + 31_000;
  t.equal(
    rig.run(view, (context) => sweep(context, view, readyMs + 31_000, 64)),
    1,
    'the other runs out',
  );
  rig.context.nowMs = readyMs + 611_000;
  t.equal(
    rig.run(view, (context) => sweep(context, view, readyMs + 611_000, 64)),
    1,
    'and this one in its time',
  );
  t.end();
});
