/** The bench of reads: that its audit fails when it should, its load, and all of it in its smallest form. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { RequestListener, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import type { Test } from 'tap';
import { OTHER_EVENT, READ_EVENT, readCases } from '../../bench/reads/cases.ts';
import { countsBetween, parseCounts } from '../../bench/reads/counters.ts';
import { parseReadOptions } from '../../bench/reads/options.ts';
import { OrderLoad } from '../../bench/reads/order-load.ts';
import { readFigures } from '../../bench/reads/read-figures.ts';
import { Told } from '../../bench/reads/told.ts';
import { Watchers } from '../../bench/reads/watchers.ts';
import { findWrk } from '../../bench/wrk.ts';

function send(response: ServerResponse, status: number, text = ''): void {
  response.writeHead(status, { 'Content-Length': text.length }).end(text);
}

function isOk(told: Told): boolean {
  return told.checks().every(({ ok }) => ok);
}

async function serve(t: Test, listener: RequestListener): Promise<{ server: Server; url: string }> {
  const server = createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

t.test('the audit: a read that shows less than was told, and a 304 that hides a change', async (t) => {
  const honest = new Told();
  t.notOk(isOk(honest), 'no read at all proves nothing');
  honest.tell('e', 4);
  honest.read('e', 4, 4);
  honest.read('e', 3, 3);
  honest.unchanged('e', 4, 4);
  honest.read('other', 0, 1);
  t.ok(isOk(honest), 'what was sent before it was told may show less');
  t.equal(honest.latest('e'), 4);
  const forgetful = new Told();
  forgetful.read('e', 5, 4);
  t.notOk(isOk(forgetful));
  const hiding = new Told();
  hiding.read('e', 0, 4);
  hiding.unchanged('e', 5, 4);
  t.notOk(isOk(hiding));
  t.match(hiding.checks()[0].detail, '304 for sequence 4 after 5 was told');
});

t.test('what the server counted, as a difference', async (t) => {
  const metrics = (ready: number, unchanged: number): string =>
    [
      '# HELP frontrow_cache_total x',
      `frontrow_cache_total{result="ready"} ${ready}`,
      'frontrow_cache_total{result="miss"} 7',
      'frontrow_requests_total{route="availability",status="200"} 5',
      `frontrow_requests_total{route="availability",status="304"} ${unchanged}`,
      `frontrow_requests_total{route="seats",status="304"} ${unchanged}`,
      'frontrow_requests_total{route="createOrder",status="201"} 99',
    ].join('\n');
  t.strictSame(countsBetween(parseCounts(metrics(1, 2)), parseCounts(metrics(11, 5))), {
    cache: { ready: 10, miss: 0 },
    statuses: { 200: 0, 304: 6 },
  });
});

t.test('options and cases', async (t) => {
  t.match(parseReadOptions([]), { runs: 5, seconds: 3, connections: 64, ordersPerSecond: 1000, rows: 1000 });
  t.match(parseReadOptions(['--quick', '--orders', '50']), {
    runs: 1,
    warmUpSeconds: 0,
    ordersPerSecond: 50,
  });
  for (const argv of [['--runs', '0'], ['--orders', 'many'], ['--bogus']])
    t.throws(() => parseReadOptions(argv), argv.join(' '));
  const cases = readCases('10');
  t.equal(cases.filter(({ row }) => row === 'reads').length, 1);
  for (const { what, isKnown, orders } of cases)
    if (isKnown) t.not(orders, READ_EVENT, `${what}: a tag of an event that sells is soon another`);
});

t.test('orders come at their rate, each is counted, and each tells its sequence', async (t) => {
  const keys = new Set<string>();
  const { server, url } = await serve(t, (request, response) => {
    request.resume();
    keys.add(String(request.headers['idempotency-key']));
    send(response, keys.size === 7 ? 503 : 201, `{"sequence":${keys.size + 1}}`);
    if (keys.size === 40) server.emit('enough');
  });
  const told = new Told();
  const load = await OrderLoad.start({ url, event: 'e', perSecond: 400, tag: 'a', told });
  await once(server, 'enough');
  const { sent, accepted, refused, unanswered, seconds, latencyMs } = await load.stop();
  t.equal(sent, keys.size, 'each has a key of its own');
  t.ok(sent <= seconds * 400 + 1, `${sent} in ${seconds} s`);
  t.strictSame([accepted, refused, unanswered], [sent - 1, 1, 0]);
  t.equal(told.latest('e'), sent + 1);
  t.ok(latencyMs.p50 > 0 && latencyMs.p50 <= latencyMs.p99);
});

t.test('orders under way when the server goes are told apart', async (t) => {
  const { server, url } = await serve(t, (request, response) => {
    if (request.headers['idempotency-key'] === 'b-00000000') send(response, 201, '{"sequence":2}');
    else server.emit('held');
  });
  const told = new Told();
  const tell = told.tell.bind(told);
  told.tell = (event, sequence) => {
    tell(event, sequence);
    server.emit('told');
  };
  const both = Promise.all([once(server, 'held'), once(server, 'told')]);
  const load = await OrderLoad.start({ url, event: 'e', perSecond: 1000, tag: 'b', told });
  await both;
  const stopped = load.stop();
  server.closeAllConnections();
  const { sent, accepted, unanswered } = await stopped;
  t.equal(accepted, 1);
  t.equal(unanswered, sent - 1);
});

/** A server whose event changes with each read, as `sequenceOf` says; asked with a tag, it answers 304 if `hides`. */
async function watch(t: Test, sequenceOf: (count: number) => number, hides: boolean): Promise<Told> {
  let count = 0;
  const { server, url } = await serve(t, (request, response) => {
    count++;
    if (count === 40) server.emit('enough');
    if (hides && request.headers['if-none-match'] !== undefined) send(response, 304);
    else send(response, 200, `{"sequence":${sequenceOf(count)}}`);
  });
  const told = new Told();
  const watchers = new Watchers({ url, event: OTHER_EVENT, tagPrefix: 'x-', told });
  await once(server, 'enough');
  await watchers.stop();
  return told;
}

t.test('readers see a server that goes back, and one that hides changes', async (t) => {
  t.ok(isOk(await watch(t, (count) => count, false)), 'an honest one');
  t.ok(isOk(await watch(t, () => 9, true)), 'one where nothing changes');
  t.notOk(isOk(await watch(t, (count) => (count === 30 ? 1 : count), false)));
  t.notOk(isOk(await watch(t, (count) => count, true)));
});

const isLong = process.env['FRONTROW_LONG'] !== undefined;
const skip = isLong && findWrk() !== null ? false : 'a long test, and it needs wrk';
t.test('all of it, whole: every check holds', { skip, timeout: 120_000 }, async (t) => {
  const limits = { workers: 1, segmentBytes: 8 << 20, arenaBytes: 256 << 20, eventsMax: 64 };
  const options = { ...parseReadOptions(['--quick', '--orders', '100', '--connections', '8']), limits };
  const { figures, checks, lines } = await readFigures(options, () => {});
  t.strictSame(
    checks.filter(({ ok }) => !ok),
    [],
  );
  t.ok(checks.length > 20);
  t.equal(figures.length, readCases('').length);
  t.ok(figures.every(({ values }) => values.every((value) => value > 0)));
  t.ok(lines.length > 20);
});
