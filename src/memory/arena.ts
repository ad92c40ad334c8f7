/**
 * The arena: one fixed SharedArrayBuffer that all threads attach to. Created once on the main thread, sized
 * from limits; a start that cannot reserve it says so. Pages cost memory only when touched.
 */
import { assert, FrontrowError } from '../core/assert.ts';
import { high, low } from '../core/frame.ts';
import type { Limits } from '../core/limits.ts';
import {
  arenaGeometry,
  EVENT,
  EVENT_STATE,
  EVENT_WORDS,
  HEADER,
  LAYOUT_VERSION,
  MAGIC,
  PAGE_BYTES,
  extentGeometry,
  REGISTRY_SHAPE,
  REGISTRY_SIZES,
  type ArenaGeometry,
} from './layout.ts';

export interface Arena {
  readonly buffer: SharedArrayBuffer;
  readonly words: Int32Array;
  readonly bytes: Uint8Array;
  readonly limits: Limits;
  readonly geometry: ArenaGeometry;
}

const MIB = 1024 * 1024;

function view(buffer: SharedArrayBuffer, limits: Limits): Arena {
  return {
    buffer,
    words: new Int32Array(buffer),
    bytes: new Uint8Array(buffer),
    limits,
    geometry: arenaGeometry(limits),
  };
}

/**
 * Reserves an arena for these limits and sets up header and registry.
 * @throws FrontrowError `arena-too-large` when the limits leave no room for events or memory cannot be had
 */
export function createArena(limits: Limits): Arena {
  const geometry = arenaGeometry(limits);
  const registry = extentGeometry(REGISTRY_SHAPE, REGISTRY_SIZES);
  if (geometry.heapPages < registry.pageCount + 16) {
    throw new FrontrowError(
      'arena-too-large',
      `an arena of ${Math.round(limits.arenaBytes / MIB)} MiB leaves no room for events beside a ring of ` +
        `${Math.round(limits.ringBytes / MIB)} MiB and ${limits.eventsMax} event slots; ` +
        `give --arena-mib more, or --ring-mib or --events-max less`,
    );
  }
  let buffer: SharedArrayBuffer;
  try {
    buffer = new SharedArrayBuffer(geometry.totalBytes);
  } catch (cause) {
    throw new FrontrowError(
      'arena-too-large',
      `cannot reserve an arena of ${Math.round(geometry.totalBytes / MIB)} MiB; give --arena-mib less`,
      { cause },
    );
  }
  const arena = view(buffer, limits);
  const { words } = arena;
  words[HEADER.layoutVersion] = LAYOUT_VERSION;
  words[HEADER.arenaPages] = geometry.totalBytes / PAGE_BYTES;
  words[HEADER.eventsMax] = limits.eventsMax;
  words[HEADER.threadsMax] = geometry.threadsMax;
  words[HEADER.ringUnits] = geometry.ringUnits;
  words[HEADER.claimBytesPerPlace] = limits.claimBytesPerPlace;
  words[HEADER.keysPerPlace] = limits.keysPerPlace;
  const slot = eventBase(arena, 0);
  words[slot + EVENT.state] = EVENT_STATE.registry;
  words[slot + EVENT.generation] = 1;
  words[slot + EVENT.firstPage] = 0;
  words[slot + EVENT.pageCount] = registry.pageCount;
  words[slot + EVENT.cellCount] = REGISTRY_SIZES.cellCount;
  words[slot + EVENT.keyCapacity] = REGISTRY_SIZES.keyCapacity;
  for (let page = 0; page < registry.pageCount; page++) {
    words[geometry.pageBitmap + (page >>> 5)] |= 1 << (page & 31);
  }
  // Publishes the header; pairs with the load in attachArena().
  Atomics.store(words, HEADER.magic, MAGIC);
  return arena;
}

/**
 * Attaches a thread to an arena that another made.
 * @throws FrontrowError `arena-mismatch` when it is not one, or was made by other code or with other limits
 */
export function attachArena(buffer: SharedArrayBuffer, limits: Limits): Arena {
  const arena = view(buffer, limits);
  const { words, geometry } = arena;
  // Pairs with the store in createArena().
  const magic = Atomics.load(words, HEADER.magic);
  const matches =
    magic === MAGIC &&
    words[HEADER.layoutVersion] === LAYOUT_VERSION &&
    words[HEADER.arenaPages] === buffer.byteLength / PAGE_BYTES &&
    words[HEADER.eventsMax] === limits.eventsMax &&
    words[HEADER.threadsMax] === geometry.threadsMax &&
    words[HEADER.ringUnits] === geometry.ringUnits &&
    words[HEADER.claimBytesPerPlace] === limits.claimBytesPerPlace &&
    words[HEADER.keysPerPlace] === limits.keysPerPlace;
  if (!matches) {
    throw new FrontrowError('arena-mismatch', 'the arena was made by other code or with other limits');
  }
  return arena;
}

/** First word of an event's slot; 0 is the registry. */
export function eventBase(arena: Arena, slot: number): number {
  assert(slot >= 0 && slot <= arena.limits.eventsMax, 'an event slot lies within the arena');
  return arena.geometry.events + slot * EVENT_WORDS;
}

/**
 * What is left of an unsigned word, divided by a length below 2^31. Without the last `| 0` V8 divides doubles, which takes
 * 12 ns instead of 2.
 */
export function remainder(word: number, length: number): number {
  return ((word >>> 0) % (length >>> 0)) | 0;
}

/** A 53-bit number of two words. Torn unless inside a guard window or under the mutex. */
export function loadWide(words: Int32Array, index: number): number {
  return (words[index + 1] >>> 0) * 0x1_0000_0000 + (words[index] >>> 0);
}

export function storeWide(words: Int32Array, index: number, value: number): void {
  words[index] = low(value);
  words[index + 1] = high(value);
}
