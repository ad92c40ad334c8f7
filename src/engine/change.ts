/**
 * change: other places for a hold, all or nothing, under the deadline that it has. The claim stays where it is, since
 * its id says where; its items move to a record of their own (see CLAIM_FLAG.tail).
 */
import { FRAME_KIND } from '../core/frame.ts';
import type { ClaimRef } from '../core/ids.ts';
import { PLACES_PER_CLAIM_MAX } from '../core/limits.ts';
import {
  cellsForTail,
  claimCells,
  claimItems,
  claimState,
  claimTickets,
  findFreeCells,
  itemBase,
  packClaim,
  tailCell,
} from '../memory/claims.ts';
import { cellBase, type EventView } from '../memory/event.ts';
import type { KeyHash } from '../memory/keys.ts';
import { CLAIM, CLAIM_FLAG, CLAIM_STATE, ITEM, ITEM_WORDS } from '../memory/layout.ts';
import {
  assertConserved,
  changeTime,
  checkKey,
  commitFrame,
  findClaim,
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
  type Refusal,
} from './command.ts';
import { CustomerPlan, customerWord } from './customer.ts';
import type { SaleRules } from './definition.ts';
import { CHANGE, SECTION_FACT_WORDS } from './facts.ts';
import { plannedFlags, planItems, type WantedItem } from './plan-items.ts';
import { PlacePlan } from './plan.ts';
import { refuseEnded } from './settle.ts';

export type RemovedItem =
  | { readonly kind: 'seat'; readonly seat: number }
  /** Type -1 is any. */
  | { readonly kind: 'places'; readonly section: number; readonly quantity: number; readonly type: number };

export interface ChangeCommand {
  readonly ref: ClaimRef;
  readonly receivedAtMs: number;
  /** Seats not named twice; a seat that is removed may be added again, for another price. */
  readonly add: readonly WantedItem[];
  readonly remove: readonly RemovedItem[];
  /** What the caller takes the hold's total after the change for, minor units; null where it does not say. */
  readonly expectTotal: number | null;
  readonly rules: SaleRules;
  readonly key: KeyHash | null;
}

const plan = new PlacePlan();
const customer = new CustomerPlan();
/** Items as the claim has them, and what is left of each once the removed ones are taken off. */
const items = new Int32Array(PLACES_PER_CLAIM_MAX * ITEM_WORDS);
const left = new Int32Array(PLACES_PER_CLAIM_MAX);
let itemCount = 0;

export function change(context: BatchContext, view: EventView, command: ChangeCommand): Outcome {
  const check = checkKey(context, view, command.key);
  if (check.kind === 'refused') return check.refusal;
  if (check.kind === 'known') return replayKey(view, check.cell, check.check, 'hold-not-found');
  const cell = findClaim(view, command.ref);
  if (cell < 0) return refuse('hold-not-found');
  const word = view.words[cellBase(view, cell) + CLAIM.state];
  const ended = refuseEnded(context, view, cell, claimState(word), command.receivedAtMs);
  if (ended !== null) return ended;
  // Giving places up is possible whatever the sale is; taking others is not.
  const closed = command.add.length === 0 ? null : refuseSale(view, command.rules, command.receivedAtMs);
  if (closed !== null) return closed;
  const refusal = planChange(view, cell, command);
  if (refusal !== null) return refusal;
  const grown = plan.placeCount - claimTickets(word);
  const limited = customer.planOf(view, cell, grown, 0, grown > 0 ? command.rules : null);
  if (limited !== null) return limited;
  const customerBytes = view.words[cellBase(view, cell) + CLAIM.sizes] & 0xff;
  const tail = findFreeCells(view, cellsForTail(plan.itemCount, customerBytes));
  if (tail < 0) return refuse('capacity-exhausted');
  commitChange(context, view, cell, tail, check);
  return { ok: true, cell, changed: true, replayed: false };
}

/** Fills the plan: first what is kept, then what is added. */
function planChange(view: EventView, cell: number, command: ChangeCommand): Refusal | null {
  loadItems(view, cell);
  plan.clear();
  for (let i = 0; i < command.remove.length; i++) {
    if (!takeOff(command.remove[i]))
      return { ok: false, code: 'invalid-request', item: i, fault: 'not-held' };
  }
  let kept = 0;
  for (let i = 0; i < itemCount; i++) kept += left[i];
  let added = 0;
  for (const item of command.add) added += item.kind === 'seat' ? 1 : item.quantity;
  if (kept + added === 0) return { ok: false, code: 'invalid-request', item: -1, fault: 'empty' };
  const limit = Math.min(PLACES_PER_CLAIM_MAX, command.rules.ticketsPerHold);
  if (added > 0 && kept + added > limit) {
    const requested = kept + added;
    return { ok: false, code: 'invalid-request', item: -1, fault: 'too-many', requested, limit };
  }
  for (let i = 0; i < itemCount; i++) {
    const at = i * ITEM_WORDS;
    const seat = items[at + ITEM.seat];
    const section = items[at + ITEM.section] & 0xffff;
    const gone = (items[at + ITEM.section] >>> 16) - left[i];
    if (gone > 0) plan.giveUp(seat, section, gone);
    if (left[i] > 0) plan.keep(seat, section, left[i], items[at + ITEM.price], items[at + ITEM.type]);
  }
  const refusal = planItems(view, plan, command.add);
  if (refusal !== null) return refusal;
  const total = plan.total();
  const isExpected = command.expectTotal === null || command.expectTotal === total;
  return isExpected ? null : { ok: false, code: 'price-changed', requested: command.expectTotal, total };
}

function loadItems(view: EventView, cell: number): void {
  itemCount = claimItems(view.words[cellBase(view, cell) + CLAIM.state]);
  const first = itemBase(view, cell, 0);
  for (let i = 0; i < itemCount * ITEM_WORDS; i++) items[i] = view.words[first + i];
  for (let i = 0; i < itemCount; i++) left[i] = items[i * ITEM_WORDS + ITEM.section] >>> 16;
}

/** Takes places off what is left; false when there are not so many. */
function takeOff(removed: RemovedItem): boolean {
  let missing = removed.kind === 'seat' ? 1 : removed.quantity;
  for (let i = 0; i < itemCount && missing > 0; i++) {
    const at = i * ITEM_WORDS;
    const seat = items[at + ITEM.seat];
    if (removed.kind === 'seat') {
      if (seat !== removed.seat) continue;
    } else {
      const isOther = seat >= 0 || (items[at + ITEM.section] & 0xffff) !== removed.section;
      if (isOther || (removed.type >= 0 && items[at + ITEM.type] !== removed.type)) continue;
    }
    const taken = Math.min(missing, left[i]);
    left[i] -= taken;
    missing -= taken;
  }
  return missing === 0;
}

function commitChange(
  context: BatchContext,
  view: EventView,
  cell: number,
  tail: number,
  check: KeyCheck,
): void {
  const { words } = view;
  const claim = cellBase(view, cell);
  const before = words[claim + CLAIM.state];
  const sizes = words[claim + CLAIM.sizes];
  const customerBytes = sizes & 0xff;
  let keptCount = 0;
  let removedCount = 0;
  for (let i = 0; i < itemCount; i++) {
    if (left[i] > 0) keptCount++;
    if (left[i] < items[i * ITEM_WORDS + ITEM.section] >>> 16) removedCount++;
  }
  const itemsAt = CHANGE.sections + plan.sectionCount * SECTION_FACT_WORDS;
  const removedAt = itemsAt + plan.itemCount * ITEM_WORDS;
  const customerAt = removedAt + removedCount * ITEM_WORDS;
  const timeMs = changeTime(context, view);
  const length = frameWords(customerAt + ((customerBytes + 3) >>> 2), check, customer);
  const sequence = nextSequence(view);
  const frame = openFrame(context, view.slot, view.slot, view.generation, sequence, timeMs, length, check);
  const { at } = frame;
  const flags = (sizes >>> 16) | plannedFlags | CLAIM_FLAG.tail;
  words[at + CHANGE.cell] = cell;
  words[at + CHANGE.state] = packClaim(CLAIM_STATE.held, claimCells(before), plan.itemCount, plan.placeCount);
  for (let i = 0; i < 3; i++) words[at + CHANGE.random + i] = words[claim + CLAIM.random0 + i];
  words[at + CHANGE.sizes] = (sizes & 0xffff) | (flags << 16);
  words[at + CHANGE.tail] = tail + 1;
  words[at + CHANGE.oldTail] = tailCell(view, cell) + 1;
  words[at + CHANGE.sectionCount] = plan.sectionCount;
  words[at + CHANGE.addedCount] = plan.itemCount - keptCount;
  words[at + CHANGE.removedCount] = removedCount;
  plan.writeSections(view, at + CHANGE.sections, FRAME_KIND.change);
  for (let i = 0; i < plan.itemCount * ITEM_WORDS; i++) words[at + itemsAt + i] = plan.items[i];
  writeRemoved(words, at + removedAt);
  const from = customerWord(view, cell) * 4;
  view.arena.bytes.copyWithin((at + customerAt) * 4, from, from + customerBytes);
  writeCustomerFact(view, frame, check, customer);
  writeKeyFact(view, frame, check, cell, words[claim + CLAIM.random0], timeMs);
  commitFrame(context, view, FRAME_KIND.change, frame);
  for (let i = 0; i < plan.sectionCount; i++) assertConserved(view, plan.sections[i]);
}

/** The items that are given up, with how many places of each. */
function writeRemoved(words: Int32Array, start: number): void {
  let at = start;
  for (let i = 0; i < itemCount; i++) {
    const section = items[i * ITEM_WORDS + ITEM.section];
    const gone = (section >>> 16) - left[i];
    if (gone === 0) continue;
    words[at + ITEM.seat] = items[i * ITEM_WORDS + ITEM.seat];
    words[at + ITEM.section] = (section & 0xffff) | (gone << 16);
    words[at + ITEM.price] = items[i * ITEM_WORDS + ITEM.price];
    words[at + ITEM.type] = items[i * ITEM_WORDS + ITEM.type];
    at += ITEM_WORDS;
  }
}
