/**
 * What must be true of everybody alike, whatever the figures say. wrk keeps no ids: its count of replies is a lower
 * bound of what was granted, and that plus one request in flight on each connection is the upper. Pure.
 */
import type { AuditCheck } from '../../src/cli/load-audit.ts';
import { acceptedOf, refusedOf } from '../hammer.ts';
import type { HammerResult } from '../hammer.ts';
import type { Counts } from './hold-store.ts';

/** One run on an event of its own, with places left at its end. `counts` null: a server that keeps nothing. */
export function auditRun(
  name: string,
  counts: Counts | null,
  run: HammerResult,
  connections: number,
  quantity: number,
): AuditCheck[] {
  const refused = refusedOf(run);
  const answered: AuditCheck = {
    name: `${name}: nothing was refused or broken`,
    ok: refused === 0 && run.errors === 0,
    detail: `${refused} refused, ${run.errors} connection errors`,
  };
  if (counts === null) return [answered];
  const acknowledged = acceptedOf(run);
  const granted = (counts.capacity - counts.available) / quantity;
  return [
    answered,
    {
      name: `${name}: granted = acknowledged + in flight at the end`,
      ok: granted >= acknowledged && granted <= acknowledged + connections,
      detail: `${granted} granted, ${acknowledged} acknowledged, ${connections} connections`,
    },
    auditBooks(name, counts, quantity),
  ];
}

/** More requests than places, each answered: all places are granted, once, and everything else is refused. */
export function auditSellOut(
  name: string,
  counts: Counts,
  run: HammerResult,
  requests: number,
  quantity: number,
): AuditCheck[] {
  const { capacity, available } = counts;
  const granted = run.statuses['201'] ?? 0;
  const refused = run.statuses['409'] ?? 0;
  const expected = capacity / quantity;
  return [
    {
      name: `${name}: exactly the capacity is granted, everything else is refused`,
      ok: granted === expected && refused === requests - expected && run.errors === 0,
      detail: `${granted} of ${expected} granted, ${refused} refused of ${requests}, ${run.errors} broken`,
    },
    {
      name: `${name}: nothing is left, and nothing was sold twice`,
      ok: available === 0,
      detail: `${available} available of ${capacity}`,
    },
    auditBooks(name, counts, quantity),
  ];
}

/** What is gone from the capacity is what all holds have together. */
function auditBooks(name: string, counts: Counts, quantity: number): AuditCheck {
  const { capacity, available, holds, places } = counts;
  const gone = capacity - available;
  return {
    name: `${name}: places gone = places of all holds, within the capacity`,
    ok: gone === places && places === holds * quantity && available >= 0 && gone >= 0,
    detail: `${gone} gone of ${capacity}, ${holds} holds with ${places}`,
  };
}
