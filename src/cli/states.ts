/** The states that lists can be asked for, and how they are asked for: `--state open,paused`, or repeated. */
import { splitList } from './command.ts';
import { UsageError } from './exits.ts';

export const EVENT_STATES = ['draft', 'open', 'paused', 'closed', 'archived'] as const;
export const HOLD_STATES = ['held', 'confirmed', 'released', 'expired'] as const;
export const ORDER_STATES = ['confirmed', 'cancelled'] as const;

/** undefined: any. Throws a UsageError for a word that is no state. */
export function readStates<S extends string>(
  values: readonly string[] | undefined,
  states: readonly S[],
): S[] | undefined {
  const words = splitList(values);
  const known = new Set<string>(states);
  for (const word of words) {
    if (!known.has(word)) throw new UsageError(`--state takes ${states.join(', ')}; not ${word}`);
  }
  return words.length === 0 ? undefined : (words as S[]);
}
