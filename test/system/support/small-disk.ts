/**
 * A real disk of a few megabytes that a test fills up and makes room on: a tmpfs, mounted in a user and mount namespace
 * of its own, for which nobody has to be root. It is there as long as the process that mounted it, and everybody else
 * reaches it through that process's root (proc(5), /proc/PID/root).
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';

const MOUNT = 'mount -t tmpfs -o size="$1" none "$0"';

/** Why there can be none here; false if there can. */
export const noSmallDisk: string | false = whyNot();

function whyNot(): string | false {
  if (process.platform !== 'linux') return 'mount namespaces are of Linux';
  const { status, error } = spawnSync('unshare', ['-rm', 'sh', '-c', MOUNT, '/tmp', '1m'], {
    stdio: 'ignore',
  });
  return status === 0 && error === undefined
    ? false
    : "this machine permits no mounts in a namespace of one's own";
}

export class SmallDisk {
  /** A directory on it, empty at first. */
  readonly directory: string;
  readonly #ballast: string;

  private constructor(root: string) {
    this.directory = join(root, 'data');
    this.#ballast = join(root, 'ballast');
    mkdirSync(this.directory);
  }

  static async mount(t: Test, bytes: number): Promise<SmallDisk> {
    // Before the directory is made: see testDirectory() in servers.ts.
    t.teardown(() => {});
    const mountPoint = t.testdir();
    const script = `${MOUNT} && echo mounted && exec cat`;
    const holder = spawn('unshare', ['-rm', 'sh', '-c', script, mountPoint, String(bytes)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    t.teardown(async () => {
      const exited = once(holder, 'exit');
      holder.stdin.end();
      await exited;
    });
    await once(holder.stdout, 'data');
    return new SmallDisk(`/proc/${holder.pid}/root${mountPoint}`);
  }

  /** Bytes that are free. */
  get free(): number {
    const { bavail, bsize } = statfsSync(this.directory);
    return bavail * bsize;
  }

  /** Takes all that is free, but for `left` bytes. */
  fill(left = 0): void {
    const file = openSync(this.#ballast, 'a');
    const zeros = Buffer.alloc(64 * 1024);
    try {
      for (;;) {
        // Asked once: somebody else may take some in between.
        const bytes = Math.min(zeros.length, this.free - left);
        if (bytes <= 0) return;
        writeSync(file, zeros, 0, bytes);
      }
    } catch (error) {
      // Somebody else was faster.
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    } finally {
      closeSync(file);
    }
  }

  /** Gives back what fill() took. */
  makeRoom(): void {
    rmSync(this.#ballast, { force: true });
  }
}
