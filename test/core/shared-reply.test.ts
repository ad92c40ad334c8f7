/** A reply for another request is, byte for byte, what a worker would have made for that one. */
import fc from 'fast-check';
import t from 'tap';
import { CONTENT_TYPE, type BatchReply, type BatchRequest } from '../../src/core/batch.ts';
import { AVAILABILITY, SEATS } from '../../src/core/operations.ts';
import { problemJson } from '../../src/core/problems.ts';
import type { ReplyMessage } from '../../src/core/reply-codec.ts';
import { SharedReply } from '../../src/core/shared-reply.ts';
import { testSeed } from '../engine/rig.ts';
import { requestOf } from '../service/rig.ts';
import { messageOf } from '../support/batches.ts';

type Made = (request: BatchRequest) => BatchReply;

const PUBLIC = { replayed: false, isPublic: true, location: '', retryAfterMs: 0, etag: '"x-7"', sequence: 7 };

function json(body: string | Uint8Array): Made {
  return () => ({ ...PUBLIC, status: 200, contentType: CONTENT_TYPE.json, body });
}

const KINDS: Readonly<Record<string, Made>> = {
  'a short body': json('{"event":"ü"}'),
  'bytes of a seat map': () => ({
    ...PUBLIC,
    status: 200,
    contentType: CONTENT_TYPE.octets,
    body: Buffer.alloc(25_000, 0xe4),
  }),
  'a long text': json(`{"seats":"${'a'.repeat(5000)}"}`),
  'an empty one': json(''),
  'not modified': () => ({ ...PUBLIC, status: 304, contentType: CONTENT_TYPE.none, body: '' }),
  'a problem': ({ requestId }) => ({
    ...PUBLIC,
    status: 404,
    contentType: CONTENT_TYPE.problem,
    isPublic: false,
    etag: '',
    sequence: -1,
    body: problemJson('event-not-found', requestId, { detail: 'not "requestId":"\\"x\\"", ü' }),
  }),
};

/** All that leaves, but for the date, which is of the second in which it was made. */
function wireOf(reply: ReplyMessage): string {
  const bytes = Buffer.concat([reply.message, reply.rest ?? Buffer.alloc(0)]);
  return bytes.toString('latin1').replace(/\r\nDate: [^\r]*/, '');
}

const visible = fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code));
const requestId = fc.array(visible, { minLength: 1, maxLength: 64 }).map((chars) => chars.join(''));

for (const [name, replyTo] of Object.entries(KINDS)) {
  t.test(`${name}, for whatever ids`, async (t) => {
    const ask = (id: string, isSeats: boolean): BatchRequest =>
      requestOf(isSeats ? SEATS : AVAILABILITY, { requestId: id });
    fc.assert(
      fc.property(requestId, requestId, fc.boolean(), (first, other, isSeats) => {
        const made = messageOf(replyTo(ask(first, isSeats)), ask(first, isSeats));
        const shared = new SharedReply(made).for(other);
        const expected = messageOf(replyTo(ask(other, isSeats)), ask(other, isSeats));
        if (wireOf(shared) !== wireOf(expected)) throw new Error(`${wireOf(shared)} for ${wireOf(expected)}`);
        if (shared.headers !== expected.headers) throw new Error(shared.headers);
        if (!(shared.body ?? Buffer.alloc(0)).equals(expected.body ?? Buffer.alloc(0)))
          throw new Error('body');
      }),
      { seed: testSeed(), numRuns: 100 },
    );
    const made = messageOf(replyTo(ask('a', false)), ask('a', false));
    const shared = new SharedReply(made).for('b');
    t.equal(shared.status, made.status);
    t.equal(shared.contentType, made.contentType);
    t.equal(shared.sequence, made.sequence);
    t.equal(shared.close, false);
    t.equal(shared.body === null, made.body === null);
  });
}

t.test('a long body is not copied for each, and nothing is kept of the batch', async (t) => {
  const batch = messageOf(json('x'.repeat(5000))(requestOf(SEATS)), requestOf(SEATS));
  const shared = new SharedReply(batch);
  t.equal(shared.for('a').rest, shared.for('b').rest);
  t.not(shared.for('a').rest?.buffer, batch.body?.buffer);
  t.ok(shared.bytes >= 5000 && shared.bytes < 5500);
});
