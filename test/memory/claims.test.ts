/** Cells of claims against a list of records; what lies inside of records is made to look like records. */
import fc from 'fast-check';
import t from 'tap';
import {
  cellsForClaim,
  cellsForNote,
  claimCells,
  claimItems,
  claimState,
  claimTickets,
  endCells,
  findFreeCells,
  findNoteCells,
  isStart,
  packClaim,
  takeCells,
  withState,
} from '../../src/memory/claims.ts';
import { cellBase, type EventView } from '../../src/memory/event.ts';
import { CELL_WORDS, CLAIM, CLAIM_STATE, EVENT } from '../../src/memory/layout.ts';
import { EngineRig, eventOf, isLong, testSeed } from '../engine/rig.ts';

interface Record {
  readonly first: number;
  readonly count: number;
  isLive: boolean;
}

function newView(): EventView {
  return new EngineRig().event(
    eventOf('e', [{ id: 'g', name: 'g', kind: 'general', capacity: 1, price: null }]),
  );
}

/** Writes a record whose every cell begins with a word that looks like a long, living claim's. */
function fill(view: EventView, { first, count }: Record): void {
  const lookalike = packClaim(CLAIM_STATE.held, 255, 100, 100);
  for (let cell = first; cell < first + count; cell++) {
    for (let word = 0; word < CELL_WORDS; word++) view.words[cellBase(view, cell) + word] = lookalike;
  }
  view.words[cellBase(view, first) + CLAIM.state] = packClaim(CLAIM_STATE.held, count, 1, 1);
}

type Step = { readonly take: number; readonly isNote: boolean } | { readonly end: number };
const steps = fc.array(
  fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({
        take: fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 255 })),
        isNote: fc.boolean(),
      }),
    },
    { weight: 3, arbitrary: fc.record({ end: fc.nat(10_000) }) },
  ),
  // Long enough to go round the table, whatever the seed.
  { minLength: 80, maxLength: 400 },
);

/** Where `count` cells are free, from the cursor on, then from the start; as one would do it without bitmaps. */
function naiveFind(live: readonly boolean[], cursor: number, count: number, end: number): number {
  const fits = (first: number): boolean => {
    if (first + count > end) return false;
    for (let cell = first; cell < first + count; cell++) if (live[cell]) return false;
    return true;
  };
  for (let first = cursor; first < live.length; first++) if (fits(first)) return first;
  for (let first = 0; first <= cursor; first++) if (fits(first)) return first;
  return -1;
}

t.test(
  'cells are found, taken and ended as a list of records has it, and only records have starts',
  async (t) => {
    const seed = testSeed();
    t.comment(`seed ${seed}`);
    let laps = 0;
    let reserves = 0;
    fc.assert(
      fc.property(steps, (script: Step[]) => {
        const view = newView();
        let records: Record[] = [];
        let cursor = 0;
        for (const step of script) {
          const live = Array.from({ length: view.cellCount }, () => false);
          for (const record of records)
            if (record.isLive) live.fill(true, record.first, record.first + record.count);
          if ('take' in step) {
            const beforeReserve = view.cellCount - Math.floor(view.cellCount / 8);
            const free = naiveFind(live, cursor, step.take, beforeReserve);
            if (findFreeCells(view, step.take) !== free)
              throw new Error(`${findFreeCells(view, step.take)} is found for ${step.take}, not ${free}`);
            const reserved = naiveFind(live, beforeReserve - step.take + 1, step.take, view.cellCount);
            const first = step.isNote && free < 0 ? reserved : free;
            if (step.isNote && findNoteCells(view, step.take) !== first)
              throw new Error(`${findNoteCells(view, step.take)} is found for a note, not ${first}`);
            if (step.isNote && free < 0 && first >= 0) reserves++;
            if (first < 0) continue;
            const record = { first, count: step.take, isLive: true };
            takeCells(view, first, step.take);
            fill(view, record);
            // Again, as repair does it.
            takeCells(view, first, step.take);
            records = records.filter(
              (old) => old.first + old.count <= first || first + step.take <= old.first,
            );
            records.push(record);
            if (first + step.take < cursor) laps++;
            cursor = (first + step.take) % view.cellCount;
          } else {
            const living = records.filter((record) => record.isLive);
            if (living.length === 0) continue;
            const record = living[step.end % living.length];
            record.isLive = false;
            endCells(view, record.first);
            endCells(view, record.first);
          }
          if (view.words[view.base + EVENT.cellCursor] !== cursor) throw new Error('the cursor is elsewhere');
          const starts = new Set(records.map(({ first }) => first));
          for (let cell = 0; cell < view.cellCount; cell++) {
            if (isStart(view, cell) !== starts.has(cell))
              throw new Error(`cell ${cell} is taken for a start, or is not`);
          }
        }
      }),
      { seed, numRuns: isLong ? 1000 : 40 },
    );
    t.ok(laps > 0, `the table was gone round ${laps} times`);
    t.ok(reserves > 0, `${reserves} notes went into the reserve`);
    t.end();
  },
);

t.test(
  'a record that is overwritten in part has no start any more, wherever the new one begins',
  async (t) => {
    const view = newView();
    for (const [cell, count, isLeft] of [
      [4, 3, false],
      [8, 1, false],
      [9, 3, true],
    ] as const) {
      takeCells(view, 0, 9);
      fill(view, { first: 0, count: 9, isLive: true });
      endCells(view, 0);
      takeCells(view, cell, count);
      t.equal(isStart(view, 0), isLeft, `cells ${cell} to ${cell + count}`);
      t.ok(isStart(view, cell));
      endCells(view, cell);
    }
  },
);

t.test('a cell outside of the table begins no claim', async (t) => {
  const view = newView();
  for (const cell of [view.cellCount, view.cellCount + 1, 2 ** 31, 2 ** 32 - 1]) t.notOk(isStart(view, cell));
  t.throws(() => takeCells(view, view.cellCount - 1, 2), /within the claim table/);
});

t.test('a claim’s header keeps all its parts', async (t) => {
  for (const [cells, items, tickets] of [
    [1, 1, 1],
    [55, 100, 100],
    [255, 255, 255],
  ]) {
    const word = packClaim(CLAIM_STATE.held, cells, items, tickets);
    const after = withState(word, CLAIM_STATE.cancelled);
    t.same([claimCells(after), claimItems(after), claimTickets(after)], [cells, items, tickets]);
    t.equal(claimState(after), CLAIM_STATE.cancelled);
  }
  t.throws(() => packClaim(1, 256, 1, 1), /fits its header/);
  t.ok(cellsForClaim(100, 64) < 256, 'the largest claim fits');
  t.ok(cellsForNote(64) < 256);
});
