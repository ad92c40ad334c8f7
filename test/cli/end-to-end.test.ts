/**
 * The command line against the real server: one process serves a temporary directory, and commands do what a person
 * would. The commands run in this process, but for those whose exit or stdin is the point: each process costs half a
 * second of loading.
 */
import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { nodeCommand } from '../support/node-command.ts';
import { runCli } from './run-cli.ts';

const MAIN = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));

interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(url: string, argv: readonly string[]): Promise<Ran> {
  return runCli([...argv, '--url', url]);
}

async function runProcess(url: string, argv: readonly string[], stdin = ''): Promise<Ran> {
  const child = spawn(...nodeCommand([MAIN, ...argv]), { env: { ...process.env, FRONTROW_URL: url } });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  child.stdin.end(stdin);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}

/** Resolves with the child and its URL; rejects when it ends before it listens. */
function serve(
  directory: string,
  ...flags: string[]
): Promise<{ child: ChildProcessWithoutNullStreams; url: string }> {
  const argv = ['serve', '--port', '0', '--workers', '1', '--data', directory, '--arena-mib', '64', ...flags];
  const child = spawn(...nodeCommand([MAIN, ...argv]));
  return new Promise((resolve, reject) => {
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
      const url = /listening on (http:\/\/\S+)/.exec(stderr)?.[1];
      if (url !== undefined) resolve({ child, url });
    });
    child.once('exit', (code) => reject(new Error(`serve ended with ${code}: ${stderr}`)));
  });
}

const GALA = {
  id: 'gala',
  name: 'Winter Gala',
  startsAt: '2027-01-15T19:00:00Z',
  timeZone: 'Europe/Berlin',
  currency: 'EUR',
  sections: [
    { id: 'floor', name: 'Floor', kind: 'general', capacity: 10, price: 4500 },
    {
      id: 'stalls',
      name: 'Stalls',
      kind: 'seated',
      price: 9000,
      rows: [
        { id: 'A', seats: ['1..4', null, '5..8'] },
        { id: 'B', seats: ['1..8', { id: '9', features: ['wheelchair'] }] },
      ],
    },
  ],
};

t.test('an evening at the box office', async (t) => {
  const directory = t.testdir();
  const { child, url } = await serve(directory);
  t.teardown(() => child.kill('SIGKILL'));
  const ok = async (...argv: string[]): Promise<string> => {
    const ran = await run(url, argv);
    t.equal(ran.code, 0, `${argv.join(' ')}: ${ran.stderr}`);
    return ran.stdout;
  };

  const argv = ['event', 'create', '-', '--open', '--quiet'];
  const created = await runProcess(url, argv, JSON.stringify(GALA));
  t.match(created, { code: 0, stdout: 'gala\n' }, created.stderr);
  t.match(await ok('event', 'list'), /gala +open +2027-01-15 20:00 Europe\/Berlin +27 /);
  t.match(await ok('event', 'show', 'gala'), /stalls +Stalls +2 rows +17 +EUR 90\.00/);

  const seats = ['--seats', 'stalls-A-4,stalls-A-5'];
  const hold = (await ok('hold', 'gala', '--customer', 'c', ...seats, '--quiet')).trim();
  t.match(hold, /^hold_/);
  t.match(await ok('seats', 'gala'), / A {2}· · · h {4}h · · · {2}/);
  t.match(await ok('seat', 'gala', 'stalls-A-4'), new RegExp(`state +held\\n[^]*${hold}`));
  const taken = await run(url, ['hold', 'gala', '--seats', 'stalls-A-5']);
  t.equal(taken.code, 3, 'refused');
  t.match(taken.stderr, /seat-unavailable[^]*Nothing was changed/);

  const order = (await ok('confirm', hold, '--reference', 'pi', '--quiet')).trim();
  t.equal((await ok('confirm', hold, '--quiet')).trim(), order, 'again is the same order');
  t.match(
    await ok('order', 'show', order),
    /total +EUR 180\.00[^]*reference +pi[^]*stalls-A-5 +EUR 90\.00 +valid/,
  );
  const tickets = JSON.parse(await ok('order', 'show', order, '--json')) as { tickets: { id: string }[] };
  t.match(await ok('order', 'cancel', order, '--tickets', tickets.tickets[0].id), /cancelled +EUR 90\.00/);

  const floor = (await ok('hold', 'gala', '--section', 'floor', '--quantity', '2', '--quiet')).trim();
  t.equal((await ok('release', floor, '--quiet')).trim(), floor);
  const map = await ok('seats', 'gala');
  t.match(map, /Floor \(floor\) · EUR 45\.00 {3}10 of 10 available/);
  t.match(map, / B {2}· · · · · · · · W +B/);
  t.match(map, /Total {2}26 of 27 available · 1 sold/);

  const changes = (await ok('history', 'gala', '--json')).trim().split('\n');
  const kinds = changes.map((line) => (JSON.parse(line) as { kind: string }).kind);
  t.same(kinds, ['defined', 'held', 'confirmed', 'cancelled', 'held', 'released']);

  t.equal((await run(url, ['seats', 'nowhere'])).code, 3);
  t.equal((await run(url, ['hold', 'gala', '--bogus'])).code, 2);

  const second = spawn(...nodeCommand([MAIN, 'serve', '--port', '0', '--data', directory]), {
    stdio: 'ignore',
  });
  t.same(await once(second, 'exit'), [11, null], 'one process a directory');

  child.removeAllListeners('exit');
  child.kill('SIGTERM');
  t.same(await once(child, 'exit'), [0, null], 'SIGTERM drains and exits 0');
  t.equal((await runProcess(url, ['event', 'list'])).code, 5, 'gone');
});

t.test('the demo, and a bench that adds up', async (t) => {
  const { child, url } = await serve(t.testdir(), '--demo');
  t.teardown(() => child.kill('SIGKILL'));
  t.same((await run(url, ['event', 'list', '--quiet'])).stdout.split('\n').sort(), ['', 'club', 'hall']);
  t.match((await run(url, ['seats', 'hall'])).stdout, /Total {2}1,984 of 1,984 available/);
  const bench = await runProcess(url, ['bench', '--connections', '4', '--duration', '1', '--event', 'club']);
  t.equal(bench.code, 0, bench.stdout + bench.stderr);
  t.match(bench.stdout, /general: acknowledged = sold/);
});
