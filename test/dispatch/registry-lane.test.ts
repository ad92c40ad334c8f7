/** The registry's lane: one command a batch, and no memory given out that somebody could still look at. */
import t from 'tap';
import { BATCH_KIND } from '../../src/core/batch.ts';
import { AVAILABILITY, CREATE_EVENT, CREATE_HOLD, HISTORY, PATCH_EVENT } from '../../src/core/operations.ts';
import { Rig, settle, type FakeBatch } from './rig.ts';

function readyRig(...args: ConstructorParameters<typeof Rig>): Rig {
  const rig = new Rig(...args);
  rig.dispatcher.ready();
  return rig;
}

/** Takes the batch of an event and kind out of those under way. */
function taken(rig: Rig, slot: number, kind: number = BATCH_KIND.write): FakeBatch {
  return rig.pool.take(
    rig.pool.batches.findIndex(({ header }) => header.eventSlot === slot && header.kind === kind),
  );
}

function registryBatches(rig: Rig): number {
  return rig.pool.batches.filter(({ header }) => header.eventSlot === 0 && header.kind === BATCH_KIND.write)
    .length;
}

t.test('commands that take or give memory go alone, one after the other', async (t) => {
  const rig = readyRig({ workers: 4 });
  const event = rig.addEvent(1);
  rig.submit('', CREATE_EVENT, { body: new Uint8Array(10), client: 'a' });
  rig.submit(event, PATCH_EVENT, { body: new Uint8Array(10), client: 'a' });
  rig.submit(event, PATCH_EVENT, { body: new Uint8Array(10), client: 'b' });
  rig.scheduler.turn();
  const sequence: string[] = [];
  for (let i = 0; i < 3; i++) {
    t.equal(rig.pool.batches.length, 1);
    const batch = taken(rig, 0);
    t.match(batch.header, { count: 1, reclaim: false });
    sequence.push(...batch.requests.map(({ client, operation }) => `${client}${operation}`));
    await rig.answer(batch);
  }
  t.strictSame(sequence, [`a${CREATE_EVENT.code}`, `b${PATCH_EVENT.code}`, `a${PATCH_EVENT.code}`]);
});

t.test('a patch of an event that there is not goes to a reader', (t) => {
  const rig = readyRig();
  rig.submit('no-such-event', PATCH_EVENT, { body: new Uint8Array(10) });
  rig.scheduler.turn();
  t.match(rig.pool.batches[0]?.header, { kind: BATCH_KIND.read, eventSlot: 0 });
  t.end();
});

t.test(
  'once memory was retired, the registry waits for all that was under way, and then reclaims once',
  async (t) => {
    const rig = readyRig({ workers: 6 });
    const [one, two] = [rig.addEvent(1), rig.addEvent(2)];
    const patch = (): string => rig.submit(one, PATCH_EVENT, { body: new Uint8Array(10) });
    patch();
    rig.submit(one, CREATE_HOLD);
    rig.submit(two, AVAILABILITY);
    rig.submit(two, HISTORY);
    rig.scheduler.turn();
    patch();
    await rig.answer(taken(rig, 0), { retired: true });
    t.equal(registryBatches(rig), 0, 'three batches could still look at it');
    // One that leaves now finds the event gone, so it is not waited for.
    rig.submit(two, CREATE_HOLD);
    rig.scheduler.turn();
    await rig.answer(taken(rig, 1));
    t.equal(registryBatches(rig), 0);
    await rig.answer(taken(rig, 2, BATCH_KIND.read));
    t.equal(registryBatches(rig), 0, 'the history thread has one');
    await rig.answerHistory();
    t.equal(registryBatches(rig), 1, 'at once');
    t.equal(rig.pool.batches.length, 2, 'while a later one is under way');
    patch();
    const second = taken(rig, 0);
    t.equal(second.header.reclaim, true);
    await rig.answer(second);
    rig.scheduler.turn();
    const third = taken(rig, 0);
    t.equal(third.header.reclaim, false, 'told once');
    await rig.answer(third, { retired: true });
    patch();
    await rig.answer(taken(rig, 2));
    rig.scheduler.turn();
    t.equal(taken(rig, 0).header.reclaim, true, 'nothing waited: the next one still carries it');
  },
);

t.test('an idle server reclaims with the next registry batch', async (t) => {
  const rig = readyRig();
  rig.submit(rig.addEvent(1), PATCH_EVENT, { body: new Uint8Array(10) });
  rig.scheduler.turn();
  await rig.answer(taken(rig, 0), { retired: true });
  t.equal(rig.dispatcher.laneCount, 0, 'nothing is left of the lane meanwhile');
  rig.submit('', CREATE_EVENT, { body: new Uint8Array(10) });
  rig.scheduler.turn();
  t.equal(taken(rig, 0).header.reclaim, true);
});

t.test('only a registry batch retires', async (t) => {
  const rig = readyRig();
  const event = rig.addEvent(1);
  rig.submit(event, CREATE_HOLD);
  rig.scheduler.turn();
  await rig.answer(taken(rig, 1), { retired: true });
  rig.submit(event, PATCH_EVENT, { body: new Uint8Array(10) });
  rig.scheduler.turn();
  t.equal(taken(rig, 0).header.reclaim, false);
});

t.test('a registry batch that is lost may have retired something', async (t) => {
  const rig = readyRig({ workers: 3 });
  const event = rig.addEvent(1);
  const told: string[] = [];
  rig.dispatcher.onChanged((id) => told.push(id));
  const lost = rig.submit(event, PATCH_EVENT, { body: new Uint8Array(10) });
  rig.submit(event, AVAILABILITY);
  rig.scheduler.turn();
  const next = rig.submit('', CREATE_EVENT, { body: new Uint8Array(10) });
  rig.published = [{ commandIndex: 0, fact: 1 }];
  rig.publish(4);
  taken(rig, 0).reject(new Error('the worker died'));
  await settle();
  rig.scheduler.turn();
  await settle();
  const answer = taken(rig, 0, BATCH_KIND.answer);
  t.strictSame(rig.labelsOf(answer), [lost], 'answered from what it had published, in lane 0');
  await rig.answer(answer);
  t.equal(registryBatches(rig), 0, 'a reader that was under way is waited for');
  await rig.answer(taken(rig, 1, BATCH_KIND.read));
  const batch = taken(rig, 0);
  t.strictSame(rig.labelsOf(batch), [next]);
  t.equal(batch.header.reclaim, true);
  t.strictSame(told, [], 'not before it is durable');
  rig.sync();
  t.strictSame(told, [event], 'its event may have changed');
  t.equal(rig.dispatcher.statistics().workerLossesTotal, 1);
});

t.test('a reader whose worker dies is waited for until it is repaired', async (t) => {
  const rig = readyRig({ workers: 3 });
  const event = rig.addEvent(1);
  rig.submit(event, PATCH_EVENT, { body: new Uint8Array(10) });
  rig.submit(event, AVAILABILITY);
  rig.scheduler.turn();
  await rig.answer(taken(rig, 0), { retired: true });
  rig.submit(event, PATCH_EVENT, { body: new Uint8Array(10) });
  rig.scheduler.turn();
  t.equal(registryBatches(rig), 0);
  taken(rig, 1, BATCH_KIND.read).reject(new Error('the worker died'));
  await settle();
  await settle();
  t.equal(taken(rig, 0).header.reclaim, true);
});

t.test('a patch tells of its event, when it is durable', async (t) => {
  const rig = readyRig();
  const event = rig.addEvent(1);
  const told: string[] = [];
  rig.dispatcher.onChanged((id) => told.push(id));
  rig.submit(event, PATCH_EVENT, { body: new Uint8Array(10) });
  rig.scheduler.turn();
  const gate = rig.publish(8);
  await rig.answer(taken(rig, 0), { gate });
  t.strictSame(told, []);
  rig.sync();
  t.strictSame(told, [event]);
});
