/** What a batch comes to: the replies of a worker, or, when it was lost, what it had published. Leaf functions. */
import { assert } from '../core/assert.ts';
import type { ReplyHeader } from '../core/batch.ts';
import { decodeReplies, decodeReplyHeader, type ReplyMessage } from '../core/reply-codec.ts';
import type { AnswerJob, Flight, Pending } from './flight.ts';
import type { PublishedCommand } from './options.ts';

interface Landing {
  readonly header: ReplyHeader;
  readonly replies: readonly ReplyMessage[];
}

/** Decodes what a worker sent back; null when it is not an answer to this batch. */
export function readLanding(flight: Flight, batch: ArrayBuffer): Landing | null {
  try {
    const header = decodeReplyHeader(batch);
    const replies = decodeReplies(batch);
    if (header.batchId !== flight.batchId || replies.length !== flight.pendings.length) return null;
    return { header, replies };
  } catch {
    // Cut short or not a batch at all: told by the caller's losing the worker.
    return null;
  }
}

/** The commands of a dead batch whose frames are in the ring; null when there are none. */
export function answersFor(flight: Flight, published: readonly PublishedCommand[]): AnswerJob | null {
  if (published.length === 0) return null;
  const factOf = new Map<Pending, number>();
  for (const { commandIndex, fact } of published) {
    const pending = flight.pendings[commandIndex];
    assert(pending !== undefined, 'a published frame names a command of its batch');
    factOf.set(pending, fact);
  }
  const { lane, firstUnit } = flight;
  return { lane, pendings: [...factOf.keys()], facts: [...factOf.values()], firstUnit, tries: 0 };
}
