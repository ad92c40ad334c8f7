/**
 * Texts that come again and again (a target, a Host, a media type) as one and the same string: comparing bytes is
 * cheaper than making a string of them, and leaves nothing to collect. Main thread.
 */

const SLOTS = 64;
/** Longer ones hardly ever come again, and would be kept. */
const CHARS_MAX = 256;

const slots: string[] = Array.from({ length: SLOTS }, () => '');

/** The bytes as Latin-1. */
export function recentText(bytes: Buffer, start: number, end: number): string {
  const length = end - start;
  if (length === 0) return '';
  if (length > CHARS_MAX) return bytes.toString('latin1', start, end);
  const slot = (length * 31 + bytes[start] * 7 + bytes[end - 1] + bytes[start + (length >>> 1)]) % SLOTS;
  const known = slots[slot];
  if (known.length === length && isAt(bytes, start, known)) return known;
  const text = bytes.toString('latin1', start, end);
  slots[slot] = text;
  return text;
}

function isAt(bytes: Buffer, start: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[start + i] !== text.charCodeAt(i)) return false;
  return true;
}
