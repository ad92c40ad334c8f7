/** Reads that ask for the same at the same time: one request to a worker, an answer to each. */
import t from 'tap';
import { CONTENT_TYPE, type BatchReply, type BatchRequest } from '../../src/core/batch.ts';
import { AVAILABILITY, GET_EVENT, LIST_EVENTS, SEATS, type Operation } from '../../src/core/operations.ts';
import { problemJson } from '../../src/core/problems.ts';
import { encodeReplies } from '../../src/core/reply-codec.ts';
import { labelReply, Rig, settle, type FakeBatch } from './rig.ts';

function readyRig(...args: ConstructorParameters<typeof Rig>): Rig {
  const rig = new Rig(...args);
  rig.dispatcher.ready();
  return rig;
}

async function answerWith(batch: FakeBatch, replyTo: (request: BatchRequest) => BatchReply): Promise<void> {
  const { batchId } = batch.header;
  const header = { batchId, gate: 0, nextDeadlineMs: Infinity, expired: 0, moreDue: false };
  batch.resolve(encodeReplies(header, batch.requests, batch.requests.map(replyTo)));
  await settle();
}

/** Of each answer the id that it says it is for, and its body. */
function told(rig: Rig): [label: string, id: string, body: string][] {
  return rig.answers.map(({ label, reply }) => {
    if (reply.kind === 'problem') return [label, '', reply.code];
    const id = /^X-Request-Id: (.*)\r$/m.exec(reply.headers)?.[1] ?? '';
    return [label, id, String(reply.body)];
  });
}

t.test('the same reads of one turn are one request, and each is answered with its own id', async (t) => {
  const rig = readyRig();
  const event = rig.addEvent(1);
  const labels = ['a', 'b', 'a', 'c'].map((client) => rig.submit(event, AVAILABILITY, { client }));
  rig.scheduler.turn();
  t.equal(rig.dispatcher.statistics().inFlight, 4);
  const batch = rig.pool.take();
  t.equal(batch.requests.length, 1);
  await answerWith(batch, () => labelReply('{"sold":1}'));
  // By turns of their clients: a, b, c, and a again.
  t.strictSame(
    told(rig),
    [labels[0], labels[1], labels[3], labels[2]].map((label) => [label, label, '{"sold":1}']),
  );
  t.equal(rig.dispatcher.admitted, 0);
  t.equal(rig.dispatcher.laneCount, 0);
  t.equal(rig.dispatcher.statistics().sharedTotal, 3);
  // Whole messages: their lengths are right whatever the length of the id.
  for (const { reply } of rig.answers) {
    const message = reply.kind === 'reply' ? String(reply.message) : '';
    t.equal(message.slice(message.indexOf('\r\n\r\n') + 4), '{"sold":1}');
    t.match(message, /^HTTP\/1\.1 200 OK\r\n[^]*\r\nContent-Length: 10\r\nDate: /);
  }
});

t.test('what the answer depends on is asked for by itself', (t) => {
  const rig = readyRig();
  const event = rig.addEvent(1);
  const other = rig.addEvent(2);
  const asked: [Operation, Partial<BatchRequest>][] = [
    [AVAILABILITY, {}],
    [GET_EVENT, {}],
    [AVAILABILITY, { role: 'none' }],
    [AVAILABILITY, { keyId: 'shop' }],
    [AVAILABILITY, { variesByKey: true }],
    [AVAILABILITY, { ifNoneMatch: '"1"' }],
    [AVAILABILITY, { ifNoneMatch: '"2"' }],
    [SEATS, {}],
    [SEATS, { octets: true }],
    [SEATS, { query: 'section=a' }],
  ];
  for (const [operation, fields] of [...asked, ...asked]) rig.submit(event, operation, fields);
  rig.submit(other, AVAILABILITY);
  // Depends on what its caller's key covers, and is not shared.
  for (let i = 0; i < 3; i++) rig.submit('', LIST_EVENTS);
  rig.scheduler.turn();
  const sizes = rig.pool.batches.map(({ header, requests }) => [header.eventSlot, requests.length]);
  t.strictSame(sizes, [[1, asked.length]], 'one worker is kept for writing');
  t.end();
});

t.test('who asks when the batch has left is not answered with it', async (t) => {
  const rig = readyRig({ workers: 1 });
  const event = rig.addEvent(1);
  const early = rig.submit(event, AVAILABILITY);
  rig.scheduler.turn();
  const first = rig.pool.take();
  const late = rig.submit(event, AVAILABILITY);
  rig.scheduler.turn();
  await answerWith(first, () => labelReply('before'));
  t.strictSame(rig.answered(), [early]);
  await answerWith(rig.pool.take(), () => labelReply('after'));
  t.strictSame(told(rig)[1], [late, late, 'after']);
});

t.test('a problem names the request that it answers, in its body, too', async (t) => {
  const rig = readyRig();
  const event = rig.addEvent(1);
  const ids = ['"', '\\"requestId":"x', 'long-'.repeat(12)];
  for (const requestId of ids) rig.submit(event, GET_EVENT, { requestId });
  rig.scheduler.turn();
  await answerWith(rig.pool.take(), ({ requestId }) => ({
    ...labelReply(problemJson('event-not-found', requestId, { detail: 'no "requestId":"\\"" ü' })),
    status: 404,
    contentType: CONTENT_TYPE.problem,
  }));
  t.strictSame(
    told(rig).map(([, id, body]) => [id, (JSON.parse(body) as { requestId: string }).requestId]),
    ids.map((id) => [id, id]),
  );
  for (const { reply } of rig.answers) {
    const message = reply.kind === 'reply' ? String(reply.message) : '';
    t.match(message, /^HTTP\/1\.1 404 /);
    const body = message.slice(message.indexOf('\r\n\r\n') + 4);
    t.equal(Number(/Content-Length: (\d+)/.exec(message)?.[1]), Buffer.byteLength(body));
  }
});

t.test('when its worker is lost all are told so', async (t) => {
  const rig = readyRig();
  const event = rig.addEvent(1);
  const labels = [1, 2, 3].map(() => rig.submit(event, AVAILABILITY));
  rig.scheduler.turn();
  rig.pool.take().reject(new Error('thrown'));
  await settle();
  t.strictSame(
    labels.map((label) => rig.codeOf(label)),
    ['worker-lost', 'worker-lost', 'worker-lost'],
  );
  t.equal(rig.dispatcher.admitted, 0);
});

t.test('when the journal is lost all are told so', (t) => {
  const rig = readyRig();
  const event = rig.addEvent(1);
  const labels = [1, 2].map(() => rig.submit(event, AVAILABILITY));
  rig.scheduler.turn();
  rig.dispatcher.journalLost();
  t.strictSame(
    labels.map((label) => rig.codeOf(label)),
    ['draining', 'draining'],
  );
  t.equal(rig.dispatcher.admitted, 0);
  t.end();
});

t.test('a thousand same reads leave in batches that one turn can answer', async (t) => {
  const rig = readyRig({ workers: 1 });
  const event = rig.addEvent(1);
  for (let i = 0; i < 1000; i++) rig.submit(event, AVAILABILITY, { client: `c${i % 7}` });
  rig.scheduler.turn();
  const counts: number[] = [];
  while (rig.pool.batches.length > 0) {
    const before = rig.answers.length;
    await answerWith(rig.pool.take(), () => labelReply('x'));
    counts.push(rig.answers.length - before);
  }
  t.strictSame(counts, [513, 487]);
});
