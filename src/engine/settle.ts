/**
 * What becomes of a hold: confirm, release, expire. A command may expire the hold that it names.
 */
import { FRAME_KIND } from '../core/frame.ts';
import { ENDED_HOLD_READABLE_MS } from '../core/limits.ts';
import type { ClaimRef } from '../core/ids.ts';
import { loadWide } from '../memory/arena.ts';
import { cellsForNote, claimItems, claimState, findFreeCells, itemBase } from '../memory/claims.ts';
import { effectiveDeadline, findDue } from '../memory/deadlines.ts';
import { cellBase, type EventView } from '../memory/event.ts';
import type { KeyHash } from '../memory/keys.ts';
import { CLAIM, CLAIM_STATE, ITEM } from '../memory/layout.ts';
import {
  assertConserved,
  checkKey,
  findClaim,
  refuse,
  replayKey,
  type BatchContext,
  type KeyCheck,
  type Outcome,
} from './command.ts';
import { PlacePlan } from './plan.ts';
import { commitSettle } from './settle-frame.ts';

const plan = new PlacePlan();

/** Counts what a whole claim holds, by section. */
function planClaim(view: EventView, cell: number): void {
  plan.clear();
  const items = claimItems(view.words[cellBase(view, cell) + CLAIM.state]);
  for (let i = 0; i < items; i++) {
    const word = view.words[itemBase(view, cell, i) + ITEM.section];
    plan.count(word & 0xffff, word >>> 16);
  }
  for (let i = 0; i < plan.sectionCount; i++) assertConserved(view, plan.sections[i]);
}

export interface ConfirmCommand {
  readonly ref: ClaimRef;
  /** When the request was fully received: a hold that was good then is good. */
  readonly receivedAtMs: number;
  readonly reference: Uint8Array | null;
  readonly key: KeyHash | null;
}

/** Makes an order of a hold. Again: the same order, unchanged. */
export function confirm(context: BatchContext, view: EventView, command: ConfirmCommand): Outcome {
  const check = checkKey(context, view, command.key);
  if (check.kind === 'refused') return check.refusal;
  if (check.kind === 'known') return replayKey(view, check.cell, check.check, 'hold-not-found');
  const cell = findClaim(view, command.ref);
  if (cell < 0) return refuse('hold-not-found');
  const state = claimState(view.words[cellBase(view, cell) + CLAIM.state]);
  if (state === CLAIM_STATE.confirmed) return { ok: true, cell, changed: false, replayed: false };
  const ended = refuseEnded(context, view, cell, state, command.receivedAtMs);
  if (ended !== null) return ended;
  const noteBytes = command.reference?.length ?? 0;
  const note = noteBytes === 0 ? -1 : findFreeCells(view, cellsForNote(noteBytes));
  if (noteBytes > 0 && note < 0) return refuse('capacity-exhausted');
  planClaim(view, cell);
  commitSettle(context, view, plan, {
    kind: FRAME_KIND.confirm,
    cell,
    state: CLAIM_STATE.confirmed,
    check,
    note: command.reference,
    noteCell: note,
    cancelled: null,
    newly: null,
  });
  return { ok: true, cell, changed: true, replayed: false };
}

/** The refusal of a claim that is no hold any more; expires it first when it has run out. */
function refuseEnded(
  context: BatchContext,
  view: EventView,
  cell: number,
  state: number,
  receivedAtMs: number,
): Outcome | null {
  if (state === CLAIM_STATE.held) {
    if (receivedAtMs < effectiveDeadline(view, cell)) return null;
    expireClaim(context, view, cell);
    return refuse('hold-expired');
  }
  if (state === CLAIM_STATE.cancelled) return refuse('order-cancelled');
  const endedMs = loadWide(view.words, cellBase(view, cell) + CLAIM.updatedLow);
  if (context.nowMs - endedMs > ENDED_HOLD_READABLE_MS) return refuse('hold-not-found');
  return refuse(state === CLAIM_STATE.released ? 'hold-released' : 'hold-expired');
}

export interface ReleaseCommand {
  readonly ref: ClaimRef;
  readonly receivedAtMs: number;
  readonly key: KeyHash | null;
}

/** Gives a hold's places back. Again: nothing changes. */
export function release(context: BatchContext, view: EventView, command: ReleaseCommand): Outcome {
  const check = checkKey(context, view, command.key);
  if (check.kind === 'refused') return check.refusal;
  if (check.kind === 'known') return { ok: true, cell: check.cell, changed: false, replayed: true };
  const cell = findClaim(view, command.ref);
  if (cell < 0) return refuse('hold-not-found');
  const state = claimState(view.words[cellBase(view, cell) + CLAIM.state]);
  if (state === CLAIM_STATE.confirmed || state === CLAIM_STATE.cancelled) return refuse('hold-confirmed');
  if (state === CLAIM_STATE.released) return { ok: true, cell, changed: false, replayed: false };
  const ended = refuseEnded(context, view, cell, state, command.receivedAtMs);
  if (ended !== null) return ended;
  endHold(context, view, cell, FRAME_KIND.release, CLAIM_STATE.released, check);
  return { ok: true, cell, changed: true, replayed: false };
}

function expireClaim(context: BatchContext, view: EventView, cell: number): void {
  endHold(context, view, cell, FRAME_KIND.expire, CLAIM_STATE.expired, { kind: 'none' });
}

function endHold(
  context: BatchContext,
  view: EventView,
  cell: number,
  kind: typeof FRAME_KIND.release | typeof FRAME_KIND.expire,
  state: number,
  check: KeyCheck,
): void {
  planClaim(view, cell);
  commitSettle(context, view, plan, {
    kind,
    cell,
    state,
    check,
    note: null,
    noteCell: -1,
    cancelled: null,
    newly: null,
  });
}

/** Expires holds that were due before `beforeMs`, at most `countMax`; returns how many. */
export function sweep(context: BatchContext, view: EventView, beforeMs: number, countMax: number): number {
  for (let expired = 0; expired < countMax; expired++) {
    const cell = findDue(view, beforeMs);
    if (cell < 0) return expired;
    expireClaim(context, view, cell);
  }
  return countMax;
}
