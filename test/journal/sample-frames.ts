/** Frames for journal tests: their facts mean nothing, their headers are right. */
import { FRAME_HEADER_WORDS, FRAME_KIND, packHeader } from '../../src/core/frame.ts';
import type { FramesSink, SnapshotInfo } from '../../src/journal/port.ts';
import { SeededRandom } from '../../src/journal/random.ts';

export class FrameMaker {
  readonly random: SeededRandom;
  readonly #sequences: number[];
  readonly #generation: number;

  /** `generation` tells a life's frames from those of the life before, whose last group may be gone. */
  constructor(seed: number, eventCount = 4, generation = 7) {
    this.random = new SeededRandom(seed);
    this.#generation = generation;
    this.#sequences = Array.from({ length: eventCount }, () => 0);
  }

  sequence(slot: number): number {
    return this.#sequences[slot];
  }

  /** One group of `frameCount` frames with up to `factWordsMax` words of facts each, sometimes padding or a key alone. */
  group(frameCount: number, factWordsMax = 24): Uint8Array {
    const words: number[] = [];
    for (let frame = 0; frame < frameCount; frame++) {
      this.#frame(
        words,
        this.random.below(this.#sequences.length),
        this.random.below(factWordsMax / 2 + 1) * 2,
      );
      if (this.random.oneIn(16)) words.push(packHeader(FRAME_KIND.padding, 4), 0, 0, 0);
      if (this.random.oneIn(8)) this.#keyAlone(words, this.random.below(this.#sequences.length));
    }
    return new Uint8Array(Int32Array.from(words).buffer);
  }

  /** One frame of one event that holds a key alone. */
  keyAlone(slot: number): Uint8Array {
    const words: number[] = [];
    this.#keyAlone(words, slot);
    return new Uint8Array(Int32Array.from(words).buffer);
  }

  /** One frame of one event. */
  single(slot: number, factWords: number): Uint8Array {
    const words: number[] = [];
    this.#frame(words, slot, factWords);
    return new Uint8Array(Int32Array.from(words).buffer);
  }

  #keyAlone(words: number[], slot: number): void {
    const sequence = this.#sequences[slot];
    words.push(
      packHeader(FRAME_KIND.remember, FRAME_HEADER_WORDS),
      (this.#generation << 16) | slot,
      sequence,
      0,
    );
    words.push(1000 + sequence, 0, 0, 0);
  }

  #frame(words: number[], slot: number, factWords: number): void {
    const sequence = ++this.#sequences[slot];
    const event = (this.#generation << 16) | slot;
    words.push(packHeader(FRAME_KIND.hold, FRAME_HEADER_WORDS + factWords), event, sequence, 0);
    words.push(1000 + sequence, 0, 0, 0);
    for (let fact = 0; fact < factWords; fact++) words.push(this.random.next() | 0);
  }
}

export interface CollectedGroup {
  readonly position: number;
  readonly bytes: Buffer;
}

/** A sink that keeps everything. */
export class Collector implements FramesSink {
  readonly groups: CollectedGroup[] = [];
  snapshotInfo: SnapshotInfo | null = null;
  snapshotBytes: Buffer = Buffer.alloc(0);

  snapshot(info: SnapshotInfo, chunks: Iterable<Uint8Array>): void {
    this.snapshotInfo = info;
    const copies: Buffer[] = [];
    for (const chunk of chunks) copies.push(Buffer.from(chunk));
    this.snapshotBytes = Buffer.concat(copies);
  }

  frames(words: Int32Array, startWord: number, endWord: number, position: number): void {
    const bytes = Buffer.from(words.slice(startWord, endWord).buffer);
    this.groups.push({ position, bytes });
  }
}
