/** The real process: a pipe that closes, a signal, an exit code, the environment. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { deadUrl, startFakeServer } from '../client/fake-server.ts';
import { PLAIN_ORDER } from './sample-claims.ts';
import { ARENA, sellingWell, stateOf } from './sample-events.ts';
import { nodeCommand } from '../support/node-command.ts';

const MAIN = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));

t.test('a reader that goes away is no failure: EPIPE exits 0', async (t) => {
  const data = Array.from({ length: 500 }, () => PLAIN_ORDER);
  // A list without end: only the closed pipe can end the command.
  const server = await startFakeServer(() => ({ status: 200, body: { data, next: 'more' } }));
  t.teardown(() => server.close());
  const child = spawn(...nodeCommand([MAIN, 'order', 'list', 'x', '--url', server.url]));
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  await once(child.stdout, 'data');
  child.stdout.destroy();
  const [code] = (await once(child, 'exit')) as [number | null];
  t.equal(code, 0, stderr);
  t.equal(stderr, '');
});

t.test('SIGINT ends a watch with 0', async (t) => {
  const { seats, availability } = stateOf(ARENA, sellingWell);
  const server = await startFakeServer(({ path }) => ({
    status: 200,
    body: path.includes('/seats') ? seats : path.endsWith('/availability') ? availability : ARENA,
  }));
  t.teardown(() => server.close());
  const child = spawn(...nodeCommand([MAIN, 'seats', 'arena', '--watch']), {
    env: { ...process.env, FRONTROW_URL: server.url },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  child.kill('SIGINT');
  child.stdout.resume();
  const [code] = (await once(child, 'exit')) as [number | null];
  t.equal(code, 0);
});

t.test('the exit code leaves the process', async (t) => {
  const url = await deadUrl();
  const child = spawn(...nodeCommand([MAIN, 'event', 'list', '--url', url]), { stdio: 'ignore' });
  t.same(await once(child, 'exit'), [5, null]);
});

t.test('the built command is executable, so that npx runs it after every build', (t) => {
  t.equal(statSync(MAIN).mode & 0o111, 0o111);
  t.end();
});
