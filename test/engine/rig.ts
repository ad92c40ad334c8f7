/**
 * The engine on one thread: an arena, a mutex that nobody else wants, and a journal that keeps every frame in an
 * array. What the journal kept is replayed into a fresh arena, and the two are compared in all that means something.
 */
import { createHash } from 'node:crypto';
import { headerBytes } from '../../src/core/frame.ts';
import type { CellIndex, ClaimRef, EventSlot } from '../../src/core/ids.ts';
import { resolveLimits, type Limits } from '../../src/core/limits.ts';
import type { BatchContext, Refusal } from '../../src/engine/command.ts';
import { define, type Defined } from '../../src/engine/define.ts';
import {
  saleRules,
  STANDARD_PRICE,
  type EventDefinition,
  type SaleRules,
  type GeneralSection,
  type SeatedSection,
  type SectionDefinition,
} from '../../src/engine/definition.ts';
import type { WantedItem } from '../../src/engine/hold.ts';
import type { Note } from '../../src/engine/note.ts';
import { Replay } from '../../src/engine/replay.ts';
import { createArena, eventBase, type Arena } from '../../src/memory/arena.ts';
import { findDue } from '../../src/memory/deadlines.ts';
import { seatBase, sectionOfRow, viewEvent, type EventView } from '../../src/memory/event.ts';
import type { KeyHash } from '../../src/memory/keys.ts';
import {
  EVENT,
  EVENT_WORDS,
  LINE_WORDS,
  ROW,
  ROW_SECTION_MASK,
  ROW_WORDS,
  SEAT,
  SEAT_ROW_SHIFT,
  SECTION,
  SECTION_WORDS,
} from '../../src/memory/layout.ts';
import { acquireMutex, releaseMutex } from '../../src/memory/mutex.ts';
import { eventId, findEvent, isLive, REGISTRY_SLOT } from '../../src/memory/registry.ts';
import {
  loadDurable,
  positionUnit,
  publishedUnits,
  releaseRing,
  ringChunks,
  setReleasable,
  startRing,
  storeDurable,
} from '../../src/memory/ring.ts';
import { takeThreadSlot, wakeJournal, type ThreadBase } from '../../src/memory/threads.ts';

export const MIB = 1024 * 1024;
export const START_MS = 1_700_000_000_000;

export function smallLimits(options: Partial<Limits> = {}): Limits {
  return resolveLimits({ workers: 2, arenaBytes: 8 * MIB, ringBytes: MIB, eventsMax: 4, ...options });
}

/** A seed for a property test: FRONTROW_SEED, or one of today. */
export function testSeed(): number {
  return Number(process.env['FRONTROW_SEED'] ?? Date.now() % 0x7fff_ffff);
}

export const isLong = process.env['FRONTROW_LONG'] === '1';

/** No limits and no sale windows. */
export const RULES: SaleRules = saleRules(eventOf('rules', []));

/** What TakeCommand has besides places and names: nothing special. */
export const PLAIN_TAKE = {
  customer: new Uint8Array(),
  note: null,
  durationMs: 60_000,
  receivedAtMs: START_MS,
  expectTotal: null,
  rules: RULES,
  key: null,
} as const;

export function noteOf(reference: string, metadata = ''): Note {
  return { reference: Buffer.from(reference), metadata: Buffer.from(metadata) };
}

/** A seat, for so much; its section from the tables. */
export function wantSeat(view: EventView, seat: number, price: number | null = null): WantedItem {
  const row = view.words[seatBase(view, seat) + SEAT.state] >>> SEAT_ROW_SHIFT;
  const priceWord = price === null ? 0 : price + 1;
  return { kind: 'seat', seat, section: sectionOfRow(view, row), type: 0, priceWord };
}

export function wantPlaces(
  section: number,
  quantity: number,
  adjacent = false,
  price: number | null = null,
): WantedItem {
  const priceWord = price === null ? 0 : price + 1;
  return { kind: 'places', section, quantity, adjacent, type: 0, priceWord };
}

export interface KeptFrames {
  readonly words: Int32Array;
  readonly position: number;
}

/** What workers/journal.ts does, into an array. */
export class TinyJournal {
  readonly kept: KeptFrames[] = [];
  position: number;
  readonly #arena: Arena;

  constructor(arena: Arena) {
    this.#arena = arena;
    this.position = loadDurable(arena);
  }

  drain(): void {
    const tail = positionUnit(this.position);
    const units = publishedUnits(this.#arena, tail, MIB);
    if (units === 0) return;
    const bytes = Buffer.concat(ringChunks(this.#arena, tail, units));
    const words = new Int32Array(bytes.length / 4);
    Buffer.from(words.buffer).set(bytes);
    this.kept.push({ words, position: this.position });
    this.position += units * 8;
    storeDurable(this.#arena, this.position);
    setReleasable(this.#arena, positionUnit(this.position));
    releaseRing(this.#arena, positionUnit(this.position));
  }

  /** Frames one by one, with their positions. */
  frames(): KeptFrames[] {
    const frames: KeptFrames[] = [];
    for (const { words, position } of this.kept) {
      for (let at = 0; at < words.length;) {
        const length = headerBytes(words[at]) / 4;
        frames.push({ words: words.slice(at, at + length), position: position + at * 4 });
        at += length;
      }
    }
    return frames;
  }
}

export function replayInto(arena: Arena, frames: readonly KeptFrames[]): Replay {
  const replay = new Replay(arena);
  for (const { words, position } of frames) replay.apply(words, 0, words.length, position);
  return replay;
}

export class EngineRig {
  readonly arena: Arena;
  readonly context: BatchContext;
  readonly journal: TinyJournal;

  constructor(limits: Limits = smallLimits(), position = 0) {
    this.arena = createArena(limits);
    startRing(this.arena, position);
    const thread = takeThreadSlot(this.arena, 1);
    this.context = newContext(this.arena, thread);
    this.journal = new TinyJournal(this.arena);
  }

  define(definition: EventDefinition, key: KeyHash | null = null): Defined | Refusal {
    return underMutex(this.context, REGISTRY_SLOT, () =>
      define(this.context, defineCommand(definition, key)),
    );
  }

  /** Defines an event that must be accepted. */
  event(definition: EventDefinition): EventView {
    const defined = this.define(definition);
    if (!defined.ok) throw new Error(`the test's event is refused: ${defined.code}`);
    return viewEvent(this.arena, defined.slot);
  }

  run<T>(view: EventView, command: (context: BatchContext, view: EventView) => T): T {
    return underMutex(this.context, view.slot, () => command(this.context, view));
  }
}

export function newContext(arena: Arena, thread: ThreadBase): BatchContext {
  const nearPosition = loadDurable(arena);
  return { arena, thread, batchId: 1, commandIndex: 0, nowMs: START_MS, nearPosition, gate: 0 };
}

/** A batch of one command, as service/batch-server.ts runs it. */
export function underMutex<T>(context: BatchContext, slot: number, command: () => T): T {
  const { arena, thread } = context;
  acquireMutex(arena, thread, slot);
  const result = command();
  releaseMutex(arena, thread);
  wakeJournal(arena);
  return result;
}

export function defineCommand(
  definition: EventDefinition,
  key: KeyHash | null,
): { definition: EventDefinition; json: Uint8Array; key: KeyHash | null } {
  return { definition, json: Buffer.from(JSON.stringify(definition)), key };
}

/** Tests leave out what they do not need. */
type WithoutCategory<S extends SectionDefinition> = Omit<S, 'category'> & {
  readonly category?: string | null;
};
export type TestSection = WithoutCategory<GeneralSection> | WithoutCategory<SeatedSection>;

export function eventOf(
  id: string,
  sections: readonly TestSection[],
  more: Partial<EventDefinition> = {},
): EventDefinition {
  return {
    id,
    name: 'A name: Zürich ☂',
    state: 'open',
    startsAt: '2027-01-15T19:00:00Z',
    timeZone: 'Europe/Berlin',
    salesFrom: null,
    salesUntil: null,
    currency: 'EUR',
    metadata: {},
    limits: {
      holdSeconds: 300,
      maxHoldSeconds: 1800,
      ticketsPerHold: 100,
      ticketsPerCustomer: null,
      holdsPerCustomer: null,
    },
    categories: [],
    priceTypes: [STANDARD_PRICE],
    sections: sections.map((section) => ({ ...section, category: section.category ?? null })),
    ...more,
  };
}

export function keyOf(scope: string, body: string): KeyHash {
  const scopeHash = createHash('sha256').update(scope).digest();
  const bodyHash = createHash('sha256').update(body).digest();
  return {
    hash0: scopeHash.readInt32LE(0) || 1,
    hash1: scopeHash.readInt32LE(4),
    hash2: scopeHash.readInt32LE(8),
    body0: bodyHash.readInt32LE(0),
    body1: bodyHash.readInt32LE(4),
    share: 1 + (scopeHash[12] % 126),
  };
}

export function refOf(view: EventView, cell: number, random: Uint32Array): ClaimRef {
  return {
    slot: view.slot as EventSlot,
    generation: view.generation,
    cell: cell as CellIndex,
    random0: random[0],
    random1: random[1],
    random2: random[2],
  };
}

function differs(a: Arena, b: Arena, word: number, count: number): boolean {
  const left = Buffer.from(a.buffer, word * 4, count * 4);
  return left.compare(Buffer.from(b.buffer, word * 4, count * 4)) !== 0;
}

const SEQUENCE_WORDS = ['sequenceLow', 'sequenceHigh', 'positionLow', 'positionHigh', 'cellCursor'] as const;

/**
 * Where two arenas of the same limits mean different things: slots, tables, keys, definitions, directory and pages.
 * Locks, guards, announcements, deadline hints and what rows and sections note of runs mean nothing; but the same holds must be
 * due.
 */
export function differences(a: Arena, b: Arena): string[] {
  const found: string[] = [];
  const { geometry, limits } = a;
  const bitmapWords = Math.ceil(geometry.heapPages / 32);
  if (differs(a, b, geometry.pageBitmap, bitmapWords)) found.push('page bitmap');
  for (let slot = 0; slot <= limits.eventsMax; slot++) {
    const base = eventBase(a, slot);
    if (differs(a, b, base, LINE_WORDS)) found.push(`slot ${slot} identity`);
    // The id, and what follows it: sizes and summary. What was left and not reclaimed yet means nothing.
    for (let word = EVENT.id; word < EVENT_WORDS; word++) {
      const isRetired = word >= EVENT.retiredPage && word <= EVENT.retiredCount;
      const isSequence = word === EVENT.retiredSequenceLow || word === EVENT.retiredSequenceHigh;
      if (!isRetired && !isSequence && differs(a, b, base + word, 1))
        found.push(`slot ${slot} id at ${word}`);
    }
    for (const name of SEQUENCE_WORDS) {
      const word = base + EVENT[name];
      if (differs(a, b, word, 1)) found.push(`slot ${slot} ${name}: ${a.words[word]} or ${b.words[word]}`);
    }
    if (!isLive(a, slot) || found.length > 0) continue;
    const view = viewEvent(a, slot);
    const tables = {
      seats: [view.seats, view.cells],
      cells: [view.cells, view.live],
      live: [view.live, view.starts],
      starts: [view.starts, view.deadlines],
      keys: [view.keys, view.shares],
      shares: [view.shares, view.customers],
      customers: [view.customers, view.definition],
      definition: [view.definition, view.definition + view.definitionRoom / 4],
    };
    for (const [name, [from, to]] of Object.entries(tables)) {
      if (differs(a, b, from, to - from)) found.push(`slot ${slot} ${name}`);
    }
    if (sectionsDiffer(view, b)) found.push(`slot ${slot} sections`);
    if (rowsDiffer(view, b)) found.push(`slot ${slot} rows`);
    if (slot === REGISTRY_SLOT) continue;
    if (findEvent(a, eventId(a, slot)) !== findEvent(b, eventId(b, slot)))
      found.push(`slot ${slot} directory`);
    if (found.length === 0) compareDue(view, viewEvent(b, slot), found);
  }
  return found;
}

function rowsDiffer(view: EventView, other: Arena): boolean {
  for (let word = view.rows; word < view.seats; word++) {
    const isSection = (word - view.rows) % ROW_WORDS === ROW.section;
    const mask = isSection ? ROW_SECTION_MASK : -1;
    if (((view.words[word] ^ other.words[word]) & mask) !== 0) return true;
  }
  return false;
}

function sectionsDiffer(view: EventView, other: Arena): boolean {
  for (let word = view.sections; word < view.rows; word++) {
    const isNoted = (word - view.sections) % SECTION_WORDS === SECTION.longest;
    if (!isNoted && view.words[word] !== other.words[word]) return true;
  }
  return false;
}

function compareDue(a: EventView, b: EventView, found: string[]): void {
  for (const hours of [0, 1, 24, 24 * 365]) {
    const beforeMs = START_MS + hours * 3600 * 1000;
    if (findDue(a, beforeMs) !== findDue(b, beforeMs)) found.push(`slot ${a.slot} due before ${hours} h`);
  }
}
