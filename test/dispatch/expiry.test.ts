import t from 'tap';
import { BATCH_KIND } from '../../src/core/batch.ts';
import { ManualClock } from '../../src/core/clock.ts';
import { Expiry } from '../../src/dispatch/expiry.ts';
import { TIMER_MAX_MS } from '../../src/dispatch/scheduler.ts';
import { FakeScheduler, Rig } from './rig.ts';

function readyRig(...args: ConstructorParameters<typeof Rig>): Rig {
  const rig = new Rig(...args);
  rig.dispatcher.ready();
  return rig;
}

function pass(rig: Rig, ms: number): void {
  rig.clock.advance(ms);
  rig.scheduler.fire();
}

t.test('one timer wakes for the earliest of many deadlines, and each event once', (t) => {
  const clock = new ManualClock(0);
  const scheduler = new FakeScheduler(clock);
  const due: [slot: number, atMs: number][] = [];
  const expiry = new Expiry(clock, scheduler, (slot, atMs) => due.push([slot, atMs]));
  expiry.set(1, 300);
  expiry.set(2, 100);
  expiry.set(3, 200);
  expiry.set(3, Infinity);
  expiry.lower(1, 250);
  expiry.lower(1, 400);
  t.equal(scheduler.timerCount, 1);
  for (let ms = 0; ms < 500; ms += 50) {
    clock.advance(50);
    scheduler.fire();
  }
  t.strictSame(due, [
    [2, 100],
    [1, 250],
  ]);
  t.equal(scheduler.timerCount, 0, 'without deadlines there is no timer');
  t.end();
});

t.test('a deadline farther than a timer reaches is waited for in steps', (t) => {
  const clock = new ManualClock(0);
  const scheduler = new FakeScheduler(clock);
  const due: number[] = [];
  const expiry = new Expiry(clock, scheduler, (slot) => due.push(slot));
  expiry.set(1, TIMER_MAX_MS + 1000);
  clock.advance(TIMER_MAX_MS);
  scheduler.fire();
  t.strictSame(due, []);
  clock.advance(1000);
  scheduler.fire();
  t.strictSame(due, [1]);
  t.end();
});

t.test('deadlines that change all the time leave nothing behind', (t) => {
  const clock = new ManualClock(0);
  const scheduler = new FakeScheduler(clock);
  const due: number[] = [];
  const expiry = new Expiry(clock, scheduler, (_slot, atMs) => due.push(atMs));
  for (let i = 0; i < 100_000; i++) expiry.set(1, 1_000_000 - i);
  clock.advance(1_000_000);
  scheduler.fire();
  t.strictSame(due, [1_000_000 - 99_999]);
  t.end();
});

t.test('a sweep is sent when the deadline that a batch reported has come', async (t) => {
  const rig = readyRig();
  rig.submit(rig.addEvent(1));
  rig.scheduler.turn();
  await rig.answer(rig.pool.take(), { nextDeadlineMs: rig.clock.now() + 100 });
  pass(rig, 99);
  t.equal(rig.pool.batches.length, 0);
  pass(rig, 1);
  const sweep = rig.pool.take();
  t.match(sweep.header, { kind: BATCH_KIND.expire, count: 0, expireBeforeMs: rig.clock.now() });
  await rig.answer(sweep, { expired: 64, moreDue: true });
  t.match(rig.pool.batches[0]?.header, { kind: BATCH_KIND.expire }, 'more are due: at once');
  await rig.answer(rig.pool.take(), { expired: 1 });
  t.equal(rig.dispatcher.laneCount, 0);
});

t.test('sweeps and commands take turns', async (t) => {
  const rig = readyRig({ workers: 1 });
  const event = rig.addEvent(1);
  rig.dispatcher.seed(1, rig.clock.now() + 10);
  pass(rig, 10);
  const kinds: number[] = [];
  rig.submit(event);
  rig.scheduler.turn();
  for (let i = 0; i < 4; i++) {
    const batch = rig.pool.take();
    kinds.push(batch.header.kind);
    rig.clock.advance(1);
    rig.submit(event);
    await rig.answer(batch, { expired: 1, moreDue: true });
  }
  const { expire, write } = BATCH_KIND;
  t.strictSame(kinds.slice(0, 2), [expire, write]);
  t.ok(kinds.slice(2).includes(write) || kinds.includes(expire));
});

t.test('a sweep waits for commands that came in time, and does not go round in circles', async (t) => {
  const rig = readyRig({ workers: 1 });
  const event = rig.addEvent(1);
  const start = rig.clock.now();
  rig.submit(event);
  rig.scheduler.turn();
  rig.submit(event);
  rig.dispatcher.seed(1, start + 5);
  pass(rig, 10);
  await rig.answer(rig.pool.take(), { nextDeadlineMs: start + 5 });
  t.match(rig.pool.batches[0]?.header, { kind: BATCH_KIND.write }, 'its sender was in time');
  await rig.answer(rig.pool.take(), { nextDeadlineMs: start + 5 });
  t.match(rig.pool.batches[0]?.header, { kind: BATCH_KIND.expire });
  await rig.answer(rig.pool.take(), { nextDeadlineMs: start + 5, expired: 0 });
  t.equal(rig.pool.batches.length, 0, 'one that got nowhere is not repeated at once');
  pass(rig, 1000);
  t.equal(rig.pool.batches.length, 1);
});

t.test('deadlines found at recovery are swept after the grace', (t) => {
  const rig = new Rig();
  rig.addEvent(1);
  rig.dispatcher.seed(1, rig.clock.now() - 5000, rig.clock.now() + 30_000);
  rig.dispatcher.ready();
  pass(rig, 29_999);
  t.equal(rig.pool.batches.length, 0);
  pass(rig, 1);
  t.match(rig.pool.batches[0]?.header, { kind: BATCH_KIND.expire, eventSlot: 1 });
  t.end();
});

t.test('with overlapping batches, a report cannot undo an earlier deadline', async (t) => {
  const rig = readyRig({ workers: 3 }, { oneWritingBatchPerEvent: false });
  const event = rig.addEvent(1);
  rig.submit(event);
  rig.scheduler.turn();
  rig.submit(event);
  rig.scheduler.turn();
  await rig.answer(rig.pool.take(1), { nextDeadlineMs: rig.clock.now() + 50 });
  await rig.answer(rig.pool.take(), { nextDeadlineMs: Infinity });
  pass(rig, 50);
  t.match(rig.pool.batches[0]?.header, { kind: BATCH_KIND.expire });
});

t.test('with overlapping batches, a sweep waits for what is under way and came in time', async (t) => {
  const rig = readyRig({ workers: 3 }, { oneWritingBatchPerEvent: false });
  const event = rig.addEvent(1);
  rig.submit(event);
  rig.scheduler.turn();
  rig.dispatcher.seed(1, rig.clock.now() + 5);
  pass(rig, 10);
  t.equal(rig.pool.batches.length, 1);
  await rig.answer(rig.pool.take(), { nextDeadlineMs: rig.clock.now() - 5 });
  t.match(rig.pool.batches[0]?.header, { kind: BATCH_KIND.expire, expireBeforeMs: rig.clock.now() });
});

t.test('a deadline that is reported as due while others are told goes to the next turn of the timer', (t) => {
  const clock = new ManualClock(0);
  const scheduler = new FakeScheduler(clock);
  let told = 0;
  const expiry: Expiry = new Expiry(clock, scheduler, (slot, atMs) => {
    told++;
    if (told < 10) expiry.lower(slot, atMs);
  });
  expiry.set(1, 5);
  clock.advance(5);
  scheduler.fire();
  t.equal(told, 1);
  clock.advance(1);
  scheduler.fire();
  t.equal(told, 2);
  t.end();
});
