/**
 * What a command sees of the world: the server through the client, and the terminal through a few verbs.
 * Data goes to stdout and nothing else does; notes, hints and progress go to stderr.
 */
import { readFileSync } from 'node:fs';
import { FrontrowClient } from '../client/index.ts';
import { UsageError } from './exits.ts';
import { formatFields, formatTable } from './format.ts';
import type { Cell } from './format.ts';
import { painter } from './style.ts';
import type { Paint } from './style.ts';

/** The process's own streams, or a test's. */
export interface Terminal {
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly stdout: NodeJS.WritableStream & {
    readonly isTTY?: boolean;
    readonly columns?: number;
    readonly rows?: number;
  };
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean };
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted when the person at the terminal has had enough. */
  readonly signal: AbortSignal;
}

export interface SessionOptions {
  readonly url: string;
  readonly keyFile: string | undefined;
  readonly json: boolean;
  readonly quiet: boolean;
}

const PIPE_WIDTH = 80;
/** A person waits, and can do the same again: enough for a hiccup, and not for more. */
const RETRY = { attempts: 3, totalMs: 5000 };

export class Session {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly url: string;
  readonly terminal: Terminal;
  readonly #keyFile: string | undefined;

  constructor(options: SessionOptions, terminal: Terminal) {
    this.url = options.url;
    this.json = options.json;
    this.quiet = options.quiet;
    this.terminal = terminal;
    this.#keyFile = options.keyFile;
  }

  /** Its calls end when the person has had enough. Throws a UsageError when `--url` or `--key-file` is no good. */
  client(): FrontrowClient {
    return this.#client(this.terminal.signal);
  }

  /** The same, with calls that run to their end: for what must be put in order before the program may go. */
  lastingClient(): FrontrowClient {
    return this.#client(undefined);
  }

  #client(signal: AbortSignal | undefined): FrontrowClient {
    try {
      return new FrontrowClient({ url: this.url, key: this.key(), signal, retry: RETRY });
    } catch (error) {
      if (error instanceof TypeError) throw new UsageError(`--url ${this.url} is not an http or https URL`);
      throw error;
    }
  }

  /** The bearer key, or undefined. */
  key(): string | undefined {
    if (this.#keyFile === undefined) return this.terminal.env['FRONTROW_KEY'] || undefined;
    try {
      return readFileSync(this.#keyFile, 'utf8').trim();
    } catch (error) {
      throw new UsageError(`--key-file ${this.#keyFile} cannot be read: ${(error as Error).message}`);
    }
  }

  /** Columns to draw for. A pipe has none of its own: `COLUMNS`, else 80. */
  get width(): number {
    const { stdout, env } = this.terminal;
    if (stdout.isTTY === true && stdout.columns !== undefined && stdout.columns > 0) return stdout.columns;
    const columns = Number(env['COLUMNS']);
    return Number.isInteger(columns) && columns > 0 ? columns : PIPE_WIDTH;
  }

  /** No colour into a pipe, nor with NO_COLOR (https://no-color.org); FORCE_COLOR wins over the pipe. */
  get color(): boolean {
    const { stdout, env } = this.terminal;
    if (!this.allowsColor) return false;
    const forced = env['FORCE_COLOR'];
    if (forced !== undefined && forced !== '') return forced !== '0' && forced !== 'false';
    return stdout.isTTY === true;
  }

  /** Nobody forbids colour; whether the stream at hand shows it is for the caller to know. */
  get allowsColor(): boolean {
    const { env } = this.terminal;
    return (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
  }

  get paint(): Paint {
    return painter(this.color);
  }

  get isTerminal(): boolean {
    return this.terminal.stdout.isTTY === true;
  }

  /** Somebody can be asked: input and the place for questions are both a terminal. */
  get canAsk(): boolean {
    return this.terminal.stdin.isTTY === true && this.terminal.stderr.isTTY === true;
  }

  /** Lines of data. Resolves when the reader has room again, so that long output waits for a slow pipe. */
  async print(...lines: readonly string[]): Promise<void> {
    await this.write(lines.map((line) => `${line}\n`).join(''));
  }

  async printJson(value: unknown): Promise<void> {
    await this.write(`${JSON.stringify(value)}\n`);
  }

  async write(text: string): Promise<void> {
    const { stdout } = this.terminal;
    if (stdout.write(text)) return;
    await new Promise<void>((resolve) => stdout.once('drain', resolve));
  }

  /** For the person, not for a program: stderr, and not with `--quiet`. */
  note(...lines: readonly string[]): void {
    if (!this.quiet) this.tell(...lines);
  }

  /** Part of a conversation, or too important for `--quiet`: stderr. */
  tell(...lines: readonly string[]): void {
    for (const line of lines) this.terminal.stderr.write(`${line}\n`);
  }

  /** What to do next, after the data. A program that asked for JSON or ids knows. */
  next(...lines: readonly string[]): void {
    if (!this.json) this.note(...lines);
  }

  /** One thing, in the form that was asked for: JSON, its id alone, or labelled lines. */
  async show(value: unknown, id: string, human: () => readonly string[]): Promise<void> {
    if (this.json) await this.printJson(value);
    else await this.print(...(this.quiet ? [id] : human()));
  }

  fields(fields: readonly (readonly [label: string, value: Cell])[]): string[] {
    return formatFields(fields, this.paint);
  }

  /** Cut to the terminal; a pipe gets everything. */
  table(headers: readonly string[], rows: readonly (readonly Cell[])[]): string[] {
    return formatTable(headers, rows, {
      paint: this.paint,
      width: this.isTerminal ? this.width : Infinity,
    });
  }
}
