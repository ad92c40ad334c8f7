/** Reads a fixture of test/journal/fixtures back into a data directory; README.md there says what is in one. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

const FIXTURES = fileURLToPath(new URL('../../../test/journal/fixtures/', import.meta.url));

export interface Fixture {
  readonly version: number;
  readonly what: string;
  readonly files: readonly { readonly name: string; readonly bytes: number }[];
  /** When the answers were read. */
  readonly nowMs: number;
  readonly reads: readonly { readonly path: string; readonly status: number; readonly json: object }[];
  readonly replays: readonly {
    readonly method: string;
    readonly path: string;
    readonly body: object | null;
    readonly key: string;
    /** Of what the call made; null where it answers with nothing. */
    readonly id: string | null;
  }[];
  /** What is refused with that code; since version 2. */
  readonly refusals?: readonly { readonly path: string; readonly body: object; readonly code: string }[];
}

export function fixtureNames(): string[] {
  const files = readdirSync(FIXTURES).filter((file) => file.endsWith('.gz'));
  return files.map((file) => file.slice(0, -'.gz'.length)).sort();
}

export function unpackFixture(name: string, directory: string): Fixture {
  const bytes = gunzipSync(readFileSync(join(FIXTURES, `${name}.gz`)));
  const headEnd = bytes.indexOf('\n');
  const fixture = JSON.parse(bytes.subarray(0, headEnd).toString()) as Fixture;
  let at = headEnd + 1;
  for (const file of fixture.files) {
    writeFileSync(join(directory, file.name), bytes.subarray(at, at + file.bytes));
    at += file.bytes;
  }
  return fixture;
}
