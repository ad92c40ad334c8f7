/**
 * What must be true after the runs, whatever the figures say. autocannon's runs are audited by what was
 * acknowledged, id by id (src/cli/load-audit.ts). wrk keeps no ids: its count of replies is a lower bound of what
 * was sold, and that plus one request in flight on each connection is the upper.
 */
import { Agent, request } from 'node:http';
import { auditConservation } from '../src/cli/load-audit.ts';
import type { AuditCheck } from '../src/cli/load-audit.ts';
import { eachLimited } from '../src/cli/load.ts';
import type { LoadKind } from '../src/cli/load.ts';
import type { Availability } from '../src/client/index.ts';
import { readAll } from '../src/journal/offline.ts';
import { acceptedOf, refusedOf } from './hammer.ts';
import type { HammerResult } from './hammer.ts';
import type { Stage } from './stage.ts';

const READ_LANES = 32;

/** One wrk run on an event of its own: acknowledged ≤ taken ≤ acknowledged + in flight, a change each. Pure. */
export function auditWrk(
  kind: LoadKind,
  after: Availability,
  run: HammerResult,
  connections: number,
  quantity: number,
): AuditCheck[] {
  const acknowledged = acceptedOf(run);
  const refused = refusedOf(run);
  const taken = kind === 'orders' ? after.sold : after.held;
  const claims = taken / quantity;
  const { event } = after;
  return [
    {
      name: `${event}: nothing was refused or broken`,
      ok: refused === 0 && run.errors === 0,
      detail: `${refused} refused, ${run.errors} connection errors`,
    },
    {
      name: `${event}: taken = acknowledged + in flight at the end`,
      ok: claims >= acknowledged && claims <= acknowledged + connections,
      detail: `${claims} taken, ${acknowledged} acknowledged, ${connections} connections`,
    },
    {
      // The definition is sequence 1, and nothing but these requests changed the event.
      name: `${event}: a request is one change`,
      ok: after.sequence - 1 === claims,
      detail: `sequence ${after.sequence}, ${claims} claims of ${quantity}`,
    },
    { ...auditConservation(after), name: `${event}: counts add up to the capacity` },
  ];
}

/**
 * Kills the server with SIGKILL, counts the groups on its disk, starts it again and compares what it says now with
 * what it said before.
 */
export async function auditRestart(stage: Stage, events: readonly string[]): Promise<AuditCheck[]> {
  const before = new Map<string, string>();
  for (const event of events) before.set(event, JSON.stringify(await stage.settled(event)));
  const { groups } = await stage.server.usage();
  await stage.server.kill();
  const report = readAll(stage.dataDirectory, false, { snapshot(): void {}, frames(): void {} });
  const problems = report.problems.map((problem) => problem.message);
  await stage.restart();
  let same = 0;
  for (const [event, text] of before) {
    if (JSON.stringify(await stage.client.events.availability(event)) === text) same++;
  }
  return [
    {
      name: 'kill -9 and restart: counts and sequences are as before',
      ok: same === events.length,
      detail: `${same} of ${events.length} events`,
    },
    {
      name: 'the journal on disk has the groups that were counted',
      ok: report.groups === groups && problems.length === 0,
      detail: `${report.groups} groups, ${groups} counted${problems.length === 0 ? '' : `; ${problems.join('; ')}`}`,
    },
  ];
}

/** Reads every id back. */
export async function auditReadBack(
  stage: Stage,
  kind: LoadKind,
  ids: readonly string[],
): Promise<AuditCheck> {
  const agent = new Agent({ keepAlive: true, maxSockets: READ_LANES });
  const state = kind === 'orders' ? 'confirmed' : 'held';
  let readable = 0;
  try {
    await eachLimited(ids, READ_LANES, async (id) => {
      const { status, body } = await get(agent, `${stage.server.url}/v1/${kind}/${id}`);
      if (status === 200 && (JSON.parse(body) as { state: string }).state === state) readable++;
    });
  } finally {
    agent.destroy();
  }
  return {
    name: `kill -9 and restart: every acknowledged ${kind.slice(0, -1)} is readable`,
    ok: readable === ids.length,
    detail: `${readable} of ${ids.length}`,
  };
}

function get(agent: Agent, url: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { agent }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (body += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      response.on('error', reject);
    });
    sent.on('error', reject);
    sent.end();
  });
}
