/** Reads what a seat map is made of. */
import type { EventDefinition, FrontrowClient, SeatsReply } from '../client/index.ts';
import { UsageError } from './exits.ts';
import type { SeatMapInput } from './seat-map-model.ts';

/** Reads of seats and counts that fell on both sides of a change are taken again, this often at most. */
const CONSISTENT_TRIES = 4;

/** Seats and counts of one sequence, or of neighbouring ones when the event never rests. */
export async function readMap(
  client: FrontrowClient,
  definition: EventDefinition,
  section: string | undefined,
): Promise<SeatMapInput> {
  const event = definition.id;
  const asked = definition.sections.find((candidate) => candidate.id === section);
  const seated = (asked === undefined ? definition.sections : [asked]).some(
    (candidate) => candidate.kind === 'seated',
  );
  for (let tries = 1; ; tries++) {
    const availability = await client.events.availability(event);
    const none: SeatsReply = { event, sequence: availability.sequence, sections: [] };
    const states = seated ? await client.events.seats(event, { section }) : none;
    if (states.sequence === availability.sequence || tries === CONSISTENT_TRIES) {
      return { definition, seats: states, availability };
    }
  }
}

/** Throws a UsageError that names what there is. */
export function checkPlace(
  definition: EventDefinition,
  sectionId: string | undefined,
  rowId: string | undefined,
): void {
  if (sectionId === undefined) return;
  const section = definition.sections.find((candidate) => candidate.id === sectionId);
  const ids = definition.sections.map((candidate) => candidate.id);
  if (section === undefined) {
    throw new UsageError(`${definition.id} has no section ${sectionId}; it has: ${ids.join(', ')}`);
  }
  if (rowId === undefined) return;
  const rows = section.kind === 'seated' ? section.rows.map((row) => row.id) : [];
  if (!rows.includes(rowId)) {
    const which = rows.length === 0 ? 'it has no rows' : `it has ${rows[0]} to ${rows.at(-1)}`;
    throw new UsageError(`section ${sectionId} has no row ${rowId}; ${which}`);
  }
}
