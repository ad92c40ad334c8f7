/**
 * Writing batches whose worker is not known to be through with them: one for each event that writes, as a rule. Main
 * thread.
 *
 *   add() ─▶ writing ─▶ takeServed(): served, its replies on their way ─▶ landed()
 *                   └─▶ landed(): its replies said so
 */
import { BATCH_COMMANDS_MAX } from '../core/limits.ts';
import { REGISTRY_SLOT } from '../memory/registry.ts';
import type { Flight } from './flight.ts';
import type { Lanes } from './lane.ts';

export class Unserved {
  readonly #lanes: Lanes;
  readonly #flights: Flight[] = [];

  constructor(lanes: Lanes) {
    this.#lanes = lanes;
  }

  add(flight: Flight): void {
    flight.lane.writing++;
    this.#flights.push(flight);
  }

  /** Its replies are here, or it was lost and is repaired. */
  landed(flight: Flight): void {
    if (flight.served) flight.lane.served--;
    else this.#remove(flight);
  }

  clear(): void {
    this.#flights.length = 0;
  }

  /**
   * Lets the next batch of an event leave whose last one is served, if it is a full one: another is fuller when main has
   * come round to the replies.
   * @returns whether there is such an event
   */
  takeServed(): boolean {
    let isServed = false;
    for (let i = this.#flights.length - 1; i >= 0; i--) {
      const flight = this.#flights[i];
      const { lane } = flight;
      // What the registry's batch retires is known when it has landed.
      if (lane.writes.size < BATCH_COMMANDS_MAX || lane.slot === REGISTRY_SLOT) continue;
      if (!flight.isServed()) continue;
      isServed = true;
      flight.served = true;
      lane.served++;
      this.#remove(flight);
      this.#lanes.settle(lane);
    }
    return isServed;
  }

  #remove(flight: Flight): void {
    flight.lane.writing--;
    this.#flights.splice(this.#flights.indexOf(flight), 1);
  }
}
