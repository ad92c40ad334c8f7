/** What the API takes, as types. No code: bodies as the methods of the client send them. What it answers: `types.ts`. */
import type { EventLimits, EventState, Metadata, Price } from './types.ts';

/** A seat as a caller may write it: `"7"`, a run `"1..8"`, a seat with features, or `null` for an aisle. */
export type SeatInput = string | { readonly id: string; readonly features?: readonly string[] } | null;

export interface RowInput {
  readonly id: string;
  /** A number is shorthand for `"1..number"`. */
  readonly seats: number | readonly SeatInput[];
}

interface SectionInputBase {
  readonly id: string;
  readonly name?: string;
  /** Of the one type `standard`. Either this or a category. */
  readonly price?: number | null;
  /** Id of one of `categories`. */
  readonly category?: string | null;
}

export interface GeneralSectionInput extends SectionInputBase {
  readonly kind: 'general';
  readonly capacity: number;
}

export interface SeatedSectionInput extends SectionInputBase {
  readonly kind: 'seated';
  /** Best first. */
  readonly rows: readonly RowInput[];
}

export type SectionInput = GeneralSectionInput | SeatedSectionInput;

export interface CategoryInput {
  readonly id: string;
  /** The id if not given. */
  readonly name?: string;
  readonly prices: readonly Price[];
}

/** Body of `POST /v1/events`. Give `sections`, or `capacity` for one general section called `general`. */
export interface EventInput {
  readonly id?: string;
  readonly name: string;
  /** `draft` if not given: to be seen with a key only, and not yet on sale. */
  readonly state?: 'draft' | 'open';
  readonly startsAt: string;
  /** IANA name; `UTC` if not given. */
  readonly timeZone?: string;
  readonly salesFrom?: string | null;
  readonly salesUntil?: string | null;
  readonly currency?: string | null;
  readonly metadata?: Metadata;
  readonly limits?: Partial<EventLimits>;
  readonly categories?: readonly CategoryInput[];
  readonly sections?: readonly SectionInput[];
  readonly capacity?: number;
}

/** A change to a section, by its id. Rows are never removed and never change. */
export interface SectionPatch {
  readonly id: string;
  readonly name?: string;
  /** Of a general section. Below what is taken it is refused with `capacity-in-use`. */
  readonly capacity?: number;
  readonly price?: number | null;
  readonly category?: string | null;
}

/** Body of `PATCH /v1/events/{event}`: what is given changes, the rest stays. */
export interface EventPatch {
  readonly name?: string;
  readonly state?: EventState;
  readonly startsAt?: string;
  readonly timeZone?: string;
  readonly salesFrom?: string | null;
  readonly salesUntil?: string | null;
  readonly metadata?: Metadata;
  /** Merged into what is there. Never retroactive. */
  readonly limits?: Partial<EventLimits>;
  /** Replaces the list. */
  readonly categories?: readonly CategoryInput[];
  /** Changes by id; a whole definition with a new id is added at the end. */
  readonly sections?: readonly (SectionPatch | SectionInput)[];
  /** Of the one general section that the shorthand made. */
  readonly capacity?: number;
}

/** Places to take: a seat, so many in a general section, or the best seats of a seated one. */
export type ItemInput =
  | { readonly seat: string; readonly type?: string }
  | {
      readonly section: string;
      readonly quantity: number;
      readonly type?: string;
      /** For best seats; `preferred` if not given: as few groups as possible. */
      readonly adjacent?: 'required' | 'preferred';
    };

/** Body of `POST …/orders`. */
export interface OrderInput {
  readonly customer?: string | null;
  readonly reference?: string | null;
  readonly metadata?: Metadata;
  /** Refuses with `price-changed` when the places cost anything else. */
  readonly expectTotal?: number;
  readonly items: readonly ItemInput[];
}

/** Body of `POST …/holds`. */
export interface HoldInput extends OrderInput {
  /** The event's `holdSeconds` if not given. */
  readonly seconds?: number;
}

/** Places to give back from a hold. */
export type RemoveInput =
  { readonly seat: string } | { readonly section: string; readonly quantity: number; readonly type?: string };

/** Body of `POST /v1/holds/{hold}/change`: all of it or nothing. */
export interface HoldChangeInput {
  readonly add?: readonly ItemInput[];
  readonly remove?: readonly RemoveInput[];
  /** Of the whole hold afterwards. */
  readonly expectTotal?: number;
}

/** Body of `POST /v1/holds/{hold}/extend`. */
export interface ExtendInput {
  /** From now. It never shortens. */
  readonly seconds: number;
}

/** Body of `POST /v1/holds/{hold}/confirm`. */
export interface ConfirmInput {
  readonly reference?: string | null;
  readonly metadata?: Metadata;
  /** An expired hold is taken again, at its old price, if all of its places are still free. */
  readonly ifExpired?: 'retake';
}

/** Body of `POST /v1/orders/{order}/cancel`. */
export interface CancelInput {
  /** All of them if not given. */
  readonly tickets?: readonly string[];
  /** Where the places go; `available` if not given. */
  readonly to?: 'available' | 'blocked';
  readonly reason?: string;
}

/** Body of `block` and `unblock`: at most 2,000 places. */
export interface BlockInput {
  readonly items: readonly (
    { readonly seat: string } | { readonly section: string; readonly quantity: number }
  )[];
  readonly reason?: string;
}
