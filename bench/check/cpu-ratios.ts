/**
 * What a request costs a server in processor time, against what it costs the baseline: `node:http` µs / Frontrow µs, so
 * that higher is better. A closed loop over node:net asks both for the same number of requests in turn. Unlike rates
 * these ratios need no hammer that is faster than the server, and what others do on the machine costs both alike.
 *
 * One worker everywhere, whatever the number of cores: a batch that is handed to another thread costs what it costs.
 */
import { performance } from 'node:perf_hooks';
import type { AuditCheck } from '../../src/cli/load-audit.ts';
import type { Limits } from '../../src/core/limits.ts';
import { auditWrk } from '../audit.ts';
import type { Child } from '../child.ts';
import { percentile } from '../figures.ts';
import { acceptedOf, refusedOf } from '../hammer.ts';
import { measure } from '../measure.ts';
import { NetClient } from '../net-load.ts';
import type { NetLoadResult, NetTarget } from '../net-load.ts';
import { QUANTITY } from '../requests.ts';
import { onStage } from '../stage.ts';
import type { Stage } from '../stage.ts';
import type { RatioSource } from './ratio.ts';

const CONNECTIONS = 64;
/** Of one stretch: as many as make the clock's grain and the wake-ups at both ends small. */
const REQUESTS = 512;
const STRETCHES = 5;
const BLOCKS = 6;
/** A machine on which it takes longer is asked for fewer blocks; this many say enough. */
const BLOCKS_MIN = 2;
const BUDGET_MS = 2000;
/** Pairs that are not counted. V8 goes on compiling for long after these; how far it is is a part of the noise. */
const WARM_UP = 8;
const ALL_REQUESTS = (WARM_UP + BLOCKS * STRETCHES) * REQUESTS;
const EVENT = 'guard';
const MIB = 1024 * 1024;
/** A server that starts quickly. */
const LIMITS: Partial<Limits> = {
  workers: 1,
  arenaBytes: 256 * MIB,
  segmentBytes: 8 * MIB,
  eventsMax: 64,
};

/** Where the requests of a ratio go. */
type Asked = Pick<NetTarget, 'post'> & { readonly path: string };

const ORDERS = 'cpu: durable orders';
const READS = 'cpu: availability';
const REFUSALS = 'cpu: sold-out refusals';

/** Orders, and reads of what they left. */
export const saleRatios: RatioSource = {
  names: [ORDERS, READS],
  measure: () =>
    onStage({ kind: 'orders', places: 0, limits: LIMITS, replies: 'accepted' }, async (stage) => {
      await stage.createEvent(EVENT, ALL_REQUESTS * QUANTITY, 0);
      const orders = await blocksOf(stage, { path: '/orders', post: { kind: 'orders', tag: 'guard' } });
      const after = await stage.settled(EVENT);
      const reads = await blocksOf(stage, { path: '/availability' });
      return {
        ratios: [
          { name: ORDERS, values: orders.values },
          { name: READS, values: reads.values },
        ],
        checks: [
          // Nothing is in flight at the end: acknowledged is all there is.
          ...auditWrk('orders', after, orders.load, 0, QUANTITY),
          every(READS, reads.load, acceptedOf),
        ],
      };
    }),
};

/** Refusals of an event whose last two places are gone. */
export const refusalRatios: RatioSource = {
  names: [REFUSALS],
  measure: () =>
    onStage({ kind: 'orders', places: 0, limits: LIMITS, replies: 'sold-out' }, async (stage) => {
      await stage.createEvent(EVENT, QUANTITY, 0);
      const asked: Asked = { path: '/orders', post: { kind: 'orders', tag: 'last' } };
      const last = await connect(stage.server, asked);
      await last.run((sent) => sent < 1);
      last.close();
      const before = await stage.settled(EVENT);
      const { values, load } = await blocksOf(stage, { ...asked, post: { kind: 'orders', tag: 'late' } });
      const after = await stage.settled(EVENT);
      return {
        ratios: [{ name: REFUSALS, values }],
        checks: [
          every(REFUSALS, load, refusedOf),
          {
            name: `${REFUSALS}: nothing was changed`,
            ok: before.sold === QUANTITY && after.sequence === before.sequence,
            detail: `sequence ${before.sequence} and ${after.sequence}`,
          },
        ],
      };
    }),
};

function connect(child: Child, { path, post }: Asked): Promise<NetClient> {
  const url = `${child.url}/v1/events/${EVENT}${path}`;
  return NetClient.connect({ url, connections: CONNECTIONS, ...(post !== undefined && { post }) });
}

/** Ratios of blocks, each the median of some pairs of stretches; and all that Frontrow answered. */
async function blocksOf(stage: Stage, asked: Asked): Promise<{ values: number[]; load: NetLoadResult }> {
  const baseline = await connect(stage.baseline, asked);
  const frontrow = await connect(stage.server, asked);
  const loads: NetLoadResult[] = [];
  const stretch = async (): Promise<number> => {
    const base = await measure(stage.baseline, () => baseline.run((sent) => sent < REQUESTS));
    const load = await measure(stage.server, () => frontrow.run((sent) => sent < REQUESTS));
    loads.push(load);
    return base.cpuMicrosPerReply / load.cpuMicrosPerReply;
  };
  for (let pair = 0; pair < WARM_UP; pair++) await stretch();
  const values: number[] = [];
  const started = performance.now();
  while (values.length < BLOCKS && (values.length < BLOCKS_MIN || performance.now() - started < BUDGET_MS)) {
    const pairs: number[] = [];
    for (let pair = 0; pair < STRETCHES; pair++) pairs.push(await stretch());
    values.push(percentile(pairs, 0.5));
  }
  baseline.close();
  frontrow.close();
  return { values, load: sumOf(loads) };
}

function sumOf(loads: readonly NetLoadResult[]): NetLoadResult {
  const add = (pick: (load: NetLoadResult) => number): number =>
    loads.reduce((sum, load) => sum + pick(load), 0);
  return {
    ...loads[0],
    replies: add(({ replies }) => replies),
    statuses: { '2xx-3xx': add(acceptedOf), '4xx-5xx': add(refusedOf) },
    errors: add(({ errors }) => errors),
  };
}

/** Every reply is of the kind that was expected, and no connection broke. */
function every(name: string, load: NetLoadResult, expected: (load: NetLoadResult) => number): AuditCheck {
  const seen = expected(load);
  return {
    name: `${name}: every reply as expected`,
    ok: load.replies > 0 && seen === load.replies && load.errors === 0,
    detail: `${seen} of ${load.replies}, ${load.errors} connection errors`,
  };
}
