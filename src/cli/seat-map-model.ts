/**
 * Joins an event's definition with the states of its seats into what the seat map draws. Pure.
 */
import { expandSeats } from '../client/index.ts';
import type {
  Availability,
  EventDefinition,
  PlaceCounts,
  RowDefinition,
  SeatLetter,
  SeatsReply,
} from '../client/index.ts';
import { priceText } from './prices.ts';

/** What a seat map is made of. `seats` may cover only some sections; those without letters are left out. */
export interface SeatMapInput {
  readonly definition: EventDefinition;
  readonly seats: SeatsReply;
  readonly availability: Availability;
}

export interface MapSeat {
  readonly number: string;
  readonly state: SeatLetter;
  readonly features: readonly string[];
}

export interface MapRow {
  readonly id: string;
  /** The seats between aisles, in physical order. Two aisles side by side leave an empty block. */
  readonly blocks: readonly (readonly MapSeat[])[];
  readonly counts: PlaceCounts;
}

export interface MapSection {
  readonly id: string;
  readonly name: string;
  /** As people read it. */
  readonly price: string;
  readonly counts: PlaceCounts;
  /** null: a general section, which is a count and has no seats to draw. */
  readonly rows: readonly MapRow[] | null;
}

export const WHEELCHAIR = 'wheelchair';

/** Throws an Error when letters and definition disagree: they are of different events, or of a newer version. */
export function buildSections(input: SeatMapInput): MapSection[] {
  const letters = new Map(input.seats.sections.map((section) => [section.id, section.rows]));
  const counts = new Map(input.availability.sections.map((section) => [section.id, section]));
  const sections: MapSection[] = [];
  for (const section of input.definition.sections) {
    const { id, name } = section;
    const price = priceText(section, input.definition);
    if (section.kind === 'general') {
      const places = counts.get(id);
      if (places !== undefined) sections.push({ id, name, price, counts: places, rows: null });
      continue;
    }
    const sectionLetters = letters.get(id);
    if (sectionLetters === undefined) continue;
    const byRow = new Map(sectionLetters.map((row) => [row.id, row.seats]));
    const rows = section.rows.map((row) => buildRow(id, row, byRow.get(row.id) ?? ''));
    sections.push({ id, name, price, counts: sumCounts(rows.map((row) => row.counts)), rows });
  }
  return sections;
}

function buildRow(section: string, row: RowDefinition, letters: string): MapRow {
  const blocks: MapSeat[][] = [[]];
  let index = 0;
  for (const seat of expandSeats(row.seats)) {
    if (seat === null) {
      blocks.push([]);
      continue;
    }
    const state = letters[index++] as SeatLetter | undefined;
    if (state === undefined) throw new Error(`row ${section}-${row.id} has more seats than states`);
    blocks.at(-1)!.push({ ...seat, state });
  }
  if (index !== letters.length) throw new Error(`row ${section}-${row.id} has more states than seats`);
  return { id: row.id, blocks, counts: countLetters(letters) };
}

function countLetters(letters: string): PlaceCounts {
  const counts = { capacity: letters.length, available: 0, held: 0, sold: 0, blocked: 0 };
  for (const letter of letters) {
    if (letter === 'a') counts.available++;
    else if (letter === 'h') counts.held++;
    else if (letter === 's') counts.sold++;
    else counts.blocked++;
  }
  return counts;
}

export function sumCounts(all: readonly PlaceCounts[]): PlaceCounts {
  const sum = { capacity: 0, available: 0, held: 0, sold: 0, blocked: 0 };
  for (const counts of all) {
    sum.capacity += counts.capacity;
    sum.available += counts.available;
    sum.held += counts.held;
    sum.sold += counts.sold;
    sum.blocked += counts.blocked;
  }
  return sum;
}
