// A whole server sells by either listener.

import { randomUUID } from 'node:crypto';
import t from 'tap';
import { FrontrowClient } from '../../src/client/index.ts';
import { createServer } from '../../src/server.ts';

for (const listener of ['lean', 'node'] as const) {
  t.test(`${listener}: an event is made, sold and asked for`, async (t) => {
    const server = await createServer({
      dataDirectory: t.testdir(),
      port: 0,
      workers: 1,
      arenaBytes: 64 * 1024 * 1024,
      segmentBytes: 16 * 1024 * 1024,
      listener,
    });
    t.teardown(() => server.close());
    const frontrow = new FrontrowClient({ url: server.url });
    await frontrow.events.create({
      id: 'gala',
      name: 'Gala',
      startsAt: '2030-06-01T18:00:00Z',
      state: 'open',
      sections: [{ id: 'floor', kind: 'general', capacity: 3 }],
    });
    const items = [{ section: 'floor', quantity: 2 }];
    const order = await frontrow.orders.create('gala', { items }, { idempotencyKey: randomUUID() });
    t.equal(order.tickets.length, 2);
    t.match(await frontrow.orders.get(order.id), { id: order.id, state: 'confirmed', currency: null });
    await t.rejects(frontrow.orders.create('gala', { items }), { code: 'not-enough-available', status: 409 });
    t.match(await frontrow.events.availability('gala'), { available: 1, sold: 2 });
  });
}
