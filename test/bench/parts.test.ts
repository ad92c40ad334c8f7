/** The bench's own arithmetic, and that its audits fail when they should. */
import t from 'tap';
import { auditWrk } from '../../bench/audit.ts';
import { digits, percentile, spread } from '../../bench/figures.ts';
import { heldMicros, HoldTimes } from '../../bench/hold-times.ts';
import { parseOptions } from '../../bench/options.ts';
import { describeChecks } from '../../bench/report.ts';
import { parseWrk, wrkScript } from '../../bench/wrk.ts';

t.test('spreads and percentiles', (t) => {
  t.same(spread([3, 1, 2]), { min: 1, median: 2, max: 3 });
  t.equal(percentile([4, 1, 3, 2], 0.5), 2.5, 'the middle of two');
  t.equal(percentile([1, 2, 3, 4], 0.99), 4);
  t.equal(percentile([7], 0.01), 7);
  t.same([0.5, 12.34, 1234.5].map(digits), ['0.50', '12.3', '1235']);
  t.end();
});

t.test('options: what is not known or out of range is refused', (t) => {
  t.match(parseOptions(['--quick']), { runs: 1, seconds: 1, warmUpSeconds: 0, seed: 1, quick: true });
  t.match(parseOptions(['--connections', '8', '--kind', 'holds', '--part', 'wrk']), {
    connections: [8],
    kinds: ['holds'],
    parts: ['wrk'],
  });
  for (const argv of [['--runs', '0'], ['--seconds', 'x'], ['--kind', 'refunds'], ['--bogus']]) {
    t.throws(() => parseOptions(argv), argv.join(' '));
  }
  t.end();
});

t.test('what wrk says is read whole, and nothing else is taken for it', (t) => {
  const output = 'Running 3s test\nFIGURES 1000 2000000 1500.000000 9000.000000 12000.000000 4 1\n';
  t.same(parseWrk(output), {
    replies: 1000,
    seconds: 2,
    latencyMs: { p50: 1.5, p99: 9, max: 12 },
    statuses: { '2xx-3xx': 996, '4xx-5xx': 4 },
    errors: 1,
  });
  t.equal(parseWrk('unable to connect'), null);
  t.end();
});

t.test("wrk's script announces the length that its bodies have", (t) => {
  const post = { kind: 'orders', section: 'floor', quantity: 2, tag: 's1-r1' } as const;
  const script = wrkScript(new URL('http://127.0.0.1:1/v1/events/e/orders'), post);
  const body = /\\r\\n\\r\\n(\{.*)' \.\. name \.\. '(.*\})'/.exec(script);
  const length = Number(/Content-Length: (\d+)/.exec(script)?.[1]);
  t.equal(`${body?.[1]}s1-r1-00-00000001${body?.[2]}`.length, length);
  t.same(JSON.parse(`${body?.[1]}x${body?.[2]}`), {
    customer: 'x',
    items: [{ section: 'floor', quantity: 2 }],
  });
  t.end();
});

const AFTER = { event: 'e', sequence: 101, capacity: 300, available: 100, held: 0, sold: 200, blocked: 0 };
const RUN = {
  replies: 95,
  seconds: 1,
  latencyMs: { p50: 1, p99: 2, max: 3 },
  statuses: { '2xx-3xx': 95, '4xx-5xx': 0 },
  errors: 0,
};

t.test('the audit of a wrk run: one ticket too many, one too few, one change too many', (t) => {
  const after = { ...AFTER, sections: [{ ...AFTER, id: 'floor' }] };
  const fails = (changed: Partial<typeof after>, run: Partial<typeof RUN> = {}): number =>
    auditWrk('orders', { ...after, ...changed }, { ...RUN, ...run }, 8, 2).filter((check) => !check.ok)
      .length;
  t.equal(fails({}), 0);
  t.equal(fails({ sold: 188, available: 112, sequence: 95 }), 1, 'an acknowledged order is missing');
  t.equal(fails({ sold: 208, available: 92, sequence: 105 }), 1, 'more was sold than was asked for');
  t.equal(fails({ sequence: 102 }), 1, 'a change that nobody asked for');
  t.equal(fails({ available: 101 }), 1, 'counts that do not add up');
  t.equal(fails({}, { statuses: { '2xx-3xx': 95, '4xx-5xx': 1 } }), 1, 'a refusal in a throughput run');
  t.match(
    describeChecks([{ name: 'n', ok: false, detail: 'd' }]).join('\n'),
    /0 of 1 checks hold\nFAILED  n  d/,
  );
  t.end();
});

t.test(
  'times that a mutex was held: percentiles are at most a bucket above the truth, and never below',
  (t) => {
    const times = new HoldTimes();
    const other = new HoldTimes(times.buffer);
    times.observe(3);
    const before = other.read();
    t.equal(heldMicros(before, before, 0.5), 0, 'nothing since');
    for (let micros = 1; micros <= 1000; micros++) times.observe(micros / 1000);
    const after = other.read();
    for (const fraction of [0.001, 0.5, 0.99, 1]) {
      const held = heldMicros(before, after, fraction);
      t.ok(held >= fraction * 1000 && held <= fraction * 1000 * 1.045, `${fraction}: ${held} µs`);
    }
    times.observe(0);
    times.observe(1e9);
    const last = other.read();
    t.ok(
      heldMicros(after, last, 0.5) < 0.01 && heldMicros(after, last, 1) > 8e6,
      'too short and too long to tell',
    );
    t.end();
  },
);
