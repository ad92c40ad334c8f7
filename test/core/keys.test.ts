/** The keys file: what it may say, and that a fault is told by its place and never by a secret. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { createKey, hashOfKey, KEYS_FILE_BYTES_MAX, parseKeys, parseKeysText } from '../../src/core/keys.ts';
import { readKeysFile } from '../../src/core/keys-file.ts';

const ONE = hashOfKey('one');
const TWO = hashOfKey('two');
const THREE = hashOfKey('three');
const SHOP = { id: 'shop', role: 'sales', hash: ONE };

t.test('a key is 256 random bits behind a name, and fits a Bearer header', async (t) => {
  const keys = new Set(Array.from({ length: 50 }, createKey));
  t.equal(keys.size, 50);
  for (const key of keys) t.match(key, /^frontrow_[A-Za-z0-9_-]{43}$/);
  t.equal(hashOfKey('abc'), 'sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
});

t.test('an entry has an id, a role, a hash or two, and events or all of them', async (t) => {
  const [plain] = parseKeys({ keys: [SHOP] });
  t.match(plain, { id: 'shop', role: 'sales', events: '*' });
  t.equal(plain.digests[0].toString('hex'), ONE.slice('sha256:'.length));
  const events = (patterns: string[]): string =>
    parseKeys({ keys: [{ ...SHOP, events: patterns }] })[0].events;
  t.equal(events(['quiz-night', 'gala*', 'gala*']), 'gala*,quiz-night');
  t.equal(events(['gala', '*']), '*');
  t.same(parseKeys({ keys: [] }), []);
  t.equal(
    parseKeysText(`\ufeff${JSON.stringify({ keys: [SHOP] })}`).length,
    1,
    'a byte order mark is no matter',
  );
});

t.test('one id may have two hashes, in a list or in two entries', async (t) => {
  const list = parseKeys({ keys: [{ ...SHOP, hash: [ONE, TWO] }] });
  const apart = parseKeys({
    keys: [
      { ...SHOP, events: ['a', 'b'] },
      { ...SHOP, hash: TWO, events: ['b', 'a'] },
    ],
  });
  for (const keys of [list, apart]) {
    t.equal(keys.length, 1);
    t.equal(keys[0].digests.length, 2);
  }
});

const BAD: [value: unknown, says: RegExp][] = [
  [null, /must be \{ "keys"/],
  [[], /must be \{ "keys"/],
  [{}, /must be \{ "keys"/],
  [{ keys: {} }, /must be \{ "keys"/],
  [{ keys: [], other: 1 }, /no field "other"/],
  [{ keys: [null] }, /entry 1 must be an object/],
  [{ keys: [SHOP, { ...SHOP, id: 'a b' }] }, /entry 2: id must be/],
  [{ keys: [{ ...SHOP, id: 'a:b' }] }, /entry 1: id must be/],
  [{ keys: [{ ...SHOP, id: 'x'.repeat(65) }] }, /entry 1: id must be/],
  [{ keys: [{ role: 'sales', hash: ONE }] }, /entry 1: id must be/],
  [{ keys: [{ ...SHOP, role: 'none' }] }, /entry 1 \(shop\): role must be reader, sales or admin/],
  [{ keys: [{ ...SHOP, role: 'toString' }] }, /role must be/],
  [{ keys: [{ ...SHOP, roles: [] }] }, /entry 1 \(shop\): there is no field "roles"/],
  [{ keys: [{ id: 'shop', role: 'sales' }] }, /hash must be "sha256:"/],
  [{ keys: [{ ...SHOP, hash: ONE.slice(0, -1) }] }, /hash must be "sha256:"/],
  [{ keys: [{ ...SHOP, hash: 'a-secret-key' }] }, /hash must be "sha256:"/],
  [{ keys: [{ ...SHOP, hash: hashOfKey('') }] }, /the hash of nothing/],
  [{ keys: [{ ...SHOP, hash: [] }] }, /empty list/],
  [{ keys: [{ ...SHOP, hash: [ONE, TWO, THREE] }] }, /at most 2 hashes/],
  [{ keys: [SHOP, { ...SHOP, hash: [TWO, THREE] }] }, /entry 2 \(shop\): one id has at most 2 hashes/],
  [{ keys: [SHOP, { ...SHOP, id: 'till' }] }, /entry 2 \(till\): the same hash is at entry 1 \(shop\)/],
  [{ keys: [{ ...SHOP, hash: [ONE, ONE.toUpperCase().replace('SHA', 'sha')] }] }, /the same hash/],
  [{ keys: [SHOP, { ...SHOP, hash: TWO, role: 'admin' }] }, /entry 2 \(shop\): .* another role/],
  [{ keys: [SHOP, { ...SHOP, hash: TWO, events: ['a'] }] }, /entry 2 \(shop\): .* other events/],
  [{ keys: [{ ...SHOP, events: [] }] }, /events must be a list of 1 to 100/],
  [{ keys: [{ ...SHOP, events: 'gala' }] }, /events must be a list/],
  [{ keys: [{ ...SHOP, events: ['Gala'] }] }, /events must be event ids/],
  [{ keys: [{ ...SHOP, events: ['ga*la'] }] }, /events must be event ids/],
  [{ keys: [{ ...SHOP, events: ['a,*'] }] }, /events must be event ids/],
  [{ keys: Array.from({ length: 1001 }, () => SHOP) }, /more than 1000 entries/],
];

t.test('what is wrong is told by its place, and what might be a key is not repeated', async (t) => {
  for (const [value, says] of BAD) {
    t.throws(() => parseKeys(value), { code: 'bad-option', message: says }, String(says));
  }
  for (const text of ['', '{"keys": [a-secret-key', '"a-secret-key"', ' '.repeat(KEYS_FILE_BYTES_MAX + 1)]) {
    t.throws(() => parseKeysText(text), { code: 'bad-option' });
    t.doesNotThrow(() => {
      try {
        parseKeysText(text);
      } catch (error) {
        if ((error as Error).message.includes('secret')) throw error;
      }
    });
  }
});

t.test('a keys file that others may read or write is read, with a warning', async (t) => {
  const path = join(t.testdir({ 'keys.json': JSON.stringify({ keys: [SHOP] }) }), 'keys.json');
  const warnings = async (mode: number): Promise<readonly string[]> => {
    chmodSync(path, mode);
    return (await readKeysFile(path)).warnings;
  };
  t.same(await warnings(0o600), []);
  t.match(await warnings(0o640), [/may read the keys file .* \(mode 640\)/]);
  t.match(await warnings(0o620), [/may write the keys file .* make themselves admin/]);
  t.match(await warnings(0o606), [/may write/]);
});

t.test('a keys file that cannot be one is refused by its name', async (t) => {
  const folder = t.testdir({ 'bad.json': '{"keys":[{"id":1}]}' });
  mkdirSync(join(folder, 'folder'));
  writeFileSync(join(folder, 'large.json'), ' '.repeat(KEYS_FILE_BYTES_MAX + 1));
  const says = {
    'bad.json': /bad\.json: keys: entry 1/,
    folder: /folder is not a file/,
    'large.json': /longer/,
  };
  for (const [name, message] of Object.entries(says)) {
    await t.rejects(readKeysFile(join(folder, name)), { code: 'bad-option', message });
  }
  await t.rejects(readKeysFile(join(folder, 'absent')), {
    code: 'bad-option',
    message: /absent cannot be read/,
  });
});
