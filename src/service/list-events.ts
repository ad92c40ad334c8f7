/**
 * `GET /v1/events`: the events there are, in the order of their slots, with their counts if asked for.
 *
 * Drafts are listed for who holds a key that covers them, archived events when `?state=` asks for them.
 */
import type { BatchRequest } from '../core/batch.ts';
import { coversEvent } from '../core/roles.ts';
import { readCounts } from '../engine/read.ts';
import { readSummary } from '../engine/scan.ts';
import { EVENT_STATE } from '../memory/layout.ts';
import { eventSlots, eventState } from '../memory/registry.ts';
import { headPosition } from '../memory/ring.ts';
import { pageLimit, queryStates } from './list-query.ts';
import { invalid, parseQuery, queryNumber, type Parsed } from './parse.ts';
import { readCurrent, refusedRead, type ReadDeps, type ReadResult } from './read-result.ts';
import { eventSummaryJson } from './render-event.ts';
import { jsonReply } from './replies.ts';

const STATES = ['draft', 'open', 'paused', 'closed', 'archived'] as const;
type State = (typeof STATES)[number];

interface EventsQuery {
  readonly limit: number;
  /** Slot of the last event of the page before. */
  readonly after: number;
  readonly states: ReadonlySet<State>;
  readonly withAvailability: boolean;
}

/** Unless asked for: what has come to an end is not in the way of those who want to buy. */
const STATES_DEFAULT: ReadonlySet<State> = new Set(['draft', 'open', 'paused', 'closed']);

/** Slots that one page looks at: an operator may have tens of thousands of archived events. */
const SLOTS_MAX = 4096;

export function listEvents(deps: ReadDeps, request: BatchRequest): ReadResult {
  const { arena } = deps.context;
  const query = readQuery(request.query, arena.limits.eventsMax);
  if (!query.ok) return refusedRead(deps, request, query);
  const { limit, after } = query.value;
  const data: object[] = [];
  let next: string | null = null;
  let last = after;
  let looked = 0;
  for (const slot of eventSlots(arena)) {
    if (slot <= after) continue;
    if (data.length === limit || looked === SLOTS_MAX) {
      next = String(last);
      break;
    }
    looked++;
    last = slot;
    const entry = listed(deps, slot, query.value, request);
    if (entry !== null) data.push(entry);
  }
  // Read after all that was seen, whose frames are in the ring: so it covers them all.
  return { reply: jsonReply(200, { data, next }), position: headPosition(arena) };
}

/** An entry of the list; null when the event is none that was asked for, or not for the caller to see. */
function listed(deps: ReadDeps, slot: number, query: EventsQuery, request: BatchRequest): object | null {
  const known = eventState(deps.context.arena, slot) === EVENT_STATE.archived ? null : deps.cache.event(slot);
  const read =
    known === null
      ? null
      : readCurrent(deps, known, ({ view }) => (query.withAvailability ? readCounts(view) : []));
  if (read === null) {
    const summary = query.states.has('archived') ? readSummary(deps.context, slot) : null;
    return summary === null ? null : (JSON.parse(Buffer.from(summary.bytes).toString('utf8')) as object);
  }
  const { map, view } = read.event;
  const { state, id } = map.definition;
  if (!query.states.has(state)) return null;
  if (state === 'draft' && (request.role === 'none' || !coversEvent(request.events, id))) return null;
  const entry = eventSummaryJson(map.definition, view.version);
  if (!query.withAvailability) return entry;
  const availability = { available: 0, held: 0, sold: 0, blocked: 0 };
  for (const counts of read.value) {
    for (const name of Object.keys(availability) as (keyof typeof availability)[])
      availability[name] += counts[name];
  }
  return { ...entry, availability };
}

function readQuery(text: string, slotsMax: number): Parsed<EventsQuery> {
  const query = parseQuery(text, ['include', 'state', 'limit', 'after']);
  if (!query.ok) return query;
  const limit = pageLimit(query.value);
  if (!limit.ok) return limit;
  const after = queryNumber(query.value, 'after', 0, 0, slotsMax);
  if (!after.ok) return after;
  const states = queryStates(query.value, STATES);
  if (!states.ok) return states;
  const include = query.value.get('include');
  if (include !== undefined && include !== 'availability') {
    const detail = '?include is availability';
    return invalid([{ pointer: '?include', code: 'bad-value', detail }]);
  }
  return {
    ok: true,
    value: {
      limit: limit.value,
      after: after.value,
      states: states.value ?? STATES_DEFAULT,
      withAvailability: include !== undefined,
    },
  };
}
