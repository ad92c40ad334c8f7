/** `frontrow config`: what `serve` would run with, and where each of its options comes from. */
import { readFileSync } from 'node:fs';
import type { Options } from 'yargs';
import { DEFAULT_LIMITS, HISTORY_BYTES_DEFAULT, SNAPSHOT_SEGMENTS_DEFAULT } from '../core/limits.ts';
import { defineCommand } from './command.ts';
import { EXIT } from './exits.ts';
import { checkServeArgs, LIMIT_OPTIONS, SERVE_OPTIONS } from './serve-options.ts';
import type { ServeArgs } from './serve-options.ts';
import type { Session } from './session.ts';

const MIB = 1024 * 1024;

type Source = 'default' | 'command line' | 'environment' | 'config file';

interface Setting {
  readonly value: unknown;
  readonly source: Source;
  /** The variable, or the file. */
  readonly from?: string;
}

/** No defaults: what is not given must stay so, to tell the two apart. */
const OPTIONS: Readonly<Record<string, Options>> = Object.fromEntries(
  Object.entries<Options>(SERVE_OPTIONS).map(([name, option]) => [name, { ...option, default: undefined }]),
);

export const config = defineCommand({
  usage: 'config',
  describe: 'Show what serve would run with, and where that comes from',
  positionals: {},
  options: OPTIONS,
  examples: [['FRONTROW_PORT=9000 frontrow config --config frontrow.json', 'all that counts, put together']],
  async run(args, session) {
    const given = args as Record<string, unknown>;
    const settings = new Map<string, Setting>();
    for (const name of Object.keys(SERVE_OPTIONS)) settings.set(name, settingOf(name, given, session));
    // What serve would refuse is refused here: exit 2, and the same words.
    checkServeArgs(serveArgs(settings));
    const key = session.key();
    if (session.json) return session.printJson(toJson(settings, key !== undefined));
    if (session.quiet) return session.print(...[...settings].map(quietLine));
    const rows = [...settings].map(([name, { value, source, from }]) => [
      name,
      valueText(value),
      source === 'default' ? 'default' : [source, from].filter(Boolean).join(' '),
    ]);
    if (key !== undefined) rows.push(['key', '(hidden)', 'given to this command, not to the server']);
    await session.print(...session.table(['option', 'value', 'from'], rows));
    return EXIT.ok;
  },
});

function settingOf(name: string, given: Readonly<Record<string, unknown>>, session: Session): Setting {
  const value = given[name];
  if (value === undefined)
    return { value: defaultOf(name, session.terminal.stderr.isTTY === true), source: 'default' };
  // yargs tells what has won, not who: the command line before the environment before the file.
  const variable = `FRONTROW_${name.toUpperCase().replaceAll('-', '_')}`;
  const path = given['config'];
  const file = typeof path === 'string' ? fileOptions(path) : {};
  const inFile = file[name] ?? file[camelCase(name)];
  if (same(session.terminal.env[variable], value)) return { value, source: 'environment', from: variable };
  if (typeof path === 'string' && same(inFile, value)) return { value, source: 'config file', from: path };
  return { value, source: 'command line' };
}

/** Of options without one the server knows what it does; what is worked out from this machine is told as it is here. */
function defaultOf(name: string, isTerminal: boolean): unknown {
  const option: Options = SERVE_OPTIONS[name as keyof typeof SERVE_OPTIONS];
  if (option.default !== undefined) return option.default;
  if (name === 'log-pretty') return isTerminal;
  if (name === 'snapshot-segments') return SNAPSHOT_SEGMENTS_DEFAULT;
  if (name === 'history-mib') return HISTORY_BYTES_DEFAULT / MIB;
  const limit = LIMIT_OPTIONS.find(([candidate]) => candidate === name);
  return limit === undefined ? null : DEFAULT_LIMITS[limit[1]] / limit[2];
}

function serveArgs(settings: ReadonlyMap<string, Setting>): ServeArgs {
  const args = [...settings].map(([name, { value }]) => [name, value ?? undefined]);
  return Object.fromEntries(args) as ServeArgs;
}

/** program.ts has read and checked the file before; it is small. */
function fileOptions(path: string): Record<string, unknown> {
  return JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
}

function same(text: unknown, value: unknown): boolean {
  if (text === undefined) return false;
  const list = (one: unknown): string => (Array.isArray(one) ? one.join(',') : String(one));
  return list(text) === list(value);
}

/** The key is the caller's, not the server's: that there is one is told, and nothing more. */
function toJson(settings: ReadonlyMap<string, Setting>, hasKey: boolean): Record<string, unknown> {
  return { ...Object.fromEntries(settings), ...(hasKey && { key: { value: '(hidden)' } }) };
}

function quietLine([name, { value }]: readonly [string, Setting]): string {
  return `${name}=${valueText(value)}`;
}

function valueText(value: unknown): string {
  if (value === null || value === undefined) return 'none';
  return Array.isArray(value) ? value.join(',') : `${value as string | number | boolean}`;
}

function camelCase(name: string): string {
  return name.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
