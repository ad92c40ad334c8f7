/**
 * What becomes of a hold: confirm, release, extend, expire. A command may expire the hold that it names.
 */
import { FRAME_KIND } from '../core/frame.ts';
import { ENDED_HOLD_READABLE_MS } from '../core/limits.ts';
import type { ClaimRef } from '../core/ids.ts';
import { loadWide } from '../memory/arena.ts';
import {
  cellsForNote,
  claimItems,
  claimState,
  findNoteCells,
  findNoteCellsBeside,
  itemBase,
} from '../memory/claims.ts';
import { effectiveDeadline, findDue } from '../memory/deadlines.ts';
import { cellBase, seatBase, sectionBase, type EventView } from '../memory/event.ts';
import type { KeyHash } from '../memory/keys.ts';
import { CLAIM, CLAIM_STATE, ITEM, SEAT, SEAT_STATE, SEAT_STATE_MASK, SECTION } from '../memory/layout.ts';
import {
  assertConserved,
  changeTime,
  checkKey,
  findClaim,
  keepClaim,
  refuse,
  refuseSale,
  replayKey,
  type BatchContext,
  type KeyCheck,
  type Outcome,
  type Refusal,
} from './command.ts';
import { CustomerPlan, validTickets } from './customer.ts';
import type { SaleRules } from './definition.ts';
import { mergeNote, noteLength, type Note } from './note.ts';
import { PlacePlan } from './plan.ts';
import { commitSettle } from './settle-frame.ts';

const plan = new PlacePlan();
const customer = new CustomerPlan();

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

function stateOf(view: EventView, cell: number): number {
  return claimState(view.words[cellBase(view, cell) + CLAIM.state]);
}

export interface ConfirmCommand {
  readonly ref: ClaimRef;
  /** When the request was fully received: a hold that was good then is good. */
  readonly receivedAtMs: number;
  /** Parts that are empty leave what the hold had. */
  readonly note: Note | null;
  /** Take the same places again when the hold has run out, if they are all there. */
  readonly retake: boolean;
  readonly rules: SaleRules;
  readonly key: KeyHash | null;
}

/** Makes an order of a hold. Again: the same order, unchanged. */
export function confirm(context: BatchContext, view: EventView, command: ConfirmCommand): Outcome {
  const check = checkKey(context, view, command.key, 'confirm');
  if (check.kind === 'refused') return check.refusal;
  if (check.kind === 'known') return replayKey(view, check.cell, check.check, 'hold-not-found');
  const cell = findClaim(view, command.ref);
  if (cell < 0) return refuse('hold-not-found');
  const state = stateOf(view, cell);
  if (state === CLAIM_STATE.confirmed) return keepClaim(context, view, cell, check);
  // One that is past its deadline and not swept yet still has its places.
  const isHeld = state === CLAIM_STATE.held;
  if (isHeld && (command.retake || command.receivedAtMs < effectiveDeadline(view, cell))) {
    planClaim(view, cell);
    customer.planOf(view, cell, 0, -1, null);
    return commitOrder(context, view, command, cell, check, FRAME_KIND.confirm);
  }
  const isExpired = state === CLAIM_STATE.expired && !isForgotten(context, view, cell);
  if (command.retake && isExpired) return retake(context, view, command, cell, check);
  return refuseEnded(context, view, cell, state, command.receivedAtMs) ?? refuse('hold-not-found');
}

function retake(
  context: BatchContext,
  view: EventView,
  command: ConfirmCommand,
  cell: number,
  check: KeyCheck,
): Outcome {
  const refusal = refuseSale(view, command.rules, command.receivedAtMs) ?? planRetake(view, cell);
  if (refusal !== null) return refusal;
  const limited = customer.planOf(view, cell, validTickets(view, cell), 0, command.rules);
  if (limited !== null) return limited;
  return commitOrder(context, view, command, cell, check, FRAME_KIND.retake);
}

/** Plans the places of a hold that has run out, or says what of them is gone. */
function planRetake(view: EventView, cell: number): Refusal | null {
  planClaim(view, cell);
  const gone: number[] = [];
  for (let i = 0; i < claimItems(view.words[cellBase(view, cell) + CLAIM.state]); i++) {
    const seat = view.words[itemBase(view, cell, i) + ITEM.seat];
    if (seat < 0) continue;
    const state = view.words[seatBase(view, seat) + SEAT.state] & SEAT_STATE_MASK;
    if (state !== SEAT_STATE.available) gone.push(seat);
  }
  if (gone.length > 0) return { ok: false, code: 'seat-unavailable', seats: gone };
  for (let i = 0; i < plan.sectionCount; i++) {
    const section = plan.sections[i];
    const base = sectionBase(view, section);
    const available = view.words[base + SECTION.available];
    const held = view.words[base + SECTION.held];
    const requested = plan.quantities[i];
    if (available >= requested) continue;
    const code = available === 0 ? 'sold-out' : 'not-enough-available';
    return { ok: false, code, section, requested, available, held };
  }
  return null;
}

function commitOrder(
  context: BatchContext,
  view: EventView,
  command: ConfirmCommand,
  cell: number,
  check: KeyCheck,
  kind: typeof FRAME_KIND.confirm | typeof FRAME_KIND.retake,
): Outcome {
  const note = mergeNote(view, cell, command.note);
  const noteCell = note === null ? -1 : roomForNote(view, cell, cellsForNote(noteLength(note)), kind);
  if (note !== null && noteCell < 0) return refuse('capacity-exhausted');
  const state = CLAIM_STATE.confirmed;
  commitSettle(context, view, plan, { kind, cell, state, check, customer, note, noteCell });
  return { ok: true, cell, changed: true, replayed: false };
}

/** Room for a note. A hold that is taken again is not live yet, so its own cells look free: they must stay its own. */
function roomForNote(view: EventView, cell: number, count: number, kind: number): number {
  const isLive = kind === FRAME_KIND.confirm;
  return isLive ? findNoteCells(view, count) : findNoteCellsBeside(view, count, cell);
}

/** Ended longer ago than an ended hold can be read. */
function isForgotten(context: BatchContext, view: EventView, cell: number): boolean {
  const endedMs = loadWide(view.words, cellBase(view, cell) + CLAIM.updatedLow);
  return context.nowMs - endedMs > ENDED_HOLD_READABLE_MS;
}

/** The refusal of a claim that is no hold any more; expires it first when it has run out. Null for one that is good. */
export function refuseEnded(
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
  if (state === CLAIM_STATE.confirmed) return refuse('hold-confirmed');
  if (isForgotten(context, view, cell)) return refuse('hold-not-found');
  return refuse(state === CLAIM_STATE.released ? 'hold-released' : 'hold-expired');
}

export interface ReleaseCommand {
  readonly ref: ClaimRef;
  readonly receivedAtMs: number;
  readonly key: KeyHash | null;
}

/** Gives a hold's places back. Again: nothing changes. */
export function release(context: BatchContext, view: EventView, command: ReleaseCommand): Outcome {
  const check = checkKey(context, view, command.key, 'settle');
  if (check.kind === 'refused') return check.refusal;
  if (check.kind === 'known') return { ok: true, cell: check.cell, changed: false, replayed: true };
  const cell = findClaim(view, command.ref);
  if (cell < 0) return refuse('hold-not-found');
  const state = stateOf(view, cell);
  if (state === CLAIM_STATE.confirmed || state === CLAIM_STATE.cancelled) return refuse('hold-confirmed');
  if (state === CLAIM_STATE.released) return keepClaim(context, view, cell, check);
  const ended = refuseEnded(context, view, cell, state, command.receivedAtMs);
  if (ended !== null) return ended;
  endHold(context, view, cell, FRAME_KIND.release, CLAIM_STATE.released, check);
  return { ok: true, cell, changed: true, replayed: false };
}

export interface ExtendCommand {
  readonly ref: ClaimRef;
  readonly receivedAtMs: number;
  /** From now, ms. */
  readonly durationMs: number;
  readonly rules: SaleRules;
  readonly key: KeyHash | null;
}

/** Gives a hold more time, never less, and no more than it may have from when it was made. */
export function extend(context: BatchContext, view: EventView, command: ExtendCommand): Outcome {
  const check = checkKey(context, view, command.key);
  if (check.kind === 'refused') return check.refusal;
  if (check.kind === 'known') return replayKey(view, check.cell, check.check, 'hold-not-found');
  const cell = findClaim(view, command.ref);
  if (cell < 0) return refuse('hold-not-found');
  const ended = refuseEnded(context, view, cell, stateOf(view, cell), command.receivedAtMs);
  if (ended !== null) return ended;
  const base = cellBase(view, cell);
  const deadlineMs = effectiveDeadline(view, cell);
  const wantedMs = changeTime(context, view) + command.durationMs;
  if (wantedMs <= deadlineMs) return keepClaim(context, view, cell, check);
  const latestMs = loadWide(view.words, base + CLAIM.createdLow) + command.rules.maxHoldMs;
  if (latestMs <= deadlineMs) {
    return { ok: false, code: 'extend-limit', limit: command.rules.maxHoldMs / 1000 };
  }
  plan.clear();
  commitSettle(context, view, plan, {
    kind: FRAME_KIND.extend,
    cell,
    state: CLAIM_STATE.held,
    check,
    customer: null,
    expiresMs: Math.min(wantedMs, latestMs),
  });
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
  customer.planOf(view, cell, -plan.placeCount, -1, null);
  commitSettle(context, view, plan, { kind, cell, state, check, customer });
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
