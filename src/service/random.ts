/**
 * Random words for claim ids: 96 bits a claim, drawn from the system's generator a block at a time.
 */
import { randomFillSync } from 'node:crypto';

const WORDS_PER_CLAIM = 3;
const block = new Uint32Array(WORDS_PER_CLAIM * 1024);
let next = block.length;

/** Three words that nobody can guess. The first is never 0, so that an unset word is never a match. */
export function takeRandom(): Uint32Array {
  if (next === block.length) {
    randomFillSync(block);
    next = 0;
  }
  const words = block.slice(next, next + WORDS_PER_CLAIM);
  next += WORDS_PER_CLAIM;
  if (words[0] === 0) words[0] = 1;
  return words;
}
