/**
 * The order in which one lane serves what waits in it. Main thread.
 *
 * First in, first out for now. What a lane needs of its queue is this interface and no more, so that a queue
 * that goes round over clients fits in its place.
 */

export interface FairQueue<T> {
  readonly size: number;
  push(item: T): void;
  /** The item that shift() would take. */
  peek(): T | undefined;
  shift(): T | undefined;
}

/** Taken items leave a gap in front; it is closed when it is this long and half of the array. */
const GAP_MIN = 64;

/** First in, first out, in an array with a moving head: no shifting of what waits behind. */
export class FifoQueue<T> implements FairQueue<T> {
  #items: (T | undefined)[] = [];
  #head = 0;

  get size(): number {
    return this.#items.length - this.#head;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  peek(): T | undefined {
    return this.#items[this.#head];
  }

  shift(): T | undefined {
    if (this.#head === this.#items.length) return undefined;
    const item = this.#items[this.#head];
    // The gap must not keep what was taken alive.
    this.#items[this.#head++] = undefined;
    if (this.#head === this.#items.length) {
      this.#items.length = 0;
      this.#head = 0;
    } else if (this.#head >= GAP_MIN && this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }
}
