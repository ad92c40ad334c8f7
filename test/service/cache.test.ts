/** The cache of each worker: counted, evicted by announcements, and never wrong even when those do not arrive. */
import { receiveMessageOnPort, type MessagePort } from 'node:worker_threads';
import t from 'tap';
import { BATCH_KIND } from '../../src/core/batch.ts';
import { AVAILABILITY, CREATE_HOLD, GET_EVENT, SEATS } from '../../src/core/operations.ts';
import { eventBase } from '../../src/memory/arena.ts';
import { EVENT } from '../../src/memory/layout.ts';
import { abortGuard, openGuard, readGuard } from '../../src/memory/guard.ts';
import { cacheCounts } from '../../src/memory/threads.ts';
import { WorkerCache } from '../../src/service/cache.ts';
import { textReply } from '../../src/service/replies.ts';
import { GALA, jsonOf, requestOf, ServiceRig } from './rig.ts';

const ONE = { subject: 'gala', body: { items: [{ section: 'floor', quantity: 1 }] } };

function sold(rig: ServiceRig, server: number): number {
  return Number(jsonOf(rig.read(AVAILABILITY, { subject: 'gala' }, 1, server))['held']);
}

t.test(
  'reads of what has not changed are hits, each change costs one miss a reply, and all is counted',
  async (t) => {
    const rig = new ServiceRig();
    t.teardown(() => rig.close());
    rig.define(GALA);
    const reads = [
      [AVAILABILITY, ''],
      [SEATS, ''],
      [SEATS, 'section=stalls'],
      [GET_EVENT, ''],
    ] as const;
    const readAll = (): void => {
      for (const [operation, query] of reads) rig.read(operation, { subject: 'gala', query });
    };
    readAll();
    t.match(cacheCounts(rig.arena), { hits: 0, misses: 4, evictions: 0 });
    readAll();
    readAll();
    t.match(cacheCounts(rig.arena), { hits: 8, misses: 4, evictions: 0 });
    t.equal(rig.write(CREATE_HOLD, ONE).status, 201);
    t.match(cacheCounts(rig.arena), { evictions: 4 }, 'who changes an event forgets its replies');
    t.equal(sold(rig, 0), 1);
    t.match(cacheCounts(rig.arena), { hits: 8, misses: 5 });
    rig.write(CREATE_HOLD, { ...ONE, body: { items: [{ section: 'nowhere', quantity: 1 }] } });
    t.equal(sold(rig, 0), 1);
    t.match(cacheCounts(rig.arena), { hits: 9, misses: 5 }, 'a refusal costs nothing');
  },
);

t.test('ready replies of an event are bounded, the oldest goes first', async (t) => {
  const rig = new ServiceRig();
  t.teardown(() => rig.close());
  const sections = Array.from({ length: 70 }, (_, i) => ({
    id: `s${i}`,
    kind: 'seated',
    rows: [{ id: 'A', seats: 2 }],
  }));
  rig.define({ ...GALA, sections });
  for (let i = 0; i < 70; i++) rig.read(SEATS, { subject: 'gala', query: `section=s${i}` });
  t.match(cacheCounts(rig.arena), { hits: 0, misses: 70, evictions: 6 });
  rig.read(SEATS, { subject: 'gala', query: 'section=s69' });
  rig.read(SEATS, { subject: 'gala', query: 'section=s0' });
  t.match(cacheCounts(rig.arena), { hits: 1, misses: 71, evictions: 7 });
});

t.test('an announcement evicts at the start of the next batch', async (t) => {
  const rig = new ServiceRig(2);
  t.teardown(() => rig.close());
  rig.define(GALA);
  t.equal(sold(rig, 1), 0);
  rig.write(CREATE_HOLD, ONE, 1, 0);
  const before = cacheCounts(rig.arena);
  t.equal(sold(rig, 1), 1);
  const after = cacheCounts(rig.arena);
  t.equal(after.evictions - before.evictions, 1);
  t.equal(after.hits, before.hits);
});

t.test('a stale reply is never served, though no announcement arrives', async (t) => {
  const rig = new ServiceRig(2, true);
  t.teardown(() => rig.close());
  rig.define(GALA);
  for (let holds = 1; holds <= 5; holds++) {
    t.equal(sold(rig, 1), holds - 1);
    t.equal(sold(rig, 1), holds - 1);
    rig.write(CREATE_HOLD, ONE, 1, 0);
    t.equal(sold(rig, 1), holds);
  }
  t.equal(cacheCounts(rig.arena).evictions, 0, 'nothing was evicted: the guard told');
});

t.test('a reply that was read while a change went on is not kept', async (t) => {
  const rig = new ServiceRig();
  t.teardown(() => rig.close());
  rig.define(GALA);
  openGuard(rig.arena, 1, 0);
  // The definition can be read without a window; it is answered, and not kept under an odd guard.
  t.equal(rig.read(GET_EVENT, { subject: 'gala' }).status, 200);
  t.equal(rig.read(GET_EVENT, { subject: 'gala' }).status, 200);
  t.match(cacheCounts(rig.arena), { hits: 0, misses: 2 });
  abortGuard(rig.arena, 1);
});

t.test('the same reads of one batch are made once, though the event changes all the time', async (t) => {
  const rig = new ServiceRig();
  t.teardown(() => rig.close());
  rig.define(GALA);
  const ask = (ifNoneMatch: string, requestId: string) =>
    requestOf(AVAILABILITY, { subject: 'gala', ifNoneMatch, requestId });
  // As while a frame is applied: nothing that is read now may be kept for the next batch.
  openGuard(rig.arena, 1, 0);
  const { etag } = rig.read(AVAILABILITY, { subject: 'gala' });
  t.match(cacheCounts(rig.arena), { hits: 0, misses: 1 });
  const requests = [ask('', 'r1'), ask('', 'r2'), ask(etag, 'r3'), ask('"other"', 'r4'), ask('', 'r5')];
  const { replies } = rig.batch(BATCH_KIND.read, 1, requests);
  t.match(cacheCounts(rig.arena), { hits: 4, misses: 2 });
  t.strictSame(
    replies.map(({ status }) => status),
    [200, 200, 304, 200, 200],
  );
  for (const reply of replies.filter(({ status }) => status === 200))
    t.same(reply.body, replies[0].body, 'all the same');
  t.equal(replies[2].body.length, 0);
  rig.read(AVAILABILITY, { subject: 'gala' });
  t.match(cacheCounts(rig.arena), { hits: 4, misses: 3 }, 'the next batch looks again');
  abortGuard(rig.arena, 1);
});

t.test(
  'bodies of ready replies are bounded: those of the event that was idle longest go first',
  async (t) => {
    const rig = new ServiceRig();
    t.teardown(() => rig.close());
    const [thread] = rig.threads;
    const context = {
      arena: rig.arena,
      thread,
      batchId: 1,
      commandIndex: 0,
      nowMs: 0,
      nearPosition: 0,
      gate: 0,
    };
    const cache = new WorkerCache(context, rig.channels[0], { replyBytes: 1000 });
    const slots = ['a', 'b', 'c'].map((id) => rig.define({ ...GALA, id }));
    const keep = (slot: number, name: string, bytes: number): void => {
      const event = cache.event(slot);
      if (event === null) throw new Error('the event is there');
      const reply = textReply(200, 'x'.repeat(bytes));
      cache.keep(event, name, readGuard(rig.arena, slot), { reply, position: 0 });
    };
    const isReady = (slot: number, name: string): boolean => {
      const event = cache.event(slot);
      return event !== null && cache.ready(event, name) !== null;
    };
    const [first, second, third] = slots;
    keep(first, 'n', 400);
    keep(second, 'n', 400);
    cache.drain();
    t.ok(isReady(first, 'n'), 'now the second is the one that was idle');
    keep(third, 'n', 400);
    cache.drain();
    t.strictSame(
      slots.map((slot) => isReady(slot, 'n')),
      [true, false, true],
    );
    // The same name again takes no more room.
    for (let i = 0; i < 10; i++) keep(first, 'n', 400);
    cache.drain();
    t.ok(isReady(third, 'n'));
    keep(first, 'huge', 2000);
    cache.drain();
    t.notOk(isReady(first, 'huge'), 'one that is larger than all the room is for its own batch alone');
  },
);

t.test(
  'what is kept of events is bounded by what it takes: the one that was idle longest goes first',
  async (t) => {
    const rig = new ServiceRig();
    t.teardown(() => rig.close());
    const [thread] = rig.threads;
    const context = {
      arena: rig.arena,
      thread,
      batchId: 1,
      commandIndex: 0,
      nowMs: 0,
      nearPosition: 0,
      gate: 0,
    };
    const [first, second, third] = ['a', 'b', 'c'].map((id) => rig.define({ ...GALA, id }));
    const hall = { id: 'hall', kind: 'seated', rows: [{ id: 'A', seats: ['1..900'] }] };
    const large = rig.define({ ...GALA, id: 'd', sections: [hall] });
    const each = new WorkerCache(context, rig.channels[0]).event(first)?.bytes ?? 0;
    const cache = new WorkerCache(context, rig.channels[0], { eventBytes: each * 2.5 });

    const [a, b] = [cache.event(first), cache.event(second)];
    t.equal(cache.event(first), a, 'now the second is the one that was idle');
    const c = cache.event(third);
    t.equal(cache.event(first), a);
    t.equal(cache.event(third), c);
    t.not(cache.event(second), b, 'it was parsed anew');
    t.not(cache.event(first), a, 'in the place of the first');

    const d = cache.event(large);
    t.ok(d !== null && d.bytes > each * 2.5, 'seats count');
    t.equal(cache.event(large), d, 'one that is larger than all the room is kept alone');
    cache.event(second);
    t.not(cache.event(large), d, 'until another is asked for');
  },
);

t.test(
  'an event has one announcement under way, however often it changes and whoever is slow to hear',
  async (t) => {
    const rig = new ServiceRig(3);
    t.teardown(() => rig.close());
    rig.define(GALA);
    const announcements = (): number => cacheCounts(rig.arena).announcements;
    for (let i = 0; i < 5; i++) rig.write(CREATE_HOLD, ONE, 1, 0);
    t.equal(announcements(), 1, 'nobody has heard the first yet');
    // The second worker hears, over and over; the third is idle all the time, and its messages must not pile up.
    for (let i = 0; i < 5; i++) {
      t.equal(sold(rig, 1), 5 + i);
      rig.write(CREATE_HOLD, ONE, 1, 0);
    }
    let waiting = 0;
    while (receiveMessageOnPort(rig.channels[2] as unknown as MessagePort) !== undefined) waiting++;
    t.equal(waiting, 1, 'the idle worker has one message');
    t.equal(announcements(), 1);
  },
);

t.test('who has heard is told again, and a worker that starts has nothing outstanding', async (t) => {
  const rig = new ServiceRig(2);
  t.teardown(() => rig.close());
  rig.define(GALA);
  for (let i = 1; i <= 3; i++) {
    rig.write(CREATE_HOLD, ONE, 1, 0);
    t.equal(cacheCounts(rig.arena).announcements, i);
    t.equal(sold(rig, 1), i);
    t.equal(rig.arena.words[eventBase(rig.arena, 1) + EVENT.announce], 0, 'its bit is cleared');
  }
});

t.test('a lone worker announces nothing', async (t) => {
  const rig = new ServiceRig(1);
  t.teardown(() => rig.close());
  rig.define(GALA);
  rig.write(CREATE_HOLD, ONE);
  t.equal(cacheCounts(rig.arena).announcements, 0);
});
