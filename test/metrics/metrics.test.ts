import t from 'tap';
import type { Test } from 'tap';
import { resolveLimits } from '../../src/core/limits.ts';
import { TimeHistogram } from '../../src/core/time-histogram.ts';
import type { ServiceState } from '../../src/dispatch/sink.ts';
import { createArena } from '../../src/memory/arena.ts';
import { Metrics } from '../../src/metrics/metrics.ts';
import { Rig } from '../dispatch/rig.ts';
import { startServer } from '../system/support/servers.ts';
import { Wire } from '../system/support/http.ts';
import { parsePrometheus } from './prometheus-text.ts';
import type { Family } from './prometheus-text.ts';

const MIB = 1024 * 1024;
const SMALL = { workers: 1, arenaBytes: 64 * MIB, segmentBytes: 4 * MIB };
const PAGE = { rest: '', accept: null, ifNoneMatch: null };

/** Of a dispatcher that has done nothing yet. */
const STATISTICS = new Rig().dispatcher.statistics();

interface Stage {
  readonly metrics: Metrics;
  readonly admissionWait: TimeHistogram;
  state: ServiceState;
  /** What waits until memory is durable. */
  readonly waiting: (() => void)[];
  streams: number;
  isStalled: boolean;
  awaitsRoom: boolean;
}

function stage(): Stage {
  const waiting: (() => void)[] = [];
  const admissionWait = new TimeHistogram();
  const stood = { state: 'starting' as ServiceState, streams: 0, isStalled: false, awaitsRoom: false };
  const metrics = new Metrics({
    arena: createArena(resolveLimits({ arenaBytes: 8 * MIB, ringBytes: MIB, eventsMax: 16, workers: 1 })),
    sink: {
      get state() {
        return stood.state;
      },
      whenDurable: (callback) => void waiting.push(callback),
    },
    dispatch: () => (stood.isStalled ? { ...STATISTICS, isStalled: true } : null),
    live: () => ({ streams: stood.streams, events: 0, reads: 0, messages: 0, gone: 0 }),
    connections: () => 3,
    journalRoom: () => 4096,
    awaitsRoom: () => stood.awaitsRoom,
    admissionWait,
    journalSync: new TimeHistogram(),
  });
  return Object.assign(stood, { metrics, admissionWait, waiting });
}

function sample(families: Map<string, Family>, name: string, labels = ''): number | undefined {
  return families.get(`frontrow_${name}`)?.samples.get(labels);
}

t.test('what was counted is what is told, in a text that parses', async (t) => {
  const { metrics, admissionWait } = stage();
  metrics.answered({ route: 'createOrder', status: 201, code: '' });
  metrics.answered({ route: 'createOrder', status: 201, code: '' });
  metrics.answered({ route: 'createOrder', status: 409, code: 'sold-out' });
  metrics.answered({ route: '', status: 404, code: 'not-found' });
  metrics.snapshot('written');
  admissionWait.observe(0.002);
  admissionWait.observe(0.3);
  for (let round = 0; round < 2; round++) {
    const families = parsePrometheus(await metrics.text());
    t.equal(families.get('frontrow_requests_total')?.type, 'counter');
    t.equal(sample(families, 'requests_total', '{route="createOrder",status="201"}'), 2);
    t.equal(sample(families, 'requests_total', '{route="createOrder",status="409"}'), 1);
    t.equal(sample(families, 'requests_total', '{route="none",status="404"}'), 1);
    t.equal(sample(families, 'refusals_total', '{code="sold-out"}'), 1);
    t.equal(sample(families, 'connections'), 3);
    t.equal(sample(families, 'snapshots_total', '{result="written"}'), 1);
    t.equal(sample(families, 'state', '{state="starting"}'), 1);
    t.equal(sample(families, 'state', '{state="ready"}'), 0);
    t.equal(sample(families, 'arena_used_ratio', '{table="events"}'), 0);
    t.ok((sample(families, 'arena_used_ratio', '{table="heap"}') ?? 0) > 0, 'the registry has pages');
    const wait = families.get('frontrow_admission_wait_seconds');
    t.equal(wait?.type, 'histogram');
    t.equal(wait?.samples.get('_bucket{le="0.001"}'), 0);
    t.equal(wait?.samples.get('_bucket{le="0.0025"}'), 1);
    t.equal(wait?.samples.get('_bucket{le="0.5"}'), 2);
    t.equal(wait?.samples.get('_bucket{le="+Inf"}'), 2);
    t.equal(wait?.samples.get('_count'), 2);
    t.equal(wait?.samples.get('_sum'), 0.302);
    t.ok(families.has('process_cpu_seconds_total'));
    t.ok(
      [...families.values()].every(({ help }) => help !== ''),
      'each says what it is',
    );
  }
});

t.test('the text says what was, and waits until that is durable', async (t) => {
  const stood = stage();
  stood.state = 'ready';
  stood.streams = 1;
  const responding = stood.metrics.page.respond(PAGE);
  while (stood.waiting.length === 0) await new Promise(setImmediate);
  // What happens from here may not be durable when the text leaves.
  stood.streams = 2;
  stood.waiting[0]();
  const reply = await responding;
  const families = parsePrometheus(Buffer.from(reply?.body ?? []).toString());
  t.equal(sample(families, 'live_streams'), 1);
  t.equal(sample(families, 'state', '{state="ready"}'), 1);
  t.match(reply?.headers, ['Content-Type', /^text\/plain; version=0\.0\.4/, 'Cache-Control', 'no-store']);
});

t.test('of a journal that stands still it tells at once, and not what is not durable', async (t) => {
  const stood = stage();
  const respond = async (): Promise<Map<string, Family>> => {
    const reply = await stood.metrics.page.respond(PAGE);
    return parsePrometheus(Buffer.from(reply?.body ?? []).toString());
  };
  stood.isStalled = true;
  const stalled = await respond();
  t.equal(stood.waiting.length, 0, 'it would wait for the disk');
  t.equal(sample(stalled, 'journal_stalled'), 1);
  t.equal(sample(stalled, 'connections'), 3);
  for (const name of ['arena_used_ratio', 'events', 'cache_total'])
    t.equal(stalled.get(`frontrow_${name}`)?.samples.size, 0, `${name} shows what memory has`);
  stood.isStalled = false;
  const responding = respond();
  while (stood.waiting.length === 0) await new Promise(setImmediate);
  stood.waiting[0]();
  const moving = await responding;
  t.equal(sample(moving, 'journal_stalled'), 0);
  t.equal(sample(moving, 'arena_used_ratio', '{table="events"}'), 0);
  stood.awaitsRoom = true;
  const full = await respond();
  t.equal(stood.waiting.length, 1, 'nor does it wait for a segment');
  t.equal(sample(full, 'journal_room_bytes'), 4096);
  t.equal(full.get('frontrow_arena_used_ratio')?.samples.size, 0);
});

async function scrape(t: Test, wire: Wire): Promise<Map<string, Family>> {
  const answer = await wire.get('/metrics');
  t.equal(answer.status, 200);
  return parsePrometheus(answer.text);
}

t.test('a server counts what was done, on the port for operators alone', async (t) => {
  const server = await startServer(t, { ...SMALL, opsListen: { host: '127.0.0.1', port: 0 } });
  const wire = new Wire(server.url);
  const ops = new Wire(server.opsUrl ?? '');
  t.teardown(() => [wire, ops].forEach((each) => each.close()));
  const event = { id: 'quiz', name: 'Quiz', state: 'open', startsAt: '2030-01-01T19:00:00Z', capacity: 3 };
  t.equal((await wire.send('POST', '/v1/events', event)).status, 201);
  const order = { items: [{ section: 'general', quantity: 2 }] };
  t.equal((await wire.send('POST', '/v1/events/quiz/orders', order, { key: 'k1' })).status, 201);
  t.equal((await wire.send('POST', '/v1/events/quiz/orders', order, { key: 'k2' })).status, 409);
  for (let i = 0; i < 5; i++) await wire.get('/v1/events/quiz/availability');
  t.equal((await wire.get('/metrics')).status, 404, 'not on the main port');

  const families = await scrape(t, ops);
  t.equal(sample(families, 'requests_total', '{route="createEvent",status="201"}'), 1);
  t.equal(sample(families, 'requests_total', '{route="createOrder",status="201"}'), 1);
  t.equal(sample(families, 'requests_total', '{route="createOrder",status="409"}'), 1);
  t.equal(sample(families, 'requests_total', '{route="none",status="404"}'), 1);
  t.equal(sample(families, 'refusals_total', '{code="not-enough-available"}'), 1);
  t.equal(sample(families, 'events', '{state="open"}'), 1);
  t.equal(sample(families, 'state', '{state="ready"}'), 1);
  t.equal(sample(families, 'cache_total', '{result="ready"}'), 4, 'of 5 reads one went to a worker');
  t.equal(sample(families, 'cache_total', '{result="miss"}'), 1);
  t.equal(sample(families, 'cache_total', '{result="shared"}'), 0);
  const wait = families.get('frontrow_admission_wait_seconds')?.samples.get('_count');
  t.equal(wait, 4, 'each request that went to a worker has waited');
  const sync = families.get('frontrow_journal_sync_seconds')?.samples.get('_count');
  t.equal(sync, sample(families, 'journal_groups_total'));
  t.ok((sync ?? 0) >= 2, 'the event and the order are two groups');
  t.ok((sample(families, 'batches_total', '{kind="write"}') ?? 0) >= 2);

  t.match((await ops.get('/readyz')).json, { status: 'ready' });
  t.match((await wire.get('/readyz')).json, { status: 'ready' });
  t.equal((await ops.get('/v1/events')).status, 404, 'nothing else is there');
});

t.test('without a port for operators the main one has them', async (t) => {
  const server = await startServer(t, SMALL);
  t.equal(server.opsUrl, null);
  const wire = new Wire(server.url);
  t.teardown(() => wire.close());
  const families = await scrape(t, wire);
  t.equal(sample(families, 'connections'), 1);
  t.equal(sample(await scrape(t, wire), 'requests_total', '{route="/metrics",status="200"}'), 1);
});
