/** The tree of deadlines against a Map of them. */
import fc from 'fast-check';
import t from 'tap';
import { RESTART_GRACE_MS } from '../../src/core/limits.ts';
import { storeWide } from '../../src/memory/arena.ts';
import { endCells, packClaim, takeCells, withState } from '../../src/memory/claims.ts';
import {
  addDeadline,
  effectiveDeadline,
  findDue,
  nextDeadline,
  setReadyTime,
} from '../../src/memory/deadlines.ts';
import { cellBase, type EventView } from '../../src/memory/event.ts';
import { CLAIM, CLAIM_STATE } from '../../src/memory/layout.ts';
import { EngineRig, eventOf, isLong, MIB, smallLimits, START_MS, testSeed } from '../engine/rig.ts';

const TICK_MS = 32;

/** An event with so many cells that the tree has three levels. */
function newView(): EventView {
  const limits = smallLimits({ claimBytesPerPlace: 4096, arenaBytes: 16 * MIB });
  const sections = [{ id: 'g', name: 'g', kind: 'general', capacity: 64, price: null }] as const;
  return new EngineRig(limits).event(eventOf('e', sections));
}

function hold(view: EventView, cell: number, deadlineMs: number): void {
  takeCells(view, cell, 4);
  const base = cellBase(view, cell);
  storeWide(view.words, base + CLAIM.expiresLow, deadlineMs);
  view.words[base + CLAIM.state] = packClaim(CLAIM_STATE.held, 4, 1, 1);
  addDeadline(view, cell, deadlineMs);
  addDeadline(view, cell, deadlineMs);
}

function end(view: EventView, cell: number): void {
  const word = cellBase(view, cell) + CLAIM.state;
  view.words[word] = withState(view.words[word], CLAIM_STATE.released);
  endCells(view, cell);
}

type Step =
  | { readonly kind: 'hold'; readonly place: number; readonly ms: number }
  | { readonly kind: 'end'; readonly place: number }
  | { readonly kind: 'due'; readonly ms: number };
const ms = fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 7 * 24 * 3_600_000 }));
const steps = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('hold' as const), place: fc.nat(2100), ms }),
    fc.record({ kind: fc.constant('end' as const), place: fc.nat(2100) }),
    fc.record({ kind: fc.constant('due' as const), ms }),
  ),
  { minLength: 1, maxLength: 200 },
);

t.test(
  'what is due is found, all of it and nothing else; the next deadline is never told too late',
  async (t) => {
    const seed = testSeed();
    t.comment(`seed ${seed}`);
    const view = newView();
    t.equal(view.deadlineLevels.length, 3);
    let found = 0;
    fc.assert(
      fc.property(steps, (script: Step[]) => {
        const model = new Map<number, number>();
        for (const step of script) {
          if (step.kind === 'due') {
            const beforeMs = START_MS + step.ms;
            const due = [...model].filter(([, deadlineMs]) => deadlineMs < beforeMs).map(([cell]) => cell);
            const first = due.length === 0 ? -1 : Math.min(...due);
            const cell = findDue(view, beforeMs);
            if (cell !== first) throw new Error(`${cell} is due before ${beforeMs}, expected ${first}`);
            if (cell < 0 && nextDeadline(view) < beforeMs)
              throw new Error('a sweep in vain would be told to come again');
            if (cell >= 0) found++;
          } else {
            const cell = step.place * 4;
            if (model.has(cell)) {
              end(view, cell);
              model.delete(cell);
            }
            if (step.kind === 'hold') {
              hold(view, cell, START_MS + step.ms);
              model.set(cell, START_MS + step.ms);
            }
          }
          const least = Math.min(...model.values());
          const next = nextDeadline(view);
          if (next > least + TICK_MS) throw new Error(`the next deadline ${least} is told as ${next}`);
        }
        for (const cell of model.keys()) end(view, cell);
        if (findDue(view, Number.MAX_SAFE_INTEGER) !== -1) throw new Error('something is due in the end');
        if (nextDeadline(view) !== Infinity) throw new Error('there is a next deadline in the end');
      }),
      { seed, numRuns: isLong ? 3000 : 150 },
    );
    t.ok(found > 10, `${found} holds were due`);
  },
);

t.test('a hold that ran out while the server was down gets some grace after the start', async (t) => {
  const view = newView();
  hold(view, 0, START_MS + 1000);
  hold(view, 64, START_MS + 50_000);
  const readyMs = START_MS + 40_000;
  setReadyTime(view.arena, readyMs);
  t.equal(effectiveDeadline(view, 0), readyMs + RESTART_GRACE_MS);
  t.equal(effectiveDeadline(view, 64), START_MS + 50_000, 'one that had not run out keeps its deadline');
  t.equal(findDue(view, readyMs), -1);
  t.equal(findDue(view, START_MS + 50_001), 64);
  end(view, 64);
  t.equal(findDue(view, readyMs + RESTART_GRACE_MS), -1);
  t.equal(findDue(view, readyMs + RESTART_GRACE_MS + 1), 0);
});

t.test('deadlines farther away than ticks can count are told early, not late', async (t) => {
  const view = newView();
  const years = 20 * 365 * 24 * 3_600_000;
  hold(view, 0, START_MS + years);
  t.ok(nextDeadline(view) <= START_MS + years);
  t.equal(findDue(view, START_MS + years), -1);
  t.equal(findDue(view, START_MS + years + 1), 0);
});
