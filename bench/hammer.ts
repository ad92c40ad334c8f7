/** What hammers have in common: one run's figures. */

export interface HammerResult {
  /** Replies, whatever their status. */
  readonly replies: number;
  readonly seconds: number;
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly max: number };
  /** Replies by status, or by `2xx-3xx` and `4xx-5xx` where the hammer tells no more. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Broken or timed-out connections. */
  readonly errors: number;
}

export const ACCEPTED = '2xx-3xx';
export const REFUSED = '4xx-5xx';

/** Replies below 400, of any hammer. */
export function acceptedOf(run: HammerResult): number {
  return sumOf(run, (status) => status < '4');
}

export function refusedOf(run: HammerResult): number {
  return sumOf(run, (status) => status >= '4');
}

function sumOf({ statuses }: HammerResult, isCounted: (status: string) => boolean): number {
  return Object.entries(statuses).reduce((sum, [status, count]) => sum + (isCounted(status) ? count : 0), 0);
}
