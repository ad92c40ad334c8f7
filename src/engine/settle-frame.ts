/**
 * Writes and applies the frame that settles a claim: confirm, release, expire and cancel share one layout.
 */
import type { FRAME_KIND } from '../core/frame.ts';
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
  writeKeyFact,
  type BatchContext,
  type KeyCheck,
} from './command.ts';
import { SECTION_FACT_WORDS, SETTLE } from './facts.ts';
import type { PlacePlan } from './plan.ts';

export interface Settlement {
  readonly kind:
    | typeof FRAME_KIND.confirm
    | typeof FRAME_KIND.release
    | typeof FRAME_KIND.expire
    | typeof FRAME_KIND.cancel;
  readonly cell: number;
  /** The claim's state after. */
  readonly state: number;
  readonly check: KeyCheck;
  /** A note to be set, and the first of the free cells that it goes to. */
  readonly note: Uint8Array | null;
  readonly noteCell: number;
  /** Of a cancellation, 128 bits each. */
  readonly cancelled: Int32Array | null;
  readonly newly: Int32Array | null;
}

/** `plan` counts the places that change hands, by section. All checks are done. */
export function commitSettle(
  context: BatchContext,
  view: EventView,
  plan: PlacePlan,
  change: Settlement,
): void {
  const { words } = view;
  const { cell } = change;
  const claim = cellBase(view, cell);
  const itemCount = claimItems(words[claim + CLAIM.state]);
  const noteBytes = change.note?.length ?? 0;
  const itemsAt = SETTLE.sections + plan.sectionCount * SECTION_FACT_WORDS;
  const noteAt = itemsAt + itemCount * ITEM_WORDS;
  const timeMs = changeTime(context, view);
  const length = frameWords(noteAt + ((noteBytes + 3) >>> 2), change.check);
  const sequence = nextSequence(view);
  const frame = openFrame(
    context,
    view.slot,
    view.slot,
    view.generation,
    sequence,
    timeMs,
    length,
    change.check,
  );
  const { at } = frame;
  words[at + SETTLE.cell] = cell;
  words[at + SETTLE.state] = change.state;
  for (let i = 0; i < 3; i++) words[at + SETTLE.random + i] = words[claim + CLAIM.random0 + i];
  words[at + SETTLE.itemCount] = itemCount;
  words[at + SETTLE.sectionCount] = plan.sectionCount;
  words[at + SETTLE.note] = noteBytes === 0 ? 0 : change.noteCell + 1;
  words[at + SETTLE.noteBytes] = noteBytes;
  for (let i = 0; i < 4; i++) {
    words[at + SETTLE.cancelled + i] = change.cancelled === null ? 0 : change.cancelled[i];
    words[at + SETTLE.newly + i] = change.newly === null ? 0 : change.newly[i];
  }
  plan.writeSections(view, at + SETTLE.sections, change.kind);
  const firstItem = itemBase(view, cell, 0);
  for (let i = 0; i < itemCount * ITEM_WORDS; i++) words[at + itemsAt + i] = words[firstItem + i];
  if (change.note !== null) view.arena.bytes.set(change.note, (at + noteAt) * 4);
  writeKeyFact(view, frame, change.check, cell, words[claim + CLAIM.random0], timeMs);
  commitFrame(context, view, change.kind, frame);
  for (let i = 0; i < plan.sectionCount; i++) assertConserved(view, plan.sections[i]);
}
