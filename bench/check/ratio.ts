/** What the regression guard compares: ratios to a baseline of the same run, each from a source that measures some. */
import type { AuditCheck } from '../../src/cli/load-audit.ts';

/** Higher is better, always. */
export interface Ratio {
  readonly name: string;
  /** Of each interleaved pair; the median counts. */
  readonly values: readonly number[];
}

export interface Measured {
  readonly ratios: readonly Ratio[];
  readonly checks: readonly AuditCheck[];
}

export interface RatioSource {
  /** Of the ratios that it measures, all in one go. */
  readonly names: readonly string[];
  measure(): Promise<Measured>;
}
