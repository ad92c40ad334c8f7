/** First in, first out, in an array with a moving head: no shifting of what waits behind. Main thread. */

/** Taken items leave a gap in front; it is closed when it is this long and half of the array. */
const GAP_MIN = 64;

export class FifoQueue<T> {
  #items: (T | undefined)[] = [];
  #head = 0;

  get size(): number {
    return this.#items.length - this.#head;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  /** The item that shift() would take. */
  peek(): T | undefined {
    return this.#items[this.#head];
  }

  /** The item that would be next after `index` more were taken. */
  at(index: number): T | undefined {
    return this.#items[this.#head + index];
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
