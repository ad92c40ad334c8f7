/** The guard: readers without the lock never take parts of two changes for one. */
import t from 'tap';
import { createArena, eventBase } from '../../src/memory/arena.ts';
import {
  abortGuard,
  closeGuard,
  loadPosition,
  loadSequence,
  openGuard,
  readGuard,
} from '../../src/memory/guard.ts';
import { EVENT } from '../../src/memory/layout.ts';
import { isLong, smallLimits } from '../engine/rig.ts';
import { Stage } from './actors.ts';
import { STOP, TASK } from './fixtures/actor-words.ts';

const SLOT = 1;

t.test(
  'what is read in an even, unchanged window belongs together, while another thread hammers',
  async (t) => {
    const stage = new Stage(1);
    t.teardown(() => stage.end());
    const { arena, shared } = stage;
    const { words } = arena;
    const base = eventBase(arena, SLOT);
    const [writer] = stage.actors;
    writer.ask(TASK.change);
    const windows = isLong ? 2_000_000 : 20_000;
    const deadline = Date.now() + 20_000;
    let whole = 0;
    let torn = 0;
    let last = -1;
    let went = 0;
    let tries = 0;
    while ((whole < windows || went < 500) && Date.now() < deadline) {
      tries++;
      const guard = readGuard(arena, SLOT);
      if ((guard & 1) === 1) continue;
      const changes = Atomics.load(words, base + EVENT.placeCount);
      const negative = Atomics.load(words, base + EVENT.seatCount);
      const sequence = loadSequence(arena, SLOT);
      const position = loadPosition(arena, SLOT);
      if (readGuard(arena, SLOT) !== guard) continue;
      whole++;
      const fits =
        changes === -negative && sequence === changes * 3 && position === changes * 8 * 0x1000_0000;
      if (!fits) torn++;
      if (changes < last) torn++;
      if (changes !== last) went++;
      last = changes;
    }
    Atomics.store(shared, STOP, 1);
    const changes = writer.finish();
    t.equal(torn, 0, 'nothing torn, and time does not go back');
    t.ok(whole >= windows, 'readers get through');
    t.ok(went >= 500, `${went} different states seen in ${tries} tries, of ${changes}`);
  },
);

t.test('a guard opens and closes in pairs, and wraps', async (t) => {
  const arena = createArena(smallLimits());
  const base = eventBase(arena, SLOT);
  Atomics.store(arena.words, base + EVENT.guard, -2);
  t.throws(() => closeGuard(arena, SLOT, 1, 8), /odd during a change/);
  openGuard(arena, SLOT, 5);
  t.equal(readGuard(arena, SLOT), -1);
  t.equal(arena.words[base + EVENT.noted], 1);
  t.equal(arena.words[base + EVENT.notedUnit], 5);
  t.throws(() => openGuard(arena, SLOT, 6), /even before a change/);
  closeGuard(arena, SLOT, 2 ** 40, 2 ** 45);
  t.equal(readGuard(arena, SLOT), 0, 'even over the wrap');
  t.equal(loadSequence(arena, SLOT), 2 ** 40);
  t.equal(loadPosition(arena, SLOT), 2 ** 45);
  t.equal(arena.words[base + EVENT.noted], 0);
  abortGuard(arena, SLOT);
  t.equal(readGuard(arena, SLOT), 0, 'an even guard stays as it is');
});
