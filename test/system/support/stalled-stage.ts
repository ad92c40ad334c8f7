/**
 * A server process whose disk can be told not to answer, and orders that wait for it: of stall.test.ts and
 * stalled-end.test.ts.
 */
import { join } from 'node:path';
import type { Test } from 'tap';
import { Faults } from '../../support/faults.ts';
import { stageBuild } from '../../support/staged-build.ts';
import { Wire, type Answer } from './http.ts';
import { startProcess, testDirectory, type ServeProcess } from './servers.ts';

const MIB = 1024 * 1024;
const FLAGS = ['--workers', '1', '--arena-mib', '64', '--segment-mib', '4', '--ops-listen', '127.0.0.1:0'];
/** The same for a server in the test's process. */
export const SMALL = { workers: 1, arenaBytes: 64 * MIB, segmentBytes: 4 * MIB };
export const CAPACITY = 100;
export const EVENT = {
  id: 'gala',
  name: 'Gala',
  state: 'open',
  startsAt: '2027-01-15T19:00:00Z',
  capacity: CAPACITY,
};
export const ORDERS = '/v1/events/gala/orders';
export const ONE = { items: [{ section: 'general', quantity: 1 }] };
/** Of a change that may or may not have been made. */
export const UNKNOWN = { status: 500, json: { code: 'outcome-unknown', applied: null } };
/** What the end of a server may take beyond its time: a second or so, and a machine that does much else. */
export const LATE_MS = 3000;

export interface StalledStage {
  readonly directory: string;
  readonly faults: Faults;
  readonly server: ServeProcess;
  readonly wire: Wire;
  readonly ops: Wire;
}

/** With the event, and one order that is acknowledged. */
export async function stalledStage(t: Test, flags: readonly string[]): Promise<StalledStage> {
  const { main } = stageBuild(t, ['journal']);
  const directory = join(testDirectory(t), 'data');
  const faults = new Faults(t, directory);
  const server = await startProcess(t, directory, [...FLAGS, ...flags], { main });
  const wire = new Wire(server.url, 8);
  const ops = new Wire(String(/health on (http:\S+)/.exec(server.log())?.[1]), 2);
  t.teardown(() => [wire, ops].forEach((each) => each.close()));
  t.equal((await wire.post('/v1/events', EVENT)).status, 201);
  t.equal((await wire.post(ORDERS, ONE, 'before')).status, 201);
  return { directory, faults, server, wire, ops };
}

/** Orders with the keys `waits-0` and so on, which wait for a disk that does not answer from here on. */
export async function waitingOrders(
  { wire, faults }: StalledStage,
  kind: 'stall' | 'hang',
  count = 3,
): Promise<readonly Promise<Answer>[]> {
  faults.set('datasync', { kind });
  const orders = Array.from({ length: count }, (_, i) => wire.post(ORDERS, ONE, `waits-${i}`));
  // One that fails before the test looks at it must not end the test's process.
  for (const order of orders) order.catch(() => {});
  await faults.untilMet('datasync');
  // The first has got as far as the disk; by the end of this the server has them all.
  for (let i = 0; i < 2; i++) await wire.get('/healthz');
  return orders;
}
