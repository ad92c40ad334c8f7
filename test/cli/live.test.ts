/** Commands that go on until the person has had enough: from the stream, and where the stream is refused. */
import t from 'tap';
import { problem, startFakeServer } from '../client/fake-server.ts';
import type { Asked, Canned, FakeServer } from '../client/fake-server.ts';
import { boxOffice } from './box-office.ts';
import { runCli } from './run-cli.ts';
import { CHANGES } from './sample-claims.ts';
import { GALA, sellingWell, stateOf } from './sample-events.ts';

async function serverFor(
  test: Pick<typeof t, 'teardown'>,
  reply: (asked: Asked) => Canned,
): Promise<FakeServer> {
  const server = await startFakeServer(reply);
  test.teardown(() => server.close());
  return server;
}

/** `sequence` of every line. */
function sequences(stdout: string): number[] {
  const lines = stdout.trimEnd().split('\n');
  return lines.map((line) => (JSON.parse(line) as { sequence: number }).sequence);
}

const COUNTS = [
  { id: 'stalls', available: 40, held: 5, sold: 35, blocked: 4 },
  { id: 'floor', available: 900, held: 600, sold: 3500, blocked: 0 },
];

function changeMessage(sequence: number, seats: Record<string, string>): string {
  const data = JSON.stringify({ event: 'gala', sequence, seats, sections: COUNTS });
  return `event: change\nid: 00000001-${sequence}\ndata: ${data}\n\n`;
}

/** One connection with these messages, then the event is gone. */
function streamOnce(...messages: readonly string[]): (asked: Asked) => Canned {
  let connections = 0;
  return (asked) => {
    if (!asked.path.includes('/changes')) return mapReply(42)(asked);
    if (++connections > 1) return problem(404, 'event-not-found');
    const headers = { 'content-type': 'text/event-stream' };
    return { status: 200, headers, body: `: hello\n\n${messages.join('')}` };
  };
}

function mapReply(sequence: number): (asked: Asked) => Canned {
  return (asked) => {
    const { path, headers } = asked;
    const { seats, availability } = stateOf(GALA, sellingWell, sequence);
    if (path.includes('/seats')) return { status: 200, body: seats };
    if (!path.endsWith('/availability')) return boxOffice(asked);
    const etag = `"1-${availability.sequence}"`;
    if (headers['if-none-match'] === etag) return { status: 304 };
    return { status: 200, body: availability, headers: { etag } };
  };
}

t.test(
  'seats --watch --json: the map, then changes as they come, and the end of the event ends it',
  async (t) => {
    const server = await serverFor(
      t,
      streamOnce(
        changeMessage(42, {}),
        changeMessage(43, { 'stalls-A-1': 'h' }),
        changeMessage(45, { 'stalls-A-1': 'a' }),
      ),
    );
    const ran = await runCli(['seats', 'gala', '--watch', '--json', '--url', server.url]);
    t.equal(ran.code, 0);
    t.same(sequences(ran.stdout), [42, 43, 45], 'what the map had already is not told again');
    t.match(JSON.parse(ran.stdout.split('\n')[1]), { seats: { 'stalls-A-1': 'h' }, sections: COUNTS });
    t.match(server.asked.find(({ path }) => path.includes('/changes'))?.path, 'after=42');
    t.equal(ran.stderr, 'gala is archived or gone: nothing changes any more.\n');
  },
);

t.test('seats --watch draws in place on a terminal, with the new states and counts', async (t) => {
  const server = await serverFor(t, streamOnce(changeMessage(43, { 'stalls-EE-12': 's' })));
  const ran = await runCli(['seats', 'gala', '--watch', '--url', server.url], {
    columns: 80,
    env: { NO_COLOR: '1' },
  });
  const pictures = ran.stdout.split('\x1b[H').slice(1);
  t.equal(pictures.length, 2);
  t.ok(ran.stdout.startsWith('\x1b[?25l\x1b[2J\x1b[H'), 'cleared once, without a cursor');
  t.ok(ran.stdout.endsWith('\x1b[?25h'), 'the cursor comes back');
  t.notMatch(pictures[1], '\x1b[2J', 'drawn over the first');
  t.match(pictures[0], /Floor[^]*1,000 of 5,000 available/);
  t.match(pictures[1], /Floor[^]*900 of 5,000 available/);
  t.match(pictures[1], 'sequence 43');
});

t.test('seats --watch --quiet names seats as they come free', async (t) => {
  const freed = changeMessage(43, { 'stalls-A-1': 'a', 'stalls-A-2': 's', 'stalls-B-1': 'a' });
  const server = await serverFor(t, streamOnce(freed));
  const argv = [
    'seats',
    'gala',
    '--section',
    'stalls',
    '--row',
    'A',
    '--watch',
    '--quiet',
    '--url',
    server.url,
  ];
  const ran = await runCli(argv);
  t.equal(ran.stdout.trimEnd().split('\n').at(-1), 'stalls-A-1');
});

t.test('after a gap the map is read anew', async (t) => {
  const server = await serverFor(t, streamOnce('event: reset\ndata: {"event":"gala"}\n\n'));
  const ran = await runCli(['seats', 'gala', '--watch', '--json', '--url', server.url]);
  t.same(sequences(ran.stdout), [42, 42]);
});

t.test('where the stream is refused it asks once a second, and prints only what moved', async (t) => {
  let sequence = 42;
  const server = await serverFor(t, (asked) => {
    if (asked.path.includes('/changes')) return problem(406, 'not-acceptable');
    if (asked.headers['if-none-match'] !== undefined) sequence++;
    return mapReply(sequence)(asked);
  });
  const enough = new AbortController();
  const ran = await runCli(['seats', 'gala', '--watch', '--json', '--url', server.url], {
    signal: enough.signal,
    onStdout: (text) => {
      if (text.includes('"sequence":43')) enough.abort();
    },
  });
  t.equal(ran.code, 0);
  t.same(sequences(ran.stdout), [42, 43]);
  t.equal(ran.stderr, 'No live updates (not-acceptable): asking once a second instead.\n');
});

t.test('history --follow goes on where the list ended', async (t) => {
  const later = { ...CHANGES[2], sequence: 7 };
  const stream = streamOnce(changeMessage(6, {}), changeMessage(7, {}));
  const server = await serverFor(t, (asked) =>
    asked.path.includes('/history')
      ? { status: 200, body: { data: asked.path.includes('after=6') ? [later] : CHANGES, next: null } }
      : stream(asked),
  );
  const ran = await runCli(['history', 'gala', '--follow', '--json', '--url', server.url]);
  t.equal(ran.code, 0);
  t.same(sequences(ran.stdout), [1, 2, 3, 4, 5, 6, 7]);
  const paths = server.asked.map(({ path }) => path);
  t.match(paths[1], '/changes?after=6', 'the stream begins where the list ended');
  const limited = await runCli(['history', 'gala', '--follow', '--limit', '2', '-q', '--url', server.url]);
  t.equal(limited.stdout, '1\n2\n', 'as many as asked for');
});
