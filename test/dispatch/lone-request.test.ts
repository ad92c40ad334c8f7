/**
 * Batches fill by themselves while workers are busy. When none is, a request leaves alone: nothing waits for
 * company.
 */
import t from 'tap';
import { decodeRequests } from '../../src/core/request-codec.ts';
import {
  AVAILABILITY,
  CREATE_EVENT,
  CREATE_HOLD,
  HISTORY,
  type Operation,
} from '../../src/core/operations.ts';
import { SeededRandom } from '../../src/journal/random.ts';
import { Rig } from './rig.ts';

const EMPTY_BODY = new Uint8Array(2);

function readyRig(workers: number): Rig {
  const rig = new Rig({ workers });
  rig.dispatcher.ready();
  return rig;
}

/** Batches that left, as labels. */
function sent(rig: Rig): string[][] {
  const history = rig.history.map(({ batch }) => decodeRequests(batch).map((request) => request.requestId));
  return [...rig.pool.batches.map((batch) => rig.labelsOf(batch)), ...history];
}

const OPERATIONS: readonly [what: string, operation: Operation][] = [
  ['a command', CREATE_HOLD],
  ['a read', AVAILABILITY],
  ['a definition', CREATE_EVENT],
  ['a read of history', HISTORY],
];

for (const workers of [1, 3]) {
  for (const [what, operation] of OPERATIONS) {
    t.test(`${what} alone leaves in the turn it came in, with ${workers} workers`, (t) => {
      const rig = readyRig(workers);
      const event = rig.addEvent(1);
      const timers = rig.scheduler.timerCount;
      const label = rig.submit(operation === CREATE_EVENT ? '' : event, operation, { body: EMPTY_BODY });
      t.equal(rig.scheduler.timerCount, timers, 'no timer is set');
      t.equal(rig.scheduler.immediateCount, 1, 'the end of this turn is all it waits for');
      rig.scheduler.turn();
      t.strictSame(sent(rig), [[label]], 'and the clock has not moved');
      t.equal(rig.scheduler.immediateCount, 0, 'nothing is left to be done');
      t.end();
    });
  }
}

t.test('its answer leaves with the sync that covers it, without another turn', async (t) => {
  const rig = readyRig(1);
  const label = rig.submit(rig.addEvent(1));
  rig.scheduler.turn();
  const gate = rig.publish(10);
  await rig.answer(rig.pool.take(), { gate });
  t.strictSame(rig.answered(), []);
  rig.sync(gate);
  t.strictSame(rig.answered(), [label]);
  t.equal(rig.scheduler.immediateCount, 0);
});

t.test('what a crowd has left behind does not hold up who comes next', async (t) => {
  const seed = 20_261;
  const random = new SeededRandom(seed);
  for (let round = 0; round < 20; round++) {
    const rig = readyRig(1 + random.below(3));
    const events = [rig.addEvent(1), rig.addEvent(2)];
    const crowd = 1 + random.below(200);
    const clients = 1 + random.below(40);
    for (let i = 0; i < crowd; i++) {
      const operation = random.oneIn(4) ? AVAILABILITY : CREATE_HOLD;
      rig.submit(events[random.below(2)], operation, { client: `c${random.below(clients)}` });
    }
    rig.scheduler.turn();
    while (rig.pool.batches.length > 0) {
      // Holds of several places put their clients into debt.
      await rig.answer(rig.pool.take(random.below(rig.pool.batches.length)), {}, () => 1 + random.below(8));
    }
    t.equal(rig.answers.length, crowd);
    const timers = rig.scheduler.timerCount;
    const label = rig.submit(events[random.below(2)], CREATE_HOLD, {
      client: `c${random.below(clients + 1)}`,
    });
    rig.scheduler.turn();
    t.strictSame(sent(rig), [[label]], `seed ${seed}, round ${round}`);
    t.ok(rig.scheduler.timerCount <= timers + 1, 'but for the one that watches a worker that hangs');
  }
});
