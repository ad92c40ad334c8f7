/**
 * States of seats as bytes of a reply, two bits or a letter each: one pass over shared memory, and nothing in between.
 * Worker threads; inside of a guard window or under the mutex. What was made there may be nonsense until the window is
 * proved unchanged, so nothing here believes a word that it loads: which seats there are comes from the definition.
 */
import { assert } from '../core/assert.ts';
import type { EventDefinition, SeatMap } from '../engine/definition.ts';
import type { EventView } from '../memory/event.ts';
import { SEAT, SEAT_WORDS } from '../memory/layout.ts';

/** States in the order of SEAT_STATE. */
export const STATE_LETTERS = 'ahsb';
/** Their codes, a byte each, the first in the lowest bits: a shift is cheaper than a table. */
const LETTERS_WORD = Buffer.from(STATE_LETTERS).readUInt32LE();
/** A state as two bits; SEAT_STATE_MASK leaves room for more states than there are. */
const STATE_BITS = 3;
/** Of what goes before the sections of a JSON text: some names, an event's id and a sequence. */
const HEAD_BYTES_MAX = 128;
const TEXT_END = Buffer.from(']}');

/** Seats that stand one after the other, in the event and in the text: a row. */
interface Run {
  readonly firstSeat: number;
  readonly seatCount: number;
  /** Place of the first seat's letter in the text of all sections. */
  readonly at: number;
}

/** Some seats and their text: of a section, or of all. */
interface Part {
  readonly firstSeat: number;
  readonly seatCount: number;
  /** Where the text begins and ends in that of all sections. */
  readonly from: number;
  readonly to: number;
  readonly runs: readonly Run[];
}

/** What the seats of a definition look like, whatever their states. */
interface Layout {
  readonly all: Part;
  /** By section. */
  readonly sections: readonly Part[];
  /** `{"id":"stalls","rows":[{"id":"A","seats":"aaaa"},…]}`, with a comma between one section and the next. */
  readonly text: Uint8Array;
}

/** Made once per definition and thread, and forgotten with it. */
const layouts = new WeakMap<SeatMap, Layout>();

function layoutOf(map: SeatMap): Layout {
  let layout = layouts.get(map);
  if (layout === undefined) {
    layout = layOut(map.definition);
    layouts.set(map, layout);
  }
  return layout;
}

function layOut(definition: EventDefinition): Layout {
  let text = '';
  let seats = 0;
  const allRuns: Run[] = [];
  const sections = definition.sections.map((section): Part => {
    if (section.kind === 'general') return { firstSeat: 0, seatCount: 0, from: 0, to: 0, runs: [] };
    const firstSeat = seats;
    const firstRun = allRuns.length;
    if (text !== '') text += ',';
    const from = text.length;
    text += `{"id":"${section.id}","rows":[`;
    section.rows.forEach((row, index) => {
      const seatCount = row.seats.filter((entry) => entry !== null).length;
      text += `${index === 0 ? '' : ','}{"id":"${row.id}","seats":"`;
      allRuns.push({ firstSeat: seats, seatCount, at: text.length });
      text += `${STATE_LETTERS[0].repeat(seatCount)}"}`;
      seats += seatCount;
    });
    text += ']}';
    return { firstSeat, seatCount: seats - firstSeat, from, to: text.length, runs: allRuns.slice(firstRun) };
  });
  const all = { firstSeat: 0, seatCount: seats, from: 0, to: text.length, runs: allRuns };
  // Ids and letters are ASCII: a place in the text is one in its bytes.
  return { all, sections, text: Buffer.from(text, 'latin1') };
}

/** The seats of the section `only`, or of all for -1. */
function partOf({ all, sections }: Layout, only: number, view: EventView): Part {
  const part = only < 0 ? all : sections[only];
  assert(part.firstSeat + part.seatCount <= view.seatCount, 'the seats of a definition lie within its event');
  return part;
}

/** Two bits a seat, four seats a byte, the first in the lowest bits; bits that are over are 0. */
export function seatBits(view: EventView, map: SeatMap, only: number): Uint8Array {
  const { firstSeat, seatCount } = partOf(layoutOf(map), only, view);
  const { words } = view;
  const bits = new Uint8Array((seatCount + 3) >>> 2);
  const whole = seatCount >>> 2;
  let word = view.seats + firstSeat * SEAT_WORDS + SEAT.state;
  for (let i = 0; i < whole; i++, word += 4 * SEAT_WORDS) {
    bits[i] =
      (words[word] & STATE_BITS) |
      ((words[word + SEAT_WORDS] & STATE_BITS) << 2) |
      ((words[word + 2 * SEAT_WORDS] & STATE_BITS) << 4) |
      ((words[word + 3 * SEAT_WORDS] & STATE_BITS) << 6);
  }
  for (let i = 0; i < (seatCount & 3); i++, word += SEAT_WORDS) {
    bits[whole] |= (words[word] & STATE_BITS) << (i * 2);
  }
  return bits;
}

/** A JSON text with a letter a seat, but for its head: the sequence is known when the guard window is through. */
export function seatLetters(view: EventView, map: SeatMap, only: number): Uint8Array {
  const layout = layoutOf(map);
  const { from, to, runs } = partOf(layout, only, view);
  const { words } = view;
  const end = HEAD_BYTES_MAX + to - from;
  const bytes = new Uint8Array(end + TEXT_END.length);
  bytes.set(layout.text.subarray(from, to), HEAD_BYTES_MAX);
  bytes.set(TEXT_END, end);
  for (let i = 0; i < runs.length; i++) {
    const { at, firstSeat, seatCount } = runs[i];
    const first = HEAD_BYTES_MAX + at - from;
    writeLetters(bytes, first, first + seatCount, words, view.seats + firstSeat * SEAT_WORDS + SEAT.state);
  }
  return bytes;
}

function writeLetters(bytes: Uint8Array, from: number, to: number, words: Int32Array, first: number): void {
  for (let at = from, word = first; at < to; at++, word += SEAT_WORDS) {
    bytes[at] = LETTERS_WORD >>> ((words[word] & STATE_BITS) << 3);
  }
}

/** The whole text: a head written into the room that seatLetters() left for it. */
export function withHead(bytes: Uint8Array, event: string, sequence: number): Uint8Array {
  const head = `{"event":"${event}","sequence":${sequence},"sections":[`;
  const start = HEAD_BYTES_MAX - head.length;
  assert(start >= 0, 'a head fits the room that is left for it');
  Buffer.from(bytes.buffer).write(head, start, 'latin1');
  return bytes.subarray(start);
}
