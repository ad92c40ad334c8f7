/**
 * Frames as the changes of API.md's history: what happened to which claim, seats and sections. Pure.
 */
import { assert } from '../core/assert.ts';
import { FRAME_KIND, headerKind, wide, WORD_HEADER, WORD_SEQUENCE, WORD_TIME } from '../core/frame.ts';
import { parseDefinition, SeatMap, type EventDefinition } from '../engine/definition.ts';
import {
  ARCHIVE,
  blockedSeats,
  blockReason,
  CHANGE,
  CLAIM_FACT,
  CREATE,
  customerBytes,
  DEFINE,
  isAboutClaim,
  isNewClaim,
  itemsCount,
  itemsOffset,
  noteBytes,
  PATCH,
  RANDOM_OFFSET,
  removedOffset,
  SECTION_FACT_WORDS,
  sectionFactCount,
  sectionsOffset,
  SETTLE,
} from '../engine/facts.ts';
import { decodeItems } from '../engine/read.ts';
import { EVENT_STATE } from '../memory/layout.ts';
import { isoTime, suffixOf } from './render.ts';

/** What seats and sections of an event are called. */
export interface HistoryNames {
  readonly slot: number;
  readonly generation: number;
  label(seat: number): string;
  /** Index of a seat, or -1. */
  seat(label: string): number;
  section(index: number): string;
}

export function namesOf(slot: number, generation: number, definition: EventDefinition): HistoryNames {
  const map = new SeatMap(definition);
  return {
    slot,
    generation,
    label: (seat) => map.label(seat),
    seat: (label) => map.seat(label),
    section: (index) => definition.sections[index].id,
  };
}

const NUMBER_LABEL = /^#(\d{1,9})$/;

/** For an event that was archived and whose definition was trimmed: seats and sections by number, `#17`. */
export function numberNames(slot: number, generation: number): HistoryNames {
  return {
    slot,
    generation,
    label: (seat) => `#${seat}`,
    seat: (label) => Number(NUMBER_LABEL.exec(label)?.[1] ?? -1),
    section: (index) => `#${index}`,
  };
}

const KIND_NAMES: Readonly<Record<number, string>> = {
  [FRAME_KIND.define]: 'defined',
  [FRAME_KIND.create]: 'defined',
  [FRAME_KIND.patch]: 'changed-event',
  [FRAME_KIND.archive]: 'archived',
  [FRAME_KIND.hold]: 'held',
  [FRAME_KIND.order]: 'ordered',
  [FRAME_KIND.confirm]: 'confirmed',
  [FRAME_KIND.retake]: 'retaken',
  [FRAME_KIND.release]: 'released',
  [FRAME_KIND.expire]: 'expired',
  [FRAME_KIND.cancel]: 'cancelled',
  [FRAME_KIND.withdraw]: 'cancelled',
  [FRAME_KIND.change]: 'changed',
  [FRAME_KIND.extend]: 'extended',
  [FRAME_KIND.block]: 'blocked',
  [FRAME_KIND.unblock]: 'unblocked',
};

const STATE_NAMES: Readonly<Record<number, string>> = {
  [EVENT_STATE.draft]: 'draft',
  [EVENT_STATE.open]: 'open',
  [EVENT_STATE.paused]: 'paused',
  [EVENT_STATE.closed]: 'closed',
};

/** The definition that a frame sets, or null. */
export function frameDefinition(words: Int32Array, frame: number): EventDefinition | null {
  const at = definitionAt(headerKind(words[frame + WORD_HEADER]));
  if (at === null) return null;
  const byte = words.byteOffset + (frame + at.definition) * 4;
  return parseDefinition(new Uint8Array(words.buffer, byte, words[frame + at.definitionBytes]).slice());
}

function definitionAt(kind: number): { definition: number; definitionBytes: number } | null {
  switch (kind) {
    case FRAME_KIND.define:
      return DEFINE;
    case FRAME_KIND.create:
      return CREATE;
    case FRAME_KIND.patch:
      return PATCH;
    default:
      return null;
  }
}

function isCancel(kind: number): boolean {
  return kind === FRAME_KIND.cancel || kind === FRAME_KIND.withdraw;
}

function isBlock(kind: number): boolean {
  return kind === FRAME_KIND.block || kind === FRAME_KIND.unblock;
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8');
}

interface Touched {
  /** Seats that the change gave another state, or another deadline. */
  readonly seats: readonly number[];
  /** Of a change of a hold: the seats that it gave up. */
  readonly removed: readonly number[];
  /** Of a cancellation: the numbers of the tickets that it ended, from 0. */
  readonly tickets: readonly number[];
}

const UNTOUCHED: Touched = { seats: [], removed: [], tickets: [] };

function touchedBy(words: Int32Array, frame: number, kind: number): Touched {
  if (isBlock(kind)) return { ...UNTOUCHED, seats: [...blockedSeats(words, frame)] };
  if (!isAboutClaim(kind)) return UNTOUCHED;
  const all = decodeItems(words, frame + itemsOffset(words, frame), itemsCount(words, frame));
  if (kind === FRAME_KIND.change) {
    const count = words[frame + CHANGE.removedCount];
    const removed = decodeItems(words, frame + removedOffset(words, frame), count);
    const added = all.slice(all.length - words[frame + CHANGE.addedCount]);
    return { seats: seatsOf(added), removed: seatsOf(removed), tickets: [] };
  }
  if (!isCancel(kind)) return { ...UNTOUCHED, seats: seatsOf(all) };
  const seats: number[] = [];
  const tickets: number[] = [];
  let ticket = 0;
  for (const item of all) {
    for (let place = 0; place < item.quantity; place++, ticket++) {
      const word = words[frame + SETTLE.newly + (ticket >>> 5)];
      if (((word >>> (ticket & 31)) & 1) === 0) continue;
      tickets.push(ticket);
      if (item.seat >= 0) seats.push(item.seat);
    }
  }
  return { seats, removed: [], tickets };
}

function seatsOf(items: readonly { readonly seat: number }[]): number[] {
  return items.map((item) => item.seat).filter((seat) => seat >= 0);
}

/** Whether a change is one of a seat's. */
export function hasSeat(words: Int32Array, frame: number, seat: number): boolean {
  const touched = touchedBy(words, frame, headerKind(words[frame + WORD_HEADER]));
  return touched.seats.includes(seat) || touched.removed.includes(seat);
}

/** One change as JSON. */
export function changeJson(names: HistoryNames, words: Int32Array, frame: number): object {
  const kind = headerKind(words[frame + WORD_HEADER]);
  const name = KIND_NAMES[kind];
  assert(name !== undefined, 'a frame of an event is of a kind that has a name');
  const head = {
    sequence: wide(words, frame + WORD_SEQUENCE),
    time: isoTime(wide(words, frame + WORD_TIME)),
    kind: name,
  };
  if (!isAboutClaim(kind) && !isBlock(kind)) {
    return { ...head, ...eventFields(words, frame, kind), seats: [], sections: [] };
  }
  const touched = touchedBy(words, frame, kind);
  const label = (seat: number): string => names.label(seat);
  const places = {
    seats: touched.seats.map(label),
    ...(kind === FRAME_KIND.change && { removed: touched.removed.map(label) }),
    sections: sectionsJson(names, words, frame, kind),
  };
  if (isBlock(kind)) {
    const reason = text(blockReason(words, frame));
    return { ...head, ...places, ...(reason !== '' && { reason }) };
  }
  const suffix = claimSuffixAt(names, words, frame);
  return {
    ...head,
    ...claimFields(words, frame, kind, suffix),
    ...places,
    ...(isCancel(kind) && {
      tickets: touched.tickets.map((ticket) => `ticket_${suffix}_${ticket + 1}`),
      ...(kind === FRAME_KIND.withdraw && { to: 'blocked' }),
    }),
  };
}

function eventFields(words: Int32Array, frame: number, kind: number): object {
  if (kind === FRAME_KIND.patch) {
    return { version: words[frame + PATCH.version], state: STATE_NAMES[words[frame + PATCH.state]] };
  }
  return kind === FRAME_KIND.archive ? { version: words[frame + ARCHIVE.version], state: 'archived' } : {};
}

function claimSuffixAt(names: HistoryNames, words: Int32Array, frame: number): string {
  const random = frame + RANDOM_OFFSET;
  return suffixOf(names, words[frame + CLAIM_FACT.cell], [
    words[random],
    words[random + 1],
    words[random + 2],
  ]);
}

const ORDER_KINDS: ReadonlySet<number> = new Set([
  FRAME_KIND.order,
  FRAME_KIND.confirm,
  FRAME_KIND.retake,
  FRAME_KIND.cancel,
  FRAME_KIND.withdraw,
]);

function claimFields(words: Int32Array, frame: number, kind: number, suffix: string): object {
  const customer = isNewClaim(kind) ? text(customerBytes(words, frame)) : '';
  const hasNote = isNewClaim(kind) || kind === FRAME_KIND.confirm || kind === FRAME_KIND.retake;
  const note = hasNote || isCancel(kind) ? text(noteBytes(words, frame).first) : '';
  const expires = deadlineAt(kind);
  return {
    hold: `hold_${suffix}`,
    ...(ORDER_KINDS.has(kind) && { order: `order_${suffix}` }),
    ...(customer !== '' && { customer }),
    ...(note !== '' && (isCancel(kind) ? { reason: note } : { reference: note })),
    ...(expires > 0 && { expiresAt: isoTime(wide(words, frame + expires)) }),
  };
}

/** Where a frame keeps the deadline that it sets; 0 when it sets none. */
function deadlineAt(kind: number): number {
  if (kind === FRAME_KIND.hold) return CLAIM_FACT.expires;
  return kind === FRAME_KIND.extend ? SETTLE.expires : 0;
}

/** How many places of which sections moved; in a change of a hold, fewer than before is below 0. */
function sectionsJson(names: HistoryNames, words: Int32Array, frame: number, kind: number): object[] {
  const count = sectionFactCount(words, frame, kind);
  const sections: object[] = [];
  for (let i = 0; i < count; i++) {
    const fact = words[frame + sectionsOffset(kind) + i * SECTION_FACT_WORDS];
    const quantity = fact >> 16;
    if (quantity !== 0) sections.push({ section: names.section(fact & 0xffff), quantity });
  }
  return sections;
}
