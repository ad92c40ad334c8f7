/** The latency part of the bench: by the number of connections, and at half load. */
import type { PartReport } from '../figure.ts';
import { halfLoadFigures } from './half-load.ts';
import type { LatencyOptions, Note } from './latency-options.ts';
import { sweepFigures } from './sweep.ts';

export async function latencyFigures(options: LatencyOptions, note: Note = () => {}): Promise<PartReport> {
  const sweep = await sweepFigures(options, note);
  const half = await halfLoadFigures(options, note);
  return {
    figures: [...sweep.figures, ...half.figures],
    lines: [...sweep.lines, '', ...half.lines],
    checks: [...sweep.checks, ...half.checks],
  };
}
