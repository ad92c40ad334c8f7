/**
 * Which problem codes a call may answer with, beside its success. From what the operation is, and from a list of its
 * own; test/openapi checks that no code of the table in core is left out of all of them.
 */
import type { Operation } from '../../core/operations.ts';
import { isMutation } from '../../core/operations.ts';
import { PROBLEMS, type ProblemCode } from '../../core/problems.ts';

/** Of whatever is asked for: the request is no good, there is too much to do, or the server comes or goes. */
const EVERYWHERE: readonly ProblemCode[] = [
  'bad-target',
  'bad-host',
  'unauthorized',
  'not-acceptable',
  'request-timeout',
  'body-too-large',
  'headers-too-large',
  'invalid-request',
  'rate-limited',
  'internal-error',
  'overloaded',
  'worker-lost',
  'starting',
  'draining',
];
const BODY: readonly ProblemCode[] = ['malformed-json', 'unsupported-media-type'];
const MUTATION: readonly ProblemCode[] = [
  'idempotency-mismatch',
  'outcome-unknown',
  'journal-stalled',
  'journal-full',
  'capacity-exhausted',
];
const SALE: readonly ProblemCode[] = ['sale-not-started', 'sale-paused', 'sale-closed'];
const PLACES: readonly ProblemCode[] = [
  'sold-out',
  'not-enough-available',
  'no-adjacent-seats',
  'seat-unavailable',
  'price-changed',
];

/** By the operation's name. */
const OWN: Readonly<Record<string, readonly ProblemCode[]>> = {
  createEvent: ['event-exists', 'event-not-found'],
  patchEvent: ['version-mismatch', 'event-in-use', 'capacity-in-use'],
  seats: ['section-not-found'],
  seat: ['seat-not-found'],
  history: ['history-trimmed'],
  createHold: [...PLACES, ...SALE, 'customer-limit', 'customer-hold-limit', 'hold-not-found'],
  createOrder: [
    'idempotency-key-required',
    ...PLACES,
    ...SALE,
    'customer-limit',
    'customer-hold-limit',
    'order-not-found',
  ],
  releaseHold: ['hold-expired', 'hold-confirmed'],
  confirmHold: [
    'hold-expired',
    'hold-released',
    'order-cancelled',
    'sold-out',
    'not-enough-available',
    'seat-unavailable',
    ...SALE,
    'customer-limit',
    'customer-hold-limit',
  ],
  changeHold: ['hold-expired', 'hold-released', 'hold-confirmed', ...PLACES, ...SALE, 'customer-limit'],
  extendHold: ['hold-expired', 'hold-released', 'hold-confirmed', 'extend-limit'],
  cancelOrder: ['sale-closed'],
  block: ['seat-unavailable', 'not-enough-available', 'sale-closed'],
  unblock: ['seat-unavailable', 'not-enough-available', 'sale-closed'],
};

const SUBJECT: Readonly<Record<Operation['subject'], readonly ProblemCode[]>> = {
  none: [],
  event: ['event-not-found'],
  hold: ['hold-not-found'],
  order: ['order-not-found'],
};

/** All codes that an operation may answer with, by status. */
export function problemsOf(operation: Operation): ReadonlyMap<number, readonly ProblemCode[]> {
  const codes = new Set<ProblemCode>([
    ...EVERYWHERE,
    ...SUBJECT[operation.subject],
    ...(OWN[operation.name] ?? []),
    ...(operation.body === 'none' ? [] : BODY),
    ...(isMutation(operation) ? MUTATION : []),
    ...(operation.role === 'none' ? [] : (['forbidden'] as const)),
  ]);
  const byStatus = new Map<number, ProblemCode[]>();
  for (const code of Object.keys(PROBLEMS) as ProblemCode[]) {
    if (!codes.has(code)) continue;
    const [status] = PROBLEMS[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return byStatus;
}
