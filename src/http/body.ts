/**
 * Collects the body of one request. One that comes in a single chunk, the usual case, stays where it was read, unless it
 * has to wait there. More are copied into one buffer that doubles: a body sent byte by byte costs its bytes, not an
 * object for each.
 */
import { assert } from '../core/assert.ts';

export class BodyBuffer {
  #bytes: Uint8Array | null = null;
  #length = 0;
  /** The bytes are the only chunk so far, and somebody else's. */
  #isView = false;
  readonly #bytesMax: number;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get length(): number {
    return this.#length;
  }

  /**
   * @param chunk must stay as it is until keep(), append() or take()
   * @returns false if the body is longer than allowed; the chunk is not taken then
   */
  append(chunk: Uint8Array): boolean {
    const length = this.#length + chunk.byteLength;
    if (length > this.#bytesMax) return false;
    if (this.#bytes === null) {
      this.#bytes = chunk;
      this.#isView = true;
    } else {
      this.#grow(length);
      this.#bytes.set(chunk, this.#length);
    }
    this.#length = length;
    return true;
  }

  /** Chunks that were appended may change from here on. */
  keep(): void {
    if (this.#isView) this.#bytes = new Uint8Array(this.#bytes!);
    this.#isView = false;
  }

  /** The bytes so far, or null for none; of a single chunk that was not kept, that chunk. The buffer is done with. */
  take(): Uint8Array | null {
    const bytes = this.#bytes;
    this.#bytes = null;
    if (bytes === null || this.#length === 0) return null;
    assert(this.#length <= bytes.byteLength, 'a body lies within its buffer');
    return bytes.byteLength === this.#length ? bytes : bytes.subarray(0, this.#length);
  }

  #grow(length: number): void {
    const bytes = this.#bytes!;
    if (!this.#isView && length <= bytes.byteLength) return;
    const grown = new Uint8Array(Math.min(this.#bytesMax, Math.max(length, 2 * this.#length)));
    grown.set(bytes.subarray(0, this.#length));
    this.#bytes = grown;
    this.#isView = false;
  }
}
