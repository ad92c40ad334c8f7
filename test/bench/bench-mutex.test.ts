/** Small inputs of the part that kills workers: three servers, one after the other, each killed itself at the end. */
import t from 'tap';
import { parseOptions } from '../../bench/options.ts';
import { describeReport } from '../../bench/report.ts';
import { runBench } from '../../bench/run-bench.ts';

const OPTIONS = {
  ...parseOptions(['--quick', '--part', 'mutex']),
  // Small files and little memory: starting is most of what this test does.
  limits: { segmentBytes: 8 << 20, arenaBytes: 256 << 20, eventsMax: 64 },
};

// A shared machine whose disk is busy takes a multiple of the 10 s that this takes alone.
t.setTimeout(160_000);

t.test('killed workers: the event goes on, and every order is accounted for', async (t) => {
  const report = await runBench(OPTIONS, () => {});
  t.ok(report.ok, describeReport(report).join('\n'));
  for (const row of ['mutexHeld', 'repair'] as const) {
    const result = report.rows.find((candidate) => candidate.row === row);
    t.not(result?.verdict, 'not measured', row);
    t.ok((result?.figure?.min ?? 0) > 0, row);
  }
  const lost = report.parts[0].lines.join('\n').match(/worker-lost applied=false × \d+/g);
  t.equal(lost?.length, 2, 'workers died with commands, in both runs');
});
