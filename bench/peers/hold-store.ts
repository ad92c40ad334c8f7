/** What every peer sells and how it is asked: a hold of n places of a section, with an id and a deadline. */

export interface Hold {
  readonly id: string;
  readonly event: string;
  readonly customer: string;
  readonly section: string;
  readonly quantity: number;
  /** RFC 3339. */
  readonly createdAt: string;
  readonly expiresAt: string;
}

/** `earlier`: this key made that hold before; nothing was changed. */
export type HoldOutcome =
  | { readonly kind: 'made' }
  | { readonly kind: 'earlier'; readonly hold: Hold }
  | { readonly kind: 'not-enough' };

/** As the store counts them, from two sides. */
export interface Counts {
  readonly capacity: number;
  readonly available: number;
  readonly holds: number;
  /** Of all holds added up. */
  readonly places: number;
}

export interface StoreSettings {
  /** Whether by these settings an acknowledged hold outlives a power cut. */
  readonly durable: boolean;
  /** As the store says them itself. */
  readonly text: string;
}

/** Told when a connection to the store breaks. */
export type StoreLost = (cause: unknown) => void;

export interface HoldStore {
  /** Takes places and keeps hold and key, all or nothing. */
  take(hold: Hold, key: string): Promise<HoldOutcome>;
  define(event: string, section: string, capacity: number): Promise<void>;
  counts(event: string): Promise<Counts>;
  /** Forgets everything, and finishes what it would else do while others are measured. */
  clear(): Promise<void>;
  /** Connections to the store. */
  resize(connections: number): Promise<void>;
  settings(): Promise<StoreSettings>;
  close(): Promise<void>;
}
