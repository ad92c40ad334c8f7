/**
 * `GET /v1/events`: the events there are, in the order of their slots, with their counts if asked for.
 *
 * Drafts are listed for who holds a key that covers them, archived events when `?state=` asks for them.
 */
import type { BatchReply, BatchRequest } from '../core/batch.ts';
import { coversEvent } from '../core/roles.ts';
import type { BatchContext } from '../engine/command.ts';
import { parseStored } from '../engine/definition.ts';
import { lookAt } from '../engine/look.ts';
import { readConsistent, readCounts, readEvent, type SectionCounts } from '../engine/read.ts';
import { isCurrentView, readArchived } from '../engine/scan.ts';
import type { EventView } from '../memory/event.ts';
import { eventSlots, REGISTRY_SLOT } from '../memory/registry.ts';
import { pageLimit, queryStates } from './list-query.ts';
import { invalid, parseQuery, queryNumber, type Parsed } from './parse.ts';
import { parseProblem } from './prepared.ts';
import type { ReadDeps } from './read-result.ts';
import { eventSummaryJson, type EventSummary } from './render-event.ts';
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

export function listEvents(deps: ReadDeps, request: BatchRequest): BatchReply {
  const { arena } = deps.context;
  const query = readQuery(request.query, arena.limits.eventsMax);
  if (!query.ok) return parseProblem(request, query);
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
  // Each event listed was looked at by itself; `next` also tells whether there are more.
  lookAt(deps.context, REGISTRY_SLOT);
  return jsonReply(200, { data, next });
}

/** What a list needs of an event. Far less than the cache keeps, so that a long list does not push out what it has. */
interface Listable {
  readonly view: EventView;
  readonly summary: EventSummary;
}

/** A worker's, by slot; the first in are the first out. */
const LISTABLE_MAX = 4096;
const listables = new WeakMap<BatchContext, Map<number, Listable>>();

function listable(context: BatchContext, slot: number, stale: Listable | null): Listable | null {
  const known = listables.get(context) ?? new Map<number, Listable>();
  listables.set(context, known);
  const there = known.get(slot);
  if (there !== undefined && there !== stale) return there;
  known.delete(slot);
  const found = readEvent(context, slot);
  if (found === null) return null;
  const { view, json } = found;
  const made = { view, summary: eventSummaryJson(parseStored(json), view.version) };
  known.set(slot, made);
  const [oldest] = known.keys();
  if (known.size > LISTABLE_MAX && oldest !== undefined) known.delete(oldest);
  return made;
}

/** An event and its counts at one moment; null when it is archived, or not there any more. */
function readListable(
  context: BatchContext,
  slot: number,
  withCounts: boolean,
): { readonly summary: EventSummary; readonly counts: readonly SectionCounts[] } | null {
  let entry = listable(context, slot, null);
  while (entry !== null) {
    const { value } = readConsistent(context, entry.view, (view) => {
      if (!isCurrentView(view)) return null;
      return withCounts ? readCounts(view) : [];
    });
    if (value !== null) return { summary: entry.summary, counts: value };
    // Each time round a patch of the event went through.
    entry = listable(context, slot, entry);
  }
  return null;
}

/** An entry of the list; null when the event is none that was asked for, or not for the caller to see. */
function listed(deps: ReadDeps, slot: number, query: EventsQuery, request: BatchRequest): object | null {
  const read = readListable(deps.context, slot, query.withAvailability);
  if (read === null) {
    const archived = query.states.has('archived') ? readArchived(deps.context, slot) : null;
    return archived === null ? null : (JSON.parse(Buffer.from(archived.summary).toString('utf8')) as object);
  }
  const { summary, counts } = read;
  const { state, id } = summary;
  if (!query.states.has(state)) return null;
  if (state === 'draft' && (request.role === 'none' || !coversEvent(request.events, id))) return null;
  if (!query.withAvailability) return summary;
  const availability = { available: 0, held: 0, sold: 0, blocked: 0 };
  for (const section of counts) {
    for (const name of Object.keys(availability) as (keyof typeof availability)[])
      availability[name] += section[name];
  }
  return { ...summary, availability };
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
