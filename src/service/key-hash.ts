/**
 * Idempotency keys as fixed-size hashes: 96 bits of the scope, 64 bits of the body. SHA-256, so that nobody can
 * make two requests meet. Scope: who called, the key, the call and what it is about. Source: API.md.
 */
import { hash } from 'node:crypto';
import { assert } from '../core/assert.ts';
import type { BatchRequest } from '../core/batch.ts';
import { OPERATIONS } from '../core/operations.ts';
import type { KeyHash } from '../memory/keys.ts';
import { RESERVE_SHARE } from '../memory/layout.ts';

/** Without keys every caller is one and the same admin. */
const SCOPE_WITHOUT_KEYS = 'admin';

/** Names, not codes: keys are kept on disk, and codes may change. */
const NAMES = new Map(OPERATIONS.map(({ code, name }) => [code, name]));

export function keyHash(request: BatchRequest): KeyHash | null {
  if (request.idempotencyKey === '') return null;
  const name = NAMES.get(request.operation);
  assert(name !== undefined, 'an operation has a name');
  const caller = request.keyId === '' ? SCOPE_WITHOUT_KEYS : request.keyId;
  const scope = `${caller}\n${name}\n${request.subject}\n${request.idempotencyKey}`;
  const scopeHash = digest(scope);
  const bodyHash = digest(request.body ?? '');
  return {
    // 0 means "free entry".
    hash0: word(scopeHash, 0) || 1,
    hash1: word(scopeHash, 1),
    hash2: word(scopeHash, 2),
    body0: word(bodyHash, 0),
    body1: word(bodyHash, 1),
    share: shareOf(request.client),
  };
}

/** SHA-256 as a string of its bytes: a Buffer for it would cost twice as much as the hash. */
function digest(data: string | Uint8Array): string {
  return hash('sha256', data, 'binary');
}

/** A word of a digest, little-endian. */
function word(bytes: string, index: number): number {
  const at = index * 4;
  return (
    bytes.charCodeAt(at) |
    (bytes.charCodeAt(at + 1) << 8) |
    (bytes.charCodeAt(at + 2) << 16) |
    (bytes.charCodeAt(at + 3) << 24)
  );
}

/** Shares of clients seen lately: most requests come from few. */
const shares = new Map<string, number>();
const SHARES_KEPT_MAX = 1024;

/** Which share of the table a client's keys count to, 1 to RESERVE_SHARE − 1: stored, so it is the same at each start. */
function shareOf(client: string): number {
  const known = shares.get(client);
  if (known !== undefined) return known;
  const share = 1 + (hash('sha256', client, 'buffer').readUInt32LE(0) % (RESERVE_SHARE - 1));
  if (shares.size >= SHARES_KEPT_MAX) shares.clear();
  shares.set(client, share);
  return share;
}
