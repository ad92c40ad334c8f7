/** Where the stores' programs are, as Debian's packages install them, and as whom they may run. */
import { accessSync, constants, readdirSync, readFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import type { StoreName } from './variants.ts';

/** A user of this machine. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

export interface Program {
  readonly path: string;
  /** As it says it itself: `Redis 7.0.15`. */
  readonly version: string;
}

/** Debian has PostgreSQL's programs here, outside PATH, a directory for each version. */
const POSTGRES_DIRECTORY = '/usr/lib/postgresql';

/** Null where it is not installed. */
function findRedis(): Program | null {
  const path = findProgram('redis-server', pathDirectories());
  return path === null ? null : versionOf(path, 'Redis', /v=(\S+)/);
}

/** The server, whose directory has initdb, too. Null where one of them is missing. */
function findPostgres(): Program | null {
  for (const directory of [...pathDirectories(), ...postgresDirectories()]) {
    const path = findProgram('postgres', [directory]);
    if (path !== null && findProgram('initdb', [directory]) !== null) {
      return versionOf(path, 'PostgreSQL', /\) (\S+)/);
    }
  }
  return null;
}

export function findStores(): Readonly<Record<StoreName, Program | null>> {
  return { redis: findRedis(), postgres: findPostgres() };
}

export function initdbOf(postgres: Program): string {
  return join(dirname(postgres.path), 'initdb');
}

/** What to say where a store is missing. */
export function describeMissing(store: StoreName): string {
  const [program, debian] = store === 'redis' ? ['redis-server', 'redis-server'] : ['postgres', 'postgresql'];
  return `${program} is not installed: the peers on it are missing here. On Debian: apt-get install ${debian}`;
}

/**
 * PostgreSQL refuses to run as root: then somebody else must own its data. Null where whoever runs the bench will do.
 * @throws Error where there is nobody else
 */
export function unprivilegedAccount(): Account | null {
  if (process.getuid?.() !== 0) return null;
  const passwd = readFileSync('/etc/passwd', 'utf8');
  for (const name of ['postgres', 'nobody']) {
    const fields = new RegExp(`^${name}:[^:]*:(\\d+):(\\d+):`, 'm').exec(passwd);
    if (fields !== null) return { uid: Number(fields[1]), gid: Number(fields[2]) };
  }
  throw new Error('PostgreSQL does not run as root, and there is no user postgres or nobody');
}

/** `fastify 5.12.8`, of the packages that the peers are made of. */
export function packageVersions(): string[] {
  const require = createRequire(import.meta.url);
  return ['fastify', 'redis', 'pg'].map((name) => {
    const { version } = require(`${name}/package.json`) as { version: string };
    return `${name} ${version}`;
  });
}

function pathDirectories(): string[] {
  return (process.env['PATH'] ?? '').split(delimiter).filter((directory) => directory !== '');
}

/** The newest version first. */
function postgresDirectories(): string[] {
  try {
    const versions = readdirSync(POSTGRES_DIRECTORY).toSorted((a, b) => Number(b) - Number(a));
    return versions.map((version) => join(POSTGRES_DIRECTORY, version, 'bin'));
  } catch {
    // Not Debian, or not installed: PATH is all there is.
    return [];
  }
}

function findProgram(name: string, directories: readonly string[]): string | null {
  for (const directory of directories) {
    const path = join(directory, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this directory: look in the next.
    }
  }
  return null;
}

function versionOf(path: string, name: string, pattern: RegExp): Program {
  const { stdout } = spawnSync(path, ['--version'], { encoding: 'utf8' });
  return { path, version: `${name} ${pattern.exec(stdout)?.[1] ?? 'of unknown version'}` };
}
