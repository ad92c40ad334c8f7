/**
 * Copies an event into another extent: larger tables, the same contents. A pure function of the old extent and the new
 * size, so that a redo and a replay come to the same. Cells, rows and seats keep their numbers; what is found by hash
 * is placed anew.
 */
import { loadWide } from '../memory/arena.ts';
import { claimState } from '../memory/claims.ts';
import { addDeadline } from '../memory/deadlines.ts';
import { cellBase, customerBase, keyBase, type EventView } from '../memory/event.ts';
import { placeFreshKey, writeKey } from '../memory/keys.ts';
import {
  CELL_WORDS,
  CLAIM,
  CLAIM_STATE,
  CUSTOMER,
  CUSTOMER_WORDS,
  KEY,
  KEY_WORDS,
  ROW_WORDS,
  SEAT_WORDS,
  SECTION_WORDS,
  SHARE_COUNT,
  SHARE_WORDS,
} from '../memory/layout.ts';
import { placeFreshCustomer, writeCustomer } from '../memory/customers.ts';

/** The new extent's pages are zero. No table of the new one is smaller. */
export function copyTables(from: EventView, to: EventView): void {
  const { words } = from;
  const copy = (source: number, target: number, count: number): void => {
    words.copyWithin(target, source, source + count);
  };
  copy(from.sections, to.sections, from.sectionCount * SECTION_WORDS);
  copy(from.rows, to.rows, from.rowCount * ROW_WORDS);
  copy(from.seats, to.seats, from.seatCount * SEAT_WORDS);
  copy(from.cells, to.cells, from.cellCount * CELL_WORDS);
  copy(from.live, to.live, from.cellCount / 32);
  copy(from.starts, to.starts, from.cellCount / 32);
  copy(from.shares, to.shares, SHARE_COUNT * SHARE_WORDS);
  copyDeadlines(to);
  copyKeys(from, to);
  copyCustomers(from, to);
}

function copyDeadlines(to: EventView): void {
  const { words } = to;
  for (let block = 0; block < to.cellCount; block += 32) {
    for (let starts = words[to.starts + (block >>> 5)]; starts !== 0; starts &= starts - 1) {
      const cell = block + 31 - Math.clz32(starts & -starts);
      const base = cellBase(to, cell);
      if (claimState(words[base + CLAIM.state]) !== CLAIM_STATE.held) continue;
      addDeadline(to, cell, loadWide(words, base + CLAIM.expiresLow));
    }
  }
}

/** A table of the same size stays as it is: placed anew, entries of one that is full might not find room. */
function copyKeys(from: EventView, to: EventView): void {
  if (from.keyCapacity === to.keyCapacity) {
    from.words.copyWithin(to.keys, from.keys, from.keys + from.keyCapacity * KEY_WORDS);
    return;
  }
  for (let entry = 0; entry < from.keyCapacity; entry++) {
    const base = keyBase(from, entry);
    if (from.words[base + KEY.hash0] === 0) continue;
    const place = placeFreshKey(to, from.words[base + KEY.hash1]);
    if (place >= 0) writeKey(to, place, from.words, base);
  }
}

function copyCustomers(from: EventView, to: EventView): void {
  const { words } = from;
  if (from.customerCapacity === to.customerCapacity) {
    words.copyWithin(to.customers, from.customers, from.customers + from.customerCapacity * CUSTOMER_WORDS);
    return;
  }
  for (let entry = 0; entry < from.customerCapacity; entry++) {
    const base = customerBase(from, entry);
    const tickets = words[base + CUSTOMER.tickets];
    const holds = words[base + CUSTOMER.holds];
    if (tickets === 0 && holds === 0) continue;
    const hash1 = words[base + CUSTOMER.hash1];
    const place = placeFreshCustomer(to, hash1);
    if (place >= 0) writeCustomer(to, place, words[base + CUSTOMER.hash0], hash1, tickets, holds);
  }
}
