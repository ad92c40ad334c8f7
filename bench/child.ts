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

/** What a child sends to its parent. An answer is a Usage, or what its entry has to say; see child-side.ts. */
export type ChildMessage =
  | { readonly kind: 'ready'; readonly url: string }
  | { readonly kind: 'answer'; readonly answer: unknown }
  | { readonly kind: 'failed'; readonly message: string };

export type ParentMessage =
  | { readonly kind: 'usage' }
  | { readonly kind: 'ask'; readonly question: string }
  | { readonly kind: 'stop' };

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
    const message = await nextMessage(process, entry.pathname);
    if (message.kind !== 'ready') throw new Error(`${entry.pathname} did not start`);
    return new Child(process, message.url);
  }

  get pid(): number {
    return this.#process.pid!;
  }

  async usage(): Promise<Usage> {
    return (await this.#question({ kind: 'usage' })) as Usage;
  }

  /** Asks what only its entry can answer. One question at a time. */
  ask(question: string): Promise<unknown> {
    return this.#question({ kind: 'ask', question });
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

  async #question(question: ParentMessage): Promise<unknown> {
    const answer = nextMessage(this.#process, this.url);
    this.#send(question);
    const message = await answer;
    if (message.kind === 'answer') return message.answer;
    throw new Error(message.kind === 'failed' ? message.message : `${this.url} started twice`);
  }

  #send(message: ParentMessage): void {
    this.#process.send(message);
  }
}

/** Rejects when the child ends first: else whoever asked would wait for ever. */
function nextMessage(child: ChildProcess, name: string): Promise<ChildMessage> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null): void => reject(new Error(`${name} ended with code ${code}`));
    child.once('exit', ended);
    child.once('error', reject);
    child.once('message', (message: ChildMessage) => {
      child.off('exit', ended).off('error', reject);
      resolve(message);
    });
  });
}
