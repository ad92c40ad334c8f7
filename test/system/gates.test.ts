/**
 * Durable before told, for every operation: while the disk does not answer, no reply shows a change that a power cut could
 * undo. Not a fresh one, not a replay, not a refusal. What answers after a worker's death: test/service/gates.test.ts.
 */
import { once } from 'node:events';
import { request, type ClientRequest, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import t from 'tap';
import type { Test } from 'tap';
import type { FrontrowServer } from '../../src/server.ts';
import { Faults } from '../support/faults.ts';
import { stageBuild } from '../support/staged-build.ts';
import {
  ASKED,
  definition,
  GATE_CASES,
  hasReplay,
  type Ask,
  type CaseStage,
  type GateCase,
} from './support/gate-cases.ts';
import { Wire, type Answer } from './support/http.ts';
import { startProcess, testDirectory } from './support/servers.ts';

const MIB = 1024 * 1024;
const NOTHING: Answer = { status: 0, headers: {}, text: '', json: {} };

interface Stage {
  readonly server: FrontrowServer;
  readonly wire: Wire;
  readonly faults: Faults;
  readonly directory: string;
}

async function start(t: Test): Promise<Stage> {
  const { createServer } = await stageBuild(t, ['journal']).load();
  const directory = join(testDirectory(t), 'data');
  const faults = new Faults(t, directory);
  // One worker: what it keeps of the first answer, it has for the second.
  const server = await createServer({
    dataDirectory: directory,
    port: 0,
    workers: 1,
    arenaBytes: 64 * MIB,
    segmentBytes: 16 * MIB,
    // However long its disk is held back, it takes changes.
    stallAfterMs: 3_600_000,
  });
  t.teardown(() => server.close());
  const wire = new Wire(server.url, 16);
  t.teardown(() => wire.close());
  return { server, wire, faults, directory };
}

function send(wire: Wire, { method, path, body, key, headers }: Ask): Promise<Answer> {
  const isStream = headers?.['accept'] === 'text/event-stream';
  if (isStream) return firstOf(wire, path);
  return wire.send(method, path, body, { key, ...(headers !== undefined && { headers }) });
}

/** The first that a stream says; what is refused is answered as ever. */
async function firstOf({ url }: Wire, path: string): Promise<Answer> {
  const sent: ClientRequest = request(url + path, { headers: { accept: 'text/event-stream' }, agent: false });
  sent.end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  const status = response.statusCode ?? 0;
  let text = '';
  for await (const chunk of response) {
    text += String(chunk);
    if (status === 200 && text.includes('\n\n')) break;
  }
  const json = status === 200 ? {} : (JSON.parse(text) as Record<string, unknown>);
  return { status, headers: response.headers, text, json };
}

/** Resolves when no request waits for a worker or is with one: what is not answered then waits for the disk. */
async function settled({ server, wire }: Stage, admittedBefore: number): Promise<void> {
  for (;;) {
    const { admittedTotal = 0, queued = 1, inFlight = 1 } = server.statistics().dispatch ?? {};
    if (admittedTotal > admittedBefore && queued + inFlight === 0) break;
    await setImmediate();
  }
  // Whatever has left by now is here before these two.
  for (let i = 0; i < 2; i++) await wire.get('/healthz');
}

function admitted({ server }: Stage): number {
  return server.statistics().dispatch?.admittedTotal ?? 0;
}

async function runCase(t: Test, stage: Stage, id: string, each: GateCase): Promise<void> {
  const { wire, faults } = stage;
  const done = async (ask: Ask): Promise<Answer> => {
    const answer = await send(wire, ask);
    if (answer.status >= 300) throw new Error(`${ask.method} ${ask.path}: ${answer.text}`);
    return answer;
  };
  const own: CaseStage = { id, done };
  await done({ method: 'POST', path: '/v1/events', body: definition(id) });
  const prepared = (await each.prepare?.(own)) ?? NOTHING;
  faults.set('datasync', { kind: 'stall' });
  const told: string[] = [];
  const answers: Promise<Answer>[] = [];
  const sendAndSettle = async (name: string, asked: Ask): Promise<void> => {
    const before = admitted(stage);
    const answer = send(wire, asked);
    answers.push(answer);
    answer.then(
      ({ status, text }) => told.push(`${name}: ${status} ${text}`),
      () => {},
    );
    await settled(stage, before);
  };
  if (each.hidden !== undefined) await sendAndSettle('the hidden change', each.hidden(own, prepared));
  const probe = each.probe(own, prepared);
  await sendAndSettle('the probe', probe);
  // The second is answered from what the worker has kept; a stream's would wait for the first.
  if (probe.method === 'GET' && probe.headers === undefined) await sendAndSettle('the probe again', probe);
  t.same(told, [], 'nobody is told anything while the disk does not answer');
  faults.clear('datasync');
  const results = await Promise.all(answers);
  const shown = results[each.hidden === undefined ? 0 : 1];
  const { status, text = '', ...fields } = each.shows;
  t.equal(shown.status, status, shown.text);
  t.match(shown.json, fields);
  t.ok(shown.text.includes(text), text);
}

t.test(
  'while the disk does not answer, no operation shows a change that a power cut could undo',
  async (t) => {
    const stage = await start(t);
    let count = 0;
    for (const operation of ASKED) {
      const cases = GATE_CASES[operation.name];
      t.ok(cases !== undefined, `${operation.name} has its cases`);
      if (cases === undefined) continue;
      t.equal(
        cases.replay !== undefined,
        hasReplay(operation),
        `${operation.name}: what is replayed has a case`,
      );
      for (const kind of ['fresh', 'replay', 'refusal'] as const) {
        const each = cases[kind];
        if (each === undefined || typeof each === 'string') continue;
        await t.test(`${operation.name}: ${kind}`, (t) => runCase(t, stage, `case-${++count}`, each));
      }
    }
  },
);

t.test(
  'a change that was never told is gone after a kill, and its event was never shown with it',
  async (t) => {
    const build = stageBuild(t, ['journal']);
    const directory = join(testDirectory(t), 'data');
    const faults = new Faults(t, directory);
    const first = await startProcess(t, directory, ['--workers', '1'], { main: build.main });
    const wire = new Wire(first.url, 8);
    t.teardown(() => wire.close());
    const body = definition('gala');
    t.equal((await wire.post('/v1/events', body, 'made')).status, 201);
    faults.set('datasync', { kind: 'stall' });
    let told = '';
    const tell = ({ text }: Answer): void => void (told += text);
    const gone = (): void => {};
    wire.send('PATCH', '/v1/events/gala', { name: 'After', state: 'paused' }).then(tell, gone);
    await faults.untilMet('datasync');
    wire.post('/v1/events', body, 'made').then(tell, gone);
    for (let i = 0; i < 20; i++) await wire.get('/healthz');
    t.equal(told, '', 'neither the change nor the replay is answered');
    await first.end('SIGKILL');
    faults.clear('datasync');
    const second = await startProcess(t, directory, ['--workers', '1']);
    const after = new Wire(second.url, 2);
    t.teardown(() => after.close());
    const replayed = await after.post('/v1/events', body, 'made');
    t.match(
      [replayed.status, replayed.headers['idempotency-replayed'], replayed.json['id']],
      [200, 'true', 'gala'],
    );
  },
);
