/** bench/baseline.json, which is committed. */
import { readFileSync, writeFileSync } from 'node:fs';
import type { Baseline } from './compare.ts';

/** Seen from dist/bench/check. */
const FILE = new URL('../../../bench/baseline.json', import.meta.url);

export function readBaseline(): Baseline {
  return JSON.parse(readFileSync(FILE, 'utf8')) as Baseline;
}

export function writeBaseline(baseline: Baseline): void {
  writeFileSync(FILE, `${JSON.stringify(baseline, null, 2)}\n`);
}
