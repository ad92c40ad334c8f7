/**
 * What the dispatcher itself answers: refusals of its own, each with nothing changed unless it says otherwise.
 * `retryAfterMs` is jittered, so that those who were refused together do not come back together.
 */
import type { ProblemCode } from '../core/problems.ts';
import type { SinkReply } from './sink.ts';

const RETRY_MIN_MS = 100;
const RETRY_SPREAD_MS = 400;

export type OwnProblem = Extract<
  ProblemCode,
  'overloaded' | 'rate-limited' | 'worker-lost' | 'starting' | 'draining' | 'journal-full' | 'journal-stalled'
>;

const DETAILS: Readonly<Record<OwnProblem, string>> = {
  overloaded: 'Too many requests are waiting; nothing was changed',
  'rate-limited': 'This client may not ask so often; nothing was changed',
  'worker-lost': 'The worker that had this request ended before it got to it; nothing was changed',
  starting: 'The server is still reading its journal; nothing was changed',
  draining: 'The server is shutting down; nothing was changed',
  'journal-full': 'The disk of the journal has no room; nothing was changed',
  'journal-stalled': 'The journal does not answer; nothing was changed',
};

/** `random` gives a number from 0 to 1, less than 1. `waitMs`: when it is worth coming back, where that is known. */
export function refusal(code: OwnProblem, random: () => number, waitMs: number | null = null): SinkReply {
  const retryAfterMs = waitMs ?? RETRY_MIN_MS + Math.floor(random() * RETRY_SPREAD_MS);
  return { kind: 'problem', code, extras: { detail: DETAILS[code], applied: false, retryAfterMs } };
}

/** The journal is lost, or the server must end: the command may or may not be on disk. */
export const LOST: SinkReply = {
  kind: 'problem',
  code: 'outcome-unknown',
  extras: { detail: 'The server had to stop before it could confirm this change', applied: null },
};

/** Its frame is in the journal, but no worker lived long enough to write the reply. */
export const APPLIED_UNANSWERED: SinkReply = {
  kind: 'problem',
  code: 'outcome-unknown',
  extras: {
    detail: 'The change was applied; its reply could not be made. Read the claim or the event',
    applied: true,
  },
};
