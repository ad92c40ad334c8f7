// Live updates over real sockets: the way through the service, and what a stop does to them.

import t from 'tap';
import type { Test } from 'tap';
import { LiveUpdates } from '../../src/http/live-updates.ts';
import { createHttpService } from '../../src/http/service.ts';
import type { HttpService } from '../../src/http/service.ts';
import { SYSTEM_SCHEDULER } from '../../src/dispatch/scheduler.ts';
import { FakeSink } from './support/fake-sink.ts';
import { get } from './support/listener-stage.ts';
import { Hall, LIFE } from './support/live-stage.ts';
import { Wire } from './support/wire.ts';

interface Stage {
  readonly hall: Hall;
  readonly sink: FakeSink;
  readonly service: HttpService;
  readonly live: LiveUpdates;
  readonly answered: { route: string; status: number; code: string }[];
  open(): Promise<Wire>;
}

async function stage(t: Test): Promise<Stage> {
  const hall = new Hall();
  const sink = new FakeSink();
  sink.answer = ({ request }) => hall.read(request.query, request.role);
  const live = new LiveUpdates({
    sink,
    scheduler: SYSTEM_SCHEDULER,
    incarnation: () => LIFE,
    connectionsMax: 100,
  });
  const answered: Stage['answered'] = [];
  const service = createHttpService({
    sink,
    connectionsMax: 100,
    streams: live,
    onAnswered: ({ route, status, code }) => void answered.push({ route, status, code }),
    limits: { lingerMs: 20 },
  });
  const port = await service.listen('127.0.0.1', 0);
  const wires: Wire[] = [];
  t.teardown(async () => {
    for (const wire of wires) wire.socket.destroy();
    await service.drain(0);
  });
  const open = async (): Promise<Wire> => {
    const wire = await Wire.open(port);
    wires.push(wire);
    return wire;
  };
  return { hall, sink, service, live, answered, open };
}

const CHANGES = '/v1/events/gala/changes';

t.test('a browser follows an event, and comes back to where it was', async (t) => {
  const { hall, sink, live, answered, open } = await stage(t);
  const wire = await open();
  const head = await wire.send(get(CHANGES, 'Accept: text/event-stream\r\nX-Request-Id: r-7\r\n')).head();
  t.equal(head.status, 200);
  t.equal(head.headers.get('content-type'), 'text/event-stream');
  t.equal(head.headers.get('cache-control'), 'no-store');
  t.equal(head.headers.get('x-request-id'), 'r-7');
  t.match(await wire.chunk(), new RegExp(`^retry: \\d{4}\nid: ${LIFE}-0\n\n$`));
  hall.change('stalls-A-1', 'h');
  sink.changed?.('gala');
  t.match(
    await wire.chunk(),
    `id: ${LIFE}-1\nevent: change\ndata: {"event":"gala","sequence":1,"seats":{"stalls-A-1":"h"},`,
  );
  wire.socket.destroy();
  await wire.closed;
  hall.change('stalls-A-2', 's');
  const back = await open();
  await back.send(get(CHANGES, `Accept: text/event-stream\r\nLast-Event-ID: ${LIFE}-1\r\n`)).head();
  t.match(await back.chunk(), '"seats":{"stalls-A-2":"s"}');
  t.same(answered, [
    { route: 'changes', status: 200, code: '' },
    { route: 'changes', status: 200, code: '' },
  ]);
  t.equal(live.counts().streams, 1, 'the one that went is forgotten');
});

t.test('what is no stream is answered as any call', async (t) => {
  const { hall, answered, open } = await stage(t);
  const wire = await open();
  t.match(await wire.send(get(CHANGES, 'Accept: application/json\r\n')).next(), { status: 406 });
  t.match(await wire.send(get(`${CHANGES}?after=x`)).next(), { status: 422, text: /\?after/ });
  hall.state = 'archived';
  t.match(await wire.send(get(CHANGES)).next(), { status: 404, text: /event-not-found/ });
  hall.state = 'open';
  t.match(await wire.send(`HEAD ${CHANGES} HTTP/1.1\r\nHost: localhost\r\n\r\n`).next(true), { status: 200 });
  t.same(
    answered.map(({ status, code }) => `${status} ${code}`),
    ['406 not-acceptable', '422 invalid-request', '404 event-not-found', '200 '],
  );
});

t.test('a stop ends every stream with a last word, and waits for none', async (t) => {
  const { service, open } = await stage(t);
  const wires = [await open(), await open()];
  for (const wire of wires) {
    await wire.send(get(CHANGES)).head();
    await wire.chunk();
  }
  const drained = service.drain(60_000);
  for (const wire of wires) {
    t.equal(await wire.chunk(), 'event: end\ndata: {"event":"gala"}\n\n');
    t.equal(await wire.chunk(), '');
    await wire.closed;
  }
  t.equal(await drained, true);
});
