/** The arena: refused clearly when it does not fit, and attached only by those that agree on it. */
import t from 'tap';
import { FrontrowError } from '../../src/core/assert.ts';
import { resolveLimits } from '../../src/core/limits.ts';
import { attachArena, createArena, eventBase, loadWide, storeWide } from '../../src/memory/arena.ts';
import { arenaGeometry, HEADER, LINE_WORDS, PAGE_WORDS } from '../../src/memory/layout.ts';
import { MIB, smallLimits } from '../engine/rig.ts';

function codeOf(work: () => unknown): { code: string; message: string } {
  try {
    work();
  } catch (error) {
    if (error instanceof FrontrowError) return { code: error.code, message: error.message };
    throw error;
  }
  return { code: '', message: '' };
}

t.test('limits that leave no room for events are refused, and the message says what to change', async (t) => {
  for (const options of [
    { arenaBytes: 8 * MIB, ringBytes: 8 * MIB },
    { arenaBytes: 8 * MIB, ringBytes: 1024 * MIB },
    { arenaBytes: 8 * MIB, ringBytes: MIB, eventsMax: 65_000 },
  ]) {
    const { code, message } = codeOf(() => createArena(smallLimits(options)));
    t.equal(code, 'arena-too-large');
    t.match(message, /arena of 8 MiB leaves no room/);
    t.match(message, /--arena-mib more, or --ring-mib or --events-max less/);
  }
});

t.test('memory that cannot be had is refused, and the message says what to change', async (t) => {
  const original = globalThis.SharedArrayBuffer;
  t.teardown(() => Object.assign(globalThis, { SharedArrayBuffer: original }));
  Object.assign(globalThis, {
    SharedArrayBuffer: function fail() {
      throw new RangeError('Array buffer allocation failed');
    },
  });
  const { code, message } = codeOf(() => createArena(smallLimits()));
  t.equal(code, 'arena-too-large');
  t.match(message, /cannot reserve an arena of 8 MiB; give --arena-mib less/);
});

t.test('limits out of range are refused by name, value and range', async (t) => {
  for (const options of [
    { workers: 0 },
    { workers: 32 },
    { eventsMax: 1.5 },
    { arenaBytes: -1 },
    { ringBytes: NaN },
  ]) {
    const [name] = Object.keys(options);
    const { code, message } = codeOf(() => resolveLimits(options));
    t.equal(code, 'bad-option');
    t.ok(message.startsWith(`${name} is `), message);
    t.match(message, /from \d+ to \d+/);
  }
});

t.test('a thread with other limits, or another buffer, does not attach', async (t) => {
  const limits = smallLimits();
  const arena = createArena(limits);
  t.equal(attachArena(arena.buffer, limits).words[HEADER.magic], arena.words[HEADER.magic]);
  for (const other of [
    smallLimits({ workers: 3 }),
    smallLimits({ eventsMax: 5 }),
    smallLimits({ ringBytes: 2 * MIB }),
    smallLimits({ claimBytesPerPlace: 256 }),
    smallLimits({ keysPerPlace: 3 }),
  ]) {
    t.equal(codeOf(() => attachArena(arena.buffer, other)).code, 'arena-mismatch');
  }
  t.equal(
    codeOf(() => attachArena(new SharedArrayBuffer(8 * MIB), limits)).code,
    'arena-mismatch',
    'not an arena',
  );
  const shorter = new SharedArrayBuffer(4 * MIB);
  new Int32Array(shorter).set(arena.words.subarray(0, PAGE_WORDS));
  t.equal(codeOf(() => attachArena(shorter, limits)).code, 'arena-mismatch', 'cut short');
  arena.words[HEADER.layoutVersion]++;
  t.equal(codeOf(() => attachArena(arena.buffer, limits)).code, 'arena-mismatch', 'made by other code');
});

t.test('regions lie one behind the other on lines of their own, whatever the limits', async (t) => {
  for (const limits of [
    smallLimits(),
    smallLimits({ workers: 31, eventsMax: 4096, arenaBytes: 64 * MIB, ringBytes: 3 * MIB }),
    smallLimits({ workers: 1, eventsMax: 1, arenaBytes: 9 * MIB + 4095 }),
  ]) {
    const at = arenaGeometry(limits);
    const starts = [at.threads, at.events, at.directory, at.pageBitmap, at.ring, at.heap];
    for (const start of starts) t.equal(start % LINE_WORDS, 0);
    t.same(
      [...starts].sort((a, b) => a - b),
      starts,
    );
    t.ok(at.directory + at.directorySize <= at.pageBitmap);
    t.ok(at.pageBitmap + Math.ceil(at.heapPages / 32) <= at.ring);
    t.ok((at.heap + at.heapPages * PAGE_WORDS) * 4 <= at.totalBytes);
    t.ok(at.directorySize >= limits.eventsMax * 2, 'the directory is never more than half full');
    t.equal(2 ** 32 % at.ringUnits, 0, 'units and their places wrap together');
    t.ok(at.ringUnits * 8 <= limits.ringBytes * 2 && at.ringUnits * 8 >= limits.ringBytes / 2);
  }
});

t.test('numbers of 53 bits are kept in two words', async (t) => {
  const { words } = createArena(smallLimits());
  for (const value of [0, 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 48 + 12_345, Number.MAX_SAFE_INTEGER]) {
    storeWide(words, 100, value);
    t.equal(loadWide(words, 100), value);
  }
});

t.test('an event slot outside of the arena is a bug', async (t) => {
  const arena = createArena(smallLimits());
  t.throws(() => eventBase(arena, -1), /lies within/);
  t.throws(() => eventBase(arena, 5), /lies within/);
});
