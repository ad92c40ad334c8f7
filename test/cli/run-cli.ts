/** Runs a command line in this process, with streams that remember. */
import { PassThrough, Writable } from 'node:stream';
import type { Command } from '../../src/cli/command.ts';
import { CLIENT_COMMANDS } from '../../src/cli/commands.ts';
import { runProgram } from '../../src/cli/program.ts';

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Pretends that stdout is a terminal this wide. */
  readonly columns?: number;
  /** Pretends that stdin and stderr are a terminal, at which somebody types these lines and then waits. */
  readonly answers?: readonly string[];
  /** Pretends that stderr is a terminal. */
  readonly stderrIsTerminal?: boolean;
  readonly signal?: AbortSignal;
  readonly commands?: readonly Command[];
  /** Sees stdout as it grows: a test ends a watch when it has seen enough. */
  readonly onStdout?: (stdout: string) => void;
  readonly onStderr?: (stderr: string) => void;
}

class Memory extends Writable {
  text = '';
  readonly isTTY: boolean;
  readonly columns: number;
  readonly rows = 200;
  readonly #seen: ((text: string) => void) | undefined;

  constructor(isTTY: boolean, columns = 80, seen?: (text: string) => void) {
    super({ decodeStrings: false });
    this.isTTY = isTTY;
    this.columns = columns;
    this.#seen = seen;
  }

  override _write(chunk: unknown, _encoding: string, done: () => void): void {
    this.text += String(chunk);
    this.#seen?.(this.text);
    done();
  }
}

export async function runCli(argv: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const { answers, columns } = options;
  const stdout = new Memory(columns !== undefined, columns, options.onStdout);
  const talks = answers !== undefined;
  const stderr = new Memory(talks || options.stderrIsTerminal === true, columns, options.onStderr);
  const stdin = Object.assign(new PassThrough(), { isTTY: talks });
  if (talks) for (const line of answers) stdin.write(`${line}\n`);
  else stdin.end(options.stdin ?? '');
  const signal = options.signal ?? new AbortController().signal;
  const terminal = { stdin, stdout, stderr, env: options.env ?? {}, signal };
  const code = await runProgram(argv, options.commands ?? CLIENT_COMMANDS, '0.0.0', terminal);
  return { code, stdout: stdout.text, stderr: stderr.text };
}
