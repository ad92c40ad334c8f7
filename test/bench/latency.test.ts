/**
 * The open loop whole and small: a pacer in a process of its own against a real server, which defines an
 * event meanwhile.
 */
import t from 'tap';
import { halfLoadFigures } from '../../bench/latency/half-load.ts';
import { runPhase, startPacer } from '../../bench/latency/phase.ts';
import type { PhaseName } from '../../bench/latency/phase.ts';
import { describeFigures } from '../../bench/figure.ts';
import { describeChecks } from '../../bench/report.ts';
import { onStage } from '../../bench/stage.ts';

// Small files and little memory: starting is most of what this test does.
const LIMITS = { workers: 1, segmentBytes: 8 << 20, arenaBytes: 256 << 20, eventsMax: 64 };
const PER_SECOND = 300;

// A shared machine whose disk is busy takes a multiple of the 5 s that this takes alone.
t.setTimeout(process.env['FRONTROW_LONG'] === undefined ? 120_000 : 600_000);

t.test('every order that is due is sent and sold once, while a large event is defined', async (t) => {
  const stageOptions = { kind: 'orders', places: 0, limits: LIMITS, replies: 'accepted' } as const;
  await onStage(stageOptions, async (stage) => {
    const pacer = await startPacer();
    t.teardown(() => pacer.kill());
    const run = (name: PhaseName, definitions: number): ReturnType<typeof runPhase> =>
      runPhase(pacer, stage, { name, event: name, perSecond: PER_SECOND, seconds: 1, seed: 1, definitions });
    const baseline = await run('baseline', 0);
    const disturbed = await run('definitions', 1);
    for (const { phase, checks } of [baseline, disturbed]) {
      t.ok(checks.length > 0 && checks.every((check) => check.ok), describeChecks(checks).join('\n'));
      const { result } = phase;
      t.same(result.statuses, { 201: PER_SECOND });
      t.equal(result.latency.count, PER_SECOND);
      t.ok(result.latency.p50 >= result.service.p50, 'who waits for a pacer or a connection waits longer');
      t.ok(result.latency.max >= result.lateness.max);
      t.ok(result.pacerCores > 0);
    }
    t.equal(disturbed.phase.definitionMs.length, 1);
    t.ok(disturbed.phase.result.groups > 0);
    const { capacity } = await stage.client.events.availability('definitions-large-1');
    t.equal(capacity, 20_000);
    // The arrivals are those of the seed: the last one of 300 a second is due after about a second.
    t.ok(baseline.phase.result.seconds > 0.8, `${baseline.phase.result.seconds} s`);
    await t.rejects(
      runPhase(pacer, stage, {
        name: 'calm',
        event: 'definitions',
        perSecond: PER_SECOND,
        seconds: 1,
        seed: 1,
        definitions: 0,
      }),
      'an event that is there already',
    );
  });
});

// With FRONTROW_LONG alone: three servers, and phases that last until segments are full.
const skip = process.env['FRONTROW_LONG'] === undefined ? 'a long test' : false;
t.test('all phases in turn, each with what it is about', { skip }, async (t) => {
  const options = { runs: 1, seconds: 1, warmUpSeconds: 0, limits: LIMITS, seed: 1, quick: true };
  const notes: string[] = [];
  const report = await halfLoadFigures({ ...options, perSecond: 800 }, (text) => notes.push(text));
  t.ok(
    report.checks.every((check) => check.ok),
    describeChecks(report.checks).join('\n'),
  );
  t.equal(describeFigures(report.figures).length, report.figures.length + 1);
  t.ok(notes.length >= 5);
});
