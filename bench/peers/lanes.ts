/**
 * Connections to a store that all requests share. Each has many requests under way at once (both protocols answer in
 * order), and a new one goes where the fewest wait. So a request never waits for a connection to be free, and requests
 * that come in one turn of the event loop leave in one write.
 */

export interface Lane {
  close(): Promise<void>;
}

interface Slot<L> {
  readonly lane: L;
  waiting: number;
}

export class Lanes<L extends Lane> {
  readonly #open: () => Promise<L>;
  #slots: Slot<L>[] = [];

  /** None until resize(). */
  constructor(open: () => Promise<L>) {
    this.#open = open;
  }

  /** While nothing is under way. */
  async resize(count: number): Promise<void> {
    const before = this.#slots;
    const lanes = await Promise.all(Array.from({ length: count }, this.#open));
    this.#slots = lanes.map((lane) => ({ lane, waiting: 0 }));
    await Promise.all(before.map(({ lane }) => lane.close()));
  }

  async run<T>(act: (lane: L) => Promise<T>): Promise<T> {
    let slot = this.#slots[0];
    for (const other of this.#slots) {
      if (other.waiting < slot.waiting) slot = other;
    }
    slot.waiting++;
    try {
      return await act(slot.lane);
    } finally {
      slot.waiting--;
    }
  }

  close(): Promise<void> {
    return this.resize(0);
  }
}
