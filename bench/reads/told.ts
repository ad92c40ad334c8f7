/**
 * What anybody has been told of events: the audit of reads beside orders. Whoever was told of a change before a read
 * was sent may not be shown less by it, on whatever connection (histories are linearizable); and what was told is
 * there after a kill -9. Pure.
 */
import type { AuditCheck } from '../../src/cli/load-audit.ts';

const FAULTS_MAX = 5;

export class Told {
  readonly #latest = new Map<string, number>();
  readonly #faults: string[] = [];
  #faultCount = 0;
  #unchanged = 0;
  #read = 0;

  /** The last sequence of an event that was told: what a read that is sent now must show at least. */
  latest(event: string): number {
    return this.#latest.get(event) ?? 0;
  }

  /** Of an event, by the reply to a command. */
  tell(event: string, sequence: number): void {
    this.#latest.set(event, Math.max(this.latest(event), sequence));
  }

  /** A read was answered with the state at a sequence; `floor` is what latest() was when it was sent. */
  read(event: string, floor: number, sequence: number): void {
    this.#read++;
    this.#check(event, floor, sequence, 'was shown');
  }

  /** A read with the tag of a sequence was answered with 304. */
  unchanged(event: string, floor: number, sequence: number): void {
    this.#unchanged++;
    this.#check(event, floor, sequence, '304 for');
  }

  fault(text: string): void {
    this.#faultCount++;
    if (this.#faults.length < FAULTS_MAX) this.#faults.push(text);
  }

  #check(event: string, floor: number, sequence: number, what: string): void {
    if (sequence < floor) this.fault(`${event}: ${what} sequence ${sequence} after ${floor} was told`);
    this.tell(event, sequence);
  }

  checks(): AuditCheck[] {
    const faults = this.#faultCount === 0 ? '' : `; ${this.#faultCount} faults: ${this.#faults.join('; ')}`;
    return [
      {
        name: 'reads show all that was told before they were sent; a 304 only while nothing had changed',
        ok: this.#faultCount === 0 && this.#read > 0,
        detail: `${this.#read} read, ${this.#unchanged} unchanged${faults}`,
      },
    ];
  }
}
