import t from 'tap';
import { BATCH_KIND } from '../../src/core/batch.ts';
import { claimSuffix, type CellIndex, type EventSlot } from '../../src/core/ids.ts';
import { COMMAND_FRAME_BYTES_MAX } from '../../src/core/limits.ts';
import {
  AVAILABILITY,
  BLOCK,
  CHANGE_HOLD,
  CREATE_EVENT,
  CREATE_HOLD,
  PATCH_EVENT,
  RELEASE_HOLD,
  UNBLOCK,
  type Operation,
} from '../../src/core/operations.ts';
import { Credit } from '../../src/dispatch/credit.ts';
import { HEADER } from '../../src/memory/layout.ts';
import { Rig } from './rig.ts';

const FRAME_UNITS = COMMAND_FRAME_BYTES_MAX / 8;

function readyRig(...args: ConstructorParameters<typeof Rig>): Rig {
  const rig = new Rig(...args);
  rig.dispatcher.ready();
  return rig;
}

function holdId(slot: number): string {
  const claim = { generation: 1, cell: 0 as CellIndex, random0: 1, random1: 1, random2: 1 };
  return `hold_${claimSuffix({ ...claim, slot: slot as EventSlot })}`;
}

t.test(
  'batches under way never hold more than the ring, and what waits goes on when it is released',
  async (t) => {
    const rig = readyRig({ workers: 6, ringBytes: 1 << 20 });
    for (let slot = 1; slot <= 6; slot++) {
      const event = rig.addEvent(slot);
      for (let i = 0; i < 64; i++) rig.submit(event);
    }
    rig.scheduler.turn();
    const counts = rig.pool.batches.map((batch) => batch.header.count);
    const held = counts.reduce((sum, count) => sum + (count + 1) * COMMAND_FRAME_BYTES_MAX, 0);
    t.ok(held <= 1 << 20, `${held} bytes are set aside`);
    t.ok(counts.length < 6, 'a worker is idle, for there is no room');
    const wake = Atomics.load(rig.arena.words, HEADER.journalWake);
    const batch = rig.pool.take();
    for (let i = 0; i < batch.header.count; i++) rig.publish(FRAME_UNITS);
    await rig.answer(batch, { gate: rig.headPosition() });
    t.equal(rig.pool.batches.length, counts.length - 1, 'its frames fill the room it had held');
    t.ok(Atomics.load(rig.arena.words, HEADER.journalWake) > wake, 'the journal is asked for room');
    while (rig.answers.length < 6 * 64) {
      rig.sync();
      const next = rig.pool.take();
      for (let i = 0; i < next.header.count; i++) rig.publish(FRAME_UNITS);
      await rig.answer(next, { gate: rig.headPosition() });
      rig.sync();
    }
    t.equal(rig.dispatcher.admitted, 0);
  },
);

t.test('a read leaves while frames of a batch under way are counted twice', async (t) => {
  const rig = readyRig({ workers: 4, ringBytes: 1 << 20 });
  for (let slot = 1; slot <= 3; slot++) {
    const event = rig.addEvent(slot);
    for (let i = 0; i < 64; i++) rig.submit(event);
  }
  rig.scheduler.turn();
  // What they were given room for: it is used now, and set aside until they return.
  for (const { header } of rig.pool.batches) for (let i = 0; i < header.count; i++) rig.publish(FRAME_UNITS);
  const read = rig.submit('event-1', AVAILABILITY);
  rig.scheduler.turn();
  const batch = rig.pool.take(rig.pool.batches.length - 1);
  t.strictSame(rig.labelsOf(batch), [read]);
  await rig.answer(batch);
  t.equal(rig.codeOf(read), 'reply');
  while (rig.pool.batches.length > 0) await rig.answer(rig.pool.take());
  t.equal(rig.dispatcher.admitted, 0);
});

t.test('each operation takes credit by the largest frame that it may publish', (t) => {
  const rig = new Rig({ ringBytes: 1 << 20 });
  const credit = new Credit(rig.arena, () => 1 << 30);
  const bound = (operation: Operation, bodyBytes = 0): number => credit.frameBound({ operation, bodyBytes });
  t.equal(bound(CREATE_HOLD), COMMAND_FRAME_BYTES_MAX);
  t.equal(bound(CHANGE_HOLD), 8192);
  t.equal(bound(BLOCK), 24_576);
  t.equal(bound(UNBLOCK), 24_576);
  t.equal(bound(CREATE_EVENT, 1000), 12_192, 'a definition by the size of its body');
  t.equal(bound(CREATE_EVENT, 1 << 20), 1 << 18, 'a quarter of the ring at most');
  t.equal(bound(PATCH_EVENT, 20), 1 << 18, 'a patch holds the whole definition, however small it is');
  t.end();
});

t.test('unblocking gives places back, so it draws on the reserve', (t) => {
  const rig = readyRig();
  const event = rig.addEvent(1);
  rig.diskRoom = 4096 * 16;
  rig.dispatcher.onDiskRoom();
  const block = rig.submit(event, BLOCK);
  const unblock = rig.submit(event, UNBLOCK);
  rig.scheduler.turn();
  t.equal(rig.codeOf(block), 'journal-full');
  t.equal(rig.codeOf(unblock), 'none', 'it is under way');
  t.match(rig.pool.batches[0]?.header, { kind: BATCH_KIND.write, count: 1 });
  t.end();
});

t.test('a full disk refuses new changes and those that wait, before anything is changed', async (t) => {
  const rig = readyRig({ workers: 1 });
  const event = rig.addEvent(1);
  const underWay = rig.submit(event);
  rig.scheduler.turn();
  const waiting = rig.submit(event);
  const release = rig.submit(holdId(1), RELEASE_HOLD);
  rig.diskRoom = 1 << 20;
  rig.dispatcher.onDiskRoom();
  t.equal(rig.dispatcher.state, 'journal-full');
  t.equal(rig.codeOf(waiting), 'journal-full');
  const late = rig.submit(event);
  const read = rig.submit(event, AVAILABILITY);
  rig.scheduler.turn();
  t.equal(rig.codeOf(late), 'journal-full');
  await rig.answer(rig.pool.take());
  await rig.answer(rig.pool.take());
  await rig.answer(rig.pool.take());
  t.strictSame(
    [underWay, release, read].map((label) => rig.codeOf(label)),
    ['reply', 'reply', 'reply'],
    'what gives back draws on the reserve, and reads need no room',
  );
  rig.diskRoom = 1 << 30;
  const recovered = rig.submit(event);
  rig.scheduler.turn();
  t.equal(rig.dispatcher.state, 'ready');
  t.equal(rig.codeOf(recovered), 'none', 'there is room again');
});

t.test('with the reserve used up too, even what gives back is refused', (t) => {
  const rig = readyRig({ workers: 1 });
  rig.addEvent(1);
  rig.diskRoom = 4096;
  const release = rig.submit(holdId(1), RELEASE_HOLD);
  rig.scheduler.turn();
  t.equal(rig.codeOf(release), 'journal-full');
  t.equal(rig.pool.batches.length, 0);
  t.end();
});

t.test('room on disk stays set aside until the frames are durable', async (t) => {
  const rig = readyRig({ workers: 1 });
  const event = rig.addEvent(1);
  // The reserve, and a little more than two commands need.
  rig.diskRoom = (4 << 20) + 40_000;
  for (let i = 0; i < 20; i++) rig.submit(event, CREATE_HOLD);
  rig.scheduler.turn();
  const batch = rig.pool.take();
  t.ok(batch.header.count < 20);
  rig.publish(8);
  await rig.answer(batch, { gate: rig.headPosition() });
  t.equal(rig.pool.batches.length, 0, 'returned, but not on disk');
  rig.sync();
  t.match(rig.pool.batches[0]?.header, { kind: BATCH_KIND.write });
});
