/** Golden files: `test/cli/golden/NAME.txt`, written anew with FRONTROW_UPDATE_GOLDEN=1. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { Test } from 'tap';

/** Compiled tests run from `dist/test/cli`; the pictures stay with the sources. */
const GOLDEN = new URL('../../../test/cli/golden/', import.meta.url);

export function matchGolden(test: Pick<Test, 'equal'>, name: string, text: string): void {
  const file = new URL(`${name}.txt`, GOLDEN);
  if (process.env['FRONTROW_UPDATE_GOLDEN'] === '1') {
    mkdirSync(new URL('.', file), { recursive: true });
    writeFileSync(file, text);
  }
  test.equal(text, existsSync(file) ? readFileSync(file, 'utf8') : '(no golden file)', name);
}
