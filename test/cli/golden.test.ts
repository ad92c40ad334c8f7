/** What a person sees of every command: at 80 and 120 columns, with colour, and in a pipe. */
import t from 'tap';
import { CLIENT_COMMANDS } from '../../src/cli/commands.ts';
import { startBoxOffice } from './box-office.ts';
import { matchGolden } from './golden-files.ts';
import { runCli } from './run-cli.ts';
import type { Ran, RunOptions } from './run-cli.ts';
import { HOLD, ORDER } from './sample-claims.ts';

const PLACES = ['--seats', 'stalls-A-3:adult,stalls-A-4:child', '--item', 'stand=2'];

/** Command name, what is typed after it, what stands on stdin. */
const CASES: readonly (readonly [name: string, args: readonly string[], stdin?: string])[] = [
  ['event list', []],
  ['event list', ['--availability', '--state', 'open,paused,archived']],
  ['event create', ['-'], '{"id":"opera"}'],
  ['event show', ['opera']],
  ['event show', ['revue']],
  ['event edit', ['opera', '--name', 'Zauberflöte']],
  ['event open', ['opera']],
  ['event pause', ['opera']],
  ['event close', ['opera']],
  ['event archive', ['opera', '--yes']],
  ['seats', ['opera']],
  ['seat', ['opera', 'stalls-A-3']],
  ['history', ['opera']],
  ['hold', ['opera', '--customer', 'c-81', ...PLACES]],
  ['hold show', [HOLD.id]],
  ['hold list', ['opera']],
  ['change', [HOLD.id, '--add', 'stand=1', '--remove', 'stalls-A-4']],
  ['extend', [HOLD.id, '--seconds', '600']],
  ['confirm', [HOLD.id, '--reference', 'pi_3N']],
  ['release', [HOLD.id]],
  ['order create', ['opera', ...PLACES]],
  ['order show', [ORDER.id]],
  ['order list', ['opera']],
  ['order cancel', [ORDER.id, '--to', 'blocked']],
  ['order export', ['opera']],
  ['order export', ['opera', '--format', 'csv']],
  ['block', ['opera', '-'], 'stalls-A-1\nstalls-A-2\n'],
  ['unblock', ['opera', '--section', 'stand', '--quantity', '2']],
  ['completion', ['bash']],
  ['completion', ['zsh']],
  ['completion', ['fish']],
];

/** These print what no golden file can hold: they talk, or they measure. Their own tests look at them. */
const ELSEWHERE = ['buy', 'bench'];

const LOOKS: readonly (readonly [title: string, options: RunOptions])[] = [
  ['80 columns, colour', { columns: 80 }],
  ['120 columns', { columns: 120, env: { NO_COLOR: '1' } }],
  ['pipe', {}],
];

t.test('every command looks as we liked it', async (t) => {
  const server = await startBoxOffice();
  t.teardown(() => server.close());
  const counts = new Map<string, number>();
  for (const [name, args, stdin = ''] of CASES) {
    const count = (counts.get(name) ?? 0) + 1;
    counts.set(name, count);
    const shown: string[] = [`$ frontrow ${[name, ...args].join(' ')}`];
    const seen = new Map<string, string>();
    const show = (title: string, text: string): void => {
      const same = seen.get(text);
      shown.push(`=== ${title}${same === undefined ? `\n${text}` : `: as ${same}`}`);
      if (same === undefined) seen.set(text, title);
    };
    for (const [title, options] of LOOKS) {
      const argv = [...name.split(' '), ...args, '--url', server.url];
      const text = textOf(await runCli(argv, { ...options, stdin }));
      // Colour only colours: what is left without it is what NO_COLOR shows.
      if (title.endsWith('colour')) show('80 columns', text.replaceAll(/␛\[\d+m/g, ''));
      show(title, text);
    }
    const file = `${name.replace(' ', '-')}${count === 1 ? '' : `-${count}`}`;
    matchGolden(t, `commands/${file}`, `${shown.join('\n')}\n`);
  }
  const covered = new Set([...counts.keys(), ...ELSEWHERE]);
  t.same(
    CLIENT_COMMANDS.map((command) => command.name).filter((name) => !covered.has(name)),
    [],
    'every command is looked at',
  );
});

/** Stdout as it is, escapes made visible; then stderr and the exit where they say something. */
function textOf(ran: Ran): string {
  const stderr = ran.stderr === '' ? '' : `--- stderr\n${ran.stderr}`;
  const code = ran.code === 0 ? '' : `--- exit ${ran.code}\n`;
  return `${ran.stdout}${stderr}${code}`.replaceAll('\x1b', '␛').replaceAll('\r', '␍').replace(/\n$/, '');
}

t.test('with --json every line is JSON, with --quiet there are ids alone', async (t) => {
  const server = await startBoxOffice();
  t.teardown(() => server.close());
  const seen = new Set(['completion']);
  for (const [name, args, stdin = ''] of CASES) {
    if (seen.has(name)) continue;
    seen.add(name);
    const argv = [...name.split(' '), ...args, '--url', server.url];
    const json = (await runCli([...argv, '--json'], { stdin })).stdout;
    t.ok(json.endsWith('\n'), name);
    for (const line of json.trimEnd().split('\n')) t.type(JSON.parse(line), 'object');
    if (name === 'order export') continue;
    const quiet = await runCli([...argv, '--quiet'], { stdin });
    t.match(quiet.stdout, /^([A-Za-z0-9_-]+\n)+$/, `${name} --quiet`);
    t.equal(quiet.stderr, '', 'nothing else is said');
  }
});
