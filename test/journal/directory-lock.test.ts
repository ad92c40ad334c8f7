import t from 'tap';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lockDirectory } from '../../src/journal/directory-lock.ts';
import { noSmallDisk, SmallDisk } from '../system/support/small-disk.ts';

const OWNER = { pid: process.pid, host: 'box', since: '2026-01-02T03:04:05.000Z' };
const HELD = {
  code: 'directory-in-use',
  message: `process ${process.pid} on box since 2026-01-02T03:04:05.000Z`,
};

for (const [name, options] of [
  ['flock', {}],
  ['the pid file', { flockCommand: 'no-such-program-here' }],
] as const) {
  t.test(`${name}: one holder, named in the refusal, and free after release`, async (test) => {
    const directory = test.testdir();
    const lock = lockDirectory(directory, OWNER, options);
    test.throws(() => lockDirectory(directory, OWNER, options), HELD);
    lock.release();
    lockDirectory(directory, OWNER, options).release();
  });
}

t.test('a pid file of a process that is gone is taken over', async (test) => {
  const directory = test.testdir();
  const path = join(directory, 'lock.pid');
  // Above the greatest pid_max of Linux, 2^22.
  writeFileSync(path, JSON.stringify({ ...OWNER, pid: 4_194_305 }));
  const lock = lockDirectory(directory, OWNER, { flockCommand: 'no-such-program-here' });
  lock.release();
  test.equal(existsSync(path), false);
});

t.test('a directory that is not there cannot be locked', async (test) => {
  const directory = join(test.testdir(), 'missing');
  test.throws(() => lockDirectory(directory, OWNER), { code: 'directory-unusable' });
});

t.test('a shorter text of the next holder leaves nothing of the longer one', async (test) => {
  const directory = test.testdir();
  lockDirectory(directory, { ...OWNER, host: 'a-box-with-a-longer-name' }).release();
  const lock = lockDirectory(directory, OWNER);
  test.equal(readFileSync(join(directory, 'lock'), 'utf8'), `${JSON.stringify(OWNER)}\n`);
  lock.release();
});

t.test('a full disk keeps nobody from a lock that needs no room', { skip: noSmallDisk }, async (test) => {
  const disk = await SmallDisk.mount(test, 1 << 20);
  const { directory } = disk;
  disk.fill();
  const lock = lockDirectory(directory, OWNER);
  test.throws(() => lockDirectory(directory, OWNER), {
    code: 'directory-in-use',
    message: 'another process',
  });
  lock.release();
  disk.makeRoom();
  lockDirectory(directory, OWNER).release();
  disk.fill();
  const since = '2026-02-03T04:05:06.000Z';
  const again = lockDirectory(directory, { ...OWNER, since });
  const named = { code: 'directory-in-use', message: since };
  test.throws(() => lockDirectory(directory, OWNER), named, 'the text of the last holder made room');
  again.release();
});

t.test(
  'a pid file without room for its text is no lock, and is not left',
  { skip: noSmallDisk },
  async (test) => {
    const disk = await SmallDisk.mount(test, 1 << 20);
    disk.fill();
    const before = readdirSync(disk.directory);
    const options = { flockCommand: 'no-such-program-here' };
    test.throws(() => lockDirectory(disk.directory, OWNER, options), {
      code: 'directory-unusable',
      message: 'ENOSPC',
    });
    test.strictSame(readdirSync(disk.directory), [...before, 'lock']);
  },
);
