/** The largest frame of each command against the room that main sets aside for it before the command leaves. */
import t from 'tap';
import { FRAME_KIND, headerBytes, headerKind } from '../../src/core/frame.ts';
import {
  BLOCK_FRAME_BYTES_MAX,
  CHANGE_FRAME_BYTES_MAX,
  COMMAND_FRAME_BYTES_MAX,
  CUSTOMER_BYTES_MAX,
  METADATA_BYTES_MAX,
  PLACES_PER_BLOCK_MAX,
  PLACES_PER_CLAIM_MAX,
  REASON_BYTES_MAX,
  REFERENCE_BYTES_MAX,
  SECTIONS_PER_EVENT_MAX,
} from '../../src/core/limits.ts';
import { block } from '../../src/engine/block.ts';
import { cancel } from '../../src/engine/cancel.ts';
import { change } from '../../src/engine/change.ts';
import { take } from '../../src/engine/hold.ts';
import { confirm, extend, release, sweep } from '../../src/engine/settle.ts';
import type { EventView } from '../../src/memory/event.ts';
import { claimOf, R1, R2, R3, taking, text } from './hall.ts';
import { EngineRig, eventOf, keyOf, MIB, noteOf, RULES, smallLimits, START_MS, wantSeat } from './rig.ts';

const CLAIM = PLACES_PER_CLAIM_MAX;
const NOTE = noteOf('r'.repeat(REFERENCE_BYTES_MAX), 'm'.repeat(METADATA_BYTES_MAX));
const REASON = text('w'.repeat(REASON_BYTES_MAX));
const CUSTOMER = text('c'.repeat(CUSTOMER_BYTES_MAX));

/** As many sections as an event may have, of two seats each, so that seats lie in as many of them as there are. */
function villageOf(rig: EngineRig): EventView {
  const sections = Array.from({ length: SECTIONS_PER_EVENT_MAX }, (_, i) => ({
    id: `s${i}`,
    name: '',
    kind: 'seated' as const,
    capacity: 2,
    price: null,
    rows: [{ id: 'A', seats: ['1..2'] }],
  }));
  return rig.event(eventOf('village', sections));
}

/** The first seats of so many sections. */
function seatsOf(view: EventView, first: number, count: number): ReturnType<typeof wantSeat>[] {
  return Array.from({ length: count }, (_, i) => wantSeat(view, (first + i) * 2));
}

t.test('no frame is larger than the room that was set aside for it', (t) => {
  const rig = new EngineRig(smallLimits({ arenaBytes: 16 * MIB }));
  const view = villageOf(rig);
  const mustRun = (command: () => { readonly ok: boolean }): void => {
    t.match(
      rig.run(view, () => command()),
      { ok: true },
    );
    rig.journal.drain();
  };
  const { context } = rig;
  const key = (name: string): ReturnType<typeof keyOf> => keyOf(name, '');
  const items = seatsOf(view, 0, CLAIM);
  const rest = { customer: CUSTOMER, note: NOTE };
  mustRun(() => take(context, view, taking('hold', R1, items, { ...rest, key: key('hold') })));
  mustRun(() =>
    change(context, view, {
      ref: claimOf(view, R1),
      receivedAtMs: START_MS,
      add: seatsOf(view, CLAIM, CLAIM),
      remove: items.map((item) => ({ kind: 'seat', seat: 'seat' in item ? item.seat : -1 })),
      expectTotal: null,
      rules: RULES,
      key: key('change'),
    }),
  );
  const ref = claimOf(view, R1);
  const settled = { ref, receivedAtMs: START_MS, rules: RULES };
  mustRun(() => extend(context, view, { ...settled, durationMs: 600_000, key: key('extend') }));
  for (const name of ['confirm', 'confirm again'])
    mustRun(() => confirm(context, view, { ...settled, note: NOTE, retake: false, key: key(name) }));
  mustRun(() =>
    cancel(context, view, { ref, tickets: null, toBlocked: true, reason: REASON, key: key('cancel') }),
  );
  mustRun(() => take(context, view, taking('hold', R2, items, rest)));
  mustRun(() =>
    release(context, view, { ref: claimOf(view, R2), receivedAtMs: START_MS, key: key('release') }),
  );
  mustRun(() => take(context, view, taking('hold', R3, items, rest)));
  context.nowMs = START_MS + 61_000;
  rig.run(view, () => sweep(context, view, context.nowMs, 64));
  mustRun(() =>
    confirm(context, view, {
      ...settled,
      ref: claimOf(view, R3),
      note: NOTE,
      retake: true,
      key: key('retake'),
    }),
  );
  mustRun(() =>
    cancel(context, view, {
      ref: claimOf(view, R3),
      tickets: null,
      toBlocked: false,
      reason: REASON,
      key: key('cancel 2'),
    }),
  );
  const seats = Array.from({ length: PLACES_PER_BLOCK_MAX }, (_, seat) => seat);
  const all = { seats, places: [], reason: REASON };
  // Those that were withdrawn first, so that the block has all of them to take.
  mustRun(() => block(context, view, { kind: 'unblock', ...all, key: null }));
  mustRun(() => block(context, view, { kind: 'block', ...all, key: key('block') }));
  mustRun(() => block(context, view, { kind: 'unblock', ...all, key: key('unblock') }));

  const largest = new Map<number, number>();
  for (const { words } of rig.journal.frames()) {
    const kind = headerKind(words[0]);
    largest.set(kind, Math.max(largest.get(kind) ?? 0, headerBytes(words[0])));
  }
  const told: Record<string, number> = {};
  for (const [name, kind] of Object.entries(FRAME_KIND)) {
    if (name === 'order' || name === 'define' || name === 'create' || name === 'padding') continue;
    if (name === 'patch' || name === 'archive') continue;
    const bytes = largest.get(kind) ?? 0;
    told[name] = bytes;
    t.ok(bytes > 0, `there is a frame of ${name}`);
    const isBlock = kind === FRAME_KIND.block || kind === FRAME_KIND.unblock;
    const isChange = kind === FRAME_KIND.change;
    const bound = isBlock
      ? BLOCK_FRAME_BYTES_MAX
      : isChange
        ? CHANGE_FRAME_BYTES_MAX
        : COMMAND_FRAME_BYTES_MAX;
    t.ok(bytes <= bound, `${name} takes ${bytes} bytes of ${bound}`);
  }
  t.match(told, { hold: 4000, change: 6624, confirm: 3960, withdraw: 3584, block: 24_304, remember: 96 });
  t.end();
});
