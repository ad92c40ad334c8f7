/** A Redis server of our own: no TCP, no configuration file, a directory that goes with the bench. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Daemon } from './daemon.ts';
import type { Program } from './programs.ts';

export interface RedisServer {
  /** Of the Unix socket. */
  readonly socket: string;
  readonly daemon: Daemon;
}

/** `append`: when the append-only file is synced; `no` is none at all. */
export async function startRedis(
  redis: Program,
  directory: string,
  append: 'always' | 'everysec' | 'no',
): Promise<RedisServer> {
  mkdirSync(directory, { recursive: true });
  const socket = join(directory, 'redis.sock');
  const settings: Readonly<Record<string, string>> = {
    port: '0',
    unixsocket: socket,
    unixsocketperm: '700',
    dir: directory,
    // No snapshots: durability is the file's affair, and a fork in the middle of a run would be held against Redis.
    save: '',
    appendonly: append === 'no' ? 'no' : 'yes',
    ...(append !== 'no' && { appendfsync: append }),
    // Likewise: rewriting waits until after any bench.
    'auto-aof-rewrite-min-size': '64gb',
    databases: '1',
  };
  const daemon = await Daemon.start({
    path: redis.path,
    argv: Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
    directory,
    account: null,
    stopSignal: 'SIGKILL',
  });
  return { socket, daemon };
}
