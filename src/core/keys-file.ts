/** Reads the keys file from disk, and looks at who else may. Main thread; at the start and on SIGHUP. */
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { FrontrowError } from './assert.ts';
import { KEYS_FILE_BYTES_MAX, parseKeysText } from './keys.ts';
import type { Key } from './keys.ts';

export interface ReadKeys {
  readonly keys: readonly Key[];
  /** What is unwise about the file; empty if nothing. */
  readonly warnings: readonly string[];
}

const OTHERS_MAY_READ = 0o044;
const OTHERS_MAY_WRITE = 0o022;

/** @throws FrontrowError `bad-option` that names the file, and what is wrong with it or with the way to it */
export async function readKeysFile(path: string): Promise<ReadKeys> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (cause) {
    throw new FrontrowError('bad-option', `the keys file ${path} cannot be read: ${messageOf(cause)}`, {
      cause,
    });
  }
  try {
    const stats = await file.stat();
    // Anything else may have no end, or keep its reader waiting.
    if (!stats.isFile()) throw new FrontrowError('bad-option', `the keys file ${path} is not a file`);
    if (stats.size > KEYS_FILE_BYTES_MAX) {
      throw new FrontrowError(
        'bad-option',
        `the keys file ${path} is longer than ${KEYS_FILE_BYTES_MAX} bytes`,
      );
    }
    const text = await file.readFile('utf8');
    return { keys: parse(path, text), warnings: warningsOf(path, stats.mode) };
  } finally {
    await file.close();
  }
}

function parse(path: string, text: string): readonly Key[] {
  try {
    return parseKeysText(text);
  } catch (cause) {
    throw new FrontrowError('bad-option', `${path}: ${messageOf(cause)}`, { cause });
  }
}

function warningsOf(path: string, mode: number): string[] {
  // Windows shows what it makes up.
  if (process.platform === 'win32') return [];
  const bits = (mode & 0o777).toString(8).padStart(3, '0');
  if ((mode & OTHERS_MAY_WRITE) !== 0) {
    return [
      `others than its owner may write the keys file ${path} (mode ${bits}), and so make themselves admin`,
    ];
  }
  if ((mode & OTHERS_MAY_READ) !== 0) {
    return [
      `others than its owner may read the keys file ${path} (mode ${bits}); chmod 600 is enough for the server`,
    ];
  }
  return [];
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
