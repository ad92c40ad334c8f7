/** What an event's history must be, whatever was done to it. */
import type { Test } from 'tap';
import type { FrontrowClient, Change } from '../../../src/client/index.ts';

/** All of an event's changes; fails the test unless their sequences are 1, 2, 3 … up to `last`. */
export async function denseHistory(
  t: Test,
  client: FrontrowClient,
  event: string,
  last: number,
): Promise<Change[]> {
  const changes: Change[] = [];
  for await (const change of client.events.history(event, { limit: 500 })) changes.push(change);
  const firstWrong = changes.findIndex(({ sequence }, i) => sequence !== i + 1);
  t.equal(firstWrong, -1, 'every sequence has its change, in order');
  t.equal(changes.length, last, `${last} changes, and none behind the sequence`);
  return changes;
}
