/**
 * What could come next on a command line: `frontrow __complete WORD…`, where the last word is the one being typed. Prints
 * `value<TAB>description` a line. Never fails, and never keeps a shell waiting: the server has 300 ms to name its events.
 *
 * Not yargs' own completion: that starts the whole command line for each key press, chooses the shell when the script is
 * made, and cannot ask the server without losing the options.
 */
import type { Options } from 'yargs';
import { FrontrowClient } from '../client/index.ts';
import type { Command } from './command.ts';
import { EVENT_STATES, HOLD_STATES, ORDER_STATES } from './states.ts';
import { cleanText } from './text-width.ts';

export const COMPLETE = '__complete';
/** Options whose value is a file: the shell completes them better. */
export const PATH_OPTIONS = ['key-file', 'config', 'output', 'data', 'keys'] as const;

const EVENTS_WITHIN_MS = 300;

interface Suggestion {
  readonly value: string;
  readonly text: string;
}

export interface CompletionWorld {
  readonly commands: readonly Command[];
  readonly groups: Readonly<Record<string, string>>;
  readonly globals: Readonly<Record<string, Options>>;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Lines to print for these words. */
export async function complete(words: readonly string[], world: CompletionWorld): Promise<string[]> {
  const current = words.at(-1) ?? '';
  const suggestions = await suggest(words.slice(0, -1), current, world);
  return suggestions
    .filter(({ value }) => value.startsWith(current))
    .map(({ value, text }) => (text === '' ? value : `${value}\t${cleanText(text)}`));
}

async function suggest(
  before: readonly string[],
  current: string,
  world: CompletionWorld,
): Promise<Suggestion[]> {
  const command = commandOf(before, world);
  const options: Record<string, Options> = { ...world.globals, ...command?.options };
  const last = before.at(-1);
  const pending = last?.startsWith('--') === true ? options[last.slice(2)] : undefined;
  if (pending !== undefined && pending.type !== 'boolean') {
    return last === '--event' ? eventIds(before, world) : valuesOf(last?.slice(2) ?? '', pending, command);
  }
  if (current.startsWith('-')) return optionNames(before, options);
  const plain = positionalsOf(before, options);
  if (command === null) return subcommands(plain, world);
  const given = plain.length - command.name.split(' ').length;
  const next = Object.keys(command.positionals)[given];
  const names = given === 0 && command.group === null ? subcommands(plain, world) : [];
  if (next === undefined) return [];
  const choices = (command.positionals[next]?.choices ?? []).map((choice) => ({
    value: String(choice),
    text: '',
  }));
  return [...names, ...choices, ...(next === 'event' ? await eventIds(before, world) : [])];
}

/** Words that are neither options nor their values. */
function positionalsOf(words: readonly string[], options: Readonly<Record<string, Options>>): string[] {
  return words.filter((word, index) => {
    if (word.startsWith('-') && word !== '-') return false;
    const before = words[index - 1];
    if (before === undefined || !before.startsWith('--') || before.includes('=')) return true;
    const option = options[before.slice(2)];
    return option === undefined || option.type === 'boolean';
  });
}

function commandOf(words: readonly string[], world: CompletionWorld): Command | null {
  const plain = positionalsOf(words, world.globals);
  const [first, second] = plain;
  const named = (name: string): Command | undefined =>
    world.commands.find((command) => command.name === name);
  return named(`${first} ${second}`) ?? named(first ?? '') ?? null;
}

/** Commands and groups at the start; a group's commands after its name. */
function subcommands(plain: readonly string[], world: CompletionWorld): Suggestion[] {
  const [group] = plain;
  if (group !== undefined) {
    const members = plain.length === 1 ? world.commands.filter((command) => command.group === group) : [];
    return members.map((command) => ({ value: command.name.split(' ')[1] ?? '', text: command.describe }));
  }
  const alone = world.commands.filter((command) => command.group === null);
  const groups = Object.entries(world.groups).filter(
    ([name]) => !alone.some((command) => command.name === name),
  );
  return [
    ...groups.map(([value, text]) => ({ value, text })),
    ...alone.map((command) => ({ value: command.name, text: command.describe })),
  ];
}

function optionNames(before: readonly string[], options: Readonly<Record<string, Options>>): Suggestion[] {
  const all: Record<string, Options> = { ...options, help: { describe: 'Show help' } };
  return Object.entries(all)
    .filter(([name, option]) => option.array === true || !before.includes(`--${name}`))
    .map(([name, option]) => ({ value: `--${name}`, text: option.describe ?? '' }));
}

function valuesOf(name: string, option: Options, command: Command | null): Suggestion[] {
  const states =
    command?.group === 'order' ? ORDER_STATES : command?.group === 'hold' ? HOLD_STATES : EVENT_STATES;
  const values = name === 'state' ? states : (option.choices ?? []);
  return values.map((value) => ({ value: String(value), text: '' }));
}

async function eventIds(words: readonly string[], world: CompletionWorld): Promise<Suggestion[]> {
  const { env } = world;
  const flag = words.indexOf('--url');
  const url =
    flag < 0 ? (env['FRONTROW_URL'] ?? String(world.globals['url']?.default)) : (words[flag + 1] ?? '');
  try {
    const client = new FrontrowClient({ url, key: env['FRONTROW_KEY'] || undefined, retry: false });
    const page = await client.events.list({ limit: 500, signal: AbortSignal.timeout(EVENTS_WITHIN_MS) });
    return page.data.map((event) => ({ value: event.id, text: event.name }));
  } catch {
    // Nobody there, or too slow: then there is nothing to suggest, and the shell goes on.
    return [];
  }
}
