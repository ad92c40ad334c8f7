/**
 * The seat map as pictures: golden files under `golden/`, drawn anew with FRONTROW_UPDATE_GOLDEN=1, and the
 * properties that every picture has.
 */
import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import t from 'tap';
import { renderSeatMap } from '../../src/cli/seat-map.ts';
import type { SeatMapView } from '../../src/cli/seat-map.ts';
import type { SeatMapInput } from '../../src/cli/seat-map-model.ts';
import { textWidth } from '../../src/cli/text-width.ts';
import { demoHall } from '../../src/demo.ts';
import { matchGolden } from './golden-files.ts';
import { ARENA, definitionOf, GALA, sellingWell, stateOf } from './sample-events.ts';

function matchPicture(
  test: Parameters<typeof matchGolden>[0],
  name: string,
  input: SeatMapInput,
  view: SeatMapView,
): void {
  matchGolden(test, name, `${renderSeatMap(input, view).join('\n')}\n`);
}

const HALL = definitionOf(demoHall(new Date('2026-11-22T00:00:00Z')));

t.test('the pictures are the ones we liked', (t) => {
  for (const width of [80, 120]) {
    matchPicture(t, `gala-${width}`, stateOf(GALA, sellingWell), { width, color: false });
    matchPicture(t, `gala-${width}-color`, stateOf(GALA, sellingWell), { width, color: true });
    matchPicture(t, `hall-${width}`, stateOf(HALL, sellingWell), { width, color: false });
    matchPicture(t, `arena-${width}`, stateOf(ARENA, sellingWell), { width, color: false });
  }
  matchPicture(t, 'gala-row', stateOf(GALA, sellingWell), {
    width: 80,
    color: false,
    section: 'stalls',
    row: 'C',
  });
  matchPicture(t, 'arena-section', stateOf(ARENA, sellingWell), { width: 80, color: false, section: 'bowl' });
  matchPicture(t, 'arena-row', stateOf(ARENA, sellingWell), {
    width: 80,
    color: false,
    section: 'bowl',
    row: 'R7',
  });
  t.end();
});

t.test('colour only colours: without its codes the picture is the plain one', (t) => {
  for (const definition of [GALA, HALL, ARENA]) {
    const input = stateOf(definition, sellingWell);
    const colored = renderSeatMap(input, { width: 100, color: true }).map(stripVTControlCharacters);
    t.same(colored, renderSeatMap(input, { width: 100, color: false }));
  }
  t.end();
});

t.test('aisles of rows with as many aisles stand under each other', (t) => {
  const lines = renderSeatMap(
    stateOf(GALA, () => 's'),
    { width: 80, color: false },
  );
  const rows = lines.filter((line) => /^ +[ABC] {2}/.test(line));
  t.equal(rows.length, 3);
  const ends = rows.map((line) => {
    const body = line.slice(line.search(/[ABC]/) + 3);
    const start = line.length - body.length;
    // The first aisle is the first run of exactly four spaces between two seats.
    return start + body.search(/[sS] {4}[sS]/);
  });
  t.same(new Set(ends).size, 1, `first aisle at ${ends.join(', ')}`);
  t.end();
});

t.test('a section of 20,000 seats is drawn by row, in bands until it is asked for', (t) => {
  const input = stateOf(ARENA, sellingWell);
  const whole = renderSeatMap(input, { width: 80, color: false });
  t.ok(whole.length <= 55, `${whole.length} lines`);
  t.ok(
    whole.some((line) => line.includes('--section bowl')),
    'says how to see more',
  );
  const section = renderSeatMap(input, { width: 80, color: false, section: 'bowl' });
  t.equal(section.filter((line) => /^R\d+ /.test(line)).length, 100, 'a line a row');
  t.ok(section.some((line) => line.includes('--row R1')));
  t.end();
});

t.test('a seat that stands alone is never rounded away', (t) => {
  const input = stateOf(ARENA, (_section, row, seat) => (row === 0 && seat === 0 ? 'h' : 's'));
  const line = renderSeatMap(input, { width: 80, color: false, section: 'bowl' }).find((text) =>
    text.startsWith('R1 '),
  );
  t.match(line, /s+h +/);
  t.end();
});

t.test('names cannot write on the terminal', (t) => {
  const definition = { ...GALA, name: 'Gala\x1b[2J\x07\n‮evil' };
  const lines = renderSeatMap(stateOf(definition, sellingWell), { width: 80, color: false });
  t.notMatch(lines[0], /[\p{Cc}\u202e]/u);
  t.ok(lines[0].startsWith('Gala'));
  t.end();
});

t.test('states of another definition are refused, not drawn', (t) => {
  const input = stateOf(GALA, sellingWell);
  const rows = [{ id: 'A', seats: 'aaa' }];
  const seats = { ...input.seats, sections: [{ id: 'stalls', rows }] };
  t.throws(() => renderSeatMap({ ...input, seats }, { width: 80, color: false }), /more seats than states/);
  t.end();
});

const letter = fc.constantFrom('a', 'h', 's', 'b');
const anyBlock = fc.array(letter, { maxLength: 40 });
const anyRow = fc.array(anyBlock, { minLength: 1, maxLength: 4 });
const anySection = fc.record({
  name: fc.string({ unit: 'grapheme', maxLength: 120 }),
  price: fc.option(fc.nat()),
  rows: fc.array(anyRow, { minLength: 1, maxLength: 6 }),
});

t.test('no line is wider than the terminal, and every drawn seat shows its state', (t) => {
  const property = fc.property(
    fc.array(anySection, { minLength: 1, maxLength: 3 }),
    fc.integer({ min: 40, max: 200 }),
    fc.string({ unit: 'grapheme', maxLength: 200 }),
    fc.boolean(),
    (sections, width, name, color) => {
      const { input, counts } = inputOf(sections, name);
      const lines = renderSeatMap(input, { width, color }).map(stripVTControlCharacters);
      for (const line of lines) {
        if (textWidth(line) > width) throw new Error(`${textWidth(line)} columns in ${width}: ${line}`);
      }
      const total =
        sections.length > 1 ? `${counts.a} of ${counts.a + counts.h + counts.s + counts.b} available` : '';
      if (!lines.join('\n').replaceAll(',', '').includes(total)) throw new Error(`no total ${total}`);
    },
  );
  fc.assert(property, { numRuns: 300 });
  t.pass('held for 300 halls');
  t.end();
});

function inputOf(
  sections: readonly { name: string; price: number | null; rows: string[][][] }[],
  eventName: string,
): { input: SeatMapInput; counts: Record<string, number> & { a: number; h: number; s: number; b: number } } {
  const counts = { a: 0, h: 0, s: 0, b: 0 };
  const definition = definitionOf({
    id: 'any',
    name: eventName,
    startsAt: '2027-01-15T19:00:00Z',
    sections: sections.map(({ name, price, rows }, index) => ({
      id: `s${index}`,
      name,
      kind: 'seated',
      price,
      rows: rows.map((blocks, rowIndex) => ({
        id: `R${rowIndex}`,
        seats: blocks.flatMap((block, i) => [
          ...(i === 0 ? [] : [null]),
          ...block.map((_, seat) =>
            seat % 9 === 8 ? { id: `${i}x${seat}`, features: ['wheelchair'] } : `${i}x${seat}`,
          ),
        ]),
      })),
    })),
  });
  const input = stateOf(definition, (sectionIndex, rowIndex, seat) => {
    const state = sections[sectionIndex].rows[rowIndex].flat()[seat] as keyof typeof counts;
    counts[state]++;
    return state;
  });
  return { input, counts };
}
