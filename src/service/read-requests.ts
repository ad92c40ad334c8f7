/**
 * Reads: answered beside the writing batch, without a lock where they can.
 */
import type { BatchReply, BatchRequest } from '../core/batch.ts';
import { isEventId, parseClaimId } from '../core/ids.ts';
import { ENDED_HOLD_READABLE_MS } from '../core/limits.ts';
import {
  AVAILABILITY,
  GET_EVENT,
  GET_HOLD,
  GET_ORDER,
  LIST_EVENTS,
  OPERATIONS,
  SEAT,
  SEATS,
} from '../core/operations.ts';
import { findClaim, type BatchContext } from '../engine/command.ts';
import {
  decodeClaim,
  readClaim,
  readConsistent,
  readCounts,
  readSeat,
  readSeatStates,
  type Claim,
  type SectionCounts,
} from '../engine/read.ts';
import { readGuard } from '../memory/guard.ts';
import { CLAIM_STATE, SECTION } from '../memory/layout.ts';
import { sectionBase, viewEvent } from '../memory/event.ts';
import { eventSlots, REGISTRY_SLOT } from '../memory/registry.ts';
import { headPosition } from '../memory/ring.ts';
import type { CachedEvent, WorkerCache } from './cache.ts';
import { parseQuery, queryNumber, type ParseFailure } from './parse.ts';
import { claimSuffixOf, eventJson, eventSummaryJson, holdJson, isoTime, orderJson } from './render.ts';
import { emptyReply, isNoneMatch, jsonReply, octetsReply, problemReply, textReply } from './replies.ts';

/** A reply and the journal position that must be durable before it leaves. */
export interface ReadResult {
  readonly reply: BatchReply;
  readonly position: number;
}

export interface ReadDeps {
  readonly context: BatchContext;
  readonly cache: WorkerCache;
  /** First characters of the journal's incarnation, for ETags. */
  readonly incarnation: string;
}

const LIST_DEFAULT = 50;
const LIST_MAX = 500;
const LETTERS = 'ahsb';
const STATE_NAMES = ['available', 'held', 'sold', 'blocked'] as const;

/** Answers one read. `slot` is the event's, or the registry's when the call names no event that is there. */
export function serveRead(deps: ReadDeps, slot: number, request: BatchRequest): ReadResult {
  const { context, cache } = deps;
  const event = slot === REGISTRY_SLOT ? null : cache.event(slot);
  if (request.operation === LIST_EVENTS.code) return listEvents(deps, request);
  if (event === null) {
    return { reply: notFound(request), position: headPosition(context.arena) };
  }
  switch (request.operation) {
    case GET_EVENT.code:
      return cached(deps, event, request, 'event', () => getEvent(event));
    case AVAILABILITY.code:
      return cached(deps, event, request, 'availability', () => availability(deps, event));
    case SEATS.code:
      return seats(deps, event, request);
    case SEAT.code:
      return seat(deps, event, request);
    case GET_HOLD.code:
    case GET_ORDER.code:
      return claim(deps, event, request);
    default:
      return { reply: notFound(request), position: headPosition(context.arena) };
  }
}

function notFound(request: BatchRequest): BatchReply {
  const operation = OPERATIONS.find(({ code }) => code === request.operation);
  switch (operation?.subject) {
    case 'hold':
      return problemReply('hold-not-found', request.requestId);
    case 'order':
      return problemReply('order-not-found', request.requestId);
    case 'event': {
      const detail = isEventId(request.subject)
        ? `There is no event ${request.subject}`
        : 'An event id is lower-case letters, digits and hyphens';
      return problemReply('event-not-found', request.requestId, { detail });
    }
    default:
      return problemReply('not-found', request.requestId);
  }
}

/** A public read: from the cache while it is true, else made and kept; 304 where the caller has it. */
function cached(
  deps: ReadDeps,
  event: CachedEvent,
  request: BatchRequest,
  name: string,
  make: () => ReadResult,
): ReadResult {
  const ready = deps.cache.ready(event, name);
  let result: ReadResult;
  if (ready !== null) {
    result = ready;
  } else {
    const guard = readGuard(deps.context.arena, event.slot);
    result = make();
    const isStill = readGuard(deps.context.arena, event.slot) === guard;
    if (isStill && result.reply.status === 200)
      deps.cache.keep(event, name, guard, result.reply, result.position);
  }
  const { etag, sequence } = result.reply;
  if (etag === '' || !isNoneMatch(request.ifNoneMatch, etag)) return result;
  return { reply: emptyReply(304, { etag, sequence, isPublic: true }), position: result.position };
}

function getEvent(event: CachedEvent): ReadResult {
  const { view, map } = event;
  const json = eventJson(map.definition, view.version, view.createdAtMs);
  return {
    reply: jsonReply(200, json, { etag: `"${view.version}"`, isPublic: true }),
    position: headPosition(view.arena),
  };
}

function etagOf(deps: ReadDeps, sequence: number, variant = ''): string {
  return `"${deps.incarnation}-${sequence}${variant}"`;
}

function availability(deps: ReadDeps, event: CachedEvent): ReadResult {
  const read = readConsistent(deps.context, event.view, readCounts);
  const total = { capacity: 0, available: 0, held: 0, sold: 0, blocked: 0 };
  const sections = read.value.map((counts: SectionCounts, index) => {
    for (const name of Object.keys(total) as (keyof typeof total)[]) total[name] += counts[name];
    return { id: event.map.definition.sections[index].id, ...counts };
  });
  const json = { event: event.map.definition.id, sequence: read.sequence, ...total, sections };
  const options = { sequence: read.sequence, etag: etagOf(deps, read.sequence), isPublic: true };
  return { reply: jsonReply(200, json, options), position: read.position };
}

function seats(deps: ReadDeps, event: CachedEvent, request: BatchRequest): ReadResult {
  const { view, map } = event;
  const query = parseQuery(request.query, ['section']);
  if (!query.ok) return refusedRead(deps, request, query);
  const name = query.value.get('section');
  const only = name === undefined ? -1 : map.section(name);
  if (name !== undefined && only < 0) {
    const detail = `Event ${map.definition.id} has no section ${name}`;
    const reply = problemReply('section-not-found', request.requestId, { detail });
    return { reply, position: headPosition(view.arena) };
  }
  // By index, not by the query's text: one section has many spellings.
  const variant = `seats ${request.octets} ${only}`;
  return cached(deps, event, request, variant, () => readSeats(deps, event, only, request.octets));
}

/** States of all seats, or of the section `only`. */
function readSeats(deps: ReadDeps, event: CachedEvent, only: number, octets: boolean): ReadResult {
  const { view, map } = event;
  const first = only < 0 ? 0 : view.words[sectionBase(view, only) + SECTION.firstSeat];
  const count = only < 0 ? view.seatCount : view.words[sectionBase(view, only) + SECTION.seatCount];
  const read = readConsistent(deps.context, view, () => readSeatStates(view, first, count));
  const { sequence, position } = read;
  if (octets) {
    const options = { sequence, etag: etagOf(deps, sequence, '-bits'), isPublic: true };
    return { reply: octetsReply(packStates(read.value), options), position };
  }
  const sections = map.definition.sections
    .filter((_, index) => only < 0 || index === only)
    .filter((section) => section.kind === 'seated');
  let at = 0;
  const rowTexts = sections.map((section) => {
    const rows = section.rows.map((row) => {
      const length = row.seats.filter((entry) => entry !== null).length;
      let letters = '';
      for (let i = 0; i < length; i++) letters += LETTERS[read.value[at + i]];
      at += length;
      return `{"id":"${row.id}","seats":"${letters}"}`;
    });
    return `{"id":"${section.id}","rows":[${rows.join(',')}]}`;
  });
  const json = `{"event":"${map.definition.id}","sequence":${sequence},"sections":[${rowTexts.join(',')}]}`;
  const options = { sequence, etag: etagOf(deps, sequence), isPublic: true };
  return { reply: textReply(200, json, options), position };
}

/** Two bits a seat, four seats a byte, the first in the lowest bits. */
function packStates(states: Uint8Array): Uint8Array {
  const packed = new Uint8Array((states.length + 3) >>> 2);
  for (let i = 0; i < states.length; i++) packed[i >>> 2] |= states[i] << ((i & 3) * 2);
  return packed;
}

function refusedRead(deps: ReadDeps, request: BatchRequest, parsed: ParseFailure): ReadResult {
  const reply = problemReply(parsed.code, request.requestId, {
    detail: parsed.detail,
    errors: parsed.errors,
  });
  return { reply, position: headPosition(deps.context.arena) };
}

function seat(deps: ReadDeps, event: CachedEvent, request: BatchRequest): ReadResult {
  const { view, map } = event;
  const index = map.seat(request.seat);
  if (index < 0) {
    const detail = `Event ${map.definition.id} has no seat ${request.seat.slice(0, 100)}`;
    const reply = problemReply('seat-not-found', request.requestId, { detail });
    return { reply, position: headPosition(view.arena) };
  }
  const read = readConsistent(deps.context, view, () => readSeat(view, index));
  const { value } = read;
  const parts = request.seat.split('-');
  const owner = value.claim === null ? null : decodeClaim(value.claim);
  const suffix = owner === null ? '' : claimSuffixOf(event, owner);
  const json = {
    event: map.definition.id,
    seat: request.seat,
    section: parts.slice(0, -2).join('-'),
    row: parts.at(-2),
    number: parts.at(-1),
    state: STATE_NAMES[value.state],
    sequence: value.sequence,
    features: map.features(index),
    ...(owner !== null && { hold: `hold_${suffix}` }),
    ...(owner?.state === CLAIM_STATE.confirmed && { order: `order_${suffix}` }),
    ...(owner?.state === CLAIM_STATE.held && { expiresAt: isoTime(owner.deadlineMs) }),
  };
  return { reply: jsonReply(200, json, { sequence: read.sequence }), position: read.position };
}

function claim(deps: ReadDeps, event: CachedEvent, request: BatchRequest): ReadResult {
  const { view } = event;
  const isHold = request.operation === GET_HOLD.code;
  const ref = parseClaimId(isHold ? 'hold' : 'order', request.subject);
  const read = readConsistent(deps.context, view, () => {
    const cell = ref === null ? -1 : findClaim(view, ref);
    return cell < 0 ? null : readClaim(view, cell);
  });
  const found = read.value === null ? null : decodeClaim(read.value);
  if (found === null || !isReadable(found, isHold, deps.context.nowMs)) {
    return { reply: notFound(request), position: read.position };
  }
  const json = isHold ? holdJson(event, found, deps.context.nowMs) : orderJson(event, found);
  return { reply: jsonReply(200, json, { sequence: read.sequence }), position: read.position };
}

/** An order is readable once it is one; an ended hold for an hour. */
function isReadable(found: Claim, isHold: boolean, nowMs: number): boolean {
  const isOrder = found.state === CLAIM_STATE.confirmed || found.state === CLAIM_STATE.cancelled;
  if (!isHold) return isOrder;
  return isOrder || found.state === CLAIM_STATE.held || nowMs - found.updatedMs <= ENDED_HOLD_READABLE_MS;
}

function listEvents(deps: ReadDeps, request: BatchRequest): ReadResult {
  const { arena } = deps.context;
  const query = parseQuery(request.query, ['limit', 'after']);
  if (!query.ok) return refusedRead(deps, request, query);
  const limit = queryNumber(query.value, 'limit', LIST_DEFAULT, 1, LIST_MAX);
  if (!limit.ok) return refusedRead(deps, request, limit);
  const after = queryNumber(query.value, 'after', 0, 0, arena.limits.eventsMax);
  if (!after.ok) return refusedRead(deps, request, after);
  // The gate is read after the slots: an event is visible only once its frame is in the registry's position.
  const data: object[] = [];
  let next: string | null = null;
  let last = 0;
  for (const slot of eventSlots(arena)) {
    if (slot <= after.value) continue;
    if (data.length === limit.value) {
      next = String(last);
      break;
    }
    const event = deps.cache.event(slot);
    if (event === null) continue;
    data.push(eventSummaryJson(event.map.definition, event.view.version));
    last = slot;
  }
  return { reply: jsonReply(200, { data, next }), position: registryGate(deps) };
}

/** The position that covers every event that can be seen. Waits out a definition that is being applied. */
function registryGate(deps: ReadDeps): number {
  const { arena } = deps.context;
  return readConsistent(deps.context, viewEvent(arena, REGISTRY_SLOT), () => null).position;
}
