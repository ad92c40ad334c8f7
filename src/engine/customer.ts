/**
 * What a command does to its customer's counts: planned before anything is touched, written into the frame as the
 * counts that will be. One plan a worker, reused. Under the event's mutex.
 */
import { FRAME_KIND, headerKind, WORD_HEADER } from '../core/frame.ts';
import { claimItems, claimTickets, itemBase } from '../memory/claims.ts';
import {
  customerHash,
  customerHolds,
  CUSTOMERS_FULL,
  customerTickets,
  hashCustomer,
  placeCustomer,
  writeCustomer,
} from '../memory/customers.ts';
import { cellBase, type EventView } from '../memory/event.ts';
import { CLAIM, CLAIM_FLAG, CLAIM_HEADER_WORDS, ITEM_WORDS } from '../memory/layout.ts';
import type { SaleRules } from './definition.ts';
import { customerOffset, isNewClaim, SETTLE } from './facts.ts';
import type { Refusal } from './command.ts';

/** The change being planned: counts after. `entry` is -1 while there is none. */
export class CustomerPlan {
  entry = -1;
  hash0 = 0;
  hash1 = 0;
  tickets = 0;
  holds = 0;

  clear(): void {
    this.entry = -1;
  }

  /**
   * Plans so many tickets and holds more for the customer whose bytes are given; no bytes are no customer. With rules
   * whatever is more is checked against them. Refusals: customer-limit, customer-hold-limit, capacity-exhausted.
   */
  plan(
    view: EventView,
    bytes: Uint8Array,
    start: number,
    count: number,
    tickets: number,
    holds: number,
    rules: SaleRules | null,
  ): Refusal | null {
    this.entry = -1;
    if (count === 0 || view.customerCapacity === 0) return null;
    hashCustomer(bytes, start, count);
    const entry = placeCustomer(view);
    if (entry === CUSTOMERS_FULL) return tickets > 0 ? { ok: false, code: 'capacity-exhausted' } : null;
    const ticketsBefore = customerTickets(view, entry);
    const holdsBefore = customerHolds(view, entry);
    if (rules !== null && tickets > 0 && ticketsBefore + tickets > rules.ticketsPerCustomer) {
      const limit = rules.ticketsPerCustomer;
      return { ok: false, code: 'customer-limit', limit, requested: tickets, held: ticketsBefore };
    }
    if (rules !== null && holds > 0 && holdsBefore + holds > rules.holdsPerCustomer) {
      const limit = rules.holdsPerCustomer;
      return { ok: false, code: 'customer-hold-limit', limit, requested: holds, held: holdsBefore };
    }
    this.entry = entry;
    this.hash0 = customerHash[0];
    this.hash1 = customerHash[1];
    // Of claims that were made before customers were counted the table may have been too full to know.
    this.tickets = Math.max(0, ticketsBefore + tickets);
    this.holds = Math.max(0, holdsBefore + holds);
    return null;
  }

  /** The same for the customer of a claim. */
  planOf(
    view: EventView,
    cell: number,
    tickets: number,
    holds: number,
    rules: SaleRules | null,
  ): Refusal | null {
    const count = view.words[cellBase(view, cell) + CLAIM.sizes] & 0xff;
    return this.plan(view, view.arena.bytes, customerWord(view, cell) * 4, count, tickets, holds, rules);
  }
}

/** First word of a claim's customer. */
export function customerWord(view: EventView, cell: number): number {
  return itemBase(view, cell, claimItems(view.words[cellBase(view, cell) + CLAIM.state]));
}

/** Tickets of a claim that are not cancelled. */
export function validTickets(view: EventView, cell: number): number {
  const base = cellBase(view, cell);
  let valid = claimTickets(view.words[base + CLAIM.state]);
  for (let i = 0; i < 4; i++) valid -= bitCount(view.words[base + CLAIM.cancelled + i]);
  return valid;
}

function bitCount(word: number): number {
  let count = 0;
  for (let left = word; left !== 0; left &= left - 1) count++;
  return count;
}

/**
 * The first version of the journal had no customers' counts in its frames: of those they are counted as they are
 * replayed. After the claim was changed; a redo has never such a frame.
 */
export function countCustomerOfOldFrame(
  view: EventView,
  words: Int32Array,
  frame: number,
  kind: number,
): void {
  if (customerOffset(words, frame) !== 0) return;
  const cell = words[frame + 8];
  const base = cellBase(view, cell);
  const count = view.words[base + CLAIM.sizes] & 0xff;
  const hasTail = ((view.words[base + CLAIM.sizes] >>> 16) & CLAIM_FLAG.tail) !== 0;
  if (count === 0 || hasTail || view.customerCapacity === 0) return;
  const change = oldChange(words, frame, kind, claimTickets(view.words[base + CLAIM.state]));
  if (change === null) return;
  const at = base + CLAIM_HEADER_WORDS + claimItems(view.words[base + CLAIM.state]) * ITEM_WORDS;
  hashCustomer(view.arena.bytes, at * 4, count);
  const entry = placeCustomer(view);
  if (entry === CUSTOMERS_FULL) return;
  const tickets = Math.max(0, customerTickets(view, entry) + change.tickets);
  const holds = Math.max(0, customerHolds(view, entry) + change.holds);
  writeCustomer(view, entry, customerHash[0], customerHash[1], tickets, holds);
}

function oldChange(
  words: Int32Array,
  frame: number,
  kind: number,
  tickets: number,
): { readonly tickets: number; readonly holds: number } | null {
  if (isNewClaim(headerKind(words[frame + WORD_HEADER]))) {
    return { tickets, holds: kind === FRAME_KIND.hold ? 1 : 0 };
  }
  switch (kind) {
    case FRAME_KIND.confirm:
      return { tickets: 0, holds: -1 };
    case FRAME_KIND.release:
    case FRAME_KIND.expire:
      return { tickets: -tickets, holds: -1 };
    case FRAME_KIND.cancel: {
      let cancelled = 0;
      for (let i = 0; i < 4; i++) cancelled += bitCount(words[frame + SETTLE.newly + i]);
      return { tickets: -cancelled, holds: 0 };
    }
    default:
      return null;
  }
}
