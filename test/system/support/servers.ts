/** Servers for system tests: in this process, or as a process of their own that can be killed. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import { createServer, type FrontrowServer, type ServerOptions } from '../../../src/server.ts';
import { nodeCommand } from '../../support/node-command.ts';

const MAIN = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url));
const MIB = 1024 * 1024;

/** A server in this process, closed at the end of the test. */
/**
 * A directory that is removed when everything of the test has been torn down. tap removes one before that if it is made
 * before the first teardown() of its test: a server that still writes into it then makes the removal fail.
 */
export function testDirectory(t: Test): string {
  t.teardown(() => {});
  return t.testdir();
}

export async function startServer(t: Test, options: Partial<ServerOptions> = {}): Promise<FrontrowServer> {
  const server = await createServer({
    dataDirectory: options.dataDirectory ?? testDirectory(t),
    port: 0,
    workers: 2,
    arenaBytes: 128 * MIB,
    segmentBytes: 16 * MIB,
    ...options,
  });
  t.teardown(() => server.close());
  return server;
}

export interface ServeProcess {
  readonly url: string;
  readonly child: ChildProcess;
  /** What it has said on stderr so far. */
  log(): string;
  /** Sends the signal; resolves with code and signal once it is gone. */
  end(signal: 'SIGKILL' | 'SIGTERM'): Promise<readonly [code: number | null, signal: string | null]>;
}

export interface ProcessOptions {
  /** Shell to run first, see nodeCommand(). */
  readonly before?: string;
  /** The command line of another build than this. */
  readonly main?: string;
}

/** `frontrow serve` as a person starts it. Resolves when it listens. */
export async function startProcess(
  t: Test,
  directory: string,
  flags: readonly string[] = [],
  { before = '', main = MAIN }: ProcessOptions = {},
): Promise<ServeProcess> {
  const workers = flags.includes('--workers') ? [] : ['--workers', '2'];
  const port = flags.includes('--port') ? [] : ['--port', '0'];
  const serve = ['serve', ...port, '--data', directory, ...workers, ...flags];
  const child = spawn(...nodeCommand([main, ...serve], before), { stdio: ['ignore', 'ignore', 'pipe'] });
  t.teardown(() => child.kill('SIGKILL'));
  const exited = once(child, 'exit') as Promise<[number | null, string | null]>;
  let text = '';
  const url = await new Promise<string>((resolve, reject) => {
    child.stderr.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      const found = /listening on (http:\/\/\S+)/.exec(text)?.[1];
      if (found !== undefined) resolve(found);
    });
    child.once('exit', (code, signal) => reject(new Error(`serve ended with ${code ?? signal}: ${text}`)));
  });
  return {
    url,
    child,
    log: () => text,
    end: async (signal) => {
      child.kill(signal);
      return exited;
    },
  };
}

/** Runs the command line to its end. */
export async function runCli(
  argv: readonly string[],
): Promise<{ readonly code: number | null; readonly output: string }> {
  const child = spawn(...nodeCommand([MAIN, ...argv]), { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  }
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output };
}
