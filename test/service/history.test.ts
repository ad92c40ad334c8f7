/** History's pages over a journal that is an array: what they tell, what they wait for, what they refuse. */
import t from 'tap';
import { BATCH_KIND, type ReplyHeader } from '../../src/core/batch.ts';
import { headerBytes, wide, WORD_EVENT, WORD_SEQUENCE } from '../../src/core/frame.ts';
import {
  BLOCK,
  CANCEL_ORDER,
  CHANGE_HOLD,
  CONFIRM_HOLD,
  CREATE_EVENT,
  CREATE_HOLD,
  CREATE_ORDER,
  EXTEND_HOLD,
  HISTORY,
  PATCH_EVENT,
  RELEASE_HOLD,
  UNBLOCK,
} from '../../src/core/operations.ts';
import { findEvent, REGISTRY_SLOT } from '../../src/memory/registry.ts';
import { headPosition, loadDurable } from '../../src/memory/ring.ts';
import type { ReadFrames } from '../../src/service/history-frames.ts';
import { HistoryServer } from '../../src/service/history-server.ts';
import { START_MS } from '../engine/rig.ts';
import { validateReply } from '../support/openapi.ts';
import { GALA, jsonOf, requestOf, ServiceRig, type Json, type RequestOptions } from './rig.ts';
import { batchOf, readReplies, type ReadReply } from '../support/batches.ts';
import { decodeReplyHeader } from '../../src/core/reply-codec.ts';

type FramesQuery = Parameters<ReadFrames>[0];
type FramesPage = ReturnType<ReadFrames>;

class HistoryRig extends ServiceRig {
  readonly asked: FramesQuery[] = [];
  /** Instead of what the journal would say. */
  page: FramesPage | null = null;
  /** Frames before this sequence were trimmed. */
  firstKept = 1;
  /** Frames that are not there, as if they had been trimmed one by one. */
  hidden: ReadonlySet<number> = new Set();
  readonly #server = new HistoryServer(this.arena, (query, visit) => this.#readFrames(query, visit));

  /** What journal/history-reader.ts does, from the frames that the rig's journal kept. */
  readonly #readFrames: ReadFrames = (query, visit) => {
    this.asked.push(query);
    if (this.page !== null && this.page.kind !== 'page') return this.page;
    if (query.afterSequence + 1 < this.firstKept) return { kind: 'trimmed', firstSequence: this.firstKept };
    let lastSequence = query.afterSequence;
    let frames = 0;
    for (const { words, position } of this.journal.frames()) {
      const isOurs = words[WORD_EVENT] === ((query.generation << 16) | query.slot);
      const sequence = wide(words, WORD_SEQUENCE);
      if (!isOurs || sequence <= query.afterSequence || frames === query.framesMax) continue;
      if (this.hidden.has(sequence)) continue;
      if (position + headerBytes(words[0]) > query.upTo) break;
      visit(words, 0, position);
      lastSequence = sequence;
      frames++;
    }
    return { kind: 'page', next: null, ...this.page, lastSequence };
  };

  history(options: RequestOptions, slot = 1): { header: ReplyHeader; reply: ReadReply; json: Json } {
    const header = {
      batchId: ++this.batchId,
      eventSlot: slot,
      kind: BATCH_KIND.read,
      nowMs: START_MS,
      expireBeforeMs: START_MS,
    };
    const request = requestOf(HISTORY, { subject: 'gala', ...options });
    const bytes = this.#server.serve(batchOf(header, [request]));
    const [reply] = readReplies(bytes);
    return { header: decodeReplyHeader(bytes), reply, json: jsonOf(reply) };
  }

  /** Sequences of a page. */
  changes(query: string): { sequences: number[]; next: string | null } {
    const { reply, json } = this.history({ query });
    if (reply.status !== 200) throw new Error(`history answers ${reply.status}: ${JSON.stringify(json)}`);
    const changes = json['data'] as unknown as { sequence: number }[];
    return { sequences: changes.map(({ sequence }) => sequence), next: json['next'] as string | null };
  }
}

/** A hall with a history of seven changes, all durable. */
function lived(t: { teardown(fn: () => void): void }): HistoryRig {
  const rig = new HistoryRig();
  t.teardown(() => rig.close());
  rig.define(GALA);
  const subject = 'gala';
  const items = [{ seat: 'stalls-A-1' }, { section: 'floor', quantity: 3 }];
  const hold = jsonOf(rig.write(CREATE_HOLD, { subject, body: { items, customer: 'c', reference: 'r' } }));
  const other = jsonOf(rig.write(CREATE_HOLD, { subject, body: { items: [{ seat: 'stalls-A-2' }] } }));
  rig.write(RELEASE_HOLD, { subject: String(other['id']) });
  rig.write(CONFIRM_HOLD, { subject: String(hold['id']), body: { reference: 'paid' } });
  rig.write(CREATE_ORDER, { subject, body: { items: [{ seat: 'stalls-A-2' }] } });
  const order = String(hold['id']).replace('hold_', 'order_');
  const ticket = order.replace('order_', 'ticket_');
  rig.write(CANCEL_ORDER, { subject: order, body: { tickets: [`${ticket}_1`] } });
  rig.journal.drain();
  return rig;
}

t.test('an event whose definition is not durable yet is told of only when it is', async (t) => {
  const rig = new HistoryRig();
  t.teardown(() => rig.close());
  t.equal(rig.write(CREATE_EVENT, { body: GALA }, REGISTRY_SLOT).status, 201);
  const slot = findEvent(rig.arena, 'gala');
  const head = headPosition(rig.arena);
  t.ok(head > loadDurable(rig.arena), 'its frame is published and not durable');
  const early = rig.history({}, slot);
  t.equal(early.reply.status, 200);
  t.same(early.json, { data: [], next: null }, 'nothing of what is not durable stands in it');
  t.equal(early.header.gate, head, 'and it waits for the frame');
  const badSeat = rig.history({ query: 'seat=stalls-Z-9' }, slot);
  t.equal(badSeat.reply.status, 422);
  t.equal(badSeat.header.gate, head, 'a refusal tells of the event, too, and waits');
  rig.journal.drain();
  t.equal(rig.history({}, slot).header.gate, loadDurable(rig.arena), 'later there is nothing to wait for');
});

t.test('the gate covers the head of the ring, and the page ends where the journal is durable', async (t) => {
  const rig = lived(t);
  const durable = loadDurable(rig.arena);
  rig.write(CREATE_ORDER, { subject: 'gala', body: { items: [{ section: 'floor', quantity: 1 }] } });
  const { header, json } = rig.history({});
  t.equal((json['data'] as unknown as object[]).length, 7, 'the eighth change is not told');
  t.equal(rig.asked[0].upTo, durable);
  t.equal(header.gate, headPosition(rig.arena));
  t.ok(header.gate > durable);
});

t.test('every kind of change is told with what it touched', async (t) => {
  const rig = lived(t);
  const { json, reply } = rig.history({});
  t.equal(reply.sequence, -1);
  t.match(json, {
    next: null,
    data: [
      { sequence: 1, kind: 'defined', seats: [], sections: [] },
      {
        sequence: 2,
        kind: 'held',
        hold: /^hold_/,
        customer: 'c',
        reference: 'r',
        seats: ['stalls-A-1'],
        sections: [
          { section: 'stalls', quantity: 1 },
          { section: 'floor', quantity: 3 },
        ],
      },
      { sequence: 3, kind: 'held', seats: ['stalls-A-2'] },
      { sequence: 4, kind: 'released', seats: ['stalls-A-2'] },
      { sequence: 5, kind: 'confirmed', order: /^order_/, reference: 'paid', seats: ['stalls-A-1'] },
      { sequence: 6, kind: 'ordered', order: /^order_/, seats: ['stalls-A-2'] },
      {
        sequence: 7,
        kind: 'cancelled',
        seats: ['stalls-A-1'],
        tickets: [/^ticket_.*_1$/],
        sections: [{ section: 'stalls', quantity: 1 }],
      },
    ],
  });
  t.equal(json['data'][1]['hold'], json['data'][4]['hold'], 'a claim keeps its id');
});

/** One of each kind, in an event that ends up archived. */
function ended(t: { teardown(fn: () => void): void }): HistoryRig {
  const rig = new HistoryRig();
  t.teardown(() => rig.close());
  rig.define(GALA);
  const subject = 'gala';
  const must = (reply: ReadReply): Json => {
    rig.journal.drain();
    if (reply.status >= 300) throw new Error(Buffer.from(reply.body).toString());
    return jsonOf(reply);
  };
  const patch = (body: object): Json => must(rig.write(PATCH_EVENT, { subject, body }, REGISTRY_SLOT));
  const items = [{ seat: 'stalls-A-1' }, { section: 'floor', quantity: 3 }];
  const hold = must(rig.write(CREATE_HOLD, { subject, body: { items, seconds: 60 } }));
  const id = String(hold['id']);
  const remove = [{ seat: 'stalls-A-1' }, { section: 'floor', quantity: 1 }];
  must(rig.write(CHANGE_HOLD, { subject: id, body: { add: [{ seat: 'stalls-A-2' }], remove } }));
  must(rig.write(EXTEND_HOLD, { subject: id, body: { seconds: 120 } }));
  rig.nowMs += 600_000;
  rig.batch(BATCH_KIND.expire, 1, []);
  rig.journal.drain();
  must(rig.write(CONFIRM_HOLD, { subject: id, body: { reference: 'late', ifExpired: 'retake' } }));
  const order = id.replace('hold_', 'order_');
  const ticket = order.replace('order_', 'ticket_');
  const tickets = [`${ticket}_3`];
  must(rig.write(CANCEL_ORDER, { subject: order, body: { tickets, to: 'blocked', reason: 'flood' } }));
  const block = [{ seat: 'stalls-A-3' }, { section: 'floor', quantity: 2 }];
  must(rig.write(BLOCK, { subject, body: { items: block, reason: 'camera' } }));
  must(rig.write(UNBLOCK, { subject, body: { items: [{ seat: 'stalls-A-3' }] } }));
  patch({ sections: [{ id: 'tent', kind: 'seated', rows: [{ id: 'A', seats: 2 }] }] });
  must(rig.write(CREATE_ORDER, { subject, body: { items: [{ seat: 'tent-A-2' }] } }));
  patch({ state: 'closed' });
  patch({ state: 'archived' });
  return rig;
}

t.test('the kinds that came later are told, too, also when the event is archived', async (t) => {
  const rig = ended(t);
  const { json } = rig.history({});
  t.same(validateReply('history', 200, json), []);
  t.match(json, {
    next: null,
    data: [
      { sequence: 1, kind: 'defined' },
      { kind: 'held', seats: ['stalls-A-1'], expiresAt: new Date(START_MS + 60_000).toISOString() },
      {
        kind: 'changed',
        seats: ['stalls-A-2'],
        removed: ['stalls-A-1'],
        sections: [{ section: 'floor', quantity: -1 }],
      },
      { kind: 'extended', seats: ['stalls-A-2'], expiresAt: new Date(START_MS + 120_000).toISOString() },
      { kind: 'expired', seats: ['stalls-A-2'] },
      { kind: 'retaken', order: /^order_/, reference: 'late', seats: ['stalls-A-2'] },
      { kind: 'cancelled', to: 'blocked', reason: 'flood', tickets: [/^ticket_.*_3$/] },
      {
        kind: 'blocked',
        reason: 'camera',
        seats: ['stalls-A-3'],
        sections: [
          { section: 'stalls', quantity: 1 },
          { section: 'floor', quantity: 2 },
        ],
      },
      { kind: 'unblocked', seats: ['stalls-A-3'] },
      { kind: 'changed-event', version: 2, state: 'open' },
      { kind: 'ordered', seats: ['tent-A-2'] },
      { kind: 'changed-event', version: 3, state: 'closed' },
      { sequence: 13, kind: 'archived', version: 4, state: 'archived' },
    ],
  });
  t.same(rig.changes('seat=stalls-A-1').sequences, [2, 3]);
  t.same(rig.changes('seat=stalls-A-2').sequences.slice(0, 4), [3, 4, 5, 6]);
  t.same(rig.changes('seat=stalls-A-3').sequences, [8, 9]);
  t.same(rig.changes('seat=tent-A-2').sequences, [11], 'a section that was added later has its names');
});

t.test('of an archived event whose definition was trimmed, seats have numbers', async (t) => {
  const rig = ended(t);
  rig.firstKept = 13;
  t.match(rig.history({ query: 'after=12' }).json, { data: [{ kind: 'archived' }], next: null });
  t.equal(rig.history({ query: 'seat=stalls-A-1' }).reply.status, 422, 'nobody knows that name any more');
  t.equal(rig.history({ query: 'seat=%23x' }).reply.status, 422);
  t.same(rig.history({ query: 'seat=%230&after=12' }).json, { data: [], next: null });
  const other = ended(t);
  other.hidden = new Set([1, 10, 12]);
  const { json } = other.history({});
  t.match(json, {
    data: [{ kind: 'held', seats: ['#0'], sections: [{ section: '#1' }, { section: '#0' }] }],
  });
  t.same(validateReply('history', 200, json), []);
});

t.test('a seat has the changes that touched it, and is looked for far', async (t) => {
  const rig = lived(t);
  t.same(rig.changes('seat=stalls-A-2').sequences, [3, 4, 6]);
  t.same(rig.changes('seat=stalls-A-1').sequences, [2, 5, 7]);
  t.same(rig.changes('seat=stalls-A-3').sequences, []);
  t.same(rig.changes('seat=stalls-A-2&after=3').sequences, [4, 6]);
  t.ok(
    rig.asked.every(({ framesMax }) => framesMax === 100_000),
    'most frames are passed over',
  );
});

t.test('pages follow each other by next, without a gap and without a double', async (t) => {
  const rig = lived(t);
  for (const [filter, all] of [
    ['', [1, 2, 3, 4, 5, 6, 7]],
    ['&seat=stalls-A-2', [3, 4, 6]],
  ] as const) {
    for (const limit of [1, 2, 3, 7, 500]) {
      const seen: number[] = [];
      let after: string | null = '0';
      for (let pages = 0; after !== null && pages < 10; pages++) {
        const { sequences, next } = rig.changes(`limit=${limit}&after=${after}${filter}`);
        t.ok(sequences.length <= limit);
        seen.push(...sequences);
        after = next;
      }
      t.same(seen, all, `pages of ${limit}${filter}`);
      t.equal(after, null, 'the last page says that it is');
    }
  }
  t.same(rig.changes('after=7'), { sequences: [], next: null });
});

t.test('a page that scanned enough says where to go on, and the next one goes on there', async (t) => {
  const rig = lived(t);
  rig.page = { kind: 'page', lastSequence: 0, next: { segment: 3, offset: 8192, position: 123_456_789 } };
  const { sequences, next } = rig.changes('after=5');
  t.same(sequences, [6, 7]);
  t.equal(next, '7.3.8192.123456789');
  t.equal(rig.changes('limit=1&after=5').next, '6', 'a page that is full goes on by sequence');
  rig.asked.length = 0;
  rig.changes(`limit=9&after=${next}`);
  t.match(rig.asked, [
    {
      slot: 1,
      afterSequence: 7,
      cursor: { segment: 3, offset: 8192, position: 123_456_789 },
      framesMax: 9,
    },
  ]);
  rig.changes('after=7');
  t.equal(rig.asked[1].cursor, undefined, 'a sequence alone is no cursor');
  t.equal(rig.asked[1].framesMax, 50, 'fifty unless asked otherwise');
});

t.test('an event that is not there is not found, and the files are not asked', async (t) => {
  const rig = lived(t);
  for (const slot of [REGISTRY_SLOT, 2]) {
    const { reply, json, header } = rig.history({ subject: 'nothing' }, slot);
    t.equal(reply.status, 404);
    t.match(json, { code: 'event-not-found', requestId: 'r1' });
    t.equal(header.gate, headPosition(rig.arena));
  }
  t.same(rig.asked, []);
});

t.test('a query that is no good is refused by name, and the files are not asked', async (t) => {
  const rig = lived(t);
  for (const [query, pointer] of [
    ['limit=0', '?limit'],
    ['limit=501', '?limit'],
    ['limit=1.5', '?limit'],
    ['limit=', '?limit'],
    ['limit=1&limit=2', '?limit'],
    ['after=x', '?after'],
    ['after=-1', '?after'],
    ['after=', '?after'],
    ['after=1.2.3.4.5', '?after'],
    ['after=12345678901234567', '?after'],
    ['seat=stalls-Z-1', '?seat'],
    ['seat=', '?seat'],
    ['what=1', '?what'],
  ]) {
    const { reply, json } = rig.history({ query });
    t.equal(reply.status, 422, query);
    t.match(json, { code: 'invalid-request', errors: [{ pointer }] }, query);
  }
  t.same(rig.asked, []);
});

t.test('a cursor that no group ever ended at is the fault of who asked', async (t) => {
  const rig = lived(t);
  rig.page = { kind: 'bad-cursor' };
  const { reply, json } = rig.history({ query: 'after=5.1.77.99' });
  t.equal(reply.status, 422);
  t.match(json, { code: 'invalid-request', errors: [{ pointer: '?after' }] });
});

t.test('what was trimmed is gone, and where the rest begins is told when it is known', async (t) => {
  const rig = lived(t);
  rig.page = { kind: 'trimmed', firstSequence: 5 };
  const known = rig.history({ query: 'after=1' });
  t.equal(known.reply.status, 410);
  t.match(known.json, { code: 'history-trimmed', sequence: 5, detail: /after=4/ });
  rig.page = { kind: 'trimmed', firstSequence: null };
  const unknown = rig.history({ query: 'after=1' });
  t.equal(unknown.reply.status, 410);
  t.match(unknown.json, { code: 'history-trimmed' });
  t.notOk('sequence' in (unknown.json as object));
});

t.test('files that cannot be read are our fault, and nothing was changed', async (t) => {
  const rig = lived(t);
  rig.page = { kind: 'corrupt', file: 'segment-7', offset: 4096 };
  const { reply, json } = rig.history({});
  t.equal(reply.status, 500);
  t.match(json, { code: 'internal-error', applied: false, detail: /segment-7.*4096/ });
});
