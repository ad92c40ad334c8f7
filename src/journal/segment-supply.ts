/**
 * Keeps spare segments ready: zero-filled and synced files under temporary names, which the journal thread
 * takes by renaming them.
 *
 * Thread: main (or any that turns its event loop); all calls are asynchronous. The journal thread never runs
 * its event loop, so nothing is said between the two but file names: `replenish()` counts what is there. Call
 * it at start and whenever the journal has moved on to a new segment. After a failure it tries again by itself:
 * with a full disk nothing rolls, so nothing else would ask once there is room.
 */
import { open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { assert } from '../core/assert.ts';
import { errorCode } from './disk.ts';
import { BLOCK_BYTES, PART_SUFFIX, SEGMENT_BYTES_DEFAULT, spareName, spareNumbers } from './layout.ts';

export interface SegmentSupplyOptions {
  readonly directory: string;
  /** As the journal's: a spare of another size is of no use and is deleted. */
  readonly segmentBytes?: number;
  /** Spares to keep ready. */
  readonly spareCount?: number;
  /** Told after each change, so that admission can count the credit: spares × segmentCapacity(). */
  readonly onReady?: (ready: number) => void;
  /** From a failure to the next try. */
  readonly retryMs?: number;
  /** A full disk (`code` ENOSPC, EDQUOT) or another failure; told at every try. */
  readonly onProblem?: (error: unknown) => void;
}

const SPARE_COUNT_DEFAULT = 2;
const RETRY_MS_DEFAULT = 2000;
/**
 * Written and synced at once. Not more: a sync of the journal that meets a large one waits for all of it, up to 47 ms for a
 * whole segment instead of 7.
 */
const FILL_BYTES = 1 << 20;
const ZEROS = new Uint8Array(FILL_BYTES);

export class SegmentSupply {
  readonly #directory: string;
  readonly #segmentBytes: number;
  readonly #spareCount: number;
  readonly #retryMs: number;
  readonly #onReady: (ready: number) => void;
  readonly #onProblem: (error: unknown) => void;
  #ready = 0;
  #nextNumber = 1;
  #running: Promise<void> | null = null;
  #isAskedAgain = false;
  #isClosed = false;
  #retry: NodeJS.Timeout | null = null;

  constructor(options: SegmentSupplyOptions) {
    this.#directory = options.directory;
    this.#segmentBytes = options.segmentBytes ?? SEGMENT_BYTES_DEFAULT;
    this.#spareCount = options.spareCount ?? SPARE_COUNT_DEFAULT;
    this.#retryMs = options.retryMs ?? RETRY_MS_DEFAULT;
    this.#onReady = options.onReady ?? ((): void => {});
    this.#onProblem = options.onProblem ?? ((): void => {});
    assert(this.#segmentBytes % BLOCK_BYTES === 0, 'a segment is whole blocks');
  }

  /** Spares that were there when last counted. The journal may have taken one since. */
  get ready(): number {
    return this.#ready;
  }

  /** Counts the spares and makes those that are missing. Settles when done or failed; never rejects. */
  replenish(): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#retry = null;
    if (this.#running !== null) {
      this.#isAskedAgain = true;
      return this.#running;
    }
    this.#running = this.#run().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  /** Ends after the write in progress and waits for it. Spares stay for the next start. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#retry !== null) clearTimeout(this.#retry);
    await this.#running;
  }

  async #run(): Promise<void> {
    try {
      do {
        this.#isAskedAgain = false;
        await this.#count();
        while (this.#ready < this.#spareCount && !this.#isClosed && !this.#isAskedAgain) {
          await this.#make();
          await this.#count();
        }
      } while (this.#isAskedAgain && !this.#isClosed);
    } catch (error) {
      this.#onProblem(error);
      this.#retryLater();
    }
  }

  #retryLater(): void {
    if (this.#isClosed) return;
    this.#retry = setTimeout(() => void this.replenish(), this.#retryMs);
    this.#retry.unref();
  }

  async #count(): Promise<void> {
    const numbers = spareNumbers(await readdir(this.#directory));
    let ready = 0;
    for (const number of numbers) {
      this.#nextNumber = Math.max(this.#nextNumber, number + 1);
      const path = join(this.#directory, spareName(number));
      const bytes = await sizeIfThere(path);
      if (bytes === this.#segmentBytes) ready++;
      else if (bytes !== null) await rm(path, { force: true });
    }
    if (ready === this.#ready) return;
    this.#ready = ready;
    this.#onReady(ready);
  }

  /** The name without `.part` promises a file that is whole on disk, so it comes last. */
  async #make(): Promise<void> {
    const path = join(this.#directory, spareName(this.#nextNumber++));
    const part = `${path}${PART_SUFFIX}`;
    try {
      const file = await open(part, 'w', 0o600);
      try {
        for (let at = 0; at < this.#segmentBytes && !this.#isClosed;) {
          const bytes = Math.min(FILL_BYTES, this.#segmentBytes - at);
          at += (await file.write(ZEROS, 0, bytes, at)).bytesWritten;
          await file.datasync();
        }
        await file.sync();
      } finally {
        await file.close();
      }
      if (this.#isClosed) {
        await rm(part, { force: true });
        return;
      }
      await rename(part, path);
      await this.#syncDirectory();
    } catch (error) {
      await rm(part, { force: true });
      throw error;
    }
  }

  async #syncDirectory(): Promise<void> {
    const directory = await open(this.#directory, 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  }
}

async function sizeIfThere(path: string): Promise<number | null> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null;
    throw error;
  }
}
