/**
 * Memory of the first layout, as snapshots of the first format hold it, made into that of today. Its tables stood in the
 * same order and at the same places, but that the definition followed the keys: shares and customers are there now.
 */
import { FrontrowError } from '../core/assert.ts';
import { eventBase, type Arena } from '../memory/arena.ts';
import { claimState, claimTickets } from '../memory/claims.ts';
import { cellBase, eventShape, sectionBase, viewEvent, type EventView } from '../memory/event.ts';
import {
  CLAIM,
  CLAIM_STATE,
  customersFor,
  EVENT,
  EVENT_STATE,
  extentGeometry,
  LINE_WORDS,
  SECTION,
} from '../memory/layout.ts';
import { findFreePages, REGISTRY_SLOT, takePages } from '../memory/registry.ts';
import { firstFormatSizes } from './apply-event.ts';
import { CustomerPlan, validTickets } from './customer.ts';
import { writeCustomer } from '../memory/customers.ts';

export const FIRST_LAYOUT = 1;
export const FIRST_EVENT_WORDS = 6 * LINE_WORDS;

/** @throws FrontrowError `data-corrupt` for a slot that cannot be, `arena-too-large` for one beyond this arena */
export function checkSlot(arena: Arena, index: number, slot: Int32Array, end: number): void {
  const isKnown = slot[EVENT.state] !== EVENT_STATE.free && index >= 0;
  if (!isKnown) throw new FrontrowError('data-corrupt', `the snapshot has a free slot ${index}`);
  if (index <= arena.limits.eventsMax && end <= arena.geometry.heapPages) return;
  throw new FrontrowError(
    'arena-too-large',
    `event slot ${index} with pages up to ${end} lies outside this arena; start with at least the --arena-mib and ` +
      `--events-max that the directory was written with`,
  );
}

/** Takes over a slot and finds it pages, in the order of slots, which is that of the frames that made them. */
export function placeFirstSlot(arena: Arena, index: number, slot: Int32Array): void {
  checkSlot(arena, index, slot, 0);
  const { words } = arena;
  const base = eventBase(arena, index);
  const firstPage = words[base + EVENT.firstPage];
  const pageCount = words[base + EVENT.pageCount];
  words.set(slot, base);
  words[base + EVENT.firstPage] = firstPage;
  words[base + EVENT.pageCount] = pageCount;
  if (index === REGISTRY_SLOT) return;
  const sizes = firstFormatSizes(slot[EVENT.cellCount], slot[EVENT.keyCapacity], slot[EVENT.definitionBytes]);
  const count = extentGeometry(eventShape(arena, index), sizes).pageCount;
  const found = findFreePages(arena, count);
  checkSlot(arena, index, slot, found < 0 ? Infinity : found + count);
  takePages(arena, found, count);
  words[base + EVENT.firstPage] = found;
  words[base + EVENT.pageCount] = count;
  words[base + EVENT.customerCapacity] = customersFor(slot[EVENT.cellCount]);
  words[base + EVENT.definitionRoom] = sizes.definitionRoom;
}

/** The pages are there as they were: the definition goes where it belongs, and customers are counted. */
export function upgradeFirstExtent(arena: Arena, index: number): void {
  if (index === REGISTRY_SLOT) return;
  const view = viewEvent(arena, index);
  const { words } = view;
  const length = Math.ceil(words[view.base + EVENT.definitionBytes] / 4);
  // Where the shares begin is where the definition began.
  const definition = words.slice(view.shares, view.shares + length);
  words.fill(0, view.shares, view.shares + length);
  words.set(definition, view.definition);
  for (let section = 0; section < view.sectionCount; section++) {
    words[sectionBase(view, section) + SECTION.spare] = 0;
  }
  countCustomers(view);
}

function countCustomers(view: EventView): void {
  const plan = new CustomerPlan();
  for (let block = 0; block < view.cellCount; block += 32) {
    for (let starts = view.words[view.starts + (block >>> 5)]; starts !== 0; starts &= starts - 1) {
      const cell = block + 31 - Math.clz32(starts & -starts);
      const word = view.words[cellBase(view, cell) + CLAIM.state];
      const isHeld = claimState(word) === CLAIM_STATE.held;
      if (!isHeld && claimState(word) !== CLAIM_STATE.confirmed) continue;
      const tickets = isHeld ? claimTickets(word) : validTickets(view, cell);
      plan.planOf(view, cell, tickets, isHeld ? 1 : 0, null);
      if (plan.entry >= 0) writeCustomer(view, plan.entry, plan.hash0, plan.hash1, plan.tickets, plan.holds);
    }
  }
}
