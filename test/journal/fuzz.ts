/**
 * Seeded runs, and the naive model that audits them. A failure prints its seed; FRONTROW_SEED runs one seed alone,
 * FRONTROW_LONG many.
 */
import type { CollectedGroup } from './sample-frames.ts';

const IS_LONG = process.env['FRONTROW_LONG'] === '1';
const SEED = process.env['FRONTROW_SEED'];

function seeds(count: number): number[] {
  if (SEED !== undefined) return [Number(SEED)];
  return Array.from({ length: IS_LONG ? count * 40 : count }, (_, index) => index + 1);
}

/** Runs a case for each seed and reports the first that breaks. */
export function forSeeds(
  test: { pass(m: string): unknown; fail(m: string): unknown },
  count: number,
  run: (seed: number) => void,
): void {
  let done = 0;
  for (const seed of seeds(count)) {
    try {
      run(seed);
    } catch (error) {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      test.fail(`FRONTROW_SEED=${seed}: ${text}`);
      return;
    }
    done++;
  }
  test.pass(`${done} seeds`);
}

export function check(condition: boolean, message: string): void {
  if (!condition) throw new Error(message);
}

/**
 * What the journal must hold: everything acknowledged, then perhaps the one group whose append did not
 * answer.
 */
export class Model {
  readonly acknowledged: CollectedGroup[] = [];
  pending: CollectedGroup | null = null;
  position = 0;

  /** Groups recovered from `from` on must be the acknowledged ones, with the pending one allowed behind. */
  audit(collected: readonly CollectedGroup[], from: number): void {
    const due = this.acknowledged.filter((group) => group.position >= from);
    if (this.pending !== null && collected.length === due.length + 1) {
      this.acknowledged.push(this.pending);
      due.push(this.pending);
    }
    check(
      collected.length === due.length,
      `${due.length} groups acknowledged, ${collected.length} recovered`,
    );
    due.forEach((group, index) => {
      check(
        group.position === collected[index].position,
        `group ${index} stands at ${collected[index].position}`,
      );
      check(group.bytes.equals(collected[index].bytes), `group ${index} has other bytes`);
    });
    this.pending = null;
    const last = this.acknowledged.at(-1);
    this.position = last === undefined ? 0 : last.position + last.bytes.byteLength;
  }
}
