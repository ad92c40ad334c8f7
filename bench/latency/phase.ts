/**
 * One phase of the half-load bench: the open loop against one server for so many seconds, with what happened
 * to the server meanwhile, and the audit of what it sold.
 */
import type { AuditCheck } from '../../src/cli/load-audit.ts';
import { auditWrk } from '../audit.ts';
import { Child } from '../child.ts';
import { measure } from '../measure.ts';
import type { Run } from '../measure.ts';
import { QUANTITY } from '../requests.ts';
import type { Stage } from '../stage.ts';
import { defineOver, readUpkeep } from './disturbances.ts';
import type { PaceOptions, PaceResult } from './paced-run.ts';

/** As they follow each other in a run. */
export const PHASES = ['baseline', 'calm', 'definitions', 'rolls', 'snapshots', 'full-roll'] as const;
export type PhaseName = (typeof PHASES)[number];

export interface Phase {
  readonly result: PaceResult & Run;
  /** Segments that the journal has filled. */
  readonly rolls: number;
  /** Snapshots that were finished. */
  readonly snapshots: number;
  /** Of the newest snapshot; 0 when there is none. */
  readonly snapshotBytes: number;
  /** Of each large event that was defined. */
  readonly definitionMs: readonly number[];
}

export interface PhasePlan {
  readonly name: PhaseName;
  /** Also the prefix of whatever is made for it. */
  readonly event: string;
  readonly perSecond: number;
  readonly seconds: number;
  readonly seed: number;
  readonly definitions: number;
  /** What it waits for, and for how long at most; `seconds` is the least then. */
  readonly awaited?: { readonly rolls: number; readonly snapshot: boolean; readonly secondsMax: number };
}

const PACER = new URL('pacer.js', import.meta.url);
/**
 * Enough that hardly a request has to wait for one while the server answers, and that a pause of 50 ms does
 * not fill them.
 */
const CONNECTIONS = 256;

/** One for all phases: see pacer.ts. */
export function startPacer(): Promise<Child> {
  return Child.start(PACER, {});
}

export async function runPhase(
  pacer: Child,
  stage: Stage,
  plan: PhasePlan,
): Promise<{ phase: Phase; checks: readonly AuditCheck[]; events: readonly string[] }> {
  const { name, event, perSecond, seconds, seed, awaited } = plan;
  const count = Math.max(1, Math.round(perSecond * (awaited?.secondsMax ?? seconds)));
  const child = name === 'baseline' ? stage.baseline : stage.server;
  const question: PaceOptions = {
    url: child.url,
    event,
    perSecond,
    count,
    connections: CONNECTIONS,
    seed,
    tag: `s${seed}`,
    ...(awaited !== undefined && {
      awaited: { ...awaited, directory: stage.dataDirectory, secondsMin: seconds },
    }),
  };
  const pace = (): Promise<PaceResult> => pacer.ask(JSON.stringify(question)) as Promise<PaceResult>;
  if (name === 'baseline') {
    const result = await measure(child, pace);
    const phase = { result, rolls: 0, snapshots: 0, snapshotBytes: 0, definitionMs: [] };
    return { phase, checks: [allAccepted(event, result)], events: [] };
  }
  const large = Array.from({ length: plan.definitions }, (_, index) => `${event}-large-${index + 1}`);
  await stage.createEvent(event, count * QUANTITY, 0);
  const before = await readUpkeep(stage);
  const [result, definitionMs] = await Promise.all([measure(child, pace), defineOver(stage, large, seconds)]);
  const after = await readUpkeep(stage);
  const phase = {
    result,
    rolls: after.segment - before.segment,
    snapshots: after.snapshotsWritten - before.snapshotsWritten,
    snapshotBytes: after.snapshotBytes,
    definitionMs,
  };
  const checks = [
    allAccepted(event, result),
    // Nothing is in flight at the end: acknowledged is all there is.
    ...auditWrk('orders', await stage.settled(event), result, 0, QUANTITY),
    happened(plan, phase),
    {
      name: `${event}: no snapshot failed`,
      ok: after.snapshotsFailed === before.snapshotsFailed,
      detail: `${after.snapshotsFailed - before.snapshotsFailed} failed`,
    },
  ];
  return { phase, checks, events: [event, ...large] };
}

/** An order that was not taken is an answer that was cheaper than the others. */
function allAccepted(event: string, result: PaceResult): AuditCheck {
  const accepted = result.statuses['201'] ?? 0;
  return {
    name: `${event}: every order was answered with 201`,
    ok: accepted === result.replies && accepted > 0,
    detail: `${accepted} of ${result.replies}`,
  };
}

/** Without its disturbance a phase says nothing. Pure. */
export function happened(plan: Pick<PhasePlan, 'name' | 'event' | 'definitions'>, phase: Phase): AuditCheck {
  const { rolls, snapshots, definitionMs } = phase;
  const isThere: Record<PhaseName, boolean> = {
    baseline: true,
    calm: true,
    definitions: definitionMs.length === plan.definitions && definitionMs.length > 0,
    rolls: rolls > 0,
    snapshots: snapshots > 0,
    'full-roll': rolls > 0,
  };
  return {
    name: `${plan.event}: what the phase is about has happened`,
    ok: isThere[plan.name],
    detail: `${rolls} rolls, ${snapshots} snapshots, ${definitionMs.length} definitions`,
  };
}
