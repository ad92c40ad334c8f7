/** Keys for tests: a token for each role, and rings of them. */
import { hashOfKey, parseKeys } from '../../../src/core/keys.ts';
import type { KeyEntry } from '../../../src/core/keys.ts';
import { KeyRing } from '../../../src/http/key-ring.ts';

export function ringOf(...entries: readonly KeyEntry[]): KeyRing {
  return new KeyRing(parseKeys({ keys: entries }));
}

/** The token is `<id>-token`. */
export function entryOf(id: string, role: KeyEntry['role'], events?: readonly string[]): KeyEntry {
  return { id, role, hash: hashOfKey(`${id}-token`), ...(events !== undefined && { events }) };
}

export function bearer(id: string): Record<string, string> {
  return { Authorization: `Bearer ${id}-token` };
}
