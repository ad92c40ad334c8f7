/**
 * hold and order: take places. An order is a hold and its confirmation in one step, with one sequence.
 */
import { assert } from '../core/assert.ts';
import { FRAME_KIND, high, low } from '../core/frame.ts';
import { cellsForClaim, cellsForNote, findFreeCells, packClaim } from '../memory/claims.ts';
import { isSeated, seatBase, sectionBase, sectionOfRow, type EventView } from '../memory/event.ts';
import type { KeyHash } from '../memory/keys.ts';
import {
  CLAIM_STATE,
  EVENT,
  EVENT_STATE,
  ITEM_WORDS,
  SEAT,
  SEAT_ROW_SHIFT,
  SEAT_STATE,
  SEAT_STATE_MASK,
  SECTION,
} from '../memory/layout.ts';
import { chooseBestSeats, openSeats } from './best-seats.ts';
import {
  assertConserved,
  changeTime,
  checkKey,
  commitFrame,
  frameWords,
  nextSequence,
  openFrame,
  refuse,
  replayKey,
  writeKeyFact,
  type BatchContext,
  type KeyCheck,
  type Outcome,
  type Refusal,
} from './command.ts';
import { CLAIM_FACT } from './facts.ts';
import { PlacePlan } from './plan.ts';

export type WantedItem =
  | { readonly kind: 'seat'; readonly seat: number }
  | {
      readonly kind: 'places';
      readonly section: number;
      readonly quantity: number;
      readonly adjacent: boolean;
    };

export interface TakeCommand {
  readonly kind: 'hold' | 'order';
  /** Seats are indices and not named twice; quantities 1 to 100, 100 places in all. */
  readonly items: readonly WantedItem[];
  /** UTF-8, 0 to 64 bytes. */
  readonly customer: Uint8Array;
  /** UTF-8, 1 to 64 bytes, or null. */
  readonly reference: Uint8Array | null;
  /** Of a hold, ms; an order has none. */
  readonly durationMs: number;
  /** Three unsigned 32-bit words that nobody can guess. */
  readonly random: Uint32Array;
  readonly key: KeyHash | null;
}

const plan = new PlacePlan();

/** Takes places, all or none. Outcomes: see Refusal codes in API.md under holds and orders. */
export function take(context: BatchContext, view: EventView, command: TakeCommand): Outcome {
  const check = checkKey(context, view, command.key);
  if (check.kind === 'refused') return check.refusal;
  if (check.kind === 'known') {
    return replayKey(
      view,
      check.cell,
      check.check,
      command.kind === 'hold' ? 'hold-not-found' : 'order-not-found',
    );
  }
  if (view.words[view.base + EVENT.state] !== EVENT_STATE.open) return refuse('sale-not-started');
  const refusal = planItems(view, command.items);
  if (refusal !== null) return refusal;
  const cells = cellsForClaim(plan.itemCount, command.customer.length);
  const noteCells = command.reference === null ? 0 : cellsForNote(command.reference.length);
  const cell = findFreeCells(view, cells + noteCells);
  if (cell < 0) return refuse('capacity-exhausted');
  commitTake(context, view, command, check, cell, cells);
  return { ok: true, cell, changed: true, replayed: false };
}

/** In a claim's flags: some of its seats were chosen as best seats; they had to be split. */
export const FLAG_BEST = 1;
export const FLAG_SPLIT = 2;

/** Flags of the claim being planned. */
let flags = 0;

function planItems(view: EventView, items: readonly WantedItem[]): Refusal | null {
  plan.clear();
  flags = 0;
  const unavailable: number[] = [];
  // Seats named come first, so that best seats never choose one that this command names.
  for (const item of items) {
    if (item.kind !== 'seat') continue;
    const word = view.words[seatBase(view, item.seat) + SEAT.state];
    if ((word & SEAT_STATE_MASK) !== SEAT_STATE.available) {
      unavailable.push(item.seat);
      continue;
    }
    const section = sectionOfRow(view, word >>> SEAT_ROW_SHIFT);
    plan.add(item.seat, section, 1, view.words[sectionBase(view, section) + SECTION.price]);
  }
  if (unavailable.length > 0) return { ok: false, code: 'seat-unavailable', seats: unavailable };
  for (const item of items) {
    if (item.kind === 'seat') continue;
    const refusal = planPlaces(view, item.section, item.quantity, item.adjacent);
    if (refusal !== null) return refusal;
  }
  for (let i = 0; i < plan.sectionCount; i++) assertConserved(view, plan.sections[i]);
  return null;
}

function planPlaces(view: EventView, section: number, quantity: number, adjacent: boolean): Refusal | null {
  const base = sectionBase(view, section);
  const available = view.words[base + SECTION.available];
  const held = view.words[base + SECTION.held];
  const requested = plan.planned(section) + quantity;
  if (available === 0) return { ok: false, code: 'sold-out', section, requested: quantity, available, held };
  if (requested > available) {
    return { ok: false, code: 'not-enough-available', section, requested, available, held };
  }
  if (!isSeated(view, section)) {
    plan.add(-1, section, quantity, view.words[base + SECTION.price]);
    return null;
  }
  switch (chooseBestSeats(view, plan, section, quantity, adjacent)) {
    case 'adjacent':
      flags |= FLAG_BEST;
      return null;
    case 'split':
      flags |= FLAG_BEST | FLAG_SPLIT;
      return null;
    case 'not-adjacent':
      return { ok: false, code: 'no-adjacent-seats', section, requested: quantity, available, held };
    case 'not-enough':
      return {
        ok: false,
        code: 'not-enough-available',
        section,
        requested: quantity,
        available: openSeats(view, section),
        held,
      };
  }
}

function commitTake(
  context: BatchContext,
  view: EventView,
  command: TakeCommand,
  check: KeyCheck,
  cell: number,
  cells: number,
): void {
  const { words } = view;
  const isHold = command.kind === 'hold';
  const kind = isHold ? FRAME_KIND.hold : FRAME_KIND.order;
  const timeMs = changeTime(context, view);
  const customerWords = (command.customer.length + 3) >>> 2;
  const noteBytes = command.reference?.length ?? 0;
  const itemsAt = CLAIM_FACT.sections + plan.sectionCount * 4;
  const customerAt = itemsAt + plan.itemCount * ITEM_WORDS;
  const noteAt = customerAt + customerWords;
  const length = frameWords(noteAt + ((noteBytes + 3) >>> 2), check);
  const sequence = nextSequence(view);
  const frame = openFrame(context, view.slot, view.slot, view.generation, sequence, timeMs, length, check);
  const { at } = frame;
  const expires = isHold ? timeMs + command.durationMs : 0;
  words[at + CLAIM_FACT.cell] = cell;
  words[at + CLAIM_FACT.state] = packClaim(
    isHold ? CLAIM_STATE.held : CLAIM_STATE.confirmed,
    cells,
    plan.itemCount,
    plan.placeCount,
  );
  for (let i = 0; i < 3; i++) words[at + CLAIM_FACT.random + i] = command.random[i] | 0;
  words[at + CLAIM_FACT.sizes] = command.customer.length | (flags << 16);
  words[at + CLAIM_FACT.expires] = low(expires);
  words[at + CLAIM_FACT.expires + 1] = high(expires);
  words[at + CLAIM_FACT.note] = noteBytes === 0 ? 0 : cell + cells + 1;
  words[at + CLAIM_FACT.noteBytes] = noteBytes;
  words[at + CLAIM_FACT.sectionCount] = plan.sectionCount;
  plan.writeSections(view, at + CLAIM_FACT.sections, kind);
  for (let i = 0; i < plan.itemCount * ITEM_WORDS; i++) words[at + itemsAt + i] = plan.items[i]!;
  view.arena.bytes.set(command.customer, (at + customerAt) * 4);
  if (command.reference !== null) view.arena.bytes.set(command.reference, (at + noteAt) * 4);
  writeKeyFact(view, frame, check, cell, command.random[0] | 0, timeMs);
  commitFrame(context, view, kind, frame);
  for (let i = 0; i < plan.sectionCount; i++) assertConserved(view, plan.sections[i]);
  assert((words[view.base + EVENT.guard] & 1) === 0, 'the guard is even after a change');
}
