/** The load and its audit against a naive server that keeps count, and against ones that lie. */
import t from 'tap';
import { auditConservation, auditCounts, auditSeatOwners } from '../../src/cli/load-audit.ts';
import { runCli } from '../cli/run-cli.ts';
import { startNaiveServer } from '../cli/naive-server.ts';
import type { Lie } from '../cli/naive-server.ts';

interface Report {
  readonly replies: number;
  readonly granted: number;
  readonly statuses: Record<string, number>;
  readonly audit: { readonly ok: boolean; readonly checks: readonly { name: string; ok: boolean }[] };
}

async function benchAgainst(lie: Lie, kind: string): Promise<{ code: number; report: Report }> {
  const server = await startNaiveServer(lie);
  try {
    const argv = [
      'bench',
      '--connections',
      '4',
      '--duration',
      '1',
      '--capacity',
      '150',
      '--kind',
      kind,
      '--json',
    ];
    const ran = await runCli([...argv, '--url', server.url]);
    return { code: ran.code, report: JSON.parse(ran.stdout) as Report };
  } finally {
    await server.close();
  }
}

for (const kind of ['orders', 'holds']) {
  t.test(`bench of ${kind} on an honest server passes its audit, past the floor's end`, async (t) => {
    const { code, report } = await benchAgainst('none', kind);
    t.equal(code, 0, JSON.stringify(report));
    t.ok(report.granted > 10, `${report.granted} granted`);
    t.ok(report.replies >= (report.statuses['201'] ?? 0));
    t.same(
      report.audit.checks.map((check) => check.ok),
      [true, true, true, true, true, true],
    );
  });
}

const LIES: [Lie, string][] = [
  ['oversell', ': acknowledged = sold'],
  ['seat-twice', 'no seat twice'],
  ['forget', 'acknowledged orders are readable'],
];

for (const [lie, expected] of LIES) {
  t.test(`bench exits 1 when the server lies: ${lie}`, async (t) => {
    const { code, report } = await benchAgainst(lie, 'orders');
    t.equal(code, 1);
    const failed = report.audit.checks.filter((check) => !check.ok).map((check) => check.name);
    t.ok(
      failed.some((name) => name.includes(expected)),
      `failed: ${failed.join('; ')}`,
    );
  });
}

const NONE = { event: 'x', sequence: 0, capacity: 5, available: 5, held: 0, sold: 0, blocked: 0 };
const BEFORE = { ...NONE, sections: [{ ...NONE, id: 'floor', sold: 1, available: 4 }] };

t.test('the checks: one ticket too many or too few is enough', (t) => {
  const grants = [{ id: 'order_1', seats: [], places: new Map([['floor', 2]]) }];
  const after = (sold: number): typeof BEFORE => ({
    ...BEFORE,
    sections: [{ ...BEFORE.sections[0], sold }],
  });
  t.same(
    [2, 3, 4].map((sold) => auditCounts(BEFORE, after(sold), 'orders', grants)[0].ok),
    [false, true, false],
  );
  t.equal(auditConservation(BEFORE).ok, true);
  t.equal(auditConservation({ ...BEFORE, available: 4 }).ok, false);
  t.equal(auditConservation({ ...BEFORE, available: 6, held: -1 }).ok, false);
  const one = { id: 'order_1', seats: ['a-A-1'], places: new Map() };
  t.equal(auditSeatOwners([one, one]).ok, true, 'the same order twice is a replay');
  t.equal(auditSeatOwners([one, { ...one, id: 'order_2' }]).ok, false);
  t.end();
});
