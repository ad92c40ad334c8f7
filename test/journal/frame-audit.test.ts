/** What the journal checks of frames: lengths, and each event's sequence. */
import t from 'tap';
import { FRAME_HEADER_WORDS, FRAME_KIND, packHeader, type FrameKind } from '../../src/core/frame.ts';
import { FrameAudit } from '../../src/journal/frame-audit.ts';

/** A frame of a kind, event slot and sequence. */
function frame(kind: FrameKind, slot: number, sequence: number, generation = 1): number[] {
  return [packHeader(kind, FRAME_HEADER_WORDS), (generation << 16) | slot, sequence, 0, 0, 0, 0, 0];
}

/** The code of the first fault in frames, and which frame has it; null for none. */
function faultOf(...frames: number[][]): { code: string; frame: number } | null {
  const words = Int32Array.from(frames.flat());
  const fault = new FrameAudit().check(words, 0, words.length);
  return fault === null ? null : { code: fault.code, frame: fault.word / FRAME_HEADER_WORDS };
}

const { hold, release, remember } = FRAME_KIND;

t.test('sequences of each event are dense, and a key alone carries the last one', async (t) => {
  t.equal(faultOf(frame(hold, 1, 7), frame(hold, 2, 1), frame(release, 1, 8), frame(hold, 2, 2)), null);
  t.equal(faultOf(frame(hold, 1, 7), frame(remember, 1, 7), frame(remember, 1, 7), frame(hold, 1, 8)), null);
  t.equal(faultOf(frame(remember, 1, 7), frame(hold, 1, 8)), null, 'the first frame may have any');
  t.equal(faultOf(frame(hold, 1, 7), frame(remember, 1, 3, 2), frame(hold, 1, 4, 2)), null);
  const gap = (at: number): object => ({ code: 'sequence-gap', frame: at });
  t.same(faultOf(frame(hold, 1, 7), frame(hold, 1, 9)), gap(1));
  t.same(faultOf(frame(hold, 1, 7), frame(hold, 1, 7)), gap(1));
  t.same(faultOf(frame(hold, 1, 7), frame(remember, 1, 8)), gap(1));
  t.same(faultOf(frame(hold, 1, 7), frame(remember, 1, 6)), gap(1));
  t.same(faultOf(frame(hold, 1, 7), frame(remember, 1, 7), frame(hold, 1, 9)), gap(2));
});

t.test("the registry's keys carry a sequence that events' definitions move", async (t) => {
  t.equal(faultOf(frame(remember, 0, 3), frame(FRAME_KIND.create, 5, 1), frame(remember, 0, 4)), null);
});
