/**
 * Exit codes and the errors that lead to them. Scripts depend on the numbers: source API.md, Command line.
 */
import { FrontrowProblem, FrontrowUnreachable } from '../client/index.ts';
import { FrontrowError } from '../core/assert.ts';

export const EXIT = {
  ok: 0,
  fault: 1,
  wrongUse: 2,
  refused: 3,
  outcomeUnknown: 4,
  unreachable: 5,
  dataCorrupt: 10,
  directoryInUse: 11,
  journalLost: 12,
  /** 128 + SIGINT, as shells have it. */
  interrupted: 130,
} as const;

/** The command line itself is wrong: an option, a file it names, what stands on stdin. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The program's exit code for whatever a command failed with. */
export function exitCodeOf(error: unknown): number {
  // yargs says what is wrong with the arguments in an error of this name, and exports no class to test for.
  if (error instanceof UsageError || (error instanceof Error && error.name === 'YError'))
    return EXIT.wrongUse;
  if (error instanceof FrontrowUnreachable) {
    return error.applied === null ? EXIT.outcomeUnknown : EXIT.unreachable;
  }
  if (error instanceof FrontrowProblem) {
    if (error.applied === null) return EXIT.outcomeUnknown;
    const broken = error.status === 500 || error.code === 'unexpected-reply';
    return broken ? EXIT.fault : EXIT.refused;
  }
  if (error instanceof FrontrowError) return faultExitCode(error);
  return EXIT.fault;
}

function faultExitCode(error: FrontrowError): number {
  switch (error.code) {
    case 'data-corrupt':
      return EXIT.dataCorrupt;
    case 'directory-in-use':
      return EXIT.directoryInUse;
    case 'journal-lost':
      return EXIT.journalLost;
    case 'bad-option':
      return EXIT.wrongUse;
    default:
      return EXIT.fault;
  }
}
