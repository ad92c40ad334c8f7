/**
 * What each customer has in an event: tickets (held and valid ones) and holds. An open-addressed table of 16-byte
 * entries, found by a hash of 64 bits of the customer's bytes. Counts are absolute in every frame, so that a redo may
 * set them again. An entry with nothing left in it is as good as free to an insertion, and stays in the way of a search.
 *
 * Two customers with the same 64 bits would share their limits: one chance in 10^7 at a million customers. Whoever
 * could choose customers' names to bring it about (callers with a sales key) may cancel their tickets as well.
 */
import { remainder } from './arena.ts';
import { customerBase, type EventView } from './event.ts';
import { CUSTOMER } from './layout.ts';

/** An entry more than this far from its place means that the table is as good as full. */
const PROBES_MAX = 256;

export const CUSTOMERS_FULL = -1;

/** The hash of the customer last hashed: two words, the first never 0. One a thread, reused. */
export const customerHash = new Int32Array(2);

/** Hashes `count` bytes from `start`: two lanes of murmur3's mixing with different seeds. Sets `customerHash`. */
export function hashCustomer(bytes: Uint8Array, start: number, count: number): void {
  let one = 0x9747b28c;
  let two = 0x3c6ef372;
  for (let i = start; i < start + count; i++) {
    const byte = bytes[i];
    one = Math.imul(one ^ byte, 0x5bd1e995);
    one ^= one >>> 15;
    two = Math.imul(two ^ byte, 0x1b873593);
    two = (two << 13) | (two >>> 19);
  }
  customerHash[0] = finish(one ^ count) || 1;
  customerHash[1] = finish(two ^ Math.imul(count, 0x9e3779b1));
}

function finish(hash: number): number {
  let mixed = hash ^ (hash >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}

function isOf(view: EventView, base: number): boolean {
  return (
    view.words[base + CUSTOMER.hash0] === customerHash[0] &&
    view.words[base + CUSTOMER.hash1] === customerHash[1]
  );
}

function isUnused(view: EventView, base: number): boolean {
  return view.words[base + CUSTOMER.tickets] === 0 && view.words[base + CUSTOMER.holds] === 0;
}

/**
 * The entry of the customer in `customerHash`: its own, else the first that it may take; CUSTOMERS_FULL when there is
 * none near. Under the mutex.
 */
export function placeCustomer(view: EventView): number {
  const { customerCapacity, words } = view;
  let entry = remainder(customerHash[1], customerCapacity);
  let reusable = CUSTOMERS_FULL;
  const probes = Math.min(PROBES_MAX, customerCapacity);
  for (let probe = 0; probe < probes; probe++) {
    const base = customerBase(view, entry);
    if (words[base + CUSTOMER.hash0] === 0) return reusable === CUSTOMERS_FULL ? entry : reusable;
    if (isOf(view, base)) return entry;
    if (reusable === CUSTOMERS_FULL && isUnused(view, base)) reusable = entry;
    entry = entry + 1 === customerCapacity ? 0 : entry + 1;
  }
  return reusable;
}

/** Tickets of the customer in `customerHash`, if the entry is its own; else none. */
export function customerTickets(view: EventView, entry: number): number {
  const base = customerBase(view, entry);
  return isOf(view, base) ? view.words[base + CUSTOMER.tickets] : 0;
}

export function customerHolds(view: EventView, entry: number): number {
  const base = customerBase(view, entry);
  return isOf(view, base) ? view.words[base + CUSTOMER.holds] : 0;
}

/** Sets an entry. Idempotent. Under the mutex. */
export function writeCustomer(
  view: EventView,
  entry: number,
  hash0: number,
  hash1: number,
  tickets: number,
  holds: number,
): void {
  const { words } = view;
  const base = customerBase(view, entry);
  words[base + CUSTOMER.tickets] = tickets;
  words[base + CUSTOMER.holds] = holds;
  words[base + CUSTOMER.hash1] = hash1;
  words[base + CUSTOMER.hash0] = hash0;
}

/** A free entry near a customer's place in a fresh table; CUSTOMERS_FULL for none. */
export function placeFreshCustomer(view: EventView, hash1: number): number {
  const { customerCapacity } = view;
  let entry = remainder(hash1, customerCapacity);
  for (let probe = 0; probe < Math.min(PROBES_MAX, customerCapacity); probe++) {
    if (view.words[customerBase(view, entry) + CUSTOMER.hash0] === 0) return entry;
    entry = entry + 1 === customerCapacity ? 0 : entry + 1;
  }
  return CUSTOMERS_FULL;
}
