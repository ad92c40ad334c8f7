/** `frontrow buy` with somebody at a pretended terminal. */
import t from 'tap';
import { problem, startFakeServer } from '../client/fake-server.ts';
import type { Asked, Canned, FakeServer } from '../client/fake-server.ts';
import { boxOffice } from './box-office.ts';
import { runCli } from './run-cli.ts';
import { HOLD, ORDER } from './sample-claims.ts';

async function serverFor(
  test: Pick<typeof t, 'teardown'>,
  reply: (asked: Asked) => Canned = boxOffice,
): Promise<FakeServer> {
  const server = await startFakeServer(reply);
  test.teardown(() => server.close());
  return server;
}

function changes(server: FakeServer): string[] {
  return server.asked.filter(({ method }) => method !== 'GET').map(({ method, path }) => `${method} ${path}`);
}

t.test('event, section, how many of each type, price and deadline, yes: an order on stdout', async (t) => {
  const server = await serverFor(t);
  const answers = ['2', 'stalls', '1', '1', 'y'];
  const ran = await runCli(['buy', '--customer', 'c-81', '--url', server.url], { answers, columns: 100 });
  t.equal(ran.code, 0, ran.stderr);
  t.same(server.asked.find(({ path }) => path.endsWith('/holds'))?.body, {
    customer: 'c-81',
    items: [
      { section: 'stalls', quantity: 1, type: 'adult' },
      { section: 'stalls', quantity: 1, type: 'child' },
    ],
  });
  t.match(ran.stderr, /Die Zauberflöte[^]*STAGE/, 'the map is drawn');
  t.match(ran.stderr, 'How many adult at EUR 90.00? [0-8]');
  t.match(ran.stderr, /Held for you: 5 min left\nBuy for EUR 155\.00\? \[y\/N\]/);
  t.match(ran.stdout, new RegExp(ORDER.id), 'the order, and only the order, is data');
  t.notMatch(ran.stdout, /STAGE/);
  t.same(changes(server), ['POST /v1/events/opera/holds', `POST /v1/holds/${HOLD.id}/confirm`]);
});

t.test('seats by label, each with its type; anything but yes releases them', async (t) => {
  const server = await serverFor(t);
  const answers = ['stalls-A-2 stalls-A-5:adult', 'child', 'n'];
  const ran = await runCli(['buy', 'opera', '--url', server.url], { answers });
  t.match(ran, { code: 0, stdout: '' });
  t.same(server.asked.find(({ path }) => path.endsWith('/holds'))?.body, {
    items: [
      { seat: 'stalls-A-2', type: 'child' },
      { seat: 'stalls-A-5', type: 'adult' },
    ],
  });
  t.match(ran.stderr, /Nothing was bought\. The places are free again\.\n$/);
  t.equal(changes(server).at(-1), `DELETE /v1/holds/${HOLD.id}`);
});

t.test('what is wrong or refused is said, and asked again', async (t) => {
  let refusals = 1;
  const server = await serverFor(t, (asked) =>
    asked.path.endsWith('/holds') && refusals-- > 0
      ? problem(409, 'seat-unavailable', { detail: 'A seat is not available', seats: ['stalls-A-3'] })
      : boxOffice(asked),
  );
  const answers = [
    '',
    'attic',
    'map nowhere',
    'map stalls A',
    'stand',
    '99',
    'stand',
    '2',
    'stand',
    '2',
    'no',
  ];
  const ran = await runCli(['buy', 'opera', '--url', server.url], { answers });
  t.equal(ran.code, 0);
  t.match(ran.stderr, 'attic: a seat is section-row-number');
  t.match(ran.stderr, 'opera has no section nowhere');
  t.match(ran.stderr, /Row A\n/);
  t.match(ran.stderr, '99 is no number from 0 to 8');
  t.match(ran.stderr, /seat-unavailable: A seat is not available \(stalls-A-3\)\n {2}Nothing was changed/);
  t.equal(changes(server).length, 3, 'held twice, released once');
});

t.test('Ctrl-C releases what is held and exits 130', async (t) => {
  const server = await serverFor(t);
  const interrupt = new AbortController();
  const ran = await runCli(['buy', 'opera', '--url', server.url], {
    answers: ['stand', '2'],
    signal: interrupt.signal,
    onStderr: (text) => {
      if (text.endsWith('[y/N] ')) interrupt.abort();
    },
  });
  t.match(ran, { code: 130, stdout: '' });
  t.equal(changes(server).at(-1), `DELETE /v1/holds/${HOLD.id}`);
  t.match(ran.stderr, 'Nothing was bought. The places are free again.');
});

t.test('a hold that runs out while the person thinks is said to be over', async (t) => {
  const interrupt = new AbortController();
  const server = await serverFor(t, (asked) =>
    asked.path.endsWith('/holds') ? { status: 201, body: { ...HOLD, expiresInMs: 1 } } : boxOffice(asked),
  );
  const ran = await runCli(['buy', 'opera', '--url', server.url], {
    answers: ['stand', '2'],
    signal: interrupt.signal,
    onStderr: (text) => {
      if (/The time is over[^]*A section, or seats/.test(text)) interrupt.abort();
    },
  });
  t.equal(ran.code, 130);
  t.notMatch(changes(server).join(), 'DELETE', 'there is nothing to release');
});

t.test('an order whose answer was lost is not released', async (t) => {
  const server = await serverFor(t, (asked) =>
    asked.path.endsWith('/confirm') ? { status: 0, cut: true } : boxOffice(asked),
  );
  const ran = await runCli(['buy', 'opera', '--url', server.url], { answers: ['stand', '2', 'yes'] });
  t.equal(ran.code, 4);
  t.match(ran.stderr, `frontrow hold show ${HOLD.id}`);
  t.notMatch(changes(server).join(), 'DELETE');
});

t.test('without a terminal it refuses, exit 2', async (t) => {
  const ran = await runCli(['buy', 'opera']);
  t.match(ran, { code: 2, stdout: '' });
  t.match(ran.stderr, 'a script has frontrow hold and confirm');
});

t.test('event archive says what is lost, and asks; only yes archives', async (t) => {
  const server = await serverFor(t);
  const argv = ['event', 'archive', 'opera', '--url', server.url];
  const no = await runCli(argv, { answers: ['n'] });
  t.equal(no.code, 0);
  t.match(no.stderr, 'frontrow order export opera --output opera.ndjson');
  t.match(no.stderr, /places are held now[^]*Archive opera\? \[y\/N\] Nothing was changed/);
  t.same(changes(server), []);
  const yes = await runCli(argv, { answers: ['y'] });
  t.match(yes.stdout, /state +archived/);
  t.same(changes(server), ['PATCH /v1/events/opera']);
  const pipe = await runCli(argv);
  t.match(pipe, { code: 2, stdout: '' });
  t.match(pipe.stderr, 'give --yes');
});
