/**
 * A server process that is asked to end while it is busy: whatever was acknowledged is kept, no reply is cut, those that
 * come are turned away, and it is over in time, with the mark of a clean end. And one that is asked twice.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import t from 'tap';
import type { Test } from 'tap';
import { inspectDirectory, verifyDirectory } from '../../src/cli/offline.ts';
import { FrontrowClient } from '../../src/client/index.ts';
import { availability, Wire } from './support/http.ts';
import { denseHistory } from './support/history.ts';
import { Pipe, requestText, type PipeReply } from './support/pipe.ts';
import { startProcess, startServer, testDirectory, type ServeProcess } from './support/servers.ts';

const isLong = process.env['FRONTROW_LONG'] !== undefined;
const CONNECTIONS = isLong ? 200 : 24;
/** Requests of one connection that are under way at once. */
const DEPTH = 4;
/** Orders acknowledged before the signal. */
const BEFORE = isLong ? 20_000 : 200;
/** More of them than the sockets of both sides hold. */
const SEAT_MAPS = isLong ? 4000 : 1500;
const DRAIN_SECONDS = 20;
const SMALL = { workers: 2, arenaBytes: 128 * 1024 * 1024, segmentBytes: 4 * 1024 * 1024 };
const FLAGS = ['--arena-mib', '128', '--segment-mib', '4', '--drain-timeout', String(DRAIN_SECONDS)];

const EVENT = {
  id: 'gala',
  name: 'Winter Gala',
  state: 'open',
  startsAt: '2027-01-15T19:00:00Z',
  sections: [{ id: 'floor', kind: 'general', capacity: 50_000 }],
};
/** Its seat map is long: 60 KB a reply. */
const BIG_EVENT = {
  ...EVENT,
  id: 'arena',
  sections: [
    {
      id: 'stalls',
      kind: 'seated',
      rows: Array.from({ length: 60 }, (_, row) => ({ id: `R${row}`, seats: 1000 })),
    },
  ],
};
const ORDERS = '/v1/events/gala/orders';
const SEATS = '/v1/events/arena/seats';

interface Load {
  readonly pipes: readonly Pipe[];
  /** Keys and ids of orders that were acknowledged. */
  readonly acknowledged: Map<string, string>;
  /** What was sent and never answered. */
  readonly unanswered: Set<string>;
  readonly strange: PipeReply[];
  /** Resolves when so many are acknowledged. */
  reached(count: number): Promise<void>;
  /** Resolves when all connections are over. */
  readonly over: Promise<unknown>;
}

const orderText = (key: string): string =>
  requestText(ORDERS, { customer: 'c', reference: key, items: [{ section: 'floor', quantity: 1 }] }, key);

/** Keeps every connection full of orders until the server has had enough of it. */
async function startLoad(server: ServeProcess): Promise<Load> {
  const pipes = await Promise.all(Array.from({ length: CONNECTIONS }, () => Pipe.open(server.url)));
  const acknowledged = new Map<string, string>();
  const unanswered = new Set<string>();
  const strange: PipeReply[] = [];
  let wake = (): void => {};
  const run = async (pipe: Pipe, name: string): Promise<void> => {
    let sent = 0;
    const send = (): void => {
      const key = `${name}-${sent++}`;
      unanswered.add(key);
      pipe.socket.write(orderText(key));
    };
    while (sent < DEPTH) send();
    for (let i = 0; ; i++) {
      const reply = await pipe.reply(i);
      if (reply === null) return;
      const key = `${name}-${i}`;
      unanswered.delete(key);
      if (reply.status === 201) acknowledged.set(key, String(reply.json['id']));
      else if (reply.status !== 503 || reply.json['code'] !== 'draining' || reply.json['applied'] !== false)
        strange.push(reply);
      wake();
      // Like one who does not look at what he is told: he goes on sending.
      if (pipe.socket.writable) send();
    }
  };
  const over = Promise.all(pipes.map((pipe, i) => run(pipe, `c${i}`)));
  const reached = async (count: number): Promise<void> => {
    while (acknowledged.size < count) await new Promise<void>((resolve) => (wake = resolve));
  };
  return { pipes, acknowledged, unanswered, strange, reached, over };
}

/** Asks for more than the sockets hold between them, and stops reading soon after the first reply. */
async function openSlow(server: ServeProcess): Promise<Pipe> {
  const slow = await Pipe.open(server.url);
  slow.socket.write(requestText(SEATS).repeat(SEAT_MAPS));
  await slow.reply(0);
  slow.socket.pause();
  return slow;
}

/** Resolves once the process has said this in its log. */
async function said(server: ServeProcess, text: string): Promise<void> {
  while (!server.log().includes(text)) await once(server.child.stderr!, 'data');
}

async function isRefused(url: string): Promise<boolean> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  const [error] = (await Promise.race([once(socket, 'error'), once(socket, 'connect')])) as [
    NodeJS.ErrnoException | undefined,
  ];
  socket.destroy();
  return error?.code === 'ECONNREFUSED';
}

/** What each acknowledged order became, by the list of all of them; and what was never answered happens once. */
async function checkOrders(t: Test, url: string, load: Load): Promise<void> {
  const client = new FrontrowClient({ url });
  const wire = new Wire(url, 8);
  await Promise.all(
    [...load.unanswered].map(async (key) => {
      const body = { customer: 'c', reference: key, items: [{ section: 'floor', quantity: 1 }] };
      const { status, json } = await wire.post(ORDERS, body, key);
      if (status !== 200 && status !== 201) t.fail(`${key} sent again: ${status}`);
      load.acknowledged.set(key, String(json['id']));
    }),
  );
  load.unanswered.clear();
  const found = new Map<string, string>();
  let count = 0;
  for await (const { id, reference } of client.orders.all('gala', { limit: 500 })) {
    found.set(String(reference), id);
    count++;
  }
  t.equal(count, found.size, 'no order is there twice');
  const lost = [...load.acknowledged].filter(([key, id]) => found.get(key) !== id);
  t.same(lost.slice(0, 3), [], `${load.acknowledged.size} acknowledged orders are there`);
  const unknown = [...found.keys()].filter(
    (key) => !load.acknowledged.has(key) && !key.startsWith('refused'),
  );
  t.same(unknown.slice(0, 3), [], 'and none that was refused');
  const counts = await availability(wire, 'gala');
  t.equal(counts.sold, count, 'sold is what was ordered');
  await denseHistory(t, client, 'gala', counts.sequence);
  wire.close();
}

t.test('SIGTERM under load: nothing acknowledged is lost, no reply is cut, exit 0', async (t) => {
  const directory = testDirectory(t);
  const server = await startProcess(t, directory, [...FLAGS, '--ops-listen', '127.0.0.1:0']);
  const opsUrl = String(/health on (http:\S+)/.exec(server.log())?.[1]);
  const client = new FrontrowClient({ url: server.url, retry: false });
  const wire = new Wire(server.url, 4);
  for (const event of [EVENT, BIG_EVENT]) t.equal((await wire.post('/v1/events', event)).status, 201);
  wire.close();

  const idle = await Pipe.open(server.url);
  const followers = Array.from({ length: 3 }, async () => {
    let updates = 0;
    for await (const update of client.events.changes('gala')) if (update.type === 'change') updates++;
    return updates;
  });
  // Its request is not whole yet.
  const half = await Pipe.open(server.url);
  half.socket.write(orderText('refused-half').slice(0, -10));

  const load = await startLoad(server);
  await load.reached(BEFORE);
  const slow = await openSlow(server);
  const began = performance.now();
  const gone = server.end('SIGTERM');
  await said(server, '"msg":"draining"');
  const ready = await new Wire(opsUrl, 1).get('/readyz');
  t.match(
    ready,
    { status: 503, json: { code: 'draining' } },
    'and /readyz says so, where it still can be asked',
  );
  t.match((await half.reply(0)) ?? {}, {
    status: 503,
    json: { code: 'draining', applied: false },
    closes: true,
  });
  t.ok(await isRefused(server.url), 'new connections are refused');
  await Promise.all([load.over, idle.closed]);
  const seen = await Promise.all(followers);
  t.ok(server.child.exitCode === null, 'live updates and idle connections end before the slowest reader');
  t.ok(
    seen.every((updates) => updates > 0),
    `those who followed saw ${seen.join(', ')} updates`,
  );
  slow.socket.resume();
  await slow.closed;

  t.same(await gone, [0, null], 'exit 0');
  t.ok(performance.now() - began < DRAIN_SECONDS * 1000, 'within --drain-timeout');
  const all = [...load.pipes, idle, slow, half];
  t.same(
    all
      .filter(({ torn }) => torn > 0)
      .map(({ torn, ended, replies }) => ({ torn, ended, count: replies.length })),
    [],
    'every reply that began is complete',
  );
  const maps = slow.replies.filter(({ status }) => status === 200).length;
  const refused = slow.replies.filter(({ json }) => json['code'] === 'draining').length;
  t.ok(maps > 0 && refused > 0, `the slow reader got ${maps} seat maps and then ${refused} refusals`);
  t.equal(maps + refused, slow.replies.length, 'and nothing else');
  const untold = [slow, half, ...load.pipes].filter(({ replies }) => replies.at(-1)?.closes !== true);
  t.equal(untold.length, 0, 'the last reply of each busy connection said so');
  t.equal(idle.ended, 'end', 'an idle one was closed in order');
  t.same(load.strange.slice(0, 3), [], 'everybody was served, or told that the server drains');
  const report = await inspectDirectory(directory);
  t.match(report, { cleanStop: true, tornTailBytes: 0 }, 'the end mark is there');

  const again = await startProcess(t, directory, FLAGS);
  t.match(again.log(), /"tornTailBytes":0.*"cleanEnd":true/, 'a clean start');
  await checkOrders(t, again.url, load);
  await secondSignal(t, again, directory);
});

async function secondSignal(t: Test, server: ServeProcess, directory: string): Promise<void> {
  const load = await startLoad(server);
  await load.reached(1);
  // It would be waited for.
  const slow = await openSlow(server);
  await load.reached(50);
  void server.end('SIGTERM');
  await said(server, '"msg":"draining"');
  const began = performance.now();
  t.same(await server.end('SIGTERM'), [130, null], 'a second signal ends it');
  t.ok(performance.now() - began < 5000, 'at once');
  slow.socket.destroy();
  await load.over;
  const findings = (await verifyDirectory(directory)).findings.filter(({ fatal }) => fatal);
  t.same(findings, [], 'what it leaves is clean');
  const last = await startServer(t, { ...SMALL, dataDirectory: directory });
  const ids = new Set<string>();
  for await (const { id } of new FrontrowClient({ url: last.url }).orders.all('gala', { limit: 500 }))
    ids.add(id);
  const lost = [...load.acknowledged.values()].filter((id) => !ids.has(id));
  t.same(lost, [], 'and nothing that was acknowledged is lost');
}
