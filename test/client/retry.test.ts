/** What the client tries again, how long it waits, and when it stops. No time passes: sleep and clock are the test's. */
import t from 'tap';
import { FrontrowClient, FrontrowProblem, FrontrowUnreachable } from '../../src/client/index.ts';
import type { ClientOptions, OrderInput } from '../../src/client/index.ts';
import { retryAfterMs } from '../../src/client/retry.ts';

type Answer = Response | Error;
type Asked = { readonly url: string; readonly init: RequestInit };

interface Stage {
  readonly client: FrontrowClient;
  readonly asked: Asked[];
  /** What the client waited, in milliseconds. */
  readonly waits: number[];
}

const ORDER: OrderInput = { items: [{ section: 'floor', quantity: 1 }] };

/** Answers in turn; the last one again and again. `random` is 1: the longest backoff. */
function stage(answers: readonly (() => Answer)[], options: Partial<ClientOptions> = {}): Stage {
  const asked: Asked[] = [];
  const waits: number[] = [];
  let now = 0;
  const client = new FrontrowClient({
    url: 'http://frontrow.test',
    fetch: (url, init = {}) => {
      asked.push({ url: url as string, init });
      const answer = answers[Math.min(asked.length, answers.length) - 1]();
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    },
    clock: {
      random: () => 1,
      now: () => now,
      sleep: (ms) => {
        waits.push(ms);
        now += ms;
        return Promise.resolve();
      },
    },
    ...options,
  });
  return { client, asked, waits };
}

const json =
  (status: number, body: object, headers: Record<string, string> = {}) =>
  (): Response =>
    new Response(JSON.stringify(body), { status, headers });
const problem = (status: number, code: string, extras: object = {}, headers: Record<string, string> = {}) =>
  json(status, { status, code, title: code, applied: false, ...extras }, headers);
const unknown = problem(500, 'outcome-unknown', { applied: null });
const done = json(201, { id: 'order_1' });
const refused = (): Error =>
  new TypeError('fetch failed', { cause: Object.assign(new Error(), { code: 'ECONNREFUSED' }) });
const cut = (): Error =>
  new TypeError('fetch failed', { cause: Object.assign(new Error(), { code: 'ECONNRESET' }) });

function keyOf({ init }: Asked): string | undefined {
  return (init.headers as Record<string, string>)['idempotency-key'];
}

const PASSING: [string, () => Answer][] = [
  ['a refused connection', refused],
  ['a connection cut before the answer', cut],
  ['429', problem(429, 'rate-limited')],
  ['503 overloaded', problem(503, 'overloaded')],
  ['503 worker-lost', problem(503, 'worker-lost')],
  ['503 starting', problem(503, 'starting')],
  ['503 draining', problem(503, 'draining')],
  ['503 journal-stalled', problem(503, 'journal-stalled')],
  ["a proxy's 502", json(502, {})],
  ['500 outcome-unknown, which the key makes safe', unknown],
];

for (const [what, answer] of PASSING) {
  t.test(`after ${what} a change is sent again, under the same key`, async (t) => {
    const { client, asked, waits } = stage([answer, answer, done]);
    t.equal((await client.orders.create('gala', ORDER)).id, 'order_1');
    t.same(waits, [100, 200], 'twice the wait each time');
    t.match(keyOf(asked[0]), /^[0-9a-f-]{36}$/);
    t.same(new Set(asked.map(keyOf)).size, 1, 'one key for all attempts');
    t.same(new Set(asked.map(({ init }) => init.body)).size, 1, 'and one body');
  });
}

const FINAL: [number, string][] = [
  [400, 'malformed-json'],
  [401, 'unauthorized'],
  [404, 'event-not-found'],
  [408, 'request-timeout'],
  [409, 'sold-out'],
  [412, 'version-mismatch'],
  [422, 'invalid-request'],
  [500, 'internal-error'],
  [507, 'journal-full'],
];

for (const [status, code] of FINAL) {
  t.test(`${status} ${code} is an answer, and is not asked for again`, async (t) => {
    const { client, asked } = stage([problem(status, code), done]);
    await t.rejects(client.orders.create('gala', ORDER), { name: 'FrontrowProblem', status, code });
    t.equal(asked.length, 1);
  });
}

t.test('a read is sent again without a key', async (t) => {
  const { client, asked } = stage([cut, json(200, { id: 'gala' })]);
  t.equal((await client.events.get('gala')).id, 'gala');
  t.equal(asked.length, 2);
  t.equal(keyOf(asked[0]), undefined);
});

t.test('the server says how long to wait: in the body, in seconds, as a date', async (t) => {
  const inBody = problem(503, 'overloaded', { retryAfterMs: 321 }, { 'retry-after': '1' });
  const { client, waits } = stage([inBody, problem(429, 'rate-limited', {}, { 'retry-after': '2' }), done]);
  await client.orders.create('gala', ORDER);
  t.same(waits, [321, 2000]);
  t.equal(retryAfterMs('Wed, 21 Oct 2026 07:28:00 GMT', Date.UTC(2026, 9, 21, 7, 27, 58)), 2000);
  t.equal(retryAfterMs('Wed, 21 Oct 2026 07:28:00 GMT', Date.UTC(2027, 0, 1)), 0, 'a date that is past');
  t.equal(retryAfterMs('soon', 0), null);
  t.equal(retryAfterMs(null, 0), null);
});

t.test('attempts are bounded, five unless said otherwise', async (t) => {
  const five = stage([refused]);
  await t.rejects(five.client.events.get('gala'), { name: 'FrontrowUnreachable', applied: false });
  t.equal(five.asked.length, 5);
  t.same(five.waits, [100, 200, 400, 800]);
  const two = stage([refused], { retry: { attempts: 2 } });
  await t.rejects(two.client.events.get('gala'), FrontrowUnreachable);
  t.equal(two.asked.length, 2);
  const one = stage([refused], { retry: false });
  await t.rejects(one.client.events.get('gala'), FrontrowUnreachable);
  t.equal(one.asked.length, 1);
  const call = stage([refused], { retry: { attempts: 3 } });
  await t.rejects(call.client.events.get('gala', { retry: false }), FrontrowUnreachable);
  t.equal(call.asked.length, 1, "a call's own option wins");
});

t.test('so is the time: a wait that would end too late is not begun', async (t) => {
  const busy = problem(503, 'overloaded', { retryAfterMs: 4000 });
  const { client, asked, waits } = stage([busy], { retry: { totalMs: 10_000 } });
  await t.rejects(client.orders.create('gala', ORDER), { code: 'overloaded', retryAfterMs: 4000 });
  t.same(waits, [4000, 4000]);
  t.equal(asked.length, 3);
});

t.test('backoff is jittered over its whole length, and capped', async (t) => {
  const waits: number[] = [];
  const clock = {
    random: () => 0.25,
    now: () => 0,
    sleep: (ms: number) => Promise.resolve(void waits.push(ms)),
  };
  const { client } = stage([refused], { clock, retry: { attempts: 9 } });
  await t.rejects(client.events.get('gala'));
  t.same(waits, [25, 50, 100, 200, 400, 800, 1250, 1250]);
});

t.test('an aborted signal ends the waiting at once, with its own reason', async (t) => {
  const controller = new AbortController();
  const reason = new Error('enough');
  const busy = problem(503, 'overloaded', { retryAfterMs: 3_600_000 });
  // The real sleep: an hour, were it not for the signal.
  const asking = stage(
    [
      () => {
        queueMicrotask(() => setImmediate(() => controller.abort(reason)));
        return busy();
      },
    ],
    { clock: {}, retry: { totalMs: Infinity } },
  );
  await t.rejects(asking.client.orders.create('gala', ORDER, { signal: controller.signal }), reason);
  t.equal(asking.asked.length, 1);
  const both = stage([busy], { clock: {}, signal: AbortSignal.abort(reason) });
  await t.rejects(both.client.events.get('gala', { signal: new AbortController().signal }), reason);
});

t.test('an attempt without a reply is given up after its time', async (t) => {
  const { client } = stage([], {
    timeoutMs: 5,
    retry: false,
    fetch: (_url, init) =>
      new Promise((_resolve, reject) => {
        init?.signal?.addEventListener('abort', () => reject(init.signal?.reason as Error));
      }),
  });
  const error = await client.orders.create('gala', ORDER).catch((reason: unknown) => reason);
  t.match(error, { name: 'FrontrowUnreachable', applied: null, message: /no reply within 5 ms/ });
});

t.test(
  'what the attempts add up to: a lost answer stays unknown until one that looked at the key',
  async (t) => {
    const lost = { retry: { attempts: 2 } };
    const thenRefused = stage([cut, refused], lost);
    await t.rejects(thenRefused.client.orders.create('gala', ORDER), {
      name: 'FrontrowUnreachable',
      applied: null,
    });
    const thenBusy = stage([cut, problem(503, 'overloaded')], lost);
    await t.rejects(thenBusy.client.orders.create('gala', ORDER), { code: 'overloaded', applied: null });
    const thenForbidden = stage([unknown, problem(403, 'forbidden')], lost);
    await t.rejects(thenForbidden.client.orders.create('gala', ORDER), { code: 'forbidden', applied: null });
    const thenSoldOut = stage([cut, problem(409, 'sold-out')], lost);
    await t.rejects(thenSoldOut.client.orders.create('gala', ORDER), { code: 'sold-out', applied: false });
    const neverSent = stage([refused, problem(503, 'overloaded')], lost);
    await t.rejects(neverSent.client.orders.create('gala', ORDER), { code: 'overloaded', applied: false });
    const read = stage([cut, refused], lost);
    await t.rejects(read.client.orders.get('order_1'), { name: 'FrontrowUnreachable', applied: false });
  },
);

t.test('ready() asks once: it is the question whether the server takes work', async (t) => {
  const { client, asked } = stage([problem(503, 'starting'), json(200, { status: 'ready' })]);
  const error = await client.ready().catch((reason: unknown) => reason);
  t.ok(error instanceof FrontrowProblem);
  t.equal(asked.length, 1);
});

t.test('a key is made without randomUUID too, as pages without TLS have it', async (t) => {
  const { randomUUID } = crypto;
  t.teardown(() => Object.defineProperty(crypto, 'randomUUID', { value: randomUUID, configurable: true }));
  Object.defineProperty(crypto, 'randomUUID', { value: undefined, configurable: true });
  const { client, asked } = stage([done]);
  await client.orders.create('gala', ORDER);
  t.match(keyOf(asked[0]), /^[0-9a-f]{32}$/);
});
