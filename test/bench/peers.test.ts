/** The arithmetic of the bench of peers, that its audits fail when they should, and its table. Nothing is started here. */
import t from 'tap';
import type { HammerResult } from '../../bench/hammer.ts';
import type { Counts } from '../../bench/peers/hold-store.ts';
import { Lanes } from '../../bench/peers/lanes.ts';
import { parsePeersOptions } from '../../bench/peers/options.ts';
import { auditRun, auditSellOut } from '../../bench/peers/peer-audit.ts';
import { describePeers, ratioCells } from '../../bench/peers/peer-report.ts';
import type { PeersReport } from '../../bench/peers/peer-report.ts';
import { parseStat } from '../../bench/peers/process-time.ts';
import type { PeerRun, Series } from '../../bench/peers/rounds.ts';
import { PEER_NAMES } from '../../bench/peers/variants.ts';

const LATENCY = { p50: 1, p99: 2, max: 3 };
const RUN: HammerResult = {
  replies: 95,
  seconds: 1,
  latencyMs: LATENCY,
  statuses: { '2xx-3xx': 95, '4xx-5xx': 0 },
  errors: 0,
};
const COUNTS: Counts = { capacity: 300, available: 100, holds: 100, places: 200 };

t.test('options: what is shared has the rules of the bench, and a peer must be one', (t) => {
  t.match(parsePeersOptions([]), { runs: 5, seconds: 3, connections: [64, 256], peers: PEER_NAMES });
  t.match(parsePeersOptions(['--quick', '--pool', '4']), {
    runs: 1,
    warmUpSeconds: 0,
    pools: { postgres: 4, redis: null },
  });
  t.same(parsePeersOptions(['--peer', 'postgres-rows', '--peer', 'redis-always']).peers, [
    'redis-always',
    'postgres-rows',
  ]);
  for (const argv of [
    ['--peer', 'mysql'],
    ['--pool', '0'],
    ['--redis-pool', 'x'],
    ['--runs', '0'],
    ['--kind', 'x'],
  ]) {
    t.throws(() => parsePeersOptions(argv), argv.join(' '));
  }
  t.end();
});

t.test('the audit of a run: one hold too many, one too few, and books that do not agree', (t) => {
  const fails = (counts: Partial<Counts>, run: Partial<HammerResult> = {}): number =>
    auditRun('peer', { ...COUNTS, ...counts }, { ...RUN, ...run }, 8, 2).filter(({ ok }) => !ok).length;
  t.equal(fails({}), 0);
  t.equal(fails({ available: 112, holds: 94, places: 188 }), 1, 'an acknowledged hold is missing');
  t.equal(fails({ available: 92, holds: 104, places: 208 }), 1, 'more was granted than was asked for');
  t.equal(fails({ available: 102 }), 1, 'a hold has places that are not gone');
  t.equal(fails({ holds: 99 }), 1, 'places are gone that no hold has');
  t.equal(fails({ available: -2, holds: 151, places: 302 }, { statuses: { '2xx-3xx': 150 } }), 1, 'oversold');
  t.equal(fails({}, { statuses: { '2xx-3xx': 94, '4xx-5xx': 1 } }), 1, 'a refusal');
  t.equal(fails({}, { errors: 1 }), 1, 'a broken connection');
  t.equal(auditRun('baseline', null, RUN, 8, 2).length, 1, 'who keeps nothing is asked for nothing');
  t.end();
});

t.test('the audit of a sell-out: exactly the capacity, and 409 for the rest', (t) => {
  const full: Counts = { capacity: 20, available: 0, holds: 10, places: 20 };
  const fails = (counts: Partial<Counts>, statuses: Record<string, number>): number =>
    auditSellOut('peer', { ...full, ...counts }, { ...RUN, statuses }, 30, 2).filter(({ ok }) => !ok).length;
  t.equal(fails({}, { 201: 10, 409: 20 }), 0);
  t.equal(fails({}, { 201: 11, 409: 19 }), 1, 'one was told that it has places that are none');
  t.equal(fails({}, { 201: 10, 409: 19, 500: 1 }), 1, 'an error is no refusal');
  t.equal(
    fails({ available: 2, holds: 9, places: 18 }, { 201: 9, 409: 21 }),
    2,
    'refused while places were left',
  );
  t.equal(fails({ available: -2, holds: 11, places: 22 }, { 201: 11, 409: 19 }), 3, 'oversold');
  t.end();
});

function series(name: string, durable: boolean | null, rates: readonly number[]): Series {
  const runs = rates.map((replies): PeerRun => {
    const statuses = { '2xx-3xx': replies, '4xx-5xx': 0 };
    return { ...RUN, replies, statuses, cpuMicrosPerReply: 50, groups: 0, storeMicrosPerReply: null };
  });
  return { name, durable, connections: 64, runs };
}

t.test('ratios are taken round by round', (t) => {
  const over = series('frontrow', true, [200, 300, 100]);
  t.same(ratioCells(over, series('redis-always', true, [100, 100, 100])), ['2.00×', '1.00', '3.00']);
  t.same(ratioCells(undefined, over), ['', '', ''], 'there is nothing to compare with');
  t.end();
});

t.test('the table has durable beside durable, what is missing, and what failed', (t) => {
  const report: PeersReport = {
    machine: { cpu: 'a processor', cores: 2, memoryGib: 4, system: 'Linux', node: 'v20', load: 0 },
    options: parsePeersOptions(['--runs', '2']),
    versions: ['wrk 4'],
    series: [
      series('baseline', null, [1000, 1000]),
      series('frontrow', true, [800, 800]),
      series('frontrow-none', false, [900, 900]),
      series('redis-always', true, [400, 400]),
      series('redis-none', false, [450, 450]),
    ],
    missing: ['postgres is not installed'],
    pools: ['redis-always: 2'],
    settings: ['redis-always: appendonly yes'],
    checks: [{ name: 'redis-none: books', ok: false, detail: 'three too many' }],
    ok: false,
  };
  const text = describePeers(report).join('\n');
  const [durable, other] = text.split('not durable:');
  t.match(durable, /redis-always +400 +0\.40× +0\.40 +0\.40 +2\.00× +2\.00 +2\.00/);
  t.match(other, /redis-none +450 +0\.45× +0\.45 +0\.45 +2\.00×/, 'against the Frontrow that does not sync');
  t.notMatch(durable, /redis-none/);
  t.notMatch(other.split('connections to the store')[0], /redis-always/);
  t.match(text, 'postgres is not installed');
  t.match(text, /FAILED +redis-none: books +three too many/);
  t.end();
});

t.test("a process's times are read behind its name, whatever that is", (t) => {
  const line = '7 (a (b) c) S 5 7 7 0 -1 4194560 900 0 0 0 11 22 33 44 20 0 1 0 100 2 3';
  t.same(parseStat(line), { parent: 5, ticks: 33, endedTicks: 77 });
  t.end();
});

t.test('a request goes where the fewest wait', async (t) => {
  let opened = 0;
  const lanes = new Lanes(async () => ({ number: opened++, close: async () => {} }));
  await lanes.resize(2);
  const finish: (() => void)[] = [];
  const use = (): Promise<number> =>
    lanes.run(({ number }) => new Promise((resolve) => finish.push(() => resolve(number))));
  const [first, second, third] = [use(), use(), use()];
  finish[0]();
  finish[2]();
  t.equal(await first, 0);
  t.equal(await third, 0, 'the second lane waited, too');
  const fourth = use();
  finish[3]();
  t.equal(await fourth, 0, 'the second lane still waits');
  finish[1]();
  t.equal(await second, 1);
});
