/**
 * Fills the tables of sections, rows and seats from a definition. For a new event all of them, for a grown one those
 * behind the ones it had: what is there already is never numbered anew.
 */
import { rowBase, seatBase, sectionBase, type EventView } from '../memory/event.ts';
import { ROW, SEAT, SEAT_FLAG_AISLE, SEAT_FLAG_RESERVED, SEAT_ROW_SHIFT, SECTION } from '../memory/layout.ts';
import { WORD_SEQUENCE } from '../core/frame.ts';
import { forEachSeat, type EventDefinition } from './definition.ts';

/** Sections from `firstSection` on; seats from `firstSeat` on carry the frame's sequence. Memory there is zero. */
export function buildTables(
  view: EventView,
  definition: EventDefinition,
  firstSection: number,
  firstSeat: number,
  words: Int32Array,
  frame: number,
): void {
  const target = view.words;
  let row = 0;
  let seat = 0;
  definition.sections.forEach((section, index) => {
    const isNew = index >= firstSection;
    const base = sectionBase(view, index);
    if (isNew) {
      target[base + SECTION.capacity] = section.capacity;
      target[base + SECTION.available] = section.capacity;
    }
    if (section.kind === 'general') return;
    if (isNew) {
      target[base + SECTION.firstRow] = row;
      target[base + SECTION.rowCount] = section.rows.length;
      target[base + SECTION.firstSeat] = seat;
      target[base + SECTION.seatCount] = section.capacity;
    }
    for (const { seats } of section.rows) {
      const count = seats.filter((entry) => entry !== null).length;
      if (isNew) {
        target[rowBase(view, row) + ROW.firstSeat] = seat;
        target[rowBase(view, row) + ROW.seatCount] = count;
        target[rowBase(view, row) + ROW.section] = index;
      }
      row++;
      seat += count;
    }
  });
  forEachSeat(definition, (seatRow, _section, index, aisleBefore, reserved) => {
    if (index < firstSeat) return;
    const fixed = (aisleBefore ? SEAT_FLAG_AISLE : 0) | (reserved ? SEAT_FLAG_RESERVED : 0);
    const base = seatBase(view, index);
    target[base + SEAT.state] = (seatRow << SEAT_ROW_SHIFT) | fixed;
    target[base + SEAT.sequenceLow] = words[frame + WORD_SEQUENCE]!;
    target[base + SEAT.sequenceHigh] = words[frame + WORD_SEQUENCE + 1]!;
    if (!reserved) target[rowBase(view, seatRow) + ROW.open] += 1;
  });
}

/** Sets general sections to the capacities of a definition: what is not taken becomes available. Idempotent. */
export function resizeSections(view: EventView, definition: EventDefinition): void {
  const { words } = view;
  definition.sections.forEach((section, index) => {
    if (section.kind !== 'general') return;
    const base = sectionBase(view, index);
    const taken = words[base + SECTION.held] + words[base + SECTION.sold] + words[base + SECTION.blocked];
    Atomics.store(words, base + SECTION.capacity, section.capacity);
    Atomics.store(words, base + SECTION.available, section.capacity - taken);
  });
}
