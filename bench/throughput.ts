/** The parts of the bench that compare requests per second with the baseline. Each has a stage of its own. */
import { auditLoad } from '../src/cli/load-audit.ts';
import type { AuditCheck } from '../src/cli/load-audit.ts';
import { runLoad } from '../src/cli/load.ts';
import type { LoadKind, LoadResult } from '../src/cli/load.ts';
import type { EventDefinition } from '../src/client/index.ts';
import { auditReadBack, auditRestart, auditWrk } from './audit.ts';
import type { Child } from './child.ts';
import { acceptedOf, refusedOf } from './hammer.ts';
import type { HammerResult } from './hammer.ts';
import { measure } from './measure.ts';
import type { Line, Pair } from './measure.ts';
import type { BenchOptions } from './options.ts';
import { FLOOR, placesFor, QUANTITY } from './requests.ts';
import { onStage } from './stage.ts';
import type { Stage } from './stage.ts';
import type { RowId } from './targets.ts';
import { runWrk } from './wrk.ts';

export interface PartResult {
  readonly line: Line;
  readonly checks: readonly AuditCheck[];
}

/** More places than a second of autocannon can take. */
const AUTOCANNON_PLACES_PER_SECOND = 30_000;
const AUTOCANNON_ROWS_PER_SECOND = 80;
const SAMPLE_MAX = 500;
/** Rows of DESIGN §8, by connections. */
const ORDER_ROWS: Readonly<Record<number, RowId>> = { 64: 'orders64', 256: 'orders256' };
const REFUSAL_CONNECTIONS = 256;

/** Durable orders or holds under wrk, each run on an event of its own. */
export async function wrkLoad(
  options: BenchOptions,
  kind: LoadKind,
  connections: number,
): Promise<PartResult> {
  const { runs, seconds, warmUpSeconds, limits, seed } = options;
  const capacity = placesFor(seconds);
  const warmUpCapacity = placesFor(warmUpSeconds);
  const places = capacity * runs + warmUpCapacity;
  return onStage({ kind, places, limits, replies: 'accepted' }, async (stage) => {
    const checks: AuditCheck[] = [];
    const events: string[] = [];
    const pairOf = async (number: number, duration: number): Promise<Pair> => {
      const event = `wrk-${number}`;
      await stage.createEvent(event, number === 0 ? warmUpCapacity : capacity, 0);
      events.push(event);
      const hammer = (child: Child) => (): Promise<HammerResult> =>
        runWrk({
          url: `${child.url}/v1/events/${event}/${kind}`,
          connections,
          seconds: duration,
          directory: stage.directory,
          post: { kind, section: FLOOR, quantity: QUANTITY, tag: `s${seed}-r${number}` },
        });
      const baseline = await measure(stage.baseline, hammer(stage.baseline));
      const frontrow = await measure(stage.server, hammer(stage.server));
      checks.push(...auditWrk(kind, await stage.settled(event), frontrow, connections, QUANTITY));
      return { baseline, frontrow };
    };
    if (warmUpSeconds > 0) await pairOf(0, warmUpSeconds);
    const pairs: Pair[] = [];
    for (let run = 1; run <= runs; run++) pairs.push(await pairOf(run, seconds));
    checks.push(...(await auditRestart(stage, events)));
    const row = kind === 'orders' ? (ORDER_ROWS[connections] ?? null) : null;
    return { line: { what: `durable ${kind}`, hammer: 'wrk', connections, pairs, row }, checks };
  });
}

/** The audited hammer: every acknowledged id is kept, and read back after a kill. */
export async function autocannonLoad(
  options: BenchOptions,
  kind: LoadKind,
  connections: number,
): Promise<PartResult> {
  const { runs, seconds, limits } = options;
  const capacity = AUTOCANNON_PLACES_PER_SECOND * seconds;
  const rowCount = AUTOCANNON_ROWS_PER_SECOND * seconds;
  const places = (capacity + rowCount * 100) * runs;
  return onStage({ kind, places, limits, replies: 'accepted' }, async (stage) => {
    const checks: AuditCheck[] = [];
    const events: string[] = [];
    const ids: string[] = [];
    const pairs: Pair[] = [];
    for (let run = 1; run <= runs; run++) {
      const event = await stage.createEvent(`autocannon-${run}`, capacity, rowCount);
      events.push(event.id);
      const hammer = (child: Child): (() => Promise<LoadResult & HammerResult>) =>
        loadHammer(child, event, kind, connections, seconds);
      const { grants: _unused, ...baseline } = await measure(stage.baseline, hammer(stage.baseline));
      const before = await stage.client.events.availability(event.id);
      const { grants, ...frontrow } = await measure(stage.server, hammer(stage.server));
      const audit = await auditLoad(stage.client, before, { ...frontrow, grants }, SAMPLE_MAX);
      for (const { name, ok, detail } of audit.checks)
        checks.push({ name: `${event.id}: ${name}`, ok, detail });
      for (const grant of grants) ids.push(grant.id);
      pairs.push({ baseline, frontrow });
    }
    checks.push(...(await auditRestart(stage, events)));
    checks.push(await auditReadBack(stage, kind, ids));
    return {
      line: { what: `durable ${kind}`, hammer: 'autocannon', connections, pairs, row: null },
      checks,
    };
  });
}

function loadHammer(
  child: Child,
  event: EventDefinition,
  kind: LoadKind,
  connections: number,
  seconds: number,
): () => Promise<LoadResult & HammerResult> {
  return () => runLoad({ url: child.url, event, kind, connections, durationSeconds: seconds });
}

/** Orders for an event without a place left, against a baseline that answers the same 409. */
export async function refusals(options: BenchOptions, connections: number): Promise<PartResult> {
  const { limits, seed } = options;
  return onStage({ kind: 'orders', places: 10_000, limits, replies: 'sold-out' }, async (stage) => {
    await stage.createEvent('full', QUANTITY, 0);
    await stage.client.orders.create(
      'full',
      { items: [{ section: FLOOR, quantity: QUANTITY }] },
      { idempotencyKey: 'the-last-two' },
    );
    const before = await stage.settled('full');
    const pairs = await pairsOf(options, stage, (child, run, duration) =>
      runWrk({
        url: `${child.url}/v1/events/full/orders`,
        connections,
        seconds: duration,
        directory: stage.directory,
        post: { kind: 'orders', section: FLOOR, quantity: QUANTITY, tag: `s${seed}-r${run}` },
      }),
    );
    const after = await stage.settled('full');
    const accepted = pairs.reduce((sum, { frontrow }) => sum + acceptedOf(frontrow), 0);
    const checks = [
      {
        name: 'full: every order was refused and changed nothing',
        ok: accepted === 0 && JSON.stringify(after) === JSON.stringify(before),
        detail: `${accepted} accepted, sequence ${before.sequence} and ${after.sequence}`,
      },
      ...(await auditRestart(stage, ['full'])),
    ];
    const what = 'sold-out refusals';
    const row = connections === REFUSAL_CONNECTIONS ? 'refusals' : null;
    return { line: { what, hammer: 'wrk', connections, pairs, row }, checks };
  });
}

/** Public reads of one event's availability, with nothing else going on; beside orders they are bench/reads. */
export async function reads(options: BenchOptions, connections: number): Promise<PartResult> {
  const { limits } = options;
  return onStage({ kind: 'orders', places: 10_000, limits, replies: 'accepted' }, async (stage) => {
    const pairs = await pairsOf(options, stage, (child, _run, duration) =>
      runWrk({
        url: `${child.url}/v1/events/sample/availability`,
        connections,
        seconds: duration,
        directory: stage.directory,
      }),
    );
    const refused = pairs.reduce((sum, { frontrow }) => sum + refusedOf(frontrow) + frontrow.errors, 0);
    const checks = [
      { name: 'reads: every read was answered', ok: refused === 0, detail: `${refused} were not` },
    ];
    const what = 'availability, idle';
    return { line: { what, hammer: 'wrk', connections, pairs, row: null }, checks };
  });
}

async function pairsOf(
  { runs, seconds, warmUpSeconds }: BenchOptions,
  stage: Stage,
  hammer: (child: Child, run: number, seconds: number) => Promise<HammerResult>,
): Promise<Pair[]> {
  const pairs: Pair[] = [];
  for (let run = warmUpSeconds > 0 ? 0 : 1; run <= runs; run++) {
    const duration = run === 0 ? warmUpSeconds : seconds;
    const baseline = await measure(stage.baseline, () => hammer(stage.baseline, run, duration));
    const frontrow = await measure(stage.server, () => hammer(stage.server, run, duration));
    if (run > 0) pairs.push({ baseline, frontrow });
  }
  return pairs;
}
