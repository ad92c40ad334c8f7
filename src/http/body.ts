/**
 * Collects the body of one request. One chunk, the usual case, is kept as it came, unless it would keep much more than
 * itself in memory. More are copied into one buffer that doubles: a body sent byte by byte costs its bytes, not an object
 * for each.
 */
import { assert } from '../core/assert.ts';

/** A head that a body came with. */
const PINNED_BYTES_MAX = 2048;

export class BodyBuffer {
  #bytes: Uint8Array | null = null;
  #length = 0;
  readonly #bytesMax: number;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get length(): number {
    return this.#length;
  }

  /** @returns false if the body is longer than allowed; the chunk is not taken then */
  append(chunk: Uint8Array): boolean {
    const length = this.#length + chunk.byteLength;
    if (length > this.#bytesMax) return false;
    if (this.#bytes === null) {
      const isPart = chunk.buffer.byteLength > 2 * chunk.byteLength + PINNED_BYTES_MAX;
      this.#bytes = isPart ? new Uint8Array(chunk) : chunk;
    } else {
      if (length > this.#bytes.byteLength) {
        const grown = new Uint8Array(Math.min(this.#bytesMax, Math.max(length, 2 * this.#length)));
        grown.set(this.#bytes.subarray(0, this.#length));
        this.#bytes = grown;
      }
      this.#bytes.set(chunk, this.#length);
    }
    this.#length = length;
    return true;
  }

  /** The bytes so far, or null for none. The buffer is done with afterwards. */
  take(): Uint8Array | null {
    const bytes = this.#bytes;
    this.#bytes = null;
    if (bytes === null || this.#length === 0) return null;
    assert(this.#length <= bytes.byteLength, 'a body lies within its buffer');
    return bytes.byteLength === this.#length ? bytes : bytes.subarray(0, this.#length);
  }
}
