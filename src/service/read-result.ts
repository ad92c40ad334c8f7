/**
 * What all reads share: what they are given, and reading at one version of an event.
 */
import { AssertionError } from '../core/assert.ts';
import type { BatchReply, BatchRequest } from '../core/batch.ts';
import { isEventId } from '../core/ids.ts';
import { OPERATIONS } from '../core/operations.ts';
import type { BatchContext } from '../engine/command.ts';
import { lookAt } from '../engine/look.ts';
import { readConsistent } from '../engine/read.ts';
import { isCurrentView } from '../engine/scan.ts';
import { REGISTRY_SLOT } from '../memory/registry.ts';
import type { CachedEvent, WorkerCache } from './cache.ts';
import { problemReply } from './replies.ts';

export interface ReadDeps {
  readonly context: BatchContext;
  readonly cache: WorkerCache;
  /** First characters of the journal's incarnation, for ETags. */
  readonly incarnation: string;
}

/** What was read, the sequence and position at which it was true, and the event as it was then. */
export interface CurrentRead<T> {
  readonly event: CachedEvent;
  readonly value: T;
  readonly sequence: number;
  readonly position: number;
}

/** A reply to a public read, and what the cache needs to keep it. */
export interface MadeRead {
  readonly reply: BatchReply;
  readonly position: number;
  readonly event: CachedEvent;
}

/** Each try that fails means that a patch of the event went through meanwhile. */
const VERSION_TRIES = 64;

/**
 * Reads what belongs to the definition in hand: labels and sections of one version never go with counts of another.
 * Null when the event was archived meanwhile.
 */
export function readCurrent<T>(
  deps: ReadDeps,
  known: CachedEvent,
  read: (event: CachedEvent) => T,
): CurrentRead<T> | null {
  let event = known;
  for (let tries = 0; tries < VERSION_TRIES; tries++) {
    const current = event;
    const seen = readConsistent(deps.context, current.view, (view) =>
      isCurrentView(view) ? { value: read(current) } : null,
    );
    if (seen.value !== null) return { event, ...seen, value: seen.value.value };
    const newer = deps.cache.event(event.slot);
    if (newer === null) return null;
    event = newer;
  }
  throw new AssertionError('an event is not patched again and again while one reply is made');
}

/** The 404 for what a call's path names. It shows the state of the directory, so it waits for the registry. */
export function notFoundReply({ context }: ReadDeps, request: BatchRequest): BatchReply {
  lookAt(context, REGISTRY_SLOT);
  return notFound(request);
}

export function notFound(request: BatchRequest): BatchReply {
  const operation = OPERATIONS.find(({ code }) => code === request.operation);
  switch (operation?.subject) {
    case 'hold':
      return problemReply('hold-not-found', request.requestId);
    case 'order':
      return problemReply('order-not-found', request.requestId);
    case 'event': {
      const detail = isEventId(request.subject)
        ? `There is no event ${request.subject}`
        : 'An event id is lower-case letters, digits and hyphens';
      return problemReply('event-not-found', request.requestId, { detail });
    }
    default:
      return problemReply('not-found', request.requestId);
  }
}

/** The ETag of an event's definition: it names the journal's life, since a restored one counts versions again. */
export function definitionTag({ incarnation }: ReadDeps, version: number): string {
  return `"${incarnation}-${version}"`;
}
