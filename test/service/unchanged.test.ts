/** Successes that change nothing: a retry under their key is a replay, whatever others have done meanwhile. */
import t from 'tap';
import type { Test } from 'tap';
import { BATCH_KIND, type ReplyHeader } from '../../src/core/batch.ts';
import { IDEMPOTENCY_TTL_MS } from '../../src/core/limits.ts';
import {
  AVAILABILITY,
  BLOCK,
  CANCEL_ORDER,
  CONFIRM_HOLD,
  CREATE_HOLD,
  CREATE_ORDER,
  EXTEND_HOLD,
  GET_EVENT,
  PATCH_EVENT,
  READ_CHANGES,
  RELEASE_HOLD,
  SEATS,
  UNBLOCK,
  type Operation,
} from '../../src/core/operations.ts';
import { auditArena } from '../../src/engine/audit.ts';
import { reclaim } from '../../src/engine/patch.ts';
import { publishedCommands } from '../../src/engine/repair.ts';
import { createArena } from '../../src/memory/arena.ts';
import { viewEvent } from '../../src/memory/event.ts';
import { loadSequence } from '../../src/memory/guard.ts';
import { keyLimit } from '../../src/memory/keys.ts';
import { HEADER } from '../../src/memory/layout.ts';
import { REGISTRY_SLOT } from '../../src/memory/registry.ts';
import { ringHead } from '../../src/memory/ring.ts';
import { setShareCount } from '../../src/memory/shares.ts';
import { takeThreadSlot } from '../../src/memory/threads.ts';
import { differences, newContext, replayInto, smallLimits, underMutex } from '../engine/rig.ts';
import { type ReadReply } from '../support/batches.ts';
import { GALA, jsonOf, requestOf, ServiceRig, type Json, type RequestOptions } from './rig.ts';

function rigWith(t: Test, servers = 1): ServiceRig {
  const rig = new ServiceRig(servers);
  t.teardown(() => rig.close());
  rig.define(GALA);
  return rig;
}

function slotOf(operation: Operation): number {
  return operation.lane === 'registry' ? REGISTRY_SLOT : 1;
}

/** A call that must be accepted. */
function good(rig: ServiceRig, operation: Operation, options: RequestOptions): Json {
  const reply = rig.write(operation, options, slotOf(operation));
  if (reply.status >= 300) throw new Error(Buffer.from(reply.body).toString());
  return reply.body.length === 0 ? ({} as Json) : jsonOf(reply);
}

const patch = (rig: ServiceRig, body: object): Json => good(rig, PATCH_EVENT, { subject: 'gala', body });
const block = (rig: ServiceRig): Json => good(rig, BLOCK, { subject: 'gala', body: FRONT });
const unblock = (rig: ServiceRig): Json => good(rig, UNBLOCK, { subject: 'gala', body: FRONT });
const hold = (rig: ServiceRig): string =>
  String(good(rig, CREATE_HOLD, { subject: 'gala', body: { items: PLACES } })['id']);
const order = (rig: ServiceRig): string =>
  String(good(rig, CREATE_ORDER, { subject: 'gala', body: { items: PLACES } })['id']);
const PLACES = [{ section: 'floor', quantity: 3 }];
const FRONT = { items: [{ seat: 'stalls-A-1' }, { seat: 'stalls-A-2' }] };

function confirmed(rig: ServiceRig): string {
  const subject = hold(rig);
  good(rig, CONFIRM_HOLD, { subject, body: {} });
  return subject;
}

function released(rig: ServiceRig): string {
  const subject = hold(rig);
  good(rig, RELEASE_HOLD, { subject });
  return subject;
}

function cancelled(rig: ServiceRig): string {
  const subject = order(rig);
  good(rig, CANCEL_ORDER, { subject });
  return subject;
}

const firstTicket = (subject: string): object => ({ tickets: [`${subject.replace('order', 'ticket')}_1`] });

function firstCancelled(rig: ServiceRig): string {
  const subject = order(rig);
  good(rig, CANCEL_ORDER, { subject, body: firstTicket(subject) });
  return subject;
}

function archived(rig: ServiceRig): string {
  patch(rig, { state: 'closed' });
  patch(rig, { state: 'archived' });
  return 'gala';
}

interface Unchanged {
  readonly name: string;
  readonly operation: Operation;
  /** What the call is about, brought to where the call changes nothing. */
  prepare(rig: ServiceRig): string;
  body(subject: string): object | null;
  readonly other: object | null;
  /** What others do; after it the call would do something, or be refused. */
  meanwhile(rig: ServiceRig, subject: string): unknown;
}

const gala = (): string => 'gala';
const nothing = (): void => {};

const CASES: readonly Unchanged[] = [
  {
    name: 'an event that is open is opened',
    operation: PATCH_EVENT,
    prepare: gala,
    body: () => ({ state: 'open' }),
    other: { state: 'paused' },
    meanwhile: (rig) => patch(rig, { state: 'paused' }),
  },
  {
    name: 'an event gets the name that it has',
    operation: PATCH_EVENT,
    prepare: gala,
    body: () => ({ name: GALA.name }),
    other: { name: 'Spring Gala' },
    meanwhile: (rig) => patch(rig, { name: 'Autumn Gala', sections: [{ id: 'floor', capacity: 3000 }] }),
  },
  {
    name: 'an archived event is archived',
    operation: PATCH_EVENT,
    prepare: archived,
    body: () => ({ state: 'archived' }),
    other: { state: 'open' },
    meanwhile: (rig) => good(rig, PATCH_EVENT, { subject: 'gala', body: { state: 'archived' } }),
  },
  {
    name: 'blocked seats are blocked',
    operation: BLOCK,
    prepare: (rig) => (block(rig), 'gala'),
    body: () => FRONT,
    other: { items: PLACES },
    meanwhile: unblock,
  },
  {
    name: 'available seats are unblocked',
    operation: UNBLOCK,
    prepare: gala,
    body: () => FRONT,
    other: { items: [{ seat: 'stalls-A-1' }] },
    meanwhile: block,
  },
  {
    name: 'a hold is extended by less than it has',
    operation: EXTEND_HOLD,
    prepare: hold,
    body: () => ({ seconds: 100 }),
    other: { seconds: 101 },
    meanwhile: (rig) => (rig.nowMs += 250_000),
  },
  {
    name: 'a confirmed hold is confirmed',
    operation: CONFIRM_HOLD,
    prepare: confirmed,
    body: () => ({ reference: 'paid' }),
    other: { reference: 'paid twice' },
    meanwhile: (rig, subject) => good(rig, CANCEL_ORDER, { subject: subject.replace('hold', 'order') }),
  },
  {
    name: 'a released hold is released',
    operation: RELEASE_HOLD,
    prepare: released,
    body: () => null,
    other: { a: 1 },
    meanwhile: nothing,
  },
  {
    name: 'a cancelled order is cancelled',
    operation: CANCEL_ORDER,
    prepare: cancelled,
    body: () => ({ reason: 'rain' }),
    other: { reason: 'snow' },
    meanwhile: nothing,
  },
  {
    name: 'a cancelled ticket is cancelled',
    operation: CANCEL_ORDER,
    prepare: firstCancelled,
    body: firstTicket,
    other: null,
    meanwhile: (rig, subject) => good(rig, CANCEL_ORDER, { subject }),
  },
];

interface Prepared {
  readonly rig: ServiceRig;
  readonly subject: string;
  /** Sends the call. */
  send(options?: RequestOptions): { header: ReplyHeader; reply: ReadReply };
}

function prepared(t: Test, { operation, prepare, body }: Unchanged): Prepared {
  const rig = rigWith(t);
  const subject = prepare(rig);
  rig.journal.drain();
  return {
    rig,
    subject,
    send: (options = {}) => {
      const request = requestOf(operation, { subject, body: body(subject), idempotencyKey: 'k', ...options });
      const { header, replies } = rig.batch(BATCH_KIND.write, slotOf(operation), [request]);
      return { header, reply: replies[0] };
    },
  };
}

/** What anybody can read of the event, with sequences and ETags, and what has changed since a sequence. */
function readings(rig: ServiceRig): unknown[] {
  const after = loadSequence(rig.arena, 1);
  return [AVAILABILITY, SEATS, GET_EVENT, READ_CHANGES].map((operation) =>
    rig.read(operation, { subject: 'gala', query: operation === READ_CHANGES ? `after=${after}` : '' }),
  );
}

const statusOf = ({ operation }: Unchanged): number => (operation === RELEASE_HOLD ? 204 : 200);

function checkJournal(t: Test, rig: ServiceRig): void {
  const context = newContext(rig.arena, takeThreadSlot(rig.arena, 9));
  // What the event has left is given back at once in a replay.
  underMutex(context, REGISTRY_SLOT, () => reclaim(context));
  rig.journal.drain();
  t.same(auditArena(rig.arena).findings, []);
  const replayed = createArena(smallLimits());
  replayInto(replayed, rig.journal.kept);
  t.same(differences(rig.arena, replayed), [], 'the journal leads to the same memory');
}

for (const each of CASES) {
  t.test(`${each.name}: that is remembered under its key`, async (t) => {
    const { rig, subject, send } = prepared(t, each);
    const told = readings(rig);
    const position = rig.journal.position;
    const wakes = rig.arena.words[HEADER.journalWake];
    const { header, reply: first } = send();
    t.match([first.status, first.replayed], [statusOf(each), false]);
    rig.journal.drain();
    t.ok(rig.journal.position > position, 'its key is written down');
    t.equal(header.gate, rig.journal.position, 'and its reply waits for that');
    t.not(rig.arena.words[HEADER.journalWake], wakes, 'which the journal is woken for');
    t.same(readings(rig), told, 'and nobody else sees anything of it');

    each.meanwhile(rig, subject);
    const before = rig.bytesOf(1);
    const { header: later, reply: again } = send({ client: 'another client of the same key' });
    t.match([again.status, again.replayed], [first.status, true], 'the same request again is a replay');
    t.ok(later.gate >= header.gate, 'which waits for what it was told by');
    const { reply: mismatch } = send({ body: each.other });
    t.match([mismatch.status, jsonOf(mismatch)['code']], [422, 'idempotency-mismatch'], 'another body');
    t.ok(rig.isAsIn(1, before), 'neither changed anything');
    checkJournal(t, rig);
  });

  t.test(
    `${each.name}: without room for its key it is refused, and without a key it needs none`,
    async (t) => {
      const { rig, send } = prepared(t, each);
      const isArchived = each.prepare === archived;
      const view = viewEvent(rig.arena, isArchived ? REGISTRY_SLOT : 1);
      setShareCount(view, 0, rig.nowMs, keyLimit(view));
      const before = rig.bytesOf(1);
      const { reply } = send();
      t.match(jsonOf(reply), { status: 507, code: 'capacity-exhausted', applied: false });
      t.equal(send({ idempotencyKey: '' }).reply.status, statusOf(each));
      t.ok(rig.isAsIn(1, before), 'neither changed anything');
    },
  );

  t.test(`${each.name}: a worker that dies then is answered for as it would have answered`, async (t) => {
    const { rig, subject, send } = prepared(t, each);
    const head = ringHead(rig.arena);
    const { reply } = send();
    const [command, ...others] = publishedCommands(rig.arena, rig.batchId, head);
    t.same(others, []);
    const { operation } = each;
    const options = { subject, body: each.body(subject), idempotencyKey: 'k', fact: command.fact };
    const answer = rig.batch(BATCH_KIND.answer, slotOf(operation), [requestOf(operation, options)]);
    t.same(answer.replies[0], reply);
    rig.journal.drain();
    t.equal(answer.header.gate, rig.journal.position);
  });
}

t.test('a key of a success that changed nothing is forgotten after a day, as others are', async (t) => {
  const { rig, send } = prepared(t, CASES[0]);
  t.equal(send().reply.replayed, false);
  rig.nowMs += IDEMPOTENCY_TTL_MS - 1000;
  t.equal(send().reply.replayed, true);
  patch(rig, { state: 'paused' });
  rig.nowMs += 2000;
  const { reply } = send();
  t.match([reply.replayed, jsonOf(reply)['state']], [false, 'open']);
});

/** Another worker patches the gala once, just before the mutex is taken for a patch that was planned. */
function afterPlanning(t: Test, rig: ServiceRig, body: object): { readonly isDone: boolean } {
  const { stringify } = JSON;
  const other = { isDone: false };
  t.teardown(() => {
    JSON.stringify = stringify;
  });
  // A plan ends with the definition written out.
  JSON.stringify = (value: { priceTypes?: object; state?: string }): string => {
    const isPlan = value.priceTypes !== undefined || value.state === 'archived';
    const text = stringify(value);
    if (!isPlan) return text;
    JSON.stringify = stringify;
    other.isDone = true;
    const request = requestOf(PATCH_EVENT, { subject: 'gala', body, idempotencyKey: 'theirs' });
    const { replies } = rig.batch(BATCH_KIND.write, REGISTRY_SLOT, [request], 1);
    if (replies[0].status !== 200) throw new Error(Buffer.from(replies[0].body).toString());
    return text;
  };
  return other;
}

t.test('a patch that changed nothing when it was planned is planned anew if others came first', async (t) => {
  for (const [state, body, other, told] of [
    ['open', { state: 'open' }, { state: 'paused' }, { state: 'open', version: 3 }],
    ['open', { state: 'open' }, { name: 'x' }, { state: 'open', name: 'x', version: 2 }],
    ['closed', { state: 'closed' }, { state: 'archived' }, { code: 'invalid-request' }],
    ['closed', { state: 'archived' }, { state: 'archived' }, { state: 'archived', version: 3 }],
  ] as const) {
    const rig = rigWith(t, 2);
    if (state !== GALA.state) patch(rig, { state });
    const send = (): ReadReply =>
      rig.write(PATCH_EVENT, { subject: 'gala', body, idempotencyKey: 'k' }, REGISTRY_SLOT);
    const others = afterPlanning(t, rig, other);
    const what = `${JSON.stringify(body)} of a ${state} event, after ${JSON.stringify(other)}`;
    const first = send();
    t.match(jsonOf(first), told, what);
    t.match([others.isDone, first.replayed], [true, false], what);
    const before = rig.bytesOf(1);
    const again = send();
    t.match([again.status, again.replayed], [first.status, first.status === 200], what);
    t.match(jsonOf(again), told, what);
    t.ok(rig.isAsIn(1, before), what);
    const { version } = jsonOf(again);
    if (version !== undefined)
      t.equal(jsonOf(rig.read(GET_EVENT, { subject: 'gala' }))['version'], version, what);
    checkJournal(t, rig);
  }
});
