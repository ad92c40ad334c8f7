import t from 'tap';
import { LIFE, liveStage } from './support/live-stage.ts';
import type { HandSink, Peer } from './support/live-stage.ts';

function knows(peer: Peer, sink: HandSink): boolean {
  return [...sink.hall.seats].every(([seat, { state }]) => peer.seats.get(seat) === state);
}

/** The same numbers in each run. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

t.test('a stream begins with where it is and when to come back, and tells what changes', async (t) => {
  const { sink, subscribe, pass } = liveStage();
  sink.hall.change('stalls-A-1', 'h');
  const peer = subscribe();
  t.equal(peer.listener, null, 'nothing is said before the event is known to be there');
  sink.answer();
  t.same(peer.answered, [[200, '']]);
  t.match(peer.headers, /^Content-Type: text\/event-stream\r\n/);
  t.equal(peer.text, `retry: 3500\nid: ${LIFE}-1\n\n`);
  sink.change('stalls-A-2', 's');
  pass(200);
  t.match(peer.told, [
    {
      event: 'change',
      id: `${LIFE}-2`,
      data: {
        event: 'gala',
        sequence: 2,
        seats: { 'stalls-A-2': 's' },
        sections: [{ id: 'stalls', sold: 1 }],
      },
    },
  ]);
  t.notOk('state' in (peer.told[0]?.data ?? {}));
});

t.test('a batch that has changed nothing is told to nobody', async (t) => {
  const { sink, live, subscribe, pass } = liveStage();
  const peers = [subscribe(), subscribe()];
  sink.answer();
  sink.change('stalls-A-1', 'h');
  pass(200);
  const before = live.counts();
  sink.changed?.('gala');
  pass(200);
  t.equal(live.counts().reads, before.reads + 1, 'it is looked at');
  t.equal(live.counts().messages, before.messages);
  for (const { told } of peers) t.equal(told.length, 1);
});

t.test('a thousand changes are a few messages, rendered once, and all end up with the same', async (t) => {
  const { sink, live, subscribe, pass } = liveStage({ perClientMax: 1000 });
  const peers = Array.from({ length: 200 }, () => subscribe());
  sink.answer();
  const readsBefore = live.counts().reads;
  for (let i = 0; i < 1000; i++) {
    sink.change(`stalls-A-${i % 50}`, 'ahs'.charAt(i % 3));
    if (i % 10 === 9) pass(10);
  }
  pass(200);
  const reads = live.counts().reads - readsBefore;
  t.ok(reads <= 13, `${reads} reads in a second and a bit`);
  for (const peer of peers) if (!knows(peer, sink)) t.fail('a subscriber does not know the last states');
  t.ok(peers[0].told.length <= 13);
  t.equal(new Set(peers.map(({ text }) => text)).size, 1, 'all were told the same');
  t.equal(peers[0].lastId, `${LIFE}-1000`);
});

t.test('one who comes back is told what it missed, by header before query', async (t) => {
  const { sink, subscribe } = liveStage();
  for (let i = 1; i <= 5; i++) sink.hall.change(`stalls-A-${i}`, 'h');
  const byQuery = subscribe({ query: 'after=3' });
  const byHeader = subscribe({ query: 'after=1' }, `${LIFE}-4`);
  const upToDate = subscribe({}, `${LIFE}-5`);
  sink.answer();
  t.match(byQuery.told, [{ event: 'change', data: { seats: { 'stalls-A-4': 'h', 'stalls-A-5': 'h' } } }]);
  t.same(Object.keys(byHeader.told[0].data.seats ?? {}), ['stalls-A-5']);
  t.same(upToDate.told, []);
});

t.test('one from another life of the journal, or from the future, is told to begin anew', async (t) => {
  const { sink, subscribe, pass } = liveStage();
  sink.hall.change('stalls-A-1', 'h');
  const foreign = subscribe({}, 'zzzz9999-1');
  const garbled = subscribe({}, 'what is this');
  const ahead = subscribe({ query: 'after=99' });
  sink.answer();
  for (const peer of [foreign, garbled, ahead]) {
    t.match(peer.told, [{ event: 'reset', id: `${LIFE}-1`, data: { event: 'gala' } }]);
  }
  sink.change('stalls-A-2', 's');
  pass(200);
  t.ok(
    [foreign, garbled, ahead].every((peer) => peer.told.at(-1)?.event === 'change'),
    'and goes on from there',
  );
});

t.test('what changes between a read and its answer is told', async (t) => {
  const { sink, subscribe, pass } = liveStage();
  const first = subscribe();
  const answer = sink.look();
  sink.change('stalls-A-1', 'h');
  answer();
  pass(200);
  t.ok(knows(first, sink));

  // A second one begins; the shared read that is asked for meanwhile sees more than its own, and is told first.
  const second = subscribe();
  const late = sink.look();
  sink.change('stalls-A-2', 's');
  pass(200);
  t.same(second.told, []);
  late();
  pass(200);
  t.equal(second.seats.get('stalls-A-2'), 's');
});

t.test('two that begin at once, the later answer having seen less', async (t) => {
  const { sink, subscribe, pass } = liveStage();
  const slow = subscribe({ role: 'none' });
  const slowAnswer = sink.look();
  sink.hall.change('stalls-A-1', 'h');
  const fast = subscribe({ role: 'reader' });
  sink.look()();
  slowAnswer();
  sink.changed?.('gala');
  pass(200);
  t.equal(slow.seats.get('stalls-A-1'), 'h');
  t.equal(fast.lastId, `${LIFE}-1`);
});

t.test('one that does not read holds nobody up, and is told the newest when it reads again', async (t) => {
  const { sink, live, subscribe, pass } = liveStage();
  const [slow, quick] = [subscribe(), subscribe()];
  sink.answer();
  slow.isReading = false;
  for (let i = 0; i < 50; i++) {
    sink.change(`stalls-A-${i % 5}`, i % 2 === 0 ? 'h' : 's');
    pass(50);
  }
  pass(200);
  t.ok(knows(quick, sink));
  t.same(slow.told, []);
  const readsBefore = live.counts().reads;
  slow.resume();
  pass(200);
  t.equal(live.counts().reads - readsBefore, 1);
  t.equal(slow.told.length, 1, 'one message makes up for all');
  t.ok(knows(slow, sink));
  sink.change('stalls-B-1', 'h');
  pass(200);
  t.ok(knows(slow, sink), 'and it goes on with the others');
});

t.test('whatever happens in whatever order, everybody ends up knowing all', async (t) => {
  for (let seed = 1; seed <= 30; seed++) {
    const random = numbers(seed);
    const { sink, clock, subscribe, pass } = liveStage({ perClientMax: 1000 });
    const peers: Peer[] = [];
    let answers: (() => void)[] = [];
    for (let step = 0; step < 200; step++) {
      const dice = random();
      if (dice < 0.3)
        sink.change(`stalls-A-${Math.floor(random() * 20)}`, 'ahs'.charAt(Math.floor(random() * 3)));
      else if (dice < 0.4)
        peers.push(subscribe({ query: 'after=0', role: random() < 0.5 ? 'none' : 'reader' }));
      else if (dice < 0.6) answers.push(sink.look());
      else if (dice < 0.8) answers.splice(Math.floor(random() * answers.length), 1)[0]?.();
      else if (dice < 0.9) clock.advance(60);
      else if (peers.length > 0) {
        const peer = peers[Math.floor(random() * peers.length)];
        if (peer.isReading) peer.isReading = false;
        else peer.resume();
      }
    }
    for (const answer of answers) answer();
    answers = [];
    for (const peer of peers) if (!peer.isReading) peer.resume();
    pass(500);
    const ignorant = peers.filter((peer) => !knows(peer, sink)).length;
    if (ignorant > 0) t.fail(`seed ${seed}: ${ignorant} of ${peers.length} do not know all`);
  }
  t.pass('all of them did');
});

t.test('there is no stream of an event that is not there for the caller', async (t) => {
  const { sink, live, subscribe } = liveStage();
  sink.hall.state = 'draft';
  const stranger = subscribe();
  const keyed = subscribe({ role: 'reader', keyId: 'r' });
  sink.answer();
  t.equal(stranger.reply?.status, 404);
  t.same(stranger.answered, [[404, 'event-not-found']]);
  t.equal(keyed.reply, null);
  t.equal(live.counts().streams, 1);
});

t.test('an event that is archived ends its streams, and the last one leaves nothing behind', async (t) => {
  const { sink, clock, live, subscribe, pass } = liveStage();
  const peer = subscribe();
  sink.answer();
  sink.hall.state = 'archived';
  sink.changed?.('gala');
  pass(200);
  t.match(peer.told.at(-1), { event: 'end', data: { event: 'gala' } });
  t.ok(peer.isOver);
  t.match(live.counts(), { streams: 0, events: 0 });
  t.equal(sink.changed, null, 'the dispatcher is not asked any more');
  t.equal(clock.timerCount, 0);
});

t.test('a drain ends a stream, a peer that goes is forgotten, a HEAD is no subscriber', async (t) => {
  const { sink, live, subscribe } = liveStage();
  const [drained, gone] = [subscribe(), subscribe()];
  subscribe({}, undefined, 'HEAD');
  sink.answer();
  t.equal(live.counts().streams, 2);
  drained.listener?.drained();
  gone.listener?.gone();
  t.equal(drained.told.at(-1)?.event, 'end');
  t.match(live.counts(), { streams: 0, gone: 1 });
});

t.test('refusals say why: limits, queries, a sink that is busy', async (t) => {
  const { sink, live, subscribe } = liveStage({ perClientMax: 2, connectionsMax: 4 });
  const body = (peer: Peer): unknown => JSON.parse(Buffer.from(peer.reply?.body ?? []).toString());
  t.match(body(subscribe({ query: 'after=-1' })), { status: 422, errors: [{ pointer: '?after' }] });
  t.match(body(subscribe({ query: 'after=1&after=2' })), { status: 422 });
  t.match(body(subscribe({ query: 'seat=1' })), { errors: [{ pointer: '?seat', code: 'unexpected-query' }] });
  const mine = [subscribe(), subscribe()];
  const third = subscribe();
  t.match(body(third), { status: 503, code: 'overloaded', limit: 2, applied: false });
  t.same(third.answered, [[503, 'overloaded']]);
  subscribe({ client: 'k:other' });
  t.match(
    body(subscribe({ client: 'k:another' })),
    { code: 'overloaded', limit: 3 },
    'streams leave connections for others',
  );
  sink.answer();
  mine[0].listener?.gone();
  sink.refusal = { kind: 'problem', code: 'overloaded', extras: { retryAfterMs: 5 } };
  const unlucky = subscribe();
  sink.answer();
  t.match(body(unlucky), { code: 'overloaded', retryAfterMs: 5 });
  t.same(unlucky.answered, [[503, 'overloaded']]);
  t.equal(live.counts().streams, 2);
});

t.test('a read that is refused is tried again, and nothing is lost by it', async (t) => {
  const { sink, subscribe, pass } = liveStage();
  const [peer, slow] = [subscribe(), subscribe()];
  sink.answer();
  slow.isReading = false;
  sink.change('stalls-A-1', 'h');
  pass(200);
  sink.refusal = { kind: 'problem', code: 'overloaded', extras: {} };
  slow.resume();
  sink.change('stalls-A-2', 's');
  pass(300);
  t.equal(peer.seats.has('stalls-A-2'), false);
  sink.refusal = null;
  pass(3000);
  t.ok(knows(peer, sink));
  t.ok(knows(slow, sink));
});

t.test('who asks too often is refused alone, though others ask the same', async (t) => {
  const { sink, subscribe } = liveStage();
  subscribe({ client: 'p:quiet' });
  const [pushy, patient] = [subscribe({ client: 'p:pushy' }), subscribe({ client: 'p:patient' })];
  sink.answer();
  t.ok(patient.answered.length === 1 && pushy.answered.length === 1);
  subscribe({ client: 'p:quiet' });
  const again = subscribe({ client: 'p:pushy' });
  const other = subscribe({ client: 'p:patient' });
  sink.limited = 'p:pushy';
  sink.answer();
  t.match(JSON.parse(Buffer.from(again.reply?.body ?? []).toString()), { status: 429, code: 'rate-limited' });
  t.same(other.answered, [[200, '']]);
});

t.test('a herd that comes back at once is read for a few at a time', async (t) => {
  const { sink, subscribe } = liveStage({ perClientMax: 1000 });
  sink.hall.change('stalls-A-1', 'h');
  const peers = Array.from({ length: 500 }, (_, i) => subscribe({ query: `after=${i % 2}` }));
  t.equal(sink.asked.length, 2, 'the same question is asked once at a time');
  sink.answer();
  t.ok(peers.every((peer) => peer.lastId === `${LIFE}-1`));
  t.ok(sink.asked.length <= 5, `${sink.asked.length} reads for 500`);
  for (let i = 0; i < 500; i++) subscribe({ subject: `event-${i}` });
  t.equal(sink.asked.length, 4 + 32, 'and other questions a few at a time');
});

t.test('silence is broken every 15 seconds', async (t) => {
  const { sink, clock, subscribe } = liveStage();
  const peer = subscribe();
  sink.answer();
  const before = peer.text.length;
  clock.advance(45_000);
  t.equal(peer.text.slice(before), ':\n\n:\n\n:\n\n');
});
