/**
 * One process a data directory.
 *
 * The lock is flock(2) on DIR/lock. Node has no call for it, so `flock` of util-linux is started once with
 * our descriptor as its number 3: a flock belongs to the open file, which parent and child share, so it stays
 * with us when the child has ended and goes when our process does, however it dies. The file's content says
 * who holds it; it is only for people, the lock is what counts.
 *
 * Where there is no `flock` program, DIR/lock.pid is made with O_EXCL and names process and start. A file
 * whose process is gone is taken over. The catch: two processes that find the same stale file in the same
 * instant could both remove it; the second one's O_EXCL then fails unless it removed the first one's new
 * file, a window of microseconds that flock does not have. Process ids mean nothing across machines or
 * containers.
 *
 * Readers of a directory at rest take a shared flock, which writes nothing: they keep a server from starting
 * beneath them, and each other out of nothing.
 */
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { FrontrowError } from '../core/assert.ts';
import { errorCode, isDiskFull } from './disk.ts';
import type { DiskLock } from './disk.ts';
import type { Owner } from './port.ts';

/** Exit status of `flock -n` when another holds the lock. Source: flock(1). */
const FLOCK_CONFLICT = 1;

export interface LockOptions {
  /** The program to ask; another name is for tests of the fallback. */
  readonly flockCommand?: string;
}

/** Takes the directory or throws FrontrowError `directory-in-use` (or `directory-unusable`). */
export function lockDirectory(directory: string, owner: Owner, options: LockOptions = {}): DiskLock {
  const path = join(directory, 'lock');
  let descriptor: number;
  try {
    // Not truncated: the content is another's until the lock is ours.
    descriptor = fs.openSync(path, fs.constants.O_RDWR | fs.constants.O_CREAT, 0o600);
  } catch (error) {
    throw new FrontrowError('directory-unusable', `${path}: ${errorCode(error)}`, { cause: error });
  }
  const child = spawnSync(options.flockCommand ?? 'flock', ['-n', '-x', '3'], {
    stdio: ['ignore', 'ignore', 'ignore', descriptor],
  });
  if (child.error !== undefined) {
    fs.closeSync(descriptor);
    if (errorCode(child.error) === 'ENOENT') return lockByPidFile(directory, owner);
    throw new FrontrowError('directory-unusable', `${path}: flock does not start`, { cause: child.error });
  }
  if (child.status === FLOCK_CONFLICT) {
    fs.closeSync(descriptor);
    throw inUse(directory, readOwner(path));
  }
  if (child.status !== 0) {
    fs.closeSync(descriptor);
    throw new FrontrowError(
      'directory-unusable',
      `${path}: flock ended with ${child.status ?? child.signal}`,
    );
  }
  nameOwner(descriptor, owner);
  return {
    release(): void {
      fs.closeSync(descriptor);
    },
  };
}

/**
 * Says in the lock file who holds it, over the last owner's text: on a full disk a file keeps what it has and gets no
 * more. Where there is no room the file stays empty, since a partial name would mislead; the lock is held all the same.
 */
function nameOwner(descriptor: number, owner: Owner): void {
  const text = Buffer.from(ownerText(owner));
  let written = 0;
  try {
    written = fs.writeSync(descriptor, text, 0, text.byteLength, 0);
  } catch (error) {
    if (!isDiskFull(error)) throw error;
  }
  fs.ftruncateSync(descriptor, written === text.byteLength ? written : 0);
}

/**
 * Keeps writers out while a directory at rest is read, and changes nothing in it. A directory without a lock file
 * has never had an owner; there is nothing to keep out.
 * @throws FrontrowError `directory-in-use` when a server has it, `directory-unusable`
 */
export function lockForReading(directory: string, options: LockOptions = {}): DiskLock {
  const unlocked: DiskLock = { release(): void {} };
  const holder = readOwner(join(directory, 'lock.pid'));
  if (holder !== null && isAlive(holder.pid)) throw inUse(directory, holder);
  const path = join(directory, 'lock');
  let descriptor: number;
  try {
    descriptor = fs.openSync(path, 'r');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return unlocked;
    throw new FrontrowError('directory-unusable', `${path}: ${errorCode(error)}`, { cause: error });
  }
  const child = spawnSync(options.flockCommand ?? 'flock', ['-n', '-s', '3'], {
    stdio: ['ignore', 'ignore', 'ignore', descriptor],
  });
  if (child.status === 0) {
    return {
      release(): void {
        fs.closeSync(descriptor);
      },
    };
  }
  fs.closeSync(descriptor);
  if (child.status === FLOCK_CONFLICT) throw inUse(directory, readOwner(path));
  // Without the program an owner goes by its pid file, which was looked at above.
  if (child.error !== undefined && errorCode(child.error) === 'ENOENT') return unlocked;
  throw new FrontrowError('directory-unusable', `${path}: flock ended with ${child.status ?? child.signal}`);
}

function lockByPidFile(directory: string, owner: Owner): DiskLock {
  const path = join(directory, 'lock.pid');
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      writeNew(path, ownerText(owner));
      return {
        release(): void {
          fs.rmSync(path, { force: true });
        },
      };
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') {
        throw new FrontrowError('directory-unusable', `${path}: ${errorCode(error)}`, { cause: error });
      }
    }
    const holder = readOwner(path);
    if (holder !== null && isAlive(holder.pid)) throw inUse(directory, holder);
    fs.rmSync(path, { force: true });
  }
  throw inUse(directory, readOwner(path));
}

/** Makes a file that was not there, with all of its text, or throws and leaves none. */
function writeNew(path: string, text: string): void {
  const descriptor = fs.openSync(path, 'wx', 0o600);
  try {
    fs.writeFileSync(descriptor, text);
  } catch (error) {
    fs.rmSync(path, { force: true });
    throw error;
  } finally {
    fs.closeSync(descriptor);
  }
}

/** Signal 0 only asks. EPERM means that the process is there and another user's. Source: kill(2). */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === 'EPERM';
  }
}

function ownerText(owner: Owner): string {
  return `${JSON.stringify({ pid: owner.pid, host: owner.host, since: owner.since })}\n`;
}

/** Who the file says holds it; null while it does not say. */
function readOwner(path: string): Owner | null {
  try {
    const parsed: unknown = JSON.parse(fs.readFileSync(path, 'utf8'));
    if (typeof parsed !== 'object' || parsed === null) return null;
    const { pid, host, since } = parsed as Record<string, unknown>;
    if (!Number.isSafeInteger(pid) || typeof host !== 'string' || typeof since !== 'string') return null;
    return { pid: pid as number, host, since };
  } catch {
    // Empty or half written: the holder has the lock and is about to say who it is.
    return null;
  }
}

/** Who holds it, as far as is known: what the file says may be of an owner that is gone, while a reader has it. */
function inUse(directory: string, holder: Owner | null): FrontrowError {
  const isStale = holder !== null && holder.host === hostname() && !isAlive(holder.pid);
  const who =
    holder === null || isStale
      ? 'another process'
      : `process ${holder.pid} on ${holder.host} since ${holder.since}`;
  return new FrontrowError('directory-in-use', `${directory} is in use by ${who}`);
}
