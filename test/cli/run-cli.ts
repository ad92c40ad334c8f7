/** Runs a command line in this process, with streams that remember. */
import { PassThrough, Writable } from 'node:stream';
import { bench } from '../../src/cli/bench.ts';
import { confirm } from '../../src/cli/confirm.ts';
import { eventCreate } from '../../src/cli/event-create.ts';
import { eventList } from '../../src/cli/event-list.ts';
import { eventShow } from '../../src/cli/event-show.ts';
import { history } from '../../src/cli/history.ts';
import { hold } from '../../src/cli/hold.ts';
import { orderCancel } from '../../src/cli/order-cancel.ts';
import { orderShow } from '../../src/cli/order-show.ts';
import { runProgram } from '../../src/cli/program.ts';
import { release } from '../../src/cli/release.ts';
import { seat } from '../../src/cli/seat.ts';
import { seats } from '../../src/cli/seats.ts';
import type { Command } from '../../src/cli/command.ts';

const COMMANDS = [
  eventCreate,
  eventList,
  eventShow,
  seats,
  seat,
  history,
  hold,
  confirm,
  release,
  orderShow,
  orderCancel,
  bench,
];

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
  readonly signal?: AbortSignal;
  readonly commands?: readonly Command[];
  /** Sees stdout as it grows: a test ends a watch when it has seen enough. */
  readonly onStdout?: (stdout: string) => void;
}

class Memory extends Writable {
  text = '';
  readonly isTTY: boolean;
  readonly columns: number;
  readonly rows = 200;
  readonly #seen: ((text: string) => void) | undefined;

  constructor(columns: number | undefined, seen?: (text: string) => void) {
    super({ decodeStrings: false });
    this.isTTY = columns !== undefined;
    this.columns = columns ?? 80;
    this.#seen = seen;
  }

  override _write(chunk: unknown, _encoding: string, done: () => void): void {
    this.text += String(chunk);
    this.#seen?.(this.text);
    done();
  }
}

export async function runCli(argv: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const stdout = new Memory(options.columns, options.onStdout);
  const stderr = new Memory(undefined);
  const stdin = new PassThrough();
  stdin.end(options.stdin ?? '');
  const signal = options.signal ?? new AbortController().signal;
  const terminal = { stdin, stdout, stderr, env: options.env ?? {}, signal };
  const code = await runProgram(argv, options.commands ?? COMMANDS, '0.0.0', terminal);
  return { code, stdout: stdout.text, stderr: stderr.text };
}
