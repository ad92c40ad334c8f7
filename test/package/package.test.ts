/**
 * The package as a user gets it: what is in it, that it installs, that its types hold, and that it sells a seat.
 *
 * npm installs it in CI (`FRONTROW_INSTALL=npm`) and in the long form. That takes it 8 s of processor time, so otherwise,
 * and where npm has neither cache nor network, the package is unpacked and the repository's dependencies are linked.
 * The test says which it was.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';
import type { Test } from 'tap';
import { nodeCommand } from '../support/node-command.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const INSTALL_MS = 60_000;
const byNpm = process.env['FRONTROW_INSTALL'] === 'npm' || process.env['FRONTROW_LONG'] !== undefined;

const run = promisify(execFile);
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
};
/** npm starts node, and nothing in there is the test runner's business. */
const { NODE_OPTIONS: _hooks, ...env } = process.env;

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

/** Without prepack: it would build anew under the feet of the other tests. */
async function pack(destination: string): Promise<Packed> {
  const argv = ['pack', '--json', '--ignore-scripts', '--pack-destination', destination];
  const { stdout } = await run('npm', argv, { cwd: ROOT, env });
  const packed = JSON.parse(stdout) as Packed[] | Record<string, Packed>;
  return Object.values(packed)[0];
}

/** Into `project`. What it resolves to says how. */
async function install(project: string, tarball: string): Promise<string> {
  if (!byNpm) {
    await unpack(project, tarball);
    return 'unpacked, with the repository’s dependencies linked: FRONTROW_INSTALL=npm installs it';
  }
  const argv = ['install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', tarball];
  try {
    await run('npm', argv, { cwd: project, env, timeout: INSTALL_MS });
    return 'installed by npm';
  } catch (error) {
    rmSync(join(project, 'node_modules'), { recursive: true, force: true });
    await unpack(project, tarball);
    const reason = (error as Error & { stderr?: string }).stderr?.trim() || (error as Error).message;
    return `unpacked, with the repository’s dependencies linked: npm could not install it here: ${reason}`;
  }
}

async function unpack(project: string, tarball: string): Promise<void> {
  const folder = join(project, 'node_modules', 'frontrow');
  mkdirSync(folder, { recursive: true });
  await run('tar', ['-xzf', tarball, '-C', folder, '--strip-components=1']);
  for (const name of Object.keys(manifest.dependencies)) link(project, name);
  mkdirSync(join(project, 'node_modules', '.bin'), { recursive: true });
  // As npm does with every command.
  chmodSync(join(folder, 'dist', 'src', 'cli', 'main.js'), 0o755);
  symlinkSync('../frontrow/dist/src/cli/main.js', join(project, 'node_modules', '.bin', 'frontrow'));
}

/** A package of the repository, in the project too. */
function link(project: string, name: string): void {
  const path = join(project, 'node_modules', name);
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules', name), path);
}

const SERVER_USE = `
import { createServer, FrontrowError, type FrontrowServer } from 'frontrow';
const server: FrontrowServer = await createServer({ dataDirectory: 'data', port: 0, workers: 1 });
const url: string = server.url;
const lost: FrontrowError = await server.lost;
// @ts-expect-error: a data directory is needed
await createServer({ port: 0 });
await server.close();
console.log(url, lost.code);
`;

const CLIENT_USE = `
import { FrontrowClient, FrontrowProblem, type Order, type ProblemCode } from 'frontrow/client';
const client = new FrontrowClient({ url: 'http://127.0.0.1:8080', retry: { attempts: 3 } });
const order: Order = await client.orders.create('gala', { items: [{ seat: 'stalls-A-12', type: 'adult' }] });
const seats: (string | undefined)[] = order.tickets.map((ticket) => ticket.seat);
for await (const update of client.events.changes('gala')) {
  if (update.type === 'change') console.log(update.seats['stalls-A-12'] === 's', seats);
}
const event = await client.events.get('gala');
if (event.state !== 'archived') console.log(event.sections.length);
// @ts-expect-error: there is no such state
if (event.state === 'gone') console.log(event);
try {
  // @ts-expect-error: a quantity is a number
  await client.holds.create('gala', { items: [{ section: 'floor', quantity: '2' }] });
} catch (error) {
  if (error instanceof FrontrowProblem && error.code === 'sold-out') console.log(error.available);
  // @ts-expect-error: a code that nobody says
  const code: ProblemCode = 'sold-in';
  console.log(code);
}
`;

/** Compiler options by name: how a project may look modules up, and one without Node's types for the client. */
const PROJECTS: Readonly<Record<string, object>> = {
  node16: { module: 'node16', moduleResolution: 'node16', types: ['node'] },
  nodenext: { module: 'nodenext', moduleResolution: 'nodenext', types: ['node'] },
  bundler: { module: 'esnext', moduleResolution: 'bundler', types: ['node'] },
  browser: {
    module: 'esnext',
    moduleResolution: 'bundler',
    types: [],
    lib: ['es2023', 'dom', 'dom.iterable'],
  },
};

async function typesHold(t: Test, project: string): Promise<void> {
  writeFileSync(join(project, 'server.ts'), SERVER_USE);
  writeFileSync(join(project, 'client.ts'), CLIENT_USE);
  link(project, '@types/node');
  const tsc = join(ROOT, 'node_modules', '.bin', 'tsc');
  for (const [name, options] of Object.entries(PROJECTS)) {
    // Each costs a second: the others are looked up in the same ways as these two.
    if (!byNpm && name !== 'nodenext' && name !== 'browser') continue;
    const isBrowser = name === 'browser';
    const config = {
      // Ours are looked into where nothing but ours is there.
      compilerOptions: { target: 'es2023', strict: true, noEmit: true, skipLibCheck: !isBrowser, ...options },
      files: isBrowser ? ['client.ts'] : ['client.ts', 'server.ts'],
    };
    const path = join(project, `tsconfig.${name}.json`);
    writeFileSync(path, JSON.stringify(config));
    const said = await run(tsc, ['-p', path], { cwd: project, env }).then(
      ({ stdout }) => stdout,
      (error: unknown) => (error as { stdout: string }).stdout,
    );
    t.equal(said, '', `types hold for ${name}`);
  }
}

/** What a shop would do: a server of its own by the library, and an order by the client, there and at `url`. */
const SHOP = `
import { createServer } from 'frontrow';
import { FrontrowClient } from 'frontrow/client';
const own = await createServer({ dataDirectory: 'own', port: 0, workers: 1, arenaBytes: 2 ** 26, segmentBytes: 2 ** 22 });
for (const url of [own.url, process.argv[2]]) {
  const client = new FrontrowClient({ url });
  const startsAt = '2027-01-15T19:00:00Z';
  await client.events.create({ id: 'quiz', name: 'Quiz night', state: 'open', startsAt, capacity: 120 });
  const order = await client.orders.create('quiz', { items: [{ section: 'general', quantity: 3 }] });
  const { sold } = await client.events.availability('quiz');
  console.log(order.tickets.length, sold);
}
await own.close();
`;

async function sells(t: Test, project: string): Promise<void> {
  const frontrow = join(project, 'node_modules', '.bin', 'frontrow');
  const version = await run(frontrow, ['--version'], { env });
  t.equal(version.stdout, `${manifest.version}\n`, 'frontrow --version');

  const flags = [
    '--data',
    join(project, 'data'),
    '--workers',
    '1',
    '--arena-mib',
    '64',
    '--segment-mib',
    '4',
  ];
  const serving = spawn(frontrow, ['serve', '--port', '0', ...flags], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  t.teardown(() => serving.kill('SIGKILL'));
  const exited = once(serving, 'exit');
  let text = '';
  const url = await new Promise<string>((resolve, reject) => {
    serving.stderr.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      const found = /listening on (http:\/\/\S+)/.exec(text)?.[1];
      if (found !== undefined) resolve(found);
    });
    serving.once('exit', (code) => reject(new Error(`serve ended with ${code}: ${text}`)));
  });
  writeFileSync(join(project, 'shop.js'), SHOP);
  const [command, argv] = nodeCommand([join(project, 'shop.js'), url]);
  const shop = await run(command, argv, { cwd: project });
  t.equal(shop.stdout, '3 3\n3 3\n', 'the library and the command sell, and the client buys');
  serving.kill('SIGTERM');
  t.same(await exited, [0, null], 'SIGTERM drains and exits 0');
}

t.setTimeout(120_000);

t.test('the package holds what it must and nothing else', { timeout: 110_000 }, async (t) => {
  // Not below the repository: whatever the package lacks would be found there.
  const directory = mkdtempSync(join(tmpdir(), 'frontrow-package-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const { filename, files } = await pack(directory);
  const paths = files.map(({ path }) => path);
  t.same(
    [...new Set(paths.map((path) => path.split('/')[0]))].sort(),
    ['CHANGELOG.md', 'LICENSE', 'README.md', 'dist', 'package.json'],
    'at the top',
  );
  const folders = new Set(paths.filter((path) => path.startsWith('dist/')).map((path) => path.split('/')[1]));
  t.same(
    [...folders].sort(),
    ['src', 'web', 'workers'],
    'of what is built: no tests, no benchmarks, nor their maps',
  );
  const threads = readdirSync(join(ROOT, 'dist', 'workers')).filter((name) => name.endsWith('.js'));
  for (const path of [
    'dist/src/index.d.ts',
    'dist/src/client/index.d.ts',
    ...threads.map((name) => `dist/workers/${name}`),
  ]) {
    t.ok(paths.includes(path), path);
  }

  const project = join(directory, 'shop');
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'shop', type: 'module' }));
  t.comment(await install(project, join(directory, filename)));
  await t.test('its types hold, however a project looks modules up', (t) => typesHold(t, project));
  await t.test('it serves, sells and ends', (t) => sells(t, project));
});
