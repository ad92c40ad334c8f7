/**
 * Rows of a seated section as people write them: a count, or a list of "1..20", "7", null for an aisle and
 * { id, features }. Runs stay ranges in what is stored.
 */
import { ROW_ID_PATTERN } from '../core/ids.ts';
import type { FieldError } from '../core/problems.ts';
import { parseRange, type RowEntry, type StoredRow } from '../engine/definition.ts';

const SEAT_NUMBER = new RegExp(ROW_ID_PATTERN);
const FEATURE = /^[a-z][a-z-]{0,31}$/;
const FEATURES_MAX = 8;
const ENTRIES_MAX = 10_000;
const TOO_MANY = 'the event has too many seats';

interface RowInput {
  readonly id: string;
  readonly seats: unknown;
}

export interface ReadRow {
  readonly row: StoredRow;
  readonly seatCount: number;
}

/** Seats that a body may still name. Counted down also for rows that are refused, so that it bounds the work. */
export interface SeatBudget {
  left: number;
}

/** Checks a row. Faults go to `errors` with pointers below `pointer`; null then. */
export function readRow(
  input: RowInput,
  pointer: string,
  budget: SeatBudget,
  errors: FieldError[],
): ReadRow | null {
  const { seats } = input;
  const fail = (at: string, code: string, detail: string): null => {
    errors.push({ pointer: at, code, detail });
    return null;
  };
  if (typeof seats === 'number') {
    if (!Number.isInteger(seats) || seats < 1) {
      return fail(`${pointer}/seats`, 'out-of-range', 'a row has at least one seat');
    }
    if (seats > budget.left) return fail(`${pointer}/seats`, 'out-of-range', TOO_MANY);
    budget.left -= seats;
    return { row: { id: input.id, seats: [`1..${seats}`] }, seatCount: seats };
  }
  if (!Array.isArray(seats) || seats.length === 0 || seats.length > ENTRIES_MAX) {
    return fail(
      `${pointer}/seats`,
      'wrong-type',
      'seats is a count or a list of "1..8", "9", null for an aisle and { id, features }',
    );
  }
  const taken = new TakenNumbers();
  const entries: RowEntry[] = [];
  let seatCount = 0;
  for (let i = 0; i < seats.length; i++) {
    const at = `${pointer}/seats/${i}`;
    const entry = readEntry(seats[i] as unknown, at, errors);
    if (entry === undefined) return null;
    entries.push(entry);
    if (entry === null) continue;
    const count = seatsOf(entry);
    if (count > budget.left) return fail(at, 'out-of-range', TOO_MANY);
    budget.left -= count;
    if (!taken.take(entry)) return fail(at, 'duplicate', 'a seat number stands twice in this row');
    seatCount += count;
  }
  if (seatCount === 0) return fail(`${pointer}/seats`, 'out-of-range', 'a row has at least one seat');
  return { row: { id: input.id, seats: entries }, seatCount };
}

function seatsOf(entry: string | { readonly id: string }): number {
  const range = typeof entry === 'string' ? parseRange(entry) : null;
  return range === null ? 1 : range.last - range.first + 1;
}

/**
 * Seat numbers of a row that are taken. Ranges are kept as ranges, ascending: a few bytes can name millions of numbers,
 * and each of ten thousand entries is looked up in the ones before it.
 */
class TakenNumbers {
  /** What is no plain number: "7a", "007". */
  readonly #words = new Set<string>();
  readonly #firsts: number[] = [];
  readonly #lasts: number[] = [];

  /** Notes the numbers of an entry; false when one is taken. */
  take(entry: string | { readonly id: string }): boolean {
    const text = typeof entry === 'string' ? entry : entry.id;
    const range = typeof entry === 'string' ? parseRange(entry) : null;
    if (range !== null) return this.#takeRange(range.first, range.last);
    const number = Number(text);
    if (String(number) === text) return this.#takeRange(number, number);
    if (this.#words.has(text)) return false;
    this.#words.add(text);
    return true;
  }

  #takeRange(first: number, last: number): boolean {
    let from = 0;
    let to = this.#firsts.length;
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (this.#firsts[middle] <= last) from = middle + 1;
      else to = middle;
    }
    // The last range that begins at or before this one's end: the only one that can reach into it.
    if (from > 0 && this.#lasts[from - 1] >= first) return false;
    this.#firsts.splice(from, 0, first);
    this.#lasts.splice(from, 0, last);
    return true;
  }
}

function readEntry(entry: unknown, at: string, errors: FieldError[]): RowEntry | undefined {
  const fail = (pointer: string, code: string, detail: string): undefined => {
    errors.push({ pointer, code, detail });
    return undefined;
  };
  if (entry === null) return null;
  if (typeof entry === 'string') {
    if (SEAT_NUMBER.test(entry)) return entry;
    const range = parseRange(entry);
    if (range === null)
      return fail(at, 'bad-format', `"${entry.slice(0, 40)}" is no seat number and no range`);
    if (range.first > range.last) {
      return fail(at, 'out-of-range', 'a range runs from a lower to a higher number');
    }
    return `${range.first}..${range.last}`;
  }
  if (typeof entry !== 'object' || Array.isArray(entry)) {
    return fail(at, 'wrong-type', 'an entry is "1..8", "9", null for an aisle or { id, features }');
  }
  for (const name of Object.keys(entry)) {
    if (name !== 'id' && name !== 'features') {
      return fail(`${at}/${name}`, 'unknown-field', `${name} is not a field of a seat`);
    }
  }
  const { id, features = [] } = entry as { id?: unknown; features?: unknown };
  if (typeof id !== 'string' || !SEAT_NUMBER.test(id))
    return fail(`${at}/id`, 'bad-format', 'a seat has an id');
  const isList =
    Array.isArray(features) &&
    features.length <= FEATURES_MAX &&
    features.every((feature) => typeof feature === 'string' && FEATURE.test(feature));
  if (!isList)
    return fail(`${at}/features`, 'bad-format', 'features is a list of words such as "wheelchair"');
  return { id, features: features as string[] };
}
