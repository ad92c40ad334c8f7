/**
 * A server in a process of its own, as the bench sees it: started, asked what it used, stopped or killed.
 * Every child that is still there when the bench ends is killed with it.
 */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { threadOptions } from '../src/core/thread-options.ts';

/** What a child has used since it started. */
export interface Usage {
  /** User and system time of all its threads. */
  readonly cpuMicros: number;
  /** Journal groups synced; 0 for the baseline. */
  readonly groups: number;
  /** Writing batches; 0 for the baseline. */
  readonly batches: number;
}

/** What a child sends to its parent. */
export type ChildMessage =
  { readonly kind: 'ready'; readonly url: string } | ({ readonly kind: 'usage' } & Usage);

export type ParentMessage = { readonly kind: 'usage' } | { readonly kind: 'stop' };

const alive = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
});

export class Child {
  readonly url: string;
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess, url: string) {
    this.#process = process;
    this.url = url;
  }

  /** Starts `entry` with `options` as JSON. Rejects when it ends before it listens. */
  static async start(entry: URL, options: object, execArgv: readonly string[] = []): Promise<Child> {
    const process = fork(entry, [JSON.stringify(options)], {
      execArgv: [...execArgv],
      env: threadOptions().env,
    });
    alive.add(process);
    process.once('exit', () => alive.delete(process));
    const url = await new Promise<string>((resolve, reject) => {
      process.once('message', (message: ChildMessage) => {
        if (message.kind === 'ready') resolve(message.url);
      });
      process.once('error', reject);
      process.once('exit', (code) => reject(new Error(`${entry.pathname} ended with code ${code}`)));
    });
    return new Child(process, url);
  }

  get pid(): number {
    return this.#process.pid!;
  }

  async usage(): Promise<Usage> {
    const answer = once(this.#process, 'message') as Promise<[ChildMessage & Usage]>;
    this.#send({ kind: 'usage' });
    const [{ cpuMicros, groups, batches }] = await answer;
    return { cpuMicros, groups, batches };
  }

  /** Drains and ends. Resolves with the exit code. */
  async stop(): Promise<number | null> {
    const ended = this.#ended();
    this.#send({ kind: 'stop' });
    return ended;
  }

  /** SIGKILL: what a power cut leaves of a process. */
  async kill(): Promise<void> {
    const ended = this.#ended();
    this.#process.kill('SIGKILL');
    await ended;
  }

  async #ended(): Promise<number | null> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return this.#process.exitCode;
    const [code] = (await once(this.#process, 'exit')) as [number | null];
    return code;
  }

  #send(message: ParentMessage): void {
    this.#process.send(message);
  }
}
