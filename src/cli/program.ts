/**
 * Puts the commands together under yargs and turns whatever happens into an exit code.
 * The one place that knows yargs' ways: everything it lets pass is checked before a command runs.
 */
import { readFileSync } from 'node:fs';
import type { Argv, Options } from 'yargs';
import { checkOptions, STDIN } from './command.ts';
import type { Command } from './command.ts';
import { complete, COMPLETE } from './complete.ts';
import { EXIT, exitCodeOf, UsageError } from './exits.ts';
import { describeFailure } from './failure.ts';
import { Session } from './session.ts';
import type { Terminal } from './session.ts';

const GLOBAL_OPTIONS = {
  url: { type: 'string', default: 'http://127.0.0.1:8080', requiresArg: true, describe: 'The server' },
  'key-file': { type: 'string', requiresArg: true, describe: 'File with the key; or FRONTROW_KEY' },
  json: { type: 'boolean', default: false, describe: 'JSON on stdout; a line each for lists' },
  quiet: { type: 'boolean', default: false, alias: 'q', describe: 'Ids only' },
} as const satisfies Record<string, Options>;

type GlobalName = keyof typeof GLOBAL_OPTIONS;

const BUILT_IN = ['help', 'h', 'version', 'config', 'q', '_', '$0'];

const GROUPS: Readonly<Record<string, string>> = {
  event: 'Define events, change them, put them on sale and off',
  hold: 'Look at holds',
  order: 'Book at once, look at orders, cancel and export them',
  key: 'Make keys for a server',
};

/** Runs one command line. Never rejects: failures are told on stderr and come back as the exit code. */
export async function runProgram(
  argv: readonly string[],
  commands: readonly Command[],
  version: string,
  terminal: Terminal,
): Promise<number> {
  if (argv[0] === COMPLETE) return printCompletions(argv.slice(1), commands, terminal);
  const typed = findCommand(argv, commands);
  const outcome = { code: EXIT.ok as number, args: {} as Record<string, unknown> };
  try {
    refuseKeyArgument(argv);
    refuseUnknownCommand(argv, commands, typed);
    const program = await buildProgram(argv, commands, version, terminal, outcome, typed);
    await program.parseAsync();
    return outcome.code;
  } catch (error) {
    const { signal } = terminal;
    if (signal.aborted && error === signal.reason) return EXIT.interrupted;
    const named = (name: string): string | null => {
      const value = outcome.args[name];
      return typeof value === 'string' ? value : null;
    };
    const ids = { event: named('event'), hold: named('hold'), order: named('order') };
    const context = { command: typed?.name ?? '', ...ids };
    for (const line of describeFailure(error, context)) terminal.stderr.write(`${line}\n`);
    return exitCodeOf(error);
  }
}

async function printCompletions(
  words: readonly string[],
  commands: readonly Command[],
  terminal: Terminal,
): Promise<number> {
  const world = { commands, groups: GROUPS, globals: GLOBAL_OPTIONS, env: terminal.env };
  for (const line of await complete(words, world)) terminal.stdout.write(`${line}\n`);
  return EXIT.ok;
}

async function buildProgram(
  argv: readonly string[],
  commands: readonly Command[],
  version: string,
  terminal: Terminal,
  outcome: { code: number; args: Record<string, unknown> },
  typed: Command | null,
): Promise<Argv> {
  // Loaded only now: completion is asked for with each key press, and does without.
  const { default: yargs } = await import('yargs');
  const wantsHelp = argv.some((word) => word === '--help' || word === '-h');
  const program = yargs(argv.map((word) => (word === '-' ? STDIN : word)))
    .scriptName('frontrow')
    .locale('en')
    .usage('$0 <command>\n\nReserve seats, durably, and never twice.')
    .version(version)
    .help()
    .alias('help', 'h')
    .options(GLOBAL_OPTIONS)
    .env('FRONTROW')
    .config('config', 'JSON file with options', (path) => readConfig(path, commands))
    .parserConfiguration({ 'dot-notation': false, 'greedy-arrays': false, 'parse-positional-numbers': false })
    .middleware((args) => dropForeignKeys(args, argv, commands), true)
    .strict()
    .demandCommand(1, 'a command is needed')
    .exitProcess(false)
    .showHelpOnFail(false)
    .fail((message, error) => {
      throw message ? usageError(message, typed) : error;
    })
    // The help is put together on every run, asked for or not; laying it out is what takes long.
    .wrap(wantsHelp ? Math.min(110, terminal.stdout.columns ?? 80) : null)
    .epilogue(
      'Options may also come from FRONTROW_* and from --config FILE. Exits: 0 done, 1 fault, 2 wrong use, ' +
        '3 refused, 4 outcome unknown, 5 unreachable.',
    );

  const register = (target: Argv, command: Command): void => {
    target.command(
      command.usage,
      command.describe,
      (builder) => {
        for (const [name, option] of Object.entries(command.positionals))
          builder.positional(name, positional(option));
        for (const [example, what] of command.examples) builder.example(example, what);
        if (command.notes !== null) builder.epilogue(command.notes);
        return builder
          .usage(
            `$0 ${command.group === null ? '' : `${command.group} `}${command.usage}\n\n${command.describe}`,
          )
          .options(command.options);
      },
      async (args) => {
        outcome.args = args;
        checkOptions(command, args);
        const session = new Session(sessionOptions(args), terminal);
        outcome.code = (await command.run(args, session)) ?? EXIT.ok;
      },
    );
  };
  // yargs formats the help of all it knows on every run, which takes longer than anything else: it is told of the
  // command that was typed, and of all only when none was.
  const told = typed === null ? commands : [typed];
  for (const command of told) if (command.group === null) register(program, command);
  for (const [group, describe] of Object.entries(GROUPS)) {
    const members = told.filter((command) => command.group === group);
    if (members.length === 0) continue;
    program.command(group, describe, (builder) => {
      for (const command of members) register(builder, command);
      return builder.demandCommand(1, `${group} needs one of: ${members.map(wordOf).join(', ')}`);
    });
  }
  return program;
}

function sessionOptions(args: Record<string, unknown>): ConstructorParameters<typeof Session>[0] {
  for (const name of Object.keys(GLOBAL_OPTIONS)) {
    if (Array.isArray(args[name])) throw new UsageError(`--${name} is given more than once`);
  }
  return {
    url: String(args['url']),
    keyFile: args['key-file'] as string | undefined,
    json: args['json'] === true,
    quiet: args['quiet'] === true,
  };
}

function positional(option: Options): Parameters<Argv['positional']>[1] {
  const { describe, type, array } = option;
  return {
    ...(describe === undefined ? {} : { describe }),
    type: type as 'string',
    ...(array ? { array } : {}),
  };
}

/** The command that the first words name, so that errors before parsing can point at its help. */
function findCommand(argv: readonly string[], commands: readonly Command[]): Command | null {
  const words = argv.filter((word, index) => !word.startsWith('-') && !isGlobalValue(argv[index - 1]));
  const [first = '', second = ''] = words;
  return (
    commands.find((command) => command.name === `${first} ${second}`) ??
    commands.find((command) => command.name === first) ??
    null
  );
}

/** Whether the word after this one is its value: `--url X seats`. */
function isGlobalValue(word: string | undefined): boolean {
  if (word === undefined || !word.startsWith('--')) return false;
  const name = word.slice(2);
  return (
    name === 'config' || (name in GLOBAL_OPTIONS && GLOBAL_OPTIONS[name as GlobalName].type !== 'boolean')
  );
}

/**
 * yargs treats every `FRONTROW_*` variable and every line of the config file as an option of the command at hand,
 * and strict mode then refuses `workers` for `seats`. Those that were not typed and are not its own are dropped.
 */
function dropForeignKeys(
  args: Record<string, unknown>,
  argv: readonly string[],
  commands: readonly Command[],
): void {
  const command = findCommand(argv, commands);
  const own = { ...GLOBAL_OPTIONS, ...command?.options, ...command?.positionals };
  const known = new Set([...BUILT_IN, ...Object.keys(own).flatMap((name) => [name, camelCase(name)])]);
  const words = argv.filter((word) => word.startsWith('--')).map((word) => word.slice(2).split('=')[0]);
  const typed = new Set(
    words.flatMap((word) => [word, word.replace(/^no-/, '')]).flatMap((w) => [w, camelCase(w)]),
  );
  for (const key of Object.keys(args)) {
    const isShortFlag = key.length === 1;
    if (!known.has(key) && !typed.has(key) && !isShortFlag) delete args[key];
  }
}

/** A config file may hold options of any command, but nothing that no command knows: that is a typing error. */
function readConfig(path: string, commands: readonly Command[]): Record<string, unknown> {
  let config: unknown;
  try {
    config = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new UsageError(`--config ${path} cannot be read: ${(error as Error).message}`);
  }
  if (typeof config !== 'object' || config === null || Array.isArray(config)) {
    throw new UsageError(`--config ${path} does not hold a JSON object`);
  }
  const names = [
    ...Object.keys(GLOBAL_OPTIONS),
    ...commands.flatMap((command) => Object.keys(command.options)),
  ];
  const known = new Set(names.flatMap((name) => [name, camelCase(name)]));
  for (const name of Object.keys(config)) {
    if (name === 'key') throw new UsageError(KEY_ARGUMENT);
    if (!known.has(name)) throw new UsageError(`--config ${path}: there is no option ${name}`);
  }
  return config as Record<string, unknown>;
}

const KEY_ARGUMENT = 'a key is never an argument: put it in FRONTROW_KEY or in a file for --key-file';

function refuseKeyArgument(argv: readonly string[]): void {
  if (argv.some((word) => word === '--key' || word.startsWith('--key='))) throw new UsageError(KEY_ARGUMENT);
}

function refuseUnknownCommand(
  argv: readonly string[],
  commands: readonly Command[],
  typed: Command | null,
): void {
  const [first, second] = argv;
  if (typed !== null || first === undefined || first.startsWith('-')) return;
  const group = first in GROUPS ? first : null;
  const word = group === null ? first : second;
  if (word === undefined || word.startsWith('-')) return;
  const names =
    group === null
      ? [...commands.filter((command) => command.group === null).map(wordOf), ...Object.keys(GROUPS)]
      : commands.filter((command) => command.group === group).map(wordOf);
  const near = nearest(word, names);
  const name = group === null ? word : `${group} ${word}`;
  const suggestion =
    near === null ? `there are: ${names.join(', ')}` : `did you mean ${group ?? ''} ${near}?`;
  throw new UsageError(`there is no command ${name}; ${suggestion.replace(/ {2}/, ' ')}`);
}

/** yargs' sentences, made to name what was typed and what was meant. */
function usageError(message: string, typed: Command | null): UsageError {
  if (typed !== null && message.startsWith('Not enough non-option arguments')) {
    const missing = typed.usage.split(' ').filter((word) => word.startsWith('<'));
    return new UsageError(`${typed.name} needs ${missing.join(' ')}`);
  }
  const unknown = /^Unknown arguments?: ([^,]+)/.exec(message)?.[1];
  if (unknown === undefined) return new UsageError(message.replace(/\s*\n\s*/g, ' '));
  const names = [...Object.keys(GLOBAL_OPTIONS), ...Object.keys(typed?.options ?? {})];
  const near = nearest(unknown, names);
  const suggestion = near === null ? '' : `; did you mean --${near}?`;
  return new UsageError(`${typed?.name ?? 'frontrow'} takes no ${unknown}${suggestion}`);
}

function wordOf(command: Command): string {
  return command.usage.split(' ')[0];
}

/** The name within two edits of `word`, or the one that it begins. */
function nearest(word: string, names: readonly string[]): string | null {
  let best: string | null = null;
  let bestDistance = 3;
  for (const name of names) {
    const distance = word.length > 1 && name.startsWith(word) ? 1 : editDistance(word, name);
    if (distance < bestDistance) [best, bestDistance] = [name, distance];
  }
  return best;
}

/** Levenshtein's distance. */
function editDistance(one: string, two: string): number {
  let row = Array.from({ length: two.length + 1 }, (_, index) => index);
  for (let i = 1; i <= one.length; i++) {
    const next = [i];
    for (let j = 1; j <= two.length; j++) {
      const replaced = row[j - 1] + (one[i - 1] === two[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j] + 1, next[j - 1] + 1));
    }
    row = next;
  }
  return row[two.length];
}

function camelCase(name: string): string {
  return name.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
