/**
 * What the engine should do, written the slow way: arrays of seats, a list of claims, a Map of keys. Counts are summed
 * anew each time. It shares no table, no bit and no algorithm with the engine; cells are names to it.
 */
import { strict as assert } from 'node:assert';

export type SeatState = 'available' | 'held' | 'sold' | 'blocked';
export type ClaimState = 'held' | 'confirmed' | 'released' | 'expired' | 'cancelled';

export interface ModelSeat {
  readonly section: number;
  readonly row: number;
  readonly aisleBefore: boolean;
  readonly wheelchair: boolean;
  state: SeatState;
  owner: ModelClaim | null;
  sequence: number;
}

export interface ModelSection {
  readonly capacity: number;
  readonly price: number | null;
  readonly seated: boolean;
}

export interface ModelItem {
  readonly seat: number;
  readonly section: number;
  readonly quantity: number;
}

export interface ModelClaim {
  readonly cell: number;
  readonly random: Uint32Array;
  items: readonly ModelItem[];
  readonly customer: string;
  readonly createdMs: number;
  expiresMs: number;
  /** null: no best seats were asked for. */
  adjacent: boolean | null;
  tickets: boolean[];
  reference: string | null;
  metadata: string | null;
  /** The engine may have used the room of its note for another, once it had ended. */
  mayHaveLostNote: boolean;
  state: ClaimState;
  updatedMs: number;
  sequence: number;
  /** The engine has used its room for another, which it may once the claim has ended. */
  isGone: boolean;
}

export type Wanted =
  | { readonly kind: 'seat'; readonly seat: number }
  | {
      readonly kind: 'places';
      readonly section: number;
      readonly quantity: number;
      readonly adjacent: boolean;
    };

export interface Expected {
  readonly code: string;
  readonly section?: number;
  readonly requested?: number;
  readonly available?: number;
  readonly held?: number;
  readonly limit?: number;
  readonly seats?: readonly number[];
  readonly changed?: boolean;
  readonly replayed?: boolean;
  /** The claim that an accepted command is about; null for one yet to be made. */
  readonly claim?: ModelClaim | null;
  /** How many places a block took off sale, or put back. */
  readonly places?: number;
  /** Also right, since the claim has ended and may have been overwritten. */
  readonly orGone?: string;
}

export interface Counts {
  readonly capacity: number;
  readonly available: number;
  readonly held: number;
  readonly sold: number;
  readonly blocked: number;
}

/** Of customers. */
export interface ModelRules {
  readonly tickets: number;
  readonly holds: number;
}

interface KnownKey {
  readonly body: string;
  /** What it was about: a claim, or so many places of a block. */
  readonly about: ModelClaim | number;
  readonly atMs: number;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

export class Model {
  readonly sections: ModelSection[];
  readonly seats: ModelSeat[] = [];
  readonly claims: ModelClaim[] = [];
  readonly keys = new Map<string, KnownKey>();
  /** The event's sequence: its definition is the first change. */
  sequence = 1;
  nowMs: number;
  rules: ModelRules = { tickets: Infinity, holds: Infinity };
  /** Places of general sections that are off sale. */
  readonly blockedPlaces: number[];

  /** Rows are written as letters: s a seat, w a wheelchair seat, _ an aisle. Null for a general section. */
  constructor(
    sections: readonly { capacity: number; price: number | null; rows: readonly string[] | null }[],
    nowMs: number,
  ) {
    this.nowMs = nowMs;
    this.blockedPlaces = sections.map(() => 0);
    this.sections = sections.map(({ capacity, price, rows }) => ({ capacity, price, seated: rows !== null }));
    let row = 0;
    sections.forEach(({ rows }, section) => {
      for (const letters of rows ?? []) {
        letters.split('').forEach((letter, i) => {
          if (letter === '_') return;
          const aisleBefore = i === 0 || letters[i - 1] === '_';
          const wheelchair = letter === 'w';
          this.seats.push({
            section,
            row,
            aisleBefore,
            wheelchair,
            state: 'available',
            owner: null,
            sequence: 1,
          });
        });
        row++;
      }
    });
  }

  counts(section: number): Counts {
    let held = 0;
    let sold = 0;
    for (const claim of this.claims) {
      let ticket = 0;
      for (const item of claim.items) {
        for (let place = 0; place < item.quantity; place++, ticket++) {
          if (item.section !== section) continue;
          if (claim.state === 'held') held++;
          if (claim.state === 'confirmed' && claim.tickets[ticket]) sold++;
        }
      }
    }
    const { capacity } = this.sections[section];
    const seats = this.seats.filter((seat) => seat.section === section && seat.state === 'blocked').length;
    const blocked = seats + this.blockedPlaces[section];
    return { capacity, available: capacity - held - sold - blocked, held, sold, blocked };
  }

  /** What a known key says before anything else is looked at; null when it is not known. */
  key(name: string | null, body: string, gone: string): Expected | null {
    const known = name === null ? undefined : this.keys.get(name);
    if (known === undefined) return null;
    if (this.nowMs - known.atMs >= DAY_MS + 1000) return null;
    if (known.body !== body) return { code: 'idempotency-mismatch' };
    if (typeof known.about === 'number')
      return { code: 'ok', places: known.about, changed: false, replayed: true };
    const claim = known.about;
    if (claim.isGone) return { code: gone };
    const isEnded = claim.state !== 'held' && claim.state !== 'confirmed';
    return { code: 'ok', claim, changed: false, replayed: true, ...(isEnded && { orGone: gone }) };
  }

  /** Of every success, whether it has changed something or not. */
  remember(name: string | null, body: string, about: ModelClaim | number): void {
    if (name !== null) this.keys.set(name, { body, about, atMs: this.nowMs });
  }

  /** Whether the age of a key lies in the second in which either answer is right. */
  isKeyOnTheEdge(name: string | null): boolean {
    const known = name === null ? undefined : this.keys.get(name);
    if (known === undefined) return false;
    const ageMs = this.nowMs - known.atMs;
    return ageMs >= DAY_MS && ageMs < DAY_MS + 1000;
  }

  /** Tickets and holds of a customer. */
  #customer(name: string): { tickets: number; holds: number } {
    let tickets = 0;
    let holds = 0;
    for (const claim of this.claims) {
      if (claim.customer !== name || (claim.state !== 'held' && claim.state !== 'confirmed')) continue;
      tickets += claim.tickets.filter((isValid) => isValid).length;
      if (claim.state === 'held') holds++;
    }
    return { tickets, holds };
  }

  /** Whether a customer may have so many more, or why not. */
  limit(name: string, tickets: number, holds: number): Expected | null {
    if (name === '') return null;
    const has = this.#customer(name);
    const { rules } = this;
    if (tickets > 0 && has.tickets + tickets > rules.tickets) {
      return { code: 'customer-limit', limit: rules.tickets, requested: tickets, held: has.tickets };
    }
    if (holds > 0 && has.holds + holds > rules.holds) {
      return { code: 'customer-hold-limit', limit: rules.holds, requested: holds, held: has.holds };
    }
    return null;
  }

  /** Chooses places, or says why not. `freed`: places by section, and `givenUp` seats, that the caller gives back. */
  plan(
    wanted: readonly Wanted[],
    freed: ReadonlyMap<number, number> = new Map(),
    givenUp: ReadonlySet<number> = new Set(),
  ): { refusal: Expected } | { items: ModelItem[]; adjacent: boolean | null } {
    const items: ModelItem[] = [];
    const named = wanted.filter((item) => item.kind === 'seat').map(({ seat }) => seat);
    const unavailable = named.filter((seat) => this.seats[seat].state !== 'available' && !givenUp.has(seat));
    if (unavailable.length > 0) return { refusal: { code: 'seat-unavailable', seats: unavailable } };
    const chosen = new Set<number>(named);
    for (const seat of named) items.push({ seat, section: this.seats[seat].section, quantity: 1 });
    let adjacent: boolean | null = null;
    const grouped = new Set<number>();
    for (const item of wanted) {
      if (item.kind === 'seat' || grouped.has(item.section)) continue;
      const { section } = item;
      // Best seats of one section are one party.
      const party = this.sections[section].seated
        ? wanted.filter((other) => other.kind === 'places' && other.section === section)
        : [item];
      if (this.sections[section].seated) grouped.add(section);
      let quantity = 0;
      let mustBeAdjacent = false;
      for (const other of party) {
        if (other.kind !== 'places') continue;
        quantity += other.quantity;
        mustBeAdjacent ||= other.adjacent;
      }
      const { available, held } = this.counts(section);
      let planned = -(freed.get(section) ?? 0);
      for (const other of items) if (other.section === section) planned += other.quantity;
      const numbers = { section, available, held };
      if (available === 0 && planned + quantity > 0 && planned >= 0)
        return { refusal: { code: 'sold-out', requested: quantity, ...numbers } };
      const requested = planned + quantity;
      if (requested > available) return { refusal: { code: 'not-enough-available', requested, ...numbers } };
      if (!this.sections[section].seated) {
        items.push({ seat: -1, section, quantity });
        continue;
      }
      const open = this.#open(section, givenUp);
      const choosable = open.size;
      for (const seat of chosen) open.delete(seat);
      const runs = this.#choose(section, quantity, open);
      if (runs === null) {
        return {
          refusal: { code: 'not-enough-available', requested: quantity, ...numbers, available: choosable },
        };
      }
      if (runs.length > 1 && mustBeAdjacent) {
        return { refusal: { code: 'no-adjacent-seats', requested: quantity, ...numbers } };
      }
      adjacent = adjacent !== false && runs.length === 1;
      for (const run of runs) {
        for (const seat of run) {
          chosen.add(seat);
          items.push({ seat, section, quantity: 1 });
        }
      }
    }
    return { items, adjacent };
  }

  /** Seats that may be chosen unasked. */
  #open(section: number, givenUp: ReadonlySet<number>): Set<number> {
    const open = new Set<number>();
    this.seats.forEach((seat, index) => {
      const isFree = seat.state === 'available' || givenUp.has(index);
      if (seat.section === section && isFree && !seat.wheelchair) open.add(index);
    });
    return open;
  }

  /** The longest runs, best first; null when there are too few seats. */
  #choose(section: number, quantity: number, open: Set<number>): number[][] | null {
    if (open.size < quantity) return null;
    const runs: number[][] = [];
    let missing = quantity;
    while (missing > 0) {
      let run: number[] | null = null;
      for (let length = missing; run === null; length--) run = this.#bestRun(section, length, open);
      for (const seat of run) open.delete(seat);
      runs.push(run);
      missing -= run.length;
    }
    return runs;
  }

  /** Of all runs of this length: the best row's, in it the nearest to the middle, of two the left one. */
  #bestRun(section: number, length: number, open: ReadonlySet<number>): number[] | null {
    assert(length > 0);
    const all = this.seats
      .map((seat, index) => ({ ...seat, index }))
      .filter((seat) => seat.section === section);
    const runs: { row: number; distance: number; left: number; seats: number[] }[] = [];
    for (const row of new Set(all.map((seat) => seat.row))) {
      const seats = all.filter((seat) => seat.row === row);
      for (let left = 0; left + length <= seats.length; left++) {
        const run = seats.slice(left, left + length);
        if (run.some(({ index }) => !open.has(index))) continue;
        if (run.slice(1).some((seat) => seat.aisleBefore)) continue;
        const distance = Math.abs(left + (length - 1) / 2 - (seats.length - 1) / 2);
        runs.push({ row, distance, left, seats: run.map((seat) => seat.index) });
      }
    }
    runs.sort((a, b) => a.row - b.row || a.distance - b.distance || a.left - b.left);
    return runs[0]?.seats ?? null;
  }

  add(
    claim: Omit<
      ModelClaim,
      'tickets' | 'createdMs' | 'updatedMs' | 'sequence' | 'isGone' | 'mayHaveLostNote'
    >,
  ): ModelClaim {
    this.sequence++;
    const places = claim.items.reduce((sum, item) => sum + item.quantity, 0);
    const added = {
      ...claim,
      tickets: Array.from({ length: places }, () => true),
      createdMs: this.nowMs,
      updatedMs: this.nowMs,
      sequence: this.sequence,
      isGone: false,
      mayHaveLostNote: false,
    };
    this.claims.push(added);
    this.#setSeats(added, claim.state === 'held' ? 'held' : 'sold', () => true);
    return added;
  }

  #setSeats(claim: ModelClaim, state: SeatState, which: (ticket: number) => boolean): void {
    let ticket = 0;
    for (const item of claim.items) {
      if (item.seat >= 0 && which(ticket)) {
        const seat = this.seats[item.seat];
        seat.state = state;
        seat.owner = state === 'available' || state === 'blocked' ? null : claim;
        seat.sequence = this.sequence;
      }
      ticket += item.quantity;
    }
  }

  settle(claim: ModelClaim, state: ClaimState): void {
    this.sequence++;
    claim.state = state;
    claim.sequence = this.sequence;
    claim.updatedMs = this.nowMs;
    this.#setSeats(claim, state === 'confirmed' ? 'sold' : 'available', () => true);
    if (state !== 'confirmed') claim.mayHaveLostNote = true;
  }

  /** What a change of a hold comes to: what is kept, then what is added; or why not. */
  planChange(
    claim: ModelClaim,
    add: readonly Wanted[],
    remove: readonly { seat: number; section: number; quantity: number }[],
  ): { refusal: Expected } | { items: ModelItem[]; adjacent: boolean | null } {
    const kept = claim.items.map((item) => ({ ...item }));
    const freed = new Map<number, number>();
    const givenUp = new Set<number>();
    for (const item of remove) {
      let missing = item.quantity;
      for (const own of kept) {
        const isIt = item.seat >= 0 ? own.seat === item.seat : own.seat < 0 && own.section === item.section;
        if (!isIt) continue;
        const taken = Math.min(missing, own.quantity);
        own.quantity -= taken;
        missing -= taken;
        freed.set(own.section, (freed.get(own.section) ?? 0) + taken);
      }
      if (missing > 0) return { refusal: { code: 'invalid-request' } };
      if (item.seat >= 0) givenUp.add(item.seat);
    }
    const left = kept.filter((item) => item.quantity > 0);
    if (left.length + add.length === 0) return { refusal: { code: 'invalid-request' } };
    const places = [...left, ...add].reduce((sum, item) => sum + ('quantity' in item ? item.quantity : 1), 0);
    if (add.length > 0 && places > 100) {
      return { refusal: { code: 'invalid-request', requested: places, limit: 100 } };
    }
    const planned = this.plan(add, freed, givenUp);
    if ('refusal' in planned) return planned;
    return { items: [...left, ...planned.items], adjacent: planned.adjacent };
  }

  change(claim: ModelClaim, items: readonly ModelItem[], adjacent: boolean | null): void {
    this.sequence++;
    const before = new Set(claim.items.filter(({ seat }) => seat >= 0).map(({ seat }) => seat));
    const after = new Set(items.filter(({ seat }) => seat >= 0).map(({ seat }) => seat));
    for (const seat of new Set([...before, ...after])) {
      if (before.has(seat) === after.has(seat)) continue;
      this.seats[seat].state = after.has(seat) ? 'held' : 'available';
      this.seats[seat].owner = after.has(seat) ? claim : null;
      this.seats[seat].sequence = this.sequence;
    }
    claim.items = items;
    claim.tickets = Array.from({ length: items.reduce((sum, item) => sum + item.quantity, 0) }, () => true);
    if (adjacent !== null) claim.adjacent = claim.adjacent !== false && adjacent;
    claim.sequence = this.sequence;
    claim.updatedMs = this.nowMs;
  }

  extend(claim: ModelClaim, durationMs: number, maxMs: number): Expected {
    const wantedMs = this.nowMs + durationMs;
    const ok = { code: 'ok', claim, replayed: false };
    if (wantedMs <= claim.expiresMs) return { ...ok, changed: false };
    if (claim.createdMs + maxMs <= claim.expiresMs) return { code: 'extend-limit', limit: maxMs / 1000 };
    this.sequence++;
    claim.expiresMs = Math.min(wantedMs, claim.createdMs + maxMs);
    claim.sequence = this.sequence;
    claim.updatedMs = this.nowMs;
    return { ...ok, changed: true };
  }

  /** Whether the places of an expired hold are all there, or which are not. */
  retakable(claim: ModelClaim): Expected | null {
    const gone = claim.items.filter(({ seat }) => seat >= 0 && this.seats[seat].state !== 'available');
    if (gone.length > 0) return { code: 'seat-unavailable', seats: gone.map(({ seat }) => seat) };
    const wanted = new Map<number, number>();
    for (const { section, quantity } of claim.items)
      wanted.set(section, (wanted.get(section) ?? 0) + quantity);
    for (const [section, requested] of wanted) {
      const { available, held } = this.counts(section);
      if (available >= requested) continue;
      return {
        code: available === 0 ? 'sold-out' : 'not-enough-available',
        section,
        requested,
        available,
        held,
      };
    }
    return this.limit(claim.customer, claim.tickets.length, 0);
  }

  /** Takes places off sale, or puts them back; how many changed, or why not. */
  block(
    isBlock: boolean,
    seats: readonly number[],
    places: readonly { section: number; quantity: number }[],
  ): { refusal: Expected } | number {
    const [from, to] = isBlock ? (['available', 'blocked'] as const) : (['blocked', 'available'] as const);
    const wrong = seats.filter((seat) => this.seats[seat].state !== from && this.seats[seat].state !== to);
    if (wrong.length > 0) return { refusal: { code: 'seat-unavailable', seats: wrong } };
    for (const { section, quantity } of places) {
      const { available, blocked, held } = this.counts(section);
      const there = isBlock ? available : blocked;
      if (there >= quantity) continue;
      return {
        refusal: { code: 'not-enough-available', section, requested: quantity, available: there, held },
      };
    }
    const changing = seats.filter((seat) => this.seats[seat].state === from);
    const changed = changing.length + places.reduce((sum, { quantity }) => sum + quantity, 0);
    if (changed === 0) return 0;
    this.sequence++;
    for (const seat of changing) {
      this.seats[seat].state = to;
      this.seats[seat].sequence = this.sequence;
    }
    for (const { section, quantity } of places) this.blockedPlaces[section] += isBlock ? quantity : -quantity;
    return changed;
  }

  /** What naming a hold that is none any more is answered with; expires one that has run out. Null: it is good. */
  ended(claim: ModelClaim, receivedAtMs: number): Expected | null {
    if (claim.state === 'held') {
      if (receivedAtMs < claim.expiresMs) return null;
      this.settle(claim, 'expired');
      return { code: 'hold-expired' };
    }
    if (claim.state === 'cancelled') return { code: 'order-cancelled', orGone: 'hold-not-found' };
    if (this.nowMs - claim.updatedMs > HOUR_MS) return { code: 'hold-not-found' };
    return { code: claim.state === 'released' ? 'hold-released' : 'hold-expired', orGone: 'hold-not-found' };
  }

  cancel(claim: ModelClaim, tickets: readonly number[] | null, toBlocked: boolean): boolean {
    const which = tickets ?? claim.tickets.map((_, ticket) => ticket);
    const newly = new Set(which.filter((ticket) => claim.tickets[ticket]));
    if (newly.size === 0) return false;
    this.sequence++;
    for (const ticket of newly) claim.tickets[ticket] = false;
    claim.sequence = this.sequence;
    claim.updatedMs = this.nowMs;
    this.#setSeats(claim, toBlocked ? 'blocked' : 'available', (ticket) => newly.has(ticket));
    let ticket = 0;
    for (const { seat, section, quantity } of claim.items) {
      for (let place = 0; place < quantity; place++, ticket++) {
        if (toBlocked && seat < 0 && newly.has(ticket)) this.blockedPlaces[section]++;
      }
    }
    if (claim.tickets.every((isValid) => !isValid)) {
      claim.state = 'cancelled';
      claim.mayHaveLostNote = true;
    }
    return true;
  }

  /** Holds whose deadline is before a time, in the order in which they are swept. */
  due(beforeMs: number): ModelClaim[] {
    return this.claims
      .filter((claim) => claim.state === 'held' && claim.expiresMs < beforeMs)
      .sort((a, b) => a.cell - b.cell);
  }
}
