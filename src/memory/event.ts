/**
 * One event's tables as word indices: what the engine works on. An EventView is made once per event, generation
 * and version on each thread and holds no state of its own.
 */
import { assert } from '../core/assert.ts';
import { eventBase, loadWide, type Arena } from './arena.ts';
import {
  CELL_WORDS,
  EVENT,
  extentGeometry,
  KEY_WORDS,
  PAGE_WORDS,
  ROW,
  ROW_SECTION_MASK,
  ROW_WORDS,
  SEAT_WORDS,
  SECTION,
  SECTION_WORDS,
  CUSTOMER_WORDS,
  SHARE_COUNT,
  SHARE_WORDS,
  type EventShape,
  type ExtentGeometry,
  type TableSizes,
} from './layout.ts';

export interface EventView {
  readonly arena: Arena;
  readonly words: Int32Array;
  readonly slot: number;
  readonly generation: number;
  readonly version: number;
  /** First word of the event's slot. */
  readonly base: number;
  readonly sectionCount: number;
  readonly rowCount: number;
  readonly seatCount: number;
  readonly cellCount: number;
  readonly keyCapacity: number;
  readonly customerCapacity: number;
  readonly definitionRoom: number;
  /** First page of the extent: another one in the slot means that the event has moved. */
  readonly firstPage: number;
  /** First words of the tables. */
  readonly sections: number;
  readonly rows: number;
  readonly seats: number;
  readonly cells: number;
  readonly live: number;
  readonly starts: number;
  readonly deadlines: number;
  readonly deadlineLevels: readonly number[];
  readonly keys: number;
  readonly shares: number;
  readonly customers: number;
  readonly definition: number;
  readonly createdAtMs: number;
}

/** The shape of the event in a slot, as its last create or patch frame set it. */
export function eventShape(arena: Arena, slot: number): EventShape {
  const base = eventBase(arena, slot);
  const { words } = arena;
  return {
    sectionCount: words[base + EVENT.sectionCount],
    rowCount: words[base + EVENT.rowCount],
    seatCount: words[base + EVENT.seatCount],
    placeCount: words[base + EVENT.placeCount],
  };
}

export function eventSizes(arena: Arena, slot: number): TableSizes {
  const base = eventBase(arena, slot);
  const { words } = arena;
  return {
    cellCount: words[base + EVENT.cellCount],
    keyCapacity: words[base + EVENT.keyCapacity],
    customerCapacity: words[base + EVENT.customerCapacity],
    definitionRoom: words[base + EVENT.definitionRoom],
  };
}

/**
 * The tables of a slot that is in use, or is being filled by its create frame. Under the mutex, or where nobody else
 * is: others take one from engine/read.ts, which sees all of a slot at one moment.
 */
export function viewEvent(arena: Arena, slot: number): EventView {
  const base = eventBase(arena, slot);
  const { words } = arena;
  const { view, pageCount } = viewAt(
    arena,
    slot,
    eventShape(arena, slot),
    eventSizes(arena, slot),
    words[base + EVENT.firstPage],
  );
  assert(pageCount === words[base + EVENT.pageCount], 'a slot and its shape agree on pages');
  return view;
}

/** The tables that an extent of this shape and size has, if it begins at a page. */
export function viewAt(
  arena: Arena,
  slot: number,
  shape: EventShape,
  sizes: TableSizes,
  firstPage: number,
): { readonly view: EventView; readonly pageCount: number } {
  const base = eventBase(arena, slot);
  const { words, geometry } = arena;
  const tables: ExtentGeometry = extentGeometry(shape, sizes);
  const extent = geometry.heap + firstPage * PAGE_WORDS;
  const view = {
    arena,
    words,
    slot,
    generation: Atomics.load(words, base + EVENT.generation),
    version: Atomics.load(words, base + EVENT.version),
    base,
    sectionCount: shape.sectionCount,
    rowCount: shape.rowCount,
    seatCount: shape.seatCount,
    cellCount: sizes.cellCount,
    keyCapacity: sizes.keyCapacity,
    customerCapacity: sizes.customerCapacity,
    definitionRoom: sizes.definitionRoom,
    firstPage,
    sections: extent + tables.sections,
    rows: extent + tables.rows,
    seats: extent + tables.seats,
    cells: extent + tables.cells,
    live: extent + tables.live,
    starts: extent + tables.starts,
    deadlines: extent + tables.deadlines,
    deadlineLevels: tables.deadlineLevels,
    keys: extent + tables.keys,
    shares: extent + tables.shares,
    customers: extent + tables.customers,
    definition: extent + tables.definition,
    createdAtMs: loadWide(words, base + EVENT.createdLow),
  };
  return { view, pageCount: tables.pageCount };
}

export function sectionBase(view: EventView, section: number): number {
  assert(section >= 0 && section < view.sectionCount, 'a section index lies within its event');
  return view.sections + section * SECTION_WORDS;
}

export function rowBase(view: EventView, row: number): number {
  return view.rows + row * ROW_WORDS;
}

export function seatBase(view: EventView, seat: number): number {
  assert(seat >= 0 && seat < view.seatCount, 'a seat index lies within its event');
  return view.seats + seat * SEAT_WORDS;
}

export function cellBase(view: EventView, cell: number): number {
  return view.cells + cell * CELL_WORDS;
}

export function keyBase(view: EventView, entry: number): number {
  return view.keys + entry * KEY_WORDS;
}

export function shareBase(view: EventView, share: number): number {
  assert(share >= 0 && share < SHARE_COUNT, 'a share is one of those there are');
  return view.shares + share * SHARE_WORDS;
}

export function customerBase(view: EventView, entry: number): number {
  return view.customers + entry * CUSTOMER_WORDS;
}

export function sectionOfRow(view: EventView, row: number): number {
  return view.words[rowBase(view, row) + ROW.section] & ROW_SECTION_MASK;
}

export function isSeated(view: EventView, section: number): boolean {
  return view.words[sectionBase(view, section) + SECTION.rowCount] > 0;
}

/** A copy of the definition's JSON bytes. */
export function definitionBytes(view: EventView): Uint8Array {
  const byte = view.definition * 4;
  return view.arena.bytes.slice(byte, byte + view.words[view.base + EVENT.definitionBytes]);
}
