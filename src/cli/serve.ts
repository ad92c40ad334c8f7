/**
 * `frontrow serve`: starts the server, says where it listens, and ends with the exit code that says why.
 * The server itself is handed in by `main.ts`, which loads it only now: looking at a seat map needs none of it.
 */
import { pino } from 'pino';
import type { Logger } from 'pino';
import { FrontrowClient } from '../client/index.ts';
import { demoClub, demoHall } from '../demo.ts';
import type { FrontrowError } from '../core/assert.ts';
import { LIMIT_RANGES } from '../core/limits.ts';
import { checkRange, defineCommand } from './command.ts';
import type { Command } from './command.ts';
import { EXIT, UsageError } from './exits.ts';
import type { Session } from './session.ts';

const MIB = 1024 * 1024;

/** Options that set a limit of the server's, in units of so many. */
const LIMIT_OPTIONS = [
  ['workers', 'workers', 1],
  ['arena-mib', 'arenaBytes', MIB],
  ['ring-mib', 'ringBytes', MIB],
  ['segment-mib', 'segmentBytes', MIB],
  ['events-max', 'eventsMax', 1],
  ['connections-max', 'connectionsMax', 1],
  ['queue-max', 'queueMax', 1],
] as const;

/** What `serve` asks of the composition root. Left out means the server's own default. */
export interface ServeOptions {
  readonly host: string;
  readonly port: number;
  readonly dataDirectory: string;
  readonly durability: 'fsync' | 'none';
  readonly connectionsMax: number;
  readonly queueMax: number;
  readonly drainTimeoutMs: number;
  readonly logger: Logger;
  readonly workers?: number;
  readonly arenaBytes?: number;
  readonly ringBytes?: number;
  readonly segmentBytes?: number;
  readonly eventsMax?: number;
  readonly snapshotSegments?: number;
  readonly historyBytes?: number;
}

export interface ServedServer {
  readonly url: string;
  readonly recovered: {
    readonly events: number;
    readonly frames: number;
    readonly tornTailBytes: number;
    readonly ms: number;
  };
  /** Resolves when nothing can be acknowledged any more. */
  readonly lost: Promise<FrontrowError>;
  /** Drains, writes the end mark, lets the directory go. */
  close(): Promise<void>;
}

/** Rejects with a FrontrowError, whose code decides the exit. */
export type StartServer = (options: ServeOptions) => Promise<ServedServer>;

/** `onLost` is told when the server can only end; what it does must not wait. */
export function serveCommand(loadServer: () => Promise<StartServer>, onLost = (): void => {}): Command {
  return defineCommand({
    usage: 'serve',
    describe: 'Start a server',
    positionals: {},
    options: {
      workers: {
        type: 'number',
        requiresArg: true,
        describe: 'Worker threads; a core less than there are, unless given',
      },
      port: { type: 'number', default: 8080, requiresArg: true, describe: '0 takes a free one' },
      host: {
        type: 'string',
        default: '127.0.0.1',
        requiresArg: true,
        describe: 'Loopback only: there are no keys',
      },
      data: {
        type: 'string',
        default: './frontrow-data',
        requiresArg: true,
        describe: 'Where the journal lives',
      },
      durability: {
        choices: ['fsync', 'none'],
        default: 'fsync',
        requiresArg: true,
        describe: 'none loses on power cut',
      },
      demo: { type: 'boolean', default: false, describe: 'Two events to try, if there are none' },
      'log-level': {
        choices: ['trace', 'debug', 'info', 'warn', 'error', 'silent'],
        default: 'info',
        requiresArg: true,
        describe: 'Logs go to stderr as JSON',
      },
      'arena-mib': { type: 'number', requiresArg: true, describe: 'Shared memory' },
      'ring-mib': { type: 'number', requiresArg: true, describe: 'Journal ring' },
      'segment-mib': { type: 'number', requiresArg: true, describe: 'A journal file' },
      'snapshot-segments': {
        type: 'number',
        requiresArg: true,
        describe: 'Journal files from one snapshot to the next',
      },
      'history-mib': {
        type: 'number',
        requiresArg: true,
        describe: 'Journal kept for history beyond what recovery needs',
      },
      'events-max': { type: 'number', requiresArg: true, describe: 'Events at once' },
      'connections-max': {
        type: 'number',
        default: 10_000,
        requiresArg: true,
        describe: 'Connections at once',
      },
      'queue-max': {
        type: 'number',
        default: 8192,
        requiresArg: true,
        describe: 'Requests that wait, then 503',
      },
      'drain-timeout': {
        type: 'number',
        default: 30,
        requiresArg: true,
        describe: 'Seconds to finish on SIGTERM',
      },
    },
    examples: [['frontrow serve --demo', 'try it at http://127.0.0.1:8080']],
    async run(args, session) {
      checkRange('port', args.port, 0, 65_535);
      for (const [name, limit, unit] of LIMIT_OPTIONS) {
        const [min, max] = LIMIT_RANGES[limit];
        checkRange(name, args[name], Math.ceil(min / unit), Math.floor(max / unit));
      }
      checkRange('snapshot-segments', args['snapshot-segments'], 1, 1 << 20);
      checkRange('history-mib', args['history-mib'], 0, 1 << 20);
      checkRange('drain-timeout', args['drain-timeout'], 0, 3600);
      refuseOpenHost(args.host);

      const { stderr } = session.terminal;
      const logger = pino({ level: args['log-level'] }, stderr);
      const start = await loadServer();
      const server = await start({
        host: args.host,
        port: args.port,
        dataDirectory: args.data,
        durability: args.durability === 'none' ? 'none' : 'fsync',
        connectionsMax: args['connections-max'],
        queueMax: args['queue-max'],
        drainTimeoutMs: args['drain-timeout'] * 1000,
        logger,
        ...(args.workers === undefined ? {} : { workers: args.workers }),
        ...(args['arena-mib'] === undefined ? {} : { arenaBytes: args['arena-mib'] * MIB }),
        ...(args['ring-mib'] === undefined ? {} : { ringBytes: args['ring-mib'] * MIB }),
        ...(args['segment-mib'] === undefined ? {} : { segmentBytes: args['segment-mib'] * MIB }),
        ...(args['snapshot-segments'] === undefined ? {} : { snapshotSegments: args['snapshot-segments'] }),
        ...(args['history-mib'] === undefined ? {} : { historyBytes: args['history-mib'] * MIB }),
        ...(args['events-max'] === undefined ? {} : { eventsMax: args['events-max'] }),
      });
      // First the events, then the address: whoever waits for the line finds them there.
      const tries = args.demo ? await defineDemo(server) : [];
      announce(server, args.durability, session);
      if (tries.length > 0) stderr.write(`\nTry, in another terminal:\n${tries.join('\n')}\n\n`);
      return untilEnd(server, session.terminal.signal, logger, onLost);
    },
  });
}

/** Until there are keys, whoever reaches the port may do everything: only this machine may. */
function refuseOpenHost(host: string): void {
  const isLoopback = host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
  if (isLoopback) return;
  throw new UsageError(
    `--host ${host} is refused: there are no keys, so every caller is admin; use 127.0.0.1`,
  );
}

function announce(server: ServedServer, durability: string, session: Session): void {
  const { stderr } = session.terminal;
  const { events, frames, tornTailBytes, ms } = server.recovered;
  const torn = tornTailBytes > 0 ? `, a torn tail of ${tornTailBytes} bytes cut` : '';
  stderr.write(`frontrow: recovered ${events} events and ${frames} frames in ${Math.round(ms)} ms${torn}\n`);
  if (durability === 'none')
    stderr.write('frontrow: WARNING: --durability none: a power cut loses acknowledged tickets\n');
  stderr.write(
    'frontrow: WARNING: there are no keys: every caller is admin, so this listens on loopback only\n',
  );
  stderr.write(`frontrow: listening on ${server.url}\n`);
}

/** Defines the demo events on an empty server; returns what to try wherever they are. */
async function defineDemo(server: ServedServer): Promise<string[]> {
  const client = new FrontrowClient({ url: server.url });
  const now = new Date();
  const { data } = await client.events.list({ limit: 500 });
  if (data.length === 0) {
    await client.events.create(demoHall(now));
    await client.events.create(demoClub(now));
  } else if (!['hall', 'club'].every((id) => data.some((event) => event.id === id))) {
    return [];
  }
  return demoLines(server.url).map((line) => `  ${line}`);
}

/** Three lines that work as printed, wherever the server listens. */
export function demoLines(url: string): string[] {
  const elsewhere = url === 'http://127.0.0.1:8080' ? '' : ` --url ${url}`;
  const body = JSON.stringify({ customer: 'me', items: [{ section: 'general', quantity: 2 }] });
  const headers = "-H 'content-type: application/json' -H 'idempotency-key: first-order'";
  return [
    `curl ${url}/v1/events/club/orders ${headers} -d '${body}'`,
    `npx frontrow seats hall${elsewhere}`,
    `npx frontrow bench${elsewhere} --connections 64 --duration 5`,
  ];
}

/** Waits for a signal or for the loss of the journal, whichever comes first. */
async function untilEnd(
  server: ServedServer,
  signal: AbortSignal,
  logger: Logger,
  onLost: () => void,
): Promise<number> {
  const asked = new Promise<null>((resolve) => {
    if (signal.aborted) resolve(null);
    signal.addEventListener('abort', () => resolve(null), { once: true });
  });
  const lost = await Promise.race([asked, server.lost]);
  if (lost !== null) {
    // Nothing can be acknowledged any more, so nothing is drained: the faster the end, the fewer wait in vain.
    logger.fatal({ code: lost.code, err: lost }, lost.message);
    onLost();
    return lost.code === 'journal-lost' ? EXIT.journalLost : EXIT.fault;
  }
  logger.info('draining');
  await server.close();
  logger.info('stopped');
  return EXIT.ok;
}
