/** Replay takes frames that follow each other without a gap, and that fit the memory they meet; nothing else. */
import t from 'tap';
import { FrontrowError } from '../../src/core/assert.ts';
import { WORD_SEQUENCE } from '../../src/core/frame.ts';
import { take } from '../../src/engine/hold.ts';
import { checkedStore } from '../../src/engine/apply-words.ts';
import { createArena } from '../../src/memory/arena.ts';
import { seatBase, viewEvent } from '../../src/memory/event.ts';
import { SEAT, SEAT_STATE, SEAT_STATE_MASK } from '../../src/memory/layout.ts';
import { taking, wordsOf } from './hall.ts';
import {
  EngineRig,
  eventOf,
  replayInto,
  smallLimits,
  wantSeat,
  type KeptFrames,
  type TestSection,
} from './rig.ts';

const SECTIONS: TestSection[] = [
  {
    id: 'stalls',
    name: 'Stalls',
    kind: 'seated',
    capacity: 9,
    price: null,
    rows: [{ id: 'A', seats: ['1..9'] }],
  },
];

/** An event and three holds, a frame each. */
function recorded(): KeptFrames[] {
  const rig = new EngineRig(smallLimits());
  const view = rig.event(eventOf('gala', SECTIONS));
  for (let seat = 0; seat < 3; seat++) {
    const command = taking('hold', wordsOf(seat + 1, 1, 1), [wantSeat(view, seat)]);
    rig.run(view, (context) => take(context, view, command));
    rig.journal.drain();
  }
  rig.journal.drain();
  return rig.journal.frames();
}

const corrupt = (message: RegExp): { code: string; message: RegExp } => ({ code: 'data-corrupt', message });

t.test('frames in sequence are replayed', async (t) => {
  const replay = replayInto(createArena(smallLimits()), recorded());
  t.equal(replay.frames, 4);
});

t.test('a frame that is missing, comes twice or comes too late is corruption', async (t) => {
  const frames = recorded();
  const [define, first, second, third] = frames;
  const cases: [string, KeptFrames[]][] = [
    ['missing', [define, first, third]],
    ['twice', [define, first, first]],
    ['too late', [define, second, first]],
  ];
  for (const [name, broken] of cases) {
    t.throws(
      () => replayInto(createArena(smallLimits()), broken),
      corrupt(/has sequence \d+ of event slot 1/),
      name,
    );
  }
});

t.test('a frame of an event that is not there is corruption', async (t) => {
  const [, first] = recorded();
  t.throws(() => replayInto(createArena(smallLimits()), [first]), corrupt(/of an unknown event/));
});

t.test('a frame that does not fit the memory it meets is a fault, and nothing is written over', async (t) => {
  const frames = recorded();
  const arena = createArena(smallLimits());
  replayInto(arena, frames.slice(0, 2));
  const view = viewEvent(arena, 1);
  const base = seatBase(view, 0);
  const before = view.words[base + SEAT.state];
  t.equal(before & SEAT_STATE_MASK, SEAT_STATE.held);
  // The next frame in sequence takes the seat that is held.
  const second = frames[2].words.slice();
  const again = frames[1].words.slice();
  again[WORD_SEQUENCE] = second[WORD_SEQUENCE];
  t.throws(() => replayInto(arena, [{ words: again, position: frames[2].position }]), {
    code: 'memory-fault',
  });
  t.equal(view.words[base + SEAT.state], before);
});

t.test('a word that is not what the facts imply is never written over, whoever applies them', async (t) => {
  for (const mode of ['strict', 'redo', 'replay'] as const) {
    const words = new Int32Array(new SharedArrayBuffer(8));
    words[0] = 7;
    t.throws(() => checkedStore(words, 0, 5, 6, mode, 'a count'), FrontrowError, mode);
    t.equal(words[0], 7, mode);
    checkedStore(words, 0, 7, 8, mode, 'a count');
    t.equal(words[0], 8, mode);
  }
  const words = new Int32Array(new SharedArrayBuffer(8));
  words[0] = 6;
  checkedStore(words, 0, 5, 6, 'redo', 'a count');
  t.equal(words[0], 6, 'a redo may find its own work done');
  t.throws(() => checkedStore(words, 0, 5, 6, 'strict', 'a count'), FrontrowError);
});
