/**
 * A disk in memory that behaves as badly as a real one may, by seed.
 *
 * Every file has two contents: `cached`, what reads see, and `durable`, what a power cut leaves. A write
 * changes the cache and marks 512-byte sectors; sync() copies them. crash() keeps what was synced and, of
 * every other sector, the old or the new content; of directory changes since the last syncDirectory() it
 * keeps the first few (a journaling file system writes them in order). Sectors are whole or not at all.
 *
 * A fault comes at the n-th operation that changes something:
 *   crash        the operation is done in part, then everything throws until crash() is called
 *   write-error  EIO after some of the bytes
 *   short-write  fewer bytes than given, and no error
 *   sync-error   EIO; the kernel has dropped the dirty marks, so that a second sync lies (fsync(2), "Errors")
 *   no-space     ENOSPC for a new file, a longer one or a new name; changes nothing; lasts until it is disarmed
 *
 * A disk of `capacityBytes` fills up as a real one: a write that grows a file takes what fits, and throws ENOSPC when
 * nothing does. Names and empty files cost nothing.
 */
import { FrontrowError } from '../core/assert.ts';
import type { Disk, DiskFile, DiskLock, OpenMode } from './disk.ts';
import type { Owner } from './port.ts';
import { SeededRandom } from './random.ts';

const SECTOR_BYTES = 512;

export type FaultKind = 'crash' | 'write-error' | 'short-write' | 'sync-error' | 'no-space';

export interface Fault {
  readonly kind: FaultKind;
  /** Operations that change something before it strikes; it strikes the next one it can. */
  readonly after: number;
}

/** Thrown by every operation from a simulated power cut until crash(). */
export class SimulatedCrash extends Error {
  override readonly name = 'SimulatedCrash';
}

class Content {
  cached: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  durable: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  readonly dirty = new Set<number>();
}

type Operation = 'write' | 'grow' | 'sync' | 'name' | 'unlink';

export class SimulatedDisk implements Disk {
  readonly #random: SeededRandom;
  #files = new Map<string, Content>();
  #durableFiles = new Map<string, Content>();
  #pendingNames: ((names: Map<string, Content>) => void)[] = [];
  #holder: Owner | null = null;
  #fault: Fault | null = null;
  #dead = false;
  #life = 0;
  /** Operations that changed something. */
  operations = 0;
  /** What all files together may take; may be changed at any time, also to less than they have. */
  capacityBytes: number;

  constructor(seed: number, capacityBytes = Infinity) {
    this.capacityBytes = capacityBytes;
    this.#random = new SeededRandom(seed);
  }

  /** Arms one fault, counted from now; null disarms. */
  arm(fault: Fault | null): void {
    this.#fault = fault === null ? null : { kind: fault.kind, after: this.operations + fault.after };
  }

  /** The power goes and comes back: only what was synced is certain, open files and the lock are gone. */
  crash(): void {
    const kept = this.#random.below(this.#pendingNames.length + 1);
    for (const change of this.#pendingNames.slice(0, kept)) change(this.#durableFiles);
    for (const content of new Set([...this.#files.values(), ...this.#durableFiles.values()]))
      this.#cutPower(content);
    this.#files = new Map(this.#durableFiles);
    this.kill();
  }

  /** The process dies and the machine lives: the cache stays, open files and the lock are gone. */
  kill(): void {
    this.#pendingNames = [];
    this.#durableFiles = new Map(this.#files);
    this.#holder = null;
    this.#fault = null;
    this.#dead = false;
    this.#life++;
  }

  #cutPower(content: Content): void {
    const { cached, durable, dirty } = content;
    const length = this.#random.oneIn(2) ? cached.byteLength : durable.byteLength;
    const kept = new Uint8Array(length);
    kept.set(durable.subarray(0, length));
    // One draw in four keeps all or nothing, the rest mixes: both happen on real disks.
    const mode = this.#random.below(4);
    for (const sector of dirty) {
      const at = sector * SECTOR_BYTES;
      const isKept = mode === 0 ? false : mode === 1 ? true : this.#random.oneIn(2);
      if (isKept && at < length) kept.set(cached.subarray(at, Math.min(at + SECTOR_BYTES, length)), at);
    }
    content.durable = kept;
    content.cached = kept.slice();
    dirty.clear();
  }

  /** Flips bits of one byte, on the medium and in the cache. */
  rot(name: string, offset: number, mask: number): void {
    const content = this.#find(name);
    content.cached[offset] ^= mask;
    if (offset < content.durable.byteLength) content.durable[offset] ^= mask;
  }

  /** A copy of everything, for tests that ask whether anything changed. */
  image(): Map<string, Uint8Array> {
    return new Map([...this.#files].map(([name, content]) => [name, content.cached.slice()]));
  }

  list(): string[] {
    this.#checkAlive();
    return [...this.#files.keys()].sort();
  }

  open(name: string, mode: OpenMode): DiskFile {
    this.#checkAlive();
    if (mode === 'create') {
      if (this.#files.has(name)) throw systemError('EEXIST', name);
      this.#strike('grow');
      const content = new Content();
      this.#changeNames((names) => names.set(name, content));
    }
    return this.#handle(name, this.#find(name));
  }

  rename(from: string, to: string): void {
    this.#checkAlive();
    this.#strike('name');
    const content = this.#find(from);
    this.#changeNames((names) => {
      names.delete(from);
      names.set(to, content);
    });
  }

  unlink(name: string): void {
    this.#checkAlive();
    this.#strike('unlink');
    this.#find(name);
    this.#changeNames((names) => names.delete(name));
  }

  syncDirectory(): void {
    this.#checkAlive();
    if (this.#strike('sync') === 'sync-error') throw systemError('EIO', 'directory sync');
    this.#durableFiles = new Map(this.#files);
    this.#pendingNames = [];
  }

  free(): number {
    let used = 0;
    for (const { cached } of this.#files.values()) used += cached.byteLength;
    return Math.max(0, this.capacityBytes - used);
  }

  lock(owner: Owner): DiskLock {
    this.#checkAlive();
    if (this.#holder !== null) {
      const { pid, host, since } = this.#holder;
      throw new FrontrowError('directory-in-use', `in use by process ${pid} on ${host} since ${since}`);
    }
    this.#holder = owner;
    const life = this.#life;
    return {
      release: (): void => {
        if (life === this.#life) this.#holder = null;
      },
    };
  }

  #changeNames(change: (names: Map<string, Content>) => void): void {
    change(this.#files);
    this.#pendingNames.push(change);
  }

  #find(name: string): Content {
    const content = this.#files.get(name);
    if (content === undefined) throw systemError('ENOENT', name);
    return content;
  }

  #checkAlive(): void {
    if (this.#dead) throw new SimulatedCrash('the power is off');
  }

  /** The fault that this operation meets, if its time has come; crash and no-space are thrown here. */
  #strike(operation: Operation): FaultKind | null {
    this.operations++;
    const fault = this.#fault;
    if (fault === null || this.operations <= fault.after) return null;
    if (fault.kind === 'crash') {
      this.#dead = true;
      // A write is cut in the middle by its caller; anything else has either happened or not.
      if (operation === 'write' || operation === 'grow') return 'crash';
      throw new SimulatedCrash(`crash at operation ${this.operations}`);
    }
    if (fault.kind === 'no-space') {
      if (operation === 'grow' || operation === 'name') throw systemError('ENOSPC', 'no space left');
      return null;
    }
    const isMet =
      fault.kind === 'sync-error' ? operation === 'sync' : operation === 'write' || operation === 'grow';
    if (!isMet) return null;
    this.#fault = null;
    return fault.kind;
  }

  #handle(name: string, content: Content): DiskFile {
    const life = this.#life;
    const checkOpen = (): void => {
      this.#checkAlive();
      if (life !== this.#life) throw systemError('EBADF', name);
    };
    return {
      name,
      size: (): number => {
        checkOpen();
        return content.cached.byteLength;
      },
      read: (into, offset): number => {
        checkOpen();
        const bytes = content.cached.subarray(offset, offset + into.byteLength);
        into.set(bytes);
        return bytes.byteLength;
      },
      write: (chunks, offset): number => {
        checkOpen();
        return this.#write(content, Buffer.concat(chunks), offset);
      },
      sync: (): void => {
        checkOpen();
        this.#sync(content);
      },
      close: (): void => {},
    };
  }

  #write(content: Content, bytes: Uint8Array, offset: number): number {
    const end = offset + bytes.byteLength;
    const fault = this.#strike(end > content.cached.byteLength ? 'grow' : 'write');
    const roomEnd = content.cached.byteLength + this.free();
    const fits = Math.max(0, Math.min(bytes.byteLength, roomEnd - offset));
    if (fits === 0 && bytes.byteLength > 0 && fault === null) throw systemError('ENOSPC', 'no space left');
    const count = fault === null ? fits : this.#random.below(fits + 1);
    if (offset + count > content.cached.byteLength) {
      const longer = new Uint8Array(offset + count);
      longer.set(content.cached);
      content.cached = longer;
    }
    content.cached.set(bytes.subarray(0, count), offset);
    for (let at = offset; at < offset + count; at += SECTOR_BYTES)
      content.dirty.add(Math.floor(at / SECTOR_BYTES));
    if (count > 0) content.dirty.add(Math.floor((offset + count - 1) / SECTOR_BYTES));
    if (fault === 'crash') throw new SimulatedCrash(`crash in a write, operation ${this.operations}`);
    if (fault === 'write-error') throw systemError('EIO', 'write');
    return fault === 'short-write' ? Math.min(count, bytes.byteLength - 1) : count;
  }

  #sync(content: Content): void {
    const fault = this.#strike('sync');
    if (fault === 'sync-error') {
      // What was in flight may have arrived or not, and the cache calls it clean.
      for (const sector of content.dirty) if (this.#random.oneIn(2)) copySector(content, sector);
      content.dirty.clear();
      throw systemError('EIO', 'sync');
    }
    if (content.durable.byteLength !== content.cached.byteLength) {
      content.durable = content.cached.slice();
    } else {
      for (const sector of content.dirty) copySector(content, sector);
    }
    content.dirty.clear();
  }
}

function copySector(content: Content, sector: number): void {
  const at = sector * SECTOR_BYTES;
  const end = Math.min(at + SECTOR_BYTES, content.cached.byteLength, content.durable.byteLength);
  if (at < end) content.durable.set(content.cached.subarray(at, end), at);
}

function systemError(code: string, what: string): Error {
  return Object.assign(new Error(`${code}: ${what}`), { code });
}
