/**
 * Which key a token is. Main thread; a ring never changes: a reload puts another in its place between two requests.
 *
 * Timing. The token is hashed before anything looks at it, so what a comparison could leak is about its SHA-256, which
 * whoever sends it knows, and cannot steer towards the hash of a key without having that key. Even so the digests are
 * compared in constant time, and all of them, so that nothing tells which one was nearest, or where in the file it is.
 * A token that was found is remembered by its digest. That lookup is quicker than the comparison, and so tells a
 * key that was used before from a wrong one: as does the answer. Wrong tokens are not remembered; so the memory is
 * bounded by the number of hashes, and nobody fills it.
 */
import { hash, timingSafeEqual } from 'node:crypto';
import { assert } from '../core/assert.ts';
import type { Key } from '../core/keys.ts';

interface Lock {
  readonly digest: Buffer;
  readonly key: Key;
}

export class KeyRing {
  readonly #locks: readonly Lock[];
  readonly #areEqual: typeof timingSafeEqual;
  /** By hex digest. */
  readonly #found = new Map<string, Key>();

  /** @param areEqual a test counts how often it is called */
  constructor(keys: readonly Key[], areEqual = timingSafeEqual) {
    this.#areEqual = areEqual;
    this.#locks = keys.flatMap((key) => key.digests.map((digest) => ({ digest, key })));
    assert(
      this.#locks.every(({ digest }) => digest.length === 32),
      'a digest is one of SHA-256',
    );
  }

  find(token: string): Key | null {
    const hex = hash('sha256', token, 'hex');
    return this.#found.get(hex) ?? this.#compare(hex);
  }

  /** No early end: the time is the same for every token that was not found before. */
  #compare(hex: string): Key | null {
    const digest = Buffer.from(hex, 'hex');
    let found = -1;
    for (let i = 0; i < this.#locks.length; i++) {
      if (this.#areEqual(this.#locks[i].digest, digest)) found = i;
    }
    if (found < 0) return null;
    const { key } = this.#locks[found];
    this.#found.set(hex, key);
    assert(this.#found.size <= this.#locks.length, 'no more tokens are remembered than there are hashes');
    return key;
  }
}
