/**
 * Starts segments: takes a spare, writes its header, gives it its name. Without a supply of spares it fills a file here
 * and now.
 *
 * Thread: the journal thread. Invariant: a file has a segment's name only when its header is durable.
 */
import {
  isDiskFull,
  isOutOfDescriptors,
  openToWriteIfThere,
  ShortWriteError,
  unlinkIfThere,
  writeWhole,
  writeZeros,
} from './disk.ts';
import type { Disk, DiskFile } from './disk.ts';
import { EventIndex } from './footer.ts';
import { BLOCK_BYTES, FORMAT_VERSION, segmentName, SPARE_NOW, spareName, spareNumbers } from './layout.ts';
import type { SegmentShape } from './layout.ts';
import { encodeSegmentHeader } from './segment-header.ts';
import type { SegmentHeader } from './segment-header.ts';

/** The segment being written; the next group goes to `offset`. */
export interface ActiveSegment {
  readonly file: DiskFile;
  readonly header: SegmentHeader;
  readonly index: EventIndex;
  offset: number;
}

/** What the journal knows about the segment to start. */
export type SegmentStart = Pick<
  SegmentHeader,
  'number' | 'firstPosition' | 'previousCrc' | 'epoch' | 'incarnation'
>;

/** There is no spare, or no room for another file. Nothing has been given a segment's name, so it may be tried again. */
export class NoRoomError extends Error {
  override readonly name = 'NoRoomError';
}

/** A new file that takes less than it is given is a full disk, as a failed write to it may be. Descriptors may lack, too. */
function orNoRoom<T>(act: () => T): T {
  try {
    return act();
  } catch (error) {
    const isFull = isDiskFull(error) || error instanceof ShortWriteError;
    if (!isFull && !isOutOfDescriptors(error)) throw error;
    throw new NoRoomError('there is no room for another segment', { cause: error });
  }
}

interface NamedFile {
  readonly name: string;
  readonly file: DiskFile;
}

export class SegmentMaker {
  readonly #disk: Disk;
  readonly #shape: SegmentShape;
  readonly #random: (bytes: number) => Uint8Array;

  constructor(disk: Disk, shape: SegmentShape, random: (bytes: number) => Uint8Array) {
    this.#disk = disk;
    this.#shape = shape;
    this.#random = random;
  }

  /**
   * Throws NoRoomError when nothing has changed; any other failure is final for the journal.
   * @param mayFill whether a file is made when there is no spare
   */
  start(from: SegmentStart, mayFill: boolean): ActiveSegment {
    const { name, file } = orNoRoom(() => this.#openSpare()) ?? this.#fillOne(mayFill);
    try {
      const salts = new Int32Array(Uint8Array.from(this.#random(8)).buffer);
      const header: SegmentHeader = {
        format: FORMAT_VERSION,
        ...from,
        ...this.#shape,
        salt0: salts[0],
        salt1: salts[1],
      };
      orNoRoom(() => {
        writeWhole(file, [encodeSegmentHeader(header)], 0);
        file.sync();
      });
      // A directory may have no room for one more name: then the spare keeps its own. Source: rename(2), ENOSPC.
      orNoRoom(() => this.#disk.rename(name, segmentName(from.number)));
      // From here on a failure is final, whatever it is called: the name may or may not be there after a
      // crash.
      this.#disk.syncDirectory();
      return { file, header, index: new EventIndex(this.#shape.eventsMax), offset: BLOCK_BYTES };
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** The next ready spare of the right size; null when there is none. */
  #openSpare(): NamedFile | null {
    for (const number of spareNumbers(this.#disk.list())) {
      const name = spareName(number);
      // The supply deletes spares of another size, perhaps just now.
      const file = openToWriteIfThere(this.#disk, name);
      if (file === null) continue;
      if (file.size() === this.#shape.segmentBytes) return { name, file };
      file.close();
    }
    return null;
  }

  #fillOne(mayFill: boolean): NamedFile {
    if (!mayFill) throw new NoRoomError('there is no spare segment');
    unlinkIfThere(this.#disk, SPARE_NOW);
    const file = orNoRoom(() => this.#disk.open(SPARE_NOW, 'create'));
    try {
      orNoRoom(() => {
        writeZeros(file, 0, this.#shape.segmentBytes);
        file.sync();
      });
      return { name: SPARE_NOW, file };
    } catch (error) {
      file.close();
      unlinkIfThere(this.#disk, SPARE_NOW);
      throw error;
    }
  }
}
