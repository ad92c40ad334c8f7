// The text of problems against what JSON.stringify() makes of an object of the same members.

import fc from 'fast-check';
import t from 'tap';
import { PROBLEMS, problemJson, type ProblemCode } from '../../src/core/problems.ts';

const text = fc.string({ unit: 'binary', maxLength: 12 });
const extras = fc.record(
  {
    detail: fc.oneof(text, fc.constantFrom('', 'say "no"', '\ud800', 'line\nbreak')),
    applied: fc.constantFrom(true, false, null),
    errors: fc.array(fc.record({ pointer: text, code: text, detail: text }), { maxLength: 2 }),
    limit: fc.nat(),
    requested: fc.nat(),
    available: fc.nat(),
    held: fc.nat(),
    total: fc.integer(),
    seats: fc.array(text, { maxLength: 3 }),
    sequence: fc.nat(),
    retryAfterMs: fc.nat(),
  },
  { requiredKeys: [] },
);

t.test('a problem is the JSON of its members, and its type comes first', (t) => {
  const codes = Object.keys(PROBLEMS) as ProblemCode[];
  const property = fc.property(fc.constantFrom(...codes), text, extras, (code, requestId, given) => {
    const [status, title] = PROBLEMS[code];
    const json = problemJson(code, requestId, given);
    const isUnknown = code === 'outcome-unknown' || code === 'internal-error';
    const wanted = {
      type: `urn:frontrow:problem:${code}`,
      title,
      status,
      detail: title,
      code,
      requestId,
      applied: isUnknown ? null : false,
      ...given,
    };
    t.strictSame(JSON.parse(json), JSON.parse(JSON.stringify(wanted)));
    t.ok(json.startsWith(`{"type":"urn:frontrow:problem:${code}"`));
  });
  t.doesNotThrow(() => fc.assert(property, { numRuns: process.env['FRONTROW_LONG'] === '1' ? 5000 : 300 }));
  t.end();
});
