/**
 * `GET …/seats` and `GET …/seats/{seat}`: states of all seats or of a section's, and one seat.
 */
import type { BatchRequest } from '../core/batch.ts';
import { mayAct } from '../core/roles.ts';
import { decodeClaim, readSeat, readSeatStates } from '../engine/read.ts';
import { sectionBase } from '../memory/event.ts';
import { CLAIM_STATE, SECTION } from '../memory/layout.ts';
import { headPosition } from '../memory/ring.ts';
import type { CachedEvent } from './cache.ts';
import { parseQuery } from './parse.ts';
import { notFoundResult, readCurrent, refusedRead, type ReadDeps, type ReadResult } from './read-result.ts';
import { claimSuffixOf, isoTime } from './render.ts';
import { jsonReply, octetsReply, problemReply, textReply } from './replies.ts';

/** States in the order of SEAT_STATE. */
export const STATE_LETTERS = 'ahsb';
const STATE_NAMES = ['available', 'held', 'sold', 'blocked'] as const;

export type SelectedSeats =
  | { readonly kind: 'reply'; readonly result: ReadResult }
  /** Index of the section, or -1 for all, and the name under which the reply is kept. */
  | { readonly kind: 'seats'; readonly only: number; readonly name: string };

export function selectSeats(deps: ReadDeps, event: CachedEvent, request: BatchRequest): SelectedSeats {
  const { map, view } = event;
  const query = parseQuery(request.query, ['section']);
  if (!query.ok) return { kind: 'reply', result: refusedRead(deps, request, query) };
  const id = query.value.get('section');
  const only = id === undefined ? -1 : map.section(id);
  if (id !== undefined && only < 0) {
    const detail = `Event ${map.definition.id} has no section ${id.slice(0, 64)}`;
    const reply = problemReply('section-not-found', request.requestId, { detail });
    return { kind: 'reply', result: { reply, position: headPosition(view.arena) } };
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
): (ReadResult & { readonly event: CachedEvent }) | null {
  const read = readCurrent(deps, known, ({ view }) => {
    if (only < 0) return readSeatStates(view, 0, view.seatCount);
    const base = sectionBase(view, only);
    return readSeatStates(view, view.words[base + SECTION.firstSeat], view.words[base + SECTION.seatCount]);
  });
  if (read === null) return null;
  const { event, sequence, position } = read;
  const { definition } = event.map;
  const isPublic = definition.state !== 'draft';
  const etag = (variant: string): string => `"${deps.incarnation}-${sequence}${variant}"`;
  if (octets) {
    const options = { sequence, etag: etag('-bits'), isPublic };
    return { reply: octetsReply(packStates(read.value), options), position, event };
  }
  let at = 0;
  const sectionTexts: string[] = [];
  definition.sections.forEach((section, index) => {
    if (section.kind !== 'seated' || (only >= 0 && index !== only)) return;
    const rows = section.rows.map((row) => {
      const end = at + row.seats.filter((entry) => entry !== null).length;
      let letters = '';
      for (; at < end; at++) letters += STATE_LETTERS[read.value[at]];
      return `{"id":"${row.id}","seats":"${letters}"}`;
    });
    sectionTexts.push(`{"id":"${section.id}","rows":[${rows.join(',')}]}`);
  });
  const json = `{"event":"${definition.id}","sequence":${sequence},"sections":[${sectionTexts.join(',')}]}`;
  return { reply: textReply(200, json, { sequence, etag: etag(''), isPublic }), position, event };
}

/** Two bits a seat, four seats a byte, the first in the lowest bits. */
function packStates(states: Uint8Array): Uint8Array {
  const packed = new Uint8Array((states.length + 3) >>> 2);
  for (let i = 0; i < states.length; i++) packed[i >>> 2] |= states[i] << ((i & 3) * 2);
  return packed;
}

/** One seat: for everybody where it is and its state; for who may read claims also whose it is and until when. */
export function seatOf(deps: ReadDeps, known: CachedEvent, request: BatchRequest): ReadResult {
  const read = readCurrent(deps, known, ({ view, map }) => {
    const index = map.seat(request.seat);
    return index < 0 ? null : { index, copy: readSeat(view, index) };
  });
  if (read === null) return notFoundResult(deps, request);
  const { event, value, sequence, position } = read;
  const { definition } = event.map;
  if (value === null) {
    const detail = `Event ${definition.id} has no seat ${request.seat.slice(0, 100)}`;
    return { reply: problemReply('seat-not-found', request.requestId, { detail }), position };
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
  return { reply: jsonReply(200, json, { sequence }), position };
}
