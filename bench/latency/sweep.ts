/**
 * How long an order takes by the number of connections, closed loop: each connection sends its next order
 * when the last one is answered. Baseline and Frontrow in turn, for each number, in each run; wrk for all, so
 * that they can be compared. What one connection costs beside a sync of the disk is ../latency.ts.
 */
import type { AuditCheck } from '../../src/cli/load-audit.ts';
import { auditRestart, auditWrk } from '../audit.ts';
import type { Child } from '../child.ts';
import type { Figure, PartReport } from '../figure.ts';
import { digits, spread } from '../figures.ts';
import { acceptedOf } from '../hammer.ts';
import { describeLines } from '../line-tables.ts';
import { measure } from '../measure.ts';
import type { Line, Pair, Run } from '../measure.ts';
import { FLOOR, placesFor, QUANTITY } from '../requests.ts';
import { onStage } from '../stage.ts';
import type { Stage } from '../stage.ts';
import { findWrk, runWrk } from '../wrk.ts';
import { NO_WRK } from './latency-options.ts';
import type { LatencyOptions, Note } from './latency-options.ts';

const CONNECTIONS = [1, 16, 64, 256, 1000] as const;
const WARM_UP_CONNECTIONS = 64;
/** More than can be taken in a second over one connection. */
const PLACES_PER_CONNECTION_SECOND = 20_000;

export async function sweepFigures(options: LatencyOptions, note: Note): Promise<PartReport> {
  const { runs, seconds, warmUpSeconds, limits } = options;
  if (findWrk() === null) return { figures: [], lines: [`closed loop: not measured, ${NO_WRK}`], checks: [] };
  const each = CONNECTIONS.reduce((sum, connections) => sum + capacityOf(connections, seconds), 0);
  const places = each * runs + capacityOf(WARM_UP_CONNECTIONS, warmUpSeconds);
  return onStage({ kind: 'orders', places, limits, replies: 'accepted' }, async (stage) => {
    const sweep = new Sweep(stage, options.seed);
    if (warmUpSeconds > 0) await sweep.pair(WARM_UP_CONNECTIONS, warmUpSeconds);
    const pairs = new Map<number, Pair[]>(CONNECTIONS.map((connections) => [connections, []]));
    for (let run = 1; run <= runs; run++) {
      for (const connections of CONNECTIONS) {
        note(`closed loop, run ${run} of ${runs}: ${connections} connections …`);
        pairs.get(connections)!.push(await sweep.pair(connections, seconds));
      }
    }
    const lines = [...pairs].map(([connections, of]): Line => ({
      what: 'durable orders',
      hammer: 'wrk',
      connections,
      pairs: of,
      row: null,
    }));
    return {
      figures: lines.flatMap(sweepFiguresOf),
      lines: [`closed loop under wrk: ${runs} runs of ${seconds} s`, ...describeLines(lines)],
      checks: [...sweep.checks, ...(await auditRestart(stage, sweep.events))],
    };
  });
}

/** p50, p99 and slowest of one number of connections, each beside the baseline's of the same runs. Pure. */
export function sweepFiguresOf({ connections, pairs }: Line): Figure[] {
  return (['p50', 'p99', 'max'] as const).map((name) => {
    const baseline = pairs.map((pair) => pair.baseline.latencyMs[name]);
    const frontrow = pairs.map((pair) => pair.frontrow.latencyMs[name]);
    const ratio = spread(frontrow.map((ms, run) => ms / baseline[run])).median;
    return {
      what: `order, closed loop, ${connections} ${connections === 1 ? 'connection' : 'connections'}, ${name}`,
      values: frontrow,
      unit: 'ms',
      note: `baseline ${digits(spread(baseline).median)} ms, ${digits(ratio)}×`,
    };
  });
}

function capacityOf(connections: number, seconds: number): number {
  return Math.min(placesFor(seconds), PLACES_PER_CONNECTION_SECOND * connections * seconds);
}

/** Pairs of runs on one stage, each on an event of its own. */
class Sweep {
  readonly checks: AuditCheck[] = [];
  readonly events: string[] = [];
  readonly #stage: Stage;
  readonly #seed: number;

  constructor(stage: Stage, seed: number) {
    this.#stage = stage;
    this.#seed = seed;
  }

  async pair(connections: number, seconds: number): Promise<Pair> {
    const stage = this.#stage;
    const event = `sweep-${this.events.length}-${connections}`;
    await stage.createEvent(event, capacityOf(connections, seconds), 0);
    this.events.push(event);
    const post = { kind: 'orders', section: FLOOR, quantity: QUANTITY, tag: `s${this.#seed}` } as const;
    const hammer = (child: Child): Promise<Run> => {
      const url = `${child.url}/v1/events/${event}/orders`;
      return measure(child, () => runWrk({ url, connections, seconds, directory: stage.directory, post }));
    };
    const baseline = await hammer(stage.baseline);
    const frontrow = await hammer(stage.server);
    this.checks.push(
      {
        name: `${event}: the baseline accepted all`,
        ok: baseline.errors === 0 && acceptedOf(baseline) === baseline.replies,
        detail: `${acceptedOf(baseline)} of ${baseline.replies}, ${baseline.errors} connection errors`,
      },
      ...auditWrk('orders', await stage.settled(event), frontrow, connections, QUANTITY),
    );
    return { baseline, frontrow };
  }
}
