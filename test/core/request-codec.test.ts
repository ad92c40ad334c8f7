/** Requests as bytes: what a worker reads is what was admitted, whatever waited beside it. */
import fc from 'fast-check';
import t from 'tap';
import { BATCH_KIND, type BatchHeader, type BatchRequest } from '../../src/core/batch.ts';
import {
  decodeRequestHeader,
  decodeRequests,
  encodeBatch,
  RequestStore,
} from '../../src/core/request-codec.ts';
import { ROLES } from '../../src/core/roles.ts';

const HEADER: BatchHeader = {
  batchId: 7,
  eventSlot: 3,
  kind: BATCH_KIND.write,
  nowMs: 1_800_000_000_000.25,
  expireBeforeMs: 1_799_999_999_999.5,
  reclaim: true,
};

/** Header values are Latin-1 when they are parsed; what is made here may be anything. */
const text = fc.oneof(
  { weight: 3, arbitrary: fc.string({ maxLength: 40 }) },
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.constant(''),
);
const requests: fc.Arbitrary<BatchRequest> = fc.record({
  operation: fc.integer({ min: 1, max: 255 }),
  receivedAtMs: fc.double({ noNaN: true, min: 0, max: 2e12 }),
  subject: text,
  seat: text,
  query: text,
  idempotencyKey: text,
  ifNoneMatch: text,
  ifMatch: text,
  client: text,
  keyId: text,
  role: fc.constantFrom(...ROLES),
  events: text,
  requestId: text,
  octets: fc.boolean(),
  variesByKey: fc.boolean(),
  body: fc.option(fc.uint8Array({ maxLength: 3000 })),
  fact: fc.integer({ min: 0, max: 0xffff_ffff }),
});

/** Lone surrogates become U+FFFD in UTF-8, as everywhere. */
function asSent(request: BatchRequest): BatchRequest {
  const sent: Record<string, unknown> = { ...request };
  for (const [name, value] of Object.entries(request)) {
    if (typeof value === 'string') sent[name] = Buffer.from(value).toString();
  }
  return sent as unknown as BatchRequest;
}

t.test('every request comes out as it went in, in any order, from slabs that many share', async (t) => {
  fc.assert(
    fc.property(fc.array(requests, { maxLength: 30 }), fc.infiniteStream(fc.nat()), (given, picks) => {
      const store = new RequestStore();
      const waiting = given.map((request) => ({ request, encoded: store.add(request) }));
      const batch: typeof waiting = [];
      while (waiting.length > 0) batch.push(...waiting.splice(picks.next().value! % waiting.length, 1));
      const bytes = encodeBatch(
        HEADER,
        batch.map(({ encoded }) => encoded),
      );
      t.same(decodeRequestHeader(bytes), { ...HEADER, count: given.length });
      const read = decodeRequests(bytes).map((request) => ({
        ...request,
        body: request.body === null ? null : new Uint8Array(request.body),
      }));
      t.strictSame(
        read,
        batch.map(({ request }) => asSent(request)),
      );
    }),
    { numRuns: 100 },
  );
});

t.test('a request that waits is not what its caller does with its buffer later', async (t) => {
  const store = new RequestStore();
  const [request] = fc.sample(requests, { numRuns: 1, seed: 1 });
  const body = Buffer.from('{"items":[]}');
  const encoded = store.add({ ...request, body });
  body.fill(0);
  const [read] = decodeRequests(encodeBatch(HEADER, [encoded]));
  t.equal(Buffer.from(read.body!).toString(), '{"items":[]}');
});

t.test('a body that is longer than a slab has one of its own, and those beside it are whole', async (t) => {
  const store = new RequestStore();
  const [request] = fc.sample(requests, { numRuns: 1, seed: 2 });
  const bodies = [10, 400_000, 20].map((bytes, i) => new Uint8Array(bytes).fill(i + 1));
  const encoded = bodies.map((body) => store.add({ ...request, body }));
  const read = decodeRequests(encodeBatch(HEADER, encoded));
  for (const [i, { body }] of read.entries()) t.strictSame(new Uint8Array(body!), bodies[i]);
});

t.test('facts of lost commands take the place of those that were encoded', async (t) => {
  const store = new RequestStore();
  const given = fc.sample(requests, { numRuns: 3, seed: 3 });
  const encoded = given.map((request) => store.add(request));
  const facts = [5, 0xffff_ffff, 0];
  t.same(
    decodeRequests(encodeBatch(HEADER, encoded, facts)).map(({ fact }) => fact),
    facts,
  );
  t.same(
    decodeRequests(encodeBatch(HEADER, encoded)).map(({ fact }) => fact),
    given.map(({ fact }) => fact),
    'what waits is not changed by it',
  );
});

t.test('a batch that is cut is not read as a shorter one', async (t) => {
  const store = new RequestStore();
  const [request] = fc.sample(requests, { numRuns: 1, seed: 4 });
  const batch = encodeBatch(HEADER, [store.add(request), store.add(request)]);
  t.throws(() => decodeRequests(batch.slice(0, batch.byteLength - 8)));
});
