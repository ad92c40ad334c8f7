/** `--if-match VERSION`: a change only of the version that was looked at. */
import type { Options } from 'yargs';
import { checkRange } from './command.ts';

export const IF_MATCH = {
  type: 'number',
  requiresArg: true,
  describe: 'Only if the event still has this version',
} as const satisfies Options;

/** As the client wants it. Throws a UsageError for what cannot be a version. */
export function readIfMatch(version: number | undefined): number | undefined {
  checkRange('if-match', version, 1, Number.MAX_SAFE_INTEGER);
  return version;
}
