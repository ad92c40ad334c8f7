/**
 * What all commands share: the context of the batch they run in, outcomes, keys, and the writing of a frame.
 *
 * A command runs under its event's mutex on a worker thread:
 *   check whole → reserve ring space → guard odd → write facts → publish → apply → guard even
 * A refusal comes out of the check, before anything was touched.
 */
import { assert } from '../core/assert.ts';
import { FRAME_FLAG_KEY, high, low, packHeader, FRAME_HEADER_WORDS } from '../core/frame.ts';
import type { FrameKind } from '../core/frame.ts';
import type { ClaimRef } from '../core/ids.ts';
import type { ProblemCode } from '../core/problems.ts';
import { loadWide, type Arena } from '../memory/arena.ts';
import { claimState, isStart } from '../memory/claims.ts';
import { cellBase, sectionBase, type EventView } from '../memory/event.ts';
import { closeGuard, loadSequence, openGuard } from '../memory/guard.ts';
import { findKey, KEY_FULL, keySecond, placeKey, type KeyHash } from '../memory/keys.ts';
import { CLAIM, CLAIM_STATE, EVENT, KEY, SECTION } from '../memory/layout.ts';
import { endReservation, publishFrame, reserveFrame, unitPosition, unitWord } from '../memory/ring.ts';
import type { ThreadBase } from '../memory/threads.ts';
import { applyFrame } from './apply.ts';
import { KEY_FACT_WORDS } from './facts.ts';

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
}

/** An expected no, with the numbers behind it. Sections and seats are indices; the service names them. */
export interface Refusal {
  readonly ok: false;
  readonly code: ProblemCode;
  readonly section?: number;
  readonly requested?: number;
  readonly available?: number;
  readonly held?: number;
  readonly seats?: readonly number[];
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
  const state = claimState(Atomics.load(words, base + CLAIM.state));
  if (state === CLAIM_STATE.free || state === CLAIM_STATE.note) return -1;
  const matches =
    Atomics.load(words, base + CLAIM.random0) === (ref.random0 | 0) &&
    Atomics.load(words, base + CLAIM.random1) === (ref.random1 | 0) &&
    Atomics.load(words, base + CLAIM.random2) === (ref.random2 | 0);
  return matches ? ref.cell : -1;
}

export type KeyCheck =
  /** No key was given. */
  | { readonly kind: 'none' }
  /** A new key: goes into entry `entry` with the effect. */
  | { readonly kind: 'fresh'; readonly entry: number; readonly key: KeyHash }
  /** The effect happened before; `cell` and `check` say what it made. */
  | { readonly kind: 'known'; readonly cell: number; readonly check: number }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

const NO_KEY: KeyCheck = { kind: 'none' };

/** Looks an idempotency key up. Changes nothing. Under the mutex. */
export function checkKey(context: BatchContext, view: EventView, key: KeyHash | null): KeyCheck {
  if (key === null) return NO_KEY;
  const found = findKey(view, key, context.nowMs);
  if (found >= 0) {
    const base = view.keys + found * 8;
    const sameBody = view.words[base + KEY.body0] === key.body0 && view.words[base + KEY.body1] === key.body1;
    if (!sameBody) return { kind: 'refused', refusal: refuse('idempotency-mismatch') };
    return { kind: 'known', cell: view.words[base + KEY.cell], check: view.words[base + KEY.check] };
  }
  const entry = placeKey(view, key, context.nowMs);
  if (entry === KEY_FULL) return { kind: 'refused', refusal: refuse('capacity-exhausted') };
  return { kind: 'fresh', entry, key };
}

/** The claim that a known key made, as it is now; gone when its cells were taken by another since. */
export function replayKey(view: EventView, cell: number, check: number, gone: ProblemCode): Outcome {
  const base = cellBase(view, cell);
  const isThere = isStart(view, cell) && view.words[base + CLAIM.random0] === check;
  return isThere ? { ok: true, cell, changed: false, replayed: true } : refuse(gone);
}

/** A frame being written: `at` is its first word in the arena. */
export interface OpenFrame {
  readonly unit: number;
  readonly at: number;
  readonly lengthWords: number;
  readonly sequence: number;
}

/** Words that a key adds to a frame. */
function keyWords(check: KeyCheck): number {
  return check.kind === 'fresh' ? KEY_FACT_WORDS : 0;
}

/** Length of a frame: facts and key, rounded up so that the key ends it. */
export function frameWords(factWords: number, check: KeyCheck): number {
  return ((factWords + 1) & ~1) + keyWords(check);
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
  words[at + 7] = context.commandIndex | (check.kind === 'fresh' ? FRAME_FLAG_KEY << 16 : 0);
  return { unit, at, lengthWords, sequence };
}

/** Writes the key as the frame's last words. `cell` and `checkWord` say what the effect made. */
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
  const at = frame.at + frame.lengthWords - KEY_FACT_WORDS;
  words[at] = check.entry;
  words[at + 1 + KEY.hash0] = check.key.hash0;
  words[at + 1 + KEY.hash1] = check.key.hash1;
  words[at + 1 + KEY.hash2] = check.key.hash2;
  words[at + 1 + KEY.body0] = check.key.body0;
  words[at + 1 + KEY.body1] = check.key.body1;
  words[at + 1 + KEY.cell] = cell;
  words[at + 1 + KEY.check] = checkWord;
  words[at + 1 + KEY.second] = keySecond(view, timeMs);
  words[at + 9] = 0;
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
