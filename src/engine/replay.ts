/**
 * Replay: the journal's frames applied to memory, in order, when nobody else is there. Used at start, by the
 * snapshot builder and by `verify`.
 */
import { FrontrowError } from '../core/assert.ts';
import {
  FRAME_KIND,
  headerBytes,
  headerKind,
  takesSequence,
  WORD_HEADER,
  WORD_SEQUENCE,
  WORD_TIME,
  wide,
} from '../core/frame.ts';
import { eventBase, loadWide, storeWide, type Arena } from '../memory/arena.ts';
import { viewEvent, type EventView } from '../memory/event.ts';
import { EVENT } from '../memory/layout.ts';
import { eventSlots, isLive, REGISTRY_SLOT } from '../memory/registry.ts';
import { applyFrame, frameEvent } from './apply.ts';
import { applyArchive, applyCreate, applyPatch, reclaimRetired } from './apply-event.ts';
import { CREATE } from './facts.ts';

export class Replay {
  readonly #arena: Arena;
  readonly #views: (EventView | undefined)[] = [];
  frames = 0;
  lastTimeMs = 0;

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  /** Takes memory as a snapshot left it. */
  startFromMemory(lastTimeMs: number): void {
    this.lastTimeMs = lastTimeMs;
    this.#views.length = 0;
  }

  /**
   * Applies the frames in words[start, end), the first of which is at `position`.
   * @throws FrontrowError `data-corrupt` when a sequence has a gap or a frame does not fit the memory
   */
  apply(words: Int32Array, start: number, end: number, position: number): void {
    let at = start;
    let where = position;
    while (at < end) {
      const header = words[at + WORD_HEADER];
      const bytes = headerBytes(header);
      if (bytes === 0 || at + bytes / 4 > end) {
        throw new FrontrowError('data-corrupt', `the frame at position ${where} reaches over its group`);
      }
      where += bytes;
      if (headerKind(header) !== FRAME_KIND.padding) this.#applyOne(words, at, where);
      at += bytes / 4;
    }
  }

  #applyOne(words: Int32Array, at: number, end: number): void {
    const kind = headerKind(words[at + WORD_HEADER]);
    const sequence = wide(words, at + WORD_SEQUENCE);
    this.lastTimeMs = Math.max(this.lastTimeMs, wide(words, at + WORD_TIME));
    this.frames++;
    if (kind === FRAME_KIND.define || kind === FRAME_KIND.create) {
      const registrySequence = wide(words, at + CREATE.registrySequence);
      this.#checkSequence(REGISTRY_SLOT, registrySequence, 1, end);
      applyCreate(this.#arena, words, at, end);
      this.#close(REGISTRY_SLOT, registrySequence, end);
      this.#views[words[at + 1] & 0xffff] = undefined;
      return;
    }
    const slot = frameEvent(this.#arena, words, at);
    if (slot < 0)
      throw new FrontrowError('data-corrupt', `the frame before position ${end} is of an unknown event`);
    this.#checkSequence(slot, sequence, takesSequence(words[at + WORD_HEADER]) ? 1 : 0, end);
    this.#applyTo(slot, kind, words, at);
    this.#close(slot, sequence, end);
  }

  #applyTo(slot: number, kind: number, words: Int32Array, at: number): void {
    if (kind === FRAME_KIND.patch || kind === FRAME_KIND.archive) {
      if (kind === FRAME_KIND.patch) applyPatch(this.#arena, words, at);
      else applyArchive(this.#arena, words, at);
      // Nobody looks at what the event has left.
      reclaimRetired(this.#arena, slot);
      this.#views[slot] = undefined;
      return;
    }
    const view = (this.#views[slot] ??= this.#viewLive(slot, kind));
    applyFrame(view, words, at, 'replay');
  }

  #viewLive(slot: number, kind: number): EventView {
    if (!isLive(this.#arena, slot)) {
      throw new FrontrowError(
        'data-corrupt',
        `a frame of kind ${kind} is about event slot ${slot}, which is archived`,
      );
    }
    return viewEvent(this.#arena, slot);
  }

  /** `step`: how many sequences the frame takes, 1 or 0. */
  #checkSequence(slot: number, sequence: number, step: number, end: number): void {
    const last = loadWide(this.#arena.words, eventBase(this.#arena, slot) + EVENT.sequenceLow);
    if (sequence === last + step) return;
    throw new FrontrowError(
      'data-corrupt',
      `the frame before position ${end} has sequence ${sequence} of event slot ${slot}, expected ${last + step}`,
    );
  }

  #close(slot: number, sequence: number, position: number): void {
    const base = eventBase(this.#arena, slot);
    storeWide(this.#arena.words, base + EVENT.sequenceLow, sequence);
    storeWide(this.#arena.words, base + EVENT.positionLow, position);
  }
}

/** Number of events in memory. */
export function countEvents(arena: Arena): number {
  let count = 0;
  for (const _slot of eventSlots(arena)) count++;
  return count;
}
