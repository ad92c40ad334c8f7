/** `serve` over a server that is only said to run: options, announcements, and the exit codes of every end. */
import t from 'tap';
import { FrontrowError } from '../../src/core/assert.ts';
import type { FaultCode } from '../../src/core/assert.ts';
import { demoLines, serveCommand } from '../../src/cli/serve.ts';
import type { ServedServer, ServeHost, ServeOptions, StartServer } from '../../src/cli/serve.ts';
import { startFakeServer } from '../client/fake-server.ts';
import { runCli } from './run-cli.ts';
import type { Ran } from './run-cli.ts';

const RECOVERED = { events: 0, frames: 0, tornTailBytes: 0, ms: 1 };

interface Setup {
  readonly started: ServeOptions[];
  readonly closed: () => number;
  /** As often as the keys were read again. */
  readonly reloads: () => number;
  /** Sends SIGHUP; false if nobody listens. */
  readonly hangUp: () => boolean;
  run(argv: readonly string[], signal?: AbortSignal): Promise<Ran>;
}

function setup(server: Partial<ServedServer> = {}): Setup {
  const started: ServeOptions[] = [];
  let closed = 0;
  let reloads = 0;
  let hangup: (() => void) | null = null;
  const start: StartServer = (options) => {
    started.push(options);
    return Promise.resolve({
      url: 'http://127.0.0.1:8080',
      opsUrl: null,
      recovered: RECOVERED,
      lost: new Promise(() => undefined),
      reloadKeys: () => Promise.resolve(++reloads),
      close: () => Promise.resolve(void closed++),
      ...server,
    });
  };
  const host: ServeHost = {
    onLost: () => {},
    onHangup(listener) {
      hangup = listener;
      return () => (hangup = null);
    },
  };
  const commands = [serveCommand(() => Promise.resolve(start), host)];
  return {
    started,
    closed: () => closed,
    reloads: () => reloads,
    hangUp() {
      hangup?.();
      return hangup !== null;
    },
    run: (argv, signal = AbortSignal.abort()) => runCli(['serve', ...argv], { commands, signal }),
  };
}

t.test('options reach the server in its own units; what was not given is left to it', async (t) => {
  const { started, run } = setup();
  await run([]);
  const { logger, ...defaults } = started[0];
  t.same(defaults, {
    host: '127.0.0.1',
    port: 8080,
    dataDirectory: './frontrow-data',
    durability: 'fsync',
    connectionsMax: 10_000,
    queueMax: 8192,
    stallAfterMs: 5000,
    drainTimeoutMs: 30_000,
    listener: 'lean',
  });
  t.equal(logger.level, 'info');
  await run([
    '--listener',
    'node',
    '--workers',
    '2',
    '--port',
    '0',
    '--data',
    'x',
    '--durability',
    'none',
    '--arena-mib',
    '64',
    '--ring-mib',
    '8',
    '--segment-mib',
    '16',
    '--events-max',
    '9',
    '--stall-after',
    '2',
    '--drain-timeout',
    '1',
    '--host',
    '::1',
  ]);
  t.match(started[1], {
    listener: 'node',
    workers: 2,
    port: 0,
    dataDirectory: 'x',
    durability: 'none',
    arenaBytes: 64 * 1024 * 1024,
    ringBytes: 8 * 1024 * 1024,
    segmentBytes: 16 * 1024 * 1024,
    eventsMax: 9,
    stallAfterMs: 2000,
    drainTimeoutMs: 1000,
    host: '::1',
  });
});

t.test(
  'it says where it listens, what it recovered, and that there are no keys; a signal drains it',
  async (t) => {
    const { closed, run } = setup({ recovered: { events: 2, frames: 70, tornTailBytes: 12, ms: 3.4 } });
    const ran = await run(['--durability', 'none']);
    t.equal(ran.code, 0);
    t.equal(ran.stdout, '', 'nothing of it is data');
    t.match(ran.stderr, 'listening on http://127.0.0.1:8080\n');
    t.match(ran.stderr, 'recovered 2 events and 70 frames in 3 ms, a torn tail of 12 bytes cut');
    t.match(ran.stderr, /no keys: every caller is admin/);
    t.match(ran.stderr, /--durability none: a power cut loses/);
    t.equal(closed(), 1);
  },
);

t.test('--ops-listen takes a host and a port, and says where that is', async (t) => {
  const { started, run } = setup({ opsUrl: 'http://[::1]:9090' });
  const ran = await run(['--ops-listen', '[::1]:9090']);
  t.same(started[0].opsListen, { host: '::1', port: 9090 });
  t.match(ran.stderr, 'metrics and health on http://[::1]:9090\n');
  await run(['--ops-listen', '0.0.0.0:0']);
  t.same(started[1].opsListen, { host: '0.0.0.0', port: 0 });
});

t.test('--rate-limit says how often each role may ask', async (t) => {
  const { started, run } = setup();
  await run(['--rate-limit', 'sales=200/s,none=600/m:50', '--keys-per-place', '4']);
  t.same(started[0].rateLimit, {
    sales: { perSecond: 200, burst: 200 },
    none: { perSecond: 10, burst: 50 },
  });
  t.equal(started[0].keysPerPlace, 4);
});

t.test('wrong use exits 2 and starts nothing', async (t) => {
  const { started, run } = setup();
  const wrong = [
    ['--host', '0.0.0.0'],
    ['--host', 'example.org'],
    ['--workers', '0'],
    ['--port', '70000'],
    ['--port', '1.5'],
    ['--durability', 'maybe'],
    ['--arena-mib', '-1'],
    ['--rate-limit', 'buyers=3/s'],
    ['--rate-limit', 'sales'],
    ['--keys-per-place', '0'],
    ['--ops-listen', '9090'],
    ['--ops-listen', ':9090'],
    ['--ops-listen', '127.0.0.1:99999'],
    ['--ops-listen', '::1:9090'],
  ];
  for (const argv of wrong) t.equal((await run(argv)).code, 2, argv.join(' '));
  t.equal(started.length, 0);
});

t.test(
  'with keys it listens for others, and a hangup has them read again; without, nobody listens to one',
  async (t) => {
    for (const argv of [
      [],
      ['--keys', 'keys.json', '--host', '0.0.0.0', '--trust-proxy', 'loopback,10.0.0.0/8'],
    ]) {
      const { started, reloads, hangUp, run } = setup();
      const end = new AbortController();
      const running = run(argv, end.signal);
      while (started.length === 0) await new Promise(setImmediate);
      const hasKeys = argv.length > 0;
      t.equal(hangUp(), hasKeys);
      if (hasKeys) {
        const [{ keys, trustProxy, host }] = started;
        t.same(
          { keys, trustProxy, host },
          { keys: 'keys.json', trustProxy: ['loopback', '10.0.0.0/8'], host: '0.0.0.0' },
        );
      }
      end.abort();
      const ran = await running;
      t.equal(ran.code, 0);
      t.equal(reloads(), hasKeys ? 1 : 0);
      t.equal(ran.stderr.includes('every caller is admin'), !hasKeys);
      t.equal(hangUp(), false, 'the process is as it was');
    }
  },
);

t.test('the demo of a server with keys needs one', async (t) => {
  const { started, run } = setup();
  const ran = await run(['--demo', '--keys', 'keys.json']);
  t.match(ran, { code: 2, stderr: /--demo with --keys needs an admin key/ });
  t.equal(started.length, 0);
  t.match(demoLines('http://127.0.0.1:8080', true)[0], 'authorization: Bearer $FRONTROW_KEY');
});

t.test('logs are JSON in a pipe, and for people where it is asked for', async (t) => {
  const { run } = setup();
  t.match((await run([])).stderr, /^\{"level":30,.*"msg":"draining"\}$/m);
  t.match((await run(['--log-pretty'])).stderr, /^[\d:.]+ INFO {2}draining$/m);
});

t.test('a start that fails exits by its reason', async (t) => {
  const exits: [FaultCode, number][] = [
    ['data-corrupt', 10],
    ['directory-in-use', 11],
    ['journal-lost', 12],
    ['bad-option', 2],
    ['listen-failed', 1],
    ['arena-too-large', 1],
  ];
  for (const [code, exit] of exits) {
    const start = (): Promise<never> => Promise.reject(new FrontrowError(code, 'because'));
    const commands = [
      serveCommand(() => Promise.resolve(start), { onLost: () => {}, onHangup: () => () => {} }),
    ];
    const ran = await runCli(['serve'], { commands });
    t.equal(ran.code, exit, code);
    t.match(ran.stderr, `frontrow: ${code}: because`);
  }
});

t.test('a lost journal exits 12 without draining', async (t) => {
  const lost = Promise.resolve(new FrontrowError('journal-lost', 'fdatasync failed'));
  const { closed, run } = setup({ lost });
  const ran = await run([], new AbortController().signal);
  t.equal(ran.code, 12);
  t.match(ran.stderr, /"level":60.*"code":"journal-lost".*"msg":"fdatasync failed"/);
  t.equal(closed(), 0);
});

t.test('a start that hangs ends within the drain timeout of the signal: exit 12', async (t) => {
  let isWatched = false;
  const host: ServeHost = { onLost: () => void (isWatched = true), onHangup: () => () => {} };
  const commands = [serveCommand(() => Promise.resolve(() => new Promise<ServedServer>(() => {})), host)];
  const argv = ['serve', '--drain-timeout', '0'];
  const ran = await runCli(argv, { commands, signal: AbortSignal.abort() });
  t.equal(ran.code, 12);
  t.match(
    ran.stderr,
    /journal-lost: the start did not come to an end within 0 ms .* nothing was acknowledged/,
  );
  t.equal(isWatched, true, 'and the process does not hang with it');
});

t.test('--demo defines two events on an empty server, and none on another', async (t) => {
  for (const [there, expected] of [
    [[], ['hall', 'club']],
    [[{ id: 'hall' }, { id: 'club' }], []],
    [[{ id: 'x' }], []],
  ] as const) {
    const fake = await startFakeServer(({ method }) =>
      method === 'GET' ? { status: 200, body: { data: there, next: null } } : { status: 201, body: {} },
    );
    t.teardown(() => fake.close());
    const { run } = setup({ url: fake.url });
    const ran = await run(['--demo']);
    t.equal(ran.code, 0);
    const created = fake.asked
      .filter((asked) => asked.method === 'POST')
      .map((asked) => (asked.body as { id: string }).id);
    t.same(created, expected);
    const shown = there.length !== 1;
    t.equal(
      ran.stderr.includes(`seats hall --url ${fake.url}`),
      shown,
      'the lines are shown when they would work',
    );
  }
});

t.test('the lines to paste leave out --url where the default is right', (t) => {
  t.notMatch(demoLines('http://127.0.0.1:8080').join('\n'), '--url');
  t.equal(demoLines('http://127.0.0.1:9').filter((line) => line.includes('http://127.0.0.1:9')).length, 3);
  t.end();
});
