/**
 * The arena's layout: the only file that knows an offset. All indices here are of 32-bit words in one
 * Int32Array over the arena's SharedArrayBuffer; every thread attaches through arena.ts, which checks magic,
 * layout version and limits against its own.
 *
 *   header page │ thread slots │ event slots │ directory │ page bitmap │ ring │ heap (4 KiB pages)
 *
 * Words that different threads write sit on different 64-byte lines (16 words), so that a worker that takes a
 * ticket does not slow one that reads a guard.
 */
import type { Limits } from '../core/limits.ts';

export const MAGIC = 0x46524f57; // "WORF" on disk, "FROW" as a word
export const LAYOUT_VERSION = 2;
export const LINE_WORDS = 16;
export const PAGE_BYTES = 4096;
export const PAGE_WORDS = PAGE_BYTES / 4;

/** Header page. One writer each, named behind it. */
export const HEADER = {
  magic: 0, // creator
  layoutVersion: 1,
  arenaPages: 2,
  eventsMax: 3,
  threadsMax: 4,
  ringUnits: 5,
  claimBytesPerPlace: 6,
  keysPerPlace: 7,
  /** Bumped and notified by whoever published frames; the journal thread sleeps on it. */
  journalWake: 1 * LINE_WORDS,
  /** Next free place of the ring in 8-byte units, wrapping at 2^32; moved by compare-and-swap by producers. */
  ringHead: 2 * LINE_WORDS,
  /** Main: up to here no batch needs its frames any more. Units, wrapping. */
  ringReleasable: 3 * LINE_WORDS,
  /** Journal thread: up to here the ring is zeroed and free again. Units, wrapping. */
  ringReleased: 4 * LINE_WORDS,
  /** Journal thread: | guard | low | high | of the durable position; guard is odd while they change. */
  durableGuard: 5 * LINE_WORDS,
  durableLow: 5 * LINE_WORDS + 1,
  durableHigh: 5 * LINE_WORDS + 2,
  /** Journal thread: 4 KiB blocks that the current segment may still take. */
  segmentBlocks: 6 * LINE_WORDS,
  /** Journal thread: spare segments taken since the start. Raised before segmentBlocks tells of the new segment. */
  sparesTaken: 6 * LINE_WORDS + 1,
  /** Journal thread: 1 while frames wait in the ring because there is no segment to write them to; else 0. */
  awaitsSegment: 6 * LINE_WORDS + 2,
  /** Whoever stops the journal thread: 0 run, 1 drain, write the end mark and exit. */
  journalStop: 7 * LINE_WORDS,
  /** Groups synced, for the bench's "one sync a group". */
  journalGroups: 8 * LINE_WORDS,
  /** Main, once, before requests are taken: holds that were due before this get grace. Low and high word. */
  readyLow: 9 * LINE_WORDS,
  readyHigh: 9 * LINE_WORDS + 1,
} as const;

/** A thread slot: what one worker holds, written by it alone (but for `exited`), read by the supervisor once it is dead. */
export const THREAD = {
  /** Node's threadId, 0 when free. Taken by compare-and-swap. */
  threadId: 0,
  /** Event slot + 1 whose mutex it has or wants; 0 for none. */
  lockEvent: 1,
  lockTicket: 2,
  /** See LOCK_PHASE. */
  lockPhase: 3,
  /** Start and length of the ring reservation, in units; length 0 for none, negative while only intended. */
  reserveStart: 4,
  reserveUnits: 5,
  cacheHits: 6,
  cacheMisses: 7,
  cacheEvictions: 8,
  announcements: 9,
  /** Batches that it has served, since it took the slot. */
  served: 10,
  /** Main: 1 once the thread has exited, so that what it shows as intended is not attempted any more. */
  exited: 11,
  /** Its own line: others bump and notify it, the owner sleeps on it. */
  wake: 1 * LINE_WORDS,
} as const;
export const THREAD_WORDS = 2 * LINE_WORDS;

export const LOCK_PHASE = { none: 0, intent: 1, taken: 2, abandoned: 3 } as const;

/** An event slot. Slot 0 is the registry. All but the lock and announce lines change under the event's mutex. */
export const EVENT = {
  generation: 0,
  /** See EVENT_STATE. */
  state: 1,
  firstPage: 2,
  pageCount: 3,
  createdLow: 4,
  createdHigh: 5,
  lastTimeLow: 6,
  lastTimeHigh: 7,
  version: 8,
  sectionCount: 9,
  rowCount: 10,
  seatCount: 11,
  cellCount: 12,
  keyCapacity: 13,
  /** Of the definition as it is; the extent has room for `definitionRoom` bytes. */
  definitionBytes: 14,
  placeCount: 15,
  nextTicket: 1 * LINE_WORDS,
  servingTicket: 2 * LINE_WORDS,
  guard: 3 * LINE_WORDS,
  sequenceLow: 3 * LINE_WORDS + 1,
  sequenceHigh: 3 * LINE_WORDS + 2,
  /** End of the last frame, as a position. */
  positionLow: 3 * LINE_WORDS + 3,
  positionHigh: 3 * LINE_WORDS + 4,
  /** Ring unit of the frame that is being applied; means something only while the guard is odd. */
  notedUnit: 3 * LINE_WORDS + 5,
  /** Set from just before publishing until the frame is applied: 1 means that notedUnit is to be redone. */
  noted: 3 * LINE_WORDS + 6,
  cellCursor: 3 * LINE_WORDS + 7,
  /** Cache announcements outstanding: a bit a thread slot, 64 at most. */
  announce: 4 * LINE_WORDS,
  /** | length:8 | characters | of the event's id. */
  id: 5 * LINE_WORDS,
  customerCapacity: 6 * LINE_WORDS,
  definitionRoom: 6 * LINE_WORDS + 1,
  /** An extent that the event has left, and that readers may still look at; 0 pages for none. See engine/patch.ts. */
  retiredPage: 6 * LINE_WORDS + 2,
  retiredCount: 6 * LINE_WORDS + 3,
  /** The key under which the event was archived, when it has no table of keys any more: hash and body, five words. */
  archiveKey: 6 * LINE_WORDS + 4,
  summaryBytes: 6 * LINE_WORDS + 9,
  /** The event's sequence when it left the retired extent: what readers of that are told. */
  retiredSequenceLow: 6 * LINE_WORDS + 10,
  retiredSequenceHigh: 6 * LINE_WORDS + 11,
  /** What stays of an archived event, JSON text of 256 bytes at most. */
  summary: 7 * LINE_WORDS,
} as const;
export const EVENT_WORDS = 11 * LINE_WORDS;
export const EVENT_ID_BYTES = 64;

export const EVENT_STATE = {
  free: 0,
  draft: 1,
  open: 2,
  paused: 3,
  closed: 4,
  /** Id, sequence and summary are all that is left; no extent. */
  archived: 5,
  registry: 9,
} as const;

/** A section: 16 words. `available + held + sold + blocked = capacity` at every even guard. */
export const SECTION = {
  capacity: 0,
  available: 1,
  held: 2,
  sold: 3,
  blocked: 4,
  /** Unused since prices come from the definition. */
  spare: 5,
  firstRow: 6,
  /** 0 for a general section. */
  rowCount: 7,
  firstSeat: 8,
  seatCount: 9,
  /** Longest run of open seats + 1, or more; 0 not known. See engine/row-runs.ts. */
  longest: 10,
} as const;
export const SECTION_WORDS = 16;

/**
 * A row of seats. `open` counts its available seats that best-seats may choose.
 *   word 3  | longest run of open seats + 1, or more; 0 not known:16 | section:16 |, see engine/row-runs.ts
 */
export const ROW = { firstSeat: 0, seatCount: 1, open: 2, section: 3 } as const;
export const ROW_WORDS = 4;
export const ROW_LONGEST_SHIFT = 16;
export const ROW_SECTION_MASK = 0xffff;

/**
 * A seat: 16 bytes.
 *   word 0  | row:24 | flags:4 | state:4 |
 *   word 1  first cell of the owning claim + 1; 0 when available or blocked
 *   word 2  sequence of its last change, low     word 3  high
 */
export const SEAT = { state: 0, owner: 1, sequenceLow: 2, sequenceHigh: 3 } as const;
export const SEAT_WORDS = 4;
export const SEAT_STATE = { available: 0, held: 1, sold: 2, blocked: 3 } as const;
export const SEAT_STATE_MASK = 0xf;
/** Never chosen unasked: wheelchair places. */
export const SEAT_FLAG_RESERVED = 1 << 4;
/** An aisle lies before this seat, or the row begins with it. */
export const SEAT_FLAG_AISLE = 1 << 5;
export const SEAT_ROW_SHIFT = 8;

/**
 * A claim: a run of 32-byte cells.
 *   header 18 words │ items, 4 words each │ customer bytes, padded to a word
 * A claim whose items were changed keeps its header where it is, since its id says where, and has the rest in a
 * record of its own, the tail: FLAG_TAIL is set and the word behind the header is the tail's first cell + 1.
 *   header 18 words │ tail's cell + 1          tail:  | state │ owner │ items │ customer bytes |
 */
export const CELL_WORDS = 8;
export const CLAIM = {
  /** | tickets:8 | items:8 | cells:8 | state:8 | */
  state: 0,
  random0: 1,
  random1: 2,
  random2: 3,
  /** | flags:16 | reserved:8 | customer bytes:8 |, see CLAIM_FLAG. */
  sizes: 4,
  sequenceLow: 5,
  sequenceHigh: 6,
  createdLow: 7,
  createdHigh: 8,
  expiresLow: 9,
  expiresHigh: 10,
  updatedLow: 11,
  updatedHigh: 12,
  /** A bit a ticket, 128 in all: set when the ticket is cancelled. */
  cancelled: 13,
  /** First cell of its note (reference) + 1; 0 for none. */
  note: 17,
} as const;
export const CLAIM_HEADER_WORDS = 18;
export const CLAIM_STATE = {
  free: 0,
  held: 1,
  confirmed: 2,
  released: 3,
  expired: 4,
  cancelled: 5,
  note: 6,
  tail: 7,
} as const;
/** best: some of its seats were chosen as best seats; split: they had to be split; tail: see above. */
export const CLAIM_FLAG = { best: 1, split: 2, tail: 4 } as const;

/** An item of a claim: a seat, or some places of a general section. */
export const ITEM = {
  /** Seat index, or -1. */
  seat: 0,
  /** | quantity:16 | section:16 | */
  section: 1,
  /** Price of one place in minor units + 1; 0 for none. Fixed when the claim was made. */
  price: 2,
  /** Price type, by its place in the definition's priceTypes. */
  type: 3,
} as const;
export const ITEM_WORDS = 4;

/** A note: a claim's reference and metadata, apart from it since they may come later than the claim. */
export const NOTE = {
  /** | 0:8 | 0:8 | cells:8 | state:8 | as in a claim */
  state: 0,
  /** First cell of the claim it belongs to + 1. */
  owner: 1,
  /** | metadata bytes:16 | reference bytes:16 |; the reference comes first. */
  bytes: 2,
} as const;
export const NOTE_HEADER_WORDS = 3;

/** Items and customer of a claim that was changed. */
export const TAIL = { state: 0, owner: 1 } as const;
export const TAIL_HEADER_WORDS = 2;

/** What a customer has in an event: 16 bytes. `hash0` is stored last and is 0 in a free entry. */
export const CUSTOMER = { hash0: 0, hash1: 1, tickets: 2, holds: 3 } as const;
export const CUSTOMER_WORDS = 4;

/**
 * How many idempotency keys of the last day a share of the clients has: 32 bytes. Share 0 is all of them together; the
 * last share is no client's, it counts the keys that were taken out of the reserve. See memory/shares.ts.
 *   word 0  number of the newest slice of time          words 1–7  keys made in each of seven slices of four hours
 */
export const SHARE = { slice: 0, counts: 1 } as const;
export const SHARE_WORDS = 8;
export const SHARE_COUNT = 128;
export const RESERVE_SHARE = SHARE_COUNT - 1;

/** An idempotency key: 32 bytes. `hash0` is stored last and is 0 in a free entry. */
export const KEY = {
  hash0: 0,
  hash1: 1,
  hash2: 2,
  body0: 3,
  body1: 4,
  cell: 5,
  check: 6,
  second: 7,
} as const;
export const KEY_WORDS = 8;

/** A leaf of the deadline tree stands for this many cells, an inner node for as many nodes below. */
export const DEADLINE_FANOUT = 64;

export interface ArenaGeometry {
  readonly threadsMax: number;
  readonly threads: number;
  readonly events: number;
  readonly directory: number;
  readonly directorySize: number;
  readonly pageBitmap: number;
  readonly ring: number;
  readonly ringUnits: number;
  readonly heap: number;
  readonly heapPages: number;
  readonly totalBytes: number;
}

/** Two slots a worker (the dead one's waits for repair while its successor starts), one for repair, one spare. */
function threadsMaxOf(workers: number): number {
  return workers * 2 + 2;
}

function alignLine(words: number): number {
  return (words + LINE_WORDS - 1) & ~(LINE_WORDS - 1);
}

function alignPage(words: number): number {
  return (words + PAGE_WORDS - 1) & ~(PAGE_WORDS - 1);
}

function powerOfTwoAtLeast(value: number): number {
  let power = 1;
  while (power < value) power *= 2;
  return power;
}

/** Where each region begins, from limits alone: the same on every thread. */
export function arenaGeometry(limits: Limits): ArenaGeometry {
  const threadsMax = threadsMaxOf(limits.workers);
  const threads = PAGE_WORDS;
  const events = threads + threadsMax * THREAD_WORDS;
  const directory = events + (limits.eventsMax + 1) * EVENT_WORDS;
  const directorySize = powerOfTwoAtLeast(limits.eventsMax * 2);
  const pageBitmap = alignLine(directory + directorySize);
  const totalBytes = Math.floor(limits.arenaBytes / PAGE_BYTES) * PAGE_BYTES;
  const bitmapWords = alignLine(Math.ceil(totalBytes / PAGE_BYTES / 32));
  const ring = alignPage(pageBitmap + bitmapWords);
  // A power of two: unit numbers wrap at 2^32, and their places must wrap with them.
  const ringUnits = powerOfTwoAtLeast(Math.floor(limits.ringBytes / 8) / 2 + 1);
  const heap = ring + ringUnits * 2;
  const heapPages = Math.floor((totalBytes / 4 - heap) / PAGE_WORDS);
  return {
    threadsMax,
    threads,
    events,
    directory,
    directorySize,
    pageBitmap,
    ring,
    ringUnits,
    heap,
    heapPages,
    totalBytes,
  };
}

/** What an event's extent must hold. */
export interface EventShape {
  readonly sectionCount: number;
  readonly rowCount: number;
  readonly seatCount: number;
  readonly placeCount: number;
}

/** How large the tables of an event are that follow from its size and from the operator's limits. */
export interface TableSizes {
  readonly cellCount: number;
  readonly keyCapacity: number;
  readonly customerCapacity: number;
  /** Bytes. */
  readonly definitionRoom: number;
}

/** Word offsets of an event's tables, from the start of its extent. */
export interface ExtentGeometry {
  readonly sections: number;
  readonly rows: number;
  readonly seats: number;
  readonly cells: number;
  readonly live: number;
  readonly starts: number;
  readonly deadlines: number;
  /** Node count of each level, leaves first, one root last. */
  readonly deadlineLevels: readonly number[];
  readonly keys: number;
  readonly shares: number;
  readonly customers: number;
  readonly definition: number;
  readonly pageCount: number;
}

/** Cells and keys that even the smallest event gets. */
const CELLS_MIN = 512;
const KEYS_MIN = 256;
const REGISTRY_KEYS = 32_768;

/** A customer's entry for so many cells: at four, with the default of cells for a place, one and a half for each place. */
const CELLS_PER_CUSTOMER = 4;
/** Whatever the cells: with this the table is two thirds full when every place is another customer's. */
const CUSTOMERS_PER_PLACE = 1.5;
/** A definition may grow by a quarter, and by this, before its event has to move. */
const DEFINITION_SLACK = 512;

/** What a new event gets. Fixed in its frame, so limits may change between starts. */
export function newTableSizes(
  placeCount: number,
  definitionBytes: number,
  limits: Pick<Limits, 'claimBytesPerPlace' | 'keysPerPlace'>,
): TableSizes {
  const cells = Math.ceil((placeCount * limits.claimBytesPerPlace) / (CELL_WORDS * 4)) + CELLS_MIN;
  const cellCount = (cells + 31) & ~31;
  return {
    cellCount,
    keyCapacity: powerOfTwoAtLeast(placeCount * limits.keysPerPlace + KEYS_MIN),
    customerCapacity: Math.max(customersFor(cellCount), Math.ceil(placeCount * CUSTOMERS_PER_PLACE)),
    definitionRoom: (Math.ceil(definitionBytes * 1.25) + DEFINITION_SLACK) & ~3,
  };
}

export function customersFor(cellCount: number): number {
  return Math.ceil(cellCount / CELLS_PER_CUSTOMER);
}

/** The registry keeps no claims, only the keys under which events were defined; its size never changes. */
export const REGISTRY_SHAPE: EventShape = { sectionCount: 0, rowCount: 0, seatCount: 0, placeCount: 0 };
export const REGISTRY_SIZES: TableSizes = {
  cellCount: 32,
  keyCapacity: REGISTRY_KEYS,
  customerCapacity: 0,
  definitionRoom: 0,
};

export function extentGeometry(shape: EventShape, sizes: TableSizes): ExtentGeometry {
  const { cellCount, keyCapacity } = sizes;
  const deadlineLevels: number[] = [];
  let nodes = cellCount;
  do {
    nodes = Math.ceil(nodes / DEADLINE_FANOUT);
    deadlineLevels.push(nodes);
  } while (nodes > 1);
  let at = 0;
  const take = (words: number): number => {
    const start = at;
    at = alignLine(at + words);
    return start;
  };
  const sections = take(shape.sectionCount * SECTION_WORDS);
  const rows = take(shape.rowCount * ROW_WORDS);
  const seats = take(shape.seatCount * SEAT_WORDS);
  const cells = take(cellCount * CELL_WORDS);
  const live = take(cellCount / 32);
  const starts = take(cellCount / 32);
  const deadlines = take(deadlineLevels.reduce((sum, count) => sum + count, 0));
  const keys = take(keyCapacity * KEY_WORDS);
  const shares = take(SHARE_COUNT * SHARE_WORDS);
  const customers = take(sizes.customerCapacity * CUSTOMER_WORDS);
  const definition = take(Math.ceil(sizes.definitionRoom / 4));
  return {
    sections,
    rows,
    seats,
    cells,
    live,
    starts,
    deadlines,
    deadlineLevels,
    keys,
    shares,
    customers,
    definition,
    pageCount: Math.max(1, Math.ceil(at / PAGE_WORDS)),
  };
}
