/** Canned replies for every call of the interface: for tests of what commands print, not of what a server does. */
import type { EventDefinition, SeatLetter } from '../../src/client/index.ts';
import { problem, startFakeServer } from '../client/fake-server.ts';
import type { Asked, Canned, FakeServer } from '../client/fake-server.ts';
import { ARCHIVED, BLOCKED, CHANGES, HOLD, ORDER, PLAIN_ORDER } from './sample-claims.ts';
import { ARENA, GALA, OPERA, sellingWell, stateOf } from './sample-events.ts';
import type { StateRule } from './sample-events.ts';

const EVENTS: Readonly<Record<string, EventDefinition>> = { gala: GALA, opera: OPERA, arena: ARENA };

/** The one row of OPERA: a little of everything. */
const STALLS: readonly SeatLetter[] = ['b', 'a', 'h', 'h', 'a', 's', 's', 'a'];

export function boxOffice(asked: Asked): Canned {
  const [path, query = ''] = asked.path.split('?');
  const [, , what, id = '', call, label] = path.split('/');
  if (what === 'holds') return holdReply(asked.method, call);
  if (what === 'orders') return { status: 200, body: ORDER };
  if (id === '') return asked.method === 'POST' ? { status: 201, body: OPERA } : listReply(query);
  if (id === ARCHIVED.id && call === undefined) return { status: 200, body: ARCHIVED };
  const event = EVENTS[id];
  if (event === undefined) return problem(404, 'event-not-found', { detail: 'There is no such event' });
  if (asked.method === 'PATCH') return { status: 200, body: patched(event, asked.body) };
  return eventReply(event, asked.method, call, label);
}

export function startBoxOffice(): Promise<FakeServer> {
  return startFakeServer(boxOffice);
}

function holdReply(method: string, call: string | undefined): Canned {
  if (method === 'DELETE') return { status: 204 };
  if (call === 'confirm') return { status: 201, body: ORDER };
  return { status: 200, body: call === 'extend' ? { ...HOLD, expiresInMs: 600_000 } : HOLD };
}

function listReply(query: string): Canned {
  const include = query.includes('include=availability');
  const tour = { ...OPERA, id: 'tour', name: '劇場 on tour', state: 'paused' as const };
  const data: unknown[] = [GALA, OPERA, tour].map((event) => {
    const { id, name, state, version, startsAt, timeZone, currency } = event;
    const summary = { id, name, state, version, startsAt, timeZone, currency, capacity: 5084 };
    const availability = { available: 1084, held: 300, sold: 3650, blocked: 50 };
    return include ? Object.assign(summary, { availability }) : summary;
  });
  if (query.includes('archived')) data.push(ARCHIVED);
  return { status: 200, body: { data, next: null } };
}

function patched(event: EventDefinition, body: unknown): unknown {
  const patch = body as { name?: string; state?: string };
  if (patch.state === 'archived') return { ...ARCHIVED, id: event.id, name: event.name };
  return {
    ...event,
    name: patch.name ?? event.name,
    state: patch.state ?? event.state,
    version: event.version + 1,
  };
}

function eventReply(
  event: EventDefinition,
  method: string,
  call: string | undefined,
  label: string | undefined,
): Canned {
  const rule: StateRule = event === OPERA ? (_section, _row, seat) => STALLS[seat] : sellingWell;
  const { seats, availability } = stateOf(event, rule);
  switch (call) {
    case undefined:
      return { status: 200, body: event, headers: { etag: `"1-${event.version}"` } };
    case 'availability':
      return { status: 200, body: availability, headers: { etag: `"1-${availability.sequence}"` } };
    case 'seats':
      return { status: 200, body: label === undefined ? seats : seatReply(event.id, label) };
    case 'history':
      return { status: 200, body: { data: CHANGES, next: null } };
    case 'holds':
      return method === 'POST'
        ? { status: 201, body: HOLD }
        : { status: 200, body: { data: [HOLD, { ...HOLD, state: 'expired', customer: null }], next: null } };
    case 'orders':
      return method === 'POST'
        ? { status: 201, body: ORDER }
        : { status: 200, body: { data: [ORDER, PLAIN_ORDER], next: null } };
    case 'block':
    case 'unblock':
      return { status: 200, body: BLOCKED };
    default:
      return problem(404, 'not-found');
  }
}

function seatReply(event: string, seat: string): unknown {
  const [section, row, number] = seat.split('-');
  const claim = { hold: HOLD.id, expiresAt: HOLD.expiresAt };
  const features = ['wheelchair'];
  return { event, seat, section, row, number, state: 'held', sequence: 1042, features, ...claim };
}
