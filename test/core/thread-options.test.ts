import t from 'tap';
import { splitNodeOptions, threadOptions, withoutPreloads } from '../../src/core/thread-options.ts';

t.test('flags that preload a module go with their module, all others stay', (test) => {
  const cases: [string[], string[]][] = [
    [[], []],
    [['--import=a.mjs', '--cpu-prof'], ['--cpu-prof']],
    [['--import', 'a.mjs', '--max-old-space-size=64'], ['--max-old-space-size=64']],
    [['-r', './x.cjs', '--require', 'y', '--loader=z', '--enable-source-maps'], ['--enable-source-maps']],
    [['--important=1'], ['--important=1']],
  ];
  for (const [flags, kept] of cases) test.same(withoutPreloads(flags), kept, flags.join(' '));
  test.end();
});

t.test('NODE_OPTIONS is parted as Node parts it', (test) => {
  test.same(splitNodeOptions(''), []);
  test.same(splitNodeOptions(' --a  --b=1 '), ['--a', '--b=1']);
  test.same(splitNodeOptions('"--import=file:///a b.mjs" --c'), ['--import=file:///a b.mjs', '--c']);
  test.same(splitNodeOptions(String.raw`--title="say \"hi\""`), ['--title=say "hi"']);
  test.end();
});

t.test('a thread keeps the environment and loses the preloads', (test) => {
  const before = process.env['NODE_OPTIONS'];
  test.teardown(() => {
    if (before === undefined) delete process.env['NODE_OPTIONS'];
    else process.env['NODE_OPTIONS'] = before;
  });
  process.env['NODE_OPTIONS'] = '--import=x.mjs "--title=a b"';
  const { env, execArgv } = threadOptions();
  test.equal(env['NODE_OPTIONS'], '"--title=a b"');
  test.equal(env['PATH'], process.env['PATH']);
  test.notOk(execArgv.some((flag) => flag.startsWith('--import')));
  process.env['NODE_OPTIONS'] = '--import=x.mjs';
  test.notOk('NODE_OPTIONS' in threadOptions().env);
  test.end();
});
