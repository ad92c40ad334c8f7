/**
 * What a command is: its usage line, options and what it does. `program.ts` hands it to yargs.
 *
 * yargs takes `FRONTROW_*` and a config file as if they were typed; this file's `checkOptions` is what stands
 * between its leniency (a number that is NaN, an option given twice) and a command.
 */
import type { InferredOptionTypes, Options } from 'yargs';
import { UsageError } from './exits.ts';
import type { Session } from './session.ts';

type OptionTable = Readonly<Record<string, Options>>;

export interface CommandSpec<P extends OptionTable, O extends OptionTable> {
  /** As yargs wants it, without groups' names: `show <event>`. */
  readonly usage: string;
  /** The group it belongs to, such as `event`. */
  readonly group?: string;
  readonly describe: string;
  readonly positionals: P;
  readonly options: O;
  readonly examples?: readonly (readonly [command: string, what: string])[];
  /** Said under the options in `--help`: what someone has to know who relies on the command. */
  readonly notes?: string;
  /** Resolves with the exit code, or with nothing for 0. Rejects with what `exits.ts` knows. */
  run(args: InferredOptionTypes<P & O>, session: Session): Promise<number | void>;
}

export interface Command {
  readonly usage: string;
  readonly group: string | null;
  readonly describe: string;
  /** `event create`: what is typed to get it. */
  readonly name: string;
  readonly positionals: Record<string, Options>;
  readonly options: Record<string, Options>;
  readonly examples: readonly (readonly [command: string, what: string])[];
  readonly notes: string | null;
  run(args: Record<string, unknown>, session: Session): Promise<number | void>;
}

/** Forgets the types of a command's options, once they have typed its `run`. */
export function defineCommand<const P extends OptionTable, const O extends OptionTable>(
  spec: CommandSpec<P, O>,
): Command {
  const word = spec.usage.split(' ')[0];
  return {
    usage: spec.usage,
    group: spec.group ?? null,
    describe: spec.describe,
    name: spec.group === undefined ? word : `${spec.group} ${word}`,
    positionals: { ...spec.positionals },
    options: { ...spec.options },
    examples: spec.examples ?? [],
    notes: spec.notes ?? null,
    // yargs parsed the arguments by these very tables; checkOptions has run on them.
    run: (args, session) => spec.run(args as InferredOptionTypes<P & O>, session),
  };
}

/** Throws a UsageError where yargs let something through that no command means. */
export function checkOptions(command: Command, args: Readonly<Record<string, unknown>>): void {
  for (const [name, option] of Object.entries({ ...command.positionals, ...command.options })) {
    const value = args[name];
    const label = name in command.positionals ? name.toUpperCase() : `--${name}`;
    if (value === undefined) continue;
    if (Array.isArray(value) && option.array !== true)
      throw new UsageError(`${label} is given more than once`);
    if (option.type === 'number' && !Number.isFinite(value)) throw new UsageError(`${label} takes a number`);
    const empty = Array.isArray(value) ? value.includes('') : value === '';
    if (option.type === 'string' && empty) throw new UsageError(`${label} is empty`);
  }
}

/** Throws a UsageError unless `value` is a whole number from `min` to `max`, or was not given. */
export function checkRange(name: string, value: number | undefined, min: number, max: number): void {
  if (value === undefined || (Number.isInteger(value) && value >= min && value <= max)) return;
  throw new UsageError(`--${name} takes a whole number from ${min} to ${max}, not ${value}`);
}

/** `a,b` and repeated options alike. */
export function splitList(values: readonly string[] | undefined): string[] {
  const items = (values ?? []).flatMap((value) => value.split(','));
  return items.map((item) => item.trim()).filter((item) => item !== '');
}

/** What stands for `-` among the arguments: yargs takes a lone hyphen before a positional for nothing. */
export const STDIN = '<stdin>';

/** Options that several commands share. */
export const IDEMPOTENCY_KEY = {
  type: 'string',
  requiresArg: true,
  describe: 'Repeat a call whose answer was lost, without doing it twice',
} as const satisfies Options;

export const EVENT = {
  type: 'string',
  demandOption: true,
  describe: "The event's id",
} as const satisfies Options;

export const HOLD = {
  type: 'string',
  demandOption: true,
  describe: "The hold's id",
} as const satisfies Options;

export const ORDER = {
  type: 'string',
  demandOption: true,
  describe: "The order's id",
} as const satisfies Options;
