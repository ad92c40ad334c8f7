/**
 * An event's changes for as long as somebody watches: from the stream of live updates, or, where that is refused, by
 * asking once a second whether the sequence moved. Outlives a server that is away.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { FrontrowProblem, FrontrowUnreachable } from '../client/index.ts';
import type { FrontrowClient, LiveUpdate } from '../client/index.ts';
import type { Session } from './session.ts';

/** How often polling asks; and how long to wait for a server that is away. */
const POLL_MS = 1000;

/**
 * Updates after `sequence`. A `reset` says to read everything anew. Ends when the event is archived or gone, and
 * when the person has had enough; rejects with refusals that waiting does not change.
 */
export async function* follow(
  client: FrontrowClient,
  event: string,
  sequence: number,
  session: Session,
): AsyncGenerator<LiveUpdate, void, undefined> {
  const { signal } = session.terminal;
  let lastEventId: string | undefined;
  while (!signal.aborted) {
    try {
      for await (const update of client.events.changes(event, { after: sequence, lastEventId })) {
        lastEventId = update.id ?? lastEventId;
        yield update;
      }
      return;
    } catch (error) {
      if (signal.aborted) return;
      if (isRefusal(error)) {
        session.note(`No live updates (${error.code}): asking once a second instead.`);
        yield* poll(client, event, sequence, session);
        return;
      }
      await waitFor(error, session);
    }
  }
}

/** A 304 costs the server next to nothing. */
async function* poll(
  client: FrontrowClient,
  event: string,
  sequence: number,
  session: Session,
): AsyncGenerator<LiveUpdate, void, undefined> {
  const { signal } = session.terminal;
  let etag: string | null = null;
  let seen = sequence;
  while (!signal.aborted) {
    try {
      const reply = await client.events.availabilityIfChanged(event, etag);
      if (reply.changed && reply.value.sequence !== seen) {
        seen = reply.value.sequence;
        yield { type: 'reset', id: null, event };
      }
      etag = reply.etag;
      await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof FrontrowProblem && error.code === 'event-not-found') return;
      await waitFor(error, session);
    }
  }
}

/** Says so and waits where the server may come back; rejects with everything else. */
async function waitFor(failure: unknown, session: Session): Promise<void> {
  const isAway =
    failure instanceof FrontrowUnreachable ||
    (failure instanceof FrontrowProblem && (failure.code === 'starting' || failure.code === 'draining'));
  if (!isAway) throw failure;
  session.note(`${failure.message}; still trying`);
  await sleep(POLL_MS, undefined, { signal: session.terminal.signal }).catch(() => undefined);
}

/** The stream is not to be had, but the event may well be. */
function isRefusal(error: unknown): error is FrontrowProblem {
  if (!(error instanceof FrontrowProblem)) return false;
  const waits = error.code === 'starting' || error.code === 'draining';
  return !waits && error.code !== 'event-not-found' && error.code !== 'unauthorized';
}
