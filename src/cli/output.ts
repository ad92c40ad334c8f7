/**
 * Where long data goes: stdout, or a file that appears only when it is whole. Written under a temporary name beside it,
 * synced, then renamed, so that nobody ever reads half of it, and what was there before stays until then.
 */
import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { UsageError } from './exits.ts';
import type { Session } from './session.ts';

export interface Output {
  write(text: string): Promise<void>;
  /** After the last write: the file is there. */
  finish(): Promise<void>;
  /** Instead of `finish`: nothing is left of it. */
  discard(): Promise<void>;
}

/** Throws a UsageError when the file cannot be made. */
export async function openOutput(path: string | undefined, session: Session): Promise<Output> {
  if (path === undefined) {
    const nothing = (): Promise<void> => Promise.resolve();
    return { write: (text) => session.write(text), finish: nothing, discard: nothing };
  }
  const temporary = join(dirname(path), `.${basename(path)}.${crypto.randomUUID().slice(0, 8)}.part`);
  const file = await open(temporary, 'wx', 0o600).catch((error: unknown) => {
    throw new UsageError(`--output ${path} cannot be written: ${(error as Error).message}`);
  });
  return {
    async write(text) {
      await file.writeFile(text);
    },
    async finish() {
      await file.sync();
      await file.close();
      await rename(temporary, path);
    },
    async discard() {
      await file.close();
      await rm(temporary, { force: true });
    },
  };
}
