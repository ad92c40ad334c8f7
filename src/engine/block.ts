/**
 * block and unblock: take places off sale, and put them back. All or nothing; what is so already stays so.
 */
import { FRAME_KIND } from '../core/frame.ts';
import { seatBase, sectionBase, sectionOfRow, type EventView } from '../memory/event.ts';
import type { KeyHash } from '../memory/keys.ts';
import {
  EVENT,
  EVENT_STATE,
  SEAT,
  SEAT_ROW_SHIFT,
  SEAT_STATE,
  SEAT_STATE_MASK,
  SECTION,
} from '../memory/layout.ts';
import {
  assertConserved,
  changeTime,
  checkKey,
  commitFrame,
  frameWords,
  nextSequence,
  openFrame,
  refuse,
  remember,
  writeKeyFact,
  type BatchContext,
  type KeyCheck,
  type Refusal,
} from './command.ts';
import { moveOf } from './apply.ts';
import { BLOCK_FACT, SECTION_FACT_WORDS } from './facts.ts';

export interface BlockCommand {
  readonly kind: 'block' | 'unblock';
  /** Not named twice; at most 2,000 places in all. */
  readonly seats: readonly number[];
  /** Of general sections, each once. */
  readonly places: readonly { readonly section: number; readonly quantity: number }[];
  /** UTF-8, maybe empty: for the history. */
  readonly reason: Uint8Array;
  readonly key: KeyHash | null;
}

export type BlockOutcome =
  /** How many places changed. */
  { readonly ok: true; readonly changed: number; readonly replayed: boolean } | Refusal;

export function block(context: BatchContext, view: EventView, command: BlockCommand): BlockOutcome {
  const check = checkKey(context, view, command.key);
  if (check.kind === 'refused') return check.refusal;
  if (check.kind === 'known') return { ok: true, changed: check.cell, replayed: true };
  if (view.words[view.base + EVENT.state] === EVENT_STATE.archived) return refuse('sale-closed');
  const isBlock = command.kind === 'block';
  const from = isBlock ? SEAT_STATE.available : SEAT_STATE.blocked;
  const to = isBlock ? SEAT_STATE.blocked : SEAT_STATE.available;
  const seats: number[] = [];
  const wrong: number[] = [];
  const quantities = new Map<number, number>();
  for (const seat of command.seats) {
    const word = view.words[seatBase(view, seat) + SEAT.state];
    const state = word & SEAT_STATE_MASK;
    if (state === to) continue;
    if (state !== from) {
      wrong.push(seat);
      continue;
    }
    seats.push(seat);
    const section = sectionOfRow(view, word >>> SEAT_ROW_SHIFT);
    quantities.set(section, (quantities.get(section) ?? 0) + 1);
  }
  if (wrong.length > 0) return { ok: false, code: 'seat-unavailable', seats: wrong };
  for (const { section, quantity } of command.places) {
    const base = sectionBase(view, section);
    const there = view.words[base + (isBlock ? SECTION.available : SECTION.blocked)];
    const held = view.words[base + SECTION.held];
    if (there < quantity) {
      return {
        ok: false,
        code: 'not-enough-available',
        section,
        requested: quantity,
        available: there,
        held,
      };
    }
    quantities.set(section, (quantities.get(section) ?? 0) + quantity);
  }
  let changed = 0;
  for (const quantity of quantities.values()) changed += quantity;
  if (changed > 0) commitBlock(context, view, command, seats, quantities, changed, check);
  else remember(context, view, check, view.slot, changed, 0);
  return { ok: true, changed, replayed: false };
}

function commitBlock(
  context: BatchContext,
  view: EventView,
  command: BlockCommand,
  seats: readonly number[],
  quantities: ReadonlyMap<number, number>,
  changed: number,
  check: KeyCheck,
): void {
  const { words } = view;
  const kind = command.kind === 'block' ? FRAME_KIND.block : FRAME_KIND.unblock;
  const move = moveOf(kind);
  const seatsAt = BLOCK_FACT.sections + quantities.size * SECTION_FACT_WORDS;
  const reasonAt = seatsAt + seats.length;
  const timeMs = changeTime(context, view);
  const length = frameWords(reasonAt + ((command.reason.length + 3) >>> 2), check, null);
  const sequence = nextSequence(view);
  const frame = openFrame(context, view.slot, view.slot, view.generation, sequence, timeMs, length, check);
  const { at } = frame;
  words[at + BLOCK_FACT.seatCount] = seats.length;
  words[at + BLOCK_FACT.sectionCount] = quantities.size;
  words[at + BLOCK_FACT.reasonBytes] = command.reason.length;
  let row = at + BLOCK_FACT.sections;
  for (const [section, quantity] of quantities) {
    assertConserved(view, section);
    const base = sectionBase(view, section);
    words[row] = section | (quantity << 16);
    words[row + 1] = words[base + SECTION.available] + move.available * quantity;
    words[row + 2] = words[base + SECTION.held];
    words[row + 3] = words[base + SECTION.sold];
    row += SECTION_FACT_WORDS;
  }
  for (let i = 0; i < seats.length; i++) words[at + seatsAt + i] = seats[i];
  view.arena.bytes.set(command.reason, (at + reasonAt) * 4);
  writeKeyFact(view, frame, check, changed, 0, timeMs);
  commitFrame(context, view, kind, frame);
  for (const section of quantities.keys()) assertConserved(view, section);
}
