/** Completion: what is offered at each place of a command line, and the scripts that ask. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { writeFileSync } from 'node:fs';
import t from 'tap';
import { startBoxOffice } from './box-office.ts';
import { runCli } from './run-cli.ts';

async function offered(words: readonly string[], env: Record<string, string> = {}): Promise<string[]> {
  const ran = await runCli(['__complete', ...words], { env });
  t.match(ran, { code: 0, stderr: '' });
  return ran.stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => line.split('\t')[0]);
}

t.test('commands, groups, options, values and event ids are offered where they can stand', async (t) => {
  const server = await startBoxOffice();
  t.teardown(() => server.close());
  const env = { FRONTROW_URL: server.url };
  const start = await offered(['']);
  for (const word of ['event', 'order', 'hold', 'seats', 'buy', 'completion'])
    t.ok(start.includes(word), word);
  t.equal(new Set(start).size, start.length, 'each once');
  t.same(await offered(['sea']), ['seats', 'seat']);
  t.same(await offered(['event', 'p']), ['pause']);
  t.same(await offered(['order', 'list', '--state', '']), ['confirmed', 'cancelled']);
  t.same(await offered(['event', 'list', '--state', 'a']), ['archived']);
  t.same(await offered(['hold', 'gala', '--adjacent', '']), ['required', 'preferred']);
  t.same(await offered(['completion', 'z']), ['zsh']);
  t.same(await offered(['confirm', 'hold_X', '--re']), ['--reference', '--retake']);
  t.same(await offered(['confirm', '--retake', '--ret']), [], 'an option is offered once');
  t.same(await offered(['seats', ''], env), ['gala', 'opera', 'tour']);
  t.same(await offered(['event', 'open', 'o'], env), ['opera']);
  t.same(await offered(['seats', '--section', 'stalls', 'g'], env), ['gala']);
  t.same(await offered(['bench', '--event', 'g'], env), ['gala']);
  t.same(await offered(['hold', ''], env), ['show', 'list', 'gala', 'opera', 'tour']);
  t.same(await offered(['seats', '--url', server.url, 'o']), ['opera']);
  t.same(await offered(['seat', 'gala', '']), [], 'nothing is made up');
  const described = (await runCli(['__complete', 'releas'])).stdout;
  t.equal(described, "release\tGive a hold's places back\n");
});

t.test('a server that keeps silent keeps nobody waiting', async (t) => {
  const silent = createServer();
  t.teardown(() => silent.close());
  silent.listen(0, '127.0.0.1');
  await once(silent, 'listening');
  silent.on('connection', (socket) => socket.unref());
  const { port } = silent.address() as AddressInfo;
  const started = performance.now();
  t.same(await offered(['seats', ''], { FRONTROW_URL: `http://127.0.0.1:${port}` }), []);
  t.ok(performance.now() - started < 5000, 'given up after 300 ms, give or take a busy machine');
});

t.test('the shell is the one named, else that of $SHELL, else asked for', async (t) => {
  const named = await runCli(['completion', 'fish']);
  t.match(named.stdout, /complete -c frontrow -l key-file -r -F/);
  t.match((await runCli(['completion'], { env: { SHELL: '/usr/bin/zsh' } })).stdout, /^#compdef frontrow/);
  t.match(await runCli(['completion'], { env: { SHELL: '/bin/csh' } }), { code: 2, stdout: '' });
  t.match(await runCli(['completion', 'tcsh']), { code: 2, stdout: '' });
});

t.test('bash takes the script and offers what comes back, words with spaces kept apart', async (t) => {
  const directory = t.testdir();
  const script = join(directory, 'completion.bash');
  writeFileSync(script, (await runCli(['completion', 'bash'])).stdout);
  const lines = [
    `source ${script}`,
    // Stands for the program: says what it was asked.
    `frontrow() { printf 'asked\\t%s\\n' "$*" >&2; printf 'one\\tthe first\\ntwo\\n'; }`,
    'COMP_WORDS=(frontrow seats "")',
    'COMP_CWORD=2',
    '_frontrow 2>/dev/null',
    'printf "%s|" "${COMPREPLY[@]}"',
  ];
  t.equal(execFileSync('bash', ['-c', lines.join('\n')], { encoding: 'utf8' }), 'one|two|');
});
