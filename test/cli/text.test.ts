/** Widths, money, times, bars: the leaf functions that every command prints with. */
import fc from 'fast-check';
import t from 'tap';
import { formatDuration, formatMoney, formatTable, formatTime, shellWord } from '../../src/cli/format.ts';
import { barCells } from '../../src/cli/paint.ts';
import { cleanText, padStart, textWidth, truncate } from '../../src/cli/text-width.ts';

t.test('money has the digits of its currency', (t) => {
  t.equal(formatMoney(4500, 'EUR'), 'EUR 45.00');
  t.equal(formatMoney(4500, 'JPY'), 'JPY 4,500');
  t.equal(formatMoney(4500, 'KWD'), 'KWD 4.500');
  t.equal(formatMoney(0, 'EUR'), 'EUR 0.00');
  t.equal(formatMoney(null, 'EUR'), 'no price');
  t.equal(formatMoney(100, 'nonsense'), 'nonsense 1.00');
  t.end();
});

t.test('times are told where the event is, and nonsense comes back as it is', (t) => {
  t.equal(formatTime('2027-01-15T19:00:00Z', 'Europe/Berlin'), '2027-01-15 20:00 Europe/Berlin');
  t.equal(formatTime('2027-01-15T19:00:00Z'), '2027-01-15 19:00 UTC');
  t.equal(formatTime('2027-01-15T19:00:00Z', 'No/Where'), '2027-01-15T19:00:00Z');
  t.equal(formatTime('soon'), 'soon');
  t.end();
});

t.test('durations round up: a hold is never said to be over while it lives', (t) => {
  t.same([0, 1, 59_001, 60_000, 299_500, 3_600_000].map(formatDuration), [
    'over',
    '1 s',
    '1 min',
    '1 min',
    '5 min',
    '1 h 0 min',
  ]);
  t.end();
});

t.test('wide characters take two columns, marks none', (t) => {
  t.equal(textWidth('Gala'), 4);
  t.equal(textWidth('劇場'), 4);
  t.equal(textWidth('é'), 1);
  t.equal(textWidth('🎭'), 2);
  t.equal(truncate('劇場の夜', 5), '劇場…');
  t.equal(padStart('劇', 4), '  劇');
  t.equal(cleanText('a\x1b[31mb\nc'), 'a�[31mb�c');
  t.end();
});

t.test('truncated text is never wider than asked', (t) => {
  const property = fc.property(fc.string({ unit: 'grapheme' }), fc.nat(60), (text, width) => {
    return textWidth(truncate(text, width)) <= width;
  });
  fc.assert(property);
  t.pass('held');
  t.end();
});

t.test('a bar has its width, and a letter for every state that has a place', (t) => {
  const count = fc.nat(1_000_000);
  const property = fc.property(
    count,
    count,
    count,
    count,
    fc.integer({ min: 4, max: 200 }),
    (a, h, s, b, width) => {
      const counts = { capacity: a + h + s + b, available: a, held: h, sold: s, blocked: b };
      const cells = barCells(counts, width);
      const total = cells.reduce((sum, cell) => sum + cell, 0);
      if (counts.capacity === 0) return total === 0;
      // Order of STATES: sold, held, blocked, available.
      return total === width && [s, h, b, a].every((value, index) => value > 0 === cells[index] > 0);
    },
  );
  fc.assert(property);
  t.pass('held');
  t.end();
});

t.test('a table aligns by width, not by length', (t) => {
  t.same(
    formatTable(
      ['name', '>n'],
      [
        ['劇場', '7'],
        ['x', '1,000'],
      ],
    ),
    ['name      n', '劇場      7', 'x     1,000'],
  );
  t.end();
});

t.test('a word for the shell is quoted when it must be', (t) => {
  t.equal(shellWord('http://127.0.0.1:8080'), 'http://127.0.0.1:8080');
  t.equal(shellWord("it's"), `'it'\\''s'`);
  t.equal(shellWord(''), "''");
  t.end();
});
