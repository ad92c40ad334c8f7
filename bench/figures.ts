/** Spreads and percentiles of measured values. Pure. */

export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

/** Of one value or more. */
export function spread(values: readonly number[]): Spread {
  return { min: Math.min(...values), median: percentile(values, 0.5), max: Math.max(...values) };
}

/** The value that `fraction` of all values are not above: nearest rank, the middle of two for an even median. */
export function percentile(values: readonly number[], fraction: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const rank = fraction * sorted.length;
  const upper = sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(rank) - 1))];
  const isBetween = fraction === 0.5 && sorted.length % 2 === 0;
  return isBetween ? (upper + sorted[sorted.length / 2]) / 2 : upper;
}

/** `1.234`, `12.3`, `123`: three digits that say something. */
export function digits(value: number): string {
  const magnitude = Math.abs(value);
  return value.toFixed(magnitude >= 100 ? 0 : magnitude >= 10 ? 1 : 2);
}
