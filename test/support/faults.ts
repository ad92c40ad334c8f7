/**
 * Faults of a server's disk, set and taken away by a test while the server runs. The server is of a staged build
 * (staged-build.ts), whose threads have a faulty node:fs (threads/faulty-fs.ts).
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';

/** datasync: fdatasync of a file. sync: fsync, of a directory. create: a new file is opened. open: one that is there, or the directory. write: a gathering write. */
export type FaultCall = 'datasync' | 'sync' | 'create' | 'open' | 'write' | 'rename';

/** stall: waits until the fault is cleared. hang: waits in the kernel, where nothing interrupts it, until the process dies. */
export type FaultSpec = (
  | { readonly kind: 'stall' | 'hang' | 'count' | 'short' }
  | { readonly kind: 'fail'; readonly code: 'EIO' | 'ENOSPC' | 'EMFILE' }
) & {
  /** Only files whose name contains this; all if left out. The data directory itself goes by its own name. */
  readonly file?: string;
};

/** Who opens it to read waits in the kernel for somebody who writes, and nobody does. */
export const HANG_FIFO = 'hang.fifo';

export function faultsDirectory(dataDirectory: string): string {
  return `${dataDirectory}.faults`;
}

export class Faults {
  readonly #directory: string;

  /** All faults end with the test, so that a stalled server can end. */
  constructor(t: Test, dataDirectory: string) {
    this.#directory = faultsDirectory(dataDirectory);
    mkdirSync(this.#directory, { recursive: true });
    t.teardown(() => rmSync(this.#directory, { recursive: true, force: true }));
  }

  set(call: FaultCall, spec: FaultSpec): void {
    rmSync(this.#met(call), { force: true });
    if (spec.kind === 'hang') execFileSync('mkfifo', [join(this.#directory, HANG_FIFO)]);
    // Whole at once: a reader that comes in between finds no fault.
    writeFileSync(join(this.#directory, call), JSON.stringify(spec));
  }

  clear(call: FaultCall): void {
    rmSync(join(this.#directory, call), { force: true });
  }

  /** The files that met a fault of this call since it was set, in order. */
  met(call: FaultCall): string[] {
    const path = this.#met(call);
    return existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : [];
  }

  /** Resolves when a call has met its fault `times` times. */
  async untilMet(call: FaultCall, times = 1): Promise<void> {
    if (this.met(call).length >= times) return;
    const changes = watch(this.#directory);
    try {
      await new Promise<void>((resolve, reject) => {
        const look = (): void => {
          if (this.met(call).length >= times) resolve();
        };
        changes.on('change', look);
        changes.on('error', reject);
        look();
      });
    } finally {
      changes.close();
    }
  }

  #met(call: FaultCall): string {
    return join(this.#directory, `${call}.met`);
  }
}
