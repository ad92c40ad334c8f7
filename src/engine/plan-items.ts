/**
 * From what is wanted to places: named seats, counts of general sections, best seats. Checks whole, changes nothing.
 */
import { isSeated, seatBase, sectionBase, type EventView } from '../memory/event.ts';
import {
  CLAIM_FLAG,
  ITEM,
  ITEM_WORDS,
  SEAT,
  SEAT_STATE,
  SEAT_STATE_MASK,
  SECTION,
} from '../memory/layout.ts';
import { chooseBestSeats, openSeats } from './best-seats.ts';
import { assertConserved, type Refusal } from './command.ts';
import type { PlacePlan } from './plan.ts';

export type WantedItem =
  | {
      readonly kind: 'seat';
      readonly seat: number;
      readonly section: number;
      /** See TypedPrice. */
      readonly type: number;
      readonly priceWord: number;
    }
  | {
      readonly kind: 'places';
      readonly section: number;
      readonly quantity: number;
      readonly adjacent: boolean;
      readonly type: number;
      readonly priceWord: number;
    };

/** CLAIM_FLAG of what was planned last. One a thread. */
export let plannedFlags = 0;

/** Adds items to a plan, or says why not; then the plan may hold some of them. Seats that it gives up may be taken again. */
export function planItems(view: EventView, plan: PlacePlan, items: readonly WantedItem[]): Refusal | null {
  plannedFlags = 0;
  const unavailable: number[] = [];
  // Seats named come first, so that best seats never choose one that this command names.
  for (const item of items) {
    if (item.kind !== 'seat') continue;
    const state = view.words[seatBase(view, item.seat) + SEAT.state] & SEAT_STATE_MASK;
    if (state === SEAT_STATE.available || plan.givenUp.includes(item.seat)) {
      plan.add(item.seat, item.section, 1, item.priceWord, item.type);
    } else {
      unavailable.push(item.seat);
    }
  }
  if (unavailable.length > 0) return { ok: false, code: 'seat-unavailable', seats: unavailable };
  for (let i = 0; i < items.length; i++) {
    const item = items[i];
    if (item.kind === 'seat' || isPlannedBefore(view, items, i, item.section)) continue;
    const refusal = planPlaces(view, plan, items, i, item);
    if (refusal !== null) return refusal;
  }
  for (let i = 0; i < plan.sectionCount; i++) assertConserved(view, plan.sections[i]);
  return null;
}

type WantedPlaces = WantedItem & { readonly kind: 'places' };

/** Best seats of one section are chosen together, whatever their price types: a family sits side by side. */
function isPlannedBefore(
  view: EventView,
  items: readonly WantedItem[],
  index: number,
  section: number,
): boolean {
  if (!isSeated(view, section)) return false;
  for (let i = 0; i < index; i++) {
    const item = items[i];
    if (item.kind === 'places' && item.section === section) return true;
  }
  return false;
}

function planPlaces(
  view: EventView,
  plan: PlacePlan,
  items: readonly WantedItem[],
  index: number,
  item: WantedPlaces,
): Refusal | null {
  const { section, type, priceWord } = item;
  const together = isSeated(view, section) ? sameSection(items, index, section) : null;
  let { quantity, adjacent } = item;
  for (const other of together ?? []) {
    quantity += other.quantity;
    adjacent ||= other.adjacent;
  }
  const base = sectionBase(view, section);
  const available = view.words[base + SECTION.available];
  const held = view.words[base + SECTION.held];
  const planned = plan.planned(section);
  const requested = planned + quantity;
  if (available === 0 && requested > 0 && planned >= 0) {
    return { ok: false, code: 'sold-out', section, requested: quantity, available, held };
  }
  if (requested > available) {
    return { ok: false, code: 'not-enough-available', section, requested, available, held };
  }
  if (together === null) {
    plan.add(-1, section, quantity, priceWord, type);
    return null;
  }
  const first = plan.itemCount;
  const found = chooseBestSeats(view, plan, section, quantity, adjacent, priceWord, type);
  switch (found) {
    case 'adjacent':
    case 'split':
      plannedFlags |= found === 'split' ? CLAIM_FLAG.best | CLAIM_FLAG.split : CLAIM_FLAG.best;
      setPrices(plan, first + item.quantity, together);
      return null;
    case 'not-adjacent':
      return { ok: false, code: 'no-adjacent-seats', section, requested: quantity, available, held };
    case 'not-enough': {
      const open = openSeats(view, plan, section);
      return { ok: false, code: 'not-enough-available', section, requested: quantity, available: open, held };
    }
  }
}

/** The items behind one that want best seats of the same section. */
function sameSection(items: readonly WantedItem[], index: number, section: number): WantedPlaces[] {
  const others: WantedPlaces[] = [];
  for (let i = index + 1; i < items.length; i++) {
    const item = items[i];
    if (item.kind === 'places' && item.section === section) others.push(item);
  }
  return others;
}

/** Gives the chosen seats from `start` on the prices of the items that they are for, in order. */
function setPrices(plan: PlacePlan, start: number, wanted: readonly WantedPlaces[]): void {
  let at = start;
  for (const { quantity, type, priceWord } of wanted) {
    for (let i = 0; i < quantity; i++, at++) {
      plan.items[at * ITEM_WORDS + ITEM.price] = priceWord;
      plan.items[at * ITEM_WORDS + ITEM.type] = type;
    }
  }
}
