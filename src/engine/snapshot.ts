/**
 * A snapshot of memory as chunks of bytes, and memory from one. Slots and the pages of their extents that are not
 * all zero; places inside an extent are relative, so a snapshot fits any arena that is large enough.
 *
 *   first chunk   | layout version | slot count |
 *   per slot      | slot | words of the event slot (lock, guard and announce lines zero) |
 *   its pages     | page in the extent | 4096 bytes |  …  | -1 |
 * Chunks end anywhere; a reader puts them together again.
 */
import { FrontrowError } from '../core/assert.ts';
import { eventBase, type Arena } from '../memory/arena.ts';
import { EVENT, EVENT_WORDS, LAYOUT_VERSION, LINE_WORDS, PAGE_WORDS } from '../memory/layout.ts';
import { eventSlots, insertEvent, rebuildPages, REGISTRY_SLOT } from '../memory/registry.ts';
import {
  checkSlot,
  FIRST_EVENT_WORDS,
  FIRST_LAYOUT,
  placeFirstSlot,
  upgradeFirstExtent,
} from './first-layout.ts';

const CHUNK_WORDS = 256 * 1024;

/** Words from the guard line that are state, not synchronisation. */
const KEPT_GUARD_WORDS = [
  EVENT.sequenceLow,
  EVENT.sequenceHigh,
  EVENT.positionLow,
  EVENT.positionHigh,
  EVENT.cellCursor,
];

/** Dumps an arena that nobody changes: a throwaway one of the snapshot builder. */
export function* dumpArena(arena: Arena): Generator<Uint8Array> {
  const slots = dumpedSlots(arena);
  let chunk = new Int32Array(CHUNK_WORDS);
  let used = 0;
  const full = (): Uint8Array => {
    const bytes = new Uint8Array(chunk.buffer, 0, used * 4);
    chunk = new Int32Array(CHUNK_WORDS);
    used = 0;
    return bytes;
  };
  chunk[used++] = LAYOUT_VERSION;
  chunk[used++] = slots.length;
  for (const slot of slots) {
    if (used + 1 + EVENT_WORDS > CHUNK_WORDS) yield full();
    chunk[used++] = slot;
    chunk.set(slotWords(arena, slot), used);
    used += EVENT_WORDS;
    const extent = extentOf(arena, slot);
    for (const page of dumpedPages(arena, slot)) {
      if (used + 1 + PAGE_WORDS > CHUNK_WORDS) yield full();
      const start = extent + page * PAGE_WORDS;
      chunk[used++] = page;
      chunk.set(arena.words.subarray(start, start + PAGE_WORDS), used);
      used += PAGE_WORDS;
    }
    if (used + 1 > CHUNK_WORDS) yield full();
    chunk[used++] = -1;
  }
  if (used > 0) yield full();
}

/** Bytes of all that dumpArena() yields. */
export function dumpBytes(arena: Arena): number {
  let words = 2;
  for (const slot of dumpedSlots(arena)) {
    words += 1 + EVENT_WORDS + 1;
    for (const _page of dumpedPages(arena, slot)) words += 1 + PAGE_WORDS;
  }
  return words * 4;
}

function dumpedSlots(arena: Arena): number[] {
  return [REGISTRY_SLOT, ...eventSlots(arena)];
}

function extentOf(arena: Arena, slot: number): number {
  return arena.geometry.heap + arena.words[eventBase(arena, slot) + EVENT.firstPage] * PAGE_WORDS;
}

/** Pages of an event's extent that are not all zero. */
function* dumpedPages(arena: Arena, slot: number): Generator<number> {
  const extent = extentOf(arena, slot);
  const count = arena.words[eventBase(arena, slot) + EVENT.pageCount];
  for (let page = 0; page < count; page++) if (!isZero(arena.words, extent + page * PAGE_WORDS)) yield page;
}

function isZero(words: Int32Array, start: number): boolean {
  for (let word = start; word < start + PAGE_WORDS; word++) if (words[word] !== 0) return false;
  return true;
}

function slotWords(arena: Arena, slot: number): Int32Array {
  const base = eventBase(arena, slot);
  const kept = new Int32Array(EVENT_WORDS);
  kept.set(arena.words.subarray(base, base + LINE_WORDS));
  kept.set(arena.words.subarray(base + EVENT.id, base + EVENT_WORDS), EVENT.id);
  for (const word of KEPT_GUARD_WORDS) kept[word] = arena.words[base + word]!;
  return kept;
}

/** Hands out words of a stream of chunks, whatever the chunks' sizes. */
class WordReader {
  readonly #chunks: Iterator<Uint8Array>;
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;

  constructor(chunks: Iterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.iterator]();
  }

  read(target: Int32Array): void {
    const bytes = new Uint8Array(target.buffer, target.byteOffset, target.byteLength);
    let filled = 0;
    while (filled < bytes.length) {
      if (this.#at === this.#bytes.length) {
        const next = this.#chunks.next();
        if (next.done === true) throw new FrontrowError('data-corrupt', 'the snapshot ends too early');
        this.#bytes = next.value;
        this.#at = 0;
      }
      const count = Math.min(bytes.length - filled, this.#bytes.length - this.#at);
      bytes.set(this.#bytes.subarray(this.#at, this.#at + count), filled);
      this.#at += count;
      filled += count;
    }
  }

  word(): number {
    const one = new Int32Array(1);
    this.read(one);
    return one[0];
  }
}

/**
 * Fills a fresh arena from a snapshot.
 * @throws FrontrowError `data-corrupt` when it is not one, `arena-too-large` when this arena is too small for it
 */
export function loadArena(arena: Arena, chunks: Iterable<Uint8Array>): void {
  const reader = new WordReader(chunks);
  const version = reader.word();
  if (version !== LAYOUT_VERSION && version !== FIRST_LAYOUT) {
    throw new FrontrowError(
      'data-corrupt',
      `the snapshot has memory layout ${version}, this Frontrow reads ${FIRST_LAYOUT} to ${LAYOUT_VERSION}`,
    );
  }
  const isFirst = version === FIRST_LAYOUT;
  const count = reader.word();
  const slot = new Int32Array(isFirst ? FIRST_EVENT_WORDS : EVENT_WORDS);
  const page = new Int32Array(PAGE_WORDS);
  for (let i = 0; i < count; i++) {
    const index = reader.word();
    reader.read(slot);
    if (isFirst) placeFirstSlot(arena, index, slot);
    else loadSlot(arena, index, slot);
    const extent = extentOf(arena, index);
    for (let number = reader.word(); number !== -1; number = reader.word()) {
      if (number < 0 || number >= slot[EVENT.pageCount]) {
        throw new FrontrowError('data-corrupt', `the snapshot has page ${number} of slot ${index}`);
      }
      reader.read(page);
      arena.words.set(page, extent + number * PAGE_WORDS);
    }
    if (isFirst) upgradeFirstExtent(arena, index);
    if (index !== REGISTRY_SLOT) insertEvent(arena, index);
  }
  rebuildPages(arena);
}

function loadSlot(arena: Arena, index: number, slot: Int32Array): void {
  checkSlot(arena, index, slot, slot[EVENT.firstPage] + slot[EVENT.pageCount]);
  arena.words.set(slot, eventBase(arena, index));
}
