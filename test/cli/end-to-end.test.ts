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
  limits: { maxHoldSeconds: 600, ticketsPerCustomer: 6 },
  categories: [
    {
      id: 'gold',
      name: 'Gold',
      prices: [
        { type: 'adult', price: 9000 },
        { type: 'child', price: 4500 },
      ],
    },
  ],
  sections: [
    { id: 'floor', name: 'Floor', kind: 'general', capacity: 10, price: 4500 },
    {
      id: 'stalls',
      name: 'Stalls',
      kind: 'seated',
      category: 'gold',
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
  const refused = async (expected: RegExp, ...argv: string[]): Promise<void> => {
    const ran = await run(url, argv);
    t.equal(ran.code, 3, argv.join(' '));
    t.match(ran.stderr, expected);
  };

  const created = await runProcess(url, ['event', 'create', '-', '--quiet'], JSON.stringify(GALA));
  t.match(created, { code: 0, stdout: 'gala\n' }, created.stderr);
  await refused(
    /sale-not-started[^]*frontrow event open gala/,
    'hold',
    'gala',
    '--customer',
    'c',
    '--seats',
    'stalls-A-1:adult',
  );
  t.match(await ok('event', 'open', 'gala'), /state +open/);
  t.match(
    await ok('event', 'list', '--availability'),
    /gala +open +2027-01-15 20:00 Europe\/Berlin +27 +27 /,
  );
  t.match(await ok('event', 'show', 'gala'), /stalls +Stalls +2 rows +17 +EUR 45\.00 to 90\.00/);
  t.match(
    await ok('event', 'edit', 'gala', '--section', 'floor', '--capacity', '12'),
    /floor +Floor +general +12/,
  );
  await refused(/version-mismatch/, 'event', 'edit', 'gala', '--name', 'x', '--if-match', '1');

  const seats = ['--seats', 'stalls-A-4:adult,stalls-A-5:child', '--expect-total', '13500'];
  const hold = (await ok('hold', 'gala', '--customer', 'c', ...seats, '--quiet')).trim();
  t.match(hold, /^hold_/);
  t.match(await ok('seats', 'gala'), / A {2}· · · h {4}h · · · {2}/);
  t.match(await ok('seat', 'gala', 'stalls-A-4'), new RegExp(`state +held\\n[^]*${hold}`));
  await refused(
    /seat-unavailable[^]*Nothing was changed/,
    'hold',
    'gala',
    '--customer',
    'd',
    '--seats',
    'stalls-A-5:adult',
  );
  await refused(/customer-limit/, 'hold', 'gala', '--customer', 'c', '--section', 'floor', '--quantity', '5');
  t.match(
    await ok('change', hold, '--add', 'floor=1', '--remove', 'stalls-A-5'),
    /floor +standard +1 +EUR 45\.00/,
  );
  t.match(await ok('extend', hold, '--seconds', '500'), /\(8 min/);
  t.equal(await ok('hold', 'list', 'gala', '--customer', 'c', '--state', 'held', '--quiet'), `${hold}\n`);

  const order = (await ok('confirm', hold, '--reference', 'pi', '--quiet')).trim();
  t.equal((await ok('confirm', hold, '--quiet')).trim(), order, 'again is the same order');
  const shown = await ok('order', 'show', order);
  t.match(shown, /total +EUR 135\.00[^]*reference +pi[^]*stalls-A-4 +adult +EUR 90\.00 +valid/);
  const { tickets } = JSON.parse(await ok('order', 'show', order, '--json')) as { tickets: { id: string }[] };
  const cancelled = await ok('order', 'cancel', order, '--ticket', tickets[0].id, '--to', 'blocked');
  t.match(cancelled, /cancelled +EUR 90\.00/);
  t.equal(await ok('order', 'list', 'gala', '--reference', 'pi', '-q'), `${order}\n`);
  t.match(await ok('order', 'create', 'gala', '--customer', 'e', '--item', 'floor=3'), /_3 +floor +standard/);

  t.match(await ok('block', 'gala', '--seats', 'stalls-B-1,stalls-B-2'), /changed +2 places are blocked/);
  t.match(await ok('unblock', 'gala', '--seats', 'stalls-B-1'), /changed +1 place is available again/);
  const floor = ['--customer', 'f', '--section', 'floor', '--quantity', '2', '--quiet'];
  const released = (await ok('hold', 'gala', ...floor)).trim();
  t.equal((await ok('release', released, '--quiet')).trim(), released);
  const map = await ok('seats', 'gala');
  t.match(map, /Floor \(floor\) · EUR 45\.00 {3}8 of 12 available/);
  t.match(map, / A {2}· · · b {4}· · · · {2}A/);
  t.match(map, /Total {2}23 of 29 available · 4 sold · 2 blocked/);

  const changes = (await ok('history', 'gala', '--json')).trim().split('\n');
  const kinds = changes.map((line) => (JSON.parse(line) as { kind: string }).kind);
  const first = ['defined', 'changed-event', 'changed-event', 'held', 'changed', 'extended', 'confirmed'];
  t.same(kinds, [...first, 'cancelled', 'ordered', 'blocked', 'unblocked', 'held', 'released']);
  t.equal((await ok('order', 'export', 'gala', '--format', 'csv')).split('\r\n').length, 1 + 5 + 1);
  await ok('event', 'pause', 'gala');
  await ok('event', 'close', 'gala');
  t.match(await ok('event', 'archive', 'gala', '--yes'), /state +archived[^]*sold +4/);
  await refused(/order-not-found/, 'order', 'show', order);

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
