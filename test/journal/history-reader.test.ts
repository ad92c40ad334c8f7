import t from 'tap';
import { frameSlot, wide, WORD_SEQUENCE } from '../../src/core/frame.ts';
import { HistoryReader } from '../../src/journal/history-reader.ts';
import type { HistoryPage, HistoryQuery } from '../../src/journal/history-reader.ts';
import { segmentNumbers } from '../../src/journal/layout.ts';
import { MemoryJournal } from '../../src/journal/memory-journal.ts';
import { SimulatedDisk } from '../../src/journal/simulated-disk.ts';
import { writeSnapshot } from '../../src/journal/snapshot.ts';
import { trim } from '../../src/journal/trim.ts';
import { Collector, FrameMaker } from './sample-frames.ts';

const GENERATION = 7;
const EVENTS = 6;

interface Filled {
  readonly disk: SimulatedDisk;
  readonly maker: FrameMaker;
  readonly upTo: number;
  readonly incarnation: string;
  /** Position after each group. */
  readonly ends: number[];
}

/** About five segments of frames of six events. With eventsMax 2 the footers do not know all of them. */
function fill(eventsMax = 16): Filled {
  const disk = new SimulatedDisk(3);
  const journal = new MemoryJournal(disk, { segmentBytes: 64 << 10, eventsMax });
  journal.own();
  const { incarnation } = journal.recover(new Collector());
  const maker = new FrameMaker(9, EVENTS);
  const ends: number[] = [];
  let upTo = 0;
  for (let count = 0; count < 60; count++) {
    const group = maker.group(20);
    journal.append(upTo, [group]);
    upTo += group.byteLength;
    ends.push(upTo);
  }
  return { disk, maker, upTo, incarnation, ends };
}

/** Follows the pages to the end; sequences in the order visited. */
function readAllPages(
  disk: SimulatedDisk,
  query: HistoryQuery,
): { sequences: number[]; pages: number; last: HistoryPage } {
  const reader = new HistoryReader(disk);
  const sequences: number[] = [];
  let pages = 0;
  let current = query;
  for (;;) {
    const page = reader.read(current, (words, frame) => {
      if (frameSlot(words, frame) === query.slot) sequences.push(wide(words, frame + WORD_SEQUENCE));
    });
    pages++;
    if (page.kind !== 'page' || page.next === null) return { sequences, pages, last: page };
    current = { ...query, afterSequence: page.lastSequence, cursor: page.next };
  }
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

for (const eventsMax of [16, 2]) {
  t.test(
    `every frame of an event is found once from any sequence, ${eventsMax} events a footer`,
    async (test) => {
      const { disk, maker, upTo } = fill(eventsMax);
      test.ok(segmentNumbers(disk.list()).length >= 4, 'the test crosses segments');
      for (let slot = 0; slot < EVENTS; slot++) {
        const sequence = maker.sequence(slot);
        for (const afterSequence of [0, 1, Math.floor(sequence / 2), sequence - 1, sequence]) {
          const query = { slot, generation: GENERATION, afterSequence, upTo, framesMax: 1000 };
          const { sequences, pages } = readAllPages(disk, query);
          test.strictSame(
            sequences,
            range(afterSequence + 1, sequence),
            `slot ${slot} after ${afterSequence}`,
          );
          test.equal(pages, 1);
        }
      }
    },
  );
}

t.test('a page ends at framesMax or scanBytesMax and goes on where it stopped', async (test) => {
  const { disk, maker, upTo } = fill();
  const query = { slot: 1, generation: GENERATION, afterSequence: 3, upTo, framesMax: 1000 };
  const few = readAllPages(disk, { ...query, framesMax: 7 });
  test.strictSame(few.sequences, range(4, maker.sequence(1)));
  test.equal(few.pages, Math.ceil((maker.sequence(1) - 3) / 7));
  const small = readAllPages(disk, { ...query, scanBytesMax: 4096 });
  test.strictSame(small.sequences, range(4, maker.sequence(1)));
  test.ok(small.pages > 50, 'a page a group');
});

t.test('keys alone are no part of history, wherever in a page or a segment they stand', async (test) => {
  const disk = new SimulatedDisk(3);
  const journal = new MemoryJournal(disk, { segmentBytes: 64 << 10, eventsMax: 16 });
  journal.own();
  journal.recover(new Collector());
  const maker = new FrameMaker(9, EVENTS);
  let upTo = 0;
  const append = (...frames: Uint8Array[]): void => {
    const group = Buffer.concat(frames);
    const aligned = new Uint8Array(group);
    journal.append(upTo, [aligned]);
    upTo += group.byteLength;
  };
  const segments = (): number => segmentNumbers(disk.list()).length;
  const rounds = 5;
  /** Of event 1 after each round: a segment has its keys first and last, and maybe nothing else of it. */
  const told: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const before = segments();
    append(maker.keyAlone(1), maker.single(2, 8), maker.keyAlone(1));
    if (round !== 2) append(maker.keyAlone(1), maker.single(1, 8), maker.keyAlone(1), maker.single(1, 8));
    while (segments() === before) append(maker.single(2, 8), maker.keyAlone(1));
    told.push(maker.sequence(1));
  }
  const last = maker.sequence(1);
  test.strictSame(told, [2, 4, 4, 6, 8], 'one segment has no change of the event');
  for (let afterSequence = 0; afterSequence <= last; afterSequence++) {
    for (const framesMax of [1, 2, 3, 1000]) {
      for (const scanBytesMax of [4096, 1 << 20]) {
        const query = { slot: 1, generation: GENERATION, afterSequence, upTo, framesMax, scanBytesMax };
        const { sequences, last: page } = readAllPages(disk, query);
        test.strictSame(sequences, range(afterSequence + 1, last), `after ${afterSequence}`);
        test.match(page, { kind: 'page', lastSequence: last });
      }
    }
  }
  const fresh = new HistoryReader(disk);
  const query = { slot: 1, generation: GENERATION, afterSequence: last - 2, upTo, framesMax: 2 };
  test.match(
    fresh.read(query, () => {}),
    { kind: 'page', frames: 2, lastSequence: last, next: null },
    'a page that is full is the last one, if keys alone follow',
  );
});

t.test('frames behind the durable position are not seen', async (test) => {
  const { disk, ends } = fill();
  const all = readAllPages(disk, {
    slot: 2,
    generation: GENERATION,
    afterSequence: 0,
    upTo: ends.at(-1)!,
    framesMax: 1e6,
  });
  for (const upTo of [0, ends[0], ends[20], ends[41]]) {
    const page = readAllPages(disk, {
      slot: 2,
      generation: GENERATION,
      afterSequence: 0,
      upTo,
      framesMax: 1e6,
    });
    test.equal(page.last.kind, 'page');
    test.strictSame(page.sequences, all.sequences.slice(0, page.sequences.length));
    test.ok(page.sequences.length < all.sequences.length);
  }
});

t.test(
  'another generation of the slot has no frames, and a made-up cursor is told from damage',
  async (test) => {
    const { disk, upTo, ends } = fill();
    const query = { slot: 0, generation: GENERATION + 1, afterSequence: 0, upTo, framesMax: 10 };
    test.match(readAllPages(disk, query), { sequences: [], last: { kind: 'page', next: null } });
    const reader = new HistoryReader(disk);
    for (const cursor of [
      { segment: 2, offset: 4097, position: ends[20] },
      { segment: 2, offset: 8192, position: 8 },
      { segment: 1, offset: -4096, position: 0 },
    ]) {
      const page = reader.read({ ...query, generation: GENERATION, cursor }, () => {});
      test.equal(page.kind, 'bad-cursor', JSON.stringify(cursor));
    }
  },
);

t.test('after a trim the first sequence still there is named, and what is kept is readable', async (test) => {
  const { disk, maker, upTo, incarnation, ends } = fill();
  for (const position of [ends[40], ends[50]]) {
    writeSnapshot(disk, { position, incarnation, lastTimeMs: 1, bytes: 0 }, [Buffer.from('state')]);
  }
  const report = trim(disk, { historyBytes: 64 << 10 });
  test.ok(report.deleted.length > 0, 'something goes');
  test.ok(report.firstPosition > 0);
  const query = { slot: 3, generation: GENERATION, afterSequence: 0, upTo, framesMax: 1e6 };
  const { last } = readAllPages(disk, query);
  test.equal(last.kind, 'trimmed');
  const first = last.kind === 'trimmed' ? last.firstSequence! : 0;
  test.ok(first > 1);
  const kept = readAllPages(disk, { ...query, afterSequence: first - 1 });
  test.strictSame(kept.sequences, range(first, maker.sequence(3)));
  test.equal(readAllPages(disk, { ...query, afterSequence: first - 2 }).last.kind, 'trimmed');
});

t.test('a durable group that cannot be read is corruption with file and offset', async (test) => {
  const { disk, upTo } = fill();
  const { name, offset } = { name: 'segment-0000000002.journal', offset: 8192 };
  disk.rot(name, offset + 100, 1);
  const page = readAllPages(disk, {
    slot: 1,
    generation: GENERATION,
    afterSequence: 0,
    upTo,
    framesMax: 1e6,
  });
  test.strictSame(page.last, { kind: 'corrupt', file: name, offset });
});
