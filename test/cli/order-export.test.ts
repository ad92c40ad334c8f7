/** `frontrow order export`: whole files or none, spreadsheets that run nothing. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { Order } from '../../src/client/index.ts';
import { csvHeader, csvLines } from '../../src/cli/csv.ts';
import { decimalMoney } from '../../src/cli/format.ts';
import { problem, startFakeServer } from '../client/fake-server.ts';
import type { Canned, FakeServer } from '../client/fake-server.ts';
import { runCli } from './run-cli.ts';
import { PLAIN_ORDER } from './sample-claims.ts';

/** `pages` pages of 500 orders, some of them empty; then `last`. */
async function manyOrders(
  test: Pick<typeof t, 'teardown'>,
  pages: number,
  last: Canned = { status: 200, body: { data: [PLAIN_ORDER], next: null } },
): Promise<FakeServer> {
  const data = Array.from({ length: 500 }, () => PLAIN_ORDER);
  const server = await startFakeServer(({ path }) => {
    const page = Number(/after=(\d+)/.exec(path)?.[1] ?? 0);
    if (page === pages) return last;
    return { status: 200, body: { data: page === 1 ? [] : data, next: String(page + 1) } };
  });
  test.teardown(() => server.close());
  return server;
}

t.test('all pages go into the file, and progress onto a terminal', async (t) => {
  const server = await manyOrders(t, 3);
  const directory = t.testdir();
  const file = join(directory, 'gala.ndjson');
  const argv = ['order', 'export', 'gala', '--output', file, '--url', server.url];
  const ran = await runCli(argv, { stderrIsTerminal: true });
  t.match(ran, { code: 0, stdout: '' }, ran.stderr);
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  t.equal(lines.length, 1001);
  t.same(JSON.parse(lines[1000]), PLAIN_ORDER);
  t.equal(
    ran.stderr,
    '\r\x1b[K500 orders, 500 tickets …\r\x1b[K1,000 orders, 1,000 tickets …\r\x1b[K' +
      `1,001 orders, 1,001 tickets in ${file}\n`,
  );
  t.same(readdirSync(directory), ['gala.ndjson'], 'nothing else is left');
});

t.test('a failure half-way leaves nothing, and keeps what was there', async (t) => {
  const server = await manyOrders(t, 3, problem(410, 'history-trimmed'));
  const directory = t.testdir({ 'gala.csv': 'the one before' });
  const file = join(directory, 'gala.csv');
  const ran = await runCli(['order', 'export', 'gala', '--output', file, '--url', server.url]);
  t.equal(ran.code, 3);
  t.equal(readFileSync(file, 'utf8'), 'the one before');
  t.same(readdirSync(directory), ['gala.csv']);
  const nowhere = join(directory, 'no', 'such', 'x.csv');
  t.match(await runCli(['order', 'export', 'gala', '--output', nowhere, '--url', server.url]), { code: 2 });
  const missing = await manyOrders(t, 0, problem(404, 'event-not-found'));
  const none = join(directory, 'none');
  t.equal((await runCli(['order', 'export', 'x', '--output', none, '--url', missing.url])).code, 3);
  t.notOk(existsSync(none), 'an event that is not there makes no file');
});

t.test('the ending of the file name chooses the format unless --format does', async (t) => {
  const server = await manyOrders(t, 0);
  const directory = t.testdir();
  const written = async (name: string, ...flags: string[]): Promise<string> => {
    const file = join(directory, name);
    await runCli(['order', 'export', 'gala', '--output', file, ...flags, '--url', server.url]);
    return readFileSync(file, 'utf8');
  };
  t.match(await written('a.CSV'), /^order,ticket,/);
  t.match(await written('b.json'), /^\{"id"/);
  t.match(await written('c.csv', '--format', 'ndjson'), /^\{"id"/);
});

t.test('no text of a customer is a formula to a spreadsheet, unless --raw asks for it', (t) => {
  const evil = ['=1+1', '+1', '-1', '@SUM(A1)', '\tx', '\rx', '＝1', 'a,"b"\nc'];
  const expected = ["'=1+1", "'+1", "'-1", "'@SUM(A1)", "'\tx", '"\'\rx"', "'＝1", '"a,""b""\nc"'];
  evil.forEach((customer, index) => {
    const order: Order = { ...PLAIN_ORDER, customer, reference: customer };
    const line = csvLines(order, true);
    t.ok(line.includes(`,valid,${expected[index]},${expected[index]},stand,`), JSON.stringify(line));
    t.ok(line.endsWith('\r\n'));
  });
  t.ok(csvLines({ ...PLAIN_ORDER, customer: '=1+1' }, false).includes(',=1+1,'));
  t.end();
});

t.test('columns stay where programs expect them', (t) => {
  t.equal(
    csvHeader(),
    'order,ticket,event,orderState,ticketState,customer,reference,section,seat,type,price,priceMinor,currency,' +
      'createdAt,updatedAt,sequence,hold,metadata\r\n',
    'new columns come last',
  );
  const free: Order = {
    ...PLAIN_ORDER,
    currency: null,
    tickets: [{ ...PLAIN_ORDER.tickets[0], price: null }],
  };
  t.match(csvLines(free, true), ',stand,,standard,,,,');
  t.same(
    [decimalMoney(4500, 'EUR'), decimalMoney(5, 'EUR'), decimalMoney(4500, 'JPY'), decimalMoney(1, 'KWD')],
    ['45.00', '0.05', '4500', '0.001'],
  );
  t.end();
});
