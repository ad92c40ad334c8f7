/**
 * What the API answers, as types. No code, and no imports: the package's public vocabulary. What it takes is in
 * `inputs.ts`.
 *
 * Times are RFC 3339 in UTC; money is an integer in the currency's minor units; a seat label is
 * `section-row-number`; a sequence counts an event's changes and never skips.
 */

/** What an event can be while it has memory of its own. */
export type LiveEventState = 'draft' | 'open' | 'paused' | 'closed';
export type EventState = LiveEventState | 'archived';
export type SeatStateName = 'available' | 'held' | 'sold' | 'blocked';
/** One seat in a `seats` reply: available, held, sold, blocked. */
export type SeatLetter = 'a' | 'h' | 's' | 'b';
/** Whatever the caller wants to keep with a thing: JSON of at most 512 bytes, and no personal data. */
export type Metadata = Readonly<Record<string, unknown>>;

export interface EventLimits {
  readonly holdSeconds: number;
  /** The most that extending can add up to, counted from the hold's creation. */
  readonly maxHoldSeconds: number;
  readonly ticketsPerHold: number;
  /** Held and valid tickets of one customer; null: no limit. */
  readonly ticketsPerCustomer: number | null;
  readonly holdsPerCustomer: number | null;
}

export interface Price {
  /** Such as `adult`. */
  readonly type: string;
  readonly price: number;
}

export interface Category {
  readonly id: string;
  readonly name: string;
  readonly prices: readonly Price[];
}

/** A seat as the server writes it: a number or a run of them, a seat with features, or an aisle (`null`). */
export type SeatEntry = string | { readonly id: string; readonly features: readonly string[] } | null;

export interface RowDefinition {
  readonly id: string;
  /** Physical order; `expandSeats` writes out the runs. */
  readonly seats: readonly SeatEntry[];
}

interface SectionBase {
  readonly id: string;
  readonly name: string;
  readonly capacity: number;
  /** Of its one price type, `standard`; null where nothing has a price, or the category has them. */
  readonly price: number | null;
  /** Id of one of the event's categories. */
  readonly category: string | null;
}

export interface GeneralSection extends SectionBase {
  readonly kind: 'general';
}

export interface SeatedSection extends SectionBase {
  readonly kind: 'seated';
  /** Best first. */
  readonly rows: readonly RowDefinition[];
}

export type SectionDefinition = GeneralSection | SeatedSection;

export interface EventDefinition {
  readonly id: string;
  readonly name: string;
  readonly state: LiveEventState;
  /** Counts the definition's changes. */
  readonly version: number;
  readonly createdAt: string;
  readonly startsAt: string;
  readonly timeZone: string;
  /** null: no bound. */
  readonly salesFrom: string | null;
  readonly salesUntil: string | null;
  /** null: nothing has a price. */
  readonly currency: string | null;
  readonly metadata: Metadata;
  readonly limits: EventLimits;
  readonly categories: readonly Category[];
  readonly sections: readonly SectionDefinition[];
}

/** All that is left of an event which was archived. */
export interface ArchivedEvent {
  readonly id: string;
  /** Cut short where it was long. */
  readonly name: string;
  readonly state: 'archived';
  readonly version: number;
  readonly createdAt: string;
  readonly archivedAt: string;
  readonly startsAt: string;
  readonly capacity: number;
  readonly sold: number;
}

/** `available + held + sold + blocked = capacity`, at every sequence. */
export interface PlaceCounts {
  readonly capacity: number;
  readonly available: number;
  readonly held: number;
  readonly sold: number;
  readonly blocked: number;
}

export interface EventSummary {
  readonly id: string;
  readonly name: string;
  readonly state: LiveEventState;
  readonly version: number;
  readonly startsAt: string;
  readonly timeZone: string;
  readonly currency: string | null;
  readonly capacity: number;
  /** With `include: 'availability'`. */
  readonly availability?: Omit<PlaceCounts, 'capacity'>;
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
  /** Whose it is and until when: for a caller whose key may read claims. */
  readonly hold?: string;
  readonly order?: string;
  readonly expiresAt?: string;
}

/** What `block` and `unblock` did. */
export interface BlockReply {
  readonly event: string;
  readonly sequence: number;
  /** Places that are blocked now, or free again, and were not before. */
  readonly changed: number;
  readonly sections: readonly SectionAvailability[];
}

export type ChangeKind =
  | 'defined'
  | 'changed-event'
  | 'archived'
  | 'held'
  | 'ordered'
  | 'confirmed'
  | 'retaken'
  | 'released'
  | 'expired'
  | 'cancelled'
  | 'changed'
  | 'extended'
  | 'blocked'
  | 'unblocked';

/** One entry of an event's history. */
export interface Change {
  readonly sequence: number;
  readonly time: string;
  readonly kind: ChangeKind;
  readonly hold?: string;
  readonly order?: string;
  readonly customer?: string;
  readonly reference?: string;
  /** The deadline that it set. */
  readonly expiresAt?: string;
  /** That changed; of a `changed`, those that came. */
  readonly seats: readonly string[];
  /** Seats that a `changed` gave up. */
  readonly removed?: readonly string[];
  /** Places that moved; of a `changed` below 0 where there are fewer. */
  readonly sections: readonly { readonly section: string; readonly quantity: number }[];
  /** The tickets that a `cancelled` ended. */
  readonly tickets?: readonly string[];
  /** The places of a `cancelled` went off sale; not there where they went back on sale. */
  readonly to?: 'blocked';
  readonly reason?: string;
  /** Of the definition, after a `changed-event`. */
  readonly version?: number;
  readonly state?: EventState;
}

/** Places and counts that are not what they were at the update before. States only: nothing about claims. */
export interface SeatChanges {
  readonly type: 'change';
  /** Pass it as `lastEventId` to go on from here, even in another process. */
  readonly id: string | null;
  readonly event: string;
  readonly sequence: number;
  /** State by seat label. */
  readonly seats: Readonly<Record<string, SeatLetter>>;
  /** Counts of every section. */
  readonly sections: readonly Omit<SectionAvailability, 'capacity'>[];
}

/** What was seen so far no longer leads to what is now: read `seats` and `availability` anew, then go on. */
export interface SeatsReset {
  readonly type: 'reset';
  readonly id: string | null;
  readonly event: string;
}

export type LiveUpdate = SeatChanges | SeatsReset;

/** What a hold took: one item a seat, or a quantity in a general section; the price of one place. */
export type HoldItem =
  | { readonly seat: string; readonly type: string; readonly price: number | null }
  | {
      readonly section: string;
      readonly quantity: number;
      readonly type: string;
      readonly price: number | null;
    };

export type HoldState = 'held' | 'confirmed' | 'released' | 'expired';

export interface Hold {
  readonly id: string;
  /** The id that the order will have. */
  readonly order: string;
  readonly event: string;
  readonly customer: string | null;
  readonly state: HoldState;
  readonly sequence: number;
  readonly createdAt: string;
  /** null: it never had a deadline, because hold and confirm were one step. */
  readonly expiresAt: string | null;
  /** Only while it is held. */
  readonly expiresInMs?: number;
  readonly reference: string | null;
  readonly metadata: Metadata;
  readonly items: readonly HoldItem[];
  /** Whether the seats that the server chose are next to each other; only when it chose any. */
  readonly adjacent?: boolean;
  readonly total: number;
  readonly currency: string | null;
}

export interface Ticket {
  readonly id: string;
  readonly section: string;
  /** Not in a general section. */
  readonly seat?: string;
  readonly type: string;
  readonly price: number | null;
  readonly state: 'valid' | 'cancelled';
}

export type OrderState = 'confirmed' | 'cancelled';

export interface Order {
  readonly id: string;
  readonly hold: string;
  readonly event: string;
  readonly customer: string | null;
  /** `cancelled` once all of its tickets are. */
  readonly state: OrderState;
  readonly sequence: number;
  readonly reference: string | null;
  readonly metadata: Metadata;
  readonly total: number;
  /** Of the tickets that are cancelled. */
  readonly cancelledTotal: number;
  readonly currency: string | null;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly tickets: readonly Ticket[];
}

export interface Page<T> {
  /** May be short, even empty, and not be the last: go on until `next` is null. */
  readonly data: readonly T[];
  /** Pass it as `after` for the next page; null on the last one. */
  readonly next: string | null;
}

/** Of `healthz` and `readyz`: `alive`; `ready`, `journal-full`. A server that is not ready answers with a problem. */
export interface ServiceStatus {
  readonly status: string;
}
