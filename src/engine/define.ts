/**
 * define event: a command of the registry. Reserve slot and pages → fill → publish the frame → directory entry.
 *
 * The frame is the new event's first, sequence 1; it also carries the registry's sequence, which is dense as well.
 */
import { FrontrowError } from '../core/assert.ts';
import { FRAME_KIND, packHeader, WORD_SEQUENCE, WORD_TIME, wide, high, low } from '../core/frame.ts';
import { eventBase, loadWide, storeWide, type Arena } from '../memory/arena.ts';
import { rowBase, seatBase, sectionBase, viewEvent, type EventView } from '../memory/event.ts';
import { closeGuard, loadSequence } from '../memory/guard.ts';
import type { KeyHash } from '../memory/keys.ts';
import { writeKey } from '../memory/keys.ts';
import {
  EVENT,
  EVENT_STATE,
  extentGeometry,
  newTableSizes,
  PAGE_WORDS,
  ROW,
  SEAT,
  SEAT_FLAG_AISLE,
  SEAT_FLAG_RESERVED,
  SEAT_ROW_SHIFT,
  SECTION,
} from '../memory/layout.ts';
import {
  eventState,
  findEvent,
  findFreePages,
  findFreeSlot,
  insertEvent,
  REGISTRY_SLOT,
  takePages,
  writeEventId,
} from '../memory/registry.ts';
import { endReservation, publishFrame, unitPosition } from '../memory/ring.ts';
import {
  checkKey,
  frameWords,
  openFrame,
  refuse,
  writeKeyFact,
  type BatchContext,
  type Refusal,
} from './command.ts';
import { forEachSeat, parseDefinition, shapeOf, type EventDefinition } from './definition.ts';
import { DEFINE, hasKey, keyOffset } from './facts.ts';

export interface DefineCommand {
  readonly definition: EventDefinition;
  /** The definition's JSON, as it will be kept. */
  readonly json: Uint8Array;
  readonly key: KeyHash | null;
}

export interface Defined {
  readonly ok: true;
  readonly slot: number;
  readonly replayed: boolean;
}

/** Defines an event, or refuses: event-exists, capacity-exhausted, idempotency-mismatch. */
export function define(context: BatchContext, command: DefineCommand): Defined | Refusal {
  const { arena } = context;
  const registry = viewEvent(arena, REGISTRY_SLOT);
  const check = checkKey(context, registry, command.key);
  if (check.kind === 'refused') return check.refusal;
  if (check.kind === 'known') return { ok: true, slot: check.cell, replayed: true };
  if (findEvent(arena, command.definition.id) >= 0) return refuse('event-exists');
  const shape = shapeOf(command.definition, command.json.length);
  const sizes = newTableSizes(shape.placeCount, arena.limits);
  const { pageCount } = extentGeometry(shape, sizes.cellCount, sizes.keyCapacity);
  const slot = findFreeSlot(arena);
  const firstPage = slot < 0 ? -1 : findFreePages(arena, pageCount);
  const length = frameWords(DEFINE.definition + ((command.json.length + 3) >>> 2), check);
  if (firstPage < 0 || length * 4 > frameBytesMax(arena)) return refuse('capacity-exhausted');

  const { words } = arena;
  const timeMs = Math.max(context.nowMs, loadWide(words, registry.base + EVENT.lastTimeLow));
  const generation = (words[eventBase(arena, slot) + EVENT.generation] + 1) & 0xffff || 1;
  const registrySequence = loadSequence(arena, REGISTRY_SLOT) + 1;
  const frame = openFrame(context, REGISTRY_SLOT, slot, generation, 1, timeMs, length, check);
  const { at } = frame;
  words[at + DEFINE.firstPage] = firstPage;
  words[at + DEFINE.pageCount] = pageCount;
  words[at + DEFINE.sectionCount] = shape.sectionCount;
  words[at + DEFINE.rowCount] = shape.rowCount;
  words[at + DEFINE.seatCount] = shape.seatCount;
  words[at + DEFINE.placeCount] = shape.placeCount;
  words[at + DEFINE.cellCount] = sizes.cellCount;
  words[at + DEFINE.keyCapacity] = sizes.keyCapacity;
  words[at + DEFINE.state] = EVENT_STATE[command.definition.state];
  words[at + DEFINE.definitionBytes] = command.json.length;
  words[at + DEFINE.registrySequence] = low(registrySequence);
  words[at + DEFINE.registrySequence + 1] = high(registrySequence);
  arena.bytes.set(command.json, (at + DEFINE.definition) * 4);
  writeKeyFact(registry, frame, check, slot, generation, timeMs);
  publishFrame(arena, frame.unit, packHeader(FRAME_KIND.define, length));
  const end = unitPosition(frame.unit, context.nearPosition) + length * 4;
  applyDefine(arena, words, at, end);
  closeGuard(arena, REGISTRY_SLOT, registrySequence, end);
  endReservation(arena, context.thread);
  return { ok: true, slot, replayed: false };
}

/** A frame takes at most a quarter of the ring, and of a segment. Source: DESIGN.md §4, Caps. */
function frameBytesMax(arena: Arena): number {
  return Math.min(arena.geometry.ringUnits * 2, Math.floor(arena.limits.segmentBytes / 4));
}

/** The definition that a define frame carries. */
function frameDefinition(words: Int32Array, frame: number): EventDefinition {
  const bytes = new Uint8Array(words.buffer, words.byteOffset + (frame + DEFINE.definition) * 4);
  return parseDefinition(bytes.slice(0, words[frame + DEFINE.definitionBytes]));
}

/**
 * Builds an event's slot and tables from its define frame, whose end is at position `end`. May be done again: once the
 * slot shows its state the tables are whole, and may have been sold from since; then they are left as they are.
 * @throws FrontrowError `arena-too-large` when a recovered event does not fit the limits of this start
 */
export function applyDefine(arena: Arena, words: Int32Array, frame: number, end: number): void {
  const slot = words[frame + 1] & 0xffff;
  const firstPage = words[frame + DEFINE.firstPage];
  const pageCount = words[frame + DEFINE.pageCount];
  if (slot > arena.limits.eventsMax || firstPage + pageCount > arena.geometry.heapPages) {
    throw new FrontrowError(
      'arena-too-large',
      `event slot ${slot} with pages ${firstPage} to ${firstPage + pageCount} lies outside this arena; start with ` +
        `at least the --arena-mib and --events-max that the directory was written with`,
    );
  }
  takePages(arena, firstPage, pageCount);
  if (eventState(arena, slot) === EVENT_STATE.free) buildEvent(arena, words, frame, end);
  const registry = eventBase(arena, REGISTRY_SLOT);
  if (hasKey(words, frame)) {
    const key = frame + keyOffset(words, frame);
    writeKey(viewEvent(arena, REGISTRY_SLOT), words[key], words, key + 1);
  }
  storeWide(arena.words, registry + EVENT.lastTimeLow, wide(words, frame + WORD_TIME));
  // Publishes the event; pairs with the load in findEvent().
  insertEvent(arena, slot);
}

/** Fills slot and tables; the state, which says that they are whole, comes last. */
function buildEvent(arena: Arena, words: Int32Array, frame: number, end: number): void {
  const target = arena.words;
  const slot = words[frame + 1] & 0xffff;
  const firstPage = words[frame + DEFINE.firstPage];
  const pageCount = words[frame + DEFINE.pageCount];
  const base = eventBase(arena, slot);
  const extent = arena.geometry.heap + firstPage * PAGE_WORDS;
  target.fill(0, extent, extent + pageCount * PAGE_WORDS);
  const definition = frameDefinition(words, frame);
  target[base + EVENT.generation] = words[frame + 1] >>> 16;
  target[base + EVENT.firstPage] = firstPage;
  target[base + EVENT.pageCount] = pageCount;
  const timeMs = wide(words, frame + WORD_TIME);
  storeWide(target, base + EVENT.createdLow, timeMs);
  storeWide(target, base + EVENT.lastTimeLow, timeMs);
  target[base + EVENT.version] = 1;
  target[base + EVENT.sectionCount] = words[frame + DEFINE.sectionCount]!;
  target[base + EVENT.rowCount] = words[frame + DEFINE.rowCount]!;
  target[base + EVENT.seatCount] = words[frame + DEFINE.seatCount]!;
  target[base + EVENT.cellCount] = words[frame + DEFINE.cellCount]!;
  target[base + EVENT.keyCapacity] = words[frame + DEFINE.keyCapacity]!;
  target[base + EVENT.definitionBytes] = words[frame + DEFINE.definitionBytes]!;
  target[base + EVENT.placeCount] = words[frame + DEFINE.placeCount]!;
  target[base + EVENT.cellCursor] = 0;
  writeEventId(arena, slot, definition.id);
  storeWide(target, base + EVENT.sequenceLow, wide(words, frame + WORD_SEQUENCE));
  storeWide(target, base + EVENT.positionLow, end);
  fillTables(viewEvent(arena, slot), definition, words, frame);
  // Publishes the slot; pairs with the loads in eventState().
  Atomics.store(target, base + EVENT.state, words[frame + DEFINE.state]);
}

function fillTables(view: EventView, definition: EventDefinition, words: Int32Array, frame: number): void {
  const target = view.words;
  let row = 0;
  let seat = 0;
  definition.sections.forEach((section, index) => {
    const base = sectionBase(view, index);
    target[base + SECTION.capacity] = section.capacity;
    target[base + SECTION.available] = section.capacity;
    target[base + SECTION.price] = section.price === null ? 0 : section.price + 1;
    if (section.kind === 'general') return;
    target[base + SECTION.firstRow] = row;
    target[base + SECTION.rowCount] = section.rows.length;
    target[base + SECTION.firstSeat] = seat;
    target[base + SECTION.seatCount] = section.capacity;
    for (const { seats } of section.rows) {
      const count = seats.filter((entry) => entry !== null).length;
      target[rowBase(view, row) + ROW.firstSeat] = seat;
      target[rowBase(view, row) + ROW.seatCount] = count;
      target[rowBase(view, row) + ROW.section] = index;
      row++;
      seat += count;
    }
  });
  forEachSeat(definition, (seatRow, _section, index, aisleBefore, reserved) => {
    const fixed = (aisleBefore ? SEAT_FLAG_AISLE : 0) | (reserved ? SEAT_FLAG_RESERVED : 0);
    const base = seatBase(view, index);
    target[base + SEAT.state] = (seatRow << SEAT_ROW_SHIFT) | fixed;
    target[base + SEAT.sequenceLow] = words[frame + WORD_SEQUENCE]!;
    target[base + SEAT.sequenceHigh] = words[frame + WORD_SEQUENCE + 1]!;
    if (!reserved) target[rowBase(view, seatRow) + ROW.open] += 1;
  });
  const bytes = new Uint8Array(words.buffer, words.byteOffset + (frame + DEFINE.definition) * 4);
  view.arena.bytes.set(bytes.subarray(0, view.definitionBytes), view.definition * 4);
}
