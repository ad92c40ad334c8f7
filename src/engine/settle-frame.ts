/**
 * Writes and applies the frame that settles a claim: confirm, retake, release, expire, extend, cancel and withdraw
 * share one layout.
 */
import type { FRAME_KIND } from '../core/frame.ts';
import { high, low } from '../core/frame.ts';
import { claimItems, itemBase } from '../memory/claims.ts';
import { cellBase, type EventView } from '../memory/event.ts';
import { CLAIM, ITEM_WORDS } from '../memory/layout.ts';
import {
  assertConserved,
  changeTime,
  commitFrame,
  frameWords,
  nextSequence,
  openFrame,
  writeCustomerFact,
  writeKeyFact,
  type BatchContext,
  type KeyCheck,
} from './command.ts';
import type { CustomerPlan } from './customer.ts';
import { SECTION_FACT_WORDS, SETTLE } from './facts.ts';
import { noteLength, noteSizes, writeNoteBytes, type Note } from './note.ts';
import type { PlacePlan } from './plan.ts';

export interface Settlement {
  readonly kind:
    | typeof FRAME_KIND.confirm
    | typeof FRAME_KIND.retake
    | typeof FRAME_KIND.release
    | typeof FRAME_KIND.expire
    | typeof FRAME_KIND.extend
    | typeof FRAME_KIND.cancel
    | typeof FRAME_KIND.withdraw;
  readonly cell: number;
  /** The claim's state after. */
  readonly state: number;
  readonly check: KeyCheck;
  readonly customer: CustomerPlan | null;
  /** A note to be set, and the first of the free cells that it goes to. */
  readonly note?: Note | null;
  readonly noteCell?: number;
  /** Of a cancellation: why, UTF-8; kept as if it were a note's reference, but in the frame alone. */
  readonly reason?: Uint8Array;
  /** Of an extension, ms. */
  readonly expiresMs?: number;
  /** Of a cancellation, 128 bits each. */
  readonly cancelled?: Int32Array;
  readonly newly?: Int32Array;
}

const NO_BYTES = new Uint8Array(0);

/** `plan` counts the places that change hands, by section. All checks are done. */
export function commitSettle(
  context: BatchContext,
  view: EventView,
  plan: PlacePlan,
  change: Settlement,
): void {
  const { words } = view;
  const { cell, check } = change;
  const claim = cellBase(view, cell);
  const itemCount = claimItems(words[claim + CLAIM.state]);
  const text =
    change.reason === undefined ? (change.note ?? null) : { reference: change.reason, metadata: NO_BYTES };
  const isNote = change.reason === undefined && text !== null;
  const itemsAt = SETTLE.sections + plan.sectionCount * SECTION_FACT_WORDS;
  const noteAt = itemsAt + itemCount * ITEM_WORDS;
  const timeMs = changeTime(context, view);
  const length = frameWords(noteAt + ((noteLength(text) + 3) >>> 2), check, change.customer);
  const sequence = nextSequence(view);
  const frame = openFrame(context, view.slot, view.slot, view.generation, sequence, timeMs, length, check);
  const { at } = frame;
  words[at + SETTLE.cell] = cell;
  words[at + SETTLE.state] = change.state;
  for (let i = 0; i < 3; i++) words[at + SETTLE.random + i] = words[claim + CLAIM.random0 + i];
  words[at + SETTLE.itemCount] = itemCount;
  words[at + SETTLE.sectionCount] = plan.sectionCount;
  words[at + SETTLE.note] = isNote ? (change.noteCell ?? -1) + 1 : 0;
  words[at + SETTLE.noteBytes] = noteSizes(text);
  writeOwnFacts(words, at, change);
  plan.writeSections(view, at + SETTLE.sections, change.kind);
  const firstItem = itemBase(view, cell, 0);
  for (let i = 0; i < itemCount * ITEM_WORDS; i++) words[at + itemsAt + i] = words[firstItem + i];
  writeNoteBytes(view, at + noteAt, text);
  if (change.customer !== null) writeCustomerFact(view, frame, check, change.customer);
  writeKeyFact(view, frame, check, cell, words[claim + CLAIM.random0], timeMs);
  commitFrame(context, view, change.kind, frame);
  for (let i = 0; i < plan.sectionCount; i++) assertConserved(view, plan.sections[i]);
}

/** The eight words that mean something else in each kind. */
function writeOwnFacts(words: Int32Array, at: number, change: Settlement): void {
  const { cancelled, newly, expiresMs } = change;
  for (let i = 0; i < 4; i++) {
    words[at + SETTLE.cancelled + i] = cancelled === undefined ? 0 : cancelled[i];
    words[at + SETTLE.newly + i] = newly === undefined ? 0 : newly[i];
  }
  if (expiresMs === undefined) return;
  words[at + SETTLE.expires] = low(expiresMs);
  words[at + SETTLE.expires + 1] = high(expiresMs);
}
