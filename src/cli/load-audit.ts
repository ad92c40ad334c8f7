/**
 * Audits a load through the API alone: what was acknowledged must be what is gone, no seat may have two owners,
 * and what was acknowledged must be readable. It holds only while nobody else sells the same event.
 */
import { FrontrowProblem, listSeats } from '../client/index.ts';
import type { Availability, FrontrowClient, SeatLetter } from '../client/index.ts';
import { eachLimited } from './load.ts';
import type { Grant, LoadKind, LoadResult } from './load.ts';

export interface AuditCheck {
  readonly name: string;
  readonly ok: boolean;
  /** The numbers behind it. */
  readonly detail: string;
}

export interface Audit {
  readonly ok: boolean;
  readonly checks: readonly AuditCheck[];
}

/** `before` was read before the load. Reads back at most `sampleMax` claims, spread evenly over the run. */
export async function auditLoad(
  client: FrontrowClient,
  before: Availability,
  load: LoadResult,
  sampleMax: number,
): Promise<Audit> {
  const after = await client.events.availability(load.event);
  const checks = [
    ...auditCounts(before, after, load.kind, load.grants),
    auditConservation(after),
    auditSeatOwners(load.grants),
    await auditSeatStates(client, load),
    await auditReadable(client, load, sampleMax),
  ];
  return { ok: checks.every((check) => check.ok), checks };
}

/** Places acknowledged = places gone, in each section. Pure. */
export function auditCounts(
  before: Availability,
  after: Availability,
  kind: LoadKind,
  grants: readonly Grant[],
): AuditCheck[] {
  const state = kind === 'orders' ? 'sold' : 'held';
  return after.sections.map((section) => {
    const granted = grants.reduce((sum, grant) => sum + (grant.places.get(section.id) ?? 0), 0);
    const then = before.sections.find((candidate) => candidate.id === section.id)?.[state] ?? 0;
    const gone = section[state] - then;
    const detail = `${granted} acknowledged, ${gone} ${state}`;
    return { name: `${section.id}: acknowledged = ${state}`, ok: granted === gone, detail };
  });
}

/** available + held + sold + blocked = capacity, and nothing below zero. Pure. */
export function auditConservation(after: Availability): AuditCheck {
  const wrong = [after, ...after.sections].filter(({ capacity, available, held, sold, blocked }) => {
    return available + held + sold + blocked !== capacity || Math.min(available, held, sold, blocked) < 0;
  });
  const { available, held, sold, blocked, capacity } = after;
  const detail = `${available} + ${held} + ${sold} + ${blocked} = ${capacity}`;
  return { name: 'counts add up to the capacity', ok: wrong.length === 0, detail };
}

/** Pure. */
export function auditSeatOwners(grants: readonly Grant[]): AuditCheck {
  const owners = new Map<string, string>();
  const twice: string[] = [];
  for (const grant of grants) {
    for (const seat of grant.seats) {
      const owner = owners.get(seat);
      if (owner !== undefined && owner !== grant.id) twice.push(seat);
      owners.set(seat, grant.id);
    }
  }
  const detail = twice.length === 0 ? `${owners.size} seats` : `twice: ${twice.slice(0, 5).join(', ')}`;
  return { name: 'no seat twice', ok: twice.length === 0, detail };
}

async function auditSeatStates(client: FrontrowClient, load: LoadResult): Promise<AuditCheck> {
  const expected: SeatLetter = load.kind === 'orders' ? 's' : 'h';
  const granted = new Set(load.grants.flatMap((grant) => grant.seats));
  let seen = 0;
  if (granted.size > 0) {
    const [definition, states] = await Promise.all([
      client.events.get(load.event),
      client.events.seats(load.event),
    ]);
    const letters = new Map(
      states.sections.flatMap(({ id, rows }) => rows.map((row) => [`${id}-${row.id}`, row.seats])),
    );
    for (const section of definition.state === 'archived' ? [] : definition.sections) {
      if (section.kind !== 'seated') continue;
      for (const row of section.rows) {
        const place = `${section.id}-${row.id}`;
        listSeats(row.seats).forEach(({ number }, index) => {
          if (granted.has(`${place}-${number}`) && letters.get(place)?.[index] === expected) seen++;
        });
      }
    }
  }
  const name = `the seat map shows them ${load.kind === 'orders' ? 'sold' : 'held'}`;
  return { name, ok: seen === granted.size, detail: `${seen} of ${granted.size}` };
}

async function auditReadable(
  client: FrontrowClient,
  load: LoadResult,
  sampleMax: number,
): Promise<AuditCheck> {
  const step = Math.max(1, Math.ceil(load.grants.length / sampleMax));
  const sample = load.grants.filter((_, index) => index % step === 0);
  let readable = 0;
  await eachLimited(sample, 16, async (grant) => {
    if (await isReadable(client, load.kind, grant)) readable++;
  });
  const detail = `${readable} of ${sample.length} read back, of ${load.grants.length}`;
  return { name: `acknowledged ${load.kind} are readable`, ok: readable === sample.length, detail };
}

async function isReadable(client: FrontrowClient, kind: LoadKind, grant: Grant): Promise<boolean> {
  const places = [...grant.places.values()].reduce((sum, count) => sum + count, 0);
  try {
    if (kind === 'holds') return (await client.holds.get(grant.id)).state === 'held';
    const order = await client.orders.get(grant.id);
    return order.state === 'confirmed' && order.tickets.length === places;
  } catch (error) {
    if (error instanceof FrontrowProblem && error.status === 404) return false;
    throw error;
  }
}
