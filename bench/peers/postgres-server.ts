/**
 * A PostgreSQL server of our own: no TCP, a data directory that goes with the bench, and settings for many small
 * transactions on a machine with few cores. One server has a database for each peer: only one of them is asked at a time.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Daemon } from './daemon.ts';
import { initdbOf, unprivilegedAccount } from './programs.ts';
import type { Program } from './programs.ts';

export interface PostgresServer {
  /** Directory of the Unix socket. */
  readonly host: string;
  readonly daemon: Daemon;
}

export const POSTGRES_USER = 'bench';

/** docs/peers.md says why each. */
const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '',
  max_connections: '300',
  fsync: 'on',
  full_page_writes: 'on',
  wal_level: 'minimal',
  max_wal_senders: '0',
  shared_buffers: '512MB',
  wal_buffers: '16MB',
  min_wal_size: '1GB',
  max_wal_size: '8GB',
  checkpoint_timeout: '1h',
  jit: 'off',
  update_process_title: 'off',
  track_activities: 'off',
  // Errors are expected (a key that was used before) and answered; the rest is only for whoever starts it.
  log_min_messages: 'log',
};

/** `directory` is made, and given to the account that runs it. */
export async function startPostgres(postgres: Program, directory: string): Promise<PostgresServer> {
  const account = unprivilegedAccount();
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  if (account !== null) {
    // Whoever runs it must get there; nobody else can list what is beside it.
    chmodSync(dirname(directory), 0o711);
    chownSync(directory, account.uid, account.gid);
  }
  const data = join(directory, 'data');
  const made = spawnSync(
    initdbOf(postgres),
    ['-D', data, '-U', POSTGRES_USER, '--auth=trust', '--no-sync', '--locale=C', '--encoding=UTF8'],
    { cwd: directory, encoding: 'utf8', ...account },
  );
  if (made.status !== 0) throw new Error(`initdb ended with code ${made.status}: ${made.stderr}`);
  const settings = Object.entries(SETTINGS).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const daemon = await Daemon.start({
    path: postgres.path,
    argv: ['-D', data, '-k', directory, ...settings],
    directory,
    account,
    // An immediate shutdown: no checkpoint, but shared memory is given back, which SIGKILL would not do.
    stopSignal: 'SIGQUIT',
    lockFile: join(data, 'postmaster.pid'),
  });
  return { host: directory, daemon };
}
