/**
 * Metrics in the text format of Prometheus. Main thread. What happens often is counted in plain maps and in
 * TimeHistograms; prom-client comes in when somebody asks, and is loaded when somebody asks for the first time.
 *
 * Nothing is told before it is durable: all samples are taken in one turn of the event loop, and the text leaves when
 * what memory showed then is. While the journal stands still or waits for a segment, samples of memory are left out,
 * and the rest leaves at once: the operator must hear of that. Labels are names of ours and never ids, so there is an end to how many series there are.
 */
import type * as PromClient from 'prom-client';
import type { Counter, Gauge, Registry } from 'prom-client';
import type { TimeHistogram } from '../core/time-histogram.ts';
import type { DispatchStatistics } from '../dispatch/statistics.ts';
import type { RequestSink } from '../dispatch/sink.ts';
import type { Answered } from '../http/access-log.ts';
import type { LiveCounts } from '../http/live-updates.ts';
import type { Page, PageReply } from '../http/page.ts';
import type { Arena } from '../memory/arena.ts';
import { HEADER } from '../memory/layout.ts';
import { loadDurable } from '../memory/ring.ts';
import { cacheCounts } from '../memory/threads.ts';
import { sampleArena } from './arena-samples.ts';
import { histogramText } from './histogram-text.ts';

export interface MetricSources {
  readonly arena: Arena;
  readonly sink: Pick<RequestSink, 'state' | 'whenDurable'>;
  /** null until recovery is through. */
  readonly dispatch: () => DispatchStatistics | null;
  readonly live: () => LiveCounts;
  readonly connections: () => number;
  /** Bytes that the journal can take before a file must be made. */
  readonly journalRoom: () => number;
  /** The journal waits for a segment. */
  readonly awaitsRoom: () => boolean;
  readonly admissionWait: TimeHistogram;
  readonly journalSync: TimeHistogram;
}

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [labels: Labels, value: number];
type Kind = 'counter' | 'gauge';

const STATES = ['starting', 'ready', 'journal-full', 'journal-stalled', 'draining'] as const;

/** Of the process, so there is one for all servers in it. What it observes it does from the first scrape on. */
let processRegistry: Registry | null = null;

export class Metrics {
  readonly #sources: MetricSources;
  /** Requests answered, by route and status. */
  readonly #requests = new Map<string, Map<number, { count: number }>>();
  readonly #refusals = new Map<string, { count: number }>();
  readonly #snapshots = { written: 0, failed: 0, 'no-room': 0 };
  #registry: Promise<Registry> | null = null;
  /** Of the last text. */
  #showsMemory = true;

  constructor(sources: MetricSources) {
    this.#sources = sources;
  }

  /** A request has been answered. */
  answered({ route, status, code }: Pick<Answered, 'route' | 'status' | 'code'>): void {
    let statuses = this.#requests.get(route);
    if (statuses === undefined) this.#requests.set(route, (statuses = new Map<number, { count: number }>()));
    count(statuses, status);
    if (code !== '') count(this.#refusals, code);
  }

  snapshot(result: 'written' | 'failed' | 'no-room'): void {
    this.#snapshots[result]++;
  }

  get page(): Page {
    return { path: '/metrics', role: 'reader', respond: () => this.#respond() };
  }

  async #respond(): Promise<PageReply> {
    const { text, showsMemory } = await this.#sample();
    if (showsMemory) await new Promise<void>((resolve) => this.#sources.sink.whenDurable(resolve));
    const headers = ['Content-Type', 'text/plain; version=0.0.4; charset=utf-8', 'Cache-Control', 'no-store'];
    return { status: 200, headers, body: Buffer.from(text) };
  }

  async text(): Promise<string> {
    return (await this.#sample()).text;
  }

  async #sample(): Promise<{ readonly text: string; readonly showsMemory: boolean }> {
    this.#registry ??= import('prom-client').then((client) => this.#build(client));
    const registry = await this.#registry;
    const { admissionWait, journalSync, dispatch, awaitsRoom } = this.#sources;
    const showsMemory = dispatch()?.isStalled !== true && !awaitsRoom();
    this.#showsMemory = showsMemory;
    // One turn: each collect() runs before metrics() first waits.
    const [own, ofProcess] = [registry.metrics(), processRegistry?.metrics()];
    const histograms = [
      histogramText(
        'frontrow_admission_wait_seconds',
        'From the arrival of a request to the start of its batch',
        admissionWait.read(),
      ),
      histogramText(
        'frontrow_journal_sync_seconds',
        'Writing and syncing one group of the journal',
        journalSync.read(),
      ),
    ];
    const text = [await own, ...histograms, (await ofProcess) ?? ''].join('\n');
    return { text, showsMemory };
  }

  #build(client: typeof PromClient): Registry {
    const registry = new client.Registry();
    if (processRegistry === null) {
      processRegistry = new client.Registry();
      client.collectDefaultMetrics({ register: processRegistry });
    }
    const add = (kind: Kind, name: string, help: string, read: () => Iterable<Sample>): void => {
      const labelNames = LABELS[name] ?? [];
      const collect = function (this: Counter | Gauge): void {
        this.reset();
        for (const [labels, value] of read()) this.inc(labels, value);
      };
      const configuration = { name: `frontrow_${name}`, help, labelNames, registers: [], collect };
      registry.registerMetric(
        kind === 'counter' ? new client.Counter(configuration) : new client.Gauge(configuration),
      );
    };
    this.#addRequests(add);
    this.#addWork(add);
    this.#addMemory(add);
    return registry;
  }

  #addRequests(add: Add): void {
    const { live, connections, sink } = this.#sources;
    add('counter', 'requests_total', 'Requests answered', () => this.#requestSamples());
    add('counter', 'refusals_total', 'Problems answered', () =>
      [...this.#refusals].map(([code, { count: value }]): Sample => [{ code }, value]),
    );
    add('gauge', 'state', 'Of the server: 1 for what it is', () =>
      STATES.map((state): Sample => [{ state }, sink.state === state ? 1 : 0]),
    );
    add('gauge', 'connections', 'Connections that are open', () => one(connections()));
    add('gauge', 'live_streams', 'Live updates that are open', () => one(live().streams));
    add('gauge', 'live_events', 'Events that somebody follows', () => one(live().events));
    add('counter', 'live_reads_total', 'Reads made for live updates', () => one(live().reads));
    add('counter', 'live_messages_total', 'Messages written to live updates', () => one(live().messages));
    add('counter', 'live_gone_total', 'Live updates that the other end left, or did not keep up with', () =>
      one(live().gone),
    );
  }

  *#requestSamples(): Generator<Sample> {
    for (const [route, statuses] of this.#requests)
      for (const [status, { count: value }] of statuses)
        yield [{ route: route === '' ? 'none' : route, status: String(status) }, value];
  }

  #addWork(add: Add): void {
    const { dispatch } = this.#sources;
    const gauge = (name: string, help: string, read: (of: DispatchStatistics) => number): void => {
      add('gauge', name, help, () => {
        const statistics = dispatch();
        return statistics === null ? [] : one(read(statistics));
      });
    };
    gauge('queue_length', 'Requests that wait for a batch', ({ queued }) => queued);
    gauge('queue_bytes', 'Bodies of requests that are not answered', ({ admittedBytes }) => admittedBytes);
    gauge('in_flight', 'Requests in batches under way', ({ inFlight }) => inFlight);
    gauge('admitted', 'Requests admitted and not answered', ({ admitted }) => admitted);
    gauge('clients', 'Clients that have something admitted', ({ clients }) => clients);
    add('counter', 'admitted_total', 'Requests admitted', () => one(dispatch()?.admittedTotal ?? 0));
    add('counter', 'batches_total', 'Batches handed to workers', () =>
      Object.entries(dispatch()?.batchesTotal ?? {}).map(([kind, value]): Sample => [{ kind }, value]),
    );
    add('counter', 'worker_losses_total', 'Batches whose worker died, threw or hung', () =>
      one(dispatch()?.workerLossesTotal ?? 0),
    );
  }

  #addMemory(add: Add): void {
    const { arena, dispatch, journalRoom } = this.#sources;
    const ofMemory: Add = (kind, name, help, read) =>
      add(kind, name, help, () => (this.#showsMemory ? read() : []));
    add('gauge', 'workers', 'Worker threads', () => one(arena.limits.workers));
    ofMemory('gauge', 'arena_used_ratio', 'Part of a table of shared memory that is used', () =>
      Object.entries(sampleArena(arena).used).map(([table, value]): Sample => [{ table }, value]),
    );
    add('gauge', 'arena_bytes', 'Shared memory reserved', () => one(arena.buffer.byteLength));
    ofMemory('gauge', 'events', 'Events by state', () =>
      Object.entries(sampleArena(arena).events).map(([state, value]): Sample => [{ state }, value]),
    );
    ofMemory(
      'counter',
      'cache_total',
      'Reads answered with what was there, or not; shared: with the reply to another',
      () => {
        const { hits, misses, evictions } = cacheCounts(arena);
        const { readyTotal = 0, sharedTotal = 0 } = dispatch() ?? {};
        return [
          [{ result: 'ready' }, readyTotal],
          [{ result: 'shared' }, sharedTotal],
          [{ result: 'hit' }, hits],
          [{ result: 'miss' }, misses],
          [{ result: 'eviction' }, evictions],
        ];
      },
    );
    add('counter', 'journal_groups_total', 'Groups written and synced', () =>
      // Pairs with the add in workers/journal.ts.
      one(Atomics.load(arena.words, HEADER.journalGroups) >>> 0),
    );
    add('gauge', 'journal_durable_bytes', 'Position up to which the journal is durable', () =>
      one(loadDurable(arena)),
    );
    add('gauge', 'journal_stalled', '1 while the journal stands still and somebody waits for it', () =>
      one(dispatch()?.isStalled === true ? 1 : 0),
    );
    add('gauge', 'journal_room_bytes', 'What the journal can take before a file must be made', () =>
      one(journalRoom()),
    );
    add('counter', 'snapshots_total', 'Snapshots', () =>
      Object.entries(this.#snapshots).map(([result, value]): Sample => [{ result }, value]),
    );
  }
}

type Add = (kind: Kind, name: string, help: string, read: () => Iterable<Sample>) => void;

const LABELS: Readonly<Record<string, string[]>> = {
  requests_total: ['route', 'status'],
  refusals_total: ['code'],
  state: ['state'],
  batches_total: ['kind'],
  arena_used_ratio: ['table'],
  events: ['state'],
  cache_total: ['result'],
  snapshots_total: ['result'],
};

function one(value: number): Sample[] {
  return [[{}, value]];
}

function count<K>(counts: Map<K, { count: number }>, key: K): void {
  const known = counts.get(key);
  if (known === undefined) counts.set(key, { count: 1 });
  else known.count++;
}
