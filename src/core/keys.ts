/**
 * Keys of callers: how they are made, and the keys file that says what each may do. Source: API.md, Who may what.
 *
 *   { "keys": [ { "id": "shop", "role": "sales", "hash": "sha256:<64 hex digits>", "events": ["gala*"] } ] }
 *
 * A key is 256 random bits, never a password: nobody guesses one, so the file keeps a plain SHA-256 of it. A slow hash
 * would only be a way to keep the main thread busy. `hash` may be a list of two, or an id may stand in two entries,
 * while a key is being replaced. `events` left out means all.
 */
import { createHash, randomBytes } from 'node:crypto';
import { FrontrowError } from './assert.ts';
import type { Role } from './roles.ts';

/** What a caller with a key is. */
export interface Key {
  readonly id: string;
  readonly role: Role;
  /** Patterns, joined by commas: see coversEvent(). `*` for all. */
  readonly events: string;
  /** SHA-256 digests, 32 bytes each. */
  readonly digests: readonly Buffer[];
}

/** One entry of the keys file. */
export interface KeyEntry {
  readonly id: string;
  readonly role: 'reader' | 'sales' | 'admin';
  readonly hash: string | readonly string[];
  readonly events?: readonly string[];
}

/** The keys file as an object. */
export interface KeysFile {
  readonly keys: readonly KeyEntry[];
}

export const KEYS_FILE_BYTES_MAX = 1024 * 1024;
const ENTRIES_MAX = 1000;
/** A key and its successor. */
const HASHES_PER_ID_MAX = 2;
const PATTERNS_MAX = 100;
const KEY_BYTES = 32;
/** Says what it is to whoever finds it in a log or a repository, and to their scanners. */
const KEY_PREFIX = 'frontrow_';

/** No colon and no comma: ids are put together with other texts. */
const ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const HASH = /^sha256:([0-9a-fA-F]{64})$/;
const PATTERN = /^(?:\*|[a-z0-9][a-z0-9-]{0,62}\*?)$/;
const ROLES_OF_KEYS: readonly unknown[] = ['reader', 'sales', 'admin'];
const FIELDS = new Set(['id', 'role', 'hash', 'events']);
const EMPTY_HASH = hashOfKey('');

/** A new key: 256 random bits. It is shown once, and kept nowhere. */
export function createKey(): string {
  return KEY_PREFIX + randomBytes(KEY_BYTES).toString('base64url');
}

/** What the keys file keeps of a key: `sha256:` and 64 hex digits. */
export function hashOfKey(key: string): string {
  return `sha256:${createHash('sha256').update(key).digest('hex')}`;
}

/**
 * Reads a keys file's text.
 * @throws FrontrowError `bad-option` that names the entry and what is wrong with it; never a hash
 */
export function parseKeysText(text: string): Key[] {
  if (Buffer.byteLength(text) > KEYS_FILE_BYTES_MAX) {
    throw bad(`it is longer than ${KEYS_FILE_BYTES_MAX} bytes`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text.startsWith('\ufeff') ? text.slice(1) : text);
  } catch {
    // The parser's message quotes the text around the fault, and that may be a key put there by mistake.
    throw bad('it is not JSON');
  }
  return parseKeys(value);
}

/** The same for what is parsed already. */
export function parseKeys(value: unknown): Key[] {
  const file = objectOf(value, 'it must be { "keys": [ … ] }');
  for (const name of Object.keys(file)) if (name !== 'keys') throw bad(`there is no field ${quoted(name)}`);
  const entries = file['keys'];
  if (!Array.isArray(entries)) throw bad('it must be { "keys": [ … ] }');
  if (entries.length > ENTRIES_MAX) throw bad(`there are more than ${ENTRIES_MAX} entries`);
  const byId = new Map<string, Key>();
  const owners = new Map<string, string>();
  for (const [index, entry] of entries.entries()) {
    const key = parseEntry(entry, index);
    const where = entryName(index, key.id);
    for (const digest of key.digests) {
      const hex = digest.toString('hex');
      const owner = owners.get(hex);
      if (owner !== undefined) throw bad(`${where}: the same hash is at ${owner}`);
      owners.set(hex, where);
    }
    const other = byId.get(key.id);
    byId.set(key.id, other === undefined ? key : merge(other, key, where));
  }
  return [...byId.values()];
}

/** Two entries of one id are one key that is being replaced: what it may do must not depend on which is used. */
function merge(one: Key, two: Key, where: string): Key {
  if (one.role !== two.role) throw bad(`${where}: an earlier entry of this id has another role`);
  if (one.events !== two.events) throw bad(`${where}: an earlier entry of this id has other events`);
  const digests = [...one.digests, ...two.digests];
  if (digests.length > HASHES_PER_ID_MAX) {
    throw bad(`${where}: one id has at most ${HASHES_PER_ID_MAX} hashes`);
  }
  return { ...one, digests };
}

function parseEntry(value: unknown, index: number): Key {
  const where = `entry ${index + 1}`;
  const entry = objectOf(value, `${where} must be an object`);
  const { id, role, hash, events } = entry;
  if (typeof id !== 'string' || !ID.test(id)) {
    throw bad(`${where}: id must be 1 to 64 letters, digits, dots, hyphens and underscores`);
  }
  const named = entryName(index, id);
  for (const name of Object.keys(entry)) {
    if (!FIELDS.has(name)) throw bad(`${named}: there is no field ${quoted(name)}`);
  }
  if (!ROLES_OF_KEYS.includes(role)) throw bad(`${named}: role must be reader, sales or admin`);
  return { id, role: role as Role, events: parseEvents(events, named), digests: parseHashes(hash, named) };
}

function parseHashes(value: unknown, where: string): Buffer[] {
  const hashes: unknown[] = Array.isArray(value) ? value : [value];
  if (hashes.length === 0) throw bad(`${where}: hash is an empty list`);
  if (hashes.length > HASHES_PER_ID_MAX) {
    throw bad(`${where}: one id has at most ${HASHES_PER_ID_MAX} hashes`);
  }
  return hashes.map((hash) => {
    const digits = typeof hash === 'string' ? HASH.exec(hash)?.[1] : undefined;
    if (digits === undefined) throw bad(`${where}: hash must be "sha256:" and 64 hex digits`);
    if (`sha256:${digits.toLowerCase()}` === EMPTY_HASH) throw bad(`${where}: that is the hash of nothing`);
    return Buffer.from(digits, 'hex');
  });
}

function parseEvents(value: unknown, where: string): string {
  if (value === undefined) return '*';
  if (!Array.isArray(value) || value.length === 0 || value.length > PATTERNS_MAX) {
    throw bad(
      `${where}: events must be a list of 1 to ${PATTERNS_MAX} patterns; leave it out for all events`,
    );
  }
  for (const pattern of value as unknown[]) {
    if (typeof pattern === 'string' && PATTERN.test(pattern)) continue;
    throw bad(`${where}: events must be event ids, with * at the end of one for anything`);
  }
  const patterns = new Set(value as string[]);
  return patterns.has('*') ? '*' : [...patterns].sort().join(',');
}

function objectOf(value: unknown, otherwise: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bad(otherwise);
  return value as Record<string, unknown>;
}

function entryName(index: number, id: string): string {
  return `entry ${index + 1} (${id})`;
}

/** Of what may be anything: short, and without characters that a terminal would act on. */
function quoted(name: string): string {
  return JSON.stringify(name.slice(0, 40));
}

function bad(what: string): FrontrowError {
  return new FrontrowError('bad-option', `keys: ${what}`);
}
