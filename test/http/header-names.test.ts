/** Names of headers by their bytes, and texts that come again. */
import fc from 'fast-check';
import t from 'tap';
import { headerNameAt, headerNameOf } from '../../src/http/header-names.ts';
import { recentText } from '../../src/http/recent-texts.ts';

const OURS = [
  'Host',
  'ACCEPT',
  'expect',
  'uPgRaDe',
  'If-Match',
  'Forwarded',
  'content-type',
  'X-Request-ID',
  'If-None-Match',
  'Authorization',
  'Last-Event-ID',
  'Content-Length',
  'Idempotency-Key',
  'Frontrow-Client',
  'X-Forwarded-For',
  'Content-Encoding',
  'Transfer-Encoding',
];
/** RFC 9110 §5.6.2. */
const token = fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,20}$/);

t.test('a name is the same by its bytes and as a string, in any case, wherever it lies', async (t) => {
  for (const name of OURS) {
    const bytes = Buffer.from(`xx${name}yy`);
    t.equal(headerNameAt(bytes, 2, 2 + name.length), name.toLowerCase());
    t.equal(headerNameOf(name), name.toLowerCase());
  }
  fc.assert(
    fc.property(fc.oneof(token, fc.constantFrom(...OURS)), fc.nat({ max: 20 }), (name, at) => {
      // One character that is another: no neighbour of a name is taken for it.
      const changed = name.slice(0, at) + '~' + name.slice(at + 1);
      for (const text of [name, changed]) {
        const bytes = Buffer.from(text, 'latin1');
        t.equal(headerNameAt(bytes, 0, bytes.length), headerNameOf(text));
      }
    }),
    { numRuns: 300 },
  );
});

t.test('a text is its bytes, whatever came before', async (t) => {
  const texts = fc.array(fc.stringMatching(/^[\x20-\xff]{0,300}$/), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(texts, (given) => {
      for (const text of [...given, ...given]) {
        const bytes = Buffer.from(`--${text}--`, 'latin1');
        t.equal(recentText(bytes, 2, bytes.length - 2), text);
      }
    }),
    { numRuns: 100 },
  );
});
