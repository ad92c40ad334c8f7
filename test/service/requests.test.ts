/** What the service makes of requests, good and bad: bad ones get the right problem and change nothing. */
import fc from 'fast-check';
import t from 'tap';
import type { Test } from 'tap';
import { BATCH_KIND, CONTENT_TYPE } from '../../src/core/batch.ts';
import {
  AVAILABILITY,
  BLOCK,
  CANCEL_ORDER,
  CHANGE_HOLD,
  CONFIRM_HOLD,
  CREATE_EVENT,
  CREATE_HOLD,
  CREATE_ORDER,
  EXTEND_HOLD,
  GET_EVENT,
  GET_HOLD,
  GET_ORDER,
  LIST_EVENTS,
  PATCH_EVENT,
  RELEASE_HOLD,
  SEAT,
  SEATS,
  UNBLOCK,
  type Operation,
} from '../../src/core/operations.ts';
import { publishedCommands } from '../../src/engine/repair.ts';
import { setReadyTime } from '../../src/memory/deadlines.ts';
import { REGISTRY_SLOT } from '../../src/memory/registry.ts';
import { ringHead } from '../../src/memory/ring.ts';
import { isLong, START_MS, testSeed } from '../engine/rig.ts';
import {
  BLOCKS,
  CHANGES,
  DEFINITIONS,
  HOLDS,
  ITEMS,
  NOT_AN_OBJECT,
  PATCHES,
  PLACES,
  sections,
  type Bad,
} from './bad-bodies.ts';
import { GALA, jsonOf, requestOf, ServiceRig, type RequestOptions } from './rig.ts';
import { type ReadReply } from '../support/batches.ts';

function check(t: Test, rig: ServiceRig, reply: ReadReply, bad: Bad, before: Buffer, what: string): void {
  const [, status, code, pointer] = bad;
  const problem = jsonOf(reply);
  const found = `${reply.status} ${String(problem['code'])}`;
  const pointers = ((problem['errors'] ?? []) as unknown as { pointer: string }[]).map(
    (error) => error.pointer,
  );
  const isRight =
    found === `${status} ${code}` &&
    reply.contentType === CONTENT_TYPE.problem &&
    problem['applied'] === false &&
    problem['requestId'] === 'r1' &&
    (pointer === undefined || pointers.includes(pointer));
  if (!isRight)
    t.fail(
      `${what} is answered with ${found} at ${pointers.join(' ')}, expected ${status} ${code} at ${pointer}`,
    );
  if (!rig.isAsIn(1, before)) t.fail(`${what} changed something`);
}

function checkBad(
  operation: Operation,
  list: readonly Bad[],
  options: (rig: ServiceRig) => RequestOptions,
): void {
  t.test(
    `${operation.name}: ${list.length} bad bodies get the right problem and change nothing`,
    async (t) => {
      const rig = new ServiceRig();
      t.teardown(() => rig.close());
      rig.define(GALA);
      const others = options(rig);
      const before = rig.bytesOf(1);
      const slot = operation.lane === 'registry' ? REGISTRY_SLOT : 1;
      for (const bad of list) {
        const what = `${operation.name} ${JSON.stringify(bad[0]).slice(0, 120)}`;
        check(t, rig, rig.write(operation, { ...others, body: bad[0] }, slot), bad, before, what);
      }
      t.pass(`${list.length} bodies`);
    },
  );
}

checkBad(CREATE_HOLD, [...NOT_AN_OBJECT, ...ITEMS, ...HOLDS], () => ({ subject: 'gala' }));
checkBad(
  CREATE_ORDER,
  [...NOT_AN_OBJECT, ...ITEMS, [{ items: PLACES, seconds: 5 }, 422, 'invalid-request', '/seconds']],
  () => ({ subject: 'gala', idempotencyKey: 'k' }),
);
checkBad(CREATE_EVENT, [...NOT_AN_OBJECT, ...DEFINITIONS], () => ({}));
checkBad(
  CONFIRM_HOLD,
  [
    ...NOT_AN_OBJECT.slice(1),
    [{ reference: 5 }, 422, 'invalid-request', '/reference'],
    [{ reference: '' }, 422, 'invalid-request', '/reference'],
    [{ reference: 'ü'.repeat(33) }, 422, 'invalid-request', '/reference'],
    [{ metadata: [] }, 422, 'invalid-request', '/metadata'],
    [{ ifExpired: 'fail' }, 422, 'invalid-request', '/ifExpired'],
    [{ items: PLACES }, 422, 'invalid-request', '/items'],
  ],
  (rig) => ({
    subject: String(jsonOf(rig.write(CREATE_HOLD, { subject: 'gala', body: { items: PLACES } }))['id']),
  }),
);
checkBad(
  CANCEL_ORDER,
  [
    ...NOT_AN_OBJECT.slice(1),
    ...[[], 'all', null, [5], [''], Array.from({ length: 101 }, () => 'a')].map((tickets): Bad => [
      { tickets },
      422,
      'invalid-request',
    ]),
    ...['ticket_x_1', 'ticket__1', '', '1'].map((ticket): Bad => [
      { tickets: [ticket] },
      422,
      'invalid-request',
    ]),
    [{ to: 'sold' }, 422, 'invalid-request', '/to'],
    [{ reason: '' }, 422, 'invalid-request', '/reason'],
    [{ reason: 'ü'.repeat(101) }, 422, 'invalid-request', '/reason'],
  ],
  (rig) => ({
    subject: String(
      jsonOf(rig.write(CREATE_ORDER, { subject: 'gala', idempotencyKey: 'k', body: { items: PLACES } }))[
        'id'
      ],
    ),
  }),
);
const heldSubject = (rig: ServiceRig): RequestOptions => ({
  subject: String(jsonOf(rig.write(CREATE_HOLD, { subject: 'gala', body: { items: PLACES } }))['id']),
});
checkBad(CHANGE_HOLD, [...NOT_AN_OBJECT, ...CHANGES], heldSubject);
checkBad(
  EXTEND_HOLD,
  [
    ...NOT_AN_OBJECT,
    ...[undefined, 0, -1, 1.5, 604_801, '60', null].map((seconds): Bad => [
      { seconds },
      422,
      'invalid-request',
      '/seconds',
    ]),
    [{ seconds: 5, until: 'later' }, 422, 'invalid-request', '/until'],
  ],
  heldSubject,
);
checkBad(BLOCK, [...NOT_AN_OBJECT, ...BLOCKS], () => ({ subject: 'gala' }));
checkBad(UNBLOCK, [...NOT_AN_OBJECT, ...BLOCKS], () => ({ subject: 'gala' }));
checkBad(PATCH_EVENT, [...NOT_AN_OBJECT, ...PATCHES], () => ({ subject: 'gala' }));

t.test('a small body that names millions of seats again and again is refused at once', async (t) => {
  const rig = new ServiceRig();
  t.teardown(() => rig.close());
  rig.define(GALA);
  const before = rig.bytesOf(1);
  const million = (i: number): string => `${i * 1_000_000}..${i * 1_000_000 + 999_999}`;
  const many = { id: 'A', seats: Array.from({ length: 99 }, (_, i) => million(i)) };
  const seated = (i: number): object => ({
    id: `s${i}`,
    kind: 'seated',
    rows: [{ id: 'A', seats: ['1..1500000'] }],
  });
  const started = process.cpuUsage();
  for (const body of [
    sections({ id: 's', kind: 'seated', rows: [many] }),
    sections(...Array.from({ length: 500 }, (_, i) => seated(i))),
  ]) {
    const reply = rig.write(CREATE_EVENT, { body }, REGISTRY_SLOT);
    check(t, rig, reply, ['', 422, 'invalid-request'], before, 'a body of too many seats');
  }
  t.ok(process.cpuUsage(started).user < 5_000_000, 'the work is bounded by the seats an event may have');
});

t.test('a ticket is cancelled by its own id only', async (t) => {
  const rig = new ServiceRig();
  t.teardown(() => rig.close());
  rig.define(GALA);
  const make = (key: string): string =>
    String(
      jsonOf(
        rig.write(CREATE_ORDER, {
          subject: 'gala',
          idempotencyKey: key,
          body: { items: [{ section: 'floor', quantity: 2 }] },
        }),
      )['id'],
    );
  const [mine, other] = [make('a'), make('b')];
  const before = rig.bytesOf(1);
  const ticket = (order: string, number: string): string => order.replace('order_', 'ticket_') + `_${number}`;
  for (const bad of [
    ticket(other, '1'),
    ticket(mine, '0'),
    ticket(mine, '3'),
    ticket(mine, '01'),
    ticket(mine, '1 '),
    ticket(mine, '1e0'),
    mine,
  ]) {
    const reply = rig.write(CANCEL_ORDER, { subject: mine, body: { tickets: [ticket(mine, '1'), bad] } });
    check(t, rig, reply, [bad, 422, 'invalid-request', '/tickets/1'], before, bad);
  }
  t.equal(rig.write(CANCEL_ORDER, { subject: mine, body: { tickets: [ticket(mine, '2')] } }).status, 200);
});

t.test('an id that is not exactly a claim’s is not found, and changes nothing', async (t) => {
  const rig = new ServiceRig();
  t.teardown(() => rig.close());
  rig.define(GALA);
  const hold = String(jsonOf(rig.write(CREATE_HOLD, { subject: 'gala', body: { items: PLACES } }))['id']);
  const order = hold.replace('hold_', 'order_');
  const changed = (at: number): string =>
    hold.slice(0, at) + (hold[at] === '0' ? '1' : '0') + hold.slice(at + 1);
  const ids = [
    '',
    'hold_',
    order,
    hold.slice(0, -1),
    `${hold}0`,
    hold.toUpperCase(),
    hold.replace('hold_', 'hold-'),
    `${hold.slice(0, -1)}u`,
    `${hold.slice(0, -1)}ü`,
    // Generation, cell, and each of the random words.
    ...[9, 10, 13, 16, 18, 22, 26, 30, 36].map(changed),
  ];
  const before = rig.bytesOf(1);
  for (const id of ids) {
    for (const [operation, body] of [
      [CONFIRM_HOLD, null],
      [RELEASE_HOLD, null],
    ] as const) {
      check(
        t,
        rig,
        rig.write(operation, { subject: id, body }),
        [id, 404, 'hold-not-found'],
        before,
        `${operation.name} ${id}`,
      );
    }
    check(t, rig, rig.read(GET_HOLD, { subject: id }), [id, 404, 'hold-not-found'], before, `read ${id}`);
    const orderId = id.replace('hold_', 'order_');
    check(
      t,
      rig,
      rig.read(GET_ORDER, { subject: orderId }),
      [id, 404, 'order-not-found'],
      before,
      `read ${orderId}`,
    );
    check(
      t,
      rig,
      rig.write(CANCEL_ORDER, { subject: orderId }),
      [id, 404, 'order-not-found'],
      before,
      `cancel ${orderId}`,
    );
  }
  t.equal(rig.read(GET_HOLD, { subject: hold }).status, 200, 'the right one is there');
});

t.test('bad queries and unknown names of reads get the right problem', async (t) => {
  const rig = new ServiceRig();
  t.teardown(() => rig.close());
  rig.define(GALA);
  const before = rig.bytesOf(1);
  const list: [Operation, RequestOptions, number, string, string?][] = [
    [SEATS, { query: 'section=nowhere' }, 404, 'section-not-found'],
    [SEATS, { query: 'row=A' }, 422, 'invalid-request', '?row'],
    [SEATS, { query: 'section=stalls&section=stalls' }, 422, 'invalid-request', '?section'],
    [SEAT, { seat: 'stalls-A-99' }, 404, 'seat-not-found'],
    [SEAT, { seat: '' }, 404, 'seat-not-found'],
    [SEAT, { seat: 'x'.repeat(4000) }, 404, 'seat-not-found'],
    ...['0', '-1', '501', '1.5', 'x', '', '1e2', ' 1', '9'.repeat(30)].map(
      (limit): [Operation, RequestOptions, number, string, string] => [
        LIST_EVENTS,
        { query: `limit=${limit}` },
        422,
        'invalid-request',
        '?limit',
      ],
    ),
    [LIST_EVENTS, { query: 'after=-1' }, 422, 'invalid-request', '?after'],
    [LIST_EVENTS, { query: 'after=99999' }, 422, 'invalid-request', '?after'],
    [LIST_EVENTS, { query: 'include=everything' }, 422, 'invalid-request', '?include'],
  ];
  for (const [operation, options, status, code, pointer] of list) {
    const slot = operation === LIST_EVENTS ? REGISTRY_SLOT : 1;
    const reply = rig.read(operation, { subject: 'gala', ...options }, slot);
    const bad: Bad = pointer === undefined ? ['', status, code] : ['', status, code, pointer];
    check(t, rig, reply, bad, before, `${operation.name} ${JSON.stringify(options).slice(0, 80)}`);
  }
  const none = rig.read(GET_EVENT, { subject: 'nothing' }, REGISTRY_SLOT);
  check(t, rig, none, ['', 404, 'event-not-found'], before, 'an event that is not there');
});

t.test('whatever stands in a body, it is taken, or refused and nothing has changed', async (t) => {
  const seed = testSeed();
  t.comment(`seed ${seed}`);
  const rig = new ServiceRig();
  t.teardown(() => rig.close());
  rig.define(GALA);
  const value = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom(-1, 0, 1, 2 ** 31, 2 ** 53, 1.5, 'stalls-A-1', 'floor', 'required'),
  );
  const item = fc.record(
    { seat: value, section: value, quantity: value, adjacent: value, type: value },
    { requiredKeys: [] },
  );
  const good = fc.constantFrom<object>(
    { section: 'floor', quantity: 1 },
    { section: 'stalls', quantity: 2, adjacent: 'preferred' },
    { seat: 'stalls-B-7' },
    { seat: 'box-1-x-L' },
  );
  const body = fc.record(
    {
      items: fc.oneof(
        value,
        fc.array(good, { maxLength: 2 }),
        fc.array(fc.oneof(item, value, good), { maxLength: 4 }),
      ),
      customer: fc.oneof(fc.constant('c'), value),
      reference: fc.oneof(fc.constant(null), value),
      seconds: fc.oneof(fc.constant(60), value),
    },
    { requiredKeys: [] },
  );
  let taken = 0;
  fc.assert(
    fc.property(
      fc.oneof(body, fc.jsonValue()),
      fc.constantFrom(CREATE_HOLD, CREATE_ORDER),
      (json, operation) => {
        const before = rig.bytesOf(1);
        const reply = rig.write(operation, { subject: 'gala', body: JSON.stringify(json) });
        if (reply.status === 201) taken++;
        else if (![400, 409, 422].includes(reply.status)) throw new Error(`status ${reply.status}`);
        else if (!rig.isAsIn(1, before)) throw new Error('a refusal changed something');
        rig.journal.drain();
      },
    ),
    { seed, numRuns: isLong ? 20_000 : 250 },
  );
  t.ok(taken > 0, `${taken} were taken`);
});

t.test('entity tags change with the sequence, and who has the newest is told so', async (t) => {
  const rig = new ServiceRig();
  t.teardown(() => rig.close());
  rig.define(GALA);
  for (const [operation, options] of [
    [AVAILABILITY, {}],
    [SEATS, {}],
    [SEATS, { query: 'section=stalls' }],
    [SEATS, { octets: true }],
    [GET_EVENT, {}],
  ] as const) {
    const first = rig.read(operation, { subject: 'gala', ...options });
    t.equal(first.status, 200);
    t.match(first.etag, /^"[^"]+"$/);
    t.ok(first.isPublic);
    for (const header of [first.etag, `W/${first.etag}`, '*', `"other", ${first.etag}`]) {
      const again = rig.read(operation, { subject: 'gala', ifNoneMatch: header, ...options });
      t.equal(again.status, 304, `${operation.name} ${header}`);
      t.equal(again.body.length, 0);
      t.equal(again.etag, first.etag);
      t.equal(again.sequence, first.sequence);
    }
    const other = rig.read(operation, { subject: 'gala', ifNoneMatch: '"other"', ...options });
    t.equal(other.status, 200);
    rig.write(CREATE_HOLD, { subject: 'gala', body: { items: PLACES } });
    const after = rig.read(operation, { subject: 'gala', ifNoneMatch: first.etag, ...options });
    t.equal(after.status, operation === GET_EVENT ? 304 : 200, `${operation.name} after a change`);
  }
  const json = rig.read(SEATS, { subject: 'gala' });
  const bits = rig.read(SEATS, { subject: 'gala', octets: true });
  t.not(json.etag, bits.etag, 'two representations have two tags');
});

t.test('two bits a seat say what the letters say', async (t) => {
  const rig = new ServiceRig();
  t.teardown(() => rig.close());
  rig.define(GALA);
  rig.write(CREATE_HOLD, {
    subject: 'gala',
    body: { items: [{ seat: 'stalls-A-2' }, { seat: 'box-1-x-R' }] },
  });
  rig.write(CREATE_ORDER, {
    subject: 'gala',
    body: { items: [{ seat: 'stalls-B-7' }, { seat: 'stalls-B-5' }, { section: 'stalls', quantity: 2 }] },
  });
  for (const query of ['', 'section=stalls', 'section=box-1', 'section=floor']) {
    const json = jsonOf(rig.read(SEATS, { subject: 'gala', query }));
    const bits = rig.read(SEATS, { subject: 'gala', query, octets: true });
    t.equal(bits.contentType, CONTENT_TYPE.octets);
    let letters = '';
    for (const section of json['sections'] as unknown as { rows: { seats: string }[] }[]) {
      for (const row of section.rows) letters += row.seats;
    }
    let decoded = '';
    for (let seat = 0; seat < letters.length; seat++) {
      decoded += 'ahsb'[(bits.body[seat >>> 2] >>> ((seat & 3) * 2)) & 3];
    }
    t.equal(decoded, letters, query);
    t.equal(bits.body.length, Math.ceil(letters.length / 4));
    t.equal(bits.sequence, json['sequence']);
  }
});

t.test(
  'an order that never was a hold has no deadline, and a start of the server gives it none',
  async (t) => {
    const rig = new ServiceRig();
    t.teardown(() => rig.close());
    rig.define(GALA);
    const order = jsonOf(rig.write(CREATE_ORDER, { subject: 'gala', body: { items: PLACES } }));
    const held = jsonOf(rig.write(CREATE_HOLD, { subject: 'gala', body: { items: PLACES } }));
    rig.write(CONFIRM_HOLD, { subject: String(held['id']) });
    const deadline = held['expiresAt'];
    setReadyTime(rig.arena, START_MS + 3_600_000);
    rig.nowMs = START_MS + 3_600_000;
    t.equal(jsonOf(rig.read(GET_HOLD, { subject: String(order['hold']) }))['expiresAt'], null);
    t.equal(
      jsonOf(rig.read(GET_HOLD, { subject: String(held['id']) }))['expiresAt'],
      deadline,
      'one that was keeps it',
    );
  },
);

t.test('what a lost worker had published is answered as it would have been', async (t) => {
  const rig = new ServiceRig();
  t.teardown(() => rig.close());
  const compare = (operation: Operation, options: RequestOptions, slot = 1): ReadReply => {
    const first = ringHead(rig.arena);
    const original = rig.write(operation, options, slot);
    const commands = publishedCommands(rig.arena, rig.batchId, first);
    t.equal(commands.length, 1, `${operation.name} published one frame`);
    const { fact } = commands[0];
    const answer = rig.batch(BATCH_KIND.answer, slot, [requestOf(operation, { ...options, fact })])
      .replies[0];
    t.same(answer, original, operation.name);
    rig.journal.drain();
    return original;
  };
  compare(CREATE_EVENT, { body: GALA, idempotencyKey: 'k' }, REGISTRY_SLOT);
  const items = [{ seat: 'stalls-A-1' }, { section: 'floor', quantity: 3 }];
  const hold = jsonOf(
    compare(CREATE_HOLD, {
      subject: 'gala',
      body: { items, customer: 'c', reference: 'r' },
      idempotencyKey: 'k',
    }),
  );
  compare(CONFIRM_HOLD, { subject: String(hold['id']), body: { reference: 'later' } });
  const order = jsonOf(
    compare(CREATE_ORDER, { subject: 'gala', body: { items: [{ section: 'stalls', quantity: 2 }] } }),
  );
  compare(CANCEL_ORDER, { subject: String(order['id']) });
  const other = jsonOf(compare(CREATE_HOLD, { subject: 'gala', body: { items: PLACES } }));
  compare(RELEASE_HOLD, { subject: String(other['id']) });
});
