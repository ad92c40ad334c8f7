import t from 'tap';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lockDirectory } from '../../src/journal/directory-lock.ts';

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
