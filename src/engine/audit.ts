/**
 * Audit: looks at all of memory and says what does not fit together. For `frontrow verify` and for tests, on an
 * arena that nobody changes. It trusts nothing that it can count again, and never throws for what it finds.
 *
 *   sections = sum over claims = sum over seats          seat → owner → item → the same seat
 *   live cells = live claims, their tails and notes      row.open = its seats that may be chosen
 *   customers = sum over claims
 */
import { eventBase, loadWide, type Arena } from '../memory/arena.ts';
import {
  claimCells,
  claimItems,
  claimState,
  claimTickets,
  isIntact,
  isStart,
  itemBase,
  tailCell,
} from '../memory/claims.ts';
import { isDeadlineCovered } from '../memory/deadlines.ts';
import { cellBase, rowBase, seatBase, sectionBase, viewEvent, type EventView } from '../memory/event.ts';
import {
  CLAIM,
  CLAIM_HEADER_WORDS,
  CLAIM_STATE,
  CELL_WORDS,
  EVENT,
  ITEM,
  ITEM_WORDS,
  NOTE,
  ROW,
  SEAT,
  SEAT_FLAG_RESERVED,
  SEAT_ROW_SHIFT,
  SEAT_STATE,
  SEAT_STATE_MASK,
  SECTION,
  TAIL,
  TAIL_HEADER_WORDS,
} from '../memory/layout.ts';
import { eventId, eventSlots, findEvent, isLive, REGISTRY_SLOT } from '../memory/registry.ts';
import { auditCustomers, auditKeys, auditRuns } from './audit-tables.ts';

export type AuditCode =
  | 'counts-wrong'
  | 'seat-twice'
  | 'seat-wrong'
  | 'claim-wrong'
  | 'cells-wrong'
  | 'key-wrong'
  | 'customer-wrong'
  | 'registry-wrong';

export interface AuditFinding {
  readonly code: AuditCode;
  readonly message: string;
}

export interface Audit {
  readonly events: number;
  /** Holds and orders that can be read, ended ones included. */
  readonly claims: number;
  readonly findings: readonly AuditFinding[];
}

/** More than this many faults help nobody. */
const FINDINGS_MAX = 100;

/** Audits every event and the registry. */
export function auditArena(arena: Arena): Audit {
  const findings: AuditFinding[] = [];
  const tell = (code: AuditCode, message: string): void => {
    if (findings.length < FINDINGS_MAX) findings.push({ code, message });
  };
  let events = 0;
  let claims = 0;
  const extents: { readonly name: string; readonly first: number; readonly end: number }[] = [];
  for (const slot of [REGISTRY_SLOT, ...eventSlots(arena)]) {
    const base = eventBase(arena, slot);
    const name = slot === REGISTRY_SLOT ? 'the registry' : `event ${eventId(arena, slot)}`;
    const isRegistry = slot === REGISTRY_SLOT;
    const tellOf: Tell = (code, message) => tell(code, `${name}: ${message}`);
    if (!isRegistry) events++;
    if (!isRegistry && findEvent(arena, eventId(arena, slot)) !== slot)
      tell('registry-wrong', `${name} is not found by its id`);
    const retired = arena.words[base + EVENT.retiredPage];
    extents.push({ name, first: retired, end: retired + arena.words[base + EVENT.retiredCount] });
    if (!isLive(arena, slot)) continue;
    const first = arena.words[base + EVENT.firstPage];
    extents.push({ name, first, end: first + arena.words[base + EVENT.pageCount] });
    const view = viewEvent(arena, slot);
    auditKeys(view, tellOf);
    if (isRegistry) continue;
    claims += new EventAudit(view, tellOf).run();
    auditCustomers(view, (message) => tellOf('customer-wrong', message));
    auditRuns(view, (message) => tellOf('counts-wrong', message));
  }
  const taken = extents.filter(({ first, end }) => end > first).sort((one, two) => one.first - two.first);
  for (let i = 1; i < taken.length; i++) {
    if (taken[i].first >= taken[i - 1].end) continue;
    tell('registry-wrong', `${taken[i - 1].name} and ${taken[i].name} share memory`);
  }
  return { events, claims, findings };
}

export type Tell = (code: AuditCode, message: string) => void;

class EventAudit {
  readonly #view: EventView;
  readonly #tell: Tell;
  /** By seat: first cell + 1 of the live claim that has it. */
  readonly #owner: Int32Array;
  /** By section, counted over claims. */
  readonly #held: Int32Array;
  readonly #sold: Int32Array;
  /** By cell: first cell + 1 of the live record that it belongs to. */
  readonly #record: Int32Array;

  constructor(view: EventView, tell: Tell) {
    this.#view = view;
    this.#tell = tell;
    this.#owner = new Int32Array(view.seatCount);
    this.#held = new Int32Array(view.sectionCount);
    this.#sold = new Int32Array(view.sectionCount);
    this.#record = new Int32Array(view.cellCount);
  }

  /** Returns how many claims there are. */
  run(): number {
    const claims = this.#auditClaims();
    this.#auditLive();
    this.#auditSeats();
    this.#auditSections();
    return claims;
  }

  #auditClaims(): number {
    const { words } = this.#view;
    let claims = 0;
    for (let cell = 0; cell < this.#view.cellCount; cell++) {
      if (!isStart(this.#view, cell)) continue;
      const word = words[cellBase(this.#view, cell) + CLAIM.state];
      const state = claimState(word);
      if (claimCells(word) === 0 || cell + claimCells(word) > this.#view.cellCount) {
        this.#tell('claim-wrong', `the record at cell ${cell} reaches over the table`);
      } else if (state >= CLAIM_STATE.held && state <= CLAIM_STATE.cancelled) {
        claims++;
        this.#auditClaim(cell, word);
      } else if (state !== CLAIM_STATE.note && state !== CLAIM_STATE.tail) {
        this.#tell('claim-wrong', `the record at cell ${cell} has state ${state}`);
      }
    }
    return claims;
  }

  #auditClaim(cell: number, word: number): void {
    const view = this.#view;
    const base = cellBase(view, cell);
    const state = claimState(word);
    const isAlive = state === CLAIM_STATE.held || state === CLAIM_STATE.confirmed;
    const customerBytes = view.words[base + CLAIM.sizes] & 0xff;
    const tail = tailCell(view, cell);
    if (tail >= 0 && !isIntact(view, cell)) {
      if (isAlive)
        this.#tell('claim-wrong', `the items of the claim at cell ${cell} are not at cell ${tail}`);
      return;
    }
    const header = tail < 0 ? CLAIM_HEADER_WORDS : TAIL_HEADER_WORDS;
    const length = header + claimItems(word) * ITEM_WORDS + ((customerBytes + 3) >>> 2);
    const cells = tail < 0 ? claimCells(word) : claimCells(view.words[cellBase(view, tail) + TAIL.state]);
    if (length > cells * CELL_WORDS) {
      this.#tell('claim-wrong', `the claim at cell ${cell} is longer than its cells`);
      return;
    }
    if (isAlive && tail >= 0) this.#takeRecord(tail, cells);
    const sequence = loadWide(view.words, base + CLAIM.sequenceLow);
    if (sequence < 1 || sequence > loadWide(view.words, view.base + EVENT.sequenceLow))
      this.#tell(
        'claim-wrong',
        `the claim at cell ${cell} has sequence ${sequence}, which the event has not`,
      );
    if (isAlive) this.#takeRecord(cell, claimCells(word));
    if (isAlive && view.words[base + CLAIM.note] !== 0)
      this.#auditNote(cell, view.words[base + CLAIM.note] - 1);
    const { tickets, cancelled } = this.#auditItems(cell, word);
    if (tickets !== claimTickets(word))
      this.#tell(
        'claim-wrong',
        `the claim at cell ${cell} has ${tickets} places, its header says ${claimTickets(word)}`,
      );
    const isRight =
      state === CLAIM_STATE.confirmed
        ? cancelled < tickets
        : cancelled === (state === CLAIM_STATE.cancelled ? tickets : 0);
    if (!isRight)
      this.#tell(
        'claim-wrong',
        `${cancelled} of ${tickets} tickets of the claim at cell ${cell} are cancelled`,
      );
    if (state !== CLAIM_STATE.held) return;
    if (!isDeadlineCovered(view, cell, loadWide(view.words, base + CLAIM.expiresLow)))
      this.#tell('claim-wrong', `the deadline of the hold at cell ${cell} would be missed`);
  }

  /** Adds a live claim's places up, and notes its seats. Tickets beyond the last must have no bit. */
  #auditItems(cell: number, word: number): { tickets: number; cancelled: number } {
    const view = this.#view;
    const bits = cellBase(view, cell) + CLAIM.cancelled;
    const isCancelled = (ticket: number): boolean =>
      ticket < 128 && ((view.words[bits + (ticket >>> 5)] >>> (ticket & 31)) & 1) === 1;
    const state = claimState(word);
    let tickets = 0;
    let cancelled = 0;
    for (let i = 0; i < claimItems(word); i++) {
      const item = itemBase(view, cell, i);
      const seat = view.words[item + ITEM.seat];
      const section = view.words[item + ITEM.section] & 0xffff;
      const quantity = view.words[item + ITEM.section] >>> 16;
      if (!this.#isItem(seat, section, quantity)) {
        this.#tell('claim-wrong', `item ${i} of the claim at cell ${cell} names nothing that the event has`);
        continue;
      }
      for (let place = 0; place < quantity; place++, tickets++) {
        if (isCancelled(tickets)) {
          cancelled++;
          continue;
        }
        if (state === CLAIM_STATE.held) this.#held[section]++;
        else if (state === CLAIM_STATE.confirmed) this.#sold[section]++;
        else continue;
        if (seat >= 0) this.#takeSeat(seat, cell);
      }
    }
    for (let ticket = tickets; ticket < 128; ticket++) {
      if (isCancelled(ticket))
        this.#tell('claim-wrong', `the claim at cell ${cell} has no ticket ${ticket + 1} to cancel`);
    }
    return { tickets, cancelled };
  }

  #isItem(seat: number, section: number, quantity: number): boolean {
    const view = this.#view;
    if (section >= view.sectionCount || quantity < 1) return false;
    const base = sectionBase(view, section);
    const isSeated = view.words[base + SECTION.rowCount] > 0;
    if (seat < 0) return !isSeated;
    const first = view.words[base + SECTION.firstSeat];
    return isSeated && quantity === 1 && seat >= first && seat < first + view.words[base + SECTION.seatCount];
  }

  #takeSeat(seat: number, cell: number): void {
    if (this.#owner[seat] !== 0) {
      const message = `seat ${seat} is in the claims at cells ${this.#owner[seat] - 1} and ${cell}`;
      this.#tell('seat-twice', message);
    }
    this.#owner[seat] = cell + 1;
  }

  #auditNote(owner: number, note: number): void {
    const view = this.#view;
    const base = cellBase(view, note);
    const word = note < view.cellCount ? view.words[base + NOTE.state] : 0;
    const isOurs =
      isStart(view, note) &&
      claimState(word) === CLAIM_STATE.note &&
      view.words[base + NOTE.owner] === owner + 1;
    if (isOurs) this.#takeRecord(note, claimCells(word));
    else this.#tell('claim-wrong', `the reference of the claim at cell ${owner} is not at cell ${note}`);
  }

  #takeRecord(first: number, count: number): void {
    for (let cell = first; cell < Math.min(first + count, this.#view.cellCount); cell++) {
      if (this.#record[cell] !== 0)
        this.#tell('cells-wrong', `the records at cells ${this.#record[cell] - 1} and ${first} overlap`);
      this.#record[cell] = first + 1;
    }
  }

  /** A live bit too few lets a claim be overwritten; one too many is room lost for good. */
  #auditLive(): void {
    const { words, live } = this.#view;
    for (let cell = 0; cell < this.#view.cellCount; cell++) {
      const isAlive = ((words[live + (cell >>> 5)] >>> (cell & 31)) & 1) === 1;
      if (isAlive === (this.#record[cell] !== 0)) continue;
      this.#tell(
        'cells-wrong',
        isAlive ? `cell ${cell} is kept for nothing` : `cell ${cell} is in use and not kept`,
      );
    }
  }

  #auditSeats(): void {
    const view = this.#view;
    const last = loadWide(view.words, view.base + EVENT.sequenceLow);
    const open = new Int32Array(view.rowCount);
    for (let seat = 0; seat < view.seatCount; seat++) {
      const base = seatBase(view, seat);
      const word = view.words[base + SEAT.state];
      const owner = this.#owner[seat];
      const state = word & SEAT_STATE_MASK;
      if (state === SEAT_STATE.available && (word & SEAT_FLAG_RESERVED) === 0)
        open[word >>> SEAT_ROW_SHIFT]++;
      const due = owner === 0 ? SEAT_STATE.available : this.#seatStateOf(owner - 1);
      if (view.words[base + SEAT.owner] !== owner || (state !== due && state !== SEAT_STATE.blocked)) {
        const names = view.words[base + SEAT.owner] - 1;
        this.#tell(
          'seat-wrong',
          `seat ${seat} has state ${state} and names cell ${names}; its claim is at cell ${owner - 1}`,
        );
      }
      if (state === SEAT_STATE.blocked && owner !== 0)
        this.#tell('seat-wrong', `seat ${seat} is blocked and taken`);
      if (loadWide(view.words, base + SEAT.sequenceLow) > last)
        this.#tell('seat-wrong', `seat ${seat} changed after the event's last sequence`);
    }
    for (let row = 0; row < view.rowCount; row++) {
      const found = view.words[rowBase(view, row) + ROW.open];
      if (found !== open[row])
        this.#tell('counts-wrong', `row ${row} counts ${found} open seats and has ${open[row]}`);
    }
  }

  #seatStateOf(cell: number): number {
    const state = claimState(this.#view.words[cellBase(this.#view, cell) + CLAIM.state]);
    return state === CLAIM_STATE.held ? SEAT_STATE.held : SEAT_STATE.sold;
  }

  #auditSections(): void {
    const { words } = this.#view;
    for (let section = 0; section < this.#view.sectionCount; section++) {
      const base = sectionBase(this.#view, section);
      const [capacity, available, held, sold, blocked] = words.subarray(base, base + 5);
      if (available + held + sold + blocked !== capacity || Math.min(available, held, sold, blocked) < 0) {
        const sum = `${available} available, ${held} held, ${sold} sold, ${blocked} blocked`;
        this.#tell('counts-wrong', `section ${section} has ${capacity} places and counts ${sum}`);
      }
      if (held !== this.#held[section])
        this.#tell(
          'counts-wrong',
          `section ${section} counts ${held} held, its holds have ${this.#held[section]}`,
        );
      if (sold !== this.#sold[section])
        this.#tell(
          'counts-wrong',
          `section ${section} counts ${sold} sold, its orders have ${this.#sold[section]}`,
        );
      if (words[base + SECTION.rowCount] > 0)
        this.#auditSeatCounts(section, [available, held, sold, blocked]);
    }
  }

  /** A seated section's counts are its seats', in the order of SEAT_STATE. */
  #auditSeatCounts(section: number, counts: readonly number[]): void {
    const { words } = this.#view;
    const base = sectionBase(this.#view, section);
    const first = words[base + SECTION.firstSeat];
    const found = [0, 0, 0, 0];
    for (let seat = first; seat < first + words[base + SECTION.seatCount]; seat++) {
      found[words[seatBase(this.#view, seat) + SEAT.state] & SEAT_STATE_MASK]++;
    }
    if (counts.every((count, state) => count === found[state])) return;
    this.#tell(
      'counts-wrong',
      `section ${section} counts ${counts.join(', ')}, its seats ${found.join(', ')}`,
    );
  }
}
