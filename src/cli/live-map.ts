/** A seat map that live updates are applied to. Pure. */
import { listSeats } from '../client/index.ts';
import type { Availability, SeatChanges, SeatLetter } from '../client/index.ts';
import type { SeatMapInput } from './seat-map-model.ts';
import { sumCounts } from './seat-map-model.ts';

/** The letters of a row, and which of them a seat's is. */
interface Place {
  readonly letters: SeatLetter[];
  readonly index: number;
}

export class LiveMap {
  readonly #input: SeatMapInput;
  readonly #rows = new Map<string, SeatLetter[]>();
  readonly #places = new Map<string, Place>();
  #availability: Availability;

  constructor(input: SeatMapInput) {
    this.#input = input;
    this.#availability = input.availability;
    const drawn = new Map(input.seats.sections.map((section) => [section.id, section.rows]));
    for (const section of input.definition.sections) {
      const rows = new Map((drawn.get(section.id) ?? []).map((row) => [row.id, row.seats]));
      if (section.kind !== 'seated') continue;
      for (const row of section.rows) {
        const letters = (rows.get(row.id) ?? '').split('') as SeatLetter[];
        const name = `${section.id}-${row.id}`;
        this.#rows.set(name, letters);
        listSeats(row.seats).forEach((seat, index) => {
          if (index < letters.length) this.#places.set(`${name}-${seat.number}`, { letters, index });
        });
      }
    }
  }

  get sequence(): number {
    return this.#availability.sequence;
  }

  /** False when the update knows sections that this map does not: the definition has changed. */
  apply(update: SeatChanges): boolean {
    // Coalesced updates may overlap with what was read; states are absolute, so only an old one must not win.
    if (update.sequence <= this.sequence) return true;
    const sections = this.#availability.sections.map((section) => {
      const counts = update.sections.find((candidate) => candidate.id === section.id);
      if (counts === undefined) return section;
      const capacity = counts.available + counts.held + counts.sold + counts.blocked;
      return { ...counts, capacity };
    });
    if (update.sections.some(({ id }) => !sections.some((section) => section.id === id))) return false;
    for (const [seat, letter] of Object.entries(update.seats)) {
      const place = this.#places.get(seat);
      if (place !== undefined) place.letters[place.index] = letter;
    }
    const { event } = this.#availability;
    this.#availability = { event, sequence: update.sequence, ...sumCounts(sections), sections };
    return true;
  }

  /** What the seat map draws now. */
  input(): SeatMapInput {
    const { definition, seats } = this.#input;
    const sections = seats.sections.map((section) => ({
      id: section.id,
      rows: section.rows.map((row) => ({
        id: row.id,
        seats: (this.#rows.get(`${section.id}-${row.id}`) ?? []).join(''),
      })),
    }));
    return {
      definition,
      seats: { event: seats.event, sequence: this.sequence, sections },
      availability: this.#availability,
    };
  }
}
