/** JSON that is written by hand: objects and JSON.stringify() cost three times as much, and every reply has some. */

/** What a string in JSON has otherwise than as it is, lone surrogates among it. */
const ESCAPED = /["\\\p{Cc}\p{Cs}]/u;

/** A string as JSON. */
export function quoted(text: string): string {
  return ESCAPED.test(text) ? JSON.stringify(text) : `"${text}"`;
}
