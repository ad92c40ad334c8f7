/**
 * What to try after a refusal: one entry for every problem code, so that a new one cannot be forgotten. Pure.
 *
 * EVENT, HOLD and ORDER stand for the ids that were on the command line.
 */
import type { FrontrowProblem, ProblemCode } from '../client/index.ts';
import { formatCount } from './format.ts';

type Hint = string | null | ((problem: FrontrowProblem) => string | null);

const SEE_SEATS = 'frontrow seats EVENT';
const GIVE_KEY = 'a key that may do this, in FRONTROW_KEY or --key-file';
const NOT_OURS = 'is --url a Frontrow server of this version?';
const LATER = 'again in a moment';

const HINTS: Readonly<Record<ProblemCode | 'unexpected-reply', Hint>> = {
  'malformed-json': 'the JSON as --help of the command and API documentation show it',
  'bad-target': NOT_OURS,
  'bad-host': 'the name in --url has to be one that the server accepts, such as 127.0.0.1',
  'idempotency-key-required': '--idempotency-key KEY',
  unauthorized: 'a valid key in FRONTROW_KEY, or a file that holds it with --key-file',
  forbidden: GIVE_KEY,
  'event-not-found': 'frontrow event list (drafts are listed with a key only)',
  'hold-not-found': 'frontrow hold list EVENT; ended holds are kept an hour at most',
  'order-not-found': 'frontrow order list EVENT; orders of an archived event are gone',
  'seat-not-found': SEE_SEATS,
  'section-not-found': 'frontrow event show EVENT',
  'not-found': NOT_OURS,
  'method-not-allowed': NOT_OURS,
  'not-acceptable': NOT_OURS,
  'request-timeout': LATER,
  'sold-out': `${SEE_SEATS} --watch: what is held may come free`,
  'not-enough-available': ({ available }) =>
    available === null || available === 0 ? SEE_SEATS : `${formatCount(available)} or fewer, or ${SEE_SEATS}`,
  'no-adjacent-seats': `--adjacent preferred, which splits the group, or ${SEE_SEATS}`,
  'seat-unavailable': SEE_SEATS,
  'price-changed':
    'look at the total with frontrow event show EVENT, then the same with another --expect-total',
  'sale-not-started':
    'frontrow event show EVENT tells when it is sold; a draft needs frontrow event open EVENT',
  'sale-paused': 'later, or frontrow event open EVENT; what is held can still be bought',
  'sale-closed': 'frontrow event show EVENT; what is held can still be bought',
  'customer-limit': ({ limit, held }) => customerHint('tickets', limit, held),
  'customer-hold-limit': ({ limit, held }) => customerHint('holds', limit, held),
  'extend-limit': ({ limit }) =>
    `frontrow confirm HOLD before its deadline${limit === null ? '' : `; ${formatCount(limit)} s from the start is all there is`}`,
  'hold-confirmed': 'frontrow hold show HOLD names the order; frontrow order cancel gives its places back',
  'hold-expired':
    'frontrow confirm HOLD --retake takes the same places if they are free; else frontrow hold again',
  'hold-released': 'frontrow hold takes places anew',
  'order-cancelled': 'frontrow order show ORDER',
  'event-exists': 'another --id, or frontrow event edit EVENT',
  'event-in-use': 'frontrow hold list EVENT --state held; wait for them, or release them',
  'capacity-in-use': ({ held, limit }) => {
    const least = limit ?? held;
    return least === null ? `${SEE_SEATS} tells what is taken` : `${formatCount(least)} or more`;
  },
  'history-trimmed': ({ sequence }) =>
    sequence === null ? 'a later --after' : `--after ${sequence} begins with what is left`,
  'version-mismatch': 'frontrow event show EVENT, then the same with its version as --if-match',
  'body-too-large': 'less at a time',
  'unsupported-media-type': NOT_OURS,
  'invalid-request': ({ errors }) =>
    errors.some((error) => error.code === 'bad-transition')
      ? 'frontrow event show EVENT tells the state; only a closed event is archived: frontrow event close EVENT'
      : null,
  'idempotency-mismatch': 'another --idempotency-key: this one belongs to another change',
  'headers-too-large': 'a shorter key in FRONTROW_KEY or --key-file',
  'rate-limited': LATER,
  'internal-error': "the server's log, by the request's id",
  'outcome-unknown': null,
  overloaded: LATER,
  'worker-lost': LATER,
  starting: LATER,
  draining: 'again when it is back',
  'journal-stalled': LATER,
  'journal-full': "tell the operator: the server's disk is full",
  'capacity-exhausted': 'tell the operator: the memory set aside is used up (archived events give some back)',
  'unexpected-reply': NOT_OURS,
};

/** With the placeholders still in it; null when there is nothing to say. */
export function hintFor(problem: FrontrowProblem): string | null {
  // A newer server may say what is not in the table.
  const hint = (HINTS as Partial<Record<string, Hint>>)[problem.code] ?? null;
  return typeof hint === 'function' ? hint(problem) : hint;
}

function customerHint(what: string, limit: number | null, held: number | null): string | null {
  if (limit === null) return `fewer ${what} for this customer`;
  const has = held === null ? '' : `, who has ${formatCount(held)}`;
  return `the limit is ${formatCount(limit)} ${what} for this customer${has}: release or cancel some, or take fewer`;
}
