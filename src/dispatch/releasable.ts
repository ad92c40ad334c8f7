/**
 * How far the ring may be released: up to the first frame that a batch under way or under repair may have published,
 * or, when there is none, up to the head. Main thread writes the word; the journal thread zeroes and gives back.
 */
import type { Arena } from '../memory/arena.ts';
import { ringHead, setReleasable } from '../memory/ring.ts';
import { wakeJournal } from '../memory/threads.ts';

interface Holding {
  readonly firstUnit: number;
}

export class Releasable {
  readonly #arena: Arena;
  /** A worker has one each: few enough to look at all of them. */
  readonly #holding = new Set<Holding>();
  #unit: number;

  constructor(arena: Arena) {
    this.#arena = arena;
    this.#unit = ringHead(arena);
  }

  /** `holding` was noted from the ring's head before its batch left. */
  add(holding: Holding): void {
    this.#holding.add(holding);
  }

  delete(holding: Holding): void {
    this.#holding.delete(holding);
    this.update();
  }

  update(): void {
    let least = ringHead(this.#arena);
    // Units wrap: compared by difference.
    for (const { firstUnit } of this.#holding) if (((firstUnit - least) | 0) < 0) least = firstUnit;
    if (least === this.#unit) return;
    this.#unit = least;
    setReleasable(this.#arena, least);
  }

  /** Somebody waits for room: the journal thread looks at the word even if it has nothing to write. */
  press(): void {
    this.update();
    wakeJournal(this.#arena);
  }
}
