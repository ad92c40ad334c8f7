/**
 * `frontrow serve`: starts the server, says where it listens, and ends with the exit code that says why.
 * The server itself is handed in by `main.ts`, which loads it only now: looking at a seat map needs none of it.
 */
import { pino } from 'pino';
import type { Logger } from 'pino';
import { FrontrowClient } from '../client/index.ts';
import { demoClub, demoHall } from '../demo.ts';
import { FrontrowError } from '../core/assert.ts';
import { defineCommand } from './command.ts';
import type { Command } from './command.ts';
import { EXIT, UsageError } from './exits.ts';
import { prettyStream } from './log-pretty.ts';
import { checkServeArgs, SERVE_OPTIONS, serveSettings } from './serve-options.ts';
import type { ServeArgs, ServeSettings } from './serve-options.ts';
import type { Session } from './session.ts';
import { painter } from './style.ts';

/** What `serve` asks of the composition root. */
export interface ServeOptions extends ServeSettings {
  readonly logger: Logger;
}

export interface ServedServer {
  readonly url: string;
  readonly opsUrl: string | null;
  readonly recovered: {
    readonly events: number;
    readonly frames: number;
    readonly tornTailBytes: number;
    readonly ms: number;
  };
  /** Resolves when nothing can be acknowledged any more. */
  readonly lost: Promise<FrontrowError>;
  /** Reads the keys file anew; says in the log how it went, and rejects if it is no good. */
  reloadKeys(): Promise<number>;
  /** Drains, writes the end mark, lets the directory go. */
  close(): Promise<void>;
}

/** Rejects with a FrontrowError, whose code decides the exit. */
export type StartServer = (options: ServeOptions) => Promise<ServedServer>;

/** What `serve` does to the process it runs in; a test has another. */
export interface ServeHost {
  /** The server can only end; what is done about it must not wait. */
  onLost(): void;
  /** Has `listener` called on SIGHUP, until what comes back is called. */
  onHangup(listener: () => void): () => void;
}

export function serveCommand(loadServer: () => Promise<StartServer>, host: ServeHost): Command {
  return defineCommand({
    usage: 'serve',
    describe: 'Start a server',
    positionals: {},
    options: SERVE_OPTIONS,
    examples: [
      ['frontrow serve --demo', 'try it at http://127.0.0.1:8080'],
      ['frontrow serve --keys keys.json --host 0.0.0.0', 'for others, who need a key'],
    ],
    async run(args, session) {
      checkServeArgs(args);
      const hasKeys = args.keys !== undefined;
      if (args.demo && hasKeys && session.key() === undefined) {
        throw new UsageError('--demo with --keys needs an admin key in FRONTROW_KEY or --key-file');
      }
      const logger = createLogger(args, session);
      const starting = loadServer().then((start) => start({ ...serveSettings(args), logger }));
      // From before the start, which may take a while: a hangup nobody listens to ends the process. Without keys that is
      // as it should be: the terminal has gone, and so does the server.
      const unlisten = hasKeys ? host.onHangup(() => void reload(starting)) : () => {};
      try {
        const server = await startedInTime(
          starting,
          session.terminal.signal,
          args['drain-timeout'] * 1000,
          host,
        );
        // First the events, then the address: whoever waits for the line finds them there.
        const tries = args.demo ? await defineDemo(server, session.key()) : [];
        announce(server, args, session);
        if (tries.length > 0)
          session.terminal.stderr.write(`\nTry, in another terminal:\n${tries.join('\n')}\n\n`);
        return await untilEnd(server, session.terminal.signal, logger, host);
      } finally {
        unlisten();
      }
    },
  });
}

/** A start that is told to end has the drain timeout for it, too: on a disk that does not answer it may hang. */
async function startedInTime(
  starting: Promise<ServedServer>,
  signal: AbortSignal,
  timeoutMs: number,
  host: ServeHost,
): Promise<ServedServer> {
  const ended = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const giveUp = (): void => {
      host.onLost();
      const message = `the start did not come to an end within ${timeoutMs} ms of being told to stop; nothing was acknowledged`;
      reject(new FrontrowError('journal-lost', message));
    };
    const arm = (): void => void (timer = setTimeout(giveUp, timeoutMs));
    if (signal.aborted) arm();
    else signal.addEventListener('abort', arm, { once: true, signal: ended.signal });
  });
  try {
    return await Promise.race([starting, late]);
  } finally {
    ended.abort();
    clearTimeout(timer);
  }
}

/** The server says in the log how it went; a start that failed is told elsewhere. */
async function reload(starting: Promise<ServedServer>): Promise<void> {
  try {
    await (await starting).reloadKeys();
  } catch {
    // Told: see above.
  }
}

function createLogger(args: ServeArgs, session: Session): Logger {
  const { stderr, env } = session.terminal;
  const options = { level: args['log-level'] };
  if (!(args['log-pretty'] ?? stderr.isTTY === true)) return pino(options, stderr);
  const color = stderr.isTTY === true && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
  return pino(options, prettyStream(stderr, painter(color)));
}

function announce(server: ServedServer, args: ServeArgs, session: Session): void {
  const { stderr } = session.terminal;
  const { events, frames, tornTailBytes, ms } = server.recovered;
  const torn = tornTailBytes > 0 ? `, a torn tail of ${tornTailBytes} bytes cut` : '';
  stderr.write(`frontrow: recovered ${events} events and ${frames} frames in ${Math.round(ms)} ms${torn}\n`);
  if (args.durability === 'none')
    stderr.write('frontrow: WARNING: --durability none: a power cut loses acknowledged tickets\n');
  if (args.keys === undefined)
    stderr.write(
      'frontrow: WARNING: there are no keys: every caller is admin, so this listens on loopback only\n',
    );
  if (server.opsUrl !== null) stderr.write(`frontrow: metrics and health on ${server.opsUrl}\n`);
  stderr.write(`frontrow: listening on ${server.url}\n`);
}

/** Defines the demo events on an empty server; returns what to try wherever they are. */
async function defineDemo(server: ServedServer, key: string | undefined): Promise<string[]> {
  const client = new FrontrowClient({ url: server.url, key });
  const now = new Date();
  const { data } = await client.events.list({ limit: 500 });
  if (data.length === 0) {
    await client.events.create(demoHall(now));
    await client.events.create(demoClub(now));
  } else if (!['hall', 'club'].every((id) => data.some((event) => event.id === id))) {
    return [];
  }
  return demoLines(server.url, key !== undefined).map((line) => `  ${line}`);
}

/** Three lines that work as printed, wherever the server listens. */
export function demoLines(url: string, hasKeys = false): string[] {
  const elsewhere = url === 'http://127.0.0.1:8080' ? '' : ` --url ${url}`;
  const body = JSON.stringify({ customer: 'me', items: [{ section: 'general', quantity: 2 }] });
  const key = hasKeys ? ' -H "authorization: Bearer $FRONTROW_KEY"' : '';
  const headers = `-H 'content-type: application/json' -H 'idempotency-key: first-order'${key}`;
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
  host: ServeHost,
): Promise<number> {
  const asked = new Promise<null>((resolve) => {
    if (signal.aborted) resolve(null);
    signal.addEventListener('abort', () => resolve(null), { once: true });
  });
  // While it ends, too: a disk that does not answer is given up then.
  void server.lost.then((error) => {
    logger.fatal({ code: error.code, err: error }, error.message);
    host.onLost();
  });
  const lost = await Promise.race([asked, server.lost]);
  // Nothing can be acknowledged any more, so nothing is drained: the faster the end, the fewer wait in vain.
  if (lost !== null) return lost.code === 'journal-lost' ? EXIT.journalLost : EXIT.fault;
  logger.info('draining');
  await server.close();
  logger.info('stopped');
  return EXIT.ok;
}
