/**
 * Keeps spare segments ready: zero-filled and synced files under temporary names, which the journal thread
 * takes by renaming them.
 *
 * Thread: main (or any that turns its event loop); all calls are asynchronous. The journal thread never runs
 * its event loop, so nothing is said between the two but file names, and how many of them it has taken: `replenish()`
 * counts what is there. Call it at start and whenever the journal has moved on to a new segment or waits for one. After
 * a failure it tries again by itself: with a full disk nothing rolls, so nothing else would ask once there is room.
 *
 * Invariant: `ready` is never more than the spares that are there, as long as nobody else deletes them: admission
 * rests on it.
 */
import { open, readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { assert } from '../core/assert.ts';
import { errorCode, freeBytes, ShortWriteError } from './disk.ts';
import {
  BLOCK_BYTES,
  isSparePart,
  PART_SUFFIX,
  SEGMENT_BYTES_DEFAULT,
  SPARE_COUNT_DEFAULT,
  spareName,
  spareNumbers,
} from './layout.ts';

export interface SegmentSupplyOptions {
  readonly directory: string;
  /** As the journal's: a spare of another size is of no use and is deleted. */
  readonly segmentBytes?: number;
  /** Spares to keep ready. */
  readonly spareCount?: number;
  /** How many spares the journal has taken so far. Asked whenever `ready` is, so that a roll lowers that at once. */
  readonly taken?: () => number;
  /** Told when a count gives another number than before. */
  readonly onReady?: (ready: number) => void;
  /** From a failure to the next try. */
  readonly retryMs?: number;
  /** A full disk (`code` ENOSPC, EDQUOT) or another failure; told at every try. */
  readonly onProblem?: (error: unknown) => void;
}

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
  readonly #taken: () => number;
  readonly #onReady: (ready: number) => void;
  readonly #onProblem: (error: unknown) => void;
  #counted = 0;
  #takenAtCount = 0;
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
    this.#taken = options.taken ?? ((): number => 0);
    this.#onReady = options.onReady ?? ((): void => {});
    this.#onProblem = options.onProblem ?? ((): void => {});
    assert(this.#segmentBytes % BLOCK_BYTES === 0, 'a segment is whole blocks');
  }

  /** Spares that were there when last counted, less those that the journal has taken since. */
  get ready(): number {
    return Math.max(0, this.#counted - (this.#taken() - this.#takenAtCount));
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
        while (this.ready < this.#spareCount && !this.#isClosed && !this.#isAskedAgain) {
          await this.#make();
          await this.#count();
        }
      } while (this.#isAskedAgain && !this.#isClosed);
    } catch (error) {
      await this.#count().catch(() => this.#setReady(0, this.#taken()));
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
    // Read before the listing: a spare that is taken meanwhile may be missed twice, until the next count; it is never
    // counted once too often.
    const taken = this.#taken();
    const numbers = spareNumbers(await readdir(this.#directory));
    let ready = 0;
    for (const number of numbers) {
      this.#nextNumber = Math.max(this.#nextNumber, number + 1);
      const path = join(this.#directory, spareName(number));
      const bytes = await sizeIfThere(path);
      if (bytes === this.#segmentBytes) ready++;
      else if (bytes !== null) await rm(path, { force: true });
    }
    this.#setReady(ready, taken);
  }

  #setReady(counted: number, taken: number): void {
    const before = this.ready;
    this.#counted = counted;
    this.#takenAtCount = taken;
    if (this.ready !== before) this.#onReady(this.ready);
  }

  /** The name without `.part` promises a file that is whole on disk, so it comes last. */
  async #make(): Promise<void> {
    await this.#clear();
    const path = join(this.#directory, spareName(this.#nextNumber++));
    const part = `${path}${PART_SUFFIX}`;
    try {
      const file = await open(part, 'w', 0o600);
      try {
        await this.#fill(file);
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
      // If this fails too, the next attempt clears it away; the original error is reported.
      await rm(part, { force: true }).catch(() => {});
      throw error;
    }
  }

  /** Removes what a killed process has left, and refuses to fill the disk up for a spare that does not fit. */
  async #clear(): Promise<void> {
    for (const name of await readdir(this.#directory)) {
      if (isSparePart(name)) await rm(join(this.#directory, name), { force: true });
    }
    const free = freeBytes(await statfs(this.#directory));
    if (free >= this.#segmentBytes) return;
    const message = `a segment takes ${this.#segmentBytes} bytes, and the disk has ${free}`;
    throw Object.assign(new Error(message), { code: 'ENOSPC' });
  }

  async #fill(file: FileHandle): Promise<void> {
    for (let at = 0; at < this.#segmentBytes && !this.#isClosed;) {
      const bytes = Math.min(FILL_BYTES, this.#segmentBytes - at);
      const { bytesWritten } = await file.write(ZEROS, 0, bytes, at);
      if (bytesWritten === 0) throw new ShortWriteError(`a spare: nothing was written at offset ${at}`);
      at += bytesWritten;
      await file.datasync();
    }
    await file.sync();
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
