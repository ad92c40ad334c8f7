// Starts the built server on a free port, sells two places over HTTP, and stops it.
//
//   node .ci/smoke.mjs DATA_DIRECTORY
//
// Exits 0 if every step held. It shows the server's own output when one did not.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const READY_MS = 60_000;
const REQUEST_MS = 10_000;
const STOP_MS = 30_000;

const main = fileURLToPath(new URL('../dist/src/cli/main.js', import.meta.url));
const data = process.argv[2];
assert.ok(data, 'usage: node .ci/smoke.mjs DATA_DIRECTORY');

const server = spawn(process.execPath, [main, 'serve', '--demo', '--port', '0', '--data', data], {
  stdio: ['ignore', 'pipe', 'pipe'],
});
const exited = once(server, 'exit');
let output = '';
for (const stream of [server.stdout, server.stderr]) {
  stream.setEncoding('utf8').on('data', (text) => {
    output += text;
  });
}

/** Polls until `probe` gives a value. A server that is gone, or the deadline, ends it. */
async function eventually(what, deadline, probe) {
  for (;;) {
    const value = await probe();
    if (value !== undefined) return value;
    assert.equal(server.exitCode ?? server.signalCode, null, `the server ended before ${what}`);
    assert.ok(performance.now() < deadline, `no ${what} in ${READY_MS / 1000} s`);
    await new Promise((resolve) => {
      setTimeout(resolve, 50);
    });
  }
}

async function call(base, method, path, body, headers = {}) {
  const content =
    body === undefined
      ? { headers }
      : { headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) };
  const response = await fetch(base + path, { method, signal: AbortSignal.timeout(REQUEST_MS), ...content });
  const text = await response.text();
  const said = `${method} ${path} answered ${response.status} ${text}`;
  return { status: response.status, json: text === '' ? null : JSON.parse(text), said };
}

async function available(base) {
  const { status, json, said } = await call(base, 'GET', '/v1/events/club/availability');
  assert.equal(status, 200, said);
  const general = json.sections?.find((section) => section.id === 'general');
  assert.ok(Number.isInteger(general?.available), said);
  return general.available;
}

async function sellTwo(base) {
  const events = await call(base, 'GET', '/v1/events');
  assert.equal(events.status, 200, events.said);
  const ids = events.json.data.map((event) => event.id);
  assert.ok(ids.includes('club') && ids.includes('hall'), events.said);

  const before = await available(base);
  const order = await call(
    base,
    'POST',
    '/v1/events/club/orders',
    { customer: 'smoke', items: [{ section: 'general', quantity: 2 }] },
    { 'idempotency-key': randomUUID() },
  );
  assert.equal(order.status, 201, order.said);
  assert.equal(order.json.tickets?.length, 2, order.said);

  const read = await call(base, 'GET', `/v1/orders/${order.json.id}`);
  assert.equal(read.status, 200, read.said);
  assert.equal(read.json.id, order.json.id, read.said);
  assert.equal(read.json.tickets?.length, 2, read.said);
  assert.equal(await available(base), before - 2, 'two places fewer are available');
}

async function stop() {
  server.kill('SIGTERM');
  const timer = setTimeout(() => server.kill('SIGKILL'), STOP_MS);
  const [code, signal] = await exited;
  clearTimeout(timer);
  assert.equal(code, 0, `after SIGTERM the server ended with ${signal ?? code}`);
}

try {
  const deadline = performance.now() + READY_MS;
  const base = await eventually(
    'line with its address',
    deadline,
    () => /listening on (http:\/\/[\w.:[\]]+:\d+)/.exec(output)?.[1],
  );
  await eventually('readiness', deadline, async () => {
    const response = await fetch(`${base}/readyz`, { signal: AbortSignal.timeout(REQUEST_MS) });
    await response.arrayBuffer();
    return response.ok ? true : undefined;
  });
  await sellTwo(base);
  await stop();
  console.log('smoke: the server sold two places and stopped cleanly');
} catch (error) {
  console.error('smoke: failed:', error);
  console.error(`smoke: what the server printed:\n${output}`);
  if (server.exitCode === null && server.signalCode === null) server.kill('SIGKILL');
  process.exitCode = 1;
}
