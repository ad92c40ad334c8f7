/**
 * Where the keys come from, and how new ones take the place of the old. Main thread. Reloads run one after the other, so
 * that what was asked for last is what stays; keys that are no good change nothing.
 */
import { FrontrowError } from '../core/assert.ts';
import { readKeysFile } from '../core/keys-file.ts';
import { parseKeys } from '../core/keys.ts';
import type { Key, KeysFile } from '../core/keys.ts';
import { KeyRing } from './key-ring.ts';

/** The path of a keys file, or what one holds. */
export type KeySourceLike = string | KeysFile;

/** The part of a pino logger that is used here. */
interface KeyLogger {
  info(fields: object, message: string): void;
  warn(message: string): void;
  error(fields: object, message: string): void;
}

export class KeySource {
  #source: KeySourceLike | undefined;
  readonly #logger: KeyLogger | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(source: KeySourceLike | undefined, logger: KeyLogger | undefined) {
    this.#source = source;
    this.#logger = logger;
  }

  /**
   * Null: there are no keys, and every caller is admin.
   * @throws FrontrowError `bad-option`
   */
  async load(): Promise<KeyRing | null> {
    return this.#source === undefined ? null : new KeyRing(await this.#read(this.#source));
  }

  /**
   * Reads the file anew, or takes what is given, and hands it to `use`.
   * @returns how many ids there are
   * @throws FrontrowError `bad-option`, once it is logged
   */
  reload(use: (ring: KeyRing) => void, source: KeySourceLike | undefined): Promise<number> {
    const reloaded = this.#last.then(() => this.#reload(use, source ?? this.#source));
    this.#last = reloaded.catch(() => undefined);
    return reloaded;
  }

  async #reload(use: (ring: KeyRing) => void, source: KeySourceLike | undefined): Promise<number> {
    try {
      if (source === undefined) throw new FrontrowError('bad-option', 'there are no keys to reload');
      const keys = await this.#read(source);
      use(new KeyRing(keys));
      this.#source = source;
      this.#logger?.info({ keys: keys.length }, 'keys reloaded');
      return keys.length;
    } catch (error) {
      this.#logger?.error({ err: error }, 'the new keys are no good; what was stays');
      throw error;
    }
  }

  async #read(source: KeySourceLike): Promise<readonly Key[]> {
    if (typeof source !== 'string') return parseKeys(source);
    const { keys, warnings } = await readKeysFile(source);
    for (const warning of warnings) this.#logger?.warn(warning);
    return keys;
  }
}
