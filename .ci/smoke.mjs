// Starts the built server on a free port, sells two places over HTTP, and stops it.
//
//   node .ci/smoke.mjs DATA_DIRECTORY
//
// Exits 0 if every step held. It shows the server's own output when one did not.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { Server } from './server.mjs';

const data = process.argv[2];
assert.ok(data, 'usage: node .ci/smoke.mjs DATA_DIRECTORY');

async function available(server) {
  const { status, json, said } = await server.call('GET', '/v1/events/club/availability');
  assert.equal(status, 200, said);
  const general = json.sections?.find((section) => section.id === 'general');
  assert.ok(Number.isInteger(general?.available), said);
  return general.available;
}

async function sellTwo(server) {
  const events = await server.call('GET', '/v1/events');
  assert.equal(events.status, 200, events.said);
  const ids = events.json.data.map((event) => event.id);
  assert.ok(ids.includes('club') && ids.includes('hall'), events.said);

  const before = await available(server);
  const order = await server.call(
    'POST',
    '/v1/events/club/orders',
    { customer: 'smoke', items: [{ section: 'general', quantity: 2 }] },
    { 'idempotency-key': randomUUID() },
  );
  assert.equal(order.status, 201, order.said);
  assert.equal(order.json.tickets?.length, 2, order.said);

  const read = await server.call('GET', `/v1/orders/${order.json.id}`);
  assert.equal(read.status, 200, read.said);
  assert.equal(read.json.id, order.json.id, read.said);
  assert.equal(read.json.tickets?.length, 2, read.said);
  assert.equal(await available(server), before - 2, 'two places fewer are available');
}

const server = new Server(process.execPath, data, '--demo');
try {
  await server.ready();
  await sellTwo(server);
  await server.stop();
  console.log('smoke: the server sold two places and stopped cleanly');
} catch (error) {
  console.error('smoke: failed:', error);
  console.error(`smoke: what the server printed:\n${server.output}`);
  await server.kill();
  process.exitCode = 1;
}
