/** Arguments, environment, config file and exit codes: what is the same for every command. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { deadUrl, problem, startFakeServer } from '../client/fake-server.ts';
import type { Asked, Canned, FakeServer } from '../client/fake-server.ts';
import { CLIENT_COMMANDS } from '../../src/cli/commands.ts';
import { runCli } from './run-cli.ts';
import { GALA, sellingWell, stateOf } from './sample-events.ts';

async function serverFor(
  test: Pick<typeof t, 'teardown'>,
  reply: (asked: Asked) => Canned,
): Promise<FakeServer> {
  const server = await startFakeServer(reply);
  test.teardown(() => server.close());
  return server;
}

const SUMMARY = { ...GALA, capacity: 5084, sections: undefined };

t.test('wrong use exits 2, with the reason and one line of help, and nothing on stdout', async (t) => {
  const cases: [string[], RegExp][] = [
    [[], /a command is needed\n {2}Try: frontrow --help/],
    [['seatz'], /no command seatz; did you mean seats\?/],
    [['event', 'shw'], /no command event shw; did you mean event show\?/],
    [['frobnicate'], /no command frobnicate; there are: /],
    [['event'], /event needs one of: list, create, show/],
    [['hold'], /hold needs <event>\n {2}Try: frontrow hold --help/],
    [['hold', 'gala'], /say what to hold/],
    [['hold', 'gala', '--quantity', '2'], /--quantity goes with --section/],
    [
      ['hold', 'gala', '--section', 'x', '--quantity', '0'],
      /--quantity takes a whole number from 1 to 100, not 0/,
    ],
    [['hold', 'gala', '--section', 'x', '--quantity', 'two'], /--quantity takes a number/],
    [['hold', 'gala', '--quantty', '2'], /hold takes no quantty; did you mean --quantity\?/],
    [['hold', 'gala', '--customer', 'a', '--customer', 'b'], /--customer is given more than once/],
    [['hold', 'gala', '--customer'], /customer/],
    [['seats', 'gala', 'extra'], /seats takes no extra/],
    [['seats', 'gala', '--row', 'A'], /--row goes with --section/],
    [['seats', 'gala', '--url', 'nonsense'], /--url nonsense is not/],
    [['hold', 'gala', '--seats', 'A12'], /--seats A12: a seat is section-row-number/],
    [['hold', 'gala', '--seats', 'stalls-A-1:'], /a seat is section-row-number/],
    [['hold', 'gala', '--item', 'floor=0'], /--item floor=0: after the section comes = and a number/],
    [['hold', 'gala', '--item', 'floor=2:adult:child'], /is not SECTION=QUANTITY\[:TYPE\]/],
    [['hold', 'gala', '--type', 'adult'], /--type goes with --seats/],
    [
      ['hold', 'gala', '--section', 'x', '--quantity', '1', '--metadata', '[1]'],
      /--metadata does not hold a JSON/,
    ],
    [
      ['hold', 'gala', '--section', 'x', '--quantity', '1', '--expect-total', '-1'],
      /--expect-total takes a whole/,
    ],
    [['hold', 'gala', '-'], /stdin is not JSON/],
    [
      ['hold', 'list', 'gala', '--state', 'open'],
      /--state takes held, confirmed, released, expired; not open/,
    ],
    [['hold', 'show'], /hold show needs <hold>\n {2}Try: frontrow hold show --help/],
    [['change', 'hold_x'], /say what to change: --add, --remove, or both/],
    [['change', 'hold_x', '--remove', 'stalls-A-1:adult'], /a seat goes without a type/],
    [['change', 'hold_x', '--remove', 'stalls=2:required'], /required is for places to add/],
    [['extend', 'hold_x'], /Missing required argument: seconds/],
    [['extend', 'hold_x', '--seconds', '0'], /--seconds takes a whole number from 1/],
    [['confirm', 'hold_x', '--metadata', 'x'], /--metadata is not JSON/],
    [['confirm'], /confirm needs <hold>/],
    [['release', 'a', 'b'], /release takes no b/],
    [['order', 'create', 'gala'], /say what to book/],
    [['order', 'list', 'gala', '--limit', '0'], /--limit takes a whole number from 1/],
    [['order', 'cancel', 'order_x', '--to', 'nowhere'], /Invalid values: Argument: to, Given: "nowhere"/],
    [['order', 'export', 'gala', '--format', 'xml'], /Invalid values: Argument: format/],
    [['order', 'show', ''], /ORDER is empty/],
    [['block', 'gala'], /say what to block: --seats, --section with --quantity, --item, or -/],
    [['block', 'gala', '--item', 'floor=2:adult'], /have no price type/],
    [['unblock', 'gala', '-'], /say what to unblock/],
    [['event', 'list', '--state', 'sold'], /--state takes draft, open, paused, closed, archived; not sold/],
    [['event', 'edit', 'gala'], /say what to change: options such as --name/],
    [['event', 'edit', 'gala', '--price', '5'], /--price goes with --section/],
    [['event', 'edit', 'gala', '--section', 'x'], /--section goes with --capacity or --price/],
    [['event', 'edit', 'gala', '--tickets-per-customer', '0'], /takes a whole number from 1, or none; not 0/],
    [['event', 'open', 'gala', '--if-match', 'x'], /--if-match takes a number/],
    [['event', 'archive', 'gala'], /give --yes/],
    [['history', 'gala', '--after', '-1'], /--after takes a whole number from 0/],
    [['buy'], /needs a terminal/],
    [['completion', 'tcsh'], /say for which shell: bash, zsh, fish/],
    [['event', 'create'], /give --name, --starts-at, --capacity, or a JSON file/],
    [['event', 'create', '/nowhere/x.json'], /cannot be read/],
    [['event', 'list', '--key', 's3cret'], /never an argument/],
    [['event', 'list', '--key-file', '/nowhere/key'], /--key-file \/nowhere\/key cannot be read/],
  ];
  for (const [argv, expected] of cases) {
    const ran = await runCli(argv);
    t.equal(ran.code, 2, argv.join(' '));
    t.match(ran.stderr, expected);
    t.equal(ran.stdout, '');
    t.ok(ran.stderr.trimEnd().split('\n').length <= 2, 'two lines at most');
    t.notMatch(ran.stderr, /s3cret/, 'a key is not repeated');
  }
});

t.test('every command has help with examples that are of this program', async (t) => {
  const log = t.capture(console, 'log');
  for (const command of CLIENT_COMMANDS) {
    t.ok(command.examples.length > 0, command.name);
    for (const [example] of command.examples) {
      const words = example.split(/[\s|]+/).filter((word) => word.startsWith('--'));
      const own = command.name === 'event archive' ? ['format', 'output'] : Object.keys(command.options);
      const known = new Set([...own, 'json', 'quiet', 'yes', 'section', 'row']);
      t.same(
        words.filter((word) => !known.has(word.slice(2))),
        [],
        example,
      );
    }
    t.equal((await runCli([...command.name.split(' '), '--help'])).code, 0);
    t.match(String(log().at(-1)?.args[0]), `frontrow ${command.name}`);
  }
});

t.test('help and version are data, and exit 0', async (t) => {
  const log = t.capture(console, 'log');
  t.equal((await runCli(['--version'])).code, 0);
  t.equal((await runCli(['hold', '--help'])).code, 0);
  const text = log()
    .map((call) => String(call.args[0]))
    .join('\n');
  t.match(text, /0\.0\.0/);
  t.match(text, /--adjacent/);
});

t.test('refused exits 3 and says what was kept and what to try', async (t) => {
  const { url } = await serverFor(t, () =>
    problem(409, 'seat-unavailable', {
      seats: ['stalls-A-12'],
      detail: 'A seat is not available',
      requestId: 'r-7',
    }),
  );
  const ran = await runCli(['hold', 'gala', '--seats', 'stalls-A-12', '--url', url]);
  t.equal(ran.code, 3);
  t.equal(ran.stdout, '');
  t.match(ran.stderr, /^frontrow: seat-unavailable: A seat is not available \(stalls-A-12\)\n/);
  t.match(ran.stderr, /Nothing was changed\.\n {2}Try: frontrow seats gala\n {2}Request: r-7/);
});

t.test('an invalid request names each field', async (t) => {
  const errors = [{ pointer: '/startsAt', code: 'bad-time', detail: 'is not a time' }];
  const { url } = await serverFor(t, () => problem(422, 'invalid-request', { errors }));
  const ran = await runCli(['event', 'create', '-', '--url', url], { stdin: '{"name":"x"}' });
  t.equal(ran.code, 3);
  t.match(ran.stderr, '/startsAt: is not a time (bad-time)');
});

t.test('an unknown outcome exits 4 and gives the key to ask again with', async (t) => {
  const { url } = await serverFor(t, () => ({ status: 0, cut: true }));
  const ran = await runCli(['hold', 'gala', '--seats', 'a-A-1', '--idempotency-key', 'k-9', '--url', url]);
  t.equal(ran.code, 4);
  t.match(ran.stderr, /not known/);
  t.match(ran.stderr, /--idempotency-key k-9/);
  const lost = await serverFor(t, () => problem(500, 'outcome-unknown', { applied: null }));
  t.equal((await runCli(['release', 'hold_1', '--url', lost.url])).code, 4);
});

t.test('unreachable exits 5, a broken server 1', async (t) => {
  t.equal((await runCli(['event', 'list', '--url', await deadUrl()])).code, 5);
  const broken = await serverFor(t, () => problem(500, 'internal-error', { applied: null }));
  t.equal((await runCli(['event', 'list', '--url', broken.url])).code, 1);
  const other = await serverFor(t, () => ({ status: 200, body: '<html>' }));
  t.equal((await runCli(['event', 'list', '--url', other.url])).code, 1);
});

t.test(
  'options come from FRONTROW_* and a config file; the command line wins; foreign ones are left alone',
  async (t) => {
    const server = await serverFor(t, () => ({ status: 200, body: { data: [SUMMARY], next: null } }));
    const dead = await deadUrl();
    // Set one by one: yargs keeps the object that process.env was when it was loaded.
    const variables = {
      FRONTROW_URL: server.url,
      FRONTROW_WORKERS: '3',
      FRONTROW_KEY: 'k',
      FRONTROW_LONG: '1',
    };
    Object.assign(process.env, variables);
    t.teardown(() => {
      for (const name of Object.keys(variables)) delete process.env[name];
    });
    t.equal((await runCli(['event', 'list'])).code, 0, 'from the environment');
    t.equal((await runCli(['event', 'list', '--url', dead])).code, 5, 'the command line wins');

    const directory = t.testdir({
      'good.json': JSON.stringify({ json: true, connections: 7 }),
      'bad.json': '{"urll":1}',
    });
    const good = await runCli(['event', 'list', '--config', join(directory, 'good.json')]);
    t.equal(good.code, 0);
    t.match(JSON.parse(good.stdout), { id: 'gala' });
    const bad = await runCli(['event', 'list', '--config', join(directory, 'bad.json')]);
    t.equal(bad.code, 2);
    t.match(bad.stderr, /there is no option urll/);
  },
);

t.test('the key goes from FRONTROW_KEY or a file into the header, and nowhere else', async (t) => {
  const server = await serverFor(t, () => ({ status: 200, body: { data: [], next: null } }));
  const ran = await runCli(['event', 'list', '--url', server.url], { env: { FRONTROW_KEY: 'from-env' } });
  const file = join(t.testdir(), 'key');
  writeFileSync(file, 'from-file\n');
  await runCli(['event', 'list', '--url', server.url, '--key-file', file], {
    env: { FRONTROW_KEY: 'from-env' },
  });
  const sent = server.asked.map((asked) => asked.headers.authorization);
  t.same(sent, ['Bearer from-env', 'Bearer from-file']);
  t.notMatch(ran.stdout + ran.stderr, 'from-env');
});

t.test('lists are NDJSON with --json, ids with --quiet, a table otherwise', async (t) => {
  const server = await serverFor(t, (asked) => {
    const first = !asked.path.includes('after=');
    return {
      status: 200,
      body: { data: [{ ...SUMMARY, id: first ? 'one' : 'two' }], next: first ? 'n' : null },
    };
  });
  const run = (...flags: string[]): ReturnType<typeof runCli> =>
    runCli(['event', 'list', '--url', server.url, ...flags]);
  const json = (await run('--json')).stdout.trimEnd().split('\n');
  t.same(
    json.map((line) => (JSON.parse(line) as { id: string }).id),
    ['one', 'two'],
  );
  t.equal((await run('--quiet')).stdout, 'one\ntwo\n');
  t.match(
    (await run()).stdout,
    /^event +state +starts +places +name\none +open +2027-01-15 20:00 Europe\/Berlin +5,084 /,
  );
});

t.test('no colour into a pipe nor with NO_COLOR; colour on a terminal', async (t) => {
  const { seats, availability } = stateOf(GALA, sellingWell);
  const server = await serverFor(t, ({ path }) => ({
    status: 200,
    body: path.endsWith('/seats') ? seats : path.endsWith('/availability') ? availability : GALA,
  }));
  const argv = ['seats', 'gala', '--url', server.url];
  const escape = '\x1b[';
  t.notOk((await runCli(argv)).stdout.includes(escape), 'pipe');
  t.ok((await runCli(argv, { columns: 80 })).stdout.includes(escape), 'terminal');
  t.notOk((await runCli(argv, { columns: 80, env: { NO_COLOR: '1' } })).stdout.includes(escape), 'NO_COLOR');
  t.ok((await runCli(argv, { env: { FORCE_COLOR: '1' } })).stdout.includes(escape), 'FORCE_COLOR');
});
