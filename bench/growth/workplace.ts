/** Where the growth bench keeps its data directories: one place, gone when the bench ends, however it ends. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export class Workplace {
  readonly #root = mkdtempSync(join(tmpdir(), 'frontrow-growth-'));
  readonly #remove = (): void => rmSync(this.#root, { recursive: true, force: true });

  constructor() {
    process.on('exit', this.#remove);
  }

  /** A directory of that name, made when it is not there. */
  directory(name: string): string {
    const path = join(this.#root, name);
    mkdirSync(path, { recursive: true });
    return path;
  }

  /** Frees the disk: a large directory is needed once. */
  remove(name: string): void {
    rmSync(join(this.#root, name), { recursive: true, force: true });
  }

  end(): void {
    process.off('exit', this.#remove);
    this.#remove();
  }
}
