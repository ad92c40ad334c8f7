/** Each command against canned replies: what it asks the server for, what it prints. */
import t from 'tap';
import { startFakeServer } from '../client/fake-server.ts';
import type { Asked, Canned, FakeServer } from '../client/fake-server.ts';
import { runCli } from './run-cli.ts';
import { HOLD as SAMPLE_HOLD, ORDER as SAMPLE_ORDER } from './sample-claims.ts';
import { GALA, sellingWell, stateOf } from './sample-events.ts';

async function serverFor(
  test: Pick<typeof t, 'teardown'>,
  reply: (asked: Asked) => Canned,
): Promise<FakeServer> {
  const server = await startFakeServer(reply);
  test.teardown(() => server.close());
  return server;
}

const HOLD = { ...SAMPLE_HOLD, id: 'hold_x' };
const ORDER = { ...SAMPLE_ORDER, id: 'order_x' };

t.test(
  'hold sends seats and quantities, prints id, items and deadline, and says how to confirm',
  async (t) => {
    const server = await serverFor(t, () => ({ status: 201, body: HOLD }));
    const argv = [
      'hold',
      'gala',
      '--customer',
      'c',
      '--seats',
      'stalls-A-12, stalls-A-13',
      '--seats',
      'stalls-A-14',
      '--section',
      'floor',
      '--quantity',
      '2',
      '--adjacent',
      'required',
      '--seconds',
      '60',
      '--url',
      server.url,
    ];
    const ran = await runCli(argv);
    t.equal(ran.code, 0);
    t.same(server.asked[0].body, {
      customer: 'c',
      seconds: 60,
      items: [
        { seat: 'stalls-A-12' },
        { seat: 'stalls-A-13' },
        { seat: 'stalls-A-14' },
        { section: 'floor', quantity: 2, adjacent: 'required' },
      ],
    });
    t.match(ran.stdout, /^hold +hold_x\n/);
    t.match(ran.stdout, /until +2026-12-02 10:05 UTC \(5 min\)/);
    t.match(ran.stdout, /stand +standard +2 +EUR 10\.00/);
    t.equal(ran.stderr, 'Next: frontrow confirm hold_x\n');
    t.match(await runCli([...argv, '--quiet']), { stdout: 'hold_x\n', stderr: '' });
    t.same(JSON.parse((await runCli([...argv, '--json'])).stdout), HOLD);
  },
);

t.test('confirm, release, order show and order cancel', async (t) => {
  const server = await serverFor(t, ({ method }) =>
    method === 'DELETE' ? { status: 204 } : { status: 200, body: ORDER },
  );
  const run = (...argv: string[]): ReturnType<typeof runCli> => runCli([...argv, '--url', server.url]);
  const confirmed = await run('confirm', 'hold_x', '--reference', 'pi', '--idempotency-key', 'k');
  t.match(server.asked[0], { path: '/v1/holds/hold_x/confirm', body: { reference: 'pi' } });
  t.equal(server.asked[0].headers['idempotency-key'], 'k');
  t.match(confirmed.stdout, /^order +order_x\n/);
  t.match(confirmed.stdout, /cancelled +EUR 45\.00/);
  t.match(confirmed.stdout, /_3 +stand +standard +EUR 10\.00 +valid/);
  t.match(await run('release', 'hold_x'), { code: 0, stdout: 'released  hold_x\n' });
  t.match(await run('release', 'hold_x', '-q'), { stdout: 'hold_x\n' });
  t.match(await run('order', 'show', 'order_x', '--quiet'), { code: 0, stdout: 'order_x\n' });
  await run('order', 'cancel', 'order_x', '--tickets', 'ticket_x_1,ticket_x_2');
  await run('order', 'cancel', 'order_x');
  t.same(
    server.asked.slice(-2).map((asked) => asked.body),
    [{ tickets: ['ticket_x_1', 'ticket_x_2'] }, {}],
  );
});

t.test('event create takes flags, a file, or both; flags win', async (t) => {
  const server = await serverFor(t, () => ({ status: 201, body: GALA }));
  const run = (...argv: string[]): ReturnType<typeof runCli> =>
    runCli(['event', 'create', ...argv, '--url', server.url]);
  const made = await run(
    '--name',
    'Quiz night',
    '--starts-at',
    '2027-01-15T19:00:00Z',
    '--capacity',
    '120',
    '--open',
  );
  t.equal(made.code, 0);
  t.match(made.stdout, /stalls +Stalls +5 rows +84 +EUR 90\.00/);
  t.equal(made.stderr, 'Next: frontrow seats gala\n');
  const file = `${t.testdir({ 'gala.json': '{"id":"gala","name":"Gala","sections":[]}' })}/gala.json`;
  await run(file, '--id', 'other');
  await runCli(['event', 'create', '-', '--open', '--url', server.url], { stdin: '{"name":"From stdin"}' });
  await run(
    '--name',
    'Q',
    '--starts-at',
    'x',
    '--capacity',
    '5',
    '--price',
    '900',
    '--time-zone',
    'Asia/Tokyo',
  );
  t.same(
    server.asked.map((asked) => asked.body),
    [
      { name: 'Quiz night', startsAt: '2027-01-15T19:00:00Z', state: 'open', capacity: 120 },
      { id: 'other', name: 'Gala', sections: [] },
      { name: 'From stdin', state: 'open' },
      {
        name: 'Q',
        startsAt: 'x',
        timeZone: 'Asia/Tokyo',
        sections: [{ id: 'general', kind: 'general', capacity: 5, price: 900 }],
      },
    ],
  );
});

t.test('an id that looks like a number stays the text it is', async (t) => {
  const server = await serverFor(t, () => ({ status: 200, body: GALA }));
  await runCli(['event', 'show', '007', '--url', server.url]);
  await runCli(['event', 'show', '1e3', '--url', server.url]);
  t.same(
    server.asked.map((asked) => asked.path),
    ['/v1/events/007', '/v1/events/1e3'],
  );
});

t.test('seat shows the claim and the deadline where there is one', async (t) => {
  const body = {
    event: 'gala',
    seat: 'stalls-A-1',
    section: 'stalls',
    row: 'A',
    number: '1',
    state: 'held',
    sequence: 4,
    features: ['wheelchair'],
    hold: 'hold_x',
    expiresAt: '2026-11-22T10:05:00Z',
  };
  const server = await serverFor(t, () => ({ status: 200, body }));
  const ran = await runCli(['seat', 'gala', 'stalls-A-1', '--url', server.url]);
  t.match(
    ran.stdout,
    /state +held\n[^]*features +wheelchair\nhold +hold_x\nuntil +2026-11-22 10:05 UTC\nsequence +4\n/,
  );
});

t.test('history prints a line a change and stops at --limit', async (t) => {
  const change = {
    sequence: 7,
    time: '2026-11-22T10:00:00.123Z',
    kind: 'held',
    hold: 'hold_x',
    customer: 'c',
    seats: ['stalls-A-1'],
    sections: [{ section: 'floor', quantity: 2 }],
  };
  const server = await serverFor(t, () => ({
    status: 200,
    body: { data: [change, change, change], next: 'more' },
  }));
  const ran = await runCli(['history', 'gala', '--limit', '2', '--after', '6', '--url', server.url], {
    columns: 200,
  });
  const line = '      7  2026-11-22 10:00:00  held       hold_x  stalls-A-1, 2 × floor  customer c\n';
  t.equal(ran.stdout, line + line);
  t.equal(server.asked[0].path, '/v1/events/gala/history?limit=2&after=6');
});

function mapServer(sequence: () => number): (asked: Asked) => Canned {
  return ({ path, headers }) => {
    const { seats, availability } = stateOf(GALA, sellingWell, sequence());
    if (path.includes('/seats')) return { status: 200, body: seats };
    if (!path.endsWith('/availability')) return { status: 200, body: GALA };
    const etag = `"1-${availability.sequence}"`;
    if (headers['if-none-match'] === etag) return { status: 304 };
    return { status: 200, body: availability, headers: { etag } };
  };
}

t.test('seats draws to the width of the terminal, and 80 columns into a pipe', async (t) => {
  const server = await serverFor(
    t,
    mapServer(() => 42),
  );
  const argv = ['seats', 'gala', '--url', server.url];
  const widest = (text: string): number => Math.max(...text.split('\n').map((line) => line.length));
  t.ok(widest((await runCli(argv)).stdout) <= 80);
  const wide = (await runCli(argv, { columns: 140, env: { NO_COLOR: '1' } })).stdout;
  t.ok(widest(wide) > 80 && widest(wide) <= 140);
  t.match((await runCli([...argv, '--section', 'stalls', '--row', 'C'])).stdout, /Row C\n +1 +2 +3/);
  t.match((await runCli([...argv, '--json'])).stdout, /^\{"event":"gala","sequence":42,/);
  const free = (await runCli([...argv, '--section', 'stalls', '--quiet'])).stdout.trimEnd().split('\n');
  t.equal(free.length, 39);
  t.match(free[0], /^stalls-A-\d+$/);
  const wrong = await runCli([...argv, '--section', 'attic']);
  t.match(wrong, { code: 2 });
  t.match(wrong.stderr, 'gala has no section attic; it has: stalls, floor');
  t.match((await runCli([...argv, '--section', 'stalls', '--row', 'Q'])).stderr, 'it has A to EE');
});
