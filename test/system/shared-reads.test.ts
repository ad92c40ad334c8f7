/**
 * Reads that many ask for, on a real server: one answer, made once, arrives whole on every connection, with the id of
 * each request, however it is asked for.
 */
import t from 'tap';
import { Wire, type WireReply } from '../http/support/wire.ts';
import { Wire as Client } from './support/http.ts';
import { startServer } from './support/servers.ts';

const MIB = 1024 * 1024;
const SMALL = { workers: 2, arenaBytes: 64 * MIB, segmentBytes: 4 * MIB };
/** Bits that are too long to be sent with their head, and text beyond what a socket takes at once. */
const ROW_SEATS = 1000;
const ROWS = 40;
const CONNECTIONS = 6;
const PIPELINED = 4;

function get(path: string, id: string, headers = '', method = 'GET'): string {
  return `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Request-Id: ${id}\r\n${headers}\r\n`;
}

for (const listener of ['lean', 'node'] as const) {
  t.test(`${listener} listener`, async (t) => {
    const server = await startServer(t, { ...SMALL, listener });
    const client = new Client(server.url);
    t.teardown(() => client.close());
    const rows = Array.from({ length: ROWS }, (_, i) => ({ id: `R${i}`, seats: ROW_SEATS }));
    const sections = [
      { id: 'stalls', kind: 'seated', rows },
      { id: 'floor', kind: 'general', capacity: 100 },
    ];
    const event = { id: 'hall', name: 'Hall', state: 'open', startsAt: '2030-01-01T19:00:00Z', sections };
    t.equal((await client.send('POST', '/v1/events', event)).status, 201);
    const order = async (seat: string): Promise<void> => {
      const body = { items: [{ seat }] };
      const { status } = await client.send('POST', '/v1/events/hall/orders', body, { key: seat });
      t.equal(status, 201);
    };
    await order('stalls-R0-1');

    const port = Number(new URL(server.url).port);
    const wires = await Promise.all(Array.from({ length: CONNECTIONS }, () => Wire.open(port)));
    t.teardown(() => wires.forEach(({ socket }) => socket.destroy()));
    const askAll = async (headers: string, path: string, method = 'GET'): Promise<WireReply[]> => {
      const replies = wires.map(async (wire, i) => {
        const ids = Array.from({ length: PIPELINED }, (_, j) => `r-${i}-${'x'.repeat(j)}`);
        wire.send(ids.map((id) => get(path, id, headers, method)).join(''));
        const got: WireReply[] = [];
        for (const id of ids) {
          const reply = await wire.next(method === 'HEAD');
          if (reply.headers.get('x-request-id') !== id) t.fail(`${id} got another's reply`);
          got.push(reply);
        }
        return got;
      });
      return (await Promise.all(replies)).flat();
    };
    const same = (replies: readonly WireReply[], status: number, length: number): void => {
      const odd = replies.filter((reply) => reply.status !== status || reply.text !== replies[0].text);
      t.equal(odd.length, 0, 'all are the same');
      t.equal(replies[0].text.length, length);
    };

    for (const seat of ['stalls-R0-2', 'stalls-R39-1000']) {
      same(await askAll('Accept: application/octet-stream\r\n', '/v1/events/hall/seats'), 200, 10_000);
      const json = await askAll('', '/v1/events/hall/seats');
      const { sections: shown } = JSON.parse(json[0].text) as { sections: { rows: { seats: string }[] }[] };
      t.match(shown[0].rows[0].seats, seat === 'stalls-R0-2' ? /^sa{999}$/ : /^ssa{998}$/);
      same(json, 200, json[0].text.length);
      const etag = json[0].headers.get('etag') ?? '';
      same(await askAll(`If-None-Match: ${etag}\r\n`, '/v1/events/hall/seats'), 304, 0);
      same(await askAll('', '/v1/events/hall/seats', 'HEAD'), 200, 0);
      const nothing = await askAll('', '/v1/events/nowhere/availability');
      t.ok(nothing.every(({ status }) => status === 404));
      const ids = nothing.map(({ text }) => (JSON.parse(text) as { requestId: string }).requestId);
      t.strictSame(
        ids,
        nothing.map(({ headers }) => headers.get('x-request-id')),
      );
      await order(seat);
    }

    const last = await Wire.open(port);
    last.send(get('/v1/events/hall/seats', 'last', 'Connection: close\r\n'));
    t.match((await last.next()).text, /^\{"event":"hall","sequence":4,/);
    await last.closed;
  });
}
