/**
 * Public reads beside a bare `node:http` GET of as many bytes: idle, and while orders run at a fixed rate. While they
 * do, the baseline takes the same orders at the same rate, so that both have the same machine left, and each reads from
 * the process that sells. docs/decisions/025-reads.md says why.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { auditConservation } from '../../src/cli/load-audit.ts';
import type { AuditCheck } from '../../src/cli/load-audit.ts';
import { formatCount } from '../../src/cli/format.ts';
import { auditRestart } from '../audit.ts';
import { Child } from '../child.ts';
import type { Figure, PartReport } from '../figure.ts';
import { refusedOf } from '../hammer.ts';
import type { HammerResult } from '../hammer.ts';
import { describeLines } from '../line-tables.ts';
import { measure, ratioFigure } from '../measure.ts';
import type { Line, Run } from '../measure.ts';
import { benchEvent, FLOOR, QUANTITY, requestBody } from '../requests.ts';
import { onStage } from '../stage.ts';
import type { Stage } from '../stage.ts';
import type { BareOptions } from './bare-server.ts';
import { OTHER_EVENT, READ_EVENT, readCases } from './cases.ts';
import type { ReadCase } from './cases.ts';
import { countsBetween, readCounts } from './counters.ts';
import type { ReadCounts } from './counters.ts';
import type { ReadOptions } from './options.ts';
import { OrderLoad } from './order-load.ts';
import type { OrderResult } from './order-load.ts';
import { describeBeside } from './read-report.ts';
import { Told } from './told.ts';
import { Watchers } from './watchers.ts';
import { runWrkGet } from './wrk-get.ts';

const BARE_ENTRY = new URL('bare-server.js', import.meta.url);
const ROW_SEATS = 100;
/** Of each case after the first two, which warm up what all have in common. */
const SHORT_WARM_UP_SECONDS = 1;
const FULL_WARM_UPS = 2;
const KILL_AFTER_MS = 700;
/** Part of the orders that must have been sent for a ratio to count. */
const ORDERS_KEPT = 0.95;

/** One run of one server, and what went on beside it. */
export interface ReadRun extends Run {
  readonly orders: OrderResult | null;
  /** Null for the baseline, which counts nothing. */
  readonly counts: ReadCounts | null;
}

export interface ReadLine extends Line {
  readonly pairs: readonly { readonly baseline: ReadRun; readonly frontrow: ReadRun }[];
}

/** `note` tells a person what is going on. Needs wrk. */
export async function readFigures(options: ReadOptions, note: (text: string) => void): Promise<PartReport> {
  const { rows, limits } = options;
  const floorPlaces = floorPlacesOf(options);
  const places = rows * ROW_SEATS + 2 * floorPlaces;
  return onStage({ kind: 'orders', places, limits, replies: 'accepted' }, async (stage) => {
    await stage.client.events.create(benchEvent(READ_EVENT, floorPlaces, rows));
    await stage.client.events.create(benchEvent(OTHER_EVENT, floorPlaces, 0));
    const bench = new ReadBench(options, stage, await startBare(stage));
    const lines: ReadLine[] = [];
    const cases = readCases(formatCount(rows * ROW_SEATS));
    for (const [index, each] of cases.entries()) {
      note(`wrk: ${each.what} …`);
      const { warmUpSeconds } = options;
      const isFull = index < FULL_WARM_UPS || warmUpSeconds === 0;
      lines.push(await bench.line(each, isFull ? warmUpSeconds : SHORT_WARM_UP_SECONDS));
    }
    note('kill -9 while orders run and are read of …');
    const checks = await bench.audit();
    return {
      figures: lines.map((line) => figureOf(line, options.ordersPerSecond)),
      lines: [...describeLines(lines), '', ...describeBeside(options, lines)],
      checks,
    };
  });
}

/** Who leaves orders waiting has more time for reads: such a ratio says nothing. */
function figureOf(line: ReadLine, wanted: number): Figure {
  const figure = ratioFigure(line);
  const rates = line.pairs.flatMap(({ baseline, frontrow }) =>
    [baseline.orders, frontrow.orders].flatMap((orders) =>
      orders === null ? [] : orders.sent / orders.seconds,
    ),
  );
  const least = Math.min(...rates);
  if (least >= wanted * ORDERS_KEPT) return figure;
  return {
    ...figure,
    short: `${formatCount(Math.round(least))} of ${formatCount(wanted)} orders/s sent`,
  };
}

/** More than can be sold: of all orders of all runs, warm-ups among them. */
function floorPlacesOf({ runs, seconds, warmUpSeconds, ordersPerSecond }: ReadOptions): number {
  const loads = readCases('').filter(({ orders }) => orders !== null).length;
  const secondsInAll = loads * (runs * (seconds + 1) + warmUpSeconds + 2) + 10;
  return Math.min(1_000_000, Math.ceil(secondsInAll * ordersPerSecond * QUANTITY * 1.5));
}

/** The bare server, with bodies as long as Frontrow's. */
async function startBare(stage: Stage): Promise<Child> {
  const gets: BareOptions['gets'][number][] = [];
  for (const { path, accept } of readCases('')) {
    if (gets.some(({ end, type }) => end === path && type === accept)) continue;
    const response = await fetch(urlOf(stage.server, path), { headers: { accept } });
    gets.push({ end: path, type: accept, bytes: (await response.arrayBuffer()).byteLength });
  }
  const order = await fetch(`${stage.server.url}/v1/events/sample/orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': 'bare' },
    body: requestBody('orders', FLOOR, QUANTITY, 'customer-00000001'),
  });
  if (order.status !== 201) throw new Error(`the sample order was answered with ${order.status}`);
  return Child.start(BARE_ENTRY, { gets, etag: '"bare-1"', order: await order.text() });
}

function urlOf(child: Child, path: ReadCase['path']): string {
  return `${child.url}/v1/events/${READ_EVENT}${path}`;
}

class ReadBench {
  readonly #options: ReadOptions;
  readonly #stage: Stage;
  readonly #bare: Child;
  readonly #told = new Told();
  readonly #checks: AuditCheck[] = [];
  /** Acknowledged orders, by event. */
  readonly #sold = new Map<string, number>();
  #loads = 0;

  constructor(options: ReadOptions, stage: Stage, bare: Child) {
    this.#options = options;
    this.#stage = stage;
    this.#bare = bare;
  }

  async line(each: ReadCase, warmUpSeconds: number): Promise<ReadLine> {
    const { runs, seconds, connections } = this.#options;
    const pairs: { baseline: ReadRun; frontrow: ReadRun }[] = [];
    for (let run = warmUpSeconds > 0 ? 0 : 1; run <= runs; run++) {
      const duration = run === 0 ? warmUpSeconds : seconds;
      const baseline = await this.#run(this.#bare, each, duration);
      const frontrow = await this.#run(this.#stage.server, each, duration);
      if (run > 0) pairs.push({ baseline, frontrow });
    }
    this.#checkLine(each, pairs);
    return { what: each.what, hammer: 'wrk', connections, pairs, row: each.row };
  }

  async #run(child: Child, each: ReadCase, seconds: number): Promise<ReadRun> {
    const isFrontrow = child === this.#stage.server;
    const { orders } = each;
    const etag = await this.#tagOf(child);
    const before = isFrontrow ? await readCounts(child) : null;
    const load = orders === null ? null : await this.#startLoad(child, orders);
    const watchers = this.#watch(child, etag);
    const run = await measure(child, () => this.#hammer(child, each, etag, seconds));
    await watchers.stop();
    const result = load === null ? null : await load.stop();
    if (isFrontrow && orders !== null && result !== null) this.#note(orders, result);
    const counts = before === null ? null : countsBetween(before, await readCounts(child));
    return { ...run, orders: result, counts };
  }

  #hammer(child: Child, each: ReadCase, etag: string, seconds: number): Promise<HammerResult> {
    const { path, accept, isKnown } = each;
    return runWrkGet({
      url: urlOf(child, path),
      headers: { Accept: accept, ...(isKnown && { 'If-None-Match': etag }) },
      connections: this.#options.connections,
      seconds,
      directory: this.#stage.directory,
    });
  }

  async #tagOf(child: Child): Promise<string> {
    const { headers } = await fetch(urlOf(child, '/availability'));
    return headers.get('etag') ?? '';
  }

  #startLoad(child: Child, event: string): Promise<OrderLoad> {
    const { ordersPerSecond, seed } = this.#options;
    const told = child === this.#stage.server ? this.#told : null;
    const tag = `s${seed}-l${this.#loads++}`;
    return OrderLoad.start({ url: child.url, event, perSecond: ordersPerSecond, tag, told });
  }

  #watch(child: Child, etag: string): Watchers {
    const told = child === this.#stage.server ? this.#told : null;
    const tagPrefix = etag.slice(1, etag.lastIndexOf('-') + 1);
    return new Watchers({ url: child.url, event: READ_EVENT, tagPrefix, told });
  }

  #note(event: string, { accepted }: OrderResult): void {
    this.#sold.set(event, (this.#sold.get(event) ?? 0) + accepted);
  }

  #checkLine(
    { what, isKnown }: ReadCase,
    pairs: readonly { readonly baseline: ReadRun; readonly frontrow: ReadRun }[],
  ): void {
    for (const { baseline, frontrow } of pairs) {
      for (const run of [baseline, frontrow]) {
        const { orders } = run;
        const broken = refusedOf(run) + run.errors;
        const lost = orders === null ? 0 : orders.sent - orders.accepted;
        this.#checks.push({
          name: `${what}: every read was answered, and every order accepted`,
          ok: broken === 0 && lost === 0,
          detail: `${broken} reads and ${lost} orders were not`,
        });
      }
      const { statuses = {} } = frontrow.counts ?? {};
      const counted = statuses[isKnown ? '304' : '200'] ?? 0;
      this.#checks.push({
        name: `${what}: the server counts as many ${isKnown ? '304s' : 'replies'} as were received`,
        ok: counted >= frontrow.replies,
        detail: `${counted} counted, ${frontrow.replies} received`,
      });
    }
  }

  /** What is sold is what was acknowledged; and once more with a kill -9 in the middle of it. */
  async audit(): Promise<AuditCheck[]> {
    const stage = this.#stage;
    const events = [READ_EVENT, OTHER_EVENT];
    for (const event of events) {
      const after = await stage.settled(event);
      const accepted = this.#sold.get(event) ?? 0;
      this.#checks.push(
        {
          name: `${event}: sold = acknowledged, a change each`,
          ok: after.sold === accepted * QUANTITY && after.sequence === accepted + 1,
          detail: `${after.sold} sold, ${accepted} acknowledged, sequence ${after.sequence}`,
        },
        { ...auditConservation(after), name: `${event}: counts add up to the capacity` },
      );
    }
    this.#checks.push(...(await auditRestart(stage, events)), await this.#auditKill());
    await this.#bare.stop();
    return [...this.#checks, ...this.#told.checks()];
  }

  async #auditKill(): Promise<AuditCheck> {
    const { server } = this.#stage;
    const before = this.#sold.get(READ_EVENT) ?? 0;
    const watchers = this.#watch(server, await this.#tagOf(server));
    const load = await this.#startLoad(server, READ_EVENT);
    await sleep(KILL_AFTER_MS);
    await server.kill();
    await watchers.stop();
    const { accepted, unanswered } = await load.stop();
    await this.#stage.restart();
    const after = await this.#stage.settled(READ_EVENT);
    const orders = after.sold / QUANTITY - before;
    const told = this.#told.latest(READ_EVENT);
    return {
      name: 'kill -9 while orders run and are read of: all that anybody was told is there again',
      ok: accepted > 0 && orders >= accepted && orders <= accepted + unanswered && after.sequence >= told,
      detail: `${orders} sold, ${accepted} acknowledged, ${unanswered} in flight; sequence ${after.sequence}, told ${told}`,
    };
  }
}
