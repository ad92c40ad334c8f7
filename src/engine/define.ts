/**
 * define event: a command of the registry. Reserve slot and pages → fill → publish the frame → directory entry.
 *
 * The frame is the new event's first, sequence 1; it also carries the registry's sequence, which is dense as well.
 */
import { FRAME_KIND, packHeader, high, low } from '../core/frame.ts';
import { eventBase, loadWide, type Arena } from '../memory/arena.ts';
import { viewEvent } from '../memory/event.ts';
import { closeGuard, loadSequence } from '../memory/guard.ts';
import type { KeyHash } from '../memory/keys.ts';
import { EVENT, EVENT_STATE, extentGeometry, newTableSizes } from '../memory/layout.ts';
import { findEvent, findFreePages, findFreeSlot, REGISTRY_SLOT } from '../memory/registry.ts';
import { endReservation, publishFrame, unitPosition } from '../memory/ring.ts';
import { applyCreate } from './apply-event.ts';
import {
  checkKey,
  frameWords,
  openFrame,
  refuse,
  writeKeyFact,
  type BatchContext,
  type Refusal,
} from './command.ts';
import { shapeOf, type EventDefinition } from './definition.ts';
import { CREATE } from './facts.ts';

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
  const shape = shapeOf(command.definition);
  const sizes = newTableSizes(shape.placeCount, command.json.length, arena.limits);
  const { pageCount } = extentGeometry(shape, sizes);
  const slot = findFreeSlot(arena);
  const firstPage = slot < 0 ? -1 : findFreePages(arena, pageCount);
  const length = frameWords(CREATE.definition + ((command.json.length + 3) >>> 2), check, null);
  if (firstPage < 0 || length * 4 > frameBytesMax(arena)) return refuse('capacity-exhausted');

  const { words } = arena;
  const timeMs = Math.max(context.nowMs, loadWide(words, registry.base + EVENT.lastTimeLow));
  const generation = (words[eventBase(arena, slot) + EVENT.generation] + 1) & 0xffff || 1;
  const registrySequence = loadSequence(arena, REGISTRY_SLOT) + 1;
  const frame = openFrame(context, REGISTRY_SLOT, slot, generation, 1, timeMs, length, check);
  const { at } = frame;
  words[at + CREATE.firstPage] = firstPage;
  words[at + CREATE.pageCount] = pageCount;
  words[at + CREATE.sectionCount] = shape.sectionCount;
  words[at + CREATE.rowCount] = shape.rowCount;
  words[at + CREATE.seatCount] = shape.seatCount;
  words[at + CREATE.placeCount] = shape.placeCount;
  words[at + CREATE.cellCount] = sizes.cellCount;
  words[at + CREATE.keyCapacity] = sizes.keyCapacity;
  words[at + CREATE.state] = EVENT_STATE[command.definition.state];
  words[at + CREATE.definitionBytes] = command.json.length;
  words[at + CREATE.customerCapacity] = sizes.customerCapacity;
  words[at + CREATE.definitionRoom] = sizes.definitionRoom;
  words[at + CREATE.registrySequence] = low(registrySequence);
  words[at + CREATE.registrySequence + 1] = high(registrySequence);
  arena.bytes.set(command.json, (at + CREATE.definition) * 4);
  writeKeyFact(registry, frame, check, slot, generation, timeMs);
  publishFrame(arena, frame.unit, packHeader(FRAME_KIND.create, length));
  const end = unitPosition(frame.unit, context.nearPosition) + length * 4;
  applyCreate(arena, words, at, end);
  closeGuard(arena, REGISTRY_SLOT, registrySequence, end);
  endReservation(arena, context.thread);
  return { ok: true, slot, replayed: false };
}

/** A frame takes at most a quarter of the ring, and of a segment. Source: DESIGN.md §4, Caps. */
export function frameBytesMax(arena: Arena): number {
  return Math.min(arena.geometry.ringUnits * 2, Math.floor(arena.limits.segmentBytes / 4));
}
