/** A worker that knows an event from before it moved: whatever it is asked for, it never looks at what was given back. */
import t from 'tap';
import type { Test } from 'tap';
import { BATCH_KIND } from '../../src/core/batch.ts';
import {
  AVAILABILITY,
  CONFIRM_HOLD,
  CREATE_HOLD,
  CREATE_ORDER,
  GET_HOLD,
  PATCH_EVENT,
  SEATS,
} from '../../src/core/operations.ts';
import { auditArena } from '../../src/engine/audit.ts';
import { Replay } from '../../src/engine/replay.ts';
import { createArena } from '../../src/memory/arena.ts';
import { viewEvent } from '../../src/memory/event.ts';
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

/** What main has done when nobody can look at the old memory any more; then another event is defined there. */
function reuse(rig: ServiceRig, page: number): void {
  const header = { batchId: ++rig.batchId, eventSlot: REGISTRY_SLOT, kind: BATCH_KIND.write };
  const times = { nowMs: rig.nowMs, expireBeforeMs: rig.nowMs };
  rig.servers[0].serve(batchOf({ ...header, ...times, reclaim: true }, []));
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
