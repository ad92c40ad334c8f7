/**
 * A store's server as the bench sees it: started, waited for, stopped. Every one that is still there when the bench
 * ends is stopped with it, before its directory is removed.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import type { Account } from './programs.ts';

export interface DaemonOptions {
  readonly path: string;
  readonly argv: readonly string[];
  /** It runs in here. */
  readonly directory: string;
  /** Null: as whoever runs the bench. */
  readonly account: Account | null;
  /** Ends it at once: its data are thrown away, so nothing needs to be saved. */
  readonly stopSignal: 'SIGKILL' | 'SIGQUIT';
  /** A file that is there for as long as it runs, if it must clean up behind itself. */
  readonly lockFile?: string;
}

/** Of what it said, for the error when it does not start. */
const OUTPUT_CHARS_MAX = 4000;
/** What both stores say, with a capital or without, once they can be asked. */
const READY = /ready to accept connections/i;
const START_MS_MAX = 60_000;
const STOP_MS_MAX = 5000;
const STOP_LOOK_MS = 10;

const alive = new Set<Daemon>();
// Before the listeners of those who remove the directories.
process.prependListener('exit', () => {
  for (const daemon of alive) daemon.signal();
  for (const daemon of alive) daemon.waitSync();
});

export class Daemon {
  readonly #process: ChildProcess;
  readonly #options: DaemonOptions;

  private constructor(process: ChildProcess, options: DaemonOptions) {
    this.#process = process;
    this.#options = options;
  }

  /** Rejects, with what it said, when it ends before it is ready. */
  static async start(options: DaemonOptions): Promise<Daemon> {
    const { path, argv, directory, account } = options;
    const child = spawn(path, argv, {
      cwd: directory,
      env: { PATH: process.env['PATH'], LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own: Ctrl-C is for the bench, which then stops it.
      detached: true,
      ...account,
    });
    const daemon = new Daemon(child, options);
    alive.add(daemon);
    child.once('exit', () => alive.delete(daemon));
    try {
      await untilReady(child, path);
    } catch (cause) {
      alive.delete(daemon);
      daemon.signal();
      throw cause;
    }
    return daemon;
  }

  get pid(): number {
    return this.#process.pid!;
  }

  async stop(): Promise<void> {
    if (!alive.has(this)) return;
    const ended = once(this.#process, 'exit');
    this.signal();
    await ended;
  }

  signal(): void {
    this.#process.kill(this.#options.stopSignal);
  }

  /** For the end of the process, when nothing can be awaited any more. */
  waitSync(): void {
    const { lockFile } = this.#options;
    if (lockFile === undefined) return;
    const word = new Int32Array(new SharedArrayBuffer(4));
    for (let waitedMs = 0; existsSync(lockFile) && waitedMs < STOP_MS_MAX; waitedMs += STOP_LOOK_MS) {
      // Nobody changes the word: this only sleeps.
      Atomics.wait(word, 0, 0, STOP_LOOK_MS);
    }
  }
}

function untilReady(child: ChildProcess, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let output = '';
    const timer = setTimeout(() => reject(new Error(`${path} is not ready: ${output}`)), START_MS_MAX);
    const fail = (cause: Error): void => {
      clearTimeout(timer);
      reject(cause);
    };
    const read = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-OUTPUT_CHARS_MAX);
      if (!READY.test(output)) return;
      clearTimeout(timer);
      resolve();
    };
    // Read on after that: a store whose output nobody takes would stop at a full pipe.
    child.stdout?.on('data', read);
    child.stderr?.on('data', read);
    child.once('error', fail);
    child.once('close', (code) => fail(new Error(`${path} ended with code ${code}: ${output}`)));
  });
}
