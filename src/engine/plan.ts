/**
 * The places that a command takes or gives back, gathered before anything is touched: items as they will stand in
 * the claim, and how many places of each section they are. One plan a worker, reused; no allocation per command.
 */
import { assert } from '../core/assert.ts';
import { PLACES_PER_CLAIM_MAX } from '../core/limits.ts';
import { moveOf } from './apply.ts';
import { SECTION_FACT_WORDS } from './facts.ts';
import { sectionBase, type EventView } from '../memory/event.ts';
import { ITEM, ITEM_WORDS, SECTION } from '../memory/layout.ts';

export class PlacePlan {
  readonly items = new Int32Array(PLACES_PER_CLAIM_MAX * ITEM_WORDS);
  itemCount = 0;
  placeCount = 0;
  /** Twice as many as a claim has places: a change may give up all, and take as many elsewhere. */
  readonly sections = new Int32Array(PLACES_PER_CLAIM_MAX * 2);
  readonly quantities = new Int32Array(PLACES_PER_CLAIM_MAX * 2);
  sectionCount = 0;
  /** Seats that the command gives up: as good as available to it. */
  readonly givenUp: number[] = [];

  clear(): void {
    this.itemCount = 0;
    this.placeCount = 0;
    this.sectionCount = 0;
    this.givenUp.length = 0;
  }

  /** Adds a seat (quantity 1) or places of a general section (seat -1). */
  add(seat: number, section: number, quantity: number, price: number, type: number): void {
    this.keep(seat, section, quantity, price, type);
    this.#countIn(section, quantity);
  }

  /** Adds an item of places that the claim has already. */
  keep(seat: number, section: number, quantity: number, price: number, type: number): void {
    assert(this.placeCount + quantity <= PLACES_PER_CLAIM_MAX, 'a plan holds a claim at most');
    const at = this.itemCount * ITEM_WORDS;
    this.items[at + ITEM.seat] = seat;
    this.items[at + ITEM.section] = section | (quantity << 16);
    this.items[at + ITEM.price] = price;
    this.items[at + ITEM.type] = type;
    this.itemCount++;
    this.placeCount += quantity;
  }

  /** Takes a seat (quantity 1), or places of a general section (seat -1), off the section's count: what a change gives up. */
  giveUp(seat: number, section: number, quantity: number): void {
    if (seat >= 0) this.givenUp.push(seat);
    this.#countIn(section, -quantity);
  }

  /** Counts places of a section without an item: for what changes hands as it is. */
  count(section: number, quantity: number): void {
    this.placeCount += quantity;
    this.#countIn(section, quantity);
  }

  #countIn(section: number, quantity: number): void {
    for (let i = 0; i < this.sectionCount; i++) {
      if (this.sections[i] !== section) continue;
      this.quantities[i] += quantity;
      return;
    }
    this.sections[this.sectionCount] = section;
    this.quantities[this.sectionCount] = quantity;
    this.sectionCount++;
  }

  hasSeat(seat: number): boolean {
    for (let i = 0; i < this.itemCount; i++) {
      if (this.items[i * ITEM_WORDS + ITEM.seat] === seat) return true;
    }
    return false;
  }

  /** Whether any of so many seats from a first one on is planned or given up. */
  touches(first: number, count: number): boolean {
    for (let i = 0; i < this.itemCount; i++) {
      const seat = this.items[i * ITEM_WORDS + ITEM.seat];
      if (seat >= first && seat < first + count) return true;
    }
    for (const seat of this.givenUp) if (seat >= first && seat < first + count) return true;
    return false;
  }

  /** Places planned so far in a section. */
  planned(section: number): number {
    for (let i = 0; i < this.sectionCount; i++) {
      if (this.sections[i] === section) return this.quantities[i];
    }
    return 0;
  }

  /** What all items cost together, minor units. */
  total(): number {
    let total = 0;
    for (let i = 0; i < this.itemCount; i++) {
      const price = this.items[i * ITEM_WORDS + ITEM.price] >>> 0;
      if (price > 0) total += (price - 1) * (this.items[i * ITEM_WORDS + ITEM.section] >>> 16);
    }
    return total;
  }

  /** Writes the section rows of a frame: the counts as they will be. Returns the words written. */
  writeSections(view: EventView, at: number, kind: number): number {
    const move = moveOf(kind);
    const { words } = view;
    for (let i = 0; i < this.sectionCount; i++) {
      const base = sectionBase(view, this.sections[i]);
      const quantity = this.quantities[i];
      const fact = at + i * SECTION_FACT_WORDS;
      words[fact] = this.sections[i] | (quantity << 16);
      words[fact + 1] = words[base + SECTION.available] + move.available * quantity;
      words[fact + 2] = words[base + SECTION.held] + move.held * quantity;
      words[fact + 3] = words[base + SECTION.sold] + move.sold * quantity;
    }
    return this.sectionCount * SECTION_FACT_WORDS;
  }
}
