import t from 'tap';
import { BATCH_KIND } from '../../src/core/batch.ts';
import { BATCH_HUNG_MS } from '../../src/core/limits.ts';
import { AVAILABILITY } from '../../src/core/operations.ts';
import { EXIT_MS, REPAIR_TRIES_MAX } from '../../src/dispatch/supervisor.ts';
import { HEADER } from '../../src/memory/layout.ts';
import { ringHead } from '../../src/memory/ring.ts';
import { Rig, settle } from './rig.ts';

function readyRig(...args: ConstructorParameters<typeof Rig>): Rig {
  const rig = new Rig(...args);
  rig.dispatcher.ready();
  return rig;
}

async function fail(rig: Rig, index = 0): Promise<void> {
  rig.pool.take(index).reject(new Error('the worker died'));
  await settle();
}

t.test('commands of a lost batch are answered from their frames, the rest were not applied', async (t) => {
  const rig = readyRig({ workers: 2 });
  const event = rig.addEvent(1);
  const labels = [rig.submit(event), rig.submit(event), rig.submit(event)];
  rig.scheduler.turn();
  const first = rig.pool.batches[0];
  const before = ringHead(rig.arena);
  rig.publish(8);
  rig.published = [{ commandIndex: 1, fact: 77 }];
  await fail(rig);
  t.strictSame(rig.pool.killed, [first?.threadId], 'its thread was ended');
  t.equal(rig.repaired.length, 1, 'and what it held was given back');
  t.strictSame(
    labels.map((label) => rig.codeOf(label)),
    ['worker-lost', 'none', 'worker-lost'],
  );
  t.match(rig.answers[0]?.reply, { extras: { applied: false, retryAfterMs: Number } });
  const later = rig.submit(event);
  rig.scheduler.turn();
  t.equal(rig.pool.batches.length, 1, 'the event writes nothing before the answers are through');
  rig.sync();
  t.equal(Atomics.load(rig.arena.words, HEADER.ringReleasable), before, 'the frames stay in the ring');
  const answers = rig.pool.take();
  t.match(answers.header, { kind: BATCH_KIND.answer, eventSlot: 1, count: 1 });
  t.equal(answers.requests[0]?.fact, 77);
  await rig.answer(answers, { gate: rig.headPosition() });
  t.equal(rig.codeOf(labels[1] ?? ''), 'reply');
  t.equal(Atomics.load(rig.arena.words, HEADER.ringReleasable), ringHead(rig.arena));
  t.strictSame(rig.labelsOf(rig.pool.take()), [later], 'the event goes on');
});

t.test('other events go on while one is repaired', async (t) => {
  const rig = readyRig({ workers: 2 });
  const event = rig.addEvent(1);
  const other = rig.addEvent(2);
  rig.repairAnswers = ['undecided', 'undecided', 'done'];
  rig.submit(event);
  rig.scheduler.turn();
  await fail(rig);
  const blocked = rig.submit(event);
  const free = rig.submit(other);
  rig.scheduler.turn();
  await settle();
  t.strictSame(
    rig.pool.batches.flatMap((batch) => rig.labelsOf(batch)),
    [free],
  );
  rig.scheduler.turn();
  await settle();
  t.equal(rig.repaired.length, 3, 'repair was asked until it was decided');
  t.strictSame(
    rig.pool.batches.flatMap((batch) => rig.labelsOf(batch)),
    [free, blocked],
  );
});

t.test('a batch that does not come back is lost, and what comes of it later is not looked at', async (t) => {
  const rig = readyRig({ workers: 2 });
  const event = rig.addEvent(1);
  const label = rig.submit(event);
  rig.scheduler.turn();
  rig.clock.advance(BATCH_HUNG_MS - 1);
  const read = rig.submit(event, AVAILABILITY);
  rig.scheduler.turn();
  rig.clock.advance(1);
  rig.scheduler.fire();
  t.strictSame(rig.pool.killed, [], 'replies that have arrived are taken in first');
  rig.scheduler.turn();
  await settle();
  t.equal(rig.codeOf(label), 'worker-lost');
  t.equal(rig.codeOf(read), 'none', 'the younger batch is not touched');
  await rig.answer(rig.pool.take());
  t.equal(rig.answers.length, 1);
  rig.clock.advance(BATCH_HUNG_MS);
  rig.scheduler.fire();
  rig.scheduler.turn();
  await settle();
  t.equal(rig.codeOf(read), 'worker-lost', 'its own time comes');
});

t.test('a thread that does not exit ends the process', async (t) => {
  const rig = readyRig();
  rig.submit(rig.addEvent(1));
  rig.scheduler.turn();
  rig.pool.exits = false;
  await fail(rig);
  t.strictSame(rig.fatal, []);
  rig.clock.advance(EXIT_MS);
  rig.scheduler.fire();
  await settle();
  t.match(rig.fatal, [{ code: 'worker-lost' }]);
  t.strictSame(rig.answers, []);
});

t.test('a repair that stays undecided ends the process', async (t) => {
  const rig = readyRig();
  rig.submit(rig.addEvent(1));
  rig.scheduler.turn();
  rig.repairAnswers = Array.from({ length: REPAIR_TRIES_MAX * 3 }, () => 'undecided' as const);
  await fail(rig);
  for (let i = 0; i < REPAIR_TRIES_MAX * 2; i++) {
    rig.clock.advance(5);
    rig.scheduler.turn();
    rig.scheduler.fire();
    await settle();
  }
  t.match(rig.fatal, [{ code: 'memory-fault' }]);
});

t.test('frames behind a gap that a living worker is about to fill are waited for', async (t) => {
  const rig = readyRig({ workers: 2 });
  const event = rig.addEvent(1);
  const label = rig.submit(event);
  rig.scheduler.turn();
  const gap = ringHead(rig.arena);
  Atomics.store(rig.arena.words, HEADER.ringHead, gap + 4);
  rig.publish(4);
  await fail(rig);
  t.equal(rig.codeOf(label), 'none');
  rig.published = [{ commandIndex: 0, fact: 5 }];
  rig.fill(gap, 4);
  rig.scheduler.turn();
  await settle();
  t.match(rig.pool.take().header, { kind: BATCH_KIND.answer });
});

t.test('answers whose worker dies are tried on another, then told as applied', async (t) => {
  const rig = readyRig({ workers: 2 });
  const event = rig.addEvent(1);
  const label = rig.submit(event);
  rig.scheduler.turn();
  rig.publish(8);
  rig.published = [{ commandIndex: 0, fact: 1 }];
  await fail(rig);
  await fail(rig);
  t.match(rig.pool.batches[0]?.header, { kind: BATCH_KIND.answer }, 'the second try');
  await fail(rig);
  t.equal(rig.codeOf(label), 'none', 'not told before it is durable');
  rig.sync();
  t.match(rig.answers, [{ reply: { code: 'outcome-unknown', extras: { applied: true } } }]);
  t.equal(Atomics.load(rig.arena.words, HEADER.ringReleasable), ringHead(rig.arena));
});

t.test('a reply batch that does not fit its requests is a lost worker', async (t) => {
  const rig = readyRig();
  const label = rig.submit(rig.addEvent(1));
  rig.scheduler.turn();
  await rig.answer(rig.pool.take(), { batchId: 999 });
  t.equal(rig.codeOf(label), 'worker-lost');
  t.equal(rig.pool.killed.length, 1);
});

t.test('a thread that ends without a batch is repaired too', async (t) => {
  const rig = readyRig();
  rig.pool.end(2);
  await settle();
  t.equal(rig.repaired.length, 1);
});
