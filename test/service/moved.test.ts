/** A worker that knows an event from before it moved: whatever it is asked for, it never looks at what was given back. */
import t from 'tap';
import type { Test } from 'tap';
import { BATCH_KIND, type BatchRequest } from '../../src/core/batch.ts';
import { headerBytes, WORD_BATCH, WORD_COMMAND } from '../../src/core/frame.ts';
import {
  AVAILABILITY,
  CONFIRM_HOLD,
  CREATE_HOLD,
  CREATE_ORDER,
  GET_HOLD,
  PATCH_EVENT,
  RELEASE_HOLD,
  SEATS,
} from '../../src/core/operations.ts';
import { auditArena } from '../../src/engine/audit.ts';
import { Replay } from '../../src/engine/replay.ts';
import { createArena } from '../../src/memory/arena.ts';
import { viewEvent } from '../../src/memory/event.ts';
import { loadPosition } from '../../src/memory/guard.ts';
import { LOCK_PHASE, THREAD } from '../../src/memory/layout.ts';
import { REGISTRY_SLOT } from '../../src/memory/registry.ts';
import { differences, smallLimits } from '../engine/rig.ts';
import { GALA, jsonOf, requestOf, ServiceRig } from './rig.ts';
import { batchOf } from '../support/batches.ts';

const STALE = 1;

/** Two workers that hear nothing of each other; both know the gala, in which a hold runs out after a minute. */
function rigOf(t: Test): { rig: ServiceRig; hold: string } {
  const rig = new ServiceRig(2, true);
  t.teardown(() => rig.close());
  rig.define(GALA);
  const body = { seconds: 60, items: [{ seat: 'stalls-A-3' }, { section: 'floor', quantity: 2 }] };
  const reply = rig.write(CREATE_HOLD, { subject: 'gala', body, idempotencyKey: 'first' }, 1, STALE);
  rig.read(SEATS, { subject: 'gala' }, 1, STALE);
  return { rig, hold: String(jsonOf(reply)['id']) };
}

function patch(rig: ServiceRig, body: object): void {
  const reply = rig.write(PATCH_EVENT, { subject: 'gala', body }, REGISTRY_SLOT);
  if (reply.status !== 200) throw new Error(Buffer.from(reply.body).toString());
  rig.journal.drain();
}

/** What main has done when nobody can look at the old memory any more. */
function reclaim(rig: ServiceRig): void {
  const header = { batchId: ++rig.batchId, eventSlot: REGISTRY_SLOT, kind: BATCH_KIND.write };
  const times = { nowMs: rig.nowMs, expireBeforeMs: rig.nowMs };
  rig.servers[0].serve(batchOf({ ...header, ...times, reclaim: true }, []));
}

/** The old memory is given back, and another event is defined there. */
function reuse(rig: ServiceRig, page: number): void {
  reclaim(rig);
  const slot = rig.define({ ...GALA, id: 'other' });
  if (viewEvent(rig.arena, slot).firstPage !== page) throw new Error('the other event lies elsewhere');
}

function move(rig: ServiceRig): void {
  const { firstPage } = viewEvent(rig.arena, 1);
  patch(rig, { sections: [{ id: 'floor', capacity: 400 }] });
  reuse(rig, firstPage);
}

function checkAll(t: Test, rig: ServiceRig): void {
  rig.journal.drain();
  t.same(auditArena(rig.arena).findings, []);
  const replayed = createArena(smallLimits());
  const replay = new Replay(replayed);
  for (const { words, position } of rig.journal.kept) replay.apply(words, 0, words.length, position);
  t.same(differences(rig.arena, replayed), []);
}

t.test('a sweep finds the holds of an event that has moved', async (t) => {
  const { rig, hold } = rigOf(t);
  move(rig);
  rig.nowMs += 61_000;
  const { header } = rig.batch(BATCH_KIND.expire, 1, [], STALE);
  t.match(header, { expired: 1, moreDue: false, nextDeadlineMs: Infinity });
  t.match(jsonOf(rig.read(GET_HOLD, { subject: hold }, 1, STALE)), { state: 'expired' });
  checkAll(t, rig);
});

t.test('commands, reads and answers come from where the event is', async (t) => {
  const { rig, hold } = rigOf(t);
  const cell = 0;
  move(rig);
  const read = rig.read(AVAILABILITY, { subject: 'gala' }, 1, STALE);
  t.match(jsonOf(read), { sequence: 3, sections: [{ id: 'floor', capacity: 400, available: 398, held: 2 }] });
  const answer = requestOf(CREATE_HOLD, { subject: 'gala', fact: cell });
  t.match(jsonOf(rig.batch(BATCH_KIND.answer, 1, [answer], STALE).replies[0]), { id: hold, state: 'held' });
  const body = { seconds: 60, items: [{ seat: 'stalls-A-3' }, { section: 'floor', quantity: 2 }] };
  const again = rig.write(CREATE_HOLD, { subject: 'gala', body, idempotencyKey: 'first' }, 1, STALE);
  t.match([again.status, again.replayed, jsonOf(again)['id']], [200, true, hold], 'its key moved, too');
  const order = rig.write(
    CREATE_ORDER,
    { subject: 'gala', idempotencyKey: 'o', body: { items: [{ section: 'floor', quantity: 8 }] } },
    1,
    STALE,
  );
  t.match([order.status, order.sequence], [201, 4]);
  const confirmed = rig.write(CONFIRM_HOLD, { subject: hold, body: {} }, 1, STALE);
  t.match([confirmed.status, confirmed.sequence], [201, 5]);
  checkAll(t, rig);
});

t.test('of an event that is archived nothing is left to find', async (t) => {
  const { rig, hold } = rigOf(t);
  rig.nowMs += 61_000;
  rig.batch(BATCH_KIND.expire, 1, [], STALE);
  const { firstPage } = viewEvent(rig.arena, 1);
  patch(rig, { state: 'closed' });
  patch(rig, { state: 'archived' });
  reuse(rig, firstPage);
  const { header } = rig.batch(BATCH_KIND.expire, 1, [], STALE);
  t.match(header, { expired: 0, moreDue: false, nextDeadlineMs: Infinity });
  t.equal(rig.read(GET_HOLD, { subject: hold }, 1, STALE).status, 404);
  t.equal(rig.read(SEATS, { subject: 'gala' }, 1, STALE).status, 404);
  const answer = requestOf(CREATE_HOLD, { subject: 'gala', fact: 0 });
  const answered = jsonOf(rig.batch(BATCH_KIND.answer, 1, [answer], STALE).replies[0]);
  t.match(answered, { code: 'outcome-unknown', applied: true });
  const body = { items: [{ section: 'floor', quantity: 1 }] };
  const refused = rig.write(CREATE_HOLD, { subject: 'gala', body }, 1, STALE);
  t.match([refused.status, jsonOf(refused)['code']], [409, 'sale-closed']);
  checkAll(t, rig);
});

/** Does something each time that a server has given up the gala's mutex, with how often it has. */
function onRelease(t: Test, rig: ServiceRig, server: number, work: (times: number) => void): void {
  const { words } = rig.arena;
  const thread = rig.threads[server];
  const { store } = Atomics;
  let times = 0;
  const watched = (array: Int32Array, at: number, value: number): number => {
    const stored = store(array, at, value);
    const isRelease = array === words && at === thread + THREAD.lockPhase && value === LOCK_PHASE.none;
    if (isRelease && words[thread + THREAD.lockEvent] === 2) work(++times);
    return stored;
  };
  Atomics.store = watched as typeof store;
  t.teardown(() => (Atomics.store = store));
}

function holdRequests(count: number): BatchRequest[] {
  const body = { items: [{ section: 'floor', quantity: 1 }] };
  return Array.from({ length: count }, (_, i) =>
    requestOf(CREATE_HOLD, { subject: 'gala', body, requestId: `r${i}` }),
  );
}

/** Numbers of the commands in a batch's frames. */
function commandsIn(rig: ServiceRig, batchId: number): number[] {
  rig.journal.drain();
  const commands: number[] = [];
  for (const { words } of rig.journal.kept)
    for (let frame = 0; frame < words.length; frame += headerBytes(words[frame]) / 4)
      if (words[frame + WORD_BATCH] === batchId) commands.push(words[frame + WORD_COMMAND] & 0xffff);
  return commands;
}

t.test('an event moves between two commands of a batch', async (t) => {
  const { rig } = rigOf(t);
  onRelease(t, rig, STALE, (times) => times === 2 && move(rig));
  const batchId = rig.batchId + 1;
  const { replies, header } = rig.batch(BATCH_KIND.write, 1, holdRequests(4), STALE);
  const found = replies.map(({ status, sequence }) => [status, sequence]);
  const expected = [3, 4, 6, 7].map((sequence) => [201, sequence]);
  t.same(found, expected, 'the move is the fifth change');
  t.same(commandsIn(rig, batchId), [0, 1, 2, 3]);
  t.equal(header.gate, loadPosition(rig.arena, 1));
  checkAll(t, rig);
});

t.test('an event is archived between two commands of a batch', async (t) => {
  const { rig, hold } = rigOf(t);
  onRelease(t, rig, STALE, (times) => {
    if (times !== 1) return;
    patch(rig, { state: 'closed' });
    patch(rig, { state: 'archived' });
  });
  const release = requestOf(RELEASE_HOLD, { subject: hold });
  const { replies } = rig.batch(BATCH_KIND.write, 1, [release, ...holdRequests(2), release], STALE);
  const found = replies.map((reply) => [reply.status, reply.body.length > 0 ? jsonOf(reply)['code'] : '']);
  t.same(found, [
    [204, ''],
    [409, 'sale-closed'],
    [409, 'sale-closed'],
    [404, 'hold-not-found'],
  ]);
  reclaim(rig);
  checkAll(t, rig);
});

t.test(
  'an event that is changed after every command is changed no more while the rest of a batch runs',
  async (t) => {
    const { rig } = rigOf(t);
    let changes = 0;
    onRelease(t, rig, STALE, () => patch(rig, { name: `Gala ${++changes}` }));
    const { replies } = rig.batch(BATCH_KIND.write, 1, holdRequests(10), STALE);
    t.same(
      replies.map(({ status }) => status),
      Array.from({ length: 10 }, () => 201),
    );
    const sequences = replies.map(({ sequence }) => sequence);
    t.same(
      sequences,
      sequences.toSorted((a, b) => a - b),
      'in order',
    );
    t.equal(sequences[9] - sequences[4], 5, 'the last ones under one taking of the mutex');
    checkAll(t, rig);
  },
);

t.test('a sweep gives the mutex up between claims, and ends at its number', async (t) => {
  const { rig } = rigOf(t);
  const customer = (i: number): string => `c-${i}`;
  for (let i = 0; i < 49; i++)
    rig.write(CREATE_HOLD, {
      subject: 'gala',
      body: { seconds: 60, customer: customer(i), items: [{ section: 'floor', quantity: 1 }] },
    });
  rig.nowMs += 61_000;
  rig.journal.drain();
  let takings = 0;
  onRelease(t, rig, STALE, () => takings++);
  const { header } = rig.batch(BATCH_KIND.expire, 1, [], STALE);
  t.match(header, { expired: 49, moreDue: false, nextDeadlineMs: Infinity });
  t.ok(takings > 1, `${takings} takings`);
  checkAll(t, rig);
});
