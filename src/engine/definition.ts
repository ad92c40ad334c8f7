/**
 * A normalised event definition: what the define frame carries, what the tables are built from, and how seat
 * labels are turned into seat indices and back. Pure; any thread.
 *
 * Seats are numbered through the event: sections in order, rows best first, seats in physical order.
 */
import { assert } from '../core/assert.ts';
import type { SeatIndex, SectionIndex } from '../core/ids.ts';
import type { EventShape } from '../memory/layout.ts';

export interface SeatDefinition {
  readonly id: string;
  readonly features: readonly string[];
}

/** null is an aisle. */
export type RowEntry = string | SeatDefinition | null;

export interface RowDefinition {
  readonly id: string;
  readonly seats: readonly RowEntry[];
}

export interface PriceDefinition {
  readonly type: string;
  readonly price: number;
}

export interface CategoryDefinition {
  readonly id: string;
  readonly name: string;
  readonly prices: readonly PriceDefinition[];
}

interface SectionBase {
  readonly id: string;
  readonly name: string;
  readonly capacity: number;
  /** For one type, "standard", in minor units; null for none, or where a category has prices. */
  readonly price: number | null;
  /** Id of a category, or null. */
  readonly category: string | null;
}

export interface GeneralSection extends SectionBase {
  readonly kind: 'general';
}

export interface SeatedSection extends SectionBase {
  readonly kind: 'seated';
  readonly rows: readonly RowDefinition[];
}

export type SectionDefinition = GeneralSection | SeatedSection;

/** What an event is while it has memory of its own; once archived it is a summary. */
export type LiveState = 'draft' | 'open' | 'paused' | 'closed';

export interface EventDefinition {
  readonly id: string;
  readonly name: string;
  readonly state: LiveState;
  readonly startsAt: string;
  readonly timeZone: string;
  /** Times in UTC, RFC 3339, or null for no bound. */
  readonly salesFrom: string | null;
  readonly salesUntil: string | null;
  readonly currency: string | null;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly limits: {
    readonly holdSeconds: number;
    readonly maxHoldSeconds: number;
    readonly ticketsPerHold: number;
    /** null: no limit. */
    readonly ticketsPerCustomer: number | null;
    readonly holdsPerCustomer: number | null;
  };
  readonly categories: readonly CategoryDefinition[];
  /**
   * Names of all price types that the event ever had, "standard" first: claims keep a type by its place here, so the
   * list only grows.
   */
  readonly priceTypes: readonly string[];
  readonly sections: readonly SectionDefinition[];
}

export const STANDARD_PRICE = 'standard';

/** A row as it is stored: runs of numbers stay ranges, `1..20`, so that a hall of 100,000 seats is a small frame. */
export interface StoredRow {
  readonly id: string;
  readonly seats: readonly RowEntry[];
}

const RANGE = /^(\d{1,8})\.\.(\d{1,8})$/;

/** First and last number of a range `a..b`; null when the text is none. */
export function parseRange(text: string): { readonly first: number; readonly last: number } | null {
  const match = RANGE.exec(text);
  return match === null ? null : { first: Number(match[1]), last: Number(match[2]) };
}

function expandRow(row: StoredRow): RowDefinition {
  const seats: RowEntry[] = [];
  for (const entry of row.seats) {
    const range = typeof entry === 'string' ? parseRange(entry) : null;
    if (range === null) seats.push(entry);
    else for (let number = range.first; number <= range.last; number++) seats.push(String(number));
  }
  return { id: row.id, seats };
}

/** What a definition of the first journal format leaves out. */
const ADDED_FIELDS = {
  salesFrom: null,
  salesUntil: null,
  metadata: {},
  categories: [],
  priceTypes: [STANDARD_PRICE],
} as const;
const ADDED_LIMITS = { ticketsPerCustomer: null, holdsPerCustomer: null } as const;

/** A definition from the JSON bytes of its frame, as it was stored: ranges of seats not written out. */
export function parseStored(json: Uint8Array): EventDefinition {
  const stored = JSON.parse(Buffer.from(json).toString('utf8')) as EventDefinition;
  const sections = stored.sections.map((section) => ({ ...section, category: section.category ?? null }));
  return { ...ADDED_FIELDS, ...stored, limits: { ...ADDED_LIMITS, ...stored.limits }, sections };
}

/** A definition from the JSON bytes of its frame, with ranges written out. */
export function parseDefinition(json: Uint8Array): EventDefinition {
  const stored = parseStored(json);
  const sections = stored.sections.map((section) =>
    section.kind === 'general' ? section : { ...section, rows: section.rows.map(expandRow) },
  );
  return { ...stored, sections };
}

/** What the engine needs of a definition to judge a command. Numbers; no limit is Infinity. */
export interface SaleRules {
  readonly salesFromMs: number;
  readonly salesUntilMs: number;
  readonly ticketsPerHold: number;
  readonly ticketsPerCustomer: number;
  readonly holdsPerCustomer: number;
  readonly maxHoldMs: number;
}

export function saleRules(definition: EventDefinition): SaleRules {
  const { limits, salesFrom, salesUntil } = definition;
  return {
    salesFromMs: salesFrom === null ? -Infinity : Date.parse(salesFrom),
    salesUntilMs: salesUntil === null ? Infinity : Date.parse(salesUntil),
    ticketsPerHold: limits.ticketsPerHold,
    ticketsPerCustomer: limits.ticketsPerCustomer ?? Infinity,
    holdsPerCustomer: limits.holdsPerCustomer ?? Infinity,
    maxHoldMs: limits.maxHoldSeconds * 1000,
  };
}

/** A price as a claim keeps it: which type, by its place in `priceTypes`, and minor units + 1, 0 for no price. */
export interface TypedPrice {
  readonly type: number;
  readonly name: string;
  readonly priceWord: number;
}

/** The prices that places of a section may be had for. */
function sectionPrices(definition: EventDefinition, section: SectionDefinition): TypedPrice[] {
  const typed = (name: string, price: number | null): TypedPrice => {
    const type = definition.priceTypes.indexOf(name);
    assert(type >= 0, 'a price type has a place in its event');
    return { type, name, priceWord: price === null ? 0 : price + 1 };
  };
  if (section.category === null) return [typed(STANDARD_PRICE, section.price)];
  const category = definition.categories.find(({ id }) => id === section.category);
  assert(category !== undefined, 'a section names a category of its event');
  return category.prices.map(({ type, price }) => typed(type, price));
}

const WHEELCHAIR = 'wheelchair';

function seatId(entry: string | SeatDefinition): string {
  return typeof entry === 'string' ? entry : entry.id;
}

function seatFeatures(entry: string | SeatDefinition): readonly string[] {
  return typeof entry === 'string' ? [] : entry.features;
}

export function shapeOf(definition: EventDefinition): EventShape {
  let rowCount = 0;
  let seatCount = 0;
  let placeCount = 0;
  for (const section of definition.sections) {
    placeCount += section.capacity;
    if (section.kind === 'general') continue;
    rowCount += section.rows.length;
    seatCount += section.capacity;
  }
  return { sectionCount: definition.sections.length, rowCount, seatCount, placeCount };
}

interface RowLookup {
  readonly firstSeat: number;
  /** Seat number → place in the row. */
  readonly places: ReadonlyMap<string, number>;
}

interface SectionLookup {
  readonly index: SectionIndex;
  readonly rows: ReadonlyMap<string, RowLookup>;
}

/** Where seats are: labels to indices and back. Built once per event and worker. */
export class SeatMap {
  readonly definition: EventDefinition;
  readonly #sections = new Map<string, SectionLookup>();
  /** First seat index of each row of the event, ascending. */
  readonly #rowStarts: number[] = [];
  readonly #rowPrefixes: string[] = [];
  readonly #rowSeats: (string | SeatDefinition)[][] = [];
  readonly #rowSections: number[] = [];
  readonly #prices: (readonly TypedPrice[])[] = [];

  constructor(definition: EventDefinition) {
    this.definition = definition;
    let nextSeat = 0;
    definition.sections.forEach((section, index) => {
      this.#prices.push(sectionPrices(definition, section));
      const rows = new Map<string, RowLookup>();
      if (section.kind === 'seated') {
        for (const row of section.rows) {
          const seats = row.seats.filter((entry) => entry !== null);
          const places = new Map<string, number>();
          seats.forEach((seat, place) => places.set(seatId(seat), place));
          rows.set(row.id, { firstSeat: nextSeat, places });
          this.#rowStarts.push(nextSeat);
          this.#rowSections.push(index);
          this.#rowPrefixes.push(`${section.id}-${row.id}-`);
          this.#rowSeats.push(seats);
          nextSeat += seats.length;
        }
      }
      this.#sections.set(section.id, { index: index as SectionIndex, rows });
    });
  }

  /** Index of a section by id, or -1. */
  section(id: string): number {
    return this.#sections.get(id)?.index ?? -1;
  }

  /** Index of a seat by its label `section-row-number`, or -1. Section ids may have hyphens, the others not. */
  seat(label: string): number {
    const numberAt = label.lastIndexOf('-');
    const rowAt = label.lastIndexOf('-', numberAt - 1);
    if (rowAt <= 0) return -1;
    const row = this.#sections.get(label.slice(0, rowAt))?.rows.get(label.slice(rowAt + 1, numberAt));
    const place = row?.places.get(label.slice(numberAt + 1));
    return row === undefined || place === undefined ? -1 : row.firstSeat + place;
  }

  sectionOf(seat: number): number {
    return this.#rowSections[this.rowOf(seat)];
  }

  /** What places of a section may be had for, in the order of the definition. */
  prices(section: number): readonly TypedPrice[] {
    return this.#prices[section];
  }

  /**
   * The price of a type; without a name that of the only type there is, else of "standard". Null when the section has
   * no such type, or the caller has to name one.
   */
  price(section: number, name: string | undefined): TypedPrice | null {
    const prices = this.#prices[section];
    if (name === undefined && prices.length === 1) return prices[0];
    return prices.find((price) => price.name === (name ?? STANDARD_PRICE)) ?? null;
  }

  /** Row of the event that a seat belongs to: binary search over first seats. */
  rowOf(seat: number): number {
    let from = 0;
    let to = this.#rowStarts.length - 1;
    while (from < to) {
      const middle = (from + to + 1) >>> 1;
      if (this.#rowStarts[middle] <= seat) from = middle;
      else to = middle - 1;
    }
    return from;
  }

  label(seat: number): string {
    const row = this.rowOf(seat);
    return this.#rowPrefixes[row] + seatId(this.#entry(row, seat));
  }

  features(seat: number): readonly string[] {
    return seatFeatures(this.#entry(this.rowOf(seat), seat));
  }

  #entry(row: number, seat: number): string | SeatDefinition {
    const entry = this.#rowSeats[row][seat - this.#rowStarts[row]];
    assert(entry !== undefined, 'a seat index lies within the event');
    return entry;
  }
}

/** What the tables hold of each row and seat. `visit` is called per seat, in order. */
export function forEachSeat(
  definition: EventDefinition,
  visit: (
    row: number,
    section: SectionIndex,
    seat: SeatIndex,
    aisleBefore: boolean,
    reserved: boolean,
  ) => void,
): void {
  let row = 0;
  let seat = 0;
  definition.sections.forEach((section, index) => {
    if (section.kind === 'general') return;
    for (const { seats } of section.rows) {
      let aisleBefore = true;
      for (const entry of seats) {
        if (entry === null) {
          aisleBefore = true;
          continue;
        }
        const reserved = seatFeatures(entry).includes(WHEELCHAIR);
        visit(row, index as SectionIndex, seat as SeatIndex, aisleBefore, reserved);
        aisleBefore = false;
        seat++;
      }
      row++;
    }
  });
}
