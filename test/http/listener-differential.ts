/**
 * Two listeners must agree on every byte: what they accept, what they refuse, and where a request begins and ends. Both
 * get the same bytes with the same cuts; any difference that the reviewed list does not know is a failure.
 *
 * FRONTROW_LONG=1 cuts short messages at every point and runs tens of thousands of generated cases; otherwise the cuts
 * are a sample, another one each day. FRONTROW_SEED repeats a run.
 */
import t from 'tap';
import type { Test } from 'tap';
import type { ListenerFactory } from '../../src/http/listener.ts';
import { SeededRandom } from '../../src/journal/random.ts';
import { cutsEverywhere } from './support/fuzz-case.ts';
import type { Finish, FuzzCase, FuzzRun } from './support/fuzz-case.ts';
import { FRAMING_CASES } from './support/fuzz-framing-cases.ts';
import { generate } from './support/fuzz-generator.ts';
import { CUT_SHORT, MESSAGE_CASES } from './support/fuzz-message-cases.ts';
import { FuzzPair, describe } from './support/fuzz-pair.ts';
import type { KnownDifference } from './support/fuzz-pair.ts';

const IS_LONG = process.env['FRONTROW_LONG'] === '1';
const DAY_MS = 24 * 3600 * 1000;
const SEED = Number(process.env['FRONTROW_SEED'] ?? Math.floor(Date.now() / DAY_MS));

export const CORPUS: readonly FuzzCase[] = [...FRAMING_CASES, ...MESSAGE_CASES];

/** Messages up to here are cut at every point. */
const SHORT_BYTES_MAX = 300;
/** Messages from here on cost more than all others: the short form takes a sample of them. */
const LONG_BYTES_MIN = 2000;
const GENERATED = IS_LONG ? 40_000 : 200;
/** Generated at a time: an array of all would be most of the memory. */
const GENERATED_BATCH = 200;

/** Shown at once; more would mostly be the same one again. */
const DIFFERENCES_MAX = Number(process.env['FRONTROW_DIFFERENCES'] ?? 3);

/** @param known differences that are reviewed; one whose example makes none any more is a failure, too */
export function listenerDifferential(
  name: string,
  createFirst: ListenerFactory,
  createSecond: ListenerFactory,
  known: readonly KnownDifference[],
): void {
  t.test(`${name}: agree on every byte`, async (t) => {
    const pair = await FuzzPair.start(createFirst, createSecond, known);
    t.teardown(() => pair.stop());
    t.test('of the cases written by hand, wherever they are cut', (t) => agree(t, pair, corpusRuns()));
    t.test('and every entry of the reviewed list is met', async (t) => {
      pair.hits.clear();
      for (const entry of known) {
        const run: FuzzRun = { name: entry.name, bytes: entry.example, finish: 'open', cuts: [] };
        const differences = await pair.findDifferences([run]);
        t.same(differences.map(describe), [], entry.name);
        t.ok(pair.hits.has(entry.name), `the two differ by: ${entry.name}`);
      }
    });
    t.test('of peers that stop at any byte', (t) => agree(t, pair, shortenedRuns()));
    t.test('of random pipelines', (t) => agree(t, pair, generatedRuns()));
  });
}

async function agree(t: Test, pair: FuzzPair, runs: Iterable<FuzzRun>): Promise<void> {
  const { runCount, unstable } = pair;
  const differences = await pair.findDifferences(runs, DIFFERENCES_MAX);
  for (const difference of differences) t.fail(`FRONTROW_SEED=${SEED}: ${describe(difference)}`);
  t.ok(pair.runCount > runCount, `${pair.runCount - runCount} runs`);
  if (pair.unstable > unstable) t.comment(`${pair.unstable - unstable} differences did not show again`);
}

function* corpusRuns(): Generator<FuzzRun> {
  const random = new SeededRandom(SEED);
  for (const one of CORPUS) {
    if (!IS_LONG) {
      if (one.bytes.length > LONG_BYTES_MIN && !random.oneIn(4)) continue;
      yield { ...one, cuts: someCuts(one, random) };
      continue;
    }
    yield { ...one, cuts: [] };
    for (const cuts of allCuts(one, random)) yield { ...one, cuts };
  }
}

function* allCuts(one: FuzzCase, random: SeededRandom): Generator<number[]> {
  const length = one.bytes.length;
  if (length > SHORT_BYTES_MAX) {
    for (let i = 0; i < 30; i++) yield sample(length, 1 + (i % 10), random);
    return;
  }
  for (let at = 1; at <= length; at++) yield [at];
  yield cutsEverywhere(one.bytes);
}

/** None, one, some, or rarely all: over the days all cases meet all of them. */
function someCuts({ bytes }: FuzzCase, random: SeededRandom): number[] {
  if (bytes.length <= SHORT_BYTES_MAX && random.oneIn(30)) return cutsEverywhere(bytes);
  return sample(bytes.length, [0, 0, 1, 6][random.below(4)], random);
}

function* shortenedRuns(): Generator<FuzzRun> {
  const random = new SeededRandom(SEED);
  for (const message of CUT_SHORT) {
    for (let length = 1; length < message.length; length++) {
      for (const finish of ['end', 'reset'] satisfies Finish[]) {
        if (!IS_LONG && !random.oneIn(12)) continue;
        const bytes = message.slice(0, length);
        yield { name: 'shortened', bytes, finish, cuts: sample(length, 1, random) };
      }
    }
  }
}

function* generatedRuns(): Generator<FuzzRun> {
  for (let made = 0; made < GENERATED; made += GENERATED_BATCH) yield* generate(SEED + made, GENERATED_BATCH);
}

function sample(length: number, count: number, random: SeededRandom): number[] {
  return Array.from({ length: count }, () => 1 + random.below(length)).sort((a, b) => a - b);
}
