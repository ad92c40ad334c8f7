/** `frontrow key create`: makes a key, shows it once, and writes or shows the entry that the server keeps of it. */
import { randomBytes } from 'node:crypto';
import type { Stats } from 'node:fs';
import { open, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { createKey, hashOfKey, parseKeys, parseKeysText } from '../core/keys.ts';
import type { KeyEntry, KeysFile } from '../core/keys.ts';
import { defineCommand, splitList } from './command.ts';
import { UsageError } from './exits.ts';

export const keyCreate = defineCommand({
  group: 'key',
  usage: 'create',
  describe: 'Make a key: shown once on stdout, and kept as a hash',
  positionals: {},
  options: {
    id: { type: 'string', demandOption: true, requiresArg: true, describe: 'Whose it is, such as shop' },
    role: {
      choices: ['reader', 'sales', 'admin'],
      demandOption: true,
      requiresArg: true,
      describe: 'reader reads all, sales sells, admin does everything',
    },
    events: {
      type: 'string',
      array: true,
      requiresArg: true,
      describe: 'Event ids it is for, * at the end for anything; all, unless given',
    },
    file: {
      type: 'string',
      requiresArg: true,
      describe: 'Keys file to add the entry to; made if it is not there',
    },
  },
  examples: [
    ['frontrow key create --id shop --role sales --file keys.json', 'then: kill -HUP the server'],
    ['frontrow key create --id door --role reader --events "gala*"', 'only shows the entry'],
  ],
  async run(args, session) {
    const key = createKey();
    const events = splitList(args.events);
    const entry: KeyEntry = {
      id: args.id,
      role: args.role,
      hash: hashOfKey(key),
      ...(events.length > 0 && { events }),
    };
    // Before anything is shown: a key that cannot be used is none.
    parseKeys({ keys: [entry] });
    const count = args.file === undefined ? 0 : await addEntry(args.file, entry);
    if (session.json) return session.printJson({ key, entry });
    await session.print(key);
    if (args.file === undefined) {
      session.note('', 'The entry for the keys file:', JSON.stringify(entry));
    } else {
      const others = count > 1 ? '; the older key of this id works on until you take its hash out' : '';
      session.note('', `Added to ${args.file}${others}. A running server reads it on SIGHUP.`);
    }
    session.note('This key is not shown again. Whoever has it may do what it may do.');
  },
});

/**
 * Adds to the list. The whole is checked before it takes the old one's place, in one step; owner and rights stay as they
 * were, so that the server can still read it.
 * @returns how many entries the id has now
 */
async function addEntry(path: string, entry: KeyEntry): Promise<number> {
  const old = await readEntries(path);
  const file: KeysFile = { keys: [...(old?.entries ?? []), entry] };
  parseKeys(file);
  const target = old?.path ?? path;
  const temporary = `${target}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const handle = await open(temporary, 'wx', 0o600);
    try {
      if (old !== null) {
        const { uid, gid } = await handle.stat();
        if (uid !== old.stats.uid || gid !== old.stats.gid) await handle.chown(old.stats.uid, old.stats.gid);
        await handle.chmod(old.stats.mode & 0o777);
      }
      await handle.writeFile(`${JSON.stringify(file, null, 2)}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw new UsageError(`--file ${path} cannot be written: ${(error as Error).message}`);
  }
  return file.keys.filter(({ id }) => id === entry.id).length;
}

interface OldFile {
  /** With links followed: what is replaced is the file, not the link. */
  readonly path: string;
  readonly stats: Stats;
  readonly entries: readonly KeyEntry[];
}

/** Null: there is none yet. */
async function readEntries(path: string): Promise<OldFile | null> {
  let text: string;
  let real: string;
  let stats: Stats;
  try {
    real = await realpath(path);
    stats = await stat(real);
    text = await readFile(real, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new UsageError(`--file ${path} cannot be read: ${(error as Error).message}`);
  }
  parseKeysText(text);
  // Checked by the line above.
  return { path: real, stats, entries: (JSON.parse(text.replace(/^\ufeff/, '')) as KeysFile).keys };
}
