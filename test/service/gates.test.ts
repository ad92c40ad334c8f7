/**
 * The gate of what answers after a worker's death: the command is published and the event may have gone on, so the reply
 * waits for all that it shows. Every mutation has a case. While the disk stalls: test/system/gates.test.ts.
 */
import t from 'tap';
import type { Test } from 'tap';
import { BATCH_KIND } from '../../src/core/batch.ts';
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
  isMutation,
  OPERATIONS,
  PATCH_EVENT,
  RELEASE_HOLD,
  UNBLOCK,
  type Operation,
} from '../../src/core/operations.ts';
import { publishedCommands } from '../../src/engine/repair.ts';
import { loadPosition } from '../../src/memory/guard.ts';
import { findEvent, REGISTRY_SLOT } from '../../src/memory/registry.ts';
import { ringHead } from '../../src/memory/ring.ts';
import { WorkerCache } from '../../src/service/cache.ts';
import { GALA, jsonOf, requestOf, ServiceRig, type RequestOptions } from './rig.ts';

const SEAT = { items: [{ seat: 'stalls-A-1' }] };
const OTHER = { items: [{ seat: 'stalls-A-2' }] };

type Make = (rig: ServiceRig) => RequestOptions;

function claim(rig: ServiceRig, operation: Operation, body: object): string {
  const reply = rig.write(operation, { subject: 'gala', body });
  rig.journal.drain();
  return String(jsonOf(reply)['id']);
}

const hold: Make = (rig) => ({ subject: claim(rig, CREATE_HOLD, SEAT) });
const onGala =
  (body: object): Make =>
  () => ({ subject: 'gala', body });

/** What the lost worker was asked; made when the event is there. */
const LOST: ReadonlyMap<Operation, Make> = new Map<Operation, Make>([
  [CREATE_EVENT, () => ({ body: { ...GALA, id: 'other' } })],
  [PATCH_EVENT, onGala({ name: 'Before' })],
  [CREATE_HOLD, onGala(SEAT)],
  [CREATE_ORDER, onGala(SEAT)],
  [RELEASE_HOLD, hold],
  [CONFIRM_HOLD, hold],
  [CHANGE_HOLD, (rig) => ({ ...hold(rig), body: { add: [{ seat: 'stalls-A-3' }] } })],
  [EXTEND_HOLD, (rig) => ({ ...hold(rig), body: { seconds: 500 } })],
  [CANCEL_ORDER, (rig) => ({ subject: claim(rig, CREATE_ORDER, SEAT) })],
  [BLOCK, onGala(SEAT)],
  [UNBLOCK, onGala({ items: [{ section: 'floor', quantity: 1 }] })],
]);

for (const operation of OPERATIONS.filter(isMutation)) {
  t.test(`${operation.name}: an answer after a worker's death waits for all that it shows`, async (t) => {
    const make = LOST.get(operation);
    t.ok(make !== undefined, 'it has a case');
    if (make === undefined) return;
    const rig = new ServiceRig(2, true);
    t.teardown(() => rig.close());
    rig.define(GALA);
    rig.write(BLOCK, { subject: 'gala', body: { items: [{ section: 'floor', quantity: 2 }] } });
    rig.journal.drain();
    const lane = operation.lane === 'registry' ? REGISTRY_SLOT : 1;
    const options = make(rig);
    const firstUnit = ringHead(rig.arena);
    const lost = rig.batch(BATCH_KIND.write, lane, [requestOf(operation, options)], 0);
    t.ok(lost.replies[0].status < 300, String(lost.replies[0].body));
    const [{ fact }] = publishedCommands(rig.arena, rig.batchId, firstUnit);
    const answer = (): ReturnType<ServiceRig['batch']> =>
      rig.batch(BATCH_KIND.answer, lane, [requestOf(operation, { ...options, fact })]);
    t.ok(answer().header.gate >= lost.header.gate, 'it tells that the command has happened');
    // Another worker's changes, which nobody has been told of.
    const changed = operation === CREATE_EVENT ? 'other' : 'gala';
    rig.write(PATCH_EVENT, { subject: changed, body: { name: 'After' } }, REGISTRY_SLOT, 1);
    rig.write(CREATE_HOLD, { subject: 'gala', body: OTHER }, 1, 1);
    const { header, replies } = answer();
    t.match(replies[0].status, /^(20\d|500)$/);
    t.ok(header.gate >= loadPosition(rig.arena, findEvent(rig.arena, changed)));
  });
}

/** Calls `act` once, when a worker has kept a reply for the first time from now on. */
function onceKept(t: Test, act: () => void): void {
  const { prototype } = WorkerCache;
  const { keep } = prototype;
  const restore = (): void => void (prototype.keep = keep);
  t.teardown(restore);
  prototype.keep = function kept(this: WorkerCache, ...args) {
    keep.apply(this, args);
    restore();
    act();
  };
}

t.test(
  'the gate of public reads lies where the sequence ends that they show, and not behind it',
  async (t) => {
    // Main keeps such a reply until a later change is durable: behind a gate that is too high it would miss one.
    for (const count of [1, 2]) {
      const rig = new ServiceRig(2, true);
      t.teardown(() => rig.close());
      rig.define(GALA);
      const ask = requestOf(AVAILABILITY, { subject: 'gala', role: 'none', events: '' });
      const before = loadPosition(rig.arena, 1);
      onceKept(t, () => {
        rig.write(CREATE_HOLD, { subject: 'gala', body: SEAT }, 1, 1);
        rig.write(PATCH_EVENT, { subject: 'gala', body: { name: 'After' } }, REGISTRY_SLOT, 1);
      });
      const asked = Array.from({ length: count }, () => ask);
      const { header, replies } = rig.batch(BATCH_KIND.read, 1, asked, 0);
      const sequences = replies.map((reply) => reply.sequence);
      t.same(sequences, count === 1 ? [1] : [1, 3]);
      if (count === 1) t.equal(header.gate, before);
      else t.equal(header.gate, loadPosition(rig.arena, 1), 'two sequences: the last of them');
    }
  },
);
