/**
 * Idempotency keys as fixed-size hashes: 96 bits of the scope, 64 bits of the body. SHA-256, so that nobody can
 * make two requests meet. Scope: who called, the key, the call and what it is about. Source: API.md.
 */
import { hash } from 'node:crypto';
import { assert } from '../core/assert.ts';
import type { BatchRequest } from '../core/batch.ts';
import { OPERATIONS } from '../core/operations.ts';
import type { KeyHash } from '../memory/keys.ts';

/** Without keys every caller is one and the same admin. */
const SCOPE_WITHOUT_KEYS = 'admin';

/** Names, not codes: keys are kept on disk, and codes may change. */
const NAMES = new Map(OPERATIONS.map(({ code, name }) => [code, name]));

export function keyHash(request: BatchRequest): KeyHash | null {
  if (request.idempotencyKey === '') return null;
  const name = NAMES.get(request.operation);
  assert(name !== undefined, 'an operation has a name');
  const scope = `${SCOPE_WITHOUT_KEYS}\n${name}\n${request.subject}\n${request.idempotencyKey}`;
  const scopeHash = hash('sha256', scope, 'buffer');
  const bodyHash = hash('sha256', request.body ?? '', 'buffer');
  return {
    // 0 means "free entry".
    hash0: scopeHash.readInt32LE(0) || 1,
    hash1: scopeHash.readInt32LE(4),
    hash2: scopeHash.readInt32LE(8),
    body0: bodyHash.readInt32LE(0),
    body1: bodyHash.readInt32LE(4),
  };
}
