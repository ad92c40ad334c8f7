/** The table of idempotency keys against a Map. */
import fc from 'fast-check';
import t from 'tap';
import { IDEMPOTENCY_TTL_MS } from '../../src/core/limits.ts';
import { keyBase, type EventView } from '../../src/memory/event.ts';
import { findKey, KEY_FULL, keySecond, placeKey, writeKey, type KeyHash } from '../../src/memory/keys.ts';
import { KEY } from '../../src/memory/layout.ts';
import { EngineRig, eventOf, isLong, START_MS, testSeed } from '../engine/rig.ts';

function newView(): EventView {
  return new EngineRig().event(
    eventOf('e', [{ id: 'g', name: 'g', kind: 'general', capacity: 1, price: null }]),
  );
}

/** Keys that begin at few places of the table, so that they get in each other's way. */
function keyOf(number: number, place: number): KeyHash {
  return { hash0: number + 1, hash1: place - 2 ** 31, hash2: number * 7, body0: number, body1: 1, share: 1 };
}

function put(view: EventView, key: KeyHash, cell: number, nowMs: number): number {
  const entry = placeKey(view, key, nowMs);
  if (entry === KEY_FULL) return entry;
  const words = Int32Array.of(
    key.hash0,
    key.hash1,
    key.hash2,
    key.body0,
    key.body1,
    cell,
    1,
    keySecond(view, nowMs),
  );
  writeKey(view, entry, words, 0);
  writeKey(view, entry, words, 0);
  return entry;
}

const steps = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: fc.record({ number: fc.nat(80), place: fc.constantFrom(0, 3, 510, 511) }) },
    {
      weight: 1,
      arbitrary: fc.record({
        ms: fc.constantFrom(1, 999, IDEMPOTENCY_TTL_MS - 500, IDEMPOTENCY_TTL_MS / 2, IDEMPOTENCY_TTL_MS),
      }),
    },
  ),
  { minLength: 1, maxLength: 150 },
);

t.test('a key is found for 24 hours and not a second longer, whatever else comes and goes', async (t) => {
  const seed = testSeed();
  t.comment(`seed ${seed}`);
  fc.assert(
    fc.property(steps, (script) => {
      const view = newView();
      const model = new Map<string, { key: KeyHash; cell: number; atMs: number }>();
      let nowMs = START_MS + 777;
      let cell = 0;
      for (const step of script) {
        if ('ms' in step) {
          nowMs += step.ms;
        } else {
          const key = keyOf(step.number, step.place);
          const name = `${step.number}/${step.place}`;
          if (findKey(view, key, nowMs) < 0) {
            cell++;
            if (put(view, key, cell, nowMs) === KEY_FULL) throw new Error('the table is full');
            model.set(name, { key, cell, atMs: nowMs });
          }
        }
        for (const [name, known] of model) {
          const ageMs = nowMs - known.atMs;
          const entry = findKey(view, known.key, nowMs);
          if (entry < 0 && ageMs < IDEMPOTENCY_TTL_MS)
            throw new Error(`key ${name} is forgotten after ${ageMs} ms`);
          if (entry >= 0 && ageMs >= IDEMPOTENCY_TTL_MS + 1000)
            throw new Error(`key ${name} is kept for ${ageMs} ms`);
          if (entry >= 0 && view.words[keyBase(view, entry) + KEY.cell] !== known.cell)
            throw new Error('another’s entry');
        }
      }
    }),
    { seed, numRuns: isLong ? 3000 : 150 },
  );
});

t.test('a full neighbourhood is refused, and entries that ran out are used again', async (t) => {
  const view = newView();
  t.equal(view.keyCapacity, 512);
  for (let number = 0; number < 256; number++)
    t.not(put(view, keyOf(number, 400), number, START_MS), KEY_FULL);
  t.equal(placeKey(view, keyOf(999, 400), START_MS), KEY_FULL, 'as good as full there');
  t.not(placeKey(view, keyOf(999, 0x100), START_MS), KEY_FULL, 'and not elsewhere');
  const later = START_MS + IDEMPOTENCY_TTL_MS + 1000;
  t.equal(placeKey(view, keyOf(999, 400), later), 400, 'the first that ran out');
  t.equal(findKey(view, keyOf(100, 400), later), -1);
  const again = put(view, keyOf(100, 400), 7, later);
  t.equal(
    again,
    (400 + 100) & 511,
    'a key that ran out takes its own entry again, so that none stands twice',
  );
  t.equal(findKey(view, keyOf(100, 400), later), again);
});

t.test('a half-written entry reads as free', async (t) => {
  const view = newView();
  const key = keyOf(5, 9);
  const entry = placeKey(view, key, START_MS);
  view.words[keyBase(view, entry) + KEY.hash1] = key.hash1;
  view.words[keyBase(view, entry) + KEY.hash2] = key.hash2;
  t.equal(findKey(view, key, START_MS), -1);
  t.equal(placeKey(view, key, START_MS), entry);
});
