/**
 * Identifiers: what people write (event, section, row and seat ids) and what the engine makes (claim ids).
 *
 * A claim id carries where the claim lives, so that it is found without a lookup, and 96 random bits, so that
 * it cannot be guessed. Hold, order and tickets of one claim share its suffix.
 *
 *   suffix = base32( event slot:16 | generation:16 | cell:32 | random:96 )  — 160 bits, 32 characters
 */
import { assert } from './assert.ts';

export type EventSlot = number & { readonly __brand: 'EventSlot' };
export type SectionIndex = number & { readonly __brand: 'SectionIndex' };
export type SeatIndex = number & { readonly __brand: 'SeatIndex' };
/** Index of a claim's first 32-byte cell in its event's claim table. */
export type CellIndex = number & { readonly __brand: 'CellIndex' };

/** Event and section ids alike: lower-case, digits and hyphens, 63 characters at most. Source: API.md, Conventions. */
export const EVENT_ID_PATTERN = '^[a-z0-9][a-z0-9-]{0,62}$';
/** Row ids and seat numbers. */
export const ROW_ID_PATTERN = '^[A-Za-z0-9]{1,8}$';

const EVENT_ID = new RegExp(EVENT_ID_PATTERN);

export function isEventId(text: string): boolean {
  return EVENT_ID.test(text);
}

/** Where a claim lives and the random bits that prove that the caller knows it. Words are unsigned 32-bit. */
export interface ClaimRef {
  readonly slot: EventSlot;
  readonly generation: number;
  readonly cell: CellIndex;
  readonly random0: number;
  readonly random1: number;
  readonly random2: number;
}

/** Crockford's alphabet in lower case: no i, l, o, u, and never the underscore that parts an id. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const ALPHABET_CODES = Buffer.from(ALPHABET, 'latin1');
const SUFFIX_CHARS = 32;
const suffixBytes = Buffer.alloc(SUFFIX_CHARS);
const DIGITS = new Int8Array(128).fill(-1);
for (let digit = 0; digit < ALPHABET.length; digit++) DIGITS[ALPHABET.charCodeAt(digit)] = digit;

export type ClaimIdKind = 'hold' | 'order';

/** The shared suffix X of `hold_X`, `order_X` and `ticket_X_1`. */
export function claimSuffix(ref: ClaimRef): string {
  const words = [
    ((ref.slot << 16) | ref.generation) >>> 0,
    ref.cell >>> 0,
    ref.random0 >>> 0,
    ref.random1 >>> 0,
    ref.random2 >>> 0,
  ];
  let chars = 0;
  let pending = 0;
  let bits = 0;
  for (const word of words) {
    for (let shift = 24; shift >= 0; shift -= 8) {
      pending = ((pending << 8) | ((word >>> shift) & 0xff)) & 0xffff;
      bits += 8;
      while (bits >= 5) {
        bits -= 5;
        suffixBytes[chars++] = ALPHABET_CODES[(pending >>> bits) & 31];
      }
    }
  }
  assert(chars === SUFFIX_CHARS, 'a claim suffix has 32 characters');
  // One string in one piece: this is written into every reply.
  return suffixBytes.toString('latin1');
}

/** Reads a suffix back; null for anything that this server cannot have made. */
function parseClaimSuffix(text: string): ClaimRef | null {
  if (text.length !== SUFFIX_CHARS) return null;
  const words = [0, 0, 0, 0, 0];
  let pending = 0;
  let bits = 0;
  let byteIndex = 0;
  for (let i = 0; i < SUFFIX_CHARS; i++) {
    const code = text.charCodeAt(i);
    const digit = code < 128 ? DIGITS[code] : -1;
    if (digit < 0) return null;
    pending = ((pending << 5) | digit) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      const word = byteIndex >>> 2;
      words[word] = ((words[word] << 8) | ((pending >>> bits) & 0xff)) >>> 0;
      byteIndex++;
    }
  }
  assert(byteIndex === 20, 'a claim suffix decodes to 20 bytes');
  return {
    slot: (words[0] >>> 16) as EventSlot,
    generation: words[0] & 0xffff,
    cell: words[1] as CellIndex,
    random0: words[2],
    random1: words[3],
    random2: words[4],
  };
}

/** `hold_X` or `order_X` → its reference; null when the prefix or the suffix is not ours. */
export function parseClaimId(kind: ClaimIdKind, id: string): ClaimRef | null {
  if (!id.startsWith(`${kind}_`)) return null;
  return parseClaimSuffix(id.slice(kind.length + 1));
}
