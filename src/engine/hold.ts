/**
 * hold and order: take places. An order is a hold and its confirmation in one step, with one sequence.
 */
import { assert } from '../core/assert.ts';
import { FRAME_KIND, high, low } from '../core/frame.ts';
import { cellsForClaim, cellsForNote, findFreeCells, packClaim } from '../memory/claims.ts';
import type { EventView } from '../memory/event.ts';
import type { KeyHash } from '../memory/keys.ts';
import { CLAIM_STATE, EVENT, ITEM_WORDS } from '../memory/layout.ts';
import {
  assertConserved,
  changeTime,
  checkKey,
  commitFrame,
  frameWords,
  nextSequence,
  openFrame,
  refuse,
  refuseSale,
  replayKey,
  writeCustomerFact,
  writeKeyFact,
  type BatchContext,
  type KeyCheck,
  type Outcome,
} from './command.ts';
import { CustomerPlan } from './customer.ts';
import type { SaleRules } from './definition.ts';
import { CLAIM_FACT } from './facts.ts';
import { noteLength, noteSizes, writeNoteBytes, type Note } from './note.ts';
import { plannedFlags, planItems, type WantedItem } from './plan-items.ts';
import { PlacePlan } from './plan.ts';

export type { WantedItem } from './plan-items.ts';

export interface TakeCommand {
  readonly kind: 'hold' | 'order';
  /** Seats are indices and not named twice; quantities 1 to 100, 100 places in all. */
  readonly items: readonly WantedItem[];
  /** UTF-8, 0 to 64 bytes. */
  readonly customer: Uint8Array;
  readonly note: Note | null;
  /** Of a hold, ms; an order has none. */
  readonly durationMs: number;
  /** When the request was fully received: a sale that was on then is on. */
  readonly receivedAtMs: number;
  /** What the caller takes the total for, minor units; null where it does not say. */
  readonly expectTotal: number | null;
  readonly rules: SaleRules;
  /** Three unsigned 32-bit words that nobody can guess. */
  readonly random: ArrayLike<number>;
  readonly key: KeyHash | null;
}

const plan = new PlacePlan();
const customer = new CustomerPlan();

/** Takes places, all or none. Outcomes: see Refusal codes in API.md under holds and orders. */
export function take(context: BatchContext, view: EventView, command: TakeCommand): Outcome {
  const isHold = command.kind === 'hold';
  const check = checkKey(context, view, command.key);
  if (check.kind === 'refused') return check.refusal;
  if (check.kind === 'known') {
    return replayKey(view, check.cell, check.check, isHold ? 'hold-not-found' : 'order-not-found');
  }
  const closed = refuseSale(view, command.rules, command.receivedAtMs);
  if (closed !== null) return closed;
  plan.clear();
  const refusal = planItems(view, plan, command.items);
  if (refusal !== null) return refusal;
  const total = plan.total();
  if (command.expectTotal !== null && command.expectTotal !== total) {
    return { ok: false, code: 'price-changed', requested: command.expectTotal, total };
  }
  const { length } = command.customer;
  const limited = customer.plan(
    view,
    command.customer,
    0,
    length,
    plan.placeCount,
    isHold ? 1 : 0,
    command.rules,
  );
  if (limited !== null) return limited;
  const cells = cellsForClaim(plan.itemCount, length);
  const noteCells = command.note === null ? 0 : cellsForNote(noteLength(command.note));
  const cell = findFreeCells(view, cells + noteCells);
  if (cell < 0) return refuse('capacity-exhausted');
  commitTake(context, view, command, check, cell, cells);
  return { ok: true, cell, changed: true, replayed: false };
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
  const noteBytes = noteLength(command.note);
  const itemsAt = CLAIM_FACT.sections + plan.sectionCount * 4;
  const customerAt = itemsAt + plan.itemCount * ITEM_WORDS;
  const noteAt = customerAt + customerWords;
  const length = frameWords(noteAt + ((noteBytes + 3) >>> 2), check, customer);
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
  words[at + CLAIM_FACT.sizes] = command.customer.length | (plannedFlags << 16);
  words[at + CLAIM_FACT.expires] = low(expires);
  words[at + CLAIM_FACT.expires + 1] = high(expires);
  words[at + CLAIM_FACT.note] = noteBytes === 0 ? 0 : cell + cells + 1;
  words[at + CLAIM_FACT.noteBytes] = noteSizes(command.note);
  words[at + CLAIM_FACT.sectionCount] = plan.sectionCount;
  plan.writeSections(view, at + CLAIM_FACT.sections, kind);
  for (let i = 0; i < plan.itemCount * ITEM_WORDS; i++) words[at + itemsAt + i] = plan.items[i]!;
  view.arena.bytes.set(command.customer, (at + customerAt) * 4);
  writeNoteBytes(view, at + noteAt, command.note);
  writeCustomerFact(view, frame, check, customer);
  writeKeyFact(view, frame, check, cell, command.random[0] | 0, timeMs);
  commitFrame(context, view, kind, frame);
  for (let i = 0; i < plan.sectionCount; i++) assertConserved(view, plan.sections[i]);
  assert((words[view.base + EVENT.guard] & 1) === 0, 'the guard is even after a change');
}
