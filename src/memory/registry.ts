/**
 * The registry: which events there are and where in the heap they live. Event slot 0 is its mutex and guard.
 *
 * The directory is an open-addressed table of slot numbers, so that an insertion is one word. The page bitmap
 * says which heap pages are taken; it follows from the slots and is rebuilt from them after a death.
 */
import { assert } from '../core/assert.ts';
import { eventBase, type Arena } from './arena.ts';
import { EVENT, EVENT_ID_BYTES, EVENT_STATE } from './layout.ts';

export const REGISTRY_SLOT = 0;

/** FNV-1a over the id's bytes. */
function hashId(id: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** The id of the event in a slot; '' when the slot was never used. */
export function eventId(arena: Arena, slot: number): string {
  const byte = (eventBase(arena, slot) + EVENT.id) * 4;
  const length = arena.bytes[byte];
  let id = '';
  for (let i = 1; i <= length; i++) id += String.fromCharCode(arena.bytes[byte + i]);
  return id;
}

function isId(arena: Arena, slot: number, id: string): boolean {
  const byte = (eventBase(arena, slot) + EVENT.id) * 4;
  if (arena.bytes[byte] !== id.length) return false;
  for (let i = 0; i < id.length; i++) {
    if (arena.bytes[byte + 1 + i] !== id.charCodeAt(i)) return false;
  }
  return true;
}

/** Slot of the event with this id, or -1. Any thread, without a lock: a slot's id is written before its entry. */
export function findEvent(arena: Arena, id: string): number {
  const { words, geometry } = arena;
  const mask = geometry.directorySize - 1;
  let probe = hashId(id) & mask;
  for (let steps = 0; steps < geometry.directorySize; steps++) {
    // Pairs with the store in insertEvent().
    const slot = Atomics.load(words, geometry.directory + probe);
    if (slot === 0) return -1;
    if (isId(arena, slot, id)) return slot;
    probe = (probe + 1) & mask;
  }
  return -1;
}

/** Makes an event findable. Idempotent: repair and replay may do it again. Under the registry's mutex. */
export function insertEvent(arena: Arena, slot: number): void {
  const { words, geometry } = arena;
  const mask = geometry.directorySize - 1;
  let probe = hashId(eventId(arena, slot)) & mask;
  for (let steps = 0; steps < geometry.directorySize; steps++) {
    const found = Atomics.load(words, geometry.directory + probe);
    if (found === slot) return;
    if (found === 0) {
      // Publishes the slot filled before; pairs with the load in findEvent().
      Atomics.store(words, geometry.directory + probe, slot);
      return;
    }
    probe = (probe + 1) & mask;
  }
  assert(false, 'the directory has twice as many entries as there are slots');
}

export function writeEventId(arena: Arena, slot: number, id: string): void {
  assert(id.length > 0 && id.length < EVENT_ID_BYTES, 'an event id has 1 to 63 characters');
  const byte = (eventBase(arena, slot) + EVENT.id) * 4;
  for (let i = 0; i < id.length; i++) arena.bytes[byte + 1 + i] = id.charCodeAt(i);
  arena.bytes[byte] = id.length;
}

export function eventState(arena: Arena, slot: number): number {
  return Atomics.load(arena.words, eventBase(arena, slot) + EVENT.state);
}

export function eventGeneration(arena: Arena, slot: number): number {
  return Atomics.load(arena.words, eventBase(arena, slot) + EVENT.generation);
}

/** A free slot, or -1. Under the registry's mutex. */
export function findFreeSlot(arena: Arena): number {
  for (let slot = 1; slot <= arena.limits.eventsMax; slot++) {
    if (eventState(arena, slot) === EVENT_STATE.free) return slot;
  }
  return -1;
}

/** First of `count` free heap pages in a row, or -1. First fit. Under the registry's mutex. */
export function findFreePages(arena: Arena, count: number): number {
  const { words, geometry } = arena;
  let run = 0;
  for (let page = 0; page < geometry.heapPages; page++) {
    const word = words[geometry.pageBitmap + (page >>> 5)];
    if (word === -1 && (page & 31) === 0) {
      run = 0;
      page += 31;
      continue;
    }
    run = (word & (1 << (page & 31))) === 0 ? run + 1 : 0;
    if (run === count) return page - count + 1;
  }
  return -1;
}

/** Marks pages as taken. Idempotent. Under the registry's mutex. */
export function takePages(arena: Arena, first: number, count: number): void {
  const { words, geometry } = arena;
  assert(first >= 0 && first + count <= geometry.heapPages, 'an extent lies within the heap');
  for (let page = first; page < first + count; page++) {
    words[geometry.pageBitmap + (page >>> 5)] |= 1 << (page & 31);
  }
}

/** Gives pages back. Idempotent. Under the registry's mutex. */
export function freePages(arena: Arena, first: number, count: number): void {
  const { words, geometry } = arena;
  for (let page = first; page < first + count; page++) {
    words[geometry.pageBitmap + (page >>> 5)] &= ~(1 << (page & 31));
  }
}

/**
 * Rebuilds the page bitmap from the slots: after a death, after a snapshot was read, and before the registry's batches,
 * so that pages taken for a change that never happened are free again.
 */
export function rebuildPages(arena: Arena): void {
  const { words, geometry, limits } = arena;
  words.fill(0, geometry.pageBitmap, geometry.pageBitmap + Math.ceil(geometry.heapPages / 32));
  for (let slot = 0; slot <= limits.eventsMax; slot++) {
    if (eventState(arena, slot) === EVENT_STATE.free) continue;
    const base = eventBase(arena, slot);
    takePages(arena, words[base + EVENT.firstPage], words[base + EVENT.pageCount]);
    takePages(arena, words[base + EVENT.retiredPage], words[base + EVENT.retiredCount]);
  }
}

/** What is left of an archived event: the bytes of its summary, JSON text. */
export function archiveSummary(arena: Arena, slot: number): Uint8Array {
  const base = eventBase(arena, slot);
  const byte = (base + EVENT.summary) * 4;
  return arena.bytes.slice(byte, byte + Atomics.load(arena.words, base + EVENT.summaryBytes));
}

/** Whether a slot's event has memory of its own: it is neither free nor archived. */
export function isLive(arena: Arena, slot: number): boolean {
  const state = eventState(arena, slot);
  return state !== EVENT_STATE.free && state !== EVENT_STATE.archived;
}

/** Slots of events that have memory of their own, in slot order. */
export function* liveSlots(arena: Arena): Generator<number> {
  for (const slot of eventSlots(arena)) if (isLive(arena, slot)) yield slot;
}

/** Slots of all events, archived ones too, in slot order. */
export function* eventSlots(arena: Arena): Generator<number> {
  for (let slot = 1; slot <= arena.limits.eventsMax; slot++) {
    if (eventState(arena, slot) !== EVENT_STATE.free) yield slot;
  }
}
