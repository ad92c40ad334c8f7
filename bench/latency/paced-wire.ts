/**
 * HTTP/1.1 as cheap as it can be for a process that shares two cores with what it measures: requests that are
 * made once and numbered in place, replies of which nothing but status and length is read.
 */
import { assert } from '../../src/core/assert.ts';
import { postText } from '../wire.ts';
import type { PostTarget } from '../wire.ts';

const DIGITS = 8;
const ZERO = 48;
const CONTENT_LENGTH = /\r\ncontent-length: (\d+)/i;

/**
 * A request whose name, its idempotency key and customer, is `TAG-00000042` for the number 42. One for each
 * connection: a socket may still hold the bytes until the reply is there.
 */
export class NumberedRequest {
  readonly #bytes: Buffer;
  /** Where the digits end, each time that the name is in it. */
  readonly #ends: readonly number[];

  constructor(target: PostTarget, tag: string) {
    const name = `${tag}-${'0'.repeat(DIGITS)}`;
    const text = postText(target, name);
    const key = text.indexOf(name);
    const customer = text.indexOf(name, key + 1);
    assert(key > 0 && customer > key, 'a request has its name as key and as customer');
    this.#bytes = Buffer.from(text, 'latin1');
    this.#ends = [key + name.length, customer + name.length];
  }

  /** Valid until the next call. */
  numbered(number: number): Buffer {
    assert(number >= 0 && number < 10 ** DIGITS, 'a number fits into its digits');
    for (const end of this.#ends) {
      let rest = number;
      for (let at = end - 1; at >= end - DIGITS; at--) {
        this.#bytes[at] = ZERO + (rest % 10);
        rest = Math.floor(rest / 10);
      }
    }
    return this.#bytes;
  }
}

/** Puts together the replies of one connection, which has one request under way at a time. */
export class ReplyReader {
  /** Of a head that came in pieces. */
  #head = '';
  #status = 0;
  /** Bytes of the body that are still to come. */
  #left = 0;

  /** The status when the reply ends with these bytes; 0 while there is more to come. */
  take(chunk: Buffer): number {
    let bodyBytes = chunk.length;
    if (this.#status === 0) {
      const text = this.#head + chunk.toString('latin1');
      const end = text.indexOf('\r\n\r\n');
      if (end < 0) {
        this.#head = text;
        return 0;
      }
      this.#head = '';
      this.#status = Number(text.slice(9, 12));
      this.#left = Number(CONTENT_LENGTH.exec(text.slice(0, end))?.[1] ?? 0);
      bodyBytes = text.length - end - 4;
    }
    this.#left -= bodyBytes;
    assert(this.#left >= 0, 'one reply at a time');
    if (this.#left > 0) return 0;
    const status = this.#status;
    this.#status = 0;
    return status;
  }
}
