/** What a client gets beside others, over the dispatcher: turns, room, and the truth about when to come back. */
import t from 'tap';
import type { BatchRequest } from '../../src/core/batch.ts';
import { BATCH_COMMANDS_MAX, CLIENT_QUEUE_MIN } from '../../src/core/limits.ts';
import { AVAILABILITY, CREATE_HOLD, HISTORY, READ_CHANGES } from '../../src/core/operations.ts';
import { SeededRandom } from '../../src/journal/random.ts';
import { Rig } from './rig.ts';

function readyRig(...args: ConstructorParameters<typeof Rig>): Rig {
  const rig = new Rig(...args);
  rig.dispatcher.ready();
  return rig;
}

const ROOMY = { workers: 1, ringBytes: 16 << 20, arenaBytes: 64 << 20 };

function clientsOf(requests: readonly BatchRequest[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { client } of requests) counts[client] = (counts[client] ?? 0) + 1;
  return counts;
}

t.test(
  'beside a thousand connections, one with 64 gets its half and one with a single one is next',
  async (t) => {
    const rig = readyRig(ROOMY);
    const event = rig.addEvent(1);
    for (let i = 0; i < 1000; i++) rig.submit(event, CREATE_HOLD, { client: 'crowd' });
    rig.scheduler.turn();
    for (let i = 0; i < 64; i++) rig.submit(event, CREATE_HOLD, { client: 'few' });
    const single = rig.submit(event, CREATE_HOLD, { client: 'one' });
    rig.scheduler.turn();
    const shares: Record<string, number>[] = [];
    let batches = 0;
    let singleIn = 0;
    while (rig.answers.length < 1065) {
      const batch = rig.pool.take();
      batches++;
      if (rig.labelsOf(batch).includes(single)) singleIn = batches;
      shares.push(clientsOf(batch.requests));
      await rig.answer(batch);
    }
    t.strictSame(shares.slice(0, 7), [
      { crowd: 64 },
      { crowd: 16, few: 15, one: 1 },
      { crowd: 16, few: 16 },
      { crowd: 16, few: 16 },
      { crowd: 16, few: 16 },
      // Sixteen of its own are in the batch that has just left.
      { crowd: 31, few: 1 },
      { crowd: 64 },
    ]);
    t.ok(singleIn <= 2, 'within two batches');
    t.equal(rig.dispatcher.statistics().clients, 0);
    t.equal(rig.dispatcher.laneCount, 0);
  },
);

t.test('batches are short only where two clients have more under way than a turn', async (t) => {
  const rig = readyRig(ROOMY);
  const event = rig.addEvent(1);
  for (let i = 0; i < 500; i++) rig.submit(event, CREATE_HOLD, { client: 'crowd' });
  rig.scheduler.turn();
  const first = rig.pool.take();
  rig.submit(event, CREATE_HOLD, { client: 'one' });
  await rig.answer(first);
  const second = rig.pool.take();
  t.same(clientsOf(second.requests), { crowd: 63, one: 1 });
  for (let i = 0; i < 17; i++) rig.submit(event, CREATE_HOLD, { client: 'few' });
  await rig.answer(second);
  t.same(clientsOf(rig.pool.take().requests), { crowd: 16, few: 16 });
});

t.test(
  'in a closed loop, with answers a batch late, 64 connections get their half and one is never far',
  async (t) => {
    const rig = readyRig(ROOMY);
    const event = rig.addEvent(1);
    const connections = { crowd: 1000, few: 64, one: 1 };
    for (const [client, count] of Object.entries(connections))
      for (let i = 0; i < count; i++) rig.submit(event, CREATE_HOLD, { client });
    rig.scheduler.turn();
    const counts = { crowd: 0, few: 0, one: 0 };
    let late: readonly BatchRequest[] = [];
    let gap = 0;
    let longestGap = 0;
    for (let batches = 0; batches < 100; batches++) {
      const batch = rig.pool.take();
      // What the batch before answered has reached its clients, and they ask again.
      for (const { client } of late) rig.submit(event, CREATE_HOLD, { client });
      rig.scheduler.turn();
      late = batch.requests;
      gap++;
      for (const { client } of batch.requests) {
        counts[client as keyof typeof counts]++;
        if (client === 'one') gap = 0;
      }
      longestGap = Math.max(longestGap, gap);
      await rig.answer(batch);
    }
    const share = counts.few / ((counts.crowd + counts.few) / 2);
    t.ok(share >= 0.95, `${share} of an equal share`);
    t.ok(longestGap <= 2, 'at once when it asks: a batch to answer, and one on the way');
  },
);

t.test('shares are counted in tickets: who takes eight at a time gets an eighth of the turns', async (t) => {
  const rig = readyRig(ROOMY);
  const event = rig.addEvent(1);
  let bigTickets = 0;
  let smallTickets = 0;
  const cost = ({ client }: BatchRequest): number => (client === 'big' ? 8 : 1);
  // Each keeps 200 waiting.
  for (const client of ['big', 'small'])
    for (let i = 0; i < 200; i++) rig.submit(event, CREATE_HOLD, { client });
  rig.scheduler.turn();
  for (let batches = 0; batches < 60; batches++) {
    const batch = rig.pool.take();
    for (const request of batch.requests) {
      rig.submit(event, CREATE_HOLD, { client: request.client });
      // A batch under way is charged when it has returned: the first ones are not counted.
      if (batches < 10) continue;
      if (request.client === 'big') bigTickets += cost(request);
      else smallTickets += cost(request);
    }
    rig.scheduler.turn();
    await rig.answer(batch, {}, cost);
  }
  const share = bigTickets / (bigTickets + smallTickets);
  t.ok(Math.abs(share - 0.5) < 0.06, `${share} of the tickets`);
});

t.test('within one client commands keep their order', async (t) => {
  const rig = readyRig(ROOMY);
  const event = rig.addEvent(1);
  const labels: Record<string, string[]> = { a: [], b: [], c: [] };
  const random = new SeededRandom(1);
  for (let i = 0; i < 500; i++) {
    const client = 'abc'.charAt(random.below(3));
    labels[client]?.push(rig.submit(event, CREATE_HOLD, { client }));
    if (random.oneIn(20)) rig.scheduler.turn();
  }
  rig.scheduler.turn();
  const got: Record<string, string[]> = { a: [], b: [], c: [] };
  while (rig.pool.batches.length > 0) {
    const batch = rig.pool.take();
    for (const { client, requestId } of batch.requests) got[client]?.push(requestId);
    await rig.answer(batch, {}, () => 1 + random.below(8));
  }
  t.strictSame(got, labels);
});

t.test('who floods fifty events gets no more of the workers than who wants one', async (t) => {
  for (const operation of [CREATE_HOLD, AVAILABILITY]) {
    const rig = readyRig({ ...ROOMY, eventsMax: 64 });
    const events = Array.from({ length: 50 }, (_, index) => rig.addEvent(index + 1));
    const wanted = rig.addEvent(60);
    // The same reads would be answered together.
    const submit = (event: string, client: string, i: number): string =>
      rig.submit(event, operation, { client, query: String(i) });
    for (let i = 0; i < 500; i++) submit(events[i % 50], 'flood', i);
    for (let i = 0; i < 10 * BATCH_COMMANDS_MAX; i++) submit(wanted, 'buyer', i);
    rig.scheduler.turn();
    const turns: string[] = [];
    const slots = new Set<number>();
    for (let batches = 0; batches < 20; batches++) {
      const batch = rig.pool.take();
      const client = batch.requests[0]?.client ?? '';
      turns.push(client);
      if (client === 'flood') slots.add(batch.header.eventSlot);
      await rig.answer(batch);
    }
    t.equal(turns.filter((client) => client === 'buyer').length, 10, `${operation.name}: every other batch`);
    t.equal(slots.size, 10, 'and its own events take turns');
    while (rig.pool.batches.length > 0) await rig.answer(rig.pool.take());
    t.equal(rig.dispatcher.laneCount, 0);
  }
});

t.test(
  'an event that many want waits for one batch of each other event, and they for one of it',
  async (t) => {
    const rig = readyRig(ROOMY);
    const hot = rig.addEvent(1);
    const quiet = rig.addEvent(2);
    for (let i = 0; i < 640; i++) rig.submit(hot, CREATE_HOLD, { client: `buyer-${i}` });
    for (let i = 0; i < 3; i++) rig.submit(quiet, CREATE_HOLD, { client: `guest-${i}` });
    rig.scheduler.turn();
    const slots: number[] = [];
    for (let batches = 0; batches < 6; batches++) {
      const batch = rig.pool.take();
      slots.push(batch.header.eventSlot);
      await rig.answer(batch);
      if (batches < 3) rig.submit(quiet, CREATE_HOLD, { client: 'late' });
      rig.scheduler.turn();
    }
    t.ok(slots.slice(0, 3).includes(2), slots.join());
    t.ok(slots.filter((slot) => slot === 1).length >= 3, slots.join());
  },
);

t.test('a client that shares an event with a flood is not passed over with it', async (t) => {
  const rig = readyRig({ ...ROOMY, eventsMax: 64 });
  const events = Array.from({ length: 50 }, (_, index) => rig.addEvent(index + 1));
  for (let i = 0; i < 2000; i++) rig.submit(events[i % 50], CREATE_HOLD, { client: 'flood' });
  rig.scheduler.turn();
  await rig.answer(rig.pool.take());
  const label = rig.submit(events[40], CREATE_HOLD, { client: 'buyer' });
  rig.scheduler.turn();
  let batches = 0;
  while (rig.codeOf(label) === 'none') {
    batches++;
    await rig.answer(rig.pool.take());
  }
  t.ok(batches <= 4, `${batches} batches`);
});

t.test('history is served in turns, too', async (t) => {
  const rig = readyRig();
  const event = rig.addEvent(1);
  for (let i = 0; i < 40; i++) rig.submit(event, HISTORY, { client: 'crowd' });
  rig.submit(event, HISTORY, { client: 'one' });
  rig.scheduler.turn();
  await rig.answerHistory();
  await rig.answerHistory();
  t.ok(rig.answers.length <= 16);
  t.ok(rig.answeredClients().includes('one'), 'in the second batch');
  rig.dispatcher.journalLost();
});

t.test('one client cannot fill the queue: others still get in', async (t) => {
  const rig = readyRig({ ...ROOMY, queueMax: 1000 });
  const event = rig.addEvent(1);
  for (let i = 0; i < 2000; i++) rig.submit(event, CREATE_HOLD, { client: 'flood' });
  rig.scheduler.turn();
  t.equal(rig.dispatcher.admitted, 500, 'half of the room, to one alone');
  for (let i = 0; i < 2000; i++) rig.submit(event, CREATE_HOLD, { client: 'second' });
  rig.scheduler.turn();
  t.equal(rig.dispatcher.admitted, 750);
  for (let client = 0; client < 10; client++) {
    for (let i = 0; i < CLIENT_QUEUE_MIN + 1; i++)
      rig.submit(event, CREATE_HOLD, { client: `other-${client}` });
  }
  rig.scheduler.turn();
  t.equal(rig.dispatcher.admitted, 1000);
  const { refusedTotal, clients, queued, inFlight } = rig.dispatcher.statistics();
  t.strictSame([clients, queued, inFlight], [6, 1000 - 64, 64]);
  t.equal(refusedTotal.overloaded, 4000 + 650 - 1000);
  while (rig.pool.batches.length > 0) await rig.answer(rig.pool.take());
  t.equal(rig.dispatcher.statistics().admittedBytes, 0);
});

t.test('bodies of one client cannot fill the queue either', (t) => {
  const rig = readyRig({ ...ROOMY, queueMax: 100_000 });
  const event = rig.addEvent(1);
  const body = new Uint8Array(16 << 20);
  for (let i = 0; i < 16; i++) rig.submit(event, CREATE_HOLD, { client: 'flood', body });
  rig.submit(event, CREATE_HOLD, { client: 'one', body: new Uint8Array(100) });
  t.equal(rig.dispatcher.statistics().admittedBytes, ((8 * 16) << 20) + 100, 'half, and somebody else');
  t.end();
});

t.test('a client over its rate is refused before anything, with the time until its next token', (t) => {
  const rig = readyRig({ ...ROOMY, queueMax: 4 }, { rateLimit: { none: { perSecond: 10, burst: 2 } } });
  const event = rig.addEvent(1);
  const ask = (role: 'none' | 'sales', client: string): string =>
    rig.submit(event, AVAILABILITY, { role, client });
  const labels = [ask('none', 'a'), ask('none', 'a'), ask('none', 'a'), ask('none', 'b'), ask('sales', 'a')];
  rig.clock.advance(30);
  labels.push(ask('none', 'a'));
  rig.clock.advance(70);
  labels.push(ask('none', 'a'), ask('none', 'b'));
  rig.scheduler.turn();
  t.strictSame(
    labels.map((label) => rig.codeOf(label)),
    ['none', 'none', 'rate-limited', 'none', 'none', 'rate-limited', 'overloaded', 'overloaded'],
  );
  t.strictSame(
    rig.answers.slice(0, 2).map(({ reply }) => (reply.kind === 'problem' ? reply.extras.retryAfterMs : 0)),
    [100, 70],
  );
  t.match(rig.answers[0]?.reply, { extras: { applied: false } });
  rig.submit(event, READ_CHANGES, { role: 'none', client: 'a' });
  t.match(
    rig.dispatcher.statistics().refusedTotal,
    { 'rate-limited': 2, overloaded: 3 },
    'our own are not limited',
  );
  t.end();
});

t.test('how long a request waited for its batch is told once for each', async (t) => {
  const waits: number[] = [];
  const rig = readyRig({ workers: 1 }, { observe: { admissionWait: (ms) => waits.push(ms) } });
  const event = rig.addEvent(1);
  rig.submit(event);
  rig.scheduler.turn();
  rig.submit(event);
  rig.submit(event, AVAILABILITY);
  rig.submit(event, HISTORY);
  rig.clock.advance(5);
  rig.scheduler.turn();
  rig.clock.advance(20);
  await rig.answer(rig.pool.take());
  await rig.answer(rig.pool.take());
  await rig.answer(rig.pool.take());
  t.strictSame(waits, [0, 5, 25, 25]);
  t.match(rig.dispatcher.statistics(), {
    admittedTotal: 4,
    admitted: 1,
    inFlight: 1,
    batchesTotal: { write: 2, read: 1, history: 1, expire: 0, answer: 0 },
    workerLossesTotal: 0,
  });
});
