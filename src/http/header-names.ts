/**
 * The headers that we look at. A name is told by its bytes, without a string of it: most headers of most requests are
 * none of ours, and those need neither a name nor a value.
 */

const NAMES = [
  'host',
  'accept',
  'expect',
  'upgrade',
  'if-match',
  'forwarded',
  'content-type',
  'x-request-id',
  'if-none-match',
  'authorization',
  'last-event-id',
  'content-length',
  'idempotency-key',
  'frontrow-client',
  'x-forwarded-for',
  'content-encoding',
  'transfer-encoding',
] as const;

export type HeaderName = (typeof NAMES)[number];

/** Makes a letter small, and leaves a hyphen as it is; of the characters of a name nothing else becomes either. */
const SMALL = 0x20;

const byLength: HeaderName[][] = [];
for (const name of NAMES) (byLength[name.length] ??= []).push(name);

/** Null for any other. Names are in any case. */
export function headerNameOf(name: string): HeaderName | null {
  const candidates = byLength[name.length];
  if (candidates === undefined) return null;
  const small = name.toLowerCase();
  return candidates.find((candidate) => candidate === small) ?? null;
}

/** The same for bytes that a parser has found to be a name (RFC 9110 §5.6.2). */
export function headerNameAt(bytes: Uint8Array, start: number, end: number): HeaderName | null {
  const candidates = byLength[end - start];
  if (candidates === undefined) return null;
  for (let i = 0; i < candidates.length; i++) if (isAt(bytes, start, candidates[i])) return candidates[i];
  return null;
}

function isAt(bytes: Uint8Array, start: number, name: string): boolean {
  for (let i = 0; i < name.length; i++) if ((bytes[start + i] | SMALL) !== name.charCodeAt(i)) return false;
  return true;
}
