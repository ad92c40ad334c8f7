/**
 * What the journal itself knows about frames: that they fill a group exactly, that each event's sequence is dense,
 * and that a key alone carries the last one. Checked before a group is written and again when it is read, so that a
 * bug is told from a bad disk.
 */
import {
  FRAME_HEADER_WORDS,
  FRAME_KIND,
  headerBytes,
  headerKind,
  takesSequence,
  wide,
  WORD_EVENT,
  WORD_HEADER,
  WORD_SEQUENCE,
} from '../core/frame.ts';

const SLOT_COUNT = 1 << 16;
const UNKNOWN = -1;
/** The registry's sequence moves with the frames of new events, which carry their own: the engine checks it. */
const REGISTRY_SLOT = 0;

export interface FrameFault {
  readonly code: 'bad-frame' | 'sequence-gap';
  readonly message: string;
  /** Index of the frame's first word. */
  readonly word: number;
}

/**
 * Follows each event slot's sequence. The first frame of an event after the start may carry any number: what
 * a snapshot holds is not this layer's to know, and the engine checks again when it applies.
 */
export class FrameAudit {
  readonly #generations = new Int32Array(SLOT_COUNT).fill(UNKNOWN);
  readonly #sequences = new Float64Array(SLOT_COUNT);

  /** Walks the frames in words[start … end). Null when they are whole and in sequence. */
  check(words: Int32Array, start: number, end: number): FrameFault | null {
    let at = start;
    while (at < end) {
      const header = words[at + WORD_HEADER];
      const lengthWords = headerBytes(header) / 4;
      const kind = headerKind(header);
      if (lengthWords < 2 || lengthWords % 2 !== 0 || at + lengthWords > end)
        return badFrame(at, lengthWords, kind);
      if (kind !== FRAME_KIND.padding) {
        if (kind === 0 || lengthWords < FRAME_HEADER_WORDS) return badFrame(at, lengthWords, kind);
        const event = words[at + WORD_EVENT];
        const slot = event & 0xffff;
        const generation = event >>> 16;
        const sequence = wide(words, at + WORD_SEQUENCE);
        if (this.#generations[slot] === generation && slot !== REGISTRY_SLOT) {
          if (sequence !== this.#sequences[slot] + (takesSequence(header) ? 1 : 0))
            return sequenceGap(at, slot, this.#sequences[slot], sequence);
        } else {
          this.#generations[slot] = generation;
        }
        this.#sequences[slot] = sequence;
      }
      at += lengthWords;
    }
    return null;
  }
}

function badFrame(word: number, lengthWords: number, kind: number): FrameFault {
  return { code: 'bad-frame', message: `a frame of kind ${kind} claims ${lengthWords} words`, word };
}

function sequenceGap(word: number, slot: number, before: number, sequence: number): FrameFault {
  const message = `event slot ${slot} goes from sequence ${before} to ${sequence}`;
  return { code: 'sequence-gap', message, word };
}
