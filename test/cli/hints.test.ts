/** Every refusal says what happened, what was kept and what to try. */
import t from 'tap';
import { FrontrowProblem } from '../../src/client/index.ts';
import { EXIT, exitCodeOf } from '../../src/cli/exits.ts';
import { describeFailure } from '../../src/cli/failure.ts';
import { PROBLEMS } from '../../src/core/problems.ts';
import type { ProblemCode } from '../../src/core/problems.ts';

const CONTEXT = { command: 'hold', event: 'gala', hold: 'hold_X', order: 'order_X' };

function problemOf(code: string, status: number, extras: Record<string, unknown> = {}): FrontrowProblem {
  const request = { method: 'POST', path: '/v1/events/gala/holds', idempotencyKey: 'k-1' };
  const body = { code, title: 'Title', detail: `It is ${code}`, ...extras };
  const unknown = code === 'outcome-unknown' || code === 'internal-error';
  const wait = typeof extras['retryAfterMs'] === 'number' ? extras['retryAfterMs'] : null;
  return new FrontrowProblem({ status, body, retryAfterMs: wait }, request, unknown ? null : false);
}

function linesOf(code: string, status: number, extras?: Record<string, unknown>): string {
  return describeFailure(problemOf(code, status, extras), CONTEXT).join('\n');
}

t.test('every code of the interface has its words and its exit', (t) => {
  for (const code of Object.keys(PROBLEMS) as ProblemCode[]) {
    const [status] = PROBLEMS[code];
    const text = linesOf(code, status);
    t.ok(text.startsWith(`frontrow: ${code}: It is ${code}\n`), code);
    t.match(text, /Nothing was changed\.|not known\./, `${code} says what was kept`);
    if (code !== 'invalid-request') t.match(text, /\n {2}Try: /, `${code} says what to try`);
    t.notMatch(text, /\b(EVENT|HOLD|ORDER)\b/, `${code} names what was on the command line`);
    const unknown = code === 'outcome-unknown' || code === 'internal-error';
    t.equal(exitCodeOf(problemOf(code, status)), unknown ? EXIT.outcomeUnknown : EXIT.refused);
  }
  t.end();
});

t.test('the numbers behind a refusal are in its hint', (t) => {
  t.match(
    linesOf('customer-limit', 409, { limit: 4, held: 3 }),
    'the limit is 4 tickets for this customer, who has 3',
  );
  t.match(linesOf('customer-hold-limit', 409, { limit: 2 }), 'the limit is 2 holds for this customer');
  t.match(
    linesOf('extend-limit', 409, { limit: 1800 }),
    'frontrow confirm hold_X before its deadline; 1,800 s',
  );
  t.match(linesOf('not-enough-available', 409, { available: 3 }), 'Try: 3 or fewer, or frontrow seats gala');
  t.match(linesOf('history-trimmed', 410, { sequence: 900 }), '--after 900');
  t.match(linesOf('rate-limited', 429, { retryAfterMs: 1200 }), 'Try: again in 2 s');
  t.match(linesOf('capacity-in-use', 409, { held: 40 }), 'Try: 40 or more');
  t.match(linesOf('version-mismatch', 412), '--if-match');
  t.match(linesOf('something-newer', 409), /^frontrow: something-newer/);
  t.end();
});

t.test('an id that is no word of the shell is quoted in what is to be pasted', (t) => {
  const problem = problemOf('sold-out', 409);
  const lines = describeFailure(problem, { ...CONTEXT, event: '$(rm -rf x)' }).join('\n');
  t.match(lines, "frontrow seats '$(rm -rf x)'");
  t.end();
});
