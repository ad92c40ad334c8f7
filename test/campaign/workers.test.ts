/**
 * Workers that die in the middle of their work, under load, in a real server. Threads are found without a door in the
 * server: Node tells a process of every thread that it starts.
 */
import type { Worker } from 'node:worker_threads';
import t from 'tap';
import type { Test } from 'tap';
import { verifyDirectory } from '../../src/cli/offline.ts';
import { availability, seeded, Wire, type Answer } from '../system/support/http.ts';
import { Ledger, SYSTEM_EVENT } from '../system/support/ledger.ts';
import { startServer, testDirectory } from '../system/support/servers.ts';

const isLong = process.env['FRONTROW_LONG'] !== undefined;
const SEED = Number(process.env['FRONTROW_SEED'] ?? Math.floor(Math.random() * 1e9));
const WORKERS = 3;
const KILLS = isLong ? 100 : 5;
const FLOWS = 20;
const EVENTS = ['left', 'right'] as const;
/** New claims that each event must grant between two kills. */
const GRANTED_BETWEEN = 30;

/** Threads of the process in the order of their starts: the journal's comes first, then the pool's and no others. */
const threads: Worker[] = [];
const living = new Set<Worker>();
const online = new Map<Worker, Promise<unknown>>();
process.on('worker', (worker) => {
  threads.push(worker);
  living.add(worker);
  online.set(worker, new Promise((resolve) => worker.once('online', resolve)));
  worker.once('exit', () => living.delete(worker));
});

/** Waits for what the load will bring, and fails loudly if it does not. */
async function until(
  t: Test,
  what: string,
  isDone: () => boolean,
  signal: { wake: () => void },
): Promise<void> {
  const timer = setTimeout(() => {
    t.fail(`still waiting for ${what}`);
    process.exit(1);
  }, 60_000);
  while (!isDone()) await new Promise<void>((resolve) => (signal.wake = resolve));
  clearTimeout(timer);
}

interface Load {
  readonly ledgers: readonly Ledger[];
  readonly codes: Map<string, number>;
  /** Since the last kill: events with commands that were lost, and grants by event. */
  lost: Set<string>;
  granted: Map<string, number>;
  readonly signal: { wake: () => void };
  end(): Promise<void>;
}

function startLoad(wire: Wire, random: () => number): Load {
  let isOver = false;
  const ledgers = EVENTS.map((event) => new Ledger(random, event));
  const load: Load = {
    ledgers,
    codes: new Map(),
    lost: new Set(),
    granted: new Map(),
    signal: { wake: () => {} },
    end: async () => {
      isOver = true;
      await Promise.all(flows);
    },
  };
  const seen = (event: string, answer: Answer): void => {
    const code = answer.status < 300 ? 'done' : String(answer.json['code']);
    const name = `${answer.status >= 500 ? answer.status : ''} ${code} applied=${String(answer.json['applied'])}`;
    load.codes.set(name, (load.codes.get(name) ?? 0) + 1);
    if (code === 'worker-lost') load.lost.add(event);
    if (answer.status === 201) load.granted.set(event, (load.granted.get(event) ?? 0) + 1);
    load.signal.wake();
  };
  const flows = ledgers.flatMap((ledger) =>
    Array.from({ length: FLOWS }, () =>
      ledger.flow(
        wire,
        () => isOver,
        (answer) => seen(ledger.event, answer),
      ),
    ),
  );
  return load;
}

t.test(`workers that are killed under load lose nothing and stop nobody else, seed ${SEED}`, async (t) => {
  const random = seeded(SEED);
  const directory = testDirectory(t);
  const first = threads.length;
  const options = {
    dataDirectory: directory,
    workers: WORKERS,
    arenaBytes: 512 * 1024 * 1024,
    segmentBytes: 64 * 1024 * 1024,
  };
  const server = await startServer(t, options);
  const isPool = (worker: Worker): boolean => threads.indexOf(worker) > first;
  const wire = new Wire(server.url, 2 * FLOWS + 4);
  t.teardown(() => wire.close());
  for (const id of EVENTS) t.equal((await wire.post('/v1/events', { ...SYSTEM_EVENT, id })).status, 201);

  t.equal(threads.length - first, 1 + WORKERS, 'the journal and the pool');
  const load = startLoad(wire, random);
  const bothGoOn = (): boolean => EVENTS.every((event) => (load.granted.get(event) ?? 0) >= GRANTED_BETWEEN);
  let withLosses = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    await until(t, 'both events to go on', bothGoOn, load.signal);
    if (load.lost.size > 0) withLosses++;
    if (load.lost.size > 1) t.fail(`one dead worker stopped ${[...load.lost].join(' and ')}`);
    load.lost = new Set();
    load.granted = new Map();
    const candidates = [...living].filter(isPool);
    const victim = candidates[Math.floor(random() * candidates.length)];
    // From a callback of its own, so that it hits whatever the thread is at.
    await new Promise<void>((resolve) => setImmediate(() => resolve(void victim.terminate())));
  }
  await until(t, 'both events to go on after the last', bothGoOn, load.signal);
  await load.end();

  const codes = JSON.stringify(Object.fromEntries(load.codes));
  t.comment(`${withLosses} of ${KILLS} kills lost commands: ${codes}`);
  const unexpected = [...load.codes.keys()].filter(
    (name) => !/^( \S+ applied=(undefined|false)|503 worker-lost applied=false)$/.test(name),
  );
  t.same(unexpected, [], 'every request was done, refused, or lost with nothing applied');
  for (const ledger of load.ledgers) t.equal(ledger.unknownCount, 0, 'and answered');
  const counts = [];
  for (const ledger of load.ledgers) {
    await ledger.check(t, wire);
    counts.push(await availability(wire, ledger.event));
  }
  wire.close();
  await server.close();

  t.same((await verifyDirectory(directory)).findings, [], 'the journal replays to memory that adds up');
  const again = await startServer(t, options);
  const next = new Wire(again.url, FLOWS);
  t.teardown(() => next.close());
  for (const [index, ledger] of load.ledgers.entries()) {
    t.same(
      await availability(next, ledger.event),
      counts[index],
      'a restart gives what the repaired memory said',
    );
    await ledger.check(t, next);
  }
  next.close();
});

t.test('threads that die while they start are replaced', async (t) => {
  const first = threads.length;
  const server = await startServer(t, { workers: 2 });
  const wire = new Wire(server.url, 4);
  t.teardown(() => wire.close());
  t.equal((await wire.post('/v1/events', { ...SYSTEM_EVENT, id: 'left' })).status, 201);
  const order = (key: string): Promise<Answer> =>
    wire.post('/v1/events/left/orders', { items: [{ section: 'floor', quantity: 1 }] }, key);
  const rounds = isLong ? 5 : 1;
  for (let round = 0; round < rounds; round++) {
    for (const worker of threads.slice(first + 1)) void worker.terminate();
    // Answered once there is a worker again, or at once as lost; under the same key it then happens once.
    let answer = await order(`order-${round}`);
    while (answer.status === 503) {
      t.match(answer.json, { code: 'worker-lost', applied: false });
      answer = await order(`order-${round}`);
    }
    t.equal(answer.status, 201);
  }
  t.match(await availability(wire, 'left'), { sold: rounds });
  wire.close();
});

t.test('a server that is closed while its workers load ends in order', async (t) => {
  for (let round = 0; round < 2; round++) {
    const directory = testDirectory(t);
    const server = await startServer(t, { dataDirectory: directory });
    // The first time at once, then when the last thread has begun to load.
    if (round > 0) {
      await new Promise((resolve) => setImmediate(resolve));
      await online.get(threads.at(-1)!);
    }
    await server.close();
    t.same((await verifyDirectory(directory)).findings, []);
  }
});
