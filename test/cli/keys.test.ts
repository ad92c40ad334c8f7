/** Keys on the command line: made, listed, given to a real server, and read again on SIGHUP. And `config`, and logs. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import type { Test } from 'tap';
import { config } from '../../src/cli/config.ts';
import { keyCreate } from '../../src/cli/key-create.ts';
import { keyList } from '../../src/cli/key-list.ts';
import { prettyStream } from '../../src/cli/log-pretty.ts';
import { painter } from '../../src/cli/style.ts';
import { hashOfKey } from '../../src/core/keys.ts';
import type { KeysFile } from '../../src/core/keys.ts';
import { nodeCommand } from '../support/node-command.ts';
import { runCli } from './run-cli.ts';
import type { Ran, RunOptions } from './run-cli.ts';

const MAIN = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));

function run(argv: readonly string[], options: RunOptions = {}): Promise<Ran> {
  return runCli(argv, { ...options, commands: [keyCreate, keyList, config] });
}

function fileOf(path: string): KeysFile {
  return JSON.parse(readFileSync(path, 'utf8')) as KeysFile;
}

t.test('key create shows the key on stdout alone, and what to keep of it beside', async (t) => {
  const ran = await run(['key', 'create', '--id', 'shop', '--role', 'sales', '--events', 'gala*,quiz']);
  t.equal(ran.code, 0);
  const key = ran.stdout.trim();
  t.equal(ran.stdout, `${key}\n`);
  t.notOk(ran.stderr.includes(key));
  const entry = { id: 'shop', role: 'sales', hash: hashOfKey(key), events: ['gala*', 'quiz'] };
  t.ok(ran.stderr.includes(JSON.stringify(entry)), ran.stderr);
  const json = await run(['key', 'create', '--id', 'door', '--role', 'reader', '--json']);
  const made = JSON.parse(json.stdout) as { key: string; entry: { hash: string } };
  t.match(made.entry, { id: 'door', role: 'reader', hash: hashOfKey(made.key) });
  for (const argv of [
    ['--id', 'a b', '--role', 'sales'],
    ['--id', 'a'],
    ['--id', 'a', '--role', 'boss'],
  ]) {
    const refused = await run(['key', 'create', ...argv]);
    t.match(refused, { code: 2, stdout: '' }, argv.join(' '));
  }
});

t.test('key create adds to a file, which stays whole, and with the rights it had', async (t) => {
  const folder = t.testdir();
  const path = join(folder, 'keys.json');
  const create = (id: string): Promise<Ran> =>
    run(['key', 'create', '--id', id, '--role', 'sales', '--file', path, '--quiet']);
  const first = await create('shop');
  t.equal(first.stderr, '');
  t.equal(statSync(path).mode & 0o777, 0o600);
  chmodSync(path, 0o640);
  symlinkSync(path, join(folder, 'link.json'));
  const second = await run([
    'key',
    'create',
    '--id',
    'shop',
    '--role',
    'sales',
    '--file',
    join(folder, 'link.json'),
  ]);
  t.match(second.stderr, /the older key of this id works on/);
  t.equal(statSync(path).mode & 0o777, 0o640);
  const hashes = fileOf(path).keys.map(({ hash }) => hash);
  t.same(
    hashes,
    [first, second].map(({ stdout }) => hashOfKey(stdout.trim())),
  );
  const before = readFileSync(path, 'utf8');
  const third = await create('shop');
  t.match(third, { code: 2, stdout: '', stderr: /at most 2 hashes/ });
  t.equal(readFileSync(path, 'utf8'), before);

  const listed = await run(['key', 'list', path]);
  t.match(listed, {
    code: 0,
    stdout: /shop +sales +all +2 keys: being replaced/,
    stderr: /WARNING.*mode 640/,
  });
  t.notMatch(listed.stdout, /sha256|[0-9a-f]{64}/);
  t.same(JSON.parse((await run(['key', 'list', path, '--json'])).stdout), {
    id: 'shop',
    role: 'sales',
    hashes: 2,
    events: ['*'],
  });
  writeFileSync(path, '{}');
  t.match(await run(['key', 'list', path]), { code: 2, stderr: /keys\.json: keys: it must be/ });
});

t.test('config shows what serve would run with, where it comes from, and no key', async (t) => {
  const path = join(
    t.testdir({ 'f.json': '{"port": 7000, "arenaMib": 64, "trust-proxy": ["10.0.0.0/8"]}' }),
    'f.json',
  );
  const env = { FRONTROW_PORT: '9000', FRONTROW_KEY: 'a-secret', FRONTROW_DRAIN_TIMEOUT: '5' };
  // yargs looks at the process's own environment.
  Object.assign(process.env, env);
  t.teardown(() => {
    for (const name of Object.keys(env)) delete process.env[name];
  });
  const argv = ['config', '--config', path, '--host', '::1', '--json'];
  const shown = await run(argv, { env });
  t.equal(shown.code, 0, shown.stderr);
  const settings = JSON.parse(shown.stdout) as Record<string, unknown>;
  t.match(settings, {
    port: { value: 9000, source: 'environment', from: 'FRONTROW_PORT' },
    'drain-timeout': { value: 5, source: 'environment' },
    'arena-mib': { value: 64, source: 'config file', from: path },
    'trust-proxy': { value: ['10.0.0.0/8'], source: 'config file' },
    host: { value: '::1', source: 'command line' },
    durability: { value: 'fsync', source: 'default' },
    'history-mib': { value: 1024, source: 'default' },
    keys: { value: null, source: 'default' },
    key: { value: '(hidden)' },
  });
  const table = await run(['config'], { env });
  t.match(table.stdout, /^port +9000 +environment FRONTROW_PORT$/m);
  t.match(table.stdout, /^host +127\.0\.0\.1 +default$/m);
  t.notMatch(table.stdout + shown.stdout, 'a-secret');
  t.match(await run(['config', '--host', '0.0.0.0']), {
    code: 2,
    stderr: /without --keys every caller is admin/,
  });
  t.match(await run(['config', '--port', '70000']), { code: 2 });
});

t.test('logs for people: a line each, and nothing in it that a terminal would act on', async (t) => {
  let text = '';
  const out = { write: (chunk: string) => (text += chunk) } as unknown as NodeJS.WritableStream;
  const stream = prettyStream(out, painter(false));
  const time = new Date(2026, 0, 2, 3, 4, 5, 6).getTime();
  const line = {
    level: 40,
    time,
    pid: 1,
    hostname: 'h',
    msg: 'turned\u001b[2J away\u202e',
    refused: { overloaded: 2 },
    path: 'a\u009bb',
  };
  stream.write(`${JSON.stringify(line)}\n`);
  t.equal(text, '03:04:05.006 WARN  turned\ufffd[2J away\ufffd refused={"overloaded":2} path=a\ufffdb\n');
  text = '';
  stream.write(
    `${JSON.stringify({ level: 50, time, msg: 'broken', err: { message: 'm', stack: 'Error: m\n  at x' } })}\n`,
  );
  t.equal(text, '03:04:05.006 ERROR broken\n    Error: m\n      at x\n');
  text = '';
  stream.write('not json\u0007\n');
  t.equal(text, 'not json\ufffd\n');
});

t.test('without keys the library listens on loopback only, too', async (t) => {
  const { createServer } = await import('../../src/server.ts');
  const dataDirectory = join(t.testdir(), 'data');
  await t.rejects(createServer({ dataDirectory, host: '0.0.0.0' }), {
    code: 'bad-option',
    message: /without keys every caller is admin/,
  });
  await t.rejects(createServer({ dataDirectory, keys: { keys: [{ id: '', role: 'admin', hash: '' }] } }), {
    code: 'bad-option',
    message: /entry 1/,
  });
  t.equal(statSync(dataDirectory, { throwIfNoEntry: false }), undefined, 'nothing was made');
});

interface Running {
  readonly url: string;
  readonly child: ChildProcess;
  /** The next line of stderr that matches. */
  line(pattern: RegExp): Promise<string>;
}

async function serve(t: Test, data: string, argv: readonly string[]): Promise<Running> {
  const small = [
    '--workers',
    '1',
    '--arena-mib',
    '16',
    '--ring-mib',
    '1',
    '--segment-mib',
    '4',
    '--port',
    '0',
  ];
  const child = spawn(...nodeCommand([MAIN, 'serve', ...small, '--data', data, ...argv]), {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  const lines = createInterface({ input: child.stderr })[Symbol.asyncIterator]();
  const line = async (pattern: RegExp): Promise<string> => {
    for (;;) {
      const next = await lines.next();
      if (next.done === true) throw new Error(`ended before ${String(pattern)}`);
      if (pattern.test(next.value)) return next.value;
    }
  };
  const url = (await line(/listening on/)).split('listening on ')[1].replace('0.0.0.0', '127.0.0.1');
  return { url, child, line };
}

t.test(
  'a server with keys listens for others; SIGHUP takes new keys, a bad file none, and drops nothing',
  async (t) => {
    const folder = t.testdir();
    const path = join(folder, 'keys.json');
    const write = (...keys: readonly [string, string][]): void =>
      writeFileSync(
        path,
        JSON.stringify({ keys: keys.map(([id, key]) => ({ id, role: 'admin', hash: hashOfKey(key) })) }),
        { mode: 0o600 },
      );
    write(['ops', 'old']);
    const { url, child, line } = await serve(t, join(folder, 'data'), [
      '--host',
      '0.0.0.0',
      '--keys',
      path,
      '--durability',
      'none',
    ]);
    const status = async (key: string): Promise<number> => {
      const reply = await fetch(`${url}/v1/holds/hold_x`, { headers: { authorization: `Bearer ${key}` } });
      await reply.arrayBuffer();
      return reply.status;
    };
    t.same([await status('old'), await status('new')], [404, 401]);

    let stopped = false;
    const statuses = new Set<number>();
    const hammer = async (): Promise<void> => {
      while (!stopped) statuses.add(await status('old'));
    };
    const hammering = [hammer(), hammer()];
    write(['ops', 'old'], ['ops', 'new']);
    child.kill('SIGHUP');
    await line(/keys reloaded/);
    t.same([await status('old'), await status('new')], [404, 404], 'both while rotating');
    writeFileSync(path, '{"keys": [{"id": "ops", "role": "boss"}]}');
    child.kill('SIGHUP');
    t.match(await line(/no good/), /role must be reader, sales or admin/);
    t.same([await status('old'), await status('new')], [404, 404], 'the old ones stay');
    stopped = true;
    await Promise.all(hammering);
    t.same([...statuses], [404], 'no request was dropped or refused');
    write(['ops', 'new']);
    child.kill('SIGHUP');
    await line(/keys reloaded/);
    t.same([await status('old'), await status('new')], [401, 404]);
    child.kill('SIGTERM');
    t.same(await once(child, 'exit'), [0, null]);
  },
);
