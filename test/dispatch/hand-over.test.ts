/** Batches that leave while the replies of the event's last one are still on their way. */
import t from 'tap';
import { BATCH_KIND } from '../../src/core/batch.ts';
import { BATCH_COMMANDS_MAX } from '../../src/core/limits.ts';
import { CREATE_EVENT, CREATE_HOLD } from '../../src/core/operations.ts';
import { Rig, settle } from './rig.ts';

function readyRig(...args: ConstructorParameters<typeof Rig>): Rig {
  const rig = new Rig(...args);
  rig.dispatcher.ready();
  return rig;
}

/** A worker is at a batch of one, and a full one waits. */
function busyRig(workers = 1): { rig: Rig; event: string; first: string; waiting: string[] } {
  const rig = readyRig({ workers });
  const event = rig.addEvent(1);
  const first = rig.submit(event);
  rig.scheduler.turn();
  const waiting = Array.from({ length: BATCH_COMMANDS_MAX }, () => rig.submit(event));
  return { rig, event, first, waiting };
}

async function answerAll(rig: Rig): Promise<void> {
  while (rig.pool.batches.length > 0)
    await rig.answer(rig.pool.take(), { nextDeadlineMs: rig.clock.now() + 50 });
}

t.test('a full batch leaves in the middle of a turn, once the last one is served', async (t) => {
  const { rig, event, first, waiting } = busyRig();
  t.equal(rig.pool.batches.length, 1, 'the worker is at the first one');
  rig.pool.batches[0].serve();
  const late = rig.submit(event);
  t.equal(rig.pool.batches.length, 2, 'without a turn');
  t.strictSame(rig.labelsOf(rig.pool.batches[1]), waiting);
  t.strictSame(rig.answered(), []);
  await rig.answer(rig.pool.take());
  t.strictSame(rig.answered(), [first]);
  t.equal(rig.pool.batches.length, 1, 'the worker is at the second one');
  await rig.answer(rig.pool.take());
  t.strictSame(rig.answered(), [first, ...waiting]);
  await rig.answer(rig.pool.take());
  t.equal(rig.codeOf(late), 'reply');
  t.equal(rig.dispatcher.laneCount, 0);
  t.equal(rig.dispatcher.admitted, 0);
});

t.test('one that is not full waits for the turn to end', async (t) => {
  const rig = readyRig({ workers: 1 });
  const event = rig.addEvent(1);
  rig.submit(event);
  rig.scheduler.turn();
  rig.pool.batches[0].serve();
  for (let i = 1; i < BATCH_COMMANDS_MAX; i++) rig.submit(event);
  t.equal(rig.pool.batches.length, 1);
  await rig.answer(rig.pool.take());
  t.equal(rig.pool.batches.length, 1);
  await answerAll(rig);
  t.equal(rig.dispatcher.admitted, 0);
});

t.test('a sweep that leaves while a request is submitted knows of that request', async (t) => {
  const { rig } = busyRig();
  const other = rig.addEvent(2);
  const receivedAtMs = rig.clock.now();
  rig.dispatcher.seed(2, receivedAtMs + 5);
  rig.clock.advance(10);
  rig.scheduler.fire();
  t.equal(rig.pool.batches.length, 1, 'no worker is idle');
  rig.pool.batches[0].serve();
  rig.submit(other, CREATE_HOLD, { receivedAtMs });
  for (const { header } of rig.pool.batches)
    t.equal(header.kind, BATCH_KIND.write, 'what was due came after it');
  await answerAll(rig);
  t.equal(rig.dispatcher.admitted, 0);
});

t.test('replies that leave give way to it, too', async (t) => {
  const rig = readyRig({ workers: 1 });
  const event = rig.addEvent(1);
  let handed = -1;
  for (let i = 0; i < 3; i++) rig.submit(event);
  const request = rig.request(event, CREATE_HOLD, { requestId: 'x' });
  rig.dispatcher.submit(CREATE_HOLD, request, () => (handed = rig.pool.batches.length));
  rig.scheduler.turn();
  for (let i = 0; i < 2 * BATCH_COMMANDS_MAX; i++) rig.submit(event);
  const end = rig.publish(8);
  await rig.answer(rig.pool.take(), { gate: end });
  t.equal(rig.pool.batches.length, 1);
  rig.pool.batches[0].serve();
  rig.sync();
  t.equal(handed, 2, 'before the last reply of the batch was given');
  await answerAll(rig);
  t.equal(rig.dispatcher.admitted, 0);
});

t.test('nobody is answered by it', async (t) => {
  const { rig, event, waiting } = busyRig();
  rig.pool.batches[0].serve();
  rig.diskRoom = 0;
  rig.submit(event);
  t.equal(rig.codeOf(waiting[0]), 'none');
  t.equal(rig.pool.batches.length, 1, 'there is no room for another');
  rig.scheduler.turn();
  t.equal(rig.codeOf(waiting[0]), 'journal-full');
  await answerAll(rig);
  t.equal(rig.dispatcher.admitted, 0);
});

t.test('where a few clients share, a batch leaves when the last one has landed', async (t) => {
  for (const clients of [2, 31, 32]) {
    const rig = readyRig({ workers: 1 });
    const event = rig.addEvent(1);
    rig.submit(event, CREATE_HOLD, { client: 'c0' });
    rig.scheduler.turn();
    for (let i = 0; i < 2 * BATCH_COMMANDS_MAX; i++)
      rig.submit(event, CREATE_HOLD, { client: `c${i % clients}` });
    rig.pool.batches[0].serve();
    rig.submit(event, CREATE_HOLD, { client: 'c0' });
    t.equal(rig.pool.batches.length, clients === 32 ? 2 : 1, `${clients} clients`);
    await answerAll(rig);
    rig.scheduler.turn();
    await answerAll(rig);
    t.equal(rig.dispatcher.admitted, 0);
  }
});

t.test('what changes the registry is waited for', async (t) => {
  const rig = readyRig({ workers: 1, queueMax: 4096 });
  const body = new Uint8Array(10);
  rig.submit('', CREATE_EVENT, { body });
  rig.scheduler.turn();
  for (let i = 0; i < BATCH_COMMANDS_MAX; i++) rig.submit('', CREATE_EVENT, { body });
  rig.pool.batches[0].serve();
  rig.submit('', CREATE_EVENT, { body });
  t.equal(rig.pool.batches.length, 1);
  await answerAll(rig);
  t.equal(rig.dispatcher.admitted, 0);
});

t.test('a worker that dies with a served batch and another: each is told what became of it', async (t) => {
  const { rig, event, first, waiting } = busyRig();
  rig.publish(8);
  rig.pool.batches[0].serve();
  const late = rig.submit(event);
  const [served, running] = rig.pool.batches;
  rig.publish(8);
  const published = [{ commandIndex: 0, fact: 7 }];
  rig.publishedOf.set(served.header.batchId, published);
  rig.publishedOf.set(running.header.batchId, published);
  rig.pool.take().reject(new Error('the worker died'));
  rig.pool.take().reject(new Error('the worker died'));
  await settle();
  t.equal(rig.pool.killed.length, 1, 'one thread, one end');
  t.equal(rig.repaired.length, 1);
  for (const label of waiting.slice(1)) t.equal(rig.codeOf(label), 'worker-lost');
  rig.sync();
  while (rig.pool.batches.length > 0) await rig.answer(rig.pool.take(), { gate: rig.headPosition() });
  for (const label of [first, waiting[0], late]) t.equal(rig.codeOf(label), 'reply');
  t.equal(rig.dispatcher.admitted, 0);
  t.equal(rig.dispatcher.laneCount, 0);
});

t.test(
  'a deadline that the next batch told of is not forgotten for what the served one says later',
  async (t) => {
    const { rig, event } = busyRig(2);
    const served = rig.pool.batches[0];
    served.serve();
    rig.submit(event);
    const next = rig.pool.batches[1];
    t.not(next.threadId, served.threadId, 'another thread is free');
    rig.pool.batches.length = 0;
    await rig.answer(next, { nextDeadlineMs: rig.clock.now() + 50 });
    // It ran before the other one, and knew of no deadline.
    await rig.answer(served);
    await answerAll(rig);
    rig.clock.advance(50);
    rig.scheduler.fire();
    t.equal(rig.pool.batches.length, 1, 'a sweep');
  },
);
