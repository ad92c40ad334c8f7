/** Live updates over connections that break, fall silent and end: nothing is missed and nothing comes twice. */
import t from 'tap';
import { FrontrowClient, FrontrowProblem } from '../../src/client/index.ts';
import type { ClientOptions, LiveOptions, LiveUpdate } from '../../src/client/index.ts';

interface Connection {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  send(text: string): void;
  end(): void;
  cut(): void;
  readonly isClosed: boolean;
}

type Script = ((connection: Connection) => void) | number;

const encoder = new TextEncoder();
const change = (sequence: number): string =>
  `event: change\nid: 0badcafe-${sequence}\ndata: {"event":"gala","sequence":${sequence},"seats":{"stalls-A-1":"h"},"sections":[]}\n\n`;
const RESET = 'event: reset\nid: 0badcafe-90\ndata: {"event":"gala"}\n\n';
const END = 'event: end\ndata: {}\n\n';

/** A server that plays a script a connection: events to send, or a status to refuse with. */
function stage(scripts: readonly Script[], options: Partial<ClientOptions> = {}) {
  const connections: Connection[] = [];
  const waits: number[] = [];
  const client = new FrontrowClient({
    url: 'http://frontrow.test',
    clock: { random: () => 1, now: () => 0, sleep: (ms) => Promise.resolve(void waits.push(ms)) },
    fetch: (url, init = {}) => {
      const script = scripts[Math.min(connections.length, scripts.length - 1)];
      let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
      let isClosed = false;
      const body = new ReadableStream<Uint8Array>({
        start: (given) => void (controller = given),
        cancel: () => void (isClosed = true),
      });
      init.signal?.addEventListener('abort', () => {
        isClosed = true;
        controller?.error(init.signal?.reason);
      });
      const connection: Connection = {
        url: new URL(url),
        headers: init.headers as Record<string, string>,
        send: (text) => controller?.enqueue(encoder.encode(text)),
        end: () => controller?.close(),
        cut: () => controller?.error(new TypeError('terminated')),
        get isClosed() {
          return isClosed;
        },
      };
      connections.push(connection);
      if (typeof script === 'number') {
        const code = script === 404 ? 'event-not-found' : 'draining';
        return Promise.resolve(new Response(JSON.stringify({ status: script, code }), { status: script }));
      }
      script(connection);
      return Promise.resolve(new Response(body, { headers: { 'content-type': 'text/event-stream' } }));
    },
    ...options,
  });
  const take = async (count: number, live?: LiveOptions): Promise<LiveUpdate[]> => {
    const updates: LiveUpdate[] = [];
    for await (const update of client.events.changes('gala', live)) {
      updates.push(update);
      if (updates.length === count) break;
    }
    return updates;
  };
  return { client, connections, waits, take };
}

const sequences = (updates: readonly LiveUpdate[]): (number | 'reset')[] =>
  updates.map((update) => (update.type === 'change' ? update.sequence : 'reset'));

t.test('changes come as they happen; leaving the loop closes the connection', async (t) => {
  const { connections, take } = stage([
    (connection) => connection.send(`: hello\n\n${change(7)}event: later\ndata: ?\n\n${change(9)}`),
  ]);
  const updates = await take(2);
  t.same(updates[0], {
    type: 'change',
    id: '0badcafe-7',
    event: 'gala',
    sequence: 7,
    seats: { 'stalls-A-1': 'h' },
    sections: [],
  });
  t.same(sequences(updates), [7, 9], 'what this version does not know is left out');
  t.equal(connections[0].url.href, 'http://frontrow.test/v1/events/gala/changes');
  t.equal(connections[0].headers['accept'], 'text/event-stream');
  t.equal(connections[0].headers['last-event-id'], undefined);
  t.ok(connections[0].isClosed);
});

t.test('a broken connection is made again, and goes on after the last whole update', async (t) => {
  const { connections, take, waits } = stage([
    (connection) => {
      connection.send(change(7) + change(8).slice(0, -1));
      // Later, or what is queued is thrown away with the stream.
      setImmediate(() => connection.cut());
    },
    503,
    (connection) => connection.send(change(8) + change(9)),
  ]);
  t.same(sequences(await take(3, { after: 5 })), [7, 8, 9]);
  t.equal(connections[0].url.search, '?after=5');
  t.same(
    connections.slice(1).map(({ url, headers }) => [url.search, headers['last-event-id']]),
    [
      ['', '0badcafe-7'],
      ['', '0badcafe-7'],
    ],
  );
  t.same(waits, [100, 200]);
});

t.test('before the first update it goes on from where it was told to begin', async (t) => {
  const broken = (connection: Connection): void => connection.cut();
  const { connections, take } = stage([broken, (connection) => connection.send(change(6))]);
  t.same(sequences(await take(1, { after: 5 })), [6]);
  t.equal(connections[1].url.search, '?after=5');
  const again = stage([broken, (connection) => connection.send(change(6))]);
  await again.take(1, { lastEventId: '0badcafe-5' });
  t.same(
    again.connections.map(({ headers }) => headers['last-event-id']),
    ['0badcafe-5', '0badcafe-5'],
  );
});

t.test('where nothing says what was missed, a reset does', async (t) => {
  const { take } = stage([(connection) => connection.cut(), (connection) => connection.send(change(6))]);
  t.same(sequences(await take(2)), ['reset', 6], 'from now on, twice: the time between is unknown');
  const told = stage([(connection) => connection.send(RESET + change(91))]);
  t.same(await told.take(1), [{ type: 'reset', id: '0badcafe-90', event: 'gala' }], "the server's own");
});

t.test('silence beyond three heartbeats is a broken connection', async (t) => {
  const { connections, take } = stage([() => {}, (connection) => connection.send(change(6))]);
  t.same(sequences(await take(1, { after: 5, silenceMs: 5 })), [6]);
  t.ok(connections[0].isClosed);
});

t.test('it ends when the event is gone, and goes on after a restart', async (t) => {
  const gone = stage([(connection) => connection.send(change(7) + END), 404]);
  t.same(sequences(await gone.take(9)), [7]);
  t.same(gone.waits, [500], 'a server that restarts is not back at once');
  const restart = stage([
    (connection) => connection.send(change(7) + END),
    503,
    (connection) => connection.send(change(8)),
  ]);
  t.same(sequences(await restart.take(2)), [7, 8]);
  const told = stage([(connection) => connection.send(`retry: 1500\n\n${END}`), 404]);
  t.same(await told.take(9), []);
  t.same(told.waits, [1500], 'the server says how long to wait');
  const once = stage([(connection) => connection.send(change(7) + END)], { retry: false });
  t.same(sequences(await once.take(9)), [7]);
  t.equal(once.connections.length, 1);
});

t.test('an event that is not there is a problem, and so is a server that does not come back', async (t) => {
  const absent = stage([404]);
  const error = await absent.take(1).catch((reason: unknown) => reason);
  t.ok(error instanceof FrontrowProblem);
  t.match(error, { status: 404, code: 'event-not-found' });
  const down = stage([(connection) => connection.cut()], { retry: { attempts: 3 } });
  await t.rejects(down.take(1, { after: 1 }), { name: 'FrontrowUnreachable', applied: false });
  t.equal(down.connections.length, 3);
});

t.test('what works again starts the counting of attempts anew', async (t) => {
  const flaky = (sequence: number) => (connection: Connection) => {
    connection.send(change(sequence));
    setImmediate(() => connection.cut());
  };
  const { take, connections } = stage([1, 2, 3, 4, 5].map(flaky), { retry: { attempts: 2 } });
  t.same(sequences(await take(5)), [1, 2, 3, 4, 5]);
  t.equal(connections.length, 5);
});

t.test('an aborted signal ends it at once, with its own reason', async (t) => {
  const reason = new Error('enough');
  const controller = new AbortController();
  const { client, connections } = stage([(connection) => connection.send(change(7))]);
  const seen: number[] = [];
  const watching = (async () => {
    for await (const update of client.events.changes('gala', { signal: controller.signal })) {
      if (update.type === 'change') seen.push(update.sequence);
      setImmediate(() => controller.abort(reason));
    }
  })();
  await t.rejects(watching, reason);
  t.same(seen, [7]);
  t.ok(connections[0].isClosed);
  await t.rejects(client.events.changes('gala', { signal: controller.signal }).next(), reason);
});
