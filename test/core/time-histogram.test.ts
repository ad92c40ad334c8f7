import t from 'tap';
import { TIME_BUCKETS, TimeHistogram } from '../../src/core/time-histogram.ts';

t.test('each time is counted in the first bucket that holds it, and added up', async (t) => {
  const times = new TimeHistogram();
  for (const seconds of [0, 0.000_05, 0.000_06, 0.003, 9, 100]) times.observe(seconds);
  const { counts, sumSeconds } = times.read();
  t.equal(counts.length, TIME_BUCKETS.length + 1);
  t.equal(counts[0], 2, 'a bound belongs to its bucket');
  t.equal(counts[1], 1);
  t.equal(counts[TIME_BUCKETS.indexOf(0.005)], 1);
  t.equal(counts[TIME_BUCKETS.indexOf(10)], 1);
  t.equal(counts.at(-1), 1, 'and what took longer than all of them has one, too');
  t.equal(sumSeconds, 109.003_11);
});

t.test('another thread reads the same, and the sum outgrows 32 bits', async (t) => {
  const times = new TimeHistogram();
  const other = new TimeHistogram(times.buffer);
  for (let i = 0; i < 3; i++) times.observe(4000);
  t.equal(other.read().sumSeconds, 12_000);
  t.equal(other.read().counts.at(-1), 3);
});

t.test('a reading is of one moment, or taken again', async (t) => {
  const times = new TimeHistogram();
  times.observe(1);
  // A writer that was stopped half-way: nobody waits for it for ever.
  Atomics.add(new Int32Array(times.buffer), 0, 1);
  t.equal(times.read().sumSeconds, 1);
  t.throws(() => new TimeHistogram(new SharedArrayBuffer(8)), /fills its buffer/);
});
