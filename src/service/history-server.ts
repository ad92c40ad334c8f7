/**
 * `GET …/history`: pages of an event's changes, from the frames in the journal's files. History thread; it reads the
 * event's definition from the arena and takes no mutex.
 *
 * `after` is a sequence. A page that stopped in the middle of the files for having scanned enough gives a `next` that
 * also says where to go on: `sequence.segment.offset.position`.
 */
import type { BatchReply, BatchRequest } from '../core/batch.ts';
import { wide, WORD_SEQUENCE } from '../core/frame.ts';
import { encodeReplies } from '../core/reply-codec.ts';
import { decodeRequestHeader, decodeRequests } from '../core/request-codec.ts';
import { parseDefinition } from '../engine/definition.ts';
import { readDefinition } from '../engine/read-definition.ts';
import type { Arena } from '../memory/arena.ts';
import { EVENT_STATE } from '../memory/layout.ts';
import { REGISTRY_SLOT } from '../memory/registry.ts';
import { headPosition, loadDurable } from '../memory/ring.ts';
import {
  FRAMES_MAX,
  lastDefinition,
  type Cursor,
  type FramePage,
  type ReadFrames,
} from './history-frames.ts';
import { changeJson, hasSeat, namesOf, numberNames, type HistoryNames } from './history-render.ts';
import { invalid, parseQuery, queryNumber, type Parsed } from './parse.ts';
import { jsonReply, problemReply } from './replies.ts';

const PAGE_DEFAULT = 50;
const PAGE_MAX = 500;
/** Events whose names are kept. */
const EVENTS_MAX = 32;

interface KnownNames {
  readonly version: number;
  readonly names: HistoryNames;
}

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
  readonly #names = new Map<number, KnownNames>();

  constructor(arena: Arena, readFrames: ReadFrames) {
    this.#arena = arena;
    this.#readFrames = readFrames;
  }

  serve(batch: ArrayBuffer): ArrayBuffer {
    const { batchId, eventSlot } = decodeRequestHeader(batch);
    // Read first: whatever is seen after it is at most this far.
    const durable = loadDurable(this.#arena);
    const requests = decodeRequests(batch);
    const replies = requests.map((request) => this.#reply(eventSlot, request, durable));
    // The event itself, its names and that it is there come from live memory: told when those are durable, too.
    const gate = headPosition(this.#arena);
    const header = { batchId, gate, nextDeadlineMs: Infinity, expired: 0, moreDue: false };
    return encodeReplies(header, requests, replies);
  }

  #reply(slot: number, request: BatchRequest, durable: number): BatchReply {
    const names = slot === REGISTRY_SLOT ? null : this.#namesOf(slot, durable);
    if (names === null) {
      const detail = `There is no event ${request.subject.slice(0, 64)}`;
      return problemReply('event-not-found', request.requestId, { detail });
    }
    const query = readQuery(request.query, names);
    if (!query.ok) {
      return problemReply(query.code, request.requestId, { detail: query.detail, errors: query.errors });
    }
    return this.#page(names, request, query.value, durable);
  }

  /** Names of the event's seats, or null when there is none; those of the events asked for last are kept. */
  #namesOf(slot: number, durable: number): HistoryNames | null {
    const { state, generation, version, sequence, bytes } = readDefinition(this.#arena, slot);
    if (state === EVENT_STATE.free) return null;
    const known = this.#names.get(slot);
    if (known?.names.generation === generation && known.version === version) return known.names;
    const definition =
      bytes === null
        ? lastDefinition(this.#readFrames, { slot, generation, upTo: durable }, sequence)
        : parseDefinition(bytes);
    const names = definition === null ? numberNames(slot, generation) : namesOf(slot, generation, definition);
    if (this.#names.size >= EVENTS_MAX) this.#names.clear();
    this.#names.set(slot, { version, names });
    return names;
  }

  #page(names: HistoryNames, request: BatchRequest, query: HistoryQuery, durable: number): BatchReply {
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
        framesMax: query.seat < 0 ? query.limit : FRAMES_MAX,
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

function readQuery(text: string, names: HistoryNames): Parsed<HistoryQuery> {
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
  const seat = label === undefined ? -1 : names.seat(label);
  if (label !== undefined && seat < 0) {
    const detail = `there is no seat ${label.slice(0, 100)}`;
    return invalid([{ pointer: '?seat', code: 'unknown-seat', detail }]);
  }
  const cursor = position === undefined ? null : { segment, offset, position };
  return { ok: true, value: { limit: limit.value, afterSequence: sequence, cursor, seat } };
}
