/**
 * The real disk: one directory of the file system. Synchronous calls only; used by the journal thread, the
 * snapshot thread and the read-only readers, never by the main thread after start.
 */
import * as fs from 'node:fs';
import { join } from 'node:path';
import { FrontrowError } from '../core/assert.ts';
import { lockDirectory } from './directory-lock.ts';
import { errorCode, freeBytes, isOutOfDescriptors } from './disk.ts';
import type { Disk, DiskFile, DiskLock, OpenMode } from './disk.ts';
import type { Owner } from './port.ts';

const FLAGS = { read: 'r', write: 'r+', create: 'wx+' } as const satisfies Record<OpenMode, string>;

const DESCRIPTOR_WAIT_MS = 20;
const nobody = new Int32Array(new SharedArrayBuffer(4));

class RealFile implements DiskFile {
  readonly name: string;
  #descriptor: number;

  constructor(name: string, descriptor: number) {
    this.name = name;
    this.#descriptor = descriptor;
  }

  size(): number {
    return fs.fstatSync(this.#descriptor).size;
  }

  read(into: Uint8Array, offset: number): number {
    let done = 0;
    while (done < into.byteLength) {
      const count = fs.readSync(this.#descriptor, into, done, into.byteLength - done, offset + done);
      if (count === 0) break;
      done += count;
    }
    return done;
  }

  write(chunks: readonly Uint8Array[], offset: number): number {
    return fs.writevSync(this.#descriptor, chunks, offset);
  }

  /** fdatasync: it writes the size too when that is needed to read the data back. Source: fdatasync(2). */
  sync(): void {
    fs.fdatasyncSync(this.#descriptor);
  }

  close(): void {
    if (this.#descriptor < 0) return;
    fs.closeSync(this.#descriptor);
    this.#descriptor = -1;
  }
}

export class FileDisk implements Disk {
  readonly directory: string;

  /** Throws FrontrowError `directory-unusable` when it is not there, or with `create` cannot be made. */
  constructor(directory: string, options: { readonly create?: boolean } = {}) {
    this.directory = directory;
    try {
      if (options.create === true) fs.mkdirSync(directory, { recursive: true });
      else fs.accessSync(directory, fs.constants.R_OK);
    } catch (error) {
      throw new FrontrowError('directory-unusable', `${directory}: ${errorCode(error)}`, { cause: error });
    }
  }

  list(): string[] {
    return fs.readdirSync(this.directory).sort();
  }

  open(name: string, mode: OpenMode): DiskFile {
    return new RealFile(name, fs.openSync(join(this.directory, name), FLAGS[mode], 0o600));
  }

  rename(from: string, to: string): void {
    fs.renameSync(join(this.directory, from), join(this.directory, to));
  }

  unlink(name: string): void {
    fs.unlinkSync(join(this.directory, name));
  }

  /** Waits where the process is out of descriptors: nothing has failed then, and the journal goes on when there is one. */
  syncDirectory(): void {
    const descriptor = this.#openDirectory();
    try {
      fs.fsyncSync(descriptor);
    } finally {
      fs.closeSync(descriptor);
    }
  }

  free(): number {
    return freeBytes(fs.statfsSync(this.directory));
  }

  #openDirectory(): number {
    for (;;) {
      try {
        return fs.openSync(this.directory, 'r');
      } catch (error) {
        if (!isOutOfDescriptors(error)) throw error;
        Atomics.wait(nobody, 0, 0, DESCRIPTOR_WAIT_MS);
      }
    }
  }

  lock(owner: Owner): DiskLock {
    return lockDirectory(this.directory, owner);
  }
}
