/** What the commands that change something ask the server for. */
import t from 'tap';
import { startBoxOffice } from './box-office.ts';
import { runCli } from './run-cli.ts';

t.test('changes of holds, events and places are asked for as the interface has them', async (t) => {
  const server = await startBoxOffice();
  t.teardown(() => server.close());
  const asks = async (argv: readonly string[], method: string, path: string, body: unknown, stdin = '') => {
    const ran = await runCli([...argv, '--url', server.url], { stdin });
    t.equal(ran.code, 0, `${argv.join(' ')}: ${ran.stderr}`);
    t.same({ ...server.asked.at(-1), headers: undefined }, { method, path, body, headers: undefined });
  };
  const event = '/v1/events/opera';
  const confirmed = '/v1/holds/hold_x/confirm';
  await asks(
    [
      'hold',
      'opera',
      '--item',
      'stand=2:adult',
      '--item',
      'stalls=3:required,stalls-A-1:child',
      '--expect-total',
      '9',
    ],
    'POST',
    `${event}/holds`,
    {
      expectTotal: 9,
      items: [
        { section: 'stand', quantity: 2, type: 'adult' },
        { section: 'stalls', quantity: 3, adjacent: 'required' },
        { seat: 'stalls-A-1', type: 'child' },
      ],
    },
  );
  await asks(
    ['hold', 'opera', '--section', 'stand', '--quantity', '2', '--type', 'adult', '--metadata', '{"a":1}'],
    'POST',
    `${event}/holds`,
    { metadata: { a: 1 }, items: [{ section: 'stand', quantity: 2, type: 'adult' }] },
  );
  await asks(
    ['hold', 'opera', '-', '--customer', 'c'],
    'POST',
    `${event}/holds`,
    { seconds: 5, customer: 'c', items: [{ seat: 'x-A-1' }] },
    '{"seconds":5,"customer":"other","items":[{"seat":"x-A-1"}]}',
  );
  await asks(
    ['order', 'create', 'opera', '--seats', 'stalls-A-1:adult,stalls-A-2', '--type', 'child'],
    'POST',
    `${event}/orders`,
    {
      items: [
        { seat: 'stalls-A-1', type: 'adult' },
        { seat: 'stalls-A-2', type: 'child' },
      ],
    },
  );
  await asks(
    [
      'change',
      'hold_x',
      '--add',
      'stand=1:adult,stalls-A-1:child',
      '--remove',
      'stalls-A-4',
      '--remove',
      'stand=1:child',
    ],
    'POST',
    '/v1/holds/hold_x/change',
    {
      add: [
        { section: 'stand', quantity: 1, type: 'adult' },
        { seat: 'stalls-A-1', type: 'child' },
      ],
      remove: [{ seat: 'stalls-A-4' }, { section: 'stand', quantity: 1, type: 'child' }],
    },
  );
  await asks(['extend', 'hold_x', '--seconds', '60'], 'POST', '/v1/holds/hold_x/extend', { seconds: 60 });
  await asks(['confirm', 'hold_x', '--retake'], 'POST', confirmed, { ifExpired: 'retake' });
  await asks(
    ['order', 'cancel', 'order_x', '--ticket', 'a,b', '--ticket', 'c', '--to', 'blocked', '--reason', 'r'],
    'POST',
    '/v1/orders/order_x/cancel',
    { tickets: ['a', 'b', 'c'], to: 'blocked', reason: 'r' },
  );
  await asks(
    ['block', 'opera', '-', '--reason', 'r'],
    'POST',
    `${event}/block`,
    { items: [{ seat: 'stalls-A-1' }, { section: 'stand', quantity: 3 }], reason: 'r' },
    'stalls-A-1\r\n\nstand=3\n',
  );
  await asks(
    ['unblock', 'opera', '-'],
    'POST',
    `${event}/unblock`,
    { items: [{ seat: 'a-A-1' }] },
    '{"items":[{"seat":"a-A-1"}]}',
  );
  await asks(['event', 'pause', 'opera'], 'PATCH', event, { state: 'paused' });
  await asks(
    [
      'event',
      'edit',
      'opera',
      '--sales-until',
      'none',
      '--tickets-per-customer',
      '4',
      '--section',
      'stand',
      '--capacity',
      '5',
    ],
    'PATCH',
    event,
    { salesUntil: null, limits: { ticketsPerCustomer: 4 }, sections: [{ id: 'stand', capacity: 5 }] },
  );
  await asks(
    ['event', 'edit', 'opera', '-', '--name', 'B'],
    'PATCH',
    event,
    { name: 'B', limits: {} },
    '{"name":"A","limits":{}}',
  );
  await runCli(['event', 'edit', 'opera', '--name', 'B', '--if-match', '1', '--url', server.url]);
  t.equal(server.asked.at(-1)?.headers['if-match'], '"1-1"', 'the ETag of the version that was named');
  await runCli(['event', 'edit', 'opera', '--name', 'B', '--if-match', '3', '--url', server.url]);
  t.equal(server.asked.at(-1)?.headers['if-match'], '"3"', 'of another version: the server is to refuse');
  await asks(
    ['hold', 'list', 'opera', '--customer', 'c', '--state', 'held', '--limit', '2'],
    'GET',
    `${event}/holds?customer=c&state=held&limit=2`,
    undefined,
  );
  await asks(
    ['order', 'list', 'opera', '--reference', 'pi'],
    'GET',
    `${event}/orders?reference=pi&limit=500`,
    undefined,
  );
  await asks(
    ['event', 'list', '--state', 'open,paused', '--availability'],
    'GET',
    '/v1/events?limit=500&state=open%2Cpaused&include=availability',
    undefined,
  );
});

t.test('more than 2,000 places are blocked in several calls, each under a key of its own', async (t) => {
  const server = await startBoxOffice();
  t.teardown(() => server.close());
  const list = Array.from({ length: 2500 }, (_, index) => `stalls-A-${index + 1}`).join('\n');
  const argv = ['block', 'opera', '-', '--section', 'stand', '--quantity', '1600', '--idempotency-key', 'k'];
  const ran = await runCli([...argv, '--json', '--url', server.url], { stdin: list, stderrIsTerminal: true });
  t.equal((JSON.parse(ran.stdout) as { changed: number }).changed, 6, 'the changes of all calls');
  t.match(ran.stderr, 'block: 2 of 3 calls …');
  const counts = server.asked.map(({ body }) =>
    (body as { items: { quantity?: number }[] }).items.reduce((sum, item) => sum + (item.quantity ?? 1), 0),
  );
  t.same(counts, [2000, 2000, 100]);
  t.same(
    server.asked.map(({ headers }) => headers['idempotency-key']),
    ['k', 'k-2', 'k-3'],
  );
});

t.test(
  'event edit without a word opens the editor, sends what is new, and only if nobody was faster',
  async (t) => {
    const server = await startBoxOffice();
    t.teardown(() => server.close());
    const edit = (editor: string): ReturnType<typeof runCli> =>
      runCli(['event', 'edit', 'opera', '--url', server.url], {
        answers: [],
        columns: 80,
        env: { EDITOR: editor },
      });
    const ran = await edit(
      `sed -i -e 's/"Die Zauberfl.*"/"Fidelio"/' -e 's/"capacity": 100/"capacity": 120/'`,
    );
    t.equal(ran.code, 0, ran.stderr);
    const asked = server.asked.at(-1);
    t.same(asked?.body, {
      name: 'Fidelio',
      sections: [{ id: 'stand', capacity: 120 }],
    });
    t.equal(asked?.headers['if-match'], '"1-1"');
    const count = server.asked.length;
    t.match(await edit('true'), { code: 0, stderr: 'Nothing was changed.\n' });
    t.equal(server.asked.length, count + 1, 'read, and not written');
    t.match(await edit('false'), { code: 2 });
  },
);
