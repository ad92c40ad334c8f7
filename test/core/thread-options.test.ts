import { spawnSync } from 'node:child_process';
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
  const { env } = threadOptions();
  test.equal(env['NODE_OPTIONS'], '"--title=a b"');
  test.equal(env['PATH'], process.env['PATH']);
  process.env['NODE_OPTIONS'] = '--import=x.mjs';
  test.notOk('NODE_OPTIONS' in threadOptions().env);
  test.end();
});

t.test('flags of the command line are inherited, unless one of them preloads', async (test) => {
  const before = process.execArgv;
  test.teardown(() => (process.execArgv = before));
  process.execArgv = ['--stack-trace-limit=5'];
  test.notOk('execArgv' in threadOptions());
  process.execArgv = ['--stack-trace-limit=5', '--import=x.mjs'];
  test.same(threadOptions().execArgv, []);
});

t.test('a process with flags of V8 and of its own starts threads', async (test) => {
  const file = new URL('../../src/core/thread-options.js', import.meta.url);
  const script = `
    import { Worker } from 'node:worker_threads';
    import { threadOptions } from '${file.href}';
    new Worker('', { eval: true, ...threadOptions() }).on('exit', (code) => process.exit(code));`;
  const flags = ['--max-semi-space-size=32', '--expose-gc', '--title=x', '--input-type=module', '-e', script];
  for (const preload of [[], ['--import=data:text/javascript,']]) {
    const { status, stderr } = spawnSync(process.execPath, [...preload, ...flags], {
      env: { NODE_OPTIONS: '--max-old-space-size=512' },
      encoding: 'utf8',
    });
    test.equal(status, 0, stderr);
  }
});
