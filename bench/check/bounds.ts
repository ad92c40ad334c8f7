/**
 * How far below its baseline a ratio's median may be before the guard takes it for a fall. Measured: ten runs of the
 * short form on two cores that others used for twice what they have (load 4 to 5). The lowest and the highest run,
 * against the median of the ten:
 *
 *   engine: holds with a key          -11 %   +8 %       cpu: durable orders        -17 %   +9 %
 *   engine: orders with a key          -6 %  +12 %       cpu: availability           -7 %   +9 %
 *   engine: best 2 seats               -4 %   +5 %       cpu: sold-out refusals      -8 %  +32 %
 *
 * With a load of 8 to 11, which no figure should be taken at, two of 102 ratios were below the bound (both of orders with a
 * key, -28 % and -47 %, and fine the next time). A false alarm takes three tries below it in a row: of a ratio at such a
 * load one in 100,000 if tries have nothing to do with each other, and more often in truth, as a bad minute is longer
 * than a try. On Node 22 and 24 the medians came out at -9 % to +18 % of those on Node 20. What the guard finds is a cost
 * that rose by a third.
 *
 * Rates under wrk depend on who else is there far more than ratios of processor time do: only a quiet machine can be
 * compared with a quiet one.
 */
const BOUNDS = { engine: 0.25, cpu: 0.25, wrk: 0.2 } as const;

/** By the kind, which is what a ratio's name begins with. */
export function boundOf(name: string): number {
  const kind = name.slice(0, name.indexOf(':'));
  if (kind in BOUNDS) return BOUNDS[kind as keyof typeof BOUNDS];
  throw new Error(`${name} has no bound`);
}
