/**
 * Reads: answered beside the writing batch, without a lock where they can. Which read is which, ready replies, and
 * the reads of one event or claim; seats, lists and live updates have files of their own.
 */
import type { BatchReply, BatchRequest } from '../core/batch.ts';
import { parseClaimId } from '../core/ids.ts';
import { ENDED_HOLD_READABLE_MS } from '../core/limits.ts';
import {
  AVAILABILITY,
  GET_EVENT,
  GET_HOLD,
  GET_ORDER,
  LIST_EVENTS,
  LIST_HOLDS,
  LIST_ORDERS,
  READ_CHANGES,
  SEAT,
  SEATS,
} from '../core/operations.ts';
import { findClaim } from '../engine/command.ts';
import type { EventDefinition } from '../engine/definition.ts';
import { decodeClaim, readClaim, readCounts, type Claim, type SectionCounts } from '../engine/read.ts';
import { readArchived } from '../engine/scan.ts';
import { readGuard } from '../memory/guard.ts';
import { CLAIM_STATE } from '../memory/layout.ts';
import { REGISTRY_SLOT } from '../memory/registry.ts';
import type { CachedEvent } from './cache.ts';
import { serveChanges } from './changes-read.ts';
import { listClaims } from './list-claims.ts';
import { listEvents } from './list-events.ts';
import {
  definitionTag,
  notFound,
  notFoundReply,
  readCurrent,
  type MadeRead,
  type ReadDeps,
} from './read-result.ts';
import { claimSuffixOf, holdText, orderText } from './render.ts';
import { eventJson } from './render-event.ts';
import { emptyReply, isNoneMatch, jsonReply, textReply } from './replies.ts';
import { readSeats, seatOf, selectSeats } from './seat-requests.ts';

export type { ReadDeps } from './read-result.ts';

/** Answers one read. `slot` is the event's, or the registry's when the call names no event that is there. */
export function serveRead(deps: ReadDeps, slot: number, request: BatchRequest): BatchReply {
  if (request.operation === LIST_EVENTS.code) return listEvents(deps, request);
  if (slot === REGISTRY_SLOT) return notFoundReply(deps, request);
  const event = deps.cache.event(slot);
  if (event === null) return archived(deps, slot, request);
  const isHidden = event.map.definition.state === 'draft' && request.role === 'none';
  return isHidden ? notFoundReply(deps, request) : serveEvent(deps, event, request);
}

function serveEvent(deps: ReadDeps, event: CachedEvent, request: BatchRequest): BatchReply {
  switch (request.operation) {
    case GET_EVENT.code:
      return cached(deps, event, request, 'event', getEvent);
    case AVAILABILITY.code:
      return cached(deps, event, request, 'availability', availability);
    case SEATS.code: {
      const selected = selectSeats(event, request);
      if (selected.kind === 'reply') return selected.reply;
      const { name, only } = selected;
      return cached(deps, event, request, name, (_deps, known) =>
        readSeats(deps, known, only, request.octets),
      );
    }
    case SEAT.code:
      return seatOf(deps, event, request);
    case GET_HOLD.code:
    case GET_ORDER.code:
      return claimOf(deps, event, request);
    case LIST_HOLDS.code:
    case LIST_ORDERS.code:
      return listClaims(deps, event, request);
    case READ_CHANGES.code:
      return serveChanges(deps, event, request);
    default:
      return notFoundReply(deps, request);
  }
}

/** What is left of an event that has no memory any more: its summary, and nothing else. */
function archived(deps: ReadDeps, slot: number, request: BatchRequest): BatchReply {
  const event = request.operation === GET_EVENT.code ? readArchived(deps.context, slot) : null;
  if (event === null) return notFoundReply(deps, request);
  const etag = definitionTag(deps, event.version);
  const isPublic = request.keyId === '';
  if (isNoneMatch(request.ifNoneMatch, etag)) return emptyReply(304, { etag, isPublic });
  return textReply(200, Buffer.from(event.summary).toString('utf8'), { etag, isPublic });
}

/** Makes a public reply; null where the event was archived meanwhile. */
type Maker = (deps: ReadDeps, event: CachedEvent) => MadeRead | null;

/**
 * A public read: from the cache while it is true, else made and kept; 304 where the caller has it. A draft's is not
 * for caches on the way, and one for the holder of a key neither.
 */
function cached(
  deps: ReadDeps,
  event: CachedEvent,
  request: BatchRequest,
  name: string,
  make: Maker,
): BatchReply {
  let reply = deps.cache.ready(event, name);
  if (reply === null) {
    const guard = readGuard(deps.context.arena, event.slot);
    const made = make(deps, event);
    if (made === null) return archived(deps, event.slot, request);
    deps.cache.keep(made.event, name, guard, made);
    reply = made.reply;
  }
  const { etag, sequence } = reply;
  const isPublic = reply.isPublic && request.keyId === '';
  if (etag !== '' && isNoneMatch(request.ifNoneMatch, etag)) {
    return emptyReply(304, { etag, sequence, isPublic });
  }
  return isPublic === reply.isPublic ? reply : { ...reply, isPublic };
}

function isPublished(event: CachedEvent): boolean {
  return event.map.definition.state !== 'draft';
}

function getEvent(deps: ReadDeps, known: CachedEvent): MadeRead | null {
  const read = readCurrent(deps, known, () => null);
  if (read === null) return null;
  const { event, position } = read;
  const { version, createdAtMs } = event.view;
  const options = { etag: definitionTag(deps, version), isPublic: isPublished(event) };
  const json = eventJson(event.map.definition, version, createdAtMs);
  return { reply: jsonReply(200, json, options), position, event };
}

function availability(deps: ReadDeps, known: CachedEvent): MadeRead | null {
  const read = readCurrent(deps, known, ({ view }) => readCounts(view));
  if (read === null) return null;
  const { event, sequence, position } = read;
  const { definition } = event.map;
  const json = availabilityText(definition, sequence, read.value);
  const options = {
    sequence,
    etag: `"${deps.incarnation}-${sequence}"`,
    isPublic: isPublished(event),
  };
  return { reply: textReply(200, json, options), position, event };
}

/** Written out: under load it is made anew after each batch of changes. */
function availabilityText(
  { id, sections }: EventDefinition,
  sequence: number,
  counts: readonly SectionCounts[],
): string {
  let capacity = 0;
  let available = 0;
  let held = 0;
  let sold = 0;
  let blocked = 0;
  let texts = '';
  for (let section = 0; section < counts.length; section++) {
    const each = counts[section];
    capacity += each.capacity;
    available += each.available;
    held += each.held;
    sold += each.sold;
    blocked += each.blocked;
    texts +=
      `${section === 0 ? '' : ','}{"id":"${sections[section].id}","capacity":${each.capacity},` +
      `"available":${each.available},"held":${each.held},"sold":${each.sold},"blocked":${each.blocked}}`;
  }
  return (
    `{"event":"${id}","sequence":${sequence},"capacity":${capacity},"available":${available},"held":${held},` +
    `"sold":${sold},"blocked":${blocked},"sections":[${texts}]}`
  );
}

function claimOf(deps: ReadDeps, known: CachedEvent, request: BatchRequest): BatchReply {
  const kind = request.operation === GET_HOLD.code ? 'hold' : 'order';
  const ref = parseClaimId(kind, request.subject);
  const read = readCurrent(deps, known, ({ view }) => {
    const cell = ref === null ? -1 : findClaim(view, ref);
    return cell < 0 ? null : readClaim(view, cell);
  });
  if (read === null) return notFoundReply(deps, request);
  const { event, value, sequence } = read;
  const { nowMs } = deps.context;
  const found = value === null ? null : decodeClaim(value);
  if (found === null || !isReadable(found, kind, nowMs)) return notFound(request);
  const suffix = claimSuffixOf(event, found);
  const json = kind === 'hold' ? holdText(event, found, suffix, nowMs) : orderText(event, found, suffix);
  return textReply(200, json, { sequence });
}

/** An order is readable once it is one; an ended hold for an hour. */
function isReadable(found: Claim, kind: 'hold' | 'order', nowMs: number): boolean {
  const isOrder = found.state === CLAIM_STATE.confirmed || found.state === CLAIM_STATE.cancelled;
  if (kind === 'order') return isOrder;
  return isOrder || found.state === CLAIM_STATE.held || nowMs - found.updatedMs <= ENDED_HOLD_READABLE_MS;
}
