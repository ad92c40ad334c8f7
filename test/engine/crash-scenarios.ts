/** What is stopped at every point by crash-points.test.ts, beside the first commands there: changes, blocks, patches. */
import { block } from '../../src/engine/block.ts';
import { cancel } from '../../src/engine/cancel.ts';
import { change, type ChangeCommand } from '../../src/engine/change.ts';
import type { BatchContext } from '../../src/engine/command.ts';
import type { EventDefinition } from '../../src/engine/definition.ts';
import { take } from '../../src/engine/hold.ts';
import { archiveEvent, keepArchived, keepEvent, patchEvent, reclaim } from '../../src/engine/patch.ts';
import { confirm, extend, release, sweep } from '../../src/engine/settle.ts';
import type { EventView } from '../../src/memory/event.ts';
import type { KeyHash } from '../../src/memory/keys.ts';
import { REGISTRY_SLOT } from '../../src/memory/registry.ts';
import { positionUnit } from '../../src/memory/ring.ts';
import {
  claimOf,
  floor,
  HALL,
  holdR1,
  mustTake,
  orderR1,
  R1,
  R2,
  R3,
  seats,
  stalls,
  taking,
  text,
  TO_SALE,
  wearOut,
  wordsOf,
  type Scenario,
} from './hall.ts';
import { keyOf, MIB, noteOf, RULES, START_MS, underMutex, type EngineRig } from './rig.ts';

const CUSTOMER = { customer: text('customer-1') } as const;
const LATE_MS = START_MS + 61_000;
/** Of a frame that holds a key alone. */
const KEY_FRAME_BYTES = 96;

function mustBeOk<T extends { readonly ok: boolean }>(outcome: T): T {
  if (!outcome.ok) throw new Error(`the test's command is refused: ${JSON.stringify(outcome)}`);
  return outcome;
}

function changeOf(context: BatchContext, view: EventView, rest: Partial<ChangeCommand>): void {
  const plain = { receivedAtMs: START_MS, add: [], remove: [], expectTotal: null, rules: RULES, key: null };
  mustBeOk(change(context, view, { ref: claimOf(view, R1), ...plain, ...rest }));
}

/** R1 with a tail, and another claim behind that. */
function changedR1(rig: EngineRig, view: EventView): void {
  holdR1(rig, view, { ...CUSTOMER, note: noteOf('before', '{"a":1}') });
  rig.run(view, (context) =>
    changeOf(context, view, {
      add: [...seats(5), floor(2)],
      remove: [{ kind: 'places', section: 0, quantity: 1, type: -1 }],
    }),
  );
  mustTake(rig, view, taking('hold', R2, [stalls(2, true)]));
}

/** R1 has run out. */
function expiredR1(rig: EngineRig, view: EventView): void {
  rig.run(view, (context) => {
    context.nowMs = LATE_MS;
    sweep(context, view, LATE_MS, 64);
  });
}

function retakeR1(context: BatchContext, view: EventView, reference: string | null): void {
  context.nowMs = LATE_MS;
  mustBeOk(
    confirm(context, view, {
      ref: claimOf(view, R1),
      receivedAtMs: LATE_MS,
      note: reference === null ? null : noteOf(reference),
      retake: true,
      rules: RULES,
      key: keyOf('retake', 'x'),
    }),
  );
}

export const CHANGE_SCENARIOS: Scenario[] = [
  {
    name: 'change, the first of a hold, with customer and key',
    setup: (rig, view) => {
      wearOut(rig, view);
      holdR1(rig, view, CUSTOMER);
    },
    command: (context, view) =>
      changeOf(context, view, {
        add: [...seats(5, 12), floor(4)],
        remove: [
          { kind: 'seat', seat: 1 },
          { kind: 'places', section: 0, quantity: 2, type: -1 },
        ],
        key: keyOf('change', 'x'),
      }),
    found: [R1],
  },
  {
    name: 'change of a hold that was changed before, with best seats',
    setup: changedR1,
    command: (context, view) =>
      changeOf(context, view, { add: [stalls(3, false)], remove: [{ kind: 'seat', seat: 5 }] }),
    found: [R1, R2],
  },
  {
    name: 'change that gives a seat up and takes it again as another type',
    setup: changedR1,
    command: (context, view) =>
      changeOf(context, view, {
        add: [{ kind: 'seat', seat: 2, section: 1, type: 1, priceWord: 700 }, ...seats(9)],
        remove: [
          { kind: 'seat', seat: 2 },
          { kind: 'seat', seat: 1 },
        ],
        key: keyOf('change', 'x'),
      }),
    found: [R1, R2],
  },
  {
    name: 'change that gives two seats up and has one of them chosen again, in a row that is sold out',
    setup: (rig, view) => {
      holdR1(rig, view, CUSTOMER);
      mustTake(rig, view, taking('order', R2, seats(0, 3, 4, 5, 6, 7)));
    },
    command: (context, view) =>
      changeOf(context, view, {
        add: [stalls(1, true)],
        remove: [
          { kind: 'seat', seat: 1 },
          { kind: 'seat', seat: 2 },
        ],
        key: keyOf('change', 'x'),
      }),
    found: [R1, R2],
  },
  {
    name: 'change that only gives up',
    setup: changedR1,
    command: (context, view) =>
      changeOf(context, view, {
        remove: [
          { kind: 'places', section: 0, quantity: 4, type: -1 },
          { kind: 'seat', seat: 1 },
        ],
      }),
    found: [R1, R2],
  },
  {
    name: 'extend, with a key',
    setup: changedR1,
    command: (context, view) =>
      mustBeOk(
        extend(context, view, {
          ref: claimOf(view, R1),
          receivedAtMs: START_MS,
          durationMs: 600_000,
          rules: RULES,
          key: keyOf('extend', 'x'),
        }),
      ),
    found: [R1],
  },
  {
    name: 'confirm of a hold that was changed, with a new note',
    setup: changedR1,
    command: (context, view) =>
      mustBeOk(
        confirm(context, view, {
          ref: claimOf(view, R1),
          receivedAtMs: START_MS,
          note: noteOf('', JSON.stringify({ all: 'm'.repeat(490) })),
          retake: false,
          rules: RULES,
          key: null,
        }),
      ),
    found: [R1],
  },
  {
    name: 'release of a hold that was changed',
    setup: changedR1,
    command: (context, view) =>
      mustBeOk(release(context, view, { ref: claimOf(view, R1), receivedAtMs: START_MS, key: null })),
    found: [R1, R2],
  },
  {
    name: 'retake of a hold with its note as it was',
    setup: (rig, view) => {
      holdR1(rig, view, { ...CUSTOMER, note: noteOf('before', '{"a":1}') });
      expiredR1(rig, view);
    },
    command: (context, view) => retakeR1(context, view, null),
    found: [R1],
  },
  {
    name: 'retake of a hold that was changed, with a new note',
    setup: (rig, view) => {
      changedR1(rig, view);
      expiredR1(rig, view);
    },
    command: (context, view) => retakeR1(context, view, 'after, and longer than it was before'),
    found: [R1],
  },
  {
    name: 'order with a customer',
    setup: (rig, view) => mustTake(rig, view, taking('order', R1, [floor(1)], CUSTOMER)),
    command: (context, view) =>
      mustBeOk(take(context, view, taking('order', R2, [...seats(3), floor(2)], CUSTOMER))),
    found: [R1, R2],
  },
  {
    name: 'withdraw of some tickets, with customer, reason and key',
    setup: (rig, view) => {
      mustTake(rig, view, taking('order', R1, [...seats(1, 2), floor(3)], CUSTOMER));
    },
    command: (context, view) =>
      mustBeOk(
        cancel(context, view, {
          ref: claimOf(view, R1),
          tickets: [1, 3, 4],
          toBlocked: true,
          reason: text('a broken seat'),
          key: keyOf('cancel', 'x'),
        }),
      ),
    found: [R1],
  },
  {
    name: 'block of seats and places, with a reason and a key',
    setup: orderR1,
    command: (context, view) => mustBeOk(blockOf(context, view, 'block', [0, 3, 11], 4, keyOf('block', 'x'))),
    found: [R1],
  },
  {
    name: 'unblock of seats and places',
    setup: (rig, view) => {
      orderR1(rig, view);
      rig.run(view, (context) => blockOf(context, view, 'block', [0, 3, 11], 4, null));
    },
    command: (context, view) => mustBeOk(blockOf(context, view, 'unblock', [0, 3, 4], 3, null)),
    found: [R1],
  },
];

function blockOf(
  context: BatchContext,
  view: EventView,
  kind: 'block' | 'unblock',
  blocked: readonly number[],
  quantity: number,
  key: KeyHash | null,
): ReturnType<typeof block> {
  const places = [{ section: 0, quantity }];
  return block(context, view, { kind, seats: blocked, places, reason: text('why'), key });
}

/** The hall as it is to be, from the hall as it was defined. */
function patchOf(
  context: BatchContext,
  definition: EventDefinition,
  key: KeyHash | null,
): ReturnType<typeof patchEvent> {
  const json = Buffer.from(JSON.stringify(definition));
  return mustBeOk(patchEvent(context, 1, { definition, json, fromVersion: 1, key }));
}

const [FLOOR, STALLS] = HALL.sections;
const LARGER: EventDefinition = {
  ...HALL,
  state: 'paused',
  sections: [
    { ...FLOOR, capacity: 700 },
    STALLS,
    {
      id: 'box',
      name: 'Box',
      kind: 'seated',
      capacity: 5,
      price: 900,
      category: null,
      rows: [{ id: 'A', seats: ['1', null, { id: '2', features: ['wheelchair'] }, '3..5'] }],
    },
    { id: 'bar', name: 'Bar', kind: 'general', capacity: 3, price: null, category: null },
  ],
};

/** Claims of every kind, customers and keys. */
function busy(rig: EngineRig, view: EventView): void {
  changedR1(rig, view);
  mustTake(
    rig,
    view,
    taking('order', R3, [stalls(2, true), floor(1)], { ...CUSTOMER, key: keyOf('r3', 'x') }),
  );
  rig.run(view, (context) => blockOf(context, view, 'block', [16], 2, keyOf('block', 'x')));
  for (let i = 0; i < 3; i++) {
    const customer = text(`customer ${i}`);
    mustTake(
      rig,
      view,
      taking('order', wordsOf(200 + i, i, i), [floor(1)], { customer, key: keyOf(`k${i}`, '') }),
    );
  }
}

/** The same, sold and given up again, so that nothing is held. */
function soldOnly(rig: EngineRig, view: EventView): void {
  busy(rig, view);
  for (const random of [R1, R2]) {
    const ref = claimOf(view, random);
    rig.run(view, (context) => release(context, view, { ref, receivedAtMs: START_MS, key: null }));
  }
}

export const EVENT_SCENARIOS: Scenario[] = [
  {
    name: 'patch that stays: name, state, a smaller and a larger capacity, with a key',
    slot: 'none',
    setup: busy,
    command: (context) => {
      const definition = { ...HALL, name: 'Another name', sections: [{ ...FLOOR, capacity: 39 }, STALLS] };
      return patchOf(context, definition, keyOf('patch', 'x'));
    },
    found: [R1, R2, R3],
  },
  {
    name: 'patch that moves the event: more places and sections, with a key',
    slot: 'none',
    leaves: true,
    setup: busy,
    command: (context) => patchOf(context, { ...LARGER, state: 'open' }, keyOf('patch', 'x')),
    found: [R1, R2, R3],
  },
  {
    name: 'patch that moves the event because its definition has grown',
    slot: 'none',
    leaves: true,
    setup: busy,
    command: (context) => patchOf(context, { ...HALL, metadata: { text: 'm'.repeat(2000) } }, null),
    found: [R1, R2, R3],
  },
  {
    name: 'archive, with a key',
    slot: 'none',
    leaves: true,
    setup: soldOnly,
    command: archiveHall,
  },
];

function archiveHall(context: BatchContext): ReturnType<typeof archiveEvent> {
  const summary = text('{"id":"hall"}');
  return mustBeOk(archiveEvent(context, 1, { summary, fromVersion: 1, key: keyOf('archive', 'x') }));
}

function confirmR1(context: BatchContext, view: EventView, key: KeyHash): ReturnType<typeof confirm> {
  const rest = { receivedAtMs: START_MS, note: null, retake: false, rules: RULES };
  return mustBeOk(confirm(context, view, { ref: claimOf(view, R1), ...rest, key }));
}

function cancelFirst(context: BatchContext, view: EventView, key: KeyHash): ReturnType<typeof cancel> {
  return mustBeOk(cancel(context, view, { ref: claimOf(view, R1), tickets: [0], ...TO_SALE, key }));
}

/** Bytes from the next frame to the ring's end. */
function ringLeft(rig: EngineRig): number {
  return MIB - ((positionUnit(rig.journal.position) * 8) % MIB);
}

/** Successes that change nothing: their keys alone are written down. */
export const UNCHANGED_SCENARIOS: Scenario[] = [
  {
    name: 'confirm of a hold that is confirmed, with a key',
    setup: (rig, view) => {
      changedR1(rig, view);
      rig.run(view, (context) => confirmR1(context, view, keyOf('confirm', 'x')));
    },
    command: (context, view) => confirmR1(context, view, keyOf('again', 'x')),
    found: [R1, R2],
  },
  {
    name: 'cancel of a ticket that is cancelled, where the ring wraps, with a key',
    position: MIB - 2048,
    setup: (rig, view) => {
      orderR1(rig, view);
      rig.journal.drain();
      // Up to less than a frame before the ring's end.
      while (ringLeft(rig) >= KEY_FRAME_BYTES) {
        rig.run(view, (context) => cancelFirst(context, view, keyOf(`${ringLeft(rig)}`, '')));
        rig.journal.drain();
      }
    },
    command: (context, view) => cancelFirst(context, view, keyOf('cancel', 'x')),
    found: [R1],
  },
  {
    name: 'unblock of what is on sale, with a key that is the first for hours',
    setup: busy,
    command: (context, view) => {
      context.nowMs = START_MS + 9 * 3_600_000;
      const seat = { seats: [0], places: [], reason: text('why') };
      return mustBeOk(block(context, view, { kind: 'unblock', ...seat, key: keyOf('unblock', 'x') }));
    },
    found: [R1, R2, R3],
  },
  {
    name: 'patch that changes nothing, with a key',
    slot: 'none',
    setup: busy,
    command: (context) => mustBeOk(keepEvent(context, 1, 1, keyOf('patch', 'x'))),
    found: [R1, R2, R3],
  },
  {
    name: 'archive of an event that is archived, with a key',
    slot: 'none',
    setup: (rig, view) => {
      soldOnly(rig, view);
      archiveHall(rig.context);
      underMutex(rig.context, REGISTRY_SLOT, () => reclaim(rig.context));
    },
    command: (context) => mustBeOk(keepArchived(context, 1, keyOf('again', 'x'))),
  },
];
