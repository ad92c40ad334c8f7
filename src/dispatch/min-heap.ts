/** A binary heap, least rank first: what waits for a position, a deadline, or to be the oldest. Main thread. */

export interface Ranked {
  readonly rank: number;
}

export class MinHeap<T extends Ranked> {
  readonly #items: T[] = [];

  get size(): number {
    return this.#items.length;
  }

  peek(): T | undefined {
    return this.#items[0];
  }

  clear(): void {
    this.#items.length = 0;
  }

  push(item: T): void {
    const items = this.#items;
    let at = items.length;
    items.push(item);
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      if (items[parent].rank <= item.rank) break;
      items[at] = items[parent]!;
      at = parent;
    }
    items[at] = item;
  }

  pop(): T | undefined {
    const items = this.#items;
    const least = items[0];
    const last = items.pop();
    if (last === undefined || items.length === 0) return least;
    const half = items.length >>> 1;
    let at = 0;
    while (at < half) {
      let child = at * 2 + 1;
      if (child + 1 < items.length && items[child + 1].rank < items[child].rank) child++;
      if (items[child].rank >= last.rank) break;
      items[at] = items[child]!;
      at = child;
    }
    items[at] = last;
    return least;
  }
}
