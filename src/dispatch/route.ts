/** Which event a request is about. Main thread; looks at the directory without a lock, and never at a body. */
import { unreachable } from '../core/assert.ts';
import { parseClaimId, type ClaimIdKind } from '../core/ids.ts';
import type { Operation } from '../core/operations.ts';
import type { Arena } from '../memory/arena.ts';
import { EVENT_STATE } from '../memory/layout.ts';
import { eventGeneration, eventState, findEvent, REGISTRY_SLOT } from '../memory/registry.ts';

/** The event slot of a request's subject; the registry's when it has none; -1 when there is no such event. */
export function slotOf(arena: Arena, operation: Operation, subject: string): number {
  switch (operation.subject) {
    case 'none':
      return REGISTRY_SLOT;
    case 'event':
      return findEvent(arena, subject);
    case 'hold':
    case 'order':
      return slotOfClaim(arena, operation.subject, subject);
    default:
      return unreachable(operation.subject);
  }
}

function slotOfClaim(arena: Arena, kind: ClaimIdKind, id: string): number {
  const ref = parseClaimId(kind, id);
  if (ref === null || ref.slot === REGISTRY_SLOT || ref.slot > arena.limits.eventsMax) return -1;
  if (eventState(arena, ref.slot) === EVENT_STATE.free) return -1;
  return eventGeneration(arena, ref.slot) === ref.generation ? ref.slot : -1;
}
