/** Units and hashes are words: the upper half of them is negative as JavaScript has it. */
import fc from 'fast-check';
import t from 'tap';
import { remainder } from '../../src/memory/arena.ts';

const lengths = fc.integer({ min: 1, max: 0x7fff_ffff });

t.test('the remainder of a word is that of the unsigned number it stands for', async () => {
  fc.assert(
    fc.property(fc.integer(), lengths, (word, length) => {
      const due = Number(BigInt.asUintN(32, BigInt(word)) % BigInt(length));
      return Object.is(remainder(word, length), due);
    }),
    {
      examples: [
        [-1, 0x7fff_ffff],
        [-0x8000_0000, 3],
        [0, 1],
      ],
    },
  );
});
