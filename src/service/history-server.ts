/**
 * `GET …/history`: pages of an event's changes, from the frames in the journal's files. History thread; it reads the
 * event's definition from the arena and takes no mutex.
 *
 * `after` is a sequence. A page that stopped in the middle of the files for having scanned enough gives a `next` that
 * also says where to go on: `sequence.segment.offset.position`.
 */
import {
  decodeRequestHeader,
  decodeRequests,
  encodeReplies,
  type BatchReply,
  type BatchRequest,
} from '../core/batch.ts';
import { FRAME_KIND, headerKind, wide, WORD_HEADER, WORD_SEQUENCE, WORD_TIME } from '../core/frame.ts';
import { parseDefinition, SeatMap } from '../engine/definition.ts';
import {
  customerBytes,
  itemsCount,
  itemsOffset,
  noteBytes,
  randomOffset,
  SETTLE,
  SECTION_FACT_WORDS,
  sectionFactCount,
  sectionsOffset,
} from '../engine/facts.ts';
import { decodeItems } from '../engine/read.ts';
import type { Arena } from '../memory/arena.ts';
import { definitionBytes, viewEvent } from '../memory/event.ts';
import { EVENT_STATE } from '../memory/layout.ts';
import { eventState, REGISTRY_SLOT } from '../memory/registry.ts';
import { headPosition, loadDurable } from '../memory/ring.ts';
import { invalid, parseQuery, queryNumber, type Parsed } from './parse.ts';
import { isoTime, suffixOf, type EventNames } from './render.ts';
import { jsonReply, problemReply } from './replies.ts';

interface Cursor {
  readonly segment: number;
  readonly offset: number;
  readonly position: number;
}

interface FrameQuery {
  readonly slot: number;
  readonly generation: number;
  readonly afterSequence: number;
  readonly cursor?: Cursor;
  readonly upTo: number;
  readonly framesMax: number;
}

type FramePage =
  | { readonly kind: 'page'; readonly lastSequence: number; readonly next: Cursor | null }
  | { readonly kind: 'trimmed'; readonly firstSequence: number | null }
  | { readonly kind: 'bad-cursor' }
  | { readonly kind: 'corrupt'; readonly file: string; readonly offset: number };

/** The journal's history reader, handed in: this layer knows no files. */
export type ReadFrames = (
  query: FrameQuery,
  visit: (words: Int32Array, frame: number, position: number) => void,
) => FramePage;

const PAGE_DEFAULT = 50;
const PAGE_MAX = 500;
/** With a seat filter most frames are passed over. */
const FILTERED_FRAMES_MAX = 100_000;
/** Events whose names are kept. */
const EVENTS_MAX = 32;

const KIND_NAMES: Readonly<Record<number, string>> = {
  [FRAME_KIND.define]: 'defined',
  [FRAME_KIND.hold]: 'held',
  [FRAME_KIND.order]: 'ordered',
  [FRAME_KIND.confirm]: 'confirmed',
  [FRAME_KIND.release]: 'released',
  [FRAME_KIND.expire]: 'expired',
  [FRAME_KIND.cancel]: 'cancelled',
};

interface HistoryQuery {
  readonly limit: number;
  readonly afterSequence: number;
  readonly cursor: Cursor | null;
  /** Seat index, or -1 for all. */
  readonly seat: number;
}

export class HistoryServer {
  readonly #arena: Arena;
  readonly #readFrames: ReadFrames;
  readonly #names = new Map<number, EventNames & { readonly version: number }>();

  constructor(arena: Arena, readFrames: ReadFrames) {
    this.#arena = arena;
    this.#readFrames = readFrames;
  }

  serve(batch: ArrayBuffer): ArrayBuffer {
    const { batchId, eventSlot } = decodeRequestHeader(batch);
    // Read first: whatever is seen after it is at most this far.
    const durable = loadDurable(this.#arena);
    const replies = decodeRequests(batch).map((request) => this.#reply(eventSlot, request, durable));
    // The event itself, its names and that it is there come from live memory: told when those are durable, too.
    const gate = headPosition(this.#arena);
    const header = { batchId, gate, nextDeadlineMs: Infinity, expired: 0, moreDue: false };
    return encodeReplies(header, replies);
  }

  #reply(slot: number, request: BatchRequest, durable: number): BatchReply {
    const state = slot === REGISTRY_SLOT ? EVENT_STATE.free : eventState(this.#arena, slot);
    if (state === EVENT_STATE.free) {
      const detail = `There is no event ${request.subject.slice(0, 64)}`;
      return problemReply('event-not-found', request.requestId, { detail });
    }
    const names = this.#namesOf(slot);
    const query = readQuery(request.query, names.map);
    if (!query.ok) {
      return problemReply(query.code, request.requestId, { detail: query.detail, errors: query.errors });
    }
    return this.#page(names, request, query.value, durable);
  }

  /** Names of the event's seats; those of the events asked for last are kept. */
  #namesOf(slot: number): EventNames {
    const view = viewEvent(this.#arena, slot);
    const known = this.#names.get(slot);
    if (known?.generation === view.generation && known.version === view.version) return known;
    const map = new SeatMap(parseDefinition(definitionBytes(view)));
    const names = { slot, generation: view.generation, version: view.version, map };
    if (this.#names.size >= EVENTS_MAX) this.#names.clear();
    this.#names.set(slot, names);
    return names;
  }

  #page(names: EventNames, request: BatchRequest, query: HistoryQuery, durable: number): BatchReply {
    const data: object[] = [];
    let lastKept = query.afterSequence;
    let isFull = false;
    const page = this.#readFrames(
      {
        slot: names.slot,
        generation: names.generation,
        afterSequence: query.afterSequence,
        ...(query.cursor !== null && { cursor: query.cursor }),
        upTo: durable,
        framesMax: query.seat < 0 ? query.limit : FILTERED_FRAMES_MAX,
      },
      (words, frame) => {
        if (isFull) return;
        if (query.seat >= 0 && !hasSeat(words, frame, query.seat)) return;
        data.push(changeJson(names, words, frame));
        lastKept = wide(words, frame + WORD_SEQUENCE);
        isFull = data.length === query.limit;
      },
    );
    switch (page.kind) {
      case 'page':
        return jsonReply(200, { data, next: nextOf(page, isFull, lastKept) });
      case 'trimmed': {
        const first = page.firstSequence;
        const detail =
          first === null
            ? 'That part of the history is no longer kept'
            : `The history begins at sequence ${first}; ask with after=${first - 1}`;
        return problemReply('history-trimmed', request.requestId, {
          detail,
          ...(first !== null && { sequence: first }),
        });
      }
      case 'bad-cursor': {
        const fault = { pointer: '?after', code: 'bad-value', detail: '?after is no cursor of this history' };
        return problemReply('invalid-request', request.requestId, { detail: fault.detail, errors: [fault] });
      }
      case 'corrupt': {
        const detail = `The journal file ${page.file} cannot be read at offset ${page.offset}`;
        return problemReply('internal-error', request.requestId, { detail, applied: false });
      }
    }
  }
}

/** Where the next page begins; null when this one reached the end. */
function nextOf(page: FramePage & { kind: 'page' }, isFull: boolean, lastKept: number): string | null {
  if (isFull) return String(lastKept);
  if (page.next === null) return null;
  const { segment, offset, position } = page.next;
  return `${page.lastSequence}.${segment}.${offset}.${position}`;
}

function readQuery(text: string, map: SeatMap): Parsed<HistoryQuery> {
  const query = parseQuery(text, ['limit', 'after', 'seat']);
  if (!query.ok) return query;
  const limit = queryNumber(query.value, 'limit', PAGE_DEFAULT, 1, PAGE_MAX);
  if (!limit.ok) return limit;
  const after = query.value.get('after') ?? '0';
  if (!/^\d{1,16}(\.\d{1,16}){0,3}$/.test(after)) {
    const detail = '?after is a sequence, or the next of the page before';
    return invalid([{ pointer: '?after', code: 'bad-format', detail }]);
  }
  const [sequence, segment, offset, position] = after.split('.').map(Number);
  const label = query.value.get('seat');
  const seat = label === undefined ? -1 : map.seat(label);
  if (label !== undefined && seat < 0) {
    const detail = `there is no seat ${label.slice(0, 100)}`;
    return invalid([{ pointer: '?seat', code: 'unknown-seat', detail }]);
  }
  const cursor = position === undefined ? null : { segment, offset, position };
  return { ok: true, value: { limit: limit.value, afterSequence: sequence, cursor, seat } };
}

function hasSeat(words: Int32Array, frame: number, seat: number): boolean {
  if (headerKind(words[frame + WORD_HEADER]) === FRAME_KIND.define) return false;
  const items = decodeItems(words, frame + itemsOffset(words, frame), itemsCount(words, frame));
  return items.some((item) => item.seat === seat);
}

/** One change as JSON. */
function changeJson(names: EventNames, words: Int32Array, frame: number): object {
  const kind = headerKind(words[frame + WORD_HEADER]);
  const head = {
    sequence: wide(words, frame + WORD_SEQUENCE),
    time: isoTime(wide(words, frame + WORD_TIME)),
    kind: KIND_NAMES[kind],
  };
  if (kind === FRAME_KIND.define) return { ...head, seats: [], sections: [] };
  const random = frame + randomOffset(kind);
  const cell = words[frame + 8];
  const suffix = suffixOf(names, cell, [words[random], words[random + 1], words[random + 2]]);
  const isOrder = kind === FRAME_KIND.order || kind === FRAME_KIND.confirm || kind === FRAME_KIND.cancel;
  const isNew = kind === FRAME_KIND.hold || kind === FRAME_KIND.order;
  const items = decodeItems(words, frame + itemsOffset(words, frame), itemsCount(words, frame));
  const isTouched = (ticket: number): boolean =>
    kind !== FRAME_KIND.cancel ||
    ((words[frame + SETTLE.newly + (ticket >>> 5)] >>> (ticket & 31)) & 1) === 1;
  const seats: string[] = [];
  const tickets: string[] = [];
  let ticket = 0;
  for (const item of items) {
    for (let place = 0; place < item.quantity; place++, ticket++) {
      if (!isTouched(ticket)) continue;
      if (item.seat >= 0) seats.push(names.map.label(item.seat));
      if (kind === FRAME_KIND.cancel) tickets.push(`ticket_${suffix}_${ticket + 1}`);
    }
  }
  const customer = isNew ? Buffer.from(customerBytes(words, frame)).toString('utf8') : '';
  const reference =
    isNew || kind === FRAME_KIND.confirm ? Buffer.from(noteBytes(words, frame)).toString('utf8') : '';
  return {
    ...head,
    hold: `hold_${suffix}`,
    ...(isOrder && { order: `order_${suffix}` }),
    ...(customer !== '' && { customer }),
    ...(reference !== '' && { reference }),
    seats,
    sections: sectionsJson(names, words, frame, kind),
    ...(kind === FRAME_KIND.cancel && { tickets }),
  };
}

function sectionsJson(names: EventNames, words: Int32Array, frame: number, kind: number): object[] {
  const count = sectionFactCount(words, frame, kind);
  const sections: object[] = [];
  for (let i = 0; i < count; i++) {
    const fact = words[frame + sectionsOffset(kind) + i * SECTION_FACT_WORDS];
    sections.push({ section: names.map.definition.sections[fact & 0xffff].id, quantity: fact >>> 16 });
  }
  return sections;
}
