/** When to come back: told to clients of a simulated server, and kept to by them. */
import t from 'tap';
import { AVAILABILITY } from '../../src/core/operations.ts';
import { ADVICE_MAX_MS, ADVICE_MIN_MS, Drain } from '../../src/dispatch/drain.ts';
import { SeededRandom } from '../../src/journal/random.ts';
import { Rig } from './rig.ts';

t.test('the rate follows what is answered, and leaves idle time out', (t) => {
  const drain = new Drain(0);
  t.equal(drain.adviseMs(0, 100, 0), null, 'nothing is known');
  for (let nowMs = 1; nowMs <= 5000; nowMs++) drain.answered(2, nowMs);
  t.ok(Math.abs(drain.perMs(5000) - 2) < 0.01);
  drain.pause(5000);
  drain.resume(3_605_000);
  t.ok(Math.abs(drain.perMs(3_605_000) - 2) < 0.01, 'an hour of rest is no slowness');
  for (let nowMs = 3_605_001; nowMs <= 3_613_000; nowMs += 10) drain.answered(5, nowMs);
  t.ok(Math.abs(drain.perMs(3_613_000) - 0.5) < 0.05, 'it has slowed down');
  t.end();
});

t.test('the advice has bounds, and each who is turned away gets a later time', (t) => {
  const drain = new Drain(0);
  drain.answered(1000, 1000);
  const told = Array.from({ length: 100 }, () => drain.adviseMs(1000, 1000, 0) ?? 0);
  t.equal(told[0], 64, 'a batch from now');
  t.equal(told[99], 64 + 2 * 99);
  const slow = new Drain(0);
  slow.answered(1, 1000);
  t.equal(slow.adviseMs(1000, 8000, 0), ADVICE_MAX_MS);
  const fast = new Drain(0);
  fast.answered(1_000_000, 1000);
  t.equal(fast.adviseMs(1000, 10, 0), ADVICE_MIN_MS);
  t.end();
});

const RUSH_STEP = 20;

/** A server that answers a batch each `batchMs`, and clients that come back when they are told. */
async function simulate(
  seed: number,
  batchMs: number,
  steps: number,
  clientOf: (random: SeededRandom) => string,
): Promise<{ first: number; again: number; refusedAgain: number }> {
  const random = new SeededRandom(seed);
  const rig = new Rig({ workers: 1, queueMax: 512 }, { random: () => random.next() / 2 ** 32 });
  rig.dispatcher.ready();
  const event = rig.addEvent(1);
  const due: { atMs: number; client: string }[] = [];
  const retries = new Set<string>();
  const labels = new Map<string, string>();
  const result = { first: 0, again: 0, refusedAgain: 0 };
  let seen = 0;
  const submit = (client: string, isRetry: boolean): void => {
    const label = rig.submit(event, AVAILABILITY, { client });
    if (isRetry) retries.add(label);
    labels.set(label, client);
  };
  for (let step = 0; step < steps; step++) {
    // Half of what the server can do, and once a rush that fills the queue.
    const count = step === RUSH_STEP ? 900 : 32;
    for (let i = 0; i < count; i++) submit(clientOf(random), false);
    for (const { client } of due.filter(({ atMs }) => atMs <= rig.clock.now())) submit(client, true);
    due.splice(0, due.length, ...due.filter(({ atMs }) => atMs > rig.clock.now()));
    rig.scheduler.turn();
    for (const { label, reply } of rig.answers.slice(seen)) {
      seen++;
      if (reply.kind !== 'problem') continue;
      const waitMs = reply.extras.retryAfterMs ?? 0;
      const isRetry = retries.has(label);
      if (isRetry) result.refusedAgain++;
      else result.first++;
      due.push({ atMs: rig.clock.now() + waitMs, client: labels.get(label) ?? '' });
    }
    rig.clock.advance(batchMs);
    if (rig.pool.batches.length > 0) await rig.answer(rig.pool.take());
  }
  result.again = retries.size;
  return result;
}

t.test('who comes back when told gets in, when the queue was full', async (t) => {
  let next = 0;
  const result = await simulate(1, 4, 120, () => `client-${next++ % 400}`);
  t.ok(result.first > 300, `${result.first} were turned away`);
  t.equal(result.again, result.first + result.refusedAgain, 'and all came back');
  t.ok(result.refusedAgain <= result.again * 0.1, `${result.refusedAgain} of ${result.again} in vain`);
});

t.test('who comes back when told gets in, when it was its own part that was full', async (t) => {
  const result = await simulate(2, 4, 120, () => 'flood');
  t.ok(result.first > 300, `${result.first} were turned away`);
  t.equal(result.again, result.first + result.refusedAgain, 'and all came back');
  t.ok(result.refusedAgain <= result.again * 0.1, `${result.refusedAgain} of ${result.again} in vain`);
});

t.test('the time that is told is the time it takes, within a factor', async (t) => {
  const rig = new Rig({ workers: 1, queueMax: 512 });
  rig.dispatcher.ready();
  const event = rig.addEvent(1);
  const batchMs = 5;
  // The same reads would be answered together.
  let reads = 0;
  const read = (client: string): string =>
    rig.submit(event, AVAILABILITY, { client, query: String(reads++) });
  for (let i = 0; i < 512; i++) read(`client-${i % 100}`);
  rig.scheduler.turn();
  // The pace becomes known.
  for (let i = 0; i < 4; i++) {
    rig.clock.advance(batchMs);
    await rig.answer(rig.pool.take());
    for (let j = 0; j < 64; j++) read(`client-${j}`);
    rig.scheduler.turn();
  }
  const refused: number[] = [];
  const before = rig.answers.length;
  for (let i = 0; i < 256; i++) read(`late-${i}`);
  rig.scheduler.turn();
  for (const { reply } of rig.answers.slice(before))
    if (reply.kind === 'problem') refused.push(reply.extras.retryAfterMs ?? 0);
  t.equal(refused.length, 256);
  const toldLast = Math.max(...refused);
  // There is room for the last of them when 256 have been answered: four batches, and the one that is under way.
  const really = 5 * batchMs;
  t.ok(toldLast > really && toldLast < really * 3, `${toldLast} ms told, ${really} ms in truth`);
});
