/**
 * READ_CHANGES: what has changed in an event since a sequence, which the main thread asks for and tells everybody who
 * follows the event. `?after=` left out means from now on: nothing has changed, and this is the sequence to begin at.
 */
import type { BatchReply, BatchRequest } from '../core/batch.ts';
import { readCounts } from '../engine/read.ts';
import { readChanges } from '../engine/scan.ts';
import { loadSequence } from '../memory/guard.ts';
import type { CachedEvent } from './cache.ts';
import { parseQuery, queryNumber } from './parse.ts';
import { parseProblem } from './prepared.ts';
import { notFoundReply, readCurrent, type ReadDeps } from './read-result.ts';
import { textReply } from './replies.ts';
import { STATE_LETTERS } from './seat-states.ts';

/** With more seats than this to tell of, the reader had better fetch the seat map. */
const CHANGED_SEATS_MAX = 20_000;

export function serveChanges(deps: ReadDeps, known: CachedEvent, request: BatchRequest): BatchReply {
  const query = parseQuery(request.query, ['after']);
  if (!query.ok) return parseProblem(request, query);
  const after = queryNumber(query.value, 'after', 0, 0, Number.MAX_SAFE_INTEGER);
  if (!after.ok) return parseProblem(request, after);
  const isFromNow = !query.value.has('after');
  const read = readCurrent(deps, known, ({ view }) => {
    const now = loadSequence(view.arena, view.slot);
    // Nobody can have seen what is still to come: a sequence of another life of the journal.
    if (!isFromNow && after.value > now) return { seats: null, counts: [] };
    if (isFromNow || after.value === now)
      return { seats: { indices: [], states: [] }, counts: readCounts(view) };
    return readChanges(view, after.value, CHANGED_SEATS_MAX);
  });
  if (read === null) return notFoundReply(deps, request);
  const { event, sequence } = read;
  const { seats, counts } = read.value;
  const { definition } = event.map;
  const head = `"event":"${definition.id}","sequence":${sequence},"state":"${definition.state}"`;
  if (seats === null) return textReply(200, `{${head},"reset":true}`, { sequence });
  const seatTexts = seats.indices.map(
    (seat, i) => `"${event.map.label(seat)}":"${STATE_LETTERS[seats.states[i]]}"`,
  );
  const sections = counts.map(({ available, held, sold, blocked }, index) => ({
    id: definition.sections[index].id,
    available,
    held,
    sold,
    blocked,
  }));
  const json = `{${head},"seats":{${seatTexts.join(',')}},"sections":${JSON.stringify(sections)}}`;
  return textReply(200, json, { sequence });
}
