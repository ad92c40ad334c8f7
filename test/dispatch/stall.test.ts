/** A journal that does not move: who is told, what is refused and what waits, and that all of it ends by itself. */
import t from 'tap';
import { BATCH_KIND } from '../../src/core/batch.ts';
import { STALL_AFTER_MS } from '../../src/core/limits.ts';
import {
  AVAILABILITY,
  CANCEL_ORDER,
  CREATE_EVENT,
  CREATE_HOLD,
  GET_EVENT,
  OPERATIONS,
  RELEASE_HOLD,
} from '../../src/core/operations.ts';
import type { DispatcherOptions } from '../../src/dispatch/options.ts';
import { Rig } from './rig.ts';

const STEP_MS = 100;
/** From the first look that finds nothing moved to the stall, at most. */
const NOTICED_MS = STALL_AFTER_MS * 1.1 + STEP_MS;

interface Stage {
  readonly rig: Rig;
  readonly event: string;
  /** What the log and the metrics are told. */
  readonly told: boolean[];
}

function stage(options: Partial<DispatcherOptions> = {}): Stage {
  const told: boolean[] = [];
  const observe = { admissionWait: () => {}, stalled: (isStalled: boolean) => told.push(isStalled) };
  const rig = new Rig({ workers: 2 }, { observe, ...options });
  const event = rig.addEvent(1);
  rig.dispatcher.ready();
  return { rig, event, told };
}

function pass(rig: Rig, ms: number): void {
  for (let left = ms; left > 0; left -= STEP_MS) {
    rig.clock.advance(STEP_MS);
    rig.scheduler.fire();
  }
}

/** A change that a worker has made, and whose answer waits for the disk. */
async function change({ rig, event }: Stage): Promise<string> {
  const label = rig.submit(event);
  rig.scheduler.turn();
  const gate = rig.publish(8);
  await rig.answer(rig.pool.take(), { gate });
  return label;
}

async function stall(on: Stage): Promise<string> {
  const label = await change(on);
  pass(on.rig, NOTICED_MS);
  return label;
}

t.test(
  'a journal that does not move while an answer waits for it is stalled, and says so once',
  async (t) => {
    const on = stage();
    await change(on);
    pass(on.rig, STALL_AFTER_MS - STEP_MS);
    t.equal(on.rig.dispatcher.state, 'ready', 'not before its time');
    t.equal(on.rig.dispatcher.statistics().isStalled, false);
    pass(on.rig, NOTICED_MS - STALL_AFTER_MS + STEP_MS);
    t.equal(on.rig.dispatcher.state, 'journal-stalled');
    t.equal(on.rig.dispatcher.statistics().isStalled, true);
    pass(on.rig, 10 * STALL_AFTER_MS);
    t.strictSame(on.told, [true]);
  },
);

t.test('--stall-after says how long that is', async (t) => {
  const on = stage({ stallAfterMs: 1000 });
  await change(on);
  pass(on.rig, 900);
  t.equal(on.rig.dispatcher.state, 'ready');
  pass(on.rig, 300);
  t.equal(on.rig.dispatcher.state, 'journal-stalled');
});

t.test('every change is refused then, with nothing done; reads are let in', async (t) => {
  const on = stage();
  const { rig, event } = on;
  await stall(on);
  const changes = OPERATIONS.filter(({ lane }) => lane === 'write' || lane === 'registry');
  t.ok([CREATE_EVENT, CREATE_HOLD, RELEASE_HOLD, CANCEL_ORDER].every((each) => changes.includes(each)));
  const labels = changes.map((operation) => rig.submit(event, operation));
  rig.scheduler.turn();
  t.equal(rig.pool.batches.length, 0, 'no worker hears of them');
  for (const label of labels) {
    const reply = rig.answers.find((answer) => answer.label === label)?.reply;
    t.match(reply, {
      kind: 'problem',
      code: 'journal-stalled',
      extras: { applied: false, retryAfterMs: 1500 },
    });
  }
  t.equal(rig.dispatcher.statistics().refusedTotal['journal-stalled'], changes.length);
  const read = rig.submit(event, GET_EVENT);
  rig.scheduler.turn();
  await rig.answer(rig.pool.take(), { gate: rig.headPosition() });
  t.equal(rig.codeOf(read), 'none', 'a read that has seen what is not durable waits for the disk');
  const old = rig.submit(event, AVAILABILITY);
  rig.scheduler.turn();
  await rig.answer(rig.pool.take(), { gate: 0 });
  t.equal(rig.codeOf(old), 'reply', 'one that has seen nothing new does not');
});

t.test('when the disk answers, what waited leaves and changes are taken again', async (t) => {
  const on = stage();
  const { rig, event } = on;
  const first = await stall(on);
  t.equal(rig.codeOf(first), 'none');
  rig.sync();
  t.equal(rig.codeOf(first), 'reply');
  t.equal(rig.dispatcher.state, 'ready');
  const next = rig.submit(event);
  rig.scheduler.turn();
  await rig.answer(rig.pool.take());
  t.equal(rig.codeOf(next), 'reply');
  pass(rig, 10 * STALL_AFTER_MS);
  t.strictSame(on.told, [true, false]);
  await stall(on);
  t.strictSame(on.told, [true, false, true], 'and it may happen again');
});

t.test('a request that comes with the first answer of a disk that answers again is taken', async (t) => {
  const on = stage();
  const { rig, event } = on;
  let isTaken: boolean | null = null;
  rig.dispatcher.submit(CREATE_HOLD, rig.request(event, CREATE_HOLD), () => {
    const behind = rig.request(event, CREATE_HOLD);
    rig.dispatcher.submit(CREATE_HOLD, behind, (reply) => (isTaken = reply.kind === 'reply'));
  });
  rig.scheduler.turn();
  const gate = rig.publish(8);
  await rig.answer(rig.pool.take(), { gate });
  pass(rig, NOTICED_MS);
  t.equal(rig.dispatcher.state, 'journal-stalled');
  rig.sync();
  rig.scheduler.turn();
  await rig.answer(rig.pool.take());
  t.equal(isTaken, true);
});

t.test('a slow journal that moves is not stalled, and neither is an idle one', async (t) => {
  const on = stage();
  const { rig } = on;
  pass(rig, 20 * STALL_AFTER_MS);
  const unit = 8;
  await change(on);
  for (let i = 0; i < 20; i++) {
    await change(on);
    pass(rig, STALL_AFTER_MS - STEP_MS);
    rig.sync(rig.headPosition() - unit * 8);
    t.equal(rig.dispatcher.state, 'ready');
  }
  rig.sync();
  pass(rig, 20 * STALL_AFTER_MS);
  t.strictSame(on.told, []);
});

t.test('a process that stood still does not take its journal for stalled', async (t) => {
  const on = stage();
  await change(on);
  on.rig.clock.advance(100 * STALL_AFTER_MS);
  on.rig.scheduler.fire();
  t.equal(on.rig.dispatcher.state, 'ready');
});

t.test('no hold runs out before a request that waits behind an answer that waits for the disk', async (t) => {
  const { rig, event } = stage();
  const receivedAtMs = rig.clock.now();
  const first = rig.request(event, CREATE_HOLD);
  const behind = rig.request(event, CREATE_HOLD, { receivedAtMs });
  const endWait = rig.dispatcher.awaitTurn(CREATE_HOLD, event, receivedAtMs);
  rig.dispatcher.submit(CREATE_HOLD, first, () => {
    rig.dispatcher.submit(CREATE_HOLD, behind, () => {});
    endWait?.();
  });
  rig.scheduler.turn();
  const gate = rig.publish(8);
  await rig.answer(rig.pool.take(), { gate });
  pass(rig, NOTICED_MS);
  rig.dispatcher.seed(1, receivedAtMs + 1);
  pass(rig, 20 * STALL_AFTER_MS);
  t.equal(rig.pool.batches.length, 0, 'however long that is');
  rig.sync();
  t.match(rig.pool.batches[0]?.header, { kind: BATCH_KIND.write, count: 1, expireBeforeMs: receivedAtMs });
  await rig.answer(rig.pool.take());
  rig.scheduler.turn();
  t.match(rig.pool.batches[0]?.header, { kind: BATCH_KIND.expire }, 'and then what is due');
});

t.test('nor when the journal moves again, and has not caught up with what was waiting', async (t) => {
  const { rig, event } = stage();
  const receivedAtMs = rig.clock.now();
  rig.dispatcher.submit(CREATE_HOLD, rig.request(event, CREATE_HOLD), () => {});
  rig.scheduler.turn();
  await rig.answer(rig.pool.take(), { gate: rig.publish(8) });
  const early = rig.headPosition();
  const behind = rig.request(event, CREATE_HOLD, { receivedAtMs });
  const endWait = rig.dispatcher.awaitTurn(CREATE_HOLD, event, receivedAtMs);
  rig.dispatcher.submit(CREATE_HOLD, rig.request(event, CREATE_HOLD), () => {
    rig.dispatcher.submit(CREATE_HOLD, behind, () => {});
    endWait?.();
  });
  rig.scheduler.turn();
  await rig.answer(rig.pool.take(), { gate: rig.publish(8) });
  pass(rig, NOTICED_MS);
  rig.dispatcher.seed(1, receivedAtMs + 1);
  pass(rig, 20 * STALL_AFTER_MS);
  rig.sync(early);
  rig.scheduler.turn();
  t.equal(rig.dispatcher.state, 'ready', 'it moves');
  t.equal(rig.pool.batches.length, 0, 'what waits for the next group has its request behind it');
  rig.sync();
  t.match(rig.pool.batches[0]?.header, { kind: BATCH_KIND.write, count: 1, expireBeforeMs: receivedAtMs });
  await rig.answer(rig.pool.take());
  rig.scheduler.turn();
  t.match(rig.pool.batches[0]?.header, { kind: BATCH_KIND.expire }, 'and then what is due');
});

t.test(
  'a journal that waits for a segment does not stand still: its disk is full, and does answer',
  async (t) => {
    const on = stage();
    on.rig.awaitsRoom = true;
    await change(on);
    pass(on.rig, 20 * STALL_AFTER_MS);
    t.equal(on.rig.dispatcher.state, 'ready');
    t.strictSame(on.told, []);
    on.rig.awaitsRoom = false;
    pass(on.rig, NOTICED_MS);
    t.equal(on.rig.dispatcher.state, 'journal-stalled', 'with a segment there it is a matter of the disk');
  },
);

t.test('a dispatcher that is drained looks no more', async (t) => {
  const { rig } = stage();
  await rig.dispatcher.drain();
  t.equal(rig.scheduler.timerCount, 0);
});

t.test('a stall ends with the journal itself', async (t) => {
  const on = stage();
  const waiting = await stall(on);
  on.rig.dispatcher.journalLost();
  t.equal(on.rig.codeOf(waiting), 'outcome-unknown');
  t.equal(on.rig.dispatcher.state, 'draining');
  t.equal(on.rig.scheduler.timerCount, 0, 'nobody looks any more');
});
