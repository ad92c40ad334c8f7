/**
 * Applies the frames that are about an event itself: create, patch, archive, and define of the first journal format.
 * Each may be done again after a death; what says that a part is whole comes last in it.
 */
import { FrontrowError } from '../core/assert.ts';
import { FRAME_KIND, headerKind, WORD_HEADER, WORD_SEQUENCE, WORD_TIME, wide } from '../core/frame.ts';
import { eventBase, storeWide, type Arena } from '../memory/arena.ts';
import { viewAt, viewEvent, type EventView } from '../memory/event.ts';
import { placeKey, writeKey } from '../memory/keys.ts';
import {
  customersFor,
  EVENT,
  EVENT_STATE,
  extentGeometry,
  KEY,
  PAGE_WORDS,
  type EventShape,
  type TableSizes,
} from '../memory/layout.ts';
import {
  eventState,
  findFreePages,
  freePages,
  insertEvent,
  REGISTRY_SLOT,
  takePages,
  writeEventId,
} from '../memory/registry.ts';
import { zeroWords } from '../memory/zero.ts';
import { applyShare, applyTrailers } from './apply.ts';
import { buildTables, resizeSections } from './build-tables.ts';
import { parseDefinition, parseStored } from './definition.ts';
import { ARCHIVE, CREATE, DEFINE, hasKey, keyOffset, PATCH } from './facts.ts';
import { copyTables } from './move-event.ts';

function definitionAt(words: Int32Array, at: number, bytes: number): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset + at * 4, bytes).slice();
}

/** Where a frame puts its event. A frame of the first format says so itself, but its tables were smaller then. */
interface Place {
  readonly shape: EventShape;
  readonly sizes: TableSizes;
  readonly firstPage: number;
  readonly pageCount: number;
  readonly json: Uint8Array;
}

function placeOf(arena: Arena, words: Int32Array, frame: number): Place {
  const isFirstFormat = headerKind(words[frame + WORD_HEADER]) === FRAME_KIND.define;
  const shape = {
    sectionCount: words[frame + CREATE.sectionCount],
    rowCount: words[frame + CREATE.rowCount],
    seatCount: words[frame + CREATE.seatCount],
    placeCount: words[frame + CREATE.placeCount],
  };
  const cellCount = words[frame + CREATE.cellCount];
  const keyCapacity = words[frame + CREATE.keyCapacity];
  const definitionBytes = words[frame + CREATE.definitionBytes];
  if (!isFirstFormat) {
    const customerCapacity = words[frame + CREATE.customerCapacity];
    const sizes = {
      cellCount,
      keyCapacity,
      customerCapacity,
      definitionRoom: words[frame + CREATE.definitionRoom],
    };
    const json = definitionAt(words, frame + CREATE.definition, definitionBytes);
    return {
      shape,
      sizes,
      firstPage: words[frame + CREATE.firstPage],
      pageCount: words[frame + CREATE.pageCount],
      json,
    };
  }
  const sizes = firstFormatSizes(cellCount, keyCapacity, definitionBytes);
  const { pageCount } = extentGeometry(shape, sizes);
  const json = definitionAt(words, frame + DEFINE.definition, definitionBytes);
  return { shape, sizes, firstPage: findFreePages(arena, pageCount), pageCount, json };
}

/** What an event of the first format gets. The same whenever it is replayed. */
export function firstFormatSizes(
  cellCount: number,
  keyCapacity: number,
  definitionBytes: number,
): TableSizes {
  const definitionRoom = (definitionBytes + 3) & ~3;
  return { cellCount, keyCapacity, customerCapacity: customersFor(cellCount), definitionRoom };
}

/**
 * Builds an event's slot and tables from its create frame, whose end is at position `end`. May be done again: once the
 * slot shows its state the tables are whole, and may have been sold from since; then they are left as they are.
 * @throws FrontrowError `arena-too-large` when a recovered event does not fit the limits of this start
 */
export function applyCreate(arena: Arena, words: Int32Array, frame: number, end: number): void {
  const slot = words[frame + 1] & 0xffff;
  const isBuilt = slot <= arena.limits.eventsMax && eventState(arena, slot) !== EVENT_STATE.free;
  if (!isBuilt) {
    const place = placeOf(arena, words, frame);
    checkFits(arena, slot, place.firstPage, place.pageCount);
    takePages(arena, place.firstPage, place.pageCount);
    buildEvent(arena, words, frame, end, place);
  }
  const registry = viewEvent(arena, REGISTRY_SLOT);
  applyShare(registry, words, frame);
  if (hasKey(words, frame)) {
    const key = frame + keyOffset(words, frame);
    writeKey(registry, words[key], words, key + 1);
  }
  storeWide(arena.words, registry.base + EVENT.lastTimeLow, wide(words, frame + WORD_TIME));
  // Publishes the event; pairs with the load in findEvent().
  insertEvent(arena, slot);
}

function checkFits(arena: Arena, slot: number, firstPage: number, pageCount: number): void {
  const fits =
    slot <= arena.limits.eventsMax && firstPage >= 0 && firstPage + pageCount <= arena.geometry.heapPages;
  if (fits) return;
  throw new FrontrowError(
    'arena-too-large',
    `event slot ${slot} with ${pageCount} pages from ${firstPage} lies outside this arena; start with at least the ` +
      `--arena-mib and --events-max that the directory was written with`,
  );
}

/** Fills slot and tables; the state, which says that they are whole, comes last. */
function buildEvent(arena: Arena, words: Int32Array, frame: number, end: number, place: Place): void {
  const target = arena.words;
  const slot = words[frame + 1] & 0xffff;
  const base = eventBase(arena, slot);
  const definition = parseDefinition(place.json);
  const timeMs = wide(words, frame + WORD_TIME);
  zeroPages(arena, place.firstPage, place.pageCount);
  target[base + EVENT.generation] = words[frame + 1] >>> 16;
  storeWide(target, base + EVENT.createdLow, timeMs);
  storeWide(target, base + EVENT.lastTimeLow, timeMs);
  writePlace(arena, slot, place);
  target[base + EVENT.version] = 1;
  target[base + EVENT.definitionBytes] = place.json.length;
  target[base + EVENT.cellCursor] = 0;
  target[base + EVENT.retiredCount] = 0;
  writeEventId(arena, slot, definition.id);
  storeWide(target, base + EVENT.sequenceLow, wide(words, frame + WORD_SEQUENCE));
  storeWide(target, base + EVENT.positionLow, end);
  const view = viewEvent(arena, slot);
  buildTables(view, definition, 0, 0, words, frame);
  arena.bytes.set(place.json, view.definition * 4);
  // Publishes the slot; pairs with the loads in eventState().
  Atomics.store(target, base + EVENT.state, words[frame + CREATE.state]);
}

function zeroPages(arena: Arena, first: number, count: number): void {
  const start = arena.geometry.heap + first * PAGE_WORDS;
  zeroWords(arena.words, start, start + count * PAGE_WORDS);
}

function writePlace(arena: Arena, slot: number, place: Omit<Place, 'json'>): void {
  const { words } = arena;
  const base = eventBase(arena, slot);
  const { shape, sizes } = place;
  words[base + EVENT.sectionCount] = shape.sectionCount;
  words[base + EVENT.rowCount] = shape.rowCount;
  words[base + EVENT.seatCount] = shape.seatCount;
  words[base + EVENT.placeCount] = shape.placeCount;
  words[base + EVENT.cellCount] = sizes.cellCount;
  words[base + EVENT.keyCapacity] = sizes.keyCapacity;
  words[base + EVENT.customerCapacity] = sizes.customerCapacity;
  words[base + EVENT.definitionRoom] = sizes.definitionRoom;
  words[base + EVENT.pageCount] = place.pageCount;
  // Readers compare it with the page of their view; pairs with the load in readConsistent().
  Atomics.store(words, base + EVENT.firstPage, place.firstPage);
}

/**
 * Changes an event's definition, state and size. Where it moves, the new extent is whole before the slot names it: the
 * version, which comes first of the slot's words, says so to a redo. Guard odd, or nobody else is there.
 */
export function applyPatch(arena: Arena, words: Int32Array, frame: number): void {
  const slot = words[frame + 1] & 0xffff;
  const base = eventBase(arena, slot);
  const version = words[frame + PATCH.version];
  const json = definitionAt(words, frame + PATCH.definition, words[frame + PATCH.definitionBytes]);
  const shape = {
    sectionCount: words[frame + PATCH.sectionCount],
    rowCount: words[frame + PATCH.rowCount],
    seatCount: words[frame + PATCH.seatCount],
    placeCount: words[frame + PATCH.placeCount],
  };
  const sizes = {
    cellCount: words[frame + PATCH.cellCount],
    keyCapacity: words[frame + PATCH.keyCapacity],
    customerCapacity: words[frame + PATCH.customerCapacity],
    definitionRoom: words[frame + PATCH.definitionRoom],
  };
  const firstPage = words[frame + PATCH.firstPage];
  const moves = words[frame + PATCH.retiredCount] > 0;
  const isCopied = arena.words[base + EVENT.version] === version;
  const { view, pageCount } = viewAt(arena, slot, shape, sizes, firstPage);
  checkFits(arena, slot, firstPage, pageCount);
  if (moves && !isCopied) {
    const old = viewEvent(arena, slot);
    takePages(arena, firstPage, pageCount);
    zeroPages(arena, firstPage, pageCount);
    copyTables(old, view);
    buildTables(view, parseDefinition(json), old.sectionCount, old.seatCount, words, frame);
  }
  Atomics.store(arena.words, base + EVENT.version, version);
  if (moves) retire(arena, base, words, frame, PATCH.retiredPage);
  // Seats are not written out for this: of a large hall that takes long, and readers wait.
  resizeSections(view, parseStored(json));
  arena.bytes.set(json, view.definition * 4);
  arena.words[base + EVENT.definitionBytes] = json.length;
  writePlace(arena, slot, { shape, sizes, firstPage, pageCount });
  Atomics.store(arena.words, base + EVENT.state, words[frame + PATCH.state]);
  applyTrailers(view, words, frame, moves ? placeOfKey(view, words, frame) : undefined);
}

/** The event leaves an extent that readers may still look at: page, count and what its sequence was then. */
function retire(arena: Arena, base: number, words: Int32Array, frame: number, fact: number): void {
  storeWide(arena.words, base + EVENT.retiredSequenceLow, wide(words, frame + WORD_SEQUENCE) - 1);
  Atomics.store(arena.words, base + EVENT.retiredPage, words[frame + fact]);
  Atomics.store(arena.words, base + EVENT.retiredCount, words[frame + fact + 1]);
}

/** Where the event has moved, its key goes elsewhere than the command thought. */
function placeOfKey(view: EventView, words: Int32Array, frame: number): number {
  if (!hasKey(words, frame)) return -1;
  const at = frame + keyOffset(words, frame) + 1;
  const [hash0, hash1, hash2] = [words[at + KEY.hash0], words[at + KEY.hash1], words[at + KEY.hash2]];
  return placeKey(
    view,
    { hash0, hash1, hash2, body0: 0, body1: 0, share: 0 },
    wide(words, frame + WORD_TIME),
  );
}

/** An event gives up all but its slot. Guard odd, or nobody else is there. Idempotent. */
export function applyArchive(arena: Arena, words: Int32Array, frame: number): void {
  const base = eventBase(arena, words[frame + 1] & 0xffff);
  const target = arena.words;
  const summaryBytes = words[frame + ARCHIVE.summaryBytes];
  const summary = definitionAt(words, frame + ARCHIVE.summary, summaryBytes);
  arena.bytes.set(summary, (base + EVENT.summary) * 4);
  target[base + EVENT.summaryBytes] = summaryBytes;
  for (let i = 0; i < 5; i++) target[base + EVENT.archiveKey + i] = 0;
  if (hasKey(words, frame)) {
    const key = frame + keyOffset(words, frame) + 1;
    for (let i = 0; i < 5; i++) target[base + EVENT.archiveKey + i] = words[key + i]!;
  }
  Atomics.store(target, base + EVENT.version, words[frame + ARCHIVE.version]);
  retire(arena, base, words, frame, ARCHIVE.retiredPage);
  Atomics.store(target, base + EVENT.state, EVENT_STATE.archived);
  Atomics.store(target, base + EVENT.firstPage, 0);
  target[base + EVENT.pageCount] = 0;
  storeWide(target, base + EVENT.lastTimeLow, wide(words, frame + WORD_TIME));
}

/** Frees what an event has left behind: nobody looks at it any more. Registry's mutex, or nobody else is there. */
export function reclaimRetired(arena: Arena, slot: number): void {
  const base = eventBase(arena, slot);
  const count = arena.words[base + EVENT.retiredCount];
  if (count === 0) return;
  freePages(arena, arena.words[base + EVENT.retiredPage], count);
  Atomics.store(arena.words, base + EVENT.retiredCount, 0);
  Atomics.store(arena.words, base + EVENT.retiredPage, 0);
}
