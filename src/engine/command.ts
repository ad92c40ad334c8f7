/**
 * What all commands share: the context of the batch they run in, outcomes, keys, and the writing of a frame.
 *
 * A command runs under its event's mutex on a worker thread:
 *   check whole → reserve ring space → guard odd → write facts → publish → apply → guard even
 * A refusal comes out of the check, before anything was touched.
 */
import { assert } from '../core/assert.ts';
import {
  FRAME_FLAG_CUSTOMER,
  FRAME_FLAG_KEY,
  FRAME_FLAG_SHARE,
  FRAME_HEADER_WORDS,
  FRAME_KIND,
  high,
  low,
  packHeader,
  WORD_COMMAND,
} from '../core/frame.ts';
import type { FrameKind } from '../core/frame.ts';
import type { ClaimRef } from '../core/ids.ts';
import type { ProblemCode } from '../core/problems.ts';
import { loadWide, type Arena } from '../memory/arena.ts';
import { claimState, isIntact, isStart } from '../memory/claims.ts';
import { cellBase, sectionBase, type EventView } from '../memory/event.ts';
import { closeGuard, loadSequence, openGuard } from '../memory/guard.ts';
import { findKey, KEY_FULL, keySecond, placeKey, type KeyHash } from '../memory/keys.ts';
import { CLAIM, CLAIM_STATE, EVENT, EVENT_STATE, KEY, RESERVE_SHARE, SECTION } from '../memory/layout.ts';
import { chargedShare, NO_SHARE, shareCount, type KeyUse } from '../memory/shares.ts';
import { endReservation, publishFrame, reserveFrame, unitPosition, unitWord } from '../memory/ring.ts';
import type { ThreadBase } from '../memory/threads.ts';
import { applyFrame } from './apply.ts';
import type { CustomerPlan } from './customer.ts';
import type { SaleRules } from './definition.ts';
import { CUSTOMER_FACT_WORDS, KEY_FACT_WORDS, REMEMBER, SHARE_FACT_WORDS } from './facts.ts';

/** The batch that a worker is in. One object a worker; its fields change from batch to batch. */
export interface BatchContext {
  readonly arena: Arena;
  readonly thread: ThreadBase;
  batchId: number;
  commandIndex: number;
  /** The main thread's clock at dispatch, ms. */
  nowMs: number;
  /** Any position less than 16 GiB away from the ring's head. */
  nearPosition: number;
  /** What must be durable before the batch's replies leave; raised by each look at an event (look.ts). */
  gate: number;
}

/** An expected no, with the numbers behind it. Sections and seats are indices; the service names them. */
export interface Refusal {
  readonly ok: false;
  readonly code: ProblemCode;
  readonly section?: number;
  readonly requested?: number;
  readonly available?: number;
  readonly held?: number;
  readonly limit?: number;
  /** Of price-changed: what it would cost, minor units. */
  readonly total?: number;
  readonly seats?: readonly number[];
  /** Of a change that is `invalid-request`: which item of what is to be removed, or -1, and what is wrong. */
  readonly item?: number;
  readonly fault?: 'not-held' | 'empty' | 'too-many';
}

/** A claim that was made or changed, or stands as it was (`changed: false`). */
export interface Accepted {
  readonly ok: true;
  readonly cell: number;
  readonly changed: boolean;
  /** The key was known: this is the thing as it is now. */
  readonly replayed: boolean;
}

export type Outcome = Accepted | Refusal;

export function refuse(code: ProblemCode): Refusal {
  return { ok: false, code };
}

/** The time of a change: the batch's, and never before the event's last. */
export function changeTime(context: BatchContext, view: EventView): number {
  return Math.max(context.nowMs, loadWide(view.words, view.base + EVENT.lastTimeLow));
}

/** First cell of the claim that a reference names, if it is there and the random bits are right; else -1. */
export function findClaim(view: EventView, ref: ClaimRef): number {
  if (ref.generation !== view.generation || !isStart(view, ref.cell)) return -1;
  const base = cellBase(view, ref.cell);
  const { words } = view;
  const state = claimState(words[base + CLAIM.state]);
  if (state === CLAIM_STATE.free || state === CLAIM_STATE.note || state === CLAIM_STATE.tail) return -1;
  const matches =
    words[base + CLAIM.random0] === (ref.random0 | 0) &&
    words[base + CLAIM.random1] === (ref.random1 | 0) &&
    words[base + CLAIM.random2] === (ref.random2 | 0);
  return matches && isIntact(view, ref.cell) ? ref.cell : -1;
}

/** Why an event takes no new claims, or null. A request is judged by when it was fully received. */
export function refuseSale(view: EventView, rules: SaleRules, receivedAtMs: number): Refusal | null {
  switch (view.words[view.base + EVENT.state]) {
    case EVENT_STATE.open:
      if (receivedAtMs < rules.salesFromMs) return refuse('sale-not-started');
      return receivedAtMs < rules.salesUntilMs ? null : refuse('sale-closed');
    case EVENT_STATE.draft:
      return refuse('sale-not-started');
    case EVENT_STATE.paused:
      return refuse('sale-paused');
    default:
      return refuse('sale-closed');
  }
}

export type KeyCheck =
  /** No key was given. */
  | { readonly kind: 'none' }
  /** A new key: goes into entry `entry` with the effect, and counts to a share; see chargedShare(). */
  | { readonly kind: 'fresh'; readonly entry: number; readonly key: KeyHash; readonly share: number }
  /** The effect happened before; `cell` and `check` say what it made. */
  | { readonly kind: 'known'; readonly cell: number; readonly check: number }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

const NO_KEY: KeyCheck = { kind: 'none' };

/** Looks an idempotency key up. Changes nothing. Under the mutex. */
export function checkKey(
  context: BatchContext,
  view: EventView,
  key: KeyHash | null,
  use: KeyUse = 'ordinary',
): KeyCheck {
  if (key === null) return NO_KEY;
  const found = findKey(view, key, context.nowMs);
  if (found >= 0) {
    const base = view.keys + found * 8;
    const sameBody = view.words[base + KEY.body0] === key.body0 && view.words[base + KEY.body1] === key.body1;
    if (!sameBody) return { kind: 'refused', refusal: refuse('idempotency-mismatch') };
    return { kind: 'known', cell: view.words[base + KEY.cell], check: view.words[base + KEY.check] };
  }
  const entry = placeKey(view, key, context.nowMs);
  const share = chargedShare(view, key.share, use, context.nowMs);
  if (entry === KEY_FULL || share === NO_SHARE)
    return { kind: 'refused', refusal: refuse('capacity-exhausted') };
  return { kind: 'fresh', entry, key, share };
}

/** The claim that a known key made, as it is now; gone when its cells were taken by another since. */
export function replayKey(view: EventView, cell: number, check: number, gone: ProblemCode): Outcome {
  const base = cellBase(view, cell);
  const isThere = isStart(view, cell) && view.words[base + CLAIM.random0] === check && isIntact(view, cell);
  return isThere ? { ok: true, cell, changed: false, replayed: true } : refuse(gone);
}

/** A frame being written: `at` is its first word in the arena. */
export interface OpenFrame {
  readonly unit: number;
  readonly at: number;
  readonly lengthWords: number;
  readonly sequence: number;
}

/** Words that a key and its share add to a frame. */
function keyWords(check: KeyCheck): number {
  return check.kind === 'fresh' ? KEY_FACT_WORDS + SHARE_FACT_WORDS : 0;
}

/** Length of a frame: facts, rounded up, then what every frame may carry. */
export function frameWords(factWords: number, check: KeyCheck, customer: CustomerPlan | null): number {
  const customerWords = customer !== null && customer.entry >= 0 ? CUSTOMER_FACT_WORDS : 0;
  return ((factWords + 1) & ~1) + customerWords + keyWords(check);
}

/**
 * Reserves the frame, makes the guard odd and writes the header's words but the first. `guardSlot` is the slot
 * whose mutex is held, `slot` the event that the frame is about: they differ in a definition.
 */
export function openFrame(
  context: BatchContext,
  guardSlot: number,
  slot: number,
  generation: number,
  sequence: number,
  timeMs: number,
  lengthWords: number,
  check: KeyCheck,
): OpenFrame {
  const { arena, thread } = context;
  assert(lengthWords % 2 === 0 && lengthWords >= FRAME_HEADER_WORDS, 'a frame is whole 8-byte units');
  const unit = reserveFrame(arena, thread, lengthWords / 2);
  openGuard(arena, guardSlot, unit);
  const at = unitWord(arena, unit);
  const { words } = arena;
  assert(words[at] === 0, 'reserved ring space is zero');
  words[at + 1] = slot | (generation << 16);
  words[at + 2] = low(sequence);
  words[at + 3] = high(sequence);
  words[at + 4] = low(timeMs);
  words[at + 5] = high(timeMs);
  words[at + 6] = context.batchId;
  words[at + 7] =
    context.commandIndex | (check.kind === 'fresh' ? (FRAME_FLAG_KEY | FRAME_FLAG_SHARE) << 16 : 0);
  return { unit, at, lengthWords, sequence };
}

/** Writes key and share as the frame's last words. `cell` and `checkWord` say what the effect made. */
export function writeKeyFact(
  view: EventView,
  frame: OpenFrame,
  check: KeyCheck,
  cell: number,
  checkWord: number,
  timeMs: number,
): void {
  if (check.kind !== 'fresh') return;
  const { words } = view;
  const { key } = check;
  const at = frame.at + frame.lengthWords - KEY_FACT_WORDS;
  words[at] = check.entry;
  words[at + 1 + KEY.hash0] = key.hash0;
  words[at + 1 + KEY.hash1] = key.hash1;
  words[at + 1 + KEY.hash2] = key.hash2;
  words[at + 1 + KEY.body0] = key.body0;
  words[at + 1 + KEY.body1] = key.body1;
  words[at + 1 + KEY.cell] = cell;
  words[at + 1 + KEY.check] = checkWord;
  words[at + 1 + KEY.second] = keySecond(view, timeMs);
  words[at + 9] = 0;
  const share = at - SHARE_FACT_WORDS;
  words[share] = check.share;
  words[share + 1] = shareCount(view, check.share, timeMs) + 1;
  words[share + 2] = shareCount(view, 0, timeMs) + (check.share === RESERVE_SHARE ? 0 : 1);
  words[share + 3] = 0;
}

/** Writes what the customer then has, before the key, and flags it. */
export function writeCustomerFact(
  view: EventView,
  frame: OpenFrame,
  check: KeyCheck,
  customer: CustomerPlan,
): void {
  if (customer.entry < 0) return;
  const { words } = view;
  const at = frame.at + frame.lengthWords - keyWords(check) - CUSTOMER_FACT_WORDS;
  words[at] = customer.entry;
  words[at + 1] = customer.hash0;
  words[at + 2] = customer.hash1;
  words[at + 3] = customer.tickets;
  words[at + 4] = customer.holds;
  words[at + 5] = 0;
  words[frame.at + WORD_COMMAND] |= FRAME_FLAG_CUSTOMER << 16;
}

/** Publishes a claim's frame and applies it. From the publication on the command has happened. */
export function commitFrame(context: BatchContext, view: EventView, kind: FrameKind, frame: OpenFrame): void {
  const { arena, thread } = context;
  publishFrame(arena, frame.unit, packHeader(kind, frame.lengthWords));
  applyFrame(view, view.words, frame.at, 'strict');
  const end = unitPosition(frame.unit, context.nearPosition) + frame.lengthWords * 4;
  closeGuard(arena, view.slot, frame.sequence, end);
  endReservation(arena, thread);
}

/**
 * Keeps the key of a success that changes nothing, so that a retry is a replay whatever others change in between.
 * `about`: the claim's cell or the event's slot, for repair; `cell` and `checkWord`: the key's entry, see checkKey().
 */
export function remember(
  context: BatchContext,
  view: EventView,
  check: KeyCheck,
  about: number,
  cell: number,
  checkWord: number,
): void {
  if (check.kind !== 'fresh') return;
  const timeMs = changeTime(context, view);
  const length = frameWords(REMEMBER.words, check, null);
  const sequence = loadSequence(view.arena, view.slot);
  const frame = openFrame(context, view.slot, view.slot, view.generation, sequence, timeMs, length, check);
  view.words[frame.at + REMEMBER.fact] = about;
  writeKeyFact(view, frame, check, cell, checkWord, timeMs);
  commitFrame(context, view, FRAME_KIND.remember, frame);
}

/** The claim is already as the command wants it: nothing changes, and the command's key is kept. */
export function keepClaim(context: BatchContext, view: EventView, cell: number, check: KeyCheck): Outcome {
  // The reserve of keys is for what changes something.
  if (check.kind === 'fresh' && check.share === RESERVE_SHARE) return refuse('capacity-exhausted');
  remember(context, view, check, cell, cell, view.words[cellBase(view, cell) + CLAIM.random0]);
  return { ok: true, cell, changed: false, replayed: false };
}

export function nextSequence(view: EventView): number {
  return loadSequence(view.arena, view.slot) + 1;
}

/** Promise 1, checked before and after each change of a section. */
export function assertConserved(view: EventView, section: number): void {
  const base = sectionBase(view, section);
  const { words } = view;
  const sum =
    words[base + SECTION.available] +
    words[base + SECTION.held] +
    words[base + SECTION.sold] +
    words[base + SECTION.blocked];
  assert(sum === words[base + SECTION.capacity], 'available + held + sold + blocked = capacity');
}
