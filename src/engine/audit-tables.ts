/**
 * Audit of the tables that are searched by hash, idempotency keys and what customers have, and of what rows note of
 * their runs. See audit.ts.
 */
import { PLACES_PER_BLOCK_MAX } from '../core/limits.ts';
import { claimState, claimTickets, isIntact, isStart } from '../memory/claims.ts';
import { customerHash, hashCustomer } from '../memory/customers.ts';
import {
  cellBase,
  customerBase,
  keyBase,
  rowBase,
  seatBase,
  sectionOfRow,
  type EventView,
} from '../memory/event.ts';
import { CLAIM, CLAIM_STATE, KEY, ROW, SEAT, SEAT_FLAG_AISLE } from '../memory/layout.ts';
import { REGISTRY_SLOT } from '../memory/registry.ts';
import type { Tell } from './audit.ts';
import { customerWord, validTickets } from './customer.ts';
import { isOpenWord, longestBound, longestOfSection } from './row-runs.ts';

/** Every key is found where a search would look for it, once, and points into the table. */
export function auditKeys(view: EventView, tell: Tell): void {
  const { words } = view;
  const mask = view.keyCapacity - 1;
  const isRegistry = view.slot === REGISTRY_SLOT;
  const seen = new Set<string>();
  for (let entry = 0; entry < view.keyCapacity; entry++) {
    const base = keyBase(view, entry);
    if (words[base + KEY.hash0] === 0) continue;
    for (let probe = words[base + KEY.hash1] & mask; probe !== entry; probe = (probe + 1) & mask) {
      if (words[keyBase(view, probe) + KEY.hash0] !== 0) continue;
      tell('key-wrong', `the key in entry ${entry} cannot be found`);
      break;
    }
    const name = words.subarray(base + KEY.hash0, base + KEY.body0).join(' ');
    if (seen.has(name)) tell('key-wrong', `the key in entry ${entry} is there twice`);
    seen.add(name);
    const target = words[base + KEY.cell];
    // Of a block it says how many places it changed.
    if (!isRegistry && (target < 0 || target >= Math.max(view.cellCount, PLACES_PER_BLOCK_MAX + 1)))
      tell('key-wrong', `the key in entry ${entry} points to cell ${target}`);
  }
}

interface Counted {
  tickets: number;
  holds: number;
}

/** What customers have, added up over their live claims, against what the table says. */
export function auditCustomers(view: EventView, tell: (message: string) => void): void {
  const counted = new Map<string, Counted>();
  for (let cell = 0; cell < view.cellCount; cell++) {
    if (!isStart(view, cell)) continue;
    const base = cellBase(view, cell);
    const state = claimState(view.words[base + CLAIM.state]);
    const isHeld = state === CLAIM_STATE.held;
    const bytes = view.words[base + CLAIM.sizes] & 0xff;
    if ((!isHeld && state !== CLAIM_STATE.confirmed) || bytes === 0 || !isIntact(view, cell)) continue;
    hashCustomer(view.arena.bytes, customerWord(view, cell) * 4, bytes);
    const name = customerHash.join(' ');
    const own = counted.get(name) ?? { tickets: 0, holds: 0 };
    own.tickets += isHeld ? claimTickets(view.words[base + CLAIM.state]) : validTickets(view, cell);
    own.holds += isHeld ? 1 : 0;
    counted.set(name, own);
  }
  for (let entry = 0; entry < view.customerCapacity; entry++) {
    const base = customerBase(view, entry);
    const [hash0, hash1, tickets, holds] = view.words.subarray(base, base + 4);
    if (hash0 === 0 || (tickets === 0 && holds === 0)) continue;
    const name = `${hash0} ${hash1}`;
    const own = counted.get(name) ?? { tickets: 0, holds: 0 };
    if (own.tickets !== tickets || own.holds !== holds) {
      tell(
        `entry ${entry} has ${tickets} tickets and ${holds} holds, the claims ${own.tickets} and ${own.holds}`,
      );
    }
    counted.delete(name);
  }
  for (const { tickets, holds } of counted.values()) {
    tell(`a customer with ${tickets} tickets and ${holds} holds is not in the table`);
  }
}

/** No row, and no section, passes for fewer seats side by side than it has. */
export function auditRuns(view: EventView, tell: (message: string) => void): void {
  const { words } = view;
  for (let row = 0; row < view.rowCount; row++) {
    const base = rowBase(view, row);
    const section = sectionOfRow(view, row);
    let run = 0;
    let longest = 0;
    for (let place = 0; place < words[base + ROW.seatCount]; place++) {
      const word = words[seatBase(view, words[base + ROW.firstSeat] + place) + SEAT.state];
      if (!isOpenWord(word)) run = 0;
      else run = (word & SEAT_FLAG_AISLE) !== 0 ? 1 : run + 1;
      longest = Math.max(longest, run);
    }
    // An open count that is too low is told of itself.
    const bound = longestBound(view, row);
    if (bound < longest && words[base + ROW.open] >= longest)
      tell(`row ${row} passes for ${bound} seats side by side and has ${longest}`);
    if (longestOfSection(view, section) < longest)
      tell(
        `section ${section} passes for ${longestOfSection(view, section)} seats side by side, row ${row} has ${longest}`,
      );
  }
}
