/** Replies as bytes: a whole message of HTTP/1.1, and all that main reads of it. */
import { STATUS_CODES } from 'node:http';
import fc from 'fast-check';
import t from 'tap';
import { CONTENT_TYPE, type BatchReply, type BatchRequest } from '../../src/core/batch.ts';
import { statusLine } from '../../src/core/message.ts';
import { AVAILABILITY, SEATS } from '../../src/core/operations.ts';
import { PROBLEMS } from '../../src/core/problems.ts';
import { decodeReplies, decodeReplyHeader, encodeReplies } from '../../src/core/reply-codec.ts';
import { requestOf } from '../service/rig.ts';

const HEADER = {
  batchId: 9,
  gate: 2 ** 40 + 8,
  nextDeadlineMs: Infinity,
  expired: 3,
  moreDue: true,
  retired: true,
};
const visible = fc.stringMatching(/^[!-~]{0,40}$/);
const replies: fc.Arbitrary<BatchReply> = fc
  .record({
    status: fc.constantFrom(200, 201, 204, 304, 404, 409, 422, 507),
    contentType: fc.constantFrom(CONTENT_TYPE.json, CONTENT_TYPE.problem, CONTENT_TYPE.octets),
    replayed: fc.boolean(),
    isPublic: fc.boolean(),
    sequence: fc.oneof(fc.constant(-1), fc.nat({ max: Number.MAX_SAFE_INTEGER })),
    etag: visible,
    location: visible,
    retryAfterMs: fc.constantFrom(0, 1, 1000, 2500),
    body: fc.oneof(
      fc.string({ maxLength: 100 }),
      fc.string({ unit: 'grapheme', maxLength: 6000 }),
      fc.uint8Array({ maxLength: 5000 }),
    ),
    cost: fc.option(fc.integer({ min: 0, max: 100_000 }), { nil: undefined }),
  })
  .map(({ cost, ...reply }) => {
    const isBodiless = reply.status === 204 || reply.status === 304;
    const whole = isBodiless ? { ...reply, contentType: CONTENT_TYPE.none, body: '' } : reply;
    return cost === undefined ? whole : { ...whole, cost };
  });

/** Name and value of each line; nothing is left over. */
function fieldsOf(lines: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const line of lines.split('\r\n').slice(0, -1)) {
    const colon = line.indexOf(': ');
    fields.set(line.slice(0, colon), line.slice(colon + 2));
  }
  return fields;
}

t.test('a message is a reply whole, and what is read of it is what it was made of', async (t) => {
  fc.assert(
    fc.property(fc.array(fc.tuple(replies, visible), { maxLength: 8 }), (pairs) => {
      const given = pairs.map(([reply]) => reply);
      const requests = pairs.map(([, id]) => requestOf(AVAILABILITY, { requestId: id }));
      const bytes = encodeReplies(HEADER, requests, given);
      t.same(decodeReplyHeader(bytes), { ...HEADER, count: given.length });
      const read = decodeReplies(bytes);
      t.equal(read.length, given.length);
      for (const [i, message] of read.entries()) {
        const { status, contentType, sequence, body, cost } = given[i];
        const sent = Buffer.from(typeof body === 'string' ? Buffer.from(body) : body);
        const isBodiless = status === 204 || status === 304;
        t.same([message.status, message.contentType, message.sequence], [status, contentType, sequence]);
        t.equal(message.cost, Math.min(0xffff, Math.max(1, cost ?? 1)));
        t.same(message.body, isBodiless ? null : sent);
        const text = message.message.toString('latin1');
        const end = text.indexOf('\r\n\r\n');
        const first = text.slice(0, text.indexOf('\r\n') + 2);
        t.equal(first, statusLine(status));
        t.ok(text.startsWith(first + message.headers), 'the lines are those of the message');
        const fields = fieldsOf(text.slice(first.length, end + 2));
        t.equal(fields.get('Content-Length'), isBodiless ? undefined : String(sent.length));
        t.equal(fields.get('X-Request-Id'), requests[i].requestId);
        t.match(fields.get('Date'), /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/);
        t.match(Object.fromEntries(fields), { Connection: 'keep-alive', 'Keep-Alive': 'timeout=60' });
        t.same(message.message.subarray(end + 4), sent);
      }
    }),
    { numRuns: 100 },
  );
});

t.test('who may keep a reply, and for whom', async (t) => {
  const reply = { ...fc.sample(replies, { numRuns: 1, seed: 1 })[0], status: 200, isPublic: true };
  const linesFor = (request: BatchRequest): Record<string, string> =>
    Object.fromEntries(fieldsOf(decodeReplies(encodeReplies(HEADER, [request], [reply]))[0].headers));
  const open = linesFor(requestOf(AVAILABILITY));
  t.match(open, { 'Cache-Control': 'public, max-age=1' });
  t.notOk('Vary' in open);
  t.match(linesFor(requestOf(SEATS)), { Vary: 'Accept' });
  t.match(linesFor(requestOf(AVAILABILITY, { variesByKey: true })), { Vary: 'Authorization' });
  t.match(linesFor(requestOf(SEATS, { variesByKey: true })), { Vary: 'Accept, Authorization' });
  const keyed = linesFor(requestOf(SEATS, { variesByKey: true, keyId: 'box-office' }));
  t.match(keyed, { 'Cache-Control': 'no-store', Vary: 'Accept' });
});

t.test('a value that would end its line is a bug, and no reply', async (t) => {
  const reply = { ...fc.sample(replies, { numRuns: 1, seed: 2 })[0], location: '/v1/a\r\nSet-Cookie: b' };
  t.throws(() => encodeReplies(HEADER, [requestOf(AVAILABILITY)], [reply]), /visible ASCII/);
});

t.test('every status that we answer with has the phrase that node:http has for it', async (t) => {
  const statuses = [200, 201, 204, 304, ...Object.values(PROBLEMS).map(([status]) => status)];
  for (const status of statuses)
    t.equal(statusLine(status), `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n`, String(status));
  t.equal(statusLine(299), 'HTTP/1.1 299 \r\n', 'a page may have one of its own');
});

t.test('a batch that is cut is not read as a shorter one', async (t) => {
  const [reply] = fc.sample(replies, { numRuns: 1, seed: 3 });
  const request = requestOf(AVAILABILITY);
  const batch = encodeReplies(HEADER, [request, request], [reply, reply]);
  t.throws(() => decodeReplies(batch.slice(0, batch.byteLength - 8)));
});
