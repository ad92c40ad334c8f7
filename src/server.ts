/**
 * The composition root: starts a server's parts in order and stops them in reverse.
 *
 *   limits → arena → journal thread owns the directory → listen (503 starting) → recover → workers → ready
 *   drain HTTP → drain dispatch → end mark → threads end
 */
import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Logger } from 'pino';
import { FrontrowError } from './core/assert.ts';
import { BATCH_KIND } from './core/batch.ts';
import { SystemClock } from './core/clock.ts';
import {
  HISTORY_BYTES_DEFAULT,
  resolveLimits,
  SNAPSHOT_SEGMENTS_DEFAULT,
  type Limits,
} from './core/limits.ts';
import { isLoopback } from './core/loopback.ts';
import { encodeBatch } from './core/request-codec.ts';
import { checkRateLimits, type RateLimits } from './core/rate-limit.ts';
import { TimeHistogram } from './core/time-histogram.ts';
import { Dispatcher } from './dispatch/dispatcher.ts';
import { LateSink } from './dispatch/late-sink.ts';
import type { DispatchStatistics } from './dispatch/statistics.ts';
import { WorkerPool } from './dispatch/pool.ts';
import { SYSTEM_SCHEDULER } from './dispatch/scheduler.ts';
import { publishedCommands, repairThread } from './engine/repair.ts';
import { countEvents } from './engine/replay.ts';
import { docsPages } from './http/docs-pages.ts';
import { TrustedProxies } from './http/forwarded.ts';
import type { KeyRing } from './http/key-ring.ts';
import { KeySource, type KeySourceLike } from './http/key-source.ts';
import { LiveUpdates } from './http/live-updates.ts';
import { OpsService } from './http/ops-service.ts';
import { createNodeListener } from './http/node-listener.ts';
import { createHttpService, type HttpService } from './http/service.ts';
import { JournalUpkeep } from './journal-upkeep.ts';
import { createArena, type Arena } from './memory/arena.ts';
import { nextDeadline, setReadyTime } from './memory/deadlines.ts';
import { viewEvent } from './memory/event.ts';
import { HEADER } from './memory/layout.ts';
import { liveSlots } from './memory/registry.ts';
import { cacheCounts, servedBatches, wakeJournal, type CacheCounts } from './memory/threads.ts';
import { Metrics } from './metrics/metrics.ts';
import { HistoryThread, JournalThread, RESERVE_WORKER, type Recovered } from './threads.ts';

export interface ServerOptions extends Partial<Limits> {
  /** 127.0.0.1 if not given. Without keys a loopback address. */
  readonly host?: string;
  /** 0 takes a free one. 8080 if not given. */
  readonly port?: number;
  /** Made when it is not there. One server at a time. */
  readonly dataDirectory: string;
  /** `none` skips the sync: a power cut may undo what was acknowledged. */
  readonly durability?: 'fsync' | 'none';
  /** Who may do what: the path of a keys file, or what one holds. Without, every caller is admin. */
  readonly keys?: KeySourceLike;
  /** Proxies whose `X-Forwarded-For` and `Forwarded` are believed: addresses, CIDR ranges, or `loopback`. */
  readonly trustProxy?: readonly string[];
  /** A port of its own for /metrics, /healthz and /readyz, without keys. The main port has no /metrics then. */
  readonly opsListen?: { readonly host: string; readonly port: number };
  /** What reads HTTP: `lean` over net and llhttp, or `node`, node:http. `lean` if not given. The ops port has `node`. */
  readonly listener?: 'lean' | 'node';
  /** Time without progress of the journal after which changes are refused, until it moves again. 5 s if not given. */
  readonly stallAfterMs?: number;
  /** For all of close(). What is not durable by then is given up. 30 s if not given. */
  readonly drainTimeoutMs?: number;
  /** Bytes of journal kept for history beyond what recovery needs. 1 GiB if not given. */
  readonly historyBytes?: number;
  /** Sealed segments between two snapshots. */
  readonly snapshotSegments?: number;
  /** How often a client may ask, by the role it acts in. Nobody is limited if not given. */
  readonly rateLimit?: RateLimits;
  readonly logger?: Logger;
  /** For tests: off, batches of one event run on several workers at once and rest on the mutex alone. */
  readonly oneWritingBatchPerEvent?: boolean;
}

/** Since the start: what the workers' caches did, and more. */
export interface ServerStatistics extends CacheCounts {
  /** Journal groups synced. */
  readonly groups: number;
  /** Null until recovery is through. */
  readonly dispatch: DispatchStatistics | null;
}

export interface FrontrowServer {
  readonly url: string;
  readonly port: number;
  /** Of the port for operators. */
  readonly opsUrl: string | null;
  readonly recovered: {
    readonly events: number;
    readonly frames: number;
    readonly tornTailBytes: number;
    readonly ms: number;
  };
  /** Resolves when nothing can be acknowledged any more: end the process. */
  readonly lost: Promise<FrontrowError>;
  /**
   * Takes new keys with the next request: the file read anew, or what is given. Nothing in flight is dropped. Rejects with
   * a FrontrowError `bad-option` when they are no good; then the old ones stay.
   * @returns how many ids there are now
   */
  reloadKeys(keys?: KeySourceLike): Promise<number>;
  statistics(): ServerStatistics;
  /**
   * Answers what was admitted, writes the end mark, gives the directory back. Rejects with the FrontrowError of `lost`
   * when the journal failed meanwhile, or did not answer within `drainTimeoutMs`. Then, too, it settles within a second
   * and a half of that; a thread that hangs in the kernel is left behind, and keeps the process from exiting.
   */
  close(): Promise<void>;
}

const HOST_DEFAULT = '127.0.0.1';
const PORT_DEFAULT = 8080;
const DRAIN_TIMEOUT_MS = 30_000;
const OPS_DRAIN_MS = 1000;
/** For each of the last steps of an end that is late: replies leave, the end mark is written, threads end. */
const LAST_STEP_MS = 500;
/** Of the journal's incarnation, in ETags and ids of live updates. */
const INCARNATION_CHARS = 8;

/**
 * Starts a server and resolves when it takes requests.
 * @throws FrontrowError `bad-option`, `arena-too-large`, `directory-in-use`, `directory-unusable`, `data-corrupt`,
 *   `listen-failed`
 */
export async function createServer(options: ServerOptions): Promise<FrontrowServer> {
  const limits = resolveLimits(options);
  if (options.rateLimit !== undefined) checkRateLimits(options.rateLimit);
  if (options.keys === undefined && !isLoopback(options.host ?? HOST_DEFAULT)) {
    throw new FrontrowError(
      'bad-option',
      `host ${options.host} is refused: without keys every caller is admin`,
    );
  }
  const keys = new KeySource(options.keys, options.logger);
  const ring = await keys.load();
  const directory = resolve(options.dataDirectory);
  try {
    await mkdir(directory, { recursive: true });
  } catch (cause) {
    throw new FrontrowError('directory-unusable', `cannot make the data directory ${directory}`, { cause });
  }
  const server = new Server(options, limits, directory, keys, ring);
  try {
    await server.start();
  } catch (error) {
    await server.abort();
    throw error;
  }
  return server;
}

function urlOf(host: string, port: number): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

class Server implements FrontrowServer {
  readonly #options: ServerOptions;
  readonly #limits: Limits;
  readonly #directory: string;
  readonly #arena: Arena;
  readonly #keys: KeySource;
  readonly #late = new LateSink();
  readonly #http: HttpService;
  readonly #ops: OpsService | null;
  readonly #metrics: Metrics;
  readonly #admissionWait = new TimeHistogram();
  readonly #journalSync = new TimeHistogram();
  readonly #journal: JournalThread;
  readonly #upkeep: JournalUpkeep;
  #dispatcher: Dispatcher | null = null;
  #pool: WorkerPool | null = null;
  #history: HistoryThread | null = null;
  #isOver = false;
  #lostError: FrontrowError | null = null;
  #closing: Promise<void> | null = null;
  #resolveLost: (error: FrontrowError) => void = () => {};
  readonly lost: Promise<FrontrowError>;
  port = 0;
  opsUrl: string | null = null;
  #incarnation = '';
  recovered = { events: 0, frames: 0, tornTailBytes: 0, ms: 0 };

  constructor(
    options: ServerOptions,
    limits: Limits,
    directory: string,
    keys: KeySource,
    ring: KeyRing | null,
  ) {
    this.#options = options;
    this.#limits = limits;
    this.#directory = directory;
    this.#keys = keys;
    this.#arena = createArena(limits);
    this.lost = new Promise((settle) => {
      this.#resolveLost = settle;
    });
    const live = new LiveUpdates({
      sink: this.#late,
      scheduler: SYSTEM_SCHEDULER,
      incarnation: () => this.#incarnation,
      connectionsMax: limits.connectionsMax,
    });
    this.#metrics = new Metrics({
      arena: this.#arena,
      sink: this.#late,
      dispatch: () => this.#dispatcher?.statistics() ?? null,
      live: () => live.counts(),
      connections: () => this.#http.connectionCount,
      journalRoom: () => this.#upkeep.room(),
      awaitsRoom: () => this.#upkeep.awaitsRoom(),
      admissionWait: this.#admissionWait,
      journalSync: this.#journalSync,
    });
    this.#ops = options.opsListen === undefined ? null : this.#createOps();
    this.#http = createHttpService({
      sink: this.#late,
      streams: live,
      pages: [...docsPages(), ...(this.#ops === null ? [this.#metrics.page] : [])],
      onAnswered: (answered) => this.#metrics.answered(answered),
      connectionsMax: limits.connectionsMax,
      keys: ring,
      ...(options.listener === 'node' && { listener: createNodeListener }),
      proxies: options.trustProxy === undefined ? null : new TrustedProxies(options.trustProxy),
      ...(options.logger !== undefined && { logger: options.logger }),
    });
    this.#upkeep = new JournalUpkeep({
      arena: this.#arena,
      limits,
      directory,
      historyBytes: options.historyBytes ?? HISTORY_BYTES_DEFAULT,
      snapshotSegments: options.snapshotSegments ?? SNAPSHOT_SEGMENTS_DEFAULT,
      logger: options.logger,
      onRoom: () => this.#dispatcher?.onDiskRoom(),
      onSnapshot: (outcome) => this.#metrics.snapshot(outcome),
    });
    this.#journal = new JournalThread(
      {
        arena: this.#arena.buffer,
        limits,
        directory,
        durability: options.durability ?? 'fsync',
        syncTimes: this.#journalSync.buffer,
      },
      {
        durable: (position) => this.#dispatcher?.onDurable(position),
        rolled: () => this.#upkeep.rolled(),
        awaitsSegment: () => this.#upkeep.awaitsSegment(),
        lost: (error) => this.#lose(error),
      },
    );
  }

  #createOps(): OpsService {
    const { logger } = this.#options;
    return new OpsService({
      state: () => (this.#closing === null ? this.#late.state : 'draining'),
      pages: [this.#metrics.page],
      now: () => this.#late.now(),
      ...(logger !== undefined && { logger }),
    });
  }

  get url(): string {
    return urlOf(this.#options.host ?? HOST_DEFAULT, this.port);
  }

  async start(): Promise<void> {
    await this.#journal.owned;
    const { opsListen } = this.#options;
    if (this.#ops !== null && opsListen !== undefined) {
      this.opsUrl = urlOf(opsListen.host, await this.#ops.listen(opsListen.host, opsListen.port));
    }
    this.port = await this.#http.listen(
      this.#options.host ?? HOST_DEFAULT,
      this.#options.port ?? PORT_DEFAULT,
    );
    const recovered = await this.#journal.recovered;
    this.#incarnation = recovered.incarnation.slice(0, INCARNATION_CHARS);
    this.#report(recovered);
    await this.#upkeep.start(recovered.frames > 0);
    const clock = new SystemClock(recovered.lastTimeMs);
    const readyMs = clock.now();
    setReadyTime(this.#arena, readyMs);
    const shared = {
      arena: this.#arena.buffer,
      limits: this.#limits,
      incarnation: recovered.incarnation,
    };
    this.#history = new HistoryThread({ ...shared, directory: this.#directory });
    this.#pool = new WorkerPool({
      filename: RESERVE_WORKER,
      workers: this.#limits.workers,
      workerData: shared,
      servedBatches: (threadId) => servedBatches(this.#arena, threadId),
    });
    const nothing = {
      batchId: 0,
      eventSlot: 0,
      kind: BATCH_KIND.read,
      nowMs: readyMs,
      expireBeforeMs: readyMs,
    };
    await this.#pool.warmUp(() => encodeBatch(nothing, []));
    const dispatcher = new Dispatcher({
      arena: this.#arena,
      pool: this.#pool,
      history: this.#history,
      clock,
      diskRoom: () => this.#upkeep.room(),
      awaitsRoom: () => this.#upkeep.awaitsRoom(),
      repair: (dead) => repairThread(this.#arena, dead),
      publishedCommands: (batchId, firstUnit) => publishedCommands(this.#arena, batchId, firstUnit),
      fatal: (error) => this.#lose(error),
      observe: {
        admissionWait: (ms) => this.#admissionWait.observe(ms / 1000),
        stalled: (isStalled) => this.#stalled(isStalled),
      },
      ...(this.#options.stallAfterMs !== undefined && { stallAfterMs: this.#options.stallAfterMs }),
      ...(this.#options.rateLimit !== undefined && { rateLimit: this.#options.rateLimit }),
      ...(this.#options.oneWritingBatchPerEvent !== undefined && {
        oneWritingBatchPerEvent: this.#options.oneWritingBatchPerEvent,
      }),
    });
    this.#dispatcher = dispatcher;
    for (const slot of liveSlots(this.#arena)) {
      dispatcher.seed(slot, nextDeadline(viewEvent(this.#arena, slot)));
    }
    this.#late.become(dispatcher);
    dispatcher.ready();
    this.#options.logger?.info({ url: this.url }, 'ready');
  }

  #report(recovered: Recovered): void {
    const { frames, tornTailBytes, ms } = recovered;
    this.recovered = { events: countEvents(this.#arena), frames, tornTailBytes, ms: Math.round(ms) };
    for (const note of recovered.notes) this.#options.logger?.warn(note);
    this.#options.logger?.info({ ...this.recovered, cleanEnd: recovered.cleanEnd }, 'recovered');
  }

  #stalled(isStalled: boolean): void {
    const { logger } = this.#options;
    if (isStalled)
      logger?.error(
        { code: 'journal-stalled' },
        'the journal does not move: its disk does not answer, or a worker hangs; changes are refused until it moves',
      );
    else logger?.warn({ code: 'journal-stalled' }, 'the journal moves again: changes are taken');
  }

  /** Nothing more can be acknowledged, while closing too: what waits is answered as far as it can be. */
  #lose(error: FrontrowError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#lostError = error;
    this.#dispatcher?.journalLost();
    this.#upkeep.stop();
    this.#resolveLost(error);
  }

  reloadKeys(keys?: KeySourceLike): Promise<number> {
    return this.#keys.reload((ring) => this.#http.setKeys(ring), keys);
  }

  statistics(): ServerStatistics {
    const groups = Atomics.load(this.#arena.words, HEADER.journalGroups);
    return { ...cacheCounts(this.#arena), groups, dispatch: this.#dispatcher?.statistics() ?? null };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const startedMs = performance.now();
    const timeoutMs = this.#options.drainTimeoutMs ?? DRAIN_TIMEOUT_MS;
    const lateMs = Math.max(timeoutMs, LAST_STEP_MS);
    // Gives up only if requests have no answer yet: a slow reader does not count.
    const answersLate = setTimeout(() => {
      if ((this.#dispatcher?.admitted ?? 0) > 0) this.#giveUp(timeoutMs);
    }, lateMs);
    const markLate = setTimeout(() => this.#giveUp(timeoutMs), lateMs + 2 * LAST_STEP_MS);
    await this.#http.drain(lateMs + LAST_STEP_MS);
    await this.#dispatcher?.drain();
    if (!this.#isOver) {
      // Pairs with the load in workers/journal.ts; the wake makes it look.
      Atomics.store(this.#arena.words, HEADER.journalStop, 1);
      wakeJournal(this.#arena);
      const unwrittenBytes = await Promise.race([
        this.lost.then(() => 0),
        this.#journal.ended.catch(() => 0),
      ]);
      if (unwrittenBytes > 0)
        this.#options.logger?.warn(
          { unwrittenBytes },
          'the disk had no room for frames that nobody was told of',
        );
    }
    clearTimeout(answersLate);
    clearTimeout(markLate);
    await this.#ops?.drain(this.#isOver ? 0 : OPS_DRAIN_MS);
    const leftMs = this.#isOver ? 0 : lateMs - (performance.now() - startedMs);
    const ended = await this.#endThreads(Math.max(leftMs, LAST_STEP_MS));
    if (!ended) this.#giveUp(timeoutMs);
    if (this.#lostError !== null) throw this.#lostError;
  }

  /** The end takes longer than it may. Answers tell what is not known; nothing is claimed that is not durable. */
  #giveUp(timeoutMs: number): void {
    const reason = this.#upkeep.awaitsRoom()
      ? 'the disk has no room for frames whose callers wait'
      : 'the journal does not answer, a thread hangs, or there was too much to do';
    const message = `the server could not end within ${timeoutMs} ms: ${reason}`;
    this.#lose(new FrontrowError('journal-lost', message));
  }

  /** A start that failed leaves nothing behind. */
  async abort(): Promise<void> {
    this.#isOver = true;
    await Promise.all([this.#http.drain(0), this.#ops?.drain(0)]);
    await this.#endThreads(this.#options.drainTimeoutMs ?? DRAIN_TIMEOUT_MS);
  }

  /** @returns whether all have ended in time; one may hang in the kernel */
  async #endThreads(timeoutMs: number): Promise<boolean> {
    const ended = Promise.all([
      this.#pool?.close(),
      this.#history?.close(),
      this.#upkeep.close(),
      this.#journal.terminate(),
    ]).then(() => true);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((settle) => {
      timer = setTimeout(() => settle(false), timeoutMs);
    });
    return Promise.race([ended, late]).finally(() => clearTimeout(timer));
  }
}
