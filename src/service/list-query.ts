/**
 * What the queries of lists have in common: page size, states, and texts to look for.
 */
import type { FieldError } from '../core/problems.ts';
import { invalid, queryNumber, type Parsed } from './parse.ts';

const LIST_DEFAULT = 50;
const LIST_MAX = 500;

type Query = ReadonlyMap<string, string>;

export function pageLimit(query: Query): Parsed<number> {
  return queryNumber(query, 'limit', LIST_DEFAULT, 1, LIST_MAX);
}

function fault(name: string, code: string, detail: string): Parsed<never> {
  const error: FieldError = { pointer: `?${name}`, code, detail };
  return invalid([error]);
}

/** `?state=open,paused`: the states named, each of `known`; null when left out. */
export function queryStates<T extends string>(
  query: Query,
  known: readonly T[],
): Parsed<ReadonlySet<T> | null> {
  const text = query.get('state');
  if (text === undefined) return { ok: true, value: null };
  const states = new Set<T>();
  for (const name of text.split(',')) {
    const state = known.find((each) => each === name);
    if (state === undefined)
      return fault('state', 'bad-value', `?state is one or more of ${known.join(',')}`);
    states.add(state);
  }
  return { ok: true, value: states };
}

/** A text as bytes, from 1 to `bytesMax` of them; null when left out. */
export function queryBytes(query: Query, name: string, bytesMax: number): Parsed<Uint8Array | null> {
  const text = query.get(name);
  if (text === undefined) return { ok: true, value: null };
  const bytes = Buffer.from(text);
  if (bytes.length >= 1 && bytes.length <= bytesMax) return { ok: true, value: bytes };
  return fault(name, 'out-of-range', `?${name} has from 1 to ${bytesMax} bytes`);
}
