/** `--if-match VERSION`: a change only of the version that was looked at. */
import type { Options } from 'yargs';
import type { FrontrowClient } from '../client/index.ts';
import { checkRange } from './command.ts';

export const IF_MATCH = {
  type: 'number',
  requiresArg: true,
  describe: 'Only if the event still has this version',
} as const satisfies Options;

/**
 * The ETag of a version, as the client wants it: people know versions, and an ETag also names the life of the journal.
 * So the event is read first. Throws a UsageError for what cannot be a version.
 */
export async function readIfMatch(
  client: FrontrowClient,
  event: string,
  version: number | undefined,
): Promise<string | undefined> {
  checkRange('if-match', version, 1, Number.MAX_SAFE_INTEGER);
  if (version === undefined) return undefined;
  const { etag, value } = await client.events.getTagged(event);
  // A bare version matches nothing: the server refuses, and says which version there is.
  return value.version === version && etag !== null ? etag : `"${version}"`;
}
