/**
 * Two listeners side by side: each run goes to both, and what came of it is compared. A difference counts when it shows
 * again in a run of its own with more patience, so that a busy machine cannot make one; it is then made as small as
 * can be.
 */
import { LISTENER_DEFAULTS } from '../../../src/http/listener.ts';
import type { Listener, ListenerFactory } from '../../../src/http/listener.ts';
import { cutsEverywhere, quote } from './fuzz-case.ts';
import type { FuzzRun } from './fuzz-case.ts';
import { FuzzHandler } from './fuzz-handler.ts';
import type { Handled } from './fuzz-handler.ts';
import { readReplies } from './fuzz-replies.ts';
import type { ReplySeen } from './fuzz-replies.ts';
import { ServerSockets, converse } from './fuzz-wire.ts';
import type { Conversation } from './fuzz-wire.ts';

/** What a run came to with one listener: all that is compared. */
export interface Outcome {
  readonly handled: readonly Handled[];
  readonly replies: readonly ReplySeen[];
  /** Bytes sent that are no whole reply. */
  readonly rest: string;
  readonly closed: Conversation['closed'];
  readonly uncaught: boolean;
}

/** One entry of a reviewed list: a difference that is known, and harmless. */
export interface KnownDifference {
  readonly name: string;
  /** What the first listener does, and what the second. */
  readonly first: string;
  readonly second: string;
  readonly harmless: string;
  /** Bytes that show it when they come in one read. */
  readonly example: string;
  readonly covers: (run: FuzzRun, first: Outcome, second: Outcome) => boolean;
}

export interface Difference {
  readonly run: FuzzRun;
  readonly first: Outcome;
  readonly second: Outcome;
}

/** Enough to keep both sides busy while others wait for a listener to close. */
const SIDE_BY_SIDE = 32;
const PATIENCE = 4;

interface Side {
  readonly handler: FuzzHandler;
  readonly listener: Listener;
  port: number;
}

export class FuzzPair {
  readonly hits = new Map<string, number>();
  /** Differences that did not show again. */
  unstable = 0;
  runCount = 0;
  readonly #first: Side;
  readonly #second: Side;
  readonly #known: readonly KnownDifference[];
  readonly #servers = new ServerSockets();
  #addresses = 0;

  private constructor(first: ListenerFactory, second: ListenerFactory, known: readonly KnownDifference[]) {
    this.#first = createSide(first);
    this.#second = createSide(second);
    this.#known = known;
  }

  static async start(
    first: ListenerFactory,
    second: ListenerFactory,
    known: readonly KnownDifference[],
  ): Promise<FuzzPair> {
    const pair = new FuzzPair(first, second, known);
    for (const side of [pair.#first, pair.#second]) side.port = await side.listener.start('127.0.0.1', 0);
    return pair;
  }

  async stop(): Promise<void> {
    this.#servers.close();
    await Promise.all([this.#first.listener.drain(0), this.#second.listener.drain(0)]);
  }

  /** Runs all, and gives the first differences that no entry covers, as small as can be. */
  async findDifferences(runs: Iterable<FuzzRun>, differencesMax = 1): Promise<Difference[]> {
    const suspects: FuzzRun[] = [];
    const iterator = runs[Symbol.iterator]();
    const worker = async (): Promise<void> => {
      for (let next = iterator.next(); next.done !== true; next = iterator.next()) {
        this.runCount++;
        if ((await this.#differs(next.value, 1)) !== null) suspects.push(next.value);
        if (suspects.length >= 4 * differencesMax) return;
      }
    };
    await Promise.all(Array.from({ length: SIDE_BY_SIDE }, worker));
    const differences = new Map<string, Difference>();
    for (const run of suspects) {
      if (differences.size >= differencesMax) break;
      if ((await this.#differs(run, PATIENCE)) === null) {
        this.unstable++;
        continue;
      }
      const difference = await this.#smallest(run);
      const { bytes, finish } = difference.run;
      differences.set(`${finish} ${bytes}`, difference);
    }
    return [...differences.values()];
  }

  /** The outcomes of one run, if they differ in a way that no entry covers. */
  async #differs(run: FuzzRun, patience: number): Promise<Difference | null> {
    // Of 127.0.0.0/8, all of which is this machine: the handler tells its peers apart by it.
    const n = this.#addresses++;
    const address = `127.${1 + (Math.floor(n / 50_000) % 250)}.${Math.floor(n / 250) % 200}.${1 + (n % 250)}`;
    const [first, second] = await Promise.all([
      this.#outcome(this.#first, address, run, patience),
      this.#outcome(this.#second, address, run, patience),
    ]);
    const agree = JSON.stringify(comparable(run, first)) === JSON.stringify(comparable(run, second));
    // Two that fall over alike do not agree on anything.
    if (agree && !first.uncaught) return null;
    const known = this.#known.find((entry) => entry.covers(run, first, second));
    if (known === undefined) return { run, first, second };
    this.hits.set(known.name, (this.hits.get(known.name) ?? 0) + 1);
    return null;
  }

  async #outcome(side: Side, address: string, run: FuzzRun, patience: number): Promise<Outcome> {
    const conversation = await converse(side.port, address, this.#servers, run, patience);
    const { received, closed, uncaught } = conversation;
    return { handled: side.handler.take(address), ...readReplies(received), closed, uncaught };
  }

  /** Drops cuts, then ever shorter spans of bytes, as long as the two still differ. */
  async #smallest(run: FuzzRun): Promise<Difference> {
    let smallest = await this.#differs(run, PATIENCE);
    if (smallest === null) throw new Error(`differed twice, and now not: ${quote(run.bytes)}`);
    const tries: FuzzRun[] = [{ ...run, cuts: [] }, ...run.cuts.map((cut) => ({ ...run, cuts: [cut] }))];
    if (run.cuts.length > 0) {
      for (const candidate of tries) {
        const difference = await this.#differs(candidate, PATIENCE);
        if (difference === null) continue;
        smallest = difference;
        break;
      }
    }
    for (let span = run.bytes.length >> 1; span > 0; span >>= 1) {
      for (let at = 0; at + span <= smallest.run.bytes.length;) {
        const shorter = await this.#differs(without(smallest.run, at, span), PATIENCE);
        if (shorter === null) at += span;
        else smallest = shorter;
      }
    }
    return smallest;
  }
}

/** What differs, and what it takes; header fields that are not there are left out. */
export function describe({ run, first, second }: Difference): string {
  const lines = [`${run.name} (${run.finish}), cut at [${run.cuts.join()}]: ${quote(run.bytes)}`];
  for (const part of ['handled', 'replies', 'rest', 'closed', 'uncaught'] as const) {
    const texts = [first[part], second[part]].map((value) => JSON.stringify(value, present));
    if (texts[0] !== texts[1]) lines.push(`  ${part}: ${texts[0]}`, `    but ${texts[1]}`);
  }
  if (first.uncaught) lines.push('  uncaught error');
  return lines.join('\n');
}

function present(_key: string, value: unknown): unknown {
  return value === null || value === -1 || value === '' ? undefined : value;
}

function createSide(create: ListenerFactory): Side {
  const handler = new FuzzHandler();
  // A refused peer waits for the listener to close, but a reset has to come before that.
  const options = { ...LISTENER_DEFAULTS, connectionsMax: 1000, lingerMs: 30, now: () => 0 };
  return { handler, listener: create(handler, options), port: 0 };
}

/** Of a reset only what was handled: which replies had left by then is not the listener's to say. */
function comparable(run: FuzzRun, outcome: Outcome): unknown {
  return run.finish === 'reset' ? [outcome.handled, outcome.uncaught] : outcome;
}

/** A run less some bytes. Cut everywhere stays cut everywhere; other cuts stay before the byte that they were before. */
function without(run: FuzzRun, at: number, span: number): FuzzRun {
  const bytes = run.bytes.slice(0, at) + run.bytes.slice(at + span);
  if (run.cuts.length === run.bytes.length) return { ...run, bytes, cuts: cutsEverywhere(bytes) };
  const cuts = run.cuts.map((cut) => (cut <= at ? cut : Math.max(at, cut - span)));
  return { ...run, bytes, cuts };
}
