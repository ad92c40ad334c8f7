/** Zeroes shared memory. TypedArray.fill() stores element by element there; copying zeroes is four to eight times as fast. */

const ZEROES = new Int32Array(16 * 1024);

/** Zeroes the words from `from` on, before `to`. */
export function zeroWords(words: Int32Array, from: number, to: number): void {
  for (let at = from; at < to; at += ZEROES.length)
    words.set(to - at < ZEROES.length ? ZEROES.subarray(0, to - at) : ZEROES, at);
}
