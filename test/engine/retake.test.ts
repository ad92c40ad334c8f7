/** A hold that has run out and is taken again, where the claim table has hardly any room. */
import t from 'tap';
import { auditArena } from '../../src/engine/audit.ts';
import { cancel } from '../../src/engine/cancel.ts';
import { change } from '../../src/engine/change.ts';
import { take } from '../../src/engine/hold.ts';
import { decodeClaim, readClaim } from '../../src/engine/read.ts';
import { confirm, sweep } from '../../src/engine/settle.ts';
import type { EventView } from '../../src/memory/event.ts';
import { claimOf, floor, R1, seats, taking, text, wordsOf } from './hall.ts';
import { EngineRig, eventOf, noteOf, RULES, smallLimits, START_MS, type TestSection } from './rig.ts';

const LATE_MS = START_MS + 61_000;
const CUSTOMER = text('c'.repeat(64));
const SECTIONS: TestSection[] = [
  { id: 'floor', name: 'Floor', kind: 'general', capacity: 200, price: 1500 },
  {
    id: 'stalls',
    name: 'Stalls',
    kind: 'seated',
    capacity: 9,
    price: null,
    rows: [{ id: 'A', seats: ['1..9'] }],
  },
];

/**
 * Orders until there is no room for another, with ever shorter notes; then notes of confirmations until the reserve has
 * no room for another.
 */
function fillUp(rig: EngineRig, view: EventView): void {
  const holds = Array.from({ length: 30 }, (_, i) => wordsOf(1000 + i, 1, 1));
  for (const random of holds)
    rig.run(view, (context) => take(context, view, taking('hold', random, [floor(1)])));
  let number = 100;
  for (const metadata of [512, 200, 0]) {
    for (;;) {
      const note = metadata === 0 ? null : noteOf('', 'm'.repeat(metadata));
      const customer = metadata === 0 ? text('') : CUSTOMER;
      const command = taking('order', wordsOf(number++, 1, 1), [floor(1)], { customer, note });
      const outcome = rig.run(view, (context) => take(context, view, command));
      rig.journal.drain();
      if (!outcome.ok) break;
    }
  }
  const sizes = [512, 200, 60, 0];
  for (const random of holds) {
    const ref = claimOf(view, random);
    for (;;) {
      const metadata = sizes[0];
      const note = metadata === 0 ? null : noteOf('', 'm'.repeat(metadata));
      const settled = { ref, receivedAtMs: START_MS, note, retake: false, rules: RULES, key: null };
      if (rig.run(view, (context) => confirm(context, view, settled)).ok) break;
      sizes.shift();
    }
    rig.journal.drain();
  }
}

/** Four cells: more than what orders leave between them, less than the hold has itself. */
const NOTE = noteOf('', 'n'.repeat(110));

function retake(rig: EngineRig, view: EventView): ReturnType<typeof confirm> {
  return rig.run(view, (context) =>
    confirm(context, view, {
      ref: claimOf(view, R1),
      receivedAtMs: LATE_MS,
      note: NOTE,
      retake: true,
      rules: RULES,
      key: null,
    }),
  );
}

t.test('its note never lies over its own items, wherever they are', (t) => {
  for (const isChangedLate of [false, true]) {
    const rig = new EngineRig(smallLimits());
    const view = rig.event(eventOf('hall', SECTIONS));
    rig.run(view, (context) =>
      take(context, view, taking('hold', R1, seats(0, 1, 2, 3), { customer: CUSTOMER })),
    );
    if (isChangedLate) {
      // Its tail is the last record of the table: orders lie between the two.
      const between = taking('order', wordsOf(50, 1, 1), [floor(1)], {
        customer: CUSTOMER,
        note: noteOf('', 'm'.repeat(512)),
      });
      rig.run(view, (context) => take(context, view, between));
    }
    rig.run(view, (context) =>
      change(context, view, {
        ref: claimOf(view, R1),
        receivedAtMs: START_MS,
        add: seats(4),
        remove: [{ kind: 'seat', seat: 0 }],
        expectTotal: null,
        rules: RULES,
        key: null,
      }),
    );
    fillUp(rig, view);
    rig.run(view, (context) => {
      context.nowMs = LATE_MS;
      sweep(context, view, LATE_MS, 64);
    });
    const { cell } = claimOf(view, R1);
    const refused = retake(rig, view);
    t.match(refused, { ok: false, code: 'capacity-exhausted' }, 'its own cells are no room for its note');
    // Another gives room.
    const ref = claimOf(view, wordsOf(100, 1, 1));
    const all = { ref, tickets: null, toBlocked: false, reason: text(''), key: null };
    rig.run(view, (context) => cancel(context, view, all));
    const taken = retake(rig, view);
    t.match(taken, { ok: true, changed: true });
    const copy = readClaim(view, cell);
    t.match(copy === null ? null : decodeClaim(copy), {
      metadata: 'n'.repeat(110),
      customer: 'c'.repeat(64),
      items: [1, 2, 3, 4].map((seat) => ({ seat, section: 1 })),
    });
    t.same(auditArena(rig.arena).findings, []);
  }
  t.end();
});
