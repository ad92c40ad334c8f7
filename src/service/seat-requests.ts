/**
 * `GET …/seats` and `GET …/seats/{seat}`: states of all seats or of a section's, and one seat.
 */
import type { BatchReply, BatchRequest } from '../core/batch.ts';
import { mayAct } from '../core/roles.ts';
import { decodeClaim, readSeat } from '../engine/read.ts';
import { CLAIM_STATE } from '../memory/layout.ts';
import type { CachedEvent } from './cache.ts';
import { parseQuery } from './parse.ts';
import { parseProblem } from './prepared.ts';
import { notFoundReply, readCurrent, type MadeRead, type ReadDeps } from './read-result.ts';
import { claimSuffixOf, isoTime } from './render.ts';
import { jsonReply, octetsReply, problemReply, textReply } from './replies.ts';
import { seatBits, seatLetters, withHead } from './seat-states.ts';

/** In the order of SEAT_STATE. */
const STATE_NAMES = ['available', 'held', 'sold', 'blocked'] as const;

export type SelectedSeats =
  | { readonly kind: 'reply'; readonly reply: BatchReply }
  /** Index of the section, or -1 for all, and the name under which the reply is kept. */
  | { readonly kind: 'seats'; readonly only: number; readonly name: string };

export function selectSeats({ map }: CachedEvent, request: BatchRequest): SelectedSeats {
  const query = parseQuery(request.query, ['section']);
  if (!query.ok) return { kind: 'reply', reply: parseProblem(request, query) };
  const id = query.value.get('section');
  const only = id === undefined ? -1 : map.section(id);
  if (id !== undefined && only < 0) {
    const detail = `Event ${map.definition.id} has no section ${id.slice(0, 64)}`;
    return { kind: 'reply', reply: problemReply('section-not-found', request.requestId, { detail }) };
  }
  // By index, not by the query's text: one section has many spellings.
  return { kind: 'seats', only, name: `seats ${request.octets} ${only}` };
}

/** States of all seats, or of the section `only`; null where the event was archived meanwhile. */
export function readSeats(
  deps: ReadDeps,
  known: CachedEvent,
  only: number,
  octets: boolean,
): MadeRead | null {
  const read = readCurrent(deps, known, ({ view, map }) =>
    octets ? seatBits(view, map, only) : seatLetters(view, map, only),
  );
  if (read === null) return null;
  const { event, value, sequence, position } = read;
  const { id, state } = event.map.definition;
  const etag = `"${deps.incarnation}-${sequence}${octets ? '-bits' : ''}"`;
  const options = { sequence, etag, isPublic: state !== 'draft' };
  const reply = octets ? octetsReply(value, options) : textReply(200, withHead(value, id, sequence), options);
  return { reply, position, event };
}

/** One seat: for everybody where it is and its state; for who may read claims also whose it is and until when. */
export function seatOf(deps: ReadDeps, known: CachedEvent, request: BatchRequest): BatchReply {
  const read = readCurrent(deps, known, ({ view, map }) => {
    const index = map.seat(request.seat);
    return index < 0 ? null : { index, copy: readSeat(view, index) };
  });
  if (read === null) return notFoundReply(deps, request);
  const { event, value, sequence } = read;
  const { definition } = event.map;
  if (value === null) {
    const detail = `Event ${definition.id} has no seat ${request.seat.slice(0, 100)}`;
    return problemReply('seat-not-found', request.requestId, { detail });
  }
  const { index, copy } = value;
  const parts = request.seat.split('-');
  const owner = copy.claim === null || !mayAct(request.role, 'reader') ? null : decodeClaim(copy.claim);
  const suffix = owner === null ? '' : claimSuffixOf(event, owner);
  const json = {
    event: definition.id,
    seat: request.seat,
    section: parts.slice(0, -2).join('-'),
    row: parts.at(-2),
    number: parts.at(-1),
    state: STATE_NAMES[copy.state],
    sequence: copy.sequence,
    features: event.map.features(index),
    ...(owner !== null && { hold: `hold_${suffix}` }),
    ...(owner?.state === CLAIM_STATE.confirmed && { order: `order_${suffix}` }),
    ...(owner?.state === CLAIM_STATE.held && { expiresAt: isoTime(owner.deadlineMs) }),
  };
  return jsonReply(200, json, { sequence });
}
