import t from 'tap';
import { BATCH_KIND } from '../../src/core/batch.ts';
import { encodeReplies } from '../../src/core/reply-codec.ts';
import { BATCH_COMMANDS_MAX } from '../../src/core/limits.ts';
import { claimSuffix, type CellIndex, type EventSlot } from '../../src/core/ids.ts';
import {
  AVAILABILITY,
  CREATE_EVENT,
  CREATE_HOLD,
  GET_HOLD,
  HISTORY,
  LIST_EVENTS,
  RELEASE_HOLD,
} from '../../src/core/operations.ts';
import { labelReply, Rig, settle } from './rig.ts';

function readyRig(...args: ConstructorParameters<typeof Rig>): Rig {
  const rig = new Rig(...args);
  rig.dispatcher.ready();
  return rig;
}

t.test(
  'requests of one turn leave as one batch, in order, and nothing is answered within submit',
  async (t) => {
    const rig = readyRig();
    const event = rig.addEvent(1);
    const labels = [rig.submit(event), rig.submit(event), rig.submit(event)];
    t.equal(rig.pool.batches.length, 0);
    t.equal(rig.scheduler.immediateCount, 1, 'the flush is scheduled once');
    rig.scheduler.turn();
    const batch = rig.pool.take();
    t.strictSame(rig.labelsOf(batch), labels);
    t.match(batch.header, { kind: BATCH_KIND.write, eventSlot: 1, nowMs: rig.clock.now() });
    await rig.answer(batch);
    t.strictSame(rig.answered(), labels);
    t.equal(rig.dispatcher.admitted, 0);
    t.equal(rig.dispatcher.laneCount, 0, 'no lane is left');
  },
);

t.test('one writing batch per event is in flight, and the next leaves when it returns', async (t) => {
  const rig = readyRig({ workers: 4 });
  const event = rig.addEvent(1);
  const other = rig.addEvent(2);
  rig.submit(event);
  rig.scheduler.turn();
  const second = rig.submit(event);
  rig.submit(other);
  rig.scheduler.turn();
  t.strictSame(
    rig.pool.batches.map((batch) => batch.header.eventSlot),
    [1, 2],
  );
  await rig.answer(rig.pool.take());
  t.strictSame(rig.labelsOf(rig.pool.take(1)), [second], 'without another turn');
});

t.test('with the rule off, writing batches of one event overlap, but those of the registry do not', (t) => {
  const rig = readyRig({ workers: 4 }, { oneWritingBatchPerEvent: false });
  const event = rig.addEvent(1);
  for (let i = 0; i < 2; i++) {
    rig.submit(event);
    rig.submit('', CREATE_EVENT, { body: new Uint8Array(10) });
    rig.scheduler.turn();
  }
  t.strictSame(
    rig.pool.batches.map((batch) => batch.header.eventSlot).sort((a, b) => a - b),
    [0, 1, 1],
  );
  t.end();
});

t.test('reads run beside the writing batch, on all workers but one', (t) => {
  const rig = readyRig({ workers: 3 });
  const event = rig.addEvent(1);
  for (let i = 0; i < 4; i++) {
    rig.submit(event, AVAILABILITY);
    rig.scheduler.turn();
  }
  t.strictSame(
    rig.pool.batches.map((batch) => batch.header.kind),
    [BATCH_KIND.read, BATCH_KIND.read],
  );
  rig.submit(event);
  rig.scheduler.turn();
  t.equal(rig.pool.batches[2]?.header.kind, BATCH_KIND.write);
  t.end();
});

t.test('one worker serves reads and writes in turns', async (t) => {
  const rig = readyRig({ workers: 1 });
  const events = [rig.addEvent(1), rig.addEvent(2), rig.addEvent(3)];
  for (const event of events) {
    rig.submit(event);
    rig.submit(event, AVAILABILITY);
  }
  rig.scheduler.turn();
  const kinds: number[] = [];
  while (rig.pool.batches.length > 0) {
    const batch = rig.pool.take();
    kinds.push(batch.header.kind);
    await rig.answer(batch);
  }
  const { read, write } = BATCH_KIND;
  t.strictSame(kinds, [write, read, write, read, write, read]);
});

t.test('lanes with work take turns, and a batch takes no more than its maximum', async (t) => {
  const rig = readyRig({ workers: 1, ringBytes: 16 << 20, arenaBytes: 64 << 20 });
  const hot = rig.addEvent(1);
  const cold = rig.addEvent(2);
  for (let i = 0; i < BATCH_COMMANDS_MAX + 1; i++) rig.submit(hot);
  rig.submit(cold);
  rig.scheduler.turn();
  const sizes: [slot: number, count: number][] = [];
  while (rig.pool.batches.length > 0) {
    const batch = rig.pool.take();
    sizes.push([batch.header.eventSlot, batch.header.count]);
    await rig.answer(batch);
  }
  t.strictSame(sizes, [
    [1, BATCH_COMMANDS_MAX],
    [2, 1],
    [1, 1],
  ]);
});

t.test('what is about nothing that exists goes to a reader of the registry', (t) => {
  const rig = readyRig();
  rig.addEvent(1);
  const ref = { generation: 7, cell: 0 as CellIndex, random0: 1, random1: 2, random2: 3 };
  rig.submit('no-such-event');
  rig.submit('nonsense', GET_HOLD);
  rig.submit(`hold_${claimSuffix({ ...ref, slot: 1 as EventSlot })}`, RELEASE_HOLD);
  rig.submit(`hold_${claimSuffix({ ...ref, slot: 60_000 as EventSlot })}`, RELEASE_HOLD);
  rig.submit('', LIST_EVENTS);
  rig.scheduler.turn();
  t.equal(rig.pool.batches.length, 1);
  t.match(rig.pool.batches[0]?.header, { kind: BATCH_KIND.read, eventSlot: 0, count: 5 });
  t.end();
});

t.test('a claim id leads to its event', (t) => {
  const rig = readyRig();
  rig.addEvent(5);
  const suffix = claimSuffix({
    slot: 5 as EventSlot,
    generation: 1,
    cell: 3 as CellIndex,
    random0: 1,
    random1: 2,
    random2: 3,
  });
  rig.submit(`hold_${suffix}`, RELEASE_HOLD);
  rig.scheduler.turn();
  t.match(rig.pool.batches[0]?.header, { kind: BATCH_KIND.write, eventSlot: 5 });
  t.end();
});

t.test('beyond the bound a request is refused at once, and admitted again when there is room', async (t) => {
  const rig = readyRig({ queueMax: 2 });
  const event = rig.addEvent(1);
  rig.submit(event);
  rig.submit(event, AVAILABILITY);
  const third = rig.submit(event);
  rig.scheduler.turn();
  t.strictSame(rig.answered(), [third]);
  t.match(rig.answers[0]?.reply, {
    kind: 'problem',
    code: 'overloaded',
    extras: { applied: false, retryAfterMs: Number },
  });
  await rig.answer(rig.pool.take());
  const fourth = rig.submit(event);
  rig.scheduler.turn();
  t.equal(rig.codeOf(fourth), 'none', 'it is admitted');
});

t.test('a reply leaves when its gate is durable, and counts against the bound until then', async (t) => {
  const rig = readyRig({ queueMax: 1 });
  const event = rig.addEvent(1);
  const label = rig.submit(event);
  rig.scheduler.turn();
  const gate = rig.publish(10);
  await rig.answer(rig.pool.take(), { gate });
  t.strictSame(rig.answered(), []);
  const refused = rig.submit(event);
  rig.scheduler.turn();
  t.equal(rig.codeOf(refused), 'overloaded');
  rig.sync(gate - 8);
  t.equal(rig.codeOf(label), 'none');
  rig.sync(gate);
  t.equal(rig.codeOf(label), 'reply');
});

t.test('a batch expires nothing that the oldest unfinished request came in time for', async (t) => {
  const rig = readyRig({ workers: 1 });
  const event = rig.addEvent(1);
  const start = rig.clock.now();
  rig.submit(event);
  rig.scheduler.turn();
  rig.submit(event, CREATE_HOLD, { receivedAtMs: start + 5 });
  rig.submit(event, CREATE_HOLD, { receivedAtMs: start + 3 });
  rig.clock.advance(100);
  rig.scheduler.turn();
  await rig.answer(rig.pool.take());
  t.match(rig.pool.take().header, { nowMs: start + 100, expireBeforeMs: start + 3 });
  t.end();
});

t.test('history goes to its own thread, one batch at a time', async (t) => {
  const rig = readyRig();
  const event = rig.addEvent(1);
  const first = rig.submit(event, HISTORY);
  rig.scheduler.turn();
  const second = rig.submit(event, HISTORY);
  rig.scheduler.turn();
  t.equal(rig.history.length, 1);
  t.equal(rig.pool.batches.length, 0);
  const header = { batchId: 1, gate: 0, nextDeadlineMs: Infinity, expired: 0, moreDue: false };
  rig.history[0]?.resolve(encodeReplies(header, [rig.request(event, HISTORY)], [labelReply(first)]));
  await settle();
  t.equal(rig.codeOf(first), 'reply');
  t.equal(rig.history.length, 2);
  rig.history[1]?.reject(new Error('the history thread died'));
  await settle();
  t.equal(rig.codeOf(second), 'worker-lost');
});

t.test(
  'before it is ready, and once it drains, a dispatcher refuses; drain ends with the last answer',
  async (t) => {
    const rig = new Rig();
    const event = rig.addEvent(1);
    const early = rig.submit(event);
    rig.scheduler.turn();
    t.equal(rig.codeOf(early), 'starting');
    rig.dispatcher.ready();
    t.equal(rig.dispatcher.state, 'ready');
    const admitted = rig.submit(event);
    let drained = false;
    void rig.dispatcher.drain().then(() => (drained = true));
    const late = rig.submit(event);
    rig.scheduler.turn();
    t.equal(rig.codeOf(late), 'draining');
    const gate = rig.publish(4);
    await rig.answer(rig.pool.take(), { gate });
    t.notOk(drained);
    rig.sync();
    await settle();
    t.equal(rig.codeOf(admitted), 'reply');
    t.ok(drained);
  },
);

t.test(
  'when the journal is lost, what was dispatched is unknown and what waits was not applied',
  async (t) => {
    const rig = readyRig({ workers: 2 });
    const event = rig.addEvent(1);
    const gated = rig.submit(event);
    rig.scheduler.turn();
    await rig.answer(rig.pool.take(), { gate: rig.publish(4) });
    const underWay = rig.submit(event);
    rig.scheduler.turn();
    const waiting = rig.submit(event);
    const read = rig.submit(event, AVAILABILITY);
    rig.scheduler.turn();
    rig.dispatcher.journalLost();
    const late = rig.submit(event);
    rig.scheduler.turn();
    t.strictSame(
      [gated, underWay, waiting, read, late].map((label) => rig.codeOf(label)),
      ['outcome-unknown', 'outcome-unknown', 'draining', 'draining', 'draining'],
    );
    await rig.answer(rig.pool.take());
    rig.sync();
    t.equal(rig.answers.length, 5, 'nothing is answered twice');
  },
);
