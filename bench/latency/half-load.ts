/**
 * Latency at half of what the server can take: an open loop, calm at first, then through what a server does
 * besides serving. Each run measures what the server can take, and paces all its phases at half of that:
 *
 *   baseline → calm → definitions … full-roll    a server with segments of their default size
 *   rolls                                        one with small segments, so that some are filled in seconds
 *   snapshots                                    one with small segments and a snapshot for every two of them
 *
 * The servers live side by side, and those that have no phase are idle: the phases of a run are seconds
 * apart.
 */
import type { AuditCheck } from '../../src/cli/load-audit.ts';
import { DEFAULT_LIMITS, LIMIT_RANGES, PLACES_PER_EVENT_MAX } from '../../src/core/limits.ts';
import type { Limits } from '../../src/core/limits.ts';
import type { ServerOptions } from '../../src/server.ts';
import { auditRestart, auditWrk } from '../audit.ts';
import type { Child } from '../child.ts';
import type { PartReport } from '../figure.ts';
import { FLOOR, placesFor, QUANTITY } from '../requests.ts';
import { onStage } from '../stage.ts';
import type { Stage } from '../stage.ts';
import { findWrk, runWrk } from '../wrk.ts';
import { defineOver, SEATS, secondsForRolls } from './disturbances.ts';
import { describeRounds, roundFigures } from './half-load-report.ts';
import type { Round } from './half-load-report.ts';
import { NO_WRK } from './latency-options.ts';
import type { LatencyOptions, Note } from './latency-options.ts';
import { PHASES, runPhase, startPacer } from './phase.ts';
import type { Phase, PhaseName } from './phase.ts';

/** wrk's, while it finds out what the server can take. */
const SATURATING_CONNECTIONS = 64;
const SATURATING_SECONDS_MAX = 2;
/** Above this the pacer would be what is measured. */
const PER_SECOND_MAX = 20_000;
/** Of a phase that waits for segments to be filled. */
const SECONDS_MAX = 60;
const ORDERS_MAX = 200_000;
const DEFINITIONS = 3;
const [SMALL_SEGMENT_BYTES] = LIMIT_RANGES.segmentBytes;
/**
 * What phases wait for; and on the server that is to write one, the segments from one snapshot to the next.
 */
const FULL = {
  snapshotSegments: 2,
  waits: {
    rolls: { rolls: 3, snapshot: false },
    snapshots: { rolls: 0, snapshot: true },
    'full-roll': { rolls: 1, snapshot: false },
  },
} as const;
const QUICK = {
  snapshotSegments: 1,
  waits: { ...FULL.waits, rolls: { rolls: 1, snapshot: false } },
} as const;
type Waits = typeof FULL.waits;
/** No snapshot, and no segment too many. */
const NEVER = 1 << 20;
const ALL_BYTES = 2 ** 40;
const WARM_UP_PER_SECOND = 2000;
/** Seeds of two benches with seeds next to each other do not meet. */
const RUNS_MAX = 1000;
/** A phase may group its orders better than the calm one, and so fill segments more slowly. */
const ESTIMATE_MARGIN = 1.5;

/**
 * Of a stage: more than the bench lets others choose, but a stage hands on to the server whatever is here.
 */
type StageLimits = Partial<Limits> & Pick<ServerOptions, 'snapshotSegments' | 'historyBytes'>;

export async function halfLoadFigures(options: LatencyOptions, note: Note): Promise<PartReport> {
  if (options.perSecond === undefined && findWrk() === null) {
    return { figures: [], lines: [`half load: not measured, ${NO_WRK}`], checks: [] };
  }
  return onStages(options, async (stages) => {
    const pacer = await startPacer();
    try {
      const bench = new HalfLoad(options, stages, pacer, note);
      await bench.warmUp();
      const rounds: Round[] = [];
      for (let run = 1; run <= options.runs; run++) rounds.push(await bench.round(run));
      await bench.auditRestarts();
      return {
        figures: roundFigures(rounds, options),
        lines: describeRounds(rounds, options),
        checks: bench.checks,
      };
    } finally {
      await pacer.kill();
    }
  });
}

/** Where each phase runs. */
const STAGE_OF = {
  baseline: 'plain',
  calm: 'plain',
  definitions: 'plain',
  rolls: 'rolling',
  snapshots: 'snapshotting',
  'full-roll': 'plain',
} as const satisfies Record<PhaseName, string>;
type StageName = (typeof STAGE_OF)[PhaseName];
type Stages = Readonly<Record<StageName, Stage>>;

/** The servers of all phases, from before the first to after the last. */
function onStages<T>(options: LatencyOptions, act: (stages: Stages) => Promise<T>): Promise<T> {
  const open = <R>(more: StageLimits, on: (stage: Stage) => Promise<R>): Promise<R> => {
    // The audit counts all groups that there were, so no segment may go.
    const limits: StageLimits = { ...options.limits, historyBytes: ALL_BYTES, ...more };
    return onStage({ kind: 'orders', places: placesOf(options), limits, replies: 'accepted' }, on);
  };
  const segmentBytes = SMALL_SEGMENT_BYTES;
  return open({}, (plain) =>
    open({ segmentBytes, snapshotSegments: NEVER }, (rolling) =>
      open({ segmentBytes, snapshotSegments: sizes(options).snapshotSegments }, (snapshotting) =>
        act({ plain, rolling, snapshotting }),
      ),
    ),
  );
}

function waits(name: PhaseName): name is keyof Waits {
  return name in FULL.waits;
}

function sizes({ quick }: LatencyOptions): typeof FULL | typeof QUICK {
  return quick ? QUICK : FULL;
}

/** Orders of one phase at most, so that the memory for all of them can be set aside before the first. */
function ordersMax({ seconds }: LatencyOptions): number {
  return Math.min(PLACES_PER_EVENT_MAX / QUANTITY, Math.max(ORDERS_MAX, PER_SECOND_MAX * seconds));
}

/** Of the server that has most phases; the others need less. */
function placesOf(options: LatencyOptions): number {
  const { runs, seconds, warmUpSeconds } = options;
  const saturating = placesFor(SATURATING_SECONDS_MAX);
  const paced = (2 * PER_SECOND_MAX * seconds + ordersMax(options)) * QUANTITY;
  const large = DEFINITIONS * SEATS;
  return (saturating + paced + large) * runs + placesFor(warmUpSeconds) + large;
}

class HalfLoad {
  readonly checks: AuditCheck[] = [];
  readonly #options: LatencyOptions;
  readonly #stages: Stages;
  readonly #pacer: Child;
  readonly #note: Note;
  readonly #events: Readonly<Record<StageName, string[]>> = { plain: [], rolling: [], snapshotting: [] };

  constructor(options: LatencyOptions, stages: Stages, pacer: Child, note: Note) {
    this.#options = options;
    this.#stages = stages;
    this.#pacer = pacer;
    this.#note = note;
  }

  /**
   * A server that has sold nothing yet runs cold code, which costs several times as much; so does a cold
   * pacer.
   */
  async warmUp(): Promise<void> {
    const { warmUpSeconds, perSecond } = this.#options;
    if (warmUpSeconds === 0) return;
    for (const [name, stage] of Object.entries(this.#stages) as [StageName, Stage][]) {
      this.#note(`half load: warming up the ${name} server …`);
      if (perSecond === undefined) await this.#saturate(name, 'warm-up', warmUpSeconds);
      const large = ['warm-up-large-1', 'warm-up-large-2'];
      await defineOver(stage, large, 1);
      this.#events[name].push(...large);
    }
    for (const name of ['baseline', 'calm'] as const) {
      await this.#phase(name, `warm-up-${name}`, perSecond ?? WARM_UP_PER_SECOND, 0);
    }
  }

  /** All phases once. */
  async round(run: number): Promise<Round> {
    const { seconds, seed, quick, perSecond: given } = this.#options;
    let saturated: number | null = null;
    if (given === undefined) {
      this.#note(`half load, run ${run}: what the server can take …`);
      saturated = await this.#saturate(
        'plain',
        `saturated-${run}`,
        Math.min(seconds, SATURATING_SECONDS_MAX),
      );
    }
    const perSecond = given ?? Math.max(1, Math.min(PER_SECOND_MAX, Math.round((saturated ?? 0) / 2)));
    const phases = new Map<PhaseName, Phase>();
    for (const name of PHASES) {
      const calm = phases.get('calm');
      if (name === 'full-roll' && (quick || calm === undefined || this.#isTooLong(name, calm))) continue;
      this.#note(`half load, run ${run}: ${name}, ${perSecond} orders/s …`);
      // Equal seeds: all phases of a run have the same arrivals, as far as they go.
      phases.set(name, await this.#phase(name, `${name}-${run}`, perSecond, seed * RUNS_MAX + run));
    }
    return { saturated, perSecond, phases };
  }

  async auditRestarts(): Promise<void> {
    for (const [name, stage] of Object.entries(this.#stages) as [StageName, Stage][]) {
      this.#note(`half load: auditing the ${name} server …`);
      for (const { name: what, ok, detail } of await auditRestart(stage, this.#events[name])) {
        this.checks.push({ name: `${name} server: ${what}`, ok, detail });
      }
    }
  }

  /** A whole segment may take minutes where the disk or the machine is slow. */
  #isTooLong(name: keyof Waits, calm: Phase): boolean {
    const { limits } = this.#options;
    const { rolls } = sizes(this.#options).waits[name];
    const { groups, seconds } = calm.result;
    const segmentBytes = limits.segmentBytes ?? DEFAULT_LIMITS.segmentBytes;
    return ESTIMATE_MARGIN * secondsForRolls(rolls, segmentBytes, groups / seconds) > SECONDS_MAX;
  }

  async #phase(name: PhaseName, event: string, perSecond: number, seed: number): Promise<Phase> {
    const { seconds } = this.#options;
    const secondsMax = ordersMax(this.#options) / perSecond;
    const { phase, checks, events } = await runPhase(this.#pacer, this.#stages[STAGE_OF[name]], {
      name,
      event,
      perSecond,
      seconds: Math.min(seconds, secondsMax),
      seed,
      definitions: name === 'definitions' ? DEFINITIONS : 0,
      ...(waits(name) && {
        awaited: { ...sizes(this.#options).waits[name], secondsMax: Math.min(SECONDS_MAX, secondsMax) },
      }),
    });
    this.checks.push(...checks);
    this.#events[STAGE_OF[name]].push(...events);
    return phase;
  }

  /** Orders a second that a server takes. */
  async #saturate(name: StageName, event: string, seconds: number): Promise<number> {
    const stage = this.#stages[name];
    await stage.createEvent(event, placesFor(seconds), 0);
    this.#events[name].push(event);
    const run = await runWrk({
      url: `${stage.server.url}/v1/events/${event}/orders`,
      connections: SATURATING_CONNECTIONS,
      seconds,
      directory: stage.directory,
      post: { kind: 'orders', section: FLOOR, quantity: QUANTITY, tag: 'w' },
    });
    const after = await stage.settled(event);
    this.checks.push(...auditWrk('orders', after, run, SATURATING_CONNECTIONS, QUANTITY));
    return run.replies / run.seconds;
  }
}
