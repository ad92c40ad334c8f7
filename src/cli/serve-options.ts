/** The options of `serve`: what there are, what is wrong with them, and what they mean to the server. */
import type { InferredOptionTypes, Options } from 'yargs';
import { LIMIT_RANGES } from '../core/limits.ts';
import { isLoopback } from '../core/loopback.ts';
import { parseRateLimits, type RateLimits } from '../core/rate-limit.ts';
import { checkRange, splitList } from './command.ts';
import { UsageError } from './exits.ts';

const MIB = 1024 * 1024;

/** Options that set a limit of the server's, in units of so many. */
export const LIMIT_OPTIONS = [
  ['workers', 'workers', 1],
  ['arena-mib', 'arenaBytes', MIB],
  ['ring-mib', 'ringBytes', MIB],
  ['segment-mib', 'segmentBytes', MIB],
  ['events-max', 'eventsMax', 1],
  ['connections-max', 'connectionsMax', 1],
  ['queue-max', 'queueMax', 1],
  ['claim-bytes-per-place', 'claimBytesPerPlace', 1],
  ['keys-per-place', 'keysPerPlace', 1],
] as const;

/** What `serve` asks of the composition root. Left out means the server's own default. */
export interface ServeSettings {
  readonly host: string;
  readonly port: number;
  readonly dataDirectory: string;
  readonly durability: 'fsync' | 'none';
  readonly connectionsMax: number;
  readonly queueMax: number;
  readonly stallAfterMs: number;
  readonly drainTimeoutMs: number;
  readonly keys?: string;
  readonly trustProxy?: readonly string[];
  readonly opsListen?: { readonly host: string; readonly port: number };
  readonly listener: 'lean' | 'node';
  readonly workers?: number;
  readonly arenaBytes?: number;
  readonly ringBytes?: number;
  readonly segmentBytes?: number;
  readonly eventsMax?: number;
  readonly claimBytesPerPlace?: number;
  readonly keysPerPlace?: number;
  readonly rateLimit?: RateLimits;
  readonly snapshotSegments?: number;
  readonly historyBytes?: number;
}

export const SERVE_OPTIONS = {
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
    describe: 'Where to listen; without --keys loopback only',
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
  keys: {
    type: 'string',
    requiresArg: true,
    describe: 'Keys file: who may do what; SIGHUP reads it again (see: key create)',
  },
  'trust-proxy': {
    type: 'string',
    array: true,
    requiresArg: true,
    describe: 'Addresses, CIDR ranges or "loopback": proxies whose X-Forwarded-For is believed',
  },
  'ops-listen': {
    type: 'string',
    requiresArg: true,
    describe: 'host:port for /metrics, /healthz and /readyz, without keys and nowhere else',
  },
  listener: {
    choices: ['lean', 'node'],
    default: 'lean',
    requiresArg: true,
    describe: 'What reads HTTP: lean is fast, node is node:http',
  },
  'log-level': {
    choices: ['trace', 'debug', 'info', 'warn', 'error', 'silent'],
    default: 'info',
    requiresArg: true,
    describe: 'Logs go to stderr; debug has a line for each request',
  },
  'log-pretty': {
    type: 'boolean',
    describe: 'Logs for people instead of JSON; the rule on a terminal',
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
  'claim-bytes-per-place': {
    type: 'number',
    requiresArg: true,
    describe: 'Memory set aside for the claims of a new event',
  },
  'keys-per-place': {
    type: 'number',
    requiresArg: true,
    describe: 'Idempotency keys that a new event remembers',
  },
  'rate-limit': {
    type: 'string',
    requiresArg: true,
    describe: 'Of each client, by role: sales=200/s,none=600/m:50 (the burst last); off unless given',
  },
  'stall-after': {
    type: 'number',
    default: 5,
    requiresArg: true,
    describe: 'Seconds to wait for the disk before changes are refused, until it answers',
  },
  'drain-timeout': {
    type: 'number',
    default: 30,
    requiresArg: true,
    describe: 'Seconds to finish on SIGTERM',
  },
} as const satisfies Record<string, Options>;

export type ServeArgs = InferredOptionTypes<typeof SERVE_OPTIONS>;

/** Throws a UsageError for what the server would refuse, in the words of the options. */
export function checkServeArgs(args: ServeArgs): void {
  checkRange('port', args.port, 0, 65_535);
  for (const [name, limit, unit] of LIMIT_OPTIONS) {
    const [min, max] = LIMIT_RANGES[limit];
    checkRange(name, args[name], Math.ceil(min / unit), Math.floor(max / unit));
  }
  parseOpsListen(args['ops-listen']);
  rateLimitOf(args['rate-limit']);
  checkRange('snapshot-segments', args['snapshot-segments'], 1, 1 << 20);
  checkRange('history-mib', args['history-mib'], 0, 1 << 20);
  checkRange('stall-after', args['stall-after'], 1, 3600);
  checkRange('drain-timeout', args['drain-timeout'], 0, 3600);
  if (args.keys === undefined && !isLoopback(args.host)) {
    throw new UsageError(
      `--host ${args.host} is refused: without --keys every caller is admin; use 127.0.0.1, or make a key with ` +
        '`frontrow key create`',
    );
  }
}

/** `127.0.0.1:9090`, `[::1]:9090`, `metrics.local:9090`; an address alone or a port alone is no good. */
function parseOpsListen(text: string | undefined): { host: string; port: number } | undefined {
  if (text === undefined) return undefined;
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) {
    throw new UsageError(`--ops-listen ${text} is not host:port, such as 127.0.0.1:9090`);
  }
  return { host: match[1] ?? match[2] ?? '', port };
}

function rateLimitOf(text: string | undefined): RateLimits | undefined {
  if (text === undefined) return undefined;
  try {
    return parseRateLimits(text);
  } catch (error) {
    throw new UsageError(`--rate-limit: ${error instanceof Error ? error.message : String(error)}`);
  }
}

export function serveSettings(args: ServeArgs): ServeSettings {
  const rateLimit = rateLimitOf(args['rate-limit']);
  const opsListen = parseOpsListen(args['ops-listen']);
  const trustProxy = splitList(args['trust-proxy']);
  return {
    host: args.host,
    port: args.port,
    dataDirectory: args.data,
    durability: args.durability === 'none' ? 'none' : 'fsync',
    connectionsMax: args['connections-max'],
    queueMax: args['queue-max'],
    stallAfterMs: args['stall-after'] * 1000,
    drainTimeoutMs: args['drain-timeout'] * 1000,
    listener: args.listener === 'node' ? 'node' : 'lean',
    ...(args.keys === undefined ? {} : { keys: args.keys }),
    ...(trustProxy.length === 0 ? {} : { trustProxy }),
    ...(opsListen === undefined ? {} : { opsListen }),
    ...(args.workers === undefined ? {} : { workers: args.workers }),
    ...(args['arena-mib'] === undefined ? {} : { arenaBytes: args['arena-mib'] * MIB }),
    ...(args['ring-mib'] === undefined ? {} : { ringBytes: args['ring-mib'] * MIB }),
    ...(args['segment-mib'] === undefined ? {} : { segmentBytes: args['segment-mib'] * MIB }),
    ...(args['snapshot-segments'] === undefined ? {} : { snapshotSegments: args['snapshot-segments'] }),
    ...(args['history-mib'] === undefined ? {} : { historyBytes: args['history-mib'] * MIB }),
    ...(args['events-max'] === undefined ? {} : { eventsMax: args['events-max'] }),
    ...(args['claim-bytes-per-place'] === undefined
      ? {}
      : { claimBytesPerPlace: args['claim-bytes-per-place'] }),
    ...(args['keys-per-place'] === undefined ? {} : { keysPerPlace: args['keys-per-place'] }),
    ...(rateLimit === undefined ? {} : { rateLimit }),
  };
}
