/**
 * Assertions and faults.
 *
 * An assertion guards against our own bugs and stays on in production. A fault (FrontrowError) is something
 * outside that broke: a disk, a thread, a peer. An expected "no" is neither: it is a refusal, and a value.
 */

/** Codes of faults that a person or a supervisor acts on. Stable: scripts and exit codes depend on them. */
export type FaultCode =
  | 'arena-too-large'
  | 'arena-mismatch'
  | 'bad-option'
  | 'data-corrupt'
  | 'directory-in-use'
  | 'directory-unusable'
  | 'journal-lost'
  | 'listen-failed'
  | 'memory-fault'
  | 'worker-lost';

/** An operating fault: catch it, act on it or pass it on. `code` is stable, `cause` keeps the origin. */
export class FrontrowError extends Error {
  override readonly name = 'FrontrowError';
  readonly code: FaultCode;

  constructor(code: FaultCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** A broken invariant of our own. Never caught to continue: the thread that sees it gives up its batch. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

/** Throws an AssertionError unless `condition` holds. One condition a call, so that the message names it. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** Ends an exhaustive switch: the compiler refuses it while a case is missing. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable: ${String(value)}`);
}
