/** The hall that crash tests sell from, the claims that they make, and what a scenario of theirs is. */
import { findClaim, type BatchContext } from '../../src/engine/command.ts';
import { take, type TakeCommand, type WantedItem } from '../../src/engine/hold.ts';
import { release } from '../../src/engine/settle.ts';
import type { EventView } from '../../src/memory/event.ts';
import { eventOf, noteOf, PLAIN_TAKE, refOf, START_MS, wantPlaces, type EngineRig } from './rig.ts';

export const HALL = eventOf('hall', [
  { id: 'floor', name: 'Floor', kind: 'general', capacity: 40, price: 1500 },
  {
    id: 'stalls',
    name: 'Stalls',
    kind: 'seated',
    capacity: 18,
    price: null,
    rows: [
      { id: 'A', seats: ['1..4', null, '5..8'] },
      { id: 'B', seats: ['1..3', { id: '4', features: ['wheelchair'] }, '5..6'] },
      { id: 'C', seats: ['1..4'] },
    ],
  },
]);
export const wordsOf = (...values: number[]): Uint32Array => Uint32Array.from(values);
export const R1 = wordsOf(11, 12, 13);
export const R2 = wordsOf(21, 22, 23);
export const R3 = wordsOf(31, 32, 0xffff_ffff);
export const text = (value: string): Uint8Array => Buffer.from(value);
/** Seats 0 to 17 are those of the stalls. */
export const seats = (...indices: number[]): WantedItem[] =>
  indices.map((seat) => ({ kind: 'seat', seat, section: 1, type: 0, priceWord: 0 }));
export const floor = (quantity: number): WantedItem => wantPlaces(0, quantity, false, 1500);
export const stalls = (quantity: number, adjacent: boolean): WantedItem => wantPlaces(1, quantity, adjacent);

export function taking(
  kind: 'hold' | 'order',
  random: Uint32Array,
  items: WantedItem[],
  rest?: Partial<TakeCommand>,
): TakeCommand {
  return { kind, items, ...PLAIN_TAKE, random, ...rest };
}

export function mustTake(rig: EngineRig, view: EventView, command: TakeCommand): number {
  const outcome = rig.run(view, (context) => take(context, view, command));
  if (!outcome.ok) throw new Error(`the test's claim is refused: ${outcome.code}`);
  return outcome.cell;
}

export const TO_SALE = { toBlocked: false, reason: new Uint8Array() } as const;

export interface Scenario {
  readonly name: string;
  /** Slot whose mutex the command takes; 'none' where it takes and releases mutexes itself. */
  readonly slot?: number | 'none';
  /** The event leaves its memory: who has a view of that reads it as it was. */
  readonly leaves?: boolean;
  /** Where the ring begins, bytes. */
  readonly position?: number;
  /** Runs before the command that is stopped. */
  setup?(rig: EngineRig, view: EventView): void;
  command(context: BatchContext, view: EventView): unknown;
  /** Claims that must be found when the command has happened. */
  readonly found?: readonly Uint32Array[];
  readonly frames?: number;
}

/** Room in the claim table was used before, by longer records, so a new claim lies over parts of old ones. */
export function wearOut(rig: EngineRig, view: EventView): void {
  const rounds = Math.ceil(view.cellCount / 9) + 5;
  for (let i = 0; i < rounds; i++) {
    const random = wordsOf(1000 + i, i, i);
    const command = taking('hold', random, seats(0, 1, 2, 3, 4, 5, 6, 7), {
      customer: text('\u0007'.repeat(64)),
    });
    const cell = mustTake(rig, view, command);
    const ref = refOf(view, cell, random);
    rig.run(view, (context) => release(context, view, { ref, receivedAtMs: START_MS, key: null }));
    rig.journal.drain();
  }
}

export function cellOf(view: EventView, random: Uint32Array): number {
  for (let cell = 0; cell < view.cellCount; cell++)
    if (findClaim(view, refOf(view, cell, random)) >= 0) return cell;
  return -1;
}

export const claimOf = (view: EventView, random: Uint32Array) => refOf(view, cellOf(view, random), random);
export const holdR1 = (rig: EngineRig, view: EventView, rest?: Partial<TakeCommand>): void => {
  mustTake(rig, view, taking('hold', R1, [...seats(1, 2), floor(3)], rest));
};
export const orderR1 = (rig: EngineRig, view: EventView): void => {
  mustTake(rig, view, taking('order', R1, [...seats(1, 2), floor(3)], { note: noteOf('before') }));
};
