/**
 * A refusal of the engine as a problem: with the numbers behind it, the names that people know, and a sentence.
 */
import type { BatchReply, BatchRequest } from '../core/batch.ts';
import type { ProblemExtras } from '../core/problems.ts';
import type { Refusal } from '../engine/command.ts';
import type { EventDefinition, SeatMap } from '../engine/definition.ts';
import { problemReply } from './replies.ts';

/** More seats than this are counted, not named: a block call may meet 2,000. */
const SEATS_NAMED_MAX = 100;

export function refusalReply(
  event: { readonly map: SeatMap },
  request: BatchRequest,
  refusal: Refusal,
  sequence: number,
  words?: string,
): BatchReply {
  const { map } = event;
  const seats = refusal.seats?.slice(0, SEATS_NAMED_MAX).map((seat) => map.label(seat));
  const detail = words ?? refusalDetail(map.definition, refusal, seats ?? []);
  const { requested, available, held, limit, total } = refusal;
  const extras: ProblemExtras = { detail, limit, requested, available, held, total, seats, sequence };
  return problemReply(refusal.code, request.requestId, extras);
}

function refusalDetail(
  definition: EventDefinition,
  refusal: Refusal,
  seats: readonly string[],
): string | undefined {
  const { requested, available, held, limit } = refusal;
  const section = refusal.section === undefined ? '' : definition.sections[refusal.section].id;
  switch (refusal.code) {
    case 'sold-out':
      return held === 0
        ? `Section ${section} is sold out`
        : `Section ${section} has nothing available; ${held} places are held and may come back`;
    case 'not-enough-available':
      return `Section ${section} has ${available} places available, ${requested} were asked for`;
    case 'no-adjacent-seats':
      return `Section ${section} has no ${requested} seats side by side`;
    case 'seat-unavailable':
      return seatsDetail(refusal.seats?.length ?? 0, seats);
    case 'price-changed':
      return `The total is ${refusal.total} in minor units, ${requested} was expected`;
    case 'customer-limit':
      return `The customer has ${held} tickets and asks for ${requested} more; the event allows ${limit}`;
    case 'customer-hold-limit':
      return `The customer has ${held} holds; the event allows ${limit}`;
    case 'extend-limit':
      return `A hold of this event lasts at most ${definition.limits.maxHoldSeconds} seconds from its creation on`;
    case 'capacity-in-use':
      return `Section ${section} has ${held} places held, sold or blocked; its capacity cannot become ${requested}`;
    case 'event-in-use':
      return `Event ${definition.id} has holds that are alive, of ${held} places; release them or wait until they end`;
    default:
      return saleDetail(definition, refusal.code);
  }
}

function seatsDetail(count: number, seats: readonly string[]): string {
  const more = count > seats.length ? ` and ${count - seats.length} more` : '';
  return `Not available: ${seats.join(', ')}${more}`;
}

/** Why an event takes no claims, and when it will or did. */
function saleDetail(definition: EventDefinition, code: string): string | undefined {
  const { id, state, salesFrom, salesUntil } = definition;
  switch (code) {
    case 'sale-not-started':
      return state === 'draft' || salesFrom === null
        ? `Event ${id} is a draft; its sale has not been opened`
        : `The sale of ${id} starts at ${salesFrom}`;
    case 'sale-paused':
      return `The sale of ${id} is paused`;
    case 'sale-closed':
      return state === 'open' && salesUntil !== null
        ? `The sale of ${id} ended at ${salesUntil}`
        : `The sale of ${id} is closed`;
    default:
      return undefined;
  }
}
