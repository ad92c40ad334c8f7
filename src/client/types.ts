/**
 * What the API sends and takes, as types. No code, and no imports: the package's public vocabulary.
 *
 * Times are RFC 3339 in UTC; money is an integer in the currency's minor units; a seat label is
 * `section-row-number`; a sequence counts an event's changes and never skips.
 */

export type EventState = 'draft' | 'open';
export type SeatStateName = 'available' | 'held' | 'sold' | 'blocked';
/** One seat in a `seats` reply: available, held, sold, blocked. */
export type SeatLetter = 'a' | 'h' | 's' | 'b';

export interface EventLimits {
  readonly holdSeconds: number;
  readonly maxHoldSeconds: number;
  readonly ticketsPerHold: number;
}

/** A seat as the server writes it: a number or a run of them, a seat with features, or an aisle (`null`). */
export type SeatEntry = string | { readonly id: string; readonly features: readonly string[] } | null;

export interface RowDefinition {
  readonly id: string;
  /** Physical order; `expandSeats` writes out the runs. */
  readonly seats: readonly SeatEntry[];
}

export interface GeneralSection {
  readonly id: string;
  readonly name: string;
  readonly kind: 'general';
  readonly capacity: number;
  readonly price: number | null;
}

export interface SeatedSection {
  readonly id: string;
  readonly name: string;
  readonly kind: 'seated';
  readonly capacity: number;
  readonly price: number | null;
  /** Best first. */
  readonly rows: readonly RowDefinition[];
}

export type SectionDefinition = GeneralSection | SeatedSection;

export interface EventDefinition {
  readonly id: string;
  readonly name: string;
  readonly state: EventState;
  readonly version: number;
  readonly createdAt: string;
  readonly startsAt: string;
  readonly timeZone: string;
  /** null: nothing has a price. */
  readonly currency: string | null;
  readonly limits: EventLimits;
  readonly sections: readonly SectionDefinition[];
}

export interface EventSummary {
  readonly id: string;
  readonly name: string;
  readonly state: EventState;
  readonly version: number;
  readonly startsAt: string;
  readonly timeZone: string;
  readonly currency: string | null;
  readonly capacity: number;
}

/** A seat as a caller may write it: `"7"`, a run `"1..8"`, a seat with features, or `null` for an aisle. */
export type SeatInput = string | { readonly id: string; readonly features?: readonly string[] } | null;

export interface RowInput {
  readonly id: string;
  /** A number is shorthand for `"1..number"`. */
  readonly seats: number | readonly SeatInput[];
}

export type SectionInput =
  | {
      readonly id: string;
      readonly name?: string;
      readonly kind: 'general';
      readonly capacity: number;
      readonly price?: number | null;
    }
  | {
      readonly id: string;
      readonly name?: string;
      readonly kind: 'seated';
      readonly rows: readonly RowInput[];
      readonly price?: number | null;
    };

/** Body of `POST /v1/events`. Give `sections`, or `capacity` for one general section called `general`. */
export interface EventInput {
  readonly id?: string;
  readonly name: string;
  readonly state?: EventState;
  readonly startsAt: string;
  readonly timeZone?: string;
  readonly currency?: string;
  readonly limits?: Partial<EventLimits>;
  readonly sections?: readonly SectionInput[];
  readonly capacity?: number;
}

/** `available + held + sold + blocked = capacity`, at every sequence. */
export interface PlaceCounts {
  readonly capacity: number;
  readonly available: number;
  readonly held: number;
  readonly sold: number;
  readonly blocked: number;
}

export interface SectionAvailability extends PlaceCounts {
  readonly id: string;
}

export interface Availability extends PlaceCounts {
  readonly event: string;
  readonly sequence: number;
  readonly sections: readonly SectionAvailability[];
}

export interface SeatsReply {
  readonly event: string;
  readonly sequence: number;
  /** `rows[].seats` has a letter a seat, in definition order; aisles are only in the definition. */
  readonly sections: readonly {
    readonly id: string;
    readonly rows: readonly { readonly id: string; readonly seats: string }[];
  }[];
}

/** All seats of an event or a section, 2 bits each; read it with `seatLetterAt` or `seatLetters`. */
export interface SeatBits {
  readonly sequence: number;
  readonly bytes: Uint8Array;
}

export interface SeatReply {
  readonly event: string;
  readonly seat: string;
  readonly section: string;
  readonly row: string;
  readonly number: string;
  readonly state: SeatStateName;
  /** Sequence of the seat's last change. */
  readonly sequence: number;
  readonly features: readonly string[];
  readonly hold?: string;
  readonly order?: string;
  readonly expiresAt?: string;
}

export type ChangeKind = 'defined' | 'held' | 'ordered' | 'confirmed' | 'released' | 'expired' | 'cancelled';

export interface Change {
  readonly sequence: number;
  readonly time: string;
  readonly kind: ChangeKind;
  readonly hold?: string;
  readonly order?: string;
  readonly customer?: string;
  readonly reference?: string;
  readonly seats: readonly string[];
  readonly sections: readonly { readonly section: string; readonly quantity: number }[];
  readonly tickets?: readonly string[];
}

export type ItemInput =
  | { readonly seat: string }
  | { readonly section: string; readonly quantity: number; readonly adjacent?: 'required' | 'preferred' };

export interface HoldInput {
  readonly customer?: string;
  readonly seconds?: number;
  readonly items: readonly ItemInput[];
}

export interface OrderInput {
  readonly customer?: string;
  readonly reference?: string;
  readonly items: readonly ItemInput[];
}

/** What a hold took: one item a seat, or a quantity in a general section; the price of one place. */
export type HoldItem =
  | { readonly seat: string; readonly price: number | null }
  | { readonly section: string; readonly quantity: number; readonly price: number | null };

export type HoldState = 'held' | 'confirmed' | 'released' | 'expired';

export interface Hold {
  readonly id: string;
  readonly order: string;
  readonly event: string;
  readonly customer?: string | null;
  readonly state: HoldState;
  readonly sequence: number;
  readonly createdAt: string;
  /** null: it never had a deadline, because hold and confirm were one step. */
  readonly expiresAt: string | null;
  /** Only while it is held. */
  readonly expiresInMs?: number;
  readonly items: readonly HoldItem[];
  readonly adjacent?: boolean;
  readonly total: number | null;
  readonly currency: string | null;
}

export interface Ticket {
  readonly id: string;
  readonly section: string;
  readonly seat?: string | null;
  readonly price: number | null;
  readonly state: 'valid' | 'cancelled';
}

export interface Order {
  readonly id: string;
  readonly hold: string;
  readonly event: string;
  readonly customer?: string | null;
  readonly state: 'confirmed' | 'cancelled';
  readonly sequence: number;
  readonly reference?: string | null;
  readonly total: number | null;
  readonly cancelledTotal: number | null;
  readonly currency: string | null;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly tickets: readonly Ticket[];
}

export interface Page<T> {
  readonly data: readonly T[];
  /** Pass it as `after` for the next page; null on the last one. */
  readonly next: string | null;
}
